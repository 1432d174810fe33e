"""Laws of sticks that walk."""

import numpy as np
import pytest

from gambol.simulate.roam import Roamed, roam, stick, tour

BOX = (900, 700)


def _roamed(n=20, seed=0):
    rng = np.random.default_rng(seed)
    return roam(rng, 1200, n, 30.0, size=BOX, speed=90.0, clear=96.0)


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_no_two_animals_ever_come_close_and_no_one_leaves(n):
    xy = _roamed(n).xy
    gaps = np.linalg.norm(xy[:, :, None] - xy[:, None], axis=-1)
    assert (gaps + 1e9 * np.eye(n)).min() >= 96.0
    assert (xy >= 48.0).all() and (xy <= np.array(BOX) - 48.0).all()


def test_animals_walk_at_about_the_speed_that_was_asked_for():
    steps = np.linalg.norm(np.diff(_roamed(2).xy, axis=0), axis=-1) * 30.0
    assert 60.0 < steps.mean() < 110.0 and steps.max() < 90.0 * 4.0


def test_an_animal_moves_where_its_stick_points():
    where = _roamed(3)
    step = np.diff(where.xy, axis=0)
    ahead = np.stack([np.cos(where.heading), np.sin(where.heading)], axis=-1)[:-1]
    length = np.linalg.norm(step, axis=-1)
    along = (step * ahead).sum(axis=-1)
    assert (along[length > 1.0] / length[length > 1.0]).min() > 0.9


def test_the_stick_keeps_its_length_and_its_middle():
    bend = np.linspace(-2.0, 2.0, 9)[:, None]
    still = Roamed(np.full((9, 1, 2), 50.0), np.full((9, 1), 0.7), bend)
    points = stick(still, 60.0, 41)[:, 0]
    assert np.allclose(points[:, 20], 50.0)
    length = np.linalg.norm(np.diff(points, axis=1), axis=-1).sum(axis=1)
    assert np.allclose(length, 60.0, atol=0.05)
    ends = points[:, [1, -1]] - points[:, [0, -2]]
    turned = np.unwrap(np.arctan2(ends[..., 1], ends[..., 0]), axis=1)
    # from snout to tail the direction turns back by the bend, but for one of 40 links
    assert np.allclose(turned[:, 0] - turned[:, 1], bend[:, 0] * 39 / 40, atol=1e-6)


def test_one_keypoint_is_the_middle():
    where = _roamed(2)
    assert np.array_equal(stick(where, 60.0, 1)[:, :, 0], where.xy)


def test_a_tour_passes_its_stops_and_looks_where_it_goes():
    stops = np.array([[0.0, 0.0], [100.0, 0.0], [100.0, 80.0]])
    where = tour(np.random.default_rng(0), 300, 30.0, stops, 50.0)
    gaps = np.linalg.norm(where.xy[:, 0, None] - stops, axis=-1).min(axis=0)
    assert gaps.max() < 3.0
    assert np.allclose(where.xy[-1, 0], stops[-1])
    assert np.isfinite(where.heading).all() and np.isfinite(where.bend).all()
