"""Centroids, the one point that stands for an animal, and the squares cut around them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from gambol.core import pixels
from gambol.core.regions import middles
from gambol.nn.augment import FILL, warp
from gambol.pose import upright


class Aim(NamedTuple):
    """What crops are aimed at; the same for training, scoring and prediction."""

    anchor: int | None = None  # keypoint that stands for the animal; None: its box
    shape: upright.Shape | None = None  # of all animals: crops are turned heads up


def centroid(xy: Float[np.ndarray, "*N J 2"], anchor: int | None) -> Float[np.ndarray, "*N 2"]:
    """Return the anchor keypoint where it has a position, else the middle of the box.

    Args:
        xy: NaN where a keypoint has no position.
        anchor: index of the keypoint that stands for the animal; None: always the box.

    Returns:
        NaN for animals without any position.
    """
    if anchor is None:
        return middles(xy)
    seen = np.isfinite(xy[..., anchor, :]).all(axis=-1, keepdims=True)
    return np.where(seen, xy[..., anchor, :], middles(xy))


def with_centroid(xy: Float[np.ndarray, "*N J 2"]) -> Float[np.ndarray, "*N J1 2"]:
    """Return animals with the middle of their box as one more keypoint behind the last."""
    return np.concatenate([xy, centroid(xy, None)[..., None, :]], axis=-2)


def offsets(xy: Float[np.ndarray, "N J 2"], aim: Aim) -> Float[np.ndarray, "N J 2"]:
    """Return where keypoints lie in the crops of their animals, from the middle on, px."""
    off = xy - centroid(xy, aim.anchor)[:, None]
    if aim.shape is None:
        return off
    pairs = zip(off, turns(xy, aim), strict=True)
    return np.stack([o @ pixels.rotation(angle or 0.0).T for o, angle in pairs])


def square(
    middle: Float[np.ndarray, " 2"], side: float, turn: float | None
) -> Float[np.ndarray, "4 2"]:
    """Return the corners of a crop in the frame, px."""
    corners = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]]) * side / 2
    return middle + corners @ pixels.rotation(turn or 0.0)


def turns(xy: Float[np.ndarray, "N J 2"], aim: Aim) -> list[float | None]:
    """Turns of crops around labelled animals; 0 for one of which too little is known."""
    if aim.shape is None:
        return [None] * len(xy)
    return [float(a) for a in np.nan_to_num(upright.turns(aim.shape, xy))]


def crop(
    frame: UInt8[np.ndarray, "h w C"],
    middle: Float[np.ndarray, " 2"],
    side: int,
    turn: float | None = None,
) -> tuple[UInt8[np.ndarray, "s s C"], Float[np.ndarray, "2 3"]]:
    """Cut a square around a point, also beyond the border.

    Args:
        frame: the picture.
        middle: of the square, px.
        side: of the square, px.
        turn: rad by which the animal is turned about that point; None: the square's pixels
            are pixels of the frame, and its middle is as near as they allow.

    Returns:
        The square, and the map of the frame's pixels to its own.
    """
    if turn is not None:
        linear = pixels.rotation(turn)
        matrix = np.column_stack([linear, pixels.centre(side, side) - linear @ middle])
        return warp(frame, matrix, (side, side)), matrix
    corner = np.rint(middle - pixels.centre(side, side)).astype(np.int64)
    h, w = frame.shape[:2]
    out = np.full((side, side, frame.shape[2]), FILL, np.uint8)
    low = np.maximum(corner, 0)
    high = np.minimum(corner + side, (w, h))
    if (high > low).all():
        inside = frame[low[1] : high[1], low[0] : high[0]]
        at = low - corner
        out[at[1] : at[1] + inside.shape[0], at[0] : at[0] + inside.shape[1]] = inside
    return out, pixels.crop(float(corner[0]), float(corner[1]))
