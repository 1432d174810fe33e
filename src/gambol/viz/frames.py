"""Single frames to look at: cut around the animal, enlarged, with truth and prediction."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from gambol.core import pixels
from gambol.viz import overlay

SIDE = 420  # px of a picture of a report, three of which stand in a row
DOT, RING = 5.5, 10.0  # px, radii of predictions and labels: a hit is a dot within its ring
_DARK = (20, 20, 20)
_YELLOW = np.array((240, 228, 66), np.uint8)


def compare(
    image: UInt8[np.ndarray, "h w C"],
    to_video: Float[np.ndarray, "2 3"],
    truth: Float[np.ndarray, "J 2"],
    xy: Float[np.ndarray, "J 2"],
    pen: overlay.Pen,
) -> UInt8[np.ndarray, "S S 3"]:
    """Show where keypoints are (open circles) and where they were predicted (filled ones).

    Args:
        image: frame, grey or RGB, of whatever scale.
        to_video: its map to video pixels.
        truth: labels in video pixels; NaN where there is none.
        xy: predictions in video pixels.
        pen: made for the animal's size in video pixels.
    """
    labelled = np.isfinite(truth).all(axis=-1)
    shown = np.where(labelled[:, None], xy, np.nan)
    cut = around(np.concatenate([truth, shown]), image, to_video)
    picture = warp(image, pixels.compose(to_video, cut))
    here, there = pixels.apply(cut, truth), pixels.apply(cut, shown)
    for j in np.flatnonzero(labelled):
        colour = tuple(int(v) for v in pen.colours[j])
        if np.isfinite(there[j]).all():
            _line(picture, here[j], there[j], _DARK, 4)
            _line(picture, here[j], there[j], colour, 2)
            _dot(picture, there[j], DOT, colour)
        _ring(picture, here[j], RING, colour)
    return picture


def field(
    image: UInt8[np.ndarray, "h w C"],
    at: Float[np.ndarray, " 2"],
    side: float | None,
    radius: float,
    width: int = 2 * SIDE,
) -> UInt8[np.ndarray, "H W 3"]:
    """Show around a point how far a network could look (square) and does look (circle).

    Args:
        image: frame at network scale, grey or RGB.
        at: the point, in its pixels.
        side: of the square, in its pixels; None: all of the picture, so no square is drawn.
        radius: of the circle, in its pixels.
        width: of the picture.
    """
    grow = pixels.resize(width / image.shape[1])
    high = round(image.shape[0] * width / image.shape[1])
    rgb = np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
    picture = cv2.resize(rgb, (width, high), interpolation=cv2.INTER_LINEAR)
    middle = pixels.apply(grow, at)
    if side is not None:
        half = side / 2 * grow[0, 0]
        corners = [tuple(int(round(v)) for v in middle + s * half) for s in (-1.0, 1.0)]
        cv2.rectangle(picture, corners[0], corners[1], (240, 228, 66), 2, cv2.LINE_AA)
    _ring(picture, middle, radius * grow[0, 0], (86, 180, 233))
    return picture


def crops(
    frame: UInt8[np.ndarray, "H W C"],
    squares: Float[np.ndarray, "A 4 2"],
    truth: Float[np.ndarray, "A J 2"],
    outside: Bool[np.ndarray, "A J"],
    pen: overlay.Pen,
    width: int = 2 * SIDE,
) -> UInt8[np.ndarray, "h w 3"]:
    """Show the part of a frame around its animals with the square cut around each.

    Args:
        frame: of the video.
        squares: their corners, px.
        truth: labels, px.
        outside: labels that have a ring, since they lie outside their square.
        pen: made for the animals' size in video pixels.
        width: of the picture, at most.
    """
    size = np.array([frame.shape[1], frame.shape[0]])
    known = truth[np.isfinite(truth).all(axis=-1)]
    ends = np.concatenate([squares.reshape(-1, 2), known])
    low = np.clip(np.floor(ends.min(axis=0) - 5), 0, size - 1).astype(int)
    stop = np.clip(np.ceil(ends.max(axis=0) + 5), low + 1, size).astype(int)
    part = frame[low[1] : stop[1], low[0] : stop[0]]
    scale = min(width / part.shape[1], 0.7 * width / part.shape[0])
    grow = pixels.compose(pixels.crop(float(low[0]), float(low[1])), pixels.resize(scale))
    wide, high = (max(round(side * scale), 1) for side in part.shape[1::-1])
    picture = resize(part, pixels.resize(scale), (wide, high)).copy()
    small = pen._replace(
        radius=max(pen.radius * grow[0, 0], 2.0), line=max(round(pen.line * grow[0, 0]), 1)
    )
    for square, animal, lost in zip(squares, truth, outside, strict=True):
        overlay.polyline(picture, pixels.apply(grow, square[[0, 1, 2, 3, 0]]), _YELLOW, 2)
        overlay.draw(picture, pixels.apply(grow, animal), small)
        for point in pixels.apply(grow, animal[lost]):
            _ring(picture, point, RING, (213, 94, 0))
    return picture


def predicted(
    frame: UInt8[np.ndarray, "H W C"],
    xy: Float[np.ndarray, "J 2"],
    pen: overlay.Pen,
    confidence: Float[np.ndarray, " J"],
    covariance: Float[np.ndarray, "J 2 2"],
) -> UInt8[np.ndarray, "S S 3"]:
    """Show a predicted pose around the animal, with confidence and regions."""
    cut = around(xy, frame, pixels.identity())
    picture = warp(frame, cut)
    large = overlay.pen(pen.skeleton, 0.4 * SIDE, threshold=pen.threshold, region=pen.region)
    overlay.draw(
        picture,
        pixels.apply(cut, xy),
        large,
        confidence=confidence,
        covariance=pixels.apply_covariance(cut, covariance),
    )
    return picture


def resize(
    frame: UInt8[np.ndarray, "H W C"], matrix: Float[np.ndarray, "2 3"], size: tuple[int, int]
) -> UInt8[np.ndarray, "h w 3"]:
    """Return a frame as RGB of (width, height) `size`, for `matrix` of `pixels.resize`."""
    if frame.shape[-1] == 1:
        frame = np.repeat(frame, 3, axis=-1)
    if matrix[0, 0] == 1:
        return np.ascontiguousarray(frame)
    how = cv2.INTER_AREA if matrix[0, 0] < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(frame, size, interpolation=how), np.uint8)


def around(
    points: Float[np.ndarray, "P 2"],
    image: UInt8[np.ndarray, "h w C"],
    to_video: Float[np.ndarray, "2 3"],
) -> Float[np.ndarray, "2 3"]:
    """Map from video pixels to a square picture of `SIDE` px around the known points."""
    height, width = image.shape[:2]
    corners = pixels.apply(to_video, np.array([[0.0, 0.0], [width - 1.0, height - 1.0]]))
    known = points[np.isfinite(points).all(axis=-1)]
    known = np.clip(known if len(known) else corners, corners[0], corners[1])
    low, high = known.min(axis=0), known.max(axis=0)
    frame = float((corners[1] - corners[0]).max())
    side = min(max(1.5 * float((high - low).max()), frame / 6), frame)
    middle = (low + high) / 2
    half = np.minimum(side, corners[1] - corners[0]) / 2
    middle = np.clip(middle, corners[0] + half, corners[1] - half)
    x, y = middle - side / 2
    return pixels.compose(pixels.crop(float(x), float(y)), pixels.resize(SIDE / side))


def warp(
    image: UInt8[np.ndarray, "h w C"], matrix: Float[np.ndarray, "2 3"]
) -> UInt8[np.ndarray, "S S 3"]:
    """Resample into a square of `SIDE` px, as RGB."""
    shrinks = abs(np.linalg.det(matrix[:, :2])) < 1
    how = cv2.INTER_LINEAR if shrinks else cv2.INTER_CUBIC
    moved = cv2.warpAffine(np.squeeze(image), matrix, (SIDE, SIDE), None, how, 0, _DARK)
    if moved.ndim == 2:
        moved = cv2.cvtColor(moved, cv2.COLOR_GRAY2RGB)
    return np.ascontiguousarray(moved)


def _fixed(point: Float[np.ndarray, " 2"]) -> tuple[int, int]:
    x, y = np.rint(np.clip(point, -1e5, 1e5) * (1 << overlay.SHIFT)).astype(int)
    return int(x), int(y)


def _line(
    picture: UInt8[np.ndarray, "S S 3"],
    a: Float[np.ndarray, " 2"],
    b: Float[np.ndarray, " 2"],
    colour: tuple[int, ...],
    width: int,
) -> None:
    cv2.line(picture, _fixed(a), _fixed(b), colour, width, cv2.LINE_AA, overlay.SHIFT)


def _dot(
    picture: UInt8[np.ndarray, "S S 3"],
    at: Float[np.ndarray, " 2"],
    radius: float,
    colour: tuple[int, ...],
) -> None:
    for r, ink in ((radius + 1.2, _DARK), (radius, colour)):
        fixed = round(r * (1 << overlay.SHIFT))
        cv2.circle(picture, _fixed(at), fixed, ink, -1, cv2.LINE_AA, overlay.SHIFT)


def _ring(
    picture: UInt8[np.ndarray, "S S 3"],
    at: Float[np.ndarray, " 2"],
    radius: float,
    colour: tuple[int, ...],
) -> None:
    fixed = round(radius * (1 << overlay.SHIFT))
    for width, ink in ((5, _DARK), (3, colour)):
        cv2.circle(picture, _fixed(at), fixed, ink, width, cv2.LINE_AA, overlay.SHIFT)
