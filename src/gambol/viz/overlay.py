"""Poses drawn on a frame: bones, keypoints, their uncertainty and where they came from.

Everything is drawn with sub-pixel precision into a transparent layer that covers the animal
alone and is laid over the frame once, so opacity can differ per keypoint and time does not
grow with the frame. Integer coordinates are pixel centres, for OpenCV as for us.
"""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from gambol.core.skeleton import Skeleton
from gambol.viz.colours import keypoint_colours

SHIFT = 6  # bits after the point of OpenCV's coordinates
FAINT = 0.25  # opacity of a keypoint of confidence 0
BOUND = 1e5  # px; coordinates beyond are no picture, and OpenCV's integers overflow
GAUSSIAN_90 = float(np.sqrt(-2 * np.log(0.1)))  # radius of a 90 % region of a 2D Gaussian
_CIRCLE = np.stack([f(np.linspace(0, 2 * np.pi, 49)[:-1]) for f in (np.cos, np.sin)], axis=1)
Ink = tuple[int, int, int, int]  # red, green and blue times opacity, and opacity
_RIM = 20  # grey level of the thin dark rim that sets a keypoint off from bright fur


class Pen(NamedTuple):
    """What is drawn, and how large."""

    skeleton: Skeleton
    colours: UInt8[np.ndarray, "J 3"]
    radius: float  # of keypoints, px
    line: int  # width of bones, px
    threshold: float = 0.0  # confidence under which a keypoint is not drawn
    region: Float[np.ndarray, " J"] | None = None  # Mahalanobis radii of ellipses; None: none


def pen(
    skeleton: Skeleton,
    size: float,
    *,
    threshold: float = 0.0,
    region: Float[np.ndarray, " J"] | None = None,
) -> Pen:
    """Return a pen whose widths fit an animal that measures `size` px across its box."""
    radius = float(np.clip(size * 0.028, 2.0, 24.0))
    line = max(1, round(radius * 0.55))
    return Pen(skeleton, keypoint_colours(skeleton), radius, line, threshold, region)


def animal_size(xy: Float[np.ndarray, "N J 2"]) -> float:
    """Return the median diagonal of the boxes around the keypoints, px; 60 if none is known."""
    known = np.isfinite(xy).all(axis=-1, keepdims=True)
    low = np.where(known, xy, np.inf).min(axis=1)
    high = np.where(known, xy, -np.inf).max(axis=1)
    some = known.sum(axis=(1, 2)) > 1
    if not some.any():
        return 60.0
    return float(np.median(np.linalg.norm(high[some] - low[some], axis=-1)))


def draw(
    frame: UInt8[np.ndarray, "H W 3"],
    xy: Float[np.ndarray, "J 2"],
    pen: Pen,
    *,
    confidence: Float[np.ndarray, " J"] | None = None,
    covariance: Float[np.ndarray, "J 2 2"] | None = None,
    trail: Float[np.ndarray, "L J 2"] | None = None,
) -> None:
    """Draw one animal into an RGB frame, in place.

    Args:
        frame: picture that is changed.
        xy: px; keypoints with NaN are left out.
        pen: colours and widths.
        confidence: 0 to 1; becomes opacity, and what is under the pen's threshold is left out.
        covariance: px²; its ellipse is drawn at the pen's Mahalanobis radius.
        trail: earlier positions, oldest first; they fade with age.
    """
    sure = np.ones(len(xy)) if confidence is None else np.nan_to_num(confidence)
    shown = np.isfinite(xy).all(axis=-1) & (sure >= pen.threshold)
    outlines = _outlines(xy, covariance, shown, pen.region)
    ends = [xy[shown], *outlines.values()]
    if trail is not None:
        ends.append(trail[:, shown][np.isfinite(trail[:, shown]).all(axis=-1)])
    box = _box(np.concatenate(ends), pen.radius + pen.line + 3, frame.shape)
    if box is None:
        return
    x0, y0, x1, y1 = box
    layer = np.zeros((y1 - y0, x1 - x0, 4), np.uint8)
    paint = [_ink(pen.colours[j], FAINT + (1 - FAINT) * sure[j]) for j in range(len(xy))]
    origin = np.array([x0, y0])
    if trail is not None:
        _trails(layer, np.concatenate([trail, xy[None]]) - origin, shown, pen)
    outlines = {j: outline - origin for j, outline in outlines.items()}
    _skeleton(layer, xy - origin, shown, sure, outlines, paint, pen)
    _lay(frame[y0:y1, x0:x1], layer)


def segment(
    frame: UInt8[np.ndarray, "H W 3"],
    start: Float[np.ndarray, " 2"],
    stop: Float[np.ndarray, " 2"],
    colour: UInt8[np.ndarray, " 3"],
    opacity: float,
    width: int = 2,
) -> None:
    """Draw a line of some opacity into an RGB frame, in place."""
    box = _box(np.stack([start, stop]), width + 3, frame.shape)
    if box is None:
        return
    x0, y0, x1, y1 = box
    layer = np.zeros((y1 - y0, x1 - x0, 4), np.uint8)
    a, b = _fixed(np.stack([start, stop]) - [x0, y0]).tolist()
    cv2.line(layer, a, b, _ink(colour, opacity), width, cv2.LINE_AA, SHIFT)
    _lay(frame[y0:y1, x0:x1], layer)


def polyline(
    frame: UInt8[np.ndarray, "H W 3"],
    points: Float[np.ndarray, "P 2"],
    colour: UInt8[np.ndarray, " 3"],
    width: int,
) -> None:
    """Draw an open line with a thin dark rim into an RGB frame, in place."""
    for wide, ink in ((width + 2, np.full(3, _RIM)), (width, colour)):
        plain = tuple(int(v) for v in ink)
        cv2.polylines(frame, [_fixed(points)], False, plain, wide, cv2.LINE_AA, SHIFT)


def ellipse(
    centre: Float[np.ndarray, "*n 2"],
    covariance: Float[np.ndarray, "*n 2 2"],
    radius: Float[np.ndarray, "*n"],
) -> Float[np.ndarray, "*n P 2"]:
    """Return points of the line (x - c)ᵀ Σ⁻¹ (x - c) = radius², in turn.

    Its half axes are radius · √λ along the eigenvectors of Σ.

    >>> ellipse(np.zeros(2), np.diag([4.0, 1.0]), np.array(2.0)).max(axis=0).tolist()
    [4.0, 2.0]
    """
    values, vectors = np.linalg.eigh(covariance)
    half = radius[..., None] * np.sqrt(np.maximum(values, 0.0))
    along = _CIRCLE * half[..., None, :]  # (…, P, 2) in the frame of the axes
    return np.asarray(centre[..., None, :] + along @ np.swapaxes(vectors, -1, -2))


def _outlines(
    xy: Float[np.ndarray, "J 2"],
    covariance: Float[np.ndarray, "J 2 2"] | None,
    shown: np.ndarray,
    region: Float[np.ndarray, " J"] | None,
) -> dict[int, Float[np.ndarray, "P 2"]]:
    """Outline of the region of every keypoint that is shown."""
    if covariance is None or region is None:
        return {}
    known = np.flatnonzero(shown & np.isfinite(covariance).all(axis=(1, 2)))
    lines = ellipse(xy[known], covariance[known], region[known])
    return dict(zip(known.tolist(), lines, strict=True))


def _box(
    points: Float[np.ndarray, "P 2"], margin: float, shape: tuple[int, ...]
) -> tuple[int, int, int, int] | None:
    """The part of the frame that gets anything, as x0, y0, x1, y1; None for nothing."""
    if not len(points):
        return None
    size = np.array([shape[1], shape[0]])
    low = np.clip(np.floor(points.min(axis=0) - margin), 0, size).astype(int)
    high = np.clip(np.ceil(points.max(axis=0) + margin) + 1, 0, size).astype(int)
    if (high <= low).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _skeleton(
    layer: UInt8[np.ndarray, "h w 4"],
    xy: Float[np.ndarray, "J 2"],
    shown: np.ndarray,
    sure: Float[np.ndarray, " J"],
    outlines: dict[int, Float[np.ndarray, "P 2"]],
    paint: list[Ink],
    pen: Pen,
) -> None:
    """Bones below, then regions, then keypoints."""
    at = _fixed(xy).tolist()
    for a, b in pen.skeleton.drawn:
        if shown[a] and shown[b]:
            unsure = float(min(sure[a], sure[b]))
            opacity = 0.8 * (FAINT + (1 - FAINT) * unsure)
            ink = _ink(pen.colours[b], opacity)
            cv2.line(layer, at[a], at[b], ink, pen.line, cv2.LINE_AA, SHIFT)
    thin = max(1, pen.line // 2)
    for j, outline in outlines.items():
        cv2.polylines(layer, [_fixed(outline)], True, paint[j], thin, cv2.LINE_AA, SHIFT)
    rim, radius = (round(r * (1 << SHIFT)) for r in (pen.radius + 1, pen.radius))
    for j in np.flatnonzero(shown).tolist():
        edge = _ink(np.full(3, _RIM), paint[j][3] / 255)
        cv2.circle(layer, at[j], rim, edge, -1, cv2.LINE_AA, SHIFT)
        cv2.circle(layer, at[j], radius, paint[j], -1, cv2.LINE_AA, SHIFT)


def _trails(
    layer: UInt8[np.ndarray, "h w 4"],
    xy: Float[np.ndarray, "L J 2"],
    shown: np.ndarray,
    pen: Pen,
) -> None:
    """Lines through the past, the older the fainter."""
    steps = len(xy) - 1
    thin = max(1, pen.line // 2)
    at = _fixed(xy).tolist()
    known = np.isfinite(xy).all(axis=-1)
    both = known[:-1] & known[1:] & shown
    inks = [[_ink(c, 0.8 * (k + 1) / steps) for c in pen.colours] for k in range(steps)]
    for k, j in np.argwhere(both):
        cv2.line(layer, at[k][j], at[k + 1][j], inks[k][j], thin, cv2.LINE_AA, SHIFT)


def _ink(colour: np.ndarray, opacity: float) -> Ink:
    """What a transparent layer holds."""
    red, green, blue = (round(value * opacity) for value in colour.tolist())
    return red, green, blue, round(255 * opacity)


def _fixed(points: Float[np.ndarray, "*n 2"]) -> Int[np.ndarray, "*n 2"]:
    """Points as OpenCV takes them; 0 for those that are not known, which nobody draws."""
    near = np.clip(np.nan_to_num(points), -BOUND, BOUND)
    return np.asarray(np.rint(near * (1 << SHIFT)), np.int32)


def _lay(part: UInt8[np.ndarray, "h w 3"], layer: UInt8[np.ndarray, "h w 4"]) -> None:
    """Lay a layer over a part of a frame, in place; most of a layer is empty."""
    rows, columns = np.nonzero(layer.view(np.uint32)[..., 0])
    ink = layer[rows, columns].astype(np.uint16)
    below = part[rows, columns] * (255 - ink[:, 3:])  # (P, 3), at most 255²
    part[rows, columns] = np.minimum((below + 127) // 255 + ink[:, :3], 255)
