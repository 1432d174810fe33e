"""Grid movies: many instances of one behaviour side by side, all from their onset.

A tile shows the surroundings of one animal, as it was or turned so that the animal looks to
the right. It runs from the onset of the behaviour and dims when that ends; where the end was
not seen, the picture stands still and says why. Pictures are made as they are asked for, so
memory does not grow with the length of anything.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Int64, UInt8

from gambol.core import pixels
from gambol.viz.views import label

DIM = 0.25  # brightness of a tile whose behaviour is over
OUT_OF_VIDEO = "video ends"
_OUTSIDE = (58, 58, 58)  # beyond the edge of a video
_BESIDE = (24, 27, 31)  # between tiles
_MARK = (240, 228, 66)  # a dot: the behaviour goes on
_GAP = 4  # px between tiles
_SOON = 1e-6  # s; moments nearer than this are one


Follow = Literal["always", "onset"]


class Clock(NamedTuple):
    """The moments of a movie, in seconds of the recordings; the onset is 0."""

    moments: int  # as many pictures
    step: float  # from one picture to the next
    before: float = 0.0  # that are shown before the onset


class Course(NamedTuple):
    """What one tile shows: M pictures of a video, the last of which stays."""

    name: str
    frames: Int64[np.ndarray, " M"]  # of the video
    centre: Float[np.ndarray, "M 2"]  # of the tile, video pixels
    turn: Float[np.ndarray, " M"] | None  # radians; direction that is to point to the right
    length: float  # s from the onset to the end
    beginning: str  # why the onset was not seen; empty where it was
    ending: str  # why the end was not seen; where this is empty it was, and the tile dims
    labels: Int64[np.ndarray, " M"]  # frames of the labels (and of poses) at these moments


def course(
    name: str,
    bout: tuple[int, int],
    fps: float,
    centroid: Float[np.ndarray, "T 2"],
    times: Float[np.ndarray, " V"],
    clock: Clock,
    *,
    beginning: str = "",
    ending: str = "",
    heading: Float[np.ndarray, " T"] | None = None,
    follow: Follow = "always",
    goes_on: bool = False,
) -> Course:
    """Find out which frame of a video is to be seen when, and which part of it.

    A video with as many frames as labels shows label t in frame t. Any other shows it at the
    time t / fps; of two frames equally near, the earlier one is taken.

    Args:
        name: what the tile is called.
        bout: first label and one past the last, [start, stop).
        fps: labels a second.
        centroid: of the animal at every label, video pixels, without gaps (see `held`).
        times: of the frames of the video, s.
        clock: moments of the movie.
        beginning: why the onset of the bout was not seen, if so; the tile says it.
        ending: why the end of the bout was not seen, if so; said instead of dimming.
        heading: of the animal at every label, radians from the x axis towards the y axis,
            without gaps; the animal then looks to the right.
        follow: whether place and heading are those of every moment, or stay those of the
            onset, so that one sees where the animal goes.
        goes_on: whether what follows an end that was not seen is shown all the same.
    """
    labels = np.arange(len(centroid)) / fps
    shown = labels if len(times) == len(labels) else times - times[0]
    seconds = np.arange(clock.moments) * clock.step - clock.before
    at, length = bout[0] / fps + seconds, (bout[1] - bout[0]) / fps
    after = shown[-1] + (shown[-1] / (len(shown) - 1) if len(shown) > 1 else 1 / fps)
    if not ending and bout[1] / fps > after + _SOON + 1 / fps:
        ending = OUT_OF_VIDEO
    there = at < after - _SOON
    if ending and not goes_on:
        there &= seconds < length - _SOON
    at = at[: max(int(there.sum()), 1)]  # there is an end to it, never a beginning
    seen = at if follow == "always" else np.full(len(at), bout[0] / fps)
    centre = np.stack([np.interp(seen, labels, centroid[:, k]) for k in (0, 1)], axis=1)
    turn = None if heading is None else heading[_nearest(labels, seen)].astype(np.float64)
    return Course(
        name, _nearest(shown, at), centre, turn, length, beginning, ending,
        _nearest(labels, at),
    )  # fmt: skip


def held(values: Float[np.ndarray, "T D"]) -> Float[np.ndarray, "T D"] | None:
    """Fill gaps with the last known value, at the beginning with the first; None: all is gap.

    >>> held(np.array([[np.nan], [3.0], [np.nan], [5.0]])).ravel().tolist()
    [3.0, 3.0, 3.0, 5.0]
    """
    known = np.isfinite(values).all(axis=1)
    if not known.any():
        return None
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return values[np.where(last < 0, known.argmax(), last)]


def crops(
    frames: Iterable[UInt8[np.ndarray, "H W C"] | None],
    course: Course,
    size: int = 256,
    side: float | None = None,
) -> Iterator[UInt8[np.ndarray, "S S 3"]]:
    """Cut a tile out of every frame; a frame that could not be read repeats the last one.

    Args:
        frames: of the video, those of `course.frames` in their order; None: not readable.
        course: what the tile shows.
        size: S, px of a tile.
        side: px of the video that it shows; `size` if not given.
    """
    last = np.full((size, size, 3), _OUTSIDE, np.uint8)
    for n, frame in enumerate(frames):
        if frame is not None:
            turn = 0.0 if course.turn is None else float(course.turn[n])
            last = cut(frame, course.centre[n], size, side or size, turn)
        yield last


def cut(
    frame: UInt8[np.ndarray, "H W C"],
    centre: Float[np.ndarray, " 2"],
    size: int,
    side: float,
    turn: float = 0.0,
) -> UInt8[np.ndarray, "S S 3"]:
    """Return a square of `size` px around a point that shows `side` px of a frame, as RGB.

    What lies at `turn` radians of the point (from x towards y) comes to lie to its right.
    """
    scale, matrix = size / side, placed(centre, size, side, turn)
    if scale < 0.75:  # else pixels between those that are looked at are lost
        frame, matrix = _part(frame, centre, side, matrix)
        frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), 0.4 / scale), np.uint8)
    frame = frame[..., 0] if frame.ndim == 3 and frame.shape[2] == 1 else frame
    how = cv2.INTER_LINEAR if scale < 0.75 else cv2.INTER_CUBIC
    seen = cv2.warpAffine(frame, matrix, (size, size), None, how, cv2.BORDER_CONSTANT, _OUTSIDE)
    if seen.ndim == 2:
        seen = cv2.cvtColor(seen, cv2.COLOR_GRAY2RGB)
    return np.asarray(seen, np.uint8)


def placed(
    centre: Float[np.ndarray, " 2"], size: int, side: float, turn: float = 0.0
) -> Float[np.ndarray, "2 3"]:
    """Return the map from a frame to a square of `size` px that shows `side` px of it."""
    linear = size / side * pixels.rotation(-turn)
    return np.column_stack([linear, pixels.centre(size, size) - linear @ centre])


def pictures(
    courses: Sequence[Course],
    tiles: Sequence[Iterable[UInt8[np.ndarray, "S W 3"]]],
    clock: Clock,
    columns: int = 4,
    dim: float = DIM,
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Yield the pictures of a movie; of every tile only the present one is in memory.

    Args:
        courses: of the tiles, row by row.
        tiles: the pictures of each, of one size; the last one stays where they end.
        clock: moments of the movie.
        columns: tiles in a row, at most.
        dim: brightness of a tile whose behaviour is over.
    """
    streams = [iter(one) for one in tiles]
    now = [next(stream) for stream in streams]
    high, wide = now[0].shape[:2]
    width, height = extent(len(courses), high, columns, wide)
    dimmed = np.rint(dim * np.arange(256)).astype(np.uint8)
    for n in range(clock.moments):
        seconds = n * clock.step - clock.before
        canvas = np.full((height, width, 3), _BESIDE, np.uint8)
        for k, (one, stream) in enumerate(zip(courses, streams, strict=True)):
            now[k] = next(stream, now[k]) if n else now[k]
            top, left = k // columns * (high + _GAP), k % columns * (wide + _GAP)
            canvas[top : top + high, left : left + wide] = _tile(now[k], one, seconds, dimmed)
        yield canvas


def extent(count: int, size: int, columns: int = 4, wide: int | None = None) -> tuple[int, int]:
    """Return width and height of a movie of so many tiles, px; `wide` where not square."""
    across, down = min(count, columns), -(-count // columns)
    return across * ((wide or size) + _GAP) - _GAP, down * (size + _GAP) - _GAP


def _tile(
    picture: UInt8[np.ndarray, "S W 3"],
    course: Course,
    seconds: float,
    dimmed: UInt8[np.ndarray, " 256"],
) -> UInt8[np.ndarray, "S W 3"]:
    """Return a tile as it looks so many seconds after the onset."""
    (size, wide), over = picture.shape[:2], seconds >= course.length - _SOON
    if over and not course.ending:
        picture = np.asarray(cv2.LUT(picture, dimmed), np.uint8)
    else:
        picture = picture.copy()
    note = course.ending if over else course.beginning
    label(picture, _fitting(course.name, wide - size // 8 - 14))
    label(picture, f"{min(seconds, course.length):.2f} s  {note}".rstrip(), "bottom")
    if not over and seconds > -_SOON:
        at, radius = (wide - size // 20, size // 20), max(size // 42, 3)
        cv2.circle(picture, at, radius + 1, _BESIDE, -1, cv2.LINE_AA)
        cv2.circle(picture, at, radius, _MARK, -1, cv2.LINE_AA)
    return picture


def _part(
    frame: UInt8[np.ndarray, "H W C"],
    centre: Float[np.ndarray, " 2"],
    side: float,
    matrix: Float[np.ndarray, "2 3"],
) -> tuple[UInt8[np.ndarray, "h w C"], Float[np.ndarray, "2 3"]]:
    """Return the part of a frame that a tile can show, with a margin, and the map from it.

    Where little of a frame is shown, the rest need not be blurred.
    """
    limit = np.array([frame.shape[1], frame.shape[0]])
    reach = side * (np.sqrt(0.5) + 0.1) + 8  # half a diagonal, and what blur brings in
    low = np.clip(np.floor(centre - reach), 0, limit).astype(int)
    high = np.clip(np.ceil(centre + reach) + 1, 0, limit).astype(int)
    if (high - low < 2).any():
        return frame, matrix
    part = frame[low[1] : high[1], low[0] : high[0]]
    shift = pixels.crop(-float(low[0]), -float(low[1]))
    return part, pixels.compose(shift, matrix)


def _fitting(name: str, width: int) -> str:
    """Leave out the middle of a name that is wider than this (in px of the smallest text)."""
    most = max(width // 8, 5)
    if len(name) <= most:
        return name
    head = (most - 2) // 2
    return f"{name[:head]}..{name[head + 2 - most :]}"


def _nearest(
    times: Float[np.ndarray, " V"], at: Float[np.ndarray, " M"]
) -> Int64[np.ndarray, " M"]:
    """Return the index of the nearest time, of two the earlier one."""
    middles = (times[1:] + times[:-1]) / 2
    return np.searchsorted(middles, at - _SOON, side="left").astype(np.int64)
