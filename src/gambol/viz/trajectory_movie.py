"""Animated trajectories: the median movement of a label, in slow motion, with fading trails."""

import numpy as np
from jaxtyping import Float

from gambol.core.skeleton import Skeleton
from gambol.viz.grid_movie import Clock, Course
from gambol.viz.pose_tiles import Window


def slowed(
    median: Float[np.ndarray, "W J d"],
    lag_s: Float[np.ndarray, " W"],
    skeleton: Skeleton,
    name: str,
    clock: Clock,
) -> tuple[Course, Window]:
    """Return a trajectory as a tile shows it, between its frames on straight lines.

    Args:
        median: in the frame of the animal at the onset; NaN where a keypoint is not known.
        lag_s: s from the onset.
        skeleton: of the animal.
        name: of the label.
        clock: moments of the movie.
    """
    at = np.arange(clock.moments) * clock.step - clock.before
    flat = median.reshape(len(median), -1)
    made = np.stack([np.interp(at, lag_s, column) for column in flat.T], axis=1)
    points = made.reshape(clock.moments, 1, *median.shape[1:])
    still = np.zeros(clock.moments, np.int64)
    course = Course(
        name, still, np.zeros((clock.moments, 2)), np.zeros(clock.moments),
        float(lag_s[-1]) + clock.step, "", "", still,
    )  # fmt: skip
    return course, Window(points, np.ones(points.shape[:3]), 0, skeleton)


def clock(lag_s: Float[np.ndarray, " W"], rate: float, slow: float) -> Clock:
    """Return the moments of a trajectory in slow motion.

    Args:
        lag_s: s from the onset.
        rate: pictures a second.
        slow: 0.25 is four times as slow as it was.
    """
    step = slow / rate
    count = int((float(lag_s[-1]) - float(lag_s[0])) / step + 1e-6) + 1
    return Clock(count, step, -float(lag_s[0]))
