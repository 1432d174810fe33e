"""Centroids, the one point that stands for an animal, and the squares cut around them."""

import numpy as np
from jaxtyping import Float, Int, UInt8

from gambol.core import pixels
from gambol.nn.augment import FILL


def centroid(xy: Float[np.ndarray, "*N J 2"], anchor: int | None) -> Float[np.ndarray, "*N 2"]:
    """Return the anchor keypoint where it has a position, else the middle of the box.

    Args:
        xy: NaN where a keypoint has no position.
        anchor: index of the keypoint that stands for the animal; None: always the box.

    Returns:
        NaN for animals without any position.
    """
    seen = np.isfinite(xy).all(axis=-1, keepdims=True)
    low = np.where(seen, xy, np.inf).min(axis=-2)
    high = np.where(seen, xy, -np.inf).max(axis=-2)
    some = seen.any(axis=-2)
    middle = np.where(some, (np.where(some, low, 0) + np.where(some, high, 0)) / 2, np.nan)
    if anchor is None:
        return middle
    return np.where(seen[..., anchor, :], xy[..., anchor, :], middle)


def crop(
    frame: UInt8[np.ndarray, "h w C"], middle: Float[np.ndarray, " 2"], side: int
) -> tuple[UInt8[np.ndarray, "s s C"], Int[np.ndarray, " 2"]]:
    """Cut a square around a point, also beyond the border; return it and its corner."""
    corner = np.rint(middle - pixels.centre(side, side)).astype(np.int64)
    h, w = frame.shape[:2]
    out = np.full((side, side, frame.shape[2]), FILL, np.uint8)
    low = np.maximum(corner, 0)
    high = np.minimum(corner + side, (w, h))
    if (high > low).all():
        inside = frame[low[1] : high[1], low[0] : high[0]]
        at = low - corner
        out[at[1] : at[1] + inside.shape[0], at[0] : at[0] + inside.shape[1]] = inside
    return out, corner
