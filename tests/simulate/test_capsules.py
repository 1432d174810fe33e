"""Capsules seen from above, against spheres laid densely along them."""

import numpy as np
import pytest

from gambol.simulate import mouse, render
from gambol.simulate.capsules import Capsules, Window, bounds, first_part, join, paint
from gambol.simulate.world import SimulateConfig, simulate


def _one(start, stop, flatness=1.0):
    zero = np.zeros(1, int)
    ends = (np.array([end], float) for end in (start, stop))
    return Capsules(*ends, np.array([flatness]), np.zeros((1, 2)), zero, zero, 1.0)


def _look():
    return render.coat(np.random.default_rng(0), "black")


def _spheres(capsules, n=400):
    """Heights and centres of n spheres in every capsule: (S, n, 4)."""
    t = np.linspace(0.0, 1.0, n)[:, None]
    return capsules.start[:, None] * (1 - t) + capsules.stop[:, None] * t


def _highest(capsules, point):
    """Every capsule's height above a point by brute force, -inf beside it."""
    spheres = _spheres(capsules)
    left = spheres[..., 3] ** 2 - ((spheres[..., :2] - point) ** 2).sum(axis=-1)
    surface = spheres[..., 2] + capsules.flatness[:, None] * np.sqrt(np.maximum(left, 0.0))
    return np.where(left >= 0.0, surface, -np.inf).max(axis=1)


@pytest.mark.parametrize("centre", [(20.0, 15.0), (20.3, 15.8), (19.51, 14.49)])
def test_a_sphere_covers_its_area_about_its_centre(centre):
    sphere = _one((*centre, 10.0, 6.0), (*centre, 10.0, 6.0))
    seen = paint(sphere, Window(3, 2, 40, 30), _look(), subsamples=4).coverage
    y, x = np.indices(seen.shape)
    middle = np.array([(seen * (x + 3)).sum(), (seen * (y + 2)).sum()]) / seen.sum()
    assert abs(seen.sum() - np.pi * 36) < 0.5
    assert np.abs(middle - centre).max() < 0.02


def test_a_tapered_capsule_covers_the_union_of_its_spheres():
    capsule = _one((12.0, 14.0, 8.0, 7.0), (30.0, 20.0, 8.0, 2.0))
    seen = paint(capsule, Window(0, 0, 40, 36), _look(), subsamples=1).coverage > 0
    spheres = _spheres(capsule)[0]
    y, x = np.indices(seen.shape)
    gaps = np.hypot(x[..., None] - spheres[:, 0], y[..., None] - spheres[:, 1]) - spheres[:, 3]
    gap = gaps.min(axis=-1)
    assert np.array_equal(seen[np.abs(gap) > 0.02], (gap < 0)[np.abs(gap) > 0.02])


def test_bounds_hold_the_body_and_stay_in_the_picture():
    film = simulate(SimulateConfig(seconds=1.0, seed=3))
    body = mouse.dress(film.motion.joints[0, 0], film.scale)
    window = bounds(body, film.size, 0.0)
    around = Window(0, 0, *film.size)
    whole = paint(body, around, _look(), 2).coverage
    part = paint(body, window, _look(), 2).coverage
    assert whole.sum() == pytest.approx(part.sum())
    away = np.array([1000.0, 1000.0, 0.0, 0.0])
    far = body._replace(start=body.start + away, stop=body.stop + away)
    assert bounds(far, film.size, 5.0).width == 0


def test_visibility_agrees_with_rays_through_dense_spheres():
    film = simulate(SimulateConfig(seconds=30.0, seed=1, moods=False))
    checked = 0
    for frame in range(0, len(film), 45):
        body = mouse.dress(film.motion.joints[frame, 0], film.scale)
        for j, own in enumerate(mouse.own_parts()):
            heights = _highest(body, film.truth.xy[frame, 0, j])
            mine = np.isin(body.part, list(own))
            lead = heights[mine].max() - heights[~mine].max(initial=-np.inf)
            if abs(lead) < 0.5:  # the closed form takes steep axes for level: a near tie
                continue
            checked += 1
            assert (lead > 0) == (film.truth.visibility[frame, 0, j] == 2)
    assert checked > 200


def test_a_ray_beside_the_body_meets_the_floor():
    film = simulate(SimulateConfig(seconds=1.0))
    bodies = mouse.dress(film.motion.joints[:, 0], film.scale)
    assert (first_part(bodies, np.full((len(film), 1, 2), -50.0)) == -1).all()


def test_fur_rides_on_the_body():
    """Moving a body by whole pixels moves its picture unchanged."""
    film = simulate(SimulateConfig(seconds=1.0))
    body = mouse.dress(film.motion.joints[0, 0], film.scale)
    window = bounds(body, film.size, 2.0)
    step = np.array([7.0, -4.0, 0.0, 0.0])
    moved = body._replace(start=body.start + step, stop=body.stop + step)
    there = window._replace(x=window.x + 7, y=window.y - 4)
    before, after = paint(body, window, _look(), 2), paint(moved, there, _look(), 2)
    assert np.abs(before.colour - after.colour).max() < 1e-3


def _three():
    zero = np.zeros(2, int)
    ends = [np.array([[x, 10.0, 5.0, 4.0], [x, 10.0, 3.0, 4.0]]) for x in (10.0, 12.0, 40.0)]
    return [Capsules(end, end, np.ones(2), np.zeros((2, 2)), zero, zero, 1.0) for end in ends]


def test_joined_bodies_keep_who_is_who():
    joined = join(_three(), [0, 1, 2], (4, 3))
    assert joined.part.tolist() == [0, 0, 4, 4, 8, 8]
    assert joined.material.tolist() == [0, 0, 3, 3, 6, 6]
    assert len(np.unique(joined.along)) == 3  # each has fur of its own
    points = np.array([[[10.0, 10.0], [13.0, 10.0], [40.0, 10.0], [25.0, 10.0]]])
    one = joined._replace(start=joined.start[None], stop=joined.stop[None])
    assert first_part(one, points).tolist() == [[0, 4, 8, -1]]


def test_the_higher_of_two_joined_bodies_is_met():
    low, high, _ = _three()
    raised = high._replace(start=high.start + [0, 0, 3, 0], stop=high.stop + [0, 0, 3, 0])
    joined = join([low, raised], [0, 1], (4, 3))
    one = joined._replace(start=joined.start[None], stop=joined.stop[None])
    assert first_part(one, np.array([[[10.5, 10.0]]])).tolist() == [[4]]


def test_capsules_of_a_material_are_those_and_no_others():
    joined = join(_three(), [0, 1, 2], (4, 3))
    some = joined.of(frozenset({3, 6}))
    assert some.material.tolist() == [3, 3, 6, 6]
    assert np.array_equal(some.start, joined.start[2:])
