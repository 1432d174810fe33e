"""Crowd movies: all instances of one behaviour at once, laid over each other from their onset.

Poses of all instances stand in the frame of the animal at the onset, strong while the behaviour
goes on and faint before and after it. Where there are only videos, what differs from the empty
arena is laid over a plain ground; of several instances at a place the most different is seen.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Float, Int16, UInt8

from gambol.core import pixels
from gambol.viz import pose_tiles
from gambol.viz.grid_movie import Clock, Course
from gambol.viz.pose_tiles import Window
from gambol.viz.views import label

GROUND = 128  # grey level where nothing differs from the empty arena


def gathered(
    courses: Sequence[Course],
    windows: Sequence[Window],
    clock: Clock,
    up: Float[np.ndarray, " 3"] | None = None,
) -> tuple[Course, Window]:
    """Return instances as the animals of one window, in the frame of the onset.

    Args:
        courses: of K instances of one label.
        windows: their poses.
        clock: moments of the movie.
        up: of 3D poses.
    """
    skeleton, space = windows[0].skeleton, windows[0].points.shape[-1]
    shape = (clock.moments, len(windows), len(skeleton))
    points = np.full((*shape, space), np.nan, np.float32)
    sure = np.zeros(shape, np.float32)
    seconds = np.arange(clock.moments) * clock.step - clock.before
    onset = int(np.clip(round(clock.before / clock.step), 0, clock.moments - 1))
    for k, (course, window) in enumerate(zip(courses, windows, strict=True)):
        count, n = len(course.labels), min(onset, len(course.labels) - 1)
        own = window.points[:, max(window.focal, 0)].astype(np.float64)
        turn = 0.0 if course.turn is None else float(course.turn[n])
        points[:count, k] = egocentric(own, course.centre[n], turn, up)
        going = (seconds > -1e-6) & (seconds < course.length - 1e-6)
        sure[:, k] = pose_tiles.STRONG * going[:, None]
    longest = max(course.length for course in courses)
    nothing = np.zeros(clock.moments, np.int64)
    frame = Course(
        f"{len(windows)} instances", nothing, np.zeros((clock.moments, 2)),
        np.zeros(clock.moments), longest, "", "", nothing,
    )  # fmt: skip
    return frame, Window(points, sure, -1, skeleton)


def egocentric(
    points: Float[np.ndarray, "M J d"],
    centre: Float[np.ndarray, " 2"],
    turn: float,
    up: Float[np.ndarray, " 3"] | None = None,
) -> Float[np.ndarray, "M J d"]:
    """Return points as seen from a place (across `up`) by one who looks in a direction."""
    axes = [0, 1] if up is None else list(pose_tiles.across(up))
    out = points.copy()
    out[..., axes] = (points[..., axes] - centre) @ pixels.rotation(-turn).T
    return out


def different(
    picture: UInt8[np.ndarray, "S S 3"], empty: UInt8[np.ndarray, "S S 3"]
) -> UInt8[np.ndarray, "S S 3"]:
    """Return half of what differs from the empty arena, so that it fits, on a plain ground."""
    apart = picture.astype(np.int16) - empty.astype(np.int16)
    return np.clip(apart // 2 + GROUND, 0, 255).astype(np.uint8)


def overlaid(
    tiles: Sequence[Iterable[UInt8[np.ndarray, "S S 3"]]],
    courses: Sequence[Course],
    clock: Clock,
) -> Iterator[UInt8[np.ndarray, "S S 3"]]:
    """Lay pictures of `different` over each other, one moment in memory at a time.

    Args:
        tiles: of K instances, the last picture of each stays.
        courses: of the instances.
        clock: moments of the movie.
    """
    streams = [iter(one) for one in tiles]
    now = [next(stream) for stream in streams]
    for n in range(clock.moments):
        seconds = n * clock.step - clock.before
        most: Int16[np.ndarray, "S S 3"] = np.zeros(now[0].shape, np.int16)
        going = 0
        for k, (course, stream) in enumerate(zip(courses, streams, strict=True)):
            now[k] = next(stream, now[k]) if n else now[k]
            on = -1e-6 < seconds < course.length - 1e-6
            going += on
            apart = now[k].astype(np.int16) - GROUND
            apart = apart if on else apart // 3
            more = np.abs(apart).sum(axis=-1) > np.abs(most).sum(axis=-1)
            most[more] = apart[more]
        picture = np.clip(most + GROUND, 0, 255).astype(np.uint8)
        label(picture, f"{len(courses)} instances, {going} going on")
        label(picture, f"{seconds:.2f} s", "bottom")
        yield picture
