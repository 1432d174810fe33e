"""What the cameras saw, and what the 3D pose says that they should have seen.

In every picture a ring is what was found there, a dot with bones is the 3D pose as this camera
sees it, and the bar between the two is what remains unexplained. What was judged to be no
sight of the keypoint is a cross. The picture is that of the view: cropped and flipped where the
view is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from gambol.core import pixels
from gambol.core.cameras import Rig
from gambol.core.skeleton import Skeleton
from gambol.kernels import projection
from gambol.viz import overlay
from gambol.viz.frames import resize

KEY = (
    "Rings: found in this picture. Dots and bones: the 3D pose as this camera sees it, with "
    "the region that holds it with 90 %. Bars: what is left between the two. Crosses: judged "
    "to be no sight of the keypoint, and left out."
)
_DARK, _WHITE = (20, 20, 20), (250, 250, 250)
_BAR = np.array((255, 255, 255), np.uint8)
_GAP = 6  # px between pictures of a mosaic
_BESIDE = (34, 37, 42)  # what shows between them
_PLATE = np.array((26, 28, 32), np.uint8)  # three quarters of that, below a name


class Reprojected(NamedTuple):
    """3D poses as V cameras see them."""

    uv: Float[np.ndarray, "T V N J 2"]  # px; NaN where unknown or not in view
    covariance: Float[np.ndarray, "T V N J 2 2"]  # px², of the 3D pose alone; NaN: not known


class Sight(NamedTuple):
    """One picture and what belongs into it."""

    frame: UInt8[np.ndarray, "H W C"]  # grey or RGB
    name: str  # of the view
    found: Float[np.ndarray, "N J 2"]  # px; NaN where nothing was
    uv: Float[np.ndarray, "N J 2"]
    covariance: Float[np.ndarray, "N J 2 2"] | None = None
    removed: Bool[np.ndarray, "N J"] | None = None  # judged to be no sight of the keypoint


def reproject(
    xyz: Float[np.ndarray, "T N J 3"],
    covariance: Float[np.ndarray, "T N J 3 3"] | None,
    rig: Rig,
) -> Reprojected:
    """See 3D poses with every camera of a rig, their covariance by J Σ Jᵀ.

    Args:
        xyz: world units; NaN where unknown.
        covariance: squared world units.
        rig: cameras, in the order of V.
    """
    shape = xyz.shape[:-1]
    seen = projection.project(xyz.reshape(-1, 3).astype(np.float64), rig.params())
    uv = np.moveaxis(seen.uv.reshape(len(rig), *shape, 2), 0, 1)
    spread = np.full((*uv.shape, 2), np.nan)
    if covariance is not None:
        flat = covariance.reshape(-1, 3, 3).astype(np.float64)
        made = seen.jac @ flat @ np.swapaxes(seen.jac, -1, -2)
        made = np.where(seen.valid[..., None, None], made, np.nan)
        spread = np.moveaxis(made.reshape(len(rig), *shape, 2, 2), 0, 1)
    return Reprojected(uv, spread)


def draw(sight: Sight, skeleton: Skeleton, *, zoom: float = 1.0) -> UInt8[np.ndarray, "H W 3"]:
    """Return the picture with what was found and what the 3D pose says.

    Args:
        sight: the picture and its points.
        skeleton: of the animals.
        zoom: size of the result over that of the frame.
    """
    matrix = pixels.resize(zoom)
    height, width = sight.frame.shape[:2]
    size = (max(round(width * zoom), 1), max(round(height * zoom), 1))
    rgb = np.ascontiguousarray(resize(sight.frame, matrix, size))
    picture = rgb.copy() if rgb is sight.frame else rgb
    return _drawn(picture, sight, matrix, skeleton)


def close_up(
    sight: Sight, skeleton: Skeleton, size: tuple[int, int] = (420, 420), widen: float = 1.35
) -> UInt8[np.ndarray, "h w 3"]:
    """Return the part of the picture that holds the animals, as large as `size` allows.

    Args:
        sight: the picture and its points.
        skeleton: of the animals.
        size: width and height of the result, px.
        widen: side of the part over that of the box around the points.
    """
    height, width = sight.frame.shape[:2]
    limit = np.array([width, height], float)
    points = np.concatenate([sight.uv.reshape(-1, 2), sight.found.reshape(-1, 2)])
    points = points[np.isfinite(points).all(axis=-1)]
    points = points[((points > -0.1 * limit) & (points < 1.1 * limit)).all(axis=-1)]
    box = np.array([np.zeros(2), limit]) if len(points) < 2 else np.array(
        [points.min(axis=0), points.max(axis=0)]
    )  # fmt: skip
    shape = np.array(size, float)
    side = (widen * (box[1] - box[0]) / shape).max() * shape  # as wide as the result
    side = np.maximum(side, limit.max() / 10 * shape / shape.max())
    side = side * min(1.0, float((limit / side).max()))
    middle = np.clip(
        box.mean(axis=0), np.minimum(side, limit) / 2, limit - np.minimum(side, limit) / 2
    )
    low = middle - side / 2
    matrix = pixels.compose(
        pixels.crop(float(low[0]), float(low[1])), pixels.resize(float(shape[0] / side[0]))
    )
    rgb = np.repeat(sight.frame, 3, axis=-1) if sight.frame.shape[-1] == 1 else sight.frame
    how = cv2.INTER_AREA if side[0] > shape[0] else cv2.INTER_CUBIC
    picture = cv2.warpAffine(rgb, matrix, size, None, how, cv2.BORDER_CONSTANT, _BESIDE)
    return _drawn(np.ascontiguousarray(picture), sight, matrix, skeleton)


def mosaic(
    pictures: Sequence[UInt8[np.ndarray, "_ _ 3"]],
    names: Sequence[str],
    width: int = 1600,
    columns: int | None = None,
) -> UInt8[np.ndarray, "H W 3"]:
    """Put pictures of several views into rows, each with its name.

    Args:
        pictures: RGB, of any size; all are brought into cells of one size.
        names: of the views.
        width: of the result, px.
        columns: pictures in a row; as many as make the whole about as wide as a screen if
            not said.
    """
    ratios = [p.shape[0] / p.shape[1] for p in pictures]
    ratio = float(np.median(ratios))
    columns = columns or _columns(len(pictures), ratio)
    wide = (width - _GAP * (columns - 1)) // columns
    high = round(wide * ratio)
    rows = -(-len(pictures) // columns)
    shape = (rows * high + _GAP * (rows - 1), columns * wide + _GAP * (columns - 1), 3)
    whole = np.full(shape, _BESIDE, np.uint8)
    for k, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        scale = min(wide / picture.shape[1], high / picture.shape[0])
        fitted = (
            max(round(picture.shape[1] * scale), 1),
            max(round(picture.shape[0] * scale), 1),
        )
        fitted = (min(fitted[0], wide), min(fitted[1], high))
        small = np.ascontiguousarray(resize(picture, pixels.resize(scale), fitted))
        small = small.copy() if small is picture else small
        label(small, name)
        top, left = (k // columns) * (high + _GAP), (k % columns) * (wide + _GAP)
        top, left = top + (high - small.shape[0]) // 2, left + (wide - small.shape[1]) // 2
        whole[top : top + small.shape[0], left : left + small.shape[1]] = small
    return whole


def label(picture: UInt8[np.ndarray, "H W 3"], text: str, corner: str = "top") -> None:
    """Write a short text into the left upper or lower corner of a picture, in place."""
    plain = text.encode("ascii", "replace").decode()
    scale = float(np.clip(picture.shape[1] / 900, 0.42, 1.0))
    thick = 1 if scale < 0.75 else 2
    font = cv2.FONT_HERSHEY_SIMPLEX
    (wide, high), below = cv2.getTextSize(plain, font, scale, thick)
    tall = high + below + 8
    top = 0 if corner == "top" else picture.shape[0] - tall
    plate = picture[top : top + tall, : wide + 14]
    plate[:] = plate // 4 + _PLATE
    at = (7, top + 4 + high)
    cv2.putText(picture, plain, at, font, scale, _WHITE, thick, cv2.LINE_AA)


def _columns(count: int, ratio: float) -> int:
    """Pictures in a row, such that few cells stay empty and the whole is nearly 16 : 10."""

    def unlike(columns: int) -> float:
        rows = -(-count // columns)
        return abs(np.log(rows * ratio / columns * 1.6)) + (rows * columns - count) / count

    return min(range(1, count + 1), key=unlike)


def _drawn(
    picture: UInt8[np.ndarray, "H W 3"],
    sight: Sight,
    matrix: Float[np.ndarray, "2 3"],
    skeleton: Skeleton,
) -> UInt8[np.ndarray, "H W 3"]:
    """Draw all animals into a picture whose pixels are those of the frame, moved."""
    there, found = pixels.apply(matrix, sight.uv), pixels.apply(matrix, sight.found)
    spread = None
    if sight.covariance is not None:
        spread = pixels.apply_covariance(matrix, sight.covariance)
    inside = np.where(_near(there, picture), there, np.nan)
    size = min(overlay.animal_size(inside), 0.6 * max(picture.shape))
    region = np.full(len(skeleton), overlay.GAUSSIAN_90)
    pen = overlay.pen(skeleton, 0.75 * size, region=region)
    pen = pen._replace(line=max(1, round(pen.radius * 0.4)))
    for n in range(len(there)):
        overlay.draw(picture, there[n], pen, covariance=None if spread is None else spread[n])
        lost = np.zeros(len(skeleton), bool) if sight.removed is None else sight.removed[n]
        _residuals(picture, found[n], there[n], lost, pen)
    return picture


def _near(points: Float[np.ndarray, "*n 2"], picture: np.ndarray) -> Bool[np.ndarray, "*n 1"]:
    """Which points lie in a picture or around it."""
    limit = np.array([picture.shape[1], picture.shape[0]], float)
    near = (points > -limit) & (points < 2 * limit)
    return np.asarray(near.all(axis=-1, keepdims=True))


def _residuals(
    picture: UInt8[np.ndarray, "H W 3"],
    found: Float[np.ndarray, "J 2"],
    there: Float[np.ndarray, "J 2"],
    lost: Bool[np.ndarray, " J"],
    pen: overlay.Pen,
) -> None:
    """Rings and crosses at what was found, bars to what the 3D pose says."""
    ring = pen.radius * 1.9
    thick = max(1, round(pen.radius * 0.4))
    for j in np.flatnonzero(np.isfinite(found).all(axis=-1)):
        ink = (int(pen.colours[j][0]), int(pen.colours[j][1]), int(pen.colours[j][2]))
        at = _fixed(found[j])
        if np.isfinite(there[j]).all() and not lost[j]:
            overlay.segment(picture, there[j], found[j], _BAR, 0.9, max(1, thick))
        for wide, colour in ((thick + (1 if thick < 2 else 2), _DARK), (thick, ink)):
            if lost[j]:
                arm = np.array([ring, ring]) * 0.75
                other = arm * [1, -1]
                for a in (arm, other):
                    ends = _fixed(found[j] - a), _fixed(found[j] + a)
                    cv2.line(picture, *ends, colour, wide, cv2.LINE_AA, overlay.SHIFT)
            else:
                radius = round(ring * (1 << overlay.SHIFT))
                cv2.circle(picture, at, radius, colour, wide, cv2.LINE_AA, overlay.SHIFT)


def _fixed(point: Float[np.ndarray, " 2"]) -> tuple[int, int]:
    """A point as OpenCV takes it."""
    x, y = np.rint(np.clip(point, -overlay.BOUND, overlay.BOUND) * (1 << overlay.SHIFT))
    return int(x), int(y)
