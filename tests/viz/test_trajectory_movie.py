"""Slow motion of a movement that is known at every moment."""

import numpy as np
import pytest

from gambol.core.skeleton import Skeleton
from gambol.viz import trajectory_movie

LAG = np.arange(-2, 6) / 10
PAIR = Skeleton(("tail", "nose"), (-1, 0))


def test_a_trajectory_is_shown_from_its_first_to_its_last_frame_so_many_times_slower():
    clock = trajectory_movie.clock(LAG, 30.0, 0.25)
    assert clock.before == pytest.approx(0.2) and clock.step == pytest.approx(0.25 / 30)
    last = (clock.moments - 1) * clock.step - clock.before
    assert 0.5 - clock.step < last <= 0.5 + 1e-6


def test_between_frames_keypoints_go_on_straight_lines():
    median = np.zeros((8, 2, 2))
    median[:, 1, 0] = LAG * 10
    clock = trajectory_movie.clock(LAG, 30.0, 0.2)
    course, window = trajectory_movie.slowed(median, LAG, PAIR, "run", clock)
    at = np.arange(clock.moments) * clock.step - clock.before
    assert np.allclose(window.points[:, 0, 1, 0], at * 10)
    assert (window.points[:, 0, 0] == 0).all() and window.focal == 0
    assert course.name == "run" and len(course.frames) == clock.moments


def test_a_keypoint_that_is_nowhere_known_stays_unknown():
    median = np.zeros((8, 2, 3))
    median[:, 1] = np.nan
    clock = trajectory_movie.clock(LAG, 30.0, 1.0)
    _, window = trajectory_movie.slowed(median, LAG, PAIR, "run", clock)
    assert np.isnan(window.points[:, 0, 1]).all() and window.points.shape[-1] == 3
