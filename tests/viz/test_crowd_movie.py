"""Crowds of instances whose places relative to the animal are known."""

import numpy as np
import pytest

from gambol.core.skeleton import Skeleton
from gambol.viz import crowd_movie
from gambol.viz.grid_movie import Clock, Course
from gambol.viz.pose_tiles import STRONG, Window

ARROW = Skeleton(("tail", "nose"), (-1, 0))
CLOCK = Clock(10, 0.1, before=0.3)


def instance(rng, shape, length=0.4, count=10):
    """One movement, somewhere in the arena, headed anywhere."""
    centre, turn = rng.uniform(-100, 100, 2), rng.uniform(-3, 3)
    c, s = np.cos(turn), np.sin(turn)
    points = shape @ np.array([[c, -s], [s, c]]).T + centre
    at = np.tile(centre, (count, 1))
    numbers = np.arange(count)
    course = Course("r", numbers, at, np.full(count, turn), length, "", "", numbers)
    return course, Window(points[:count, None], np.ones((count, 1, 2)), 0, ARROW)


def test_the_same_movement_elsewhere_lies_on_itself():
    rng = np.random.default_rng(0)
    shape = rng.normal(0, 10, (10, 2, 2))
    courses, windows = zip(*(instance(rng, shape) for _ in range(5)), strict=True)
    course, window = crowd_movie.gathered(courses, windows, CLOCK)
    assert window.points.shape == (10, 5, 2, 2) and window.focal == -1
    assert np.abs(window.points - shape[:, None]).max() < 1e-4
    assert (course.centre == 0).all() and (course.turn == 0).all()


def test_in_3d_the_crowd_turns_about_up_and_keeps_its_height():
    up = np.array([0.0, 1.0, 0.0])
    points = np.array([[[5.0, 7.0, 1.0]]])  # across y: z, then x
    seen = crowd_movie.egocentric(points, np.array([1.0, 2.0]), np.pi / 2, up)
    assert seen[0, 0] == pytest.approx([0.0, 7.0, 3.0], abs=1e-12)


def test_instances_are_strong_while_they_go_on():
    rng = np.random.default_rng(1)
    shape = rng.normal(0, 10, (10, 2, 2))
    made = [instance(rng, shape, 0.2), instance(rng, shape, 0.5)]
    _, window = crowd_movie.gathered(*zip(*made, strict=True), CLOCK)
    strong = window.confidence[:, :, 0] == STRONG
    assert np.flatnonzero(strong[:, 0]).tolist() == [3, 4]
    assert np.flatnonzero(strong[:, 1]).tolist() == [3, 4, 5, 6, 7]


def test_an_instance_whose_recording_ends_is_gone_from_then_on():
    rng = np.random.default_rng(2)
    shape = rng.normal(0, 10, (10, 2, 2))
    made = [instance(rng, shape, 0.2, count=6), instance(rng, shape)]
    _, window = crowd_movie.gathered(*zip(*made, strict=True), CLOCK)
    gone = np.isnan(window.points[:, 0]).all(axis=(1, 2))
    assert np.flatnonzero(gone).tolist() == [6, 7, 8, 9]
    assert np.isfinite(window.points[:, 1]).all()


def test_of_videos_what_differs_most_from_the_empty_arena_is_seen():
    empty = np.full((80, 80, 3), 100, np.uint8)
    dark, bright = empty.copy(), empty.copy()
    dark[30:40, 30:40], bright[35:45, 35:45] = 20, 130
    tiles = [[crowd_movie.different(frame, empty)] * 10 for frame in (dark, bright)]
    course = instance(np.random.default_rng(0), np.zeros((10, 2, 2)), 0.4)[0]
    made = list(crowd_movie.overlaid(tiles, [course, course], CLOCK))
    assert len(made) == 10
    at_onset = made[3].astype(int)
    assert (at_onset[36, 36] == 88).all()  # both are here; the darker differs more
    assert (at_onset[42, 42] == 143).all() and (at_onset[50, 60] == 128).all()
    over = made[9].astype(int)
    assert abs(over[36, 36, 0] - 128) < 40  # faint after the end
