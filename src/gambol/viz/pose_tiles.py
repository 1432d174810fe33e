"""Tiles of poses: skeletons over the cut-out of a video, or alone on a floor that stays.

Where there is no video, lines on the floor show where an animal goes while the tile follows
it. Animals beside the one that the tile is about are grey. In 3D an eye goes with the animal,
or stays where it was at the onset, and looks from one side or from several.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from gambol.core import pixels
from gambol.core.skeleton import Skeleton
from gambol.viz import movie3d, orbit, overlay
from gambol.viz.colours import NOBODY
from gambol.viz.grid_movie import Course, placed

View = Literal["side", "above", "front", "oblique"]
# degrees of the eye about up, from where the animal heads, and above the floor
EYES: dict[View, tuple[float, float]] = {
    "side": (-90.0, 8.0), "above": (-90.0, 89.0), "front": (0.0, 8.0), "oblique": (-55.0, 28.0),
}  # fmt: skip
PAPER = (40, 44, 50)
_LINE = (54, 59, 66)  # of the floor
_LINES = 6  # of the floor across a tile, at most, nearly
_PATH = np.array((150, 156, 164), np.uint8)
_TRAIL = 24  # moments
_CROWD = 6  # animals of equal right that are drawn as one alone would be
STRONG = 0.4  # opacity of one of a crowd while the behaviour goes on
_THIN = 0.4  # width of its bones over that of one alone
_BESIDE = 0.4  # opacity of animals that the tile is not about


class Window(NamedTuple):
    """Poses at the M moments of a tile."""

    points: Float[np.ndarray, "M N J d"]  # px or world units; NaN where unknown
    confidence: Float[np.ndarray, "M N J"]  # 0 to 1; NaN where unknown
    focal: int  # the animal that the tile is about; -1: none of them
    skeleton: Skeleton


class Stage(NamedTuple):
    """The space in which 3D poses are seen."""

    up: Float[np.ndarray, " 3"]
    floor: float  # height along up
    height: float  # of the middle of an animal above the floor
    views: tuple[View, ...]
    spin: float = 0.0  # degrees a second that the eye goes round: an orbit


def blank(size: int, count: int) -> Iterator[UInt8[np.ndarray, "S S 3"]]:
    """Yield so many empty tiles."""
    for _ in range(count):
        yield np.full((size, size, 3), PAPER, np.uint8)


def drawn(
    tiles: Iterable[UInt8[np.ndarray, "S S 3"]],
    course: Course,
    window: Window,
    side: float,
    *,
    ground: bool = False,
    trail: bool = False,
) -> Iterator[UInt8[np.ndarray, "S S 3"]]:
    """Draw 2D poses into every tile.

    Args:
        tiles: cut-outs of `grid_movie.crops`, or `blank` ones.
        course: what the tile shows.
        window: poses at its moments.
        side: px of the video (units of the poses) that a tile shows.
        ground: whether lines of the floor and the path of the animal are drawn, too.
        trail: whether keypoints leave fading lines behind.
    """
    paint: overlay.Pen | None = None
    path = _path(window)
    for n, tile in enumerate(tiles):
        canvas, size = np.ascontiguousarray(tile).copy(), len(tile)
        turn = 0.0 if course.turn is None else float(course.turn[n])
        matrix = placed(course.centre[n], size, side, turn)
        if paint is None:
            paint = pen(window, size / side)
        if ground:
            _floor(canvas, matrix, side)
            if window.focal >= 0:
                _trail(canvas, pixels.apply(matrix, path[: n + 1]))
        past = window.points[max(n - _TRAIL, 0) : n] if trail else window.points[:0]
        skeletons(
            canvas, pixels.apply(matrix, window.points[n]), window, n, paint,
            pixels.apply(matrix, past),
        )  # fmt: skip
        yield canvas


def pen(window: Window, zoom: float) -> overlay.Pen:
    """Return the pen for animals of a window in tiles that enlarge them `zoom` times."""
    size = zoom * overlay.animal_size(window.points.reshape(-1, *window.points.shape[2:]))
    fitting = overlay.pen(window.skeleton, size)
    fine = float(np.clip(size * 0.022, 1.3, 5.0))
    if _crowded(window):
        return fitting._replace(radius=min(fine, 1.5), line=1)  # else one hides the others
    return fitting._replace(radius=fine, line=max(1, round(0.7 * fine)))


def skeletons(
    canvas: UInt8[np.ndarray, "S S 3"],
    points: Float[np.ndarray, "N J 2"],
    window: Window,
    n: int,
    paint: overlay.Pen,
    past: Float[np.ndarray, "L N J 2"],
) -> None:
    """Draw all animals of moment n in place, the one that the tile is about last."""
    grey = paint._replace(colours=np.tile(NOBODY, (len(paint.colours), 1)))
    order = sorted(range(len(points)), key=lambda k: k == window.focal)
    for k in order:
        sure = np.where(np.isnan(window.confidence[n, k]), 1.0, window.confidence[n, k])
        alone = window.focal in (k, -1)
        sure = sure if alone else _BESIDE * sure
        overlay.draw(canvas, points[k], paint if alone else grey, confidence=sure,
                     trail=past[:, k] if len(past) else None)  # fmt: skip


def solid(
    course: Course, window: Window, stage: Stage, side: float, size: int, step: float
) -> Iterator[UInt8[np.ndarray, "S W 3"]]:
    """Draw 3D poses on a floor, the views of a moment beside each other.

    Args:
        course: what the tile shows; centres and turns are those across `up`.
        window: poses at its moments.
        stage: the space, and from where it is seen.
        side: world units that a tile shows.
        size: px of a tile's height, and of the width of every view.
        step: seconds from one moment to the next.
    """
    count = len(course.frames)
    frame = orbit.axes(stage.up)
    centre = on_floor(course.centre, stage.up, stage.floor + stage.height)
    heading = np.zeros(count) if course.turn is None else course.turn
    toward = azimuth(heading, stage.up)
    look = movie3d.Look((size, size), trail=0.0, zoom=1.0, dark=True, words=False)
    film = movie3d.prepare(
        np.asarray(window.points, np.float64), np.arange(count) * step, window.skeleton,
        up=stage.up, look=look,
    )  # fmt: skip
    film = film._replace(
        centre=centre, colours=_colours(film.colours, window), names=("",),
        scene=orbit.Scene(centre[0], side / 2, stage.floor, frame),
        size=film.size * (_THIN if _crowded(window) else 1.0), opacity=_opacity(window),
    )  # fmt: skip
    for n in range(count):
        seen = []
        for name in stage.views:
            around, above = EYES[name]
            now = float(toward[n]) + around + stage.spin * step * n
            turned = film._replace(look=look._replace(azimuth=now, elevation=above))
            seen.append(movie3d.picture(turned, n))
        yield np.concatenate(seen, axis=1)


def across(up: Float[np.ndarray, " 3"]) -> tuple[int, int]:
    """Return the two axes of the floor, so that a turn goes from the first to the second."""
    k = int(np.abs(up).argmax())
    return (k + 1) % 3, (k + 2) % 3


def on_floor(
    xy: Float[np.ndarray, "M 2"], up: Float[np.ndarray, " 3"], height: float
) -> Float[np.ndarray, "M 3"]:
    """Return points at a height above places given by the two axes across `up`."""
    a, b = across(up)
    out = np.zeros((len(xy), 3))
    out[:, a], out[:, b] = xy[:, 0], xy[:, 1]
    third = orbit.axes(up)[2]
    return out + (height - out @ third)[:, None] * third


def azimuth(
    heading: Float[np.ndarray, " M"], up: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, " M"]:
    """Return headings across `up` as degrees in the frame of `orbit.axes`."""
    first, second, _ = orbit.axes(up)
    ahead = on_floor(np.stack([np.cos(heading), np.sin(heading)], axis=1), up, 0.0)
    return np.degrees(np.arctan2(ahead @ second, ahead @ first))


def _colours(own: UInt8[np.ndarray, "N J 3"], window: Window) -> UInt8[np.ndarray, "N J 3"]:
    """Colours of keypoints for the animal that the tile is about, grey for the others."""
    alone = overlay.pen(window.skeleton, 1.0).colours
    if window.focal < 0:
        return np.broadcast_to(alone, own.shape) if _crowded(window) else own
    out = np.broadcast_to(NOBODY, own.shape).copy()
    out[window.focal] = alone
    return out


def _opacity(window: Window) -> Float[np.ndarray, "M N J"]:
    """Return how opaque keypoints are in 3D."""
    sure = np.where(np.isnan(window.confidence), 1.0, window.confidence)
    least = movie3d.UNSURE * (STRONG if _crowded(window) else 1.0)
    out = least + (1 - least) * sure
    aside = np.arange(out.shape[1]) != window.focal
    if window.focal >= 0:
        out[:, aside] *= _BESIDE
    return out


def _crowded(window: Window) -> bool:
    """Whether so many animals of equal right are drawn that they must not hide each other."""
    return window.focal < 0 and window.points.shape[1] > _CROWD


def _path(window: Window) -> Float[np.ndarray, "M 2"]:
    """Return the middle of the animal; NaN where it is not known."""
    points = window.points[:, window.focal] if window.focal >= 0 else window.points[:, 0]
    known = np.isfinite(points).all(axis=-1)
    total = np.where(known[..., None], points, 0.0).sum(axis=1)
    count = known.sum(axis=1)[:, None]
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _trail(canvas: UInt8[np.ndarray, "S S 3"], path: Float[np.ndarray, "L 2"]) -> None:
    """Draw where the animal was since the tile began."""
    known = path[np.isfinite(path).all(axis=1)]
    near = np.clip(known, -overlay.BOUND, overlay.BOUND) * (1 << overlay.SHIFT)
    if len(near) > 1:
        line = [np.rint(near).astype(np.int32)]
        ink = tuple(int(v) for v in _PATH // 2)
        cv2.polylines(canvas, line, False, ink, 1, cv2.LINE_AA, overlay.SHIFT)


def _floor(
    canvas: UInt8[np.ndarray, "S S 3"], matrix: Float[np.ndarray, "2 3"], side: float
) -> None:
    """Draw the lines of a grid that stays where it is in the world."""
    apart = orbit.step(2 * side / _LINES)
    size = len(canvas)
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], float)
    low, high = (
        f(pixels.apply(pixels.invert(matrix), corners), axis=0) for f in (np.min, np.max)
    )
    ends = []
    for k in (0, 1):
        values = np.arange(np.ceil(low[k] / apart), np.floor(high[k] / apart) + 1) * apart
        for value in values:
            pair = np.array([low, high])
            pair[:, k] = value
            ends.append(pair)
    for pair in ends:
        a, b = np.rint(pixels.apply(matrix, pair) * (1 << overlay.SHIFT)).astype(int).tolist()
        cv2.line(canvas, a, b, _LINE, 1, cv2.LINE_AA, overlay.SHIFT)


def extent(size: int, views: Sequence[str] | None) -> tuple[int, int]:
    """Return width and height of a tile, px; `views` of 3D, None in 2D."""
    return size * (1 if views is None else len(views)), size
