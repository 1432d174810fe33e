"""Constrained optimisation against its definition, written out, and a generic optimiser."""

import numpy as np
import pytest
from filmed import LENGTHS, SKELETON, ring, see, walk
from scipy.optimize import least_squares

from gambol.kernels import projection
from gambol.multiview import constrained
from gambol.multiview.constrained import Film, Scales

BONES = np.array(SKELETON.bones)


def film(frames=12, noise=2.0, missing=0.1, views=3, seed=0):
    rig, xyz = ring(views), walk(frames)
    xy = see(xyz, rig, noise, missing, seed)
    xy[0, 0, 0] += 90
    score = np.random.default_rng(seed).uniform(0.3, 1, xy.shape[:3])
    return xyz, Film(xy, score, rig.params(), BONES)


def scales(order=1, frames=12):
    return Scales(0.7, np.array([2.0, 2.0, 0.5, 0.5]), 15.0, min(order, frames - 1))


def residuals(xyz, lengths, film, scales):
    """What is wrong, one number at a time."""
    out, frames = [], len(xyz)
    for t in range(frames):
        for v, row in enumerate(film.params):
            for j in range(xyz.shape[1]):
                uv = projection.project(xyz[t, j][None], row[None]).uv[0, 0]
                for c in range(2):
                    if np.isfinite(film.xy[t, v, j, c]):
                        e = abs(uv[c] - film.xy[t, v, j, c]) * film.score[t, v, j]
                        tau = scales.threshold
                        out.append(tau * 2 * (np.sqrt(1 + e / tau) - 1))
    step = {1: [-1, 1], 2: [1, -2, 1], 3: [-1, 3, -3, 1]}[scales.order]
    for t in range(frames - scales.order):
        moved = sum(s * xyz[t + k] for k, s in enumerate(step))
        out += list(scales.smooth * moved.ravel())
    for k, (a, b) in enumerate(film.bones):
        for t in range(frames):
            long = np.sqrt(((xyz[t, a] - xyz[t, b]) ** 2).sum())
            out.append(scales.length[k] * 100 * (long - lengths[k]) / lengths[k])
    return np.array(out)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_objective_is_its_definition(order):
    xyz, seen = film(frames=5)
    place = xyz + np.random.default_rng(0).normal(0, 3, xyz.shape)
    lengths = LENGTHS[1:] * 1.1
    slowly = (residuals(place, lengths, seen, scales(order)) ** 2).sum() / 2
    fast = constrained.objective(place, lengths, seen, scales(order))
    np.testing.assert_allclose(fast, slowly, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_are_those_of_small_steps(order):
    xyz, seen = film(frames=5)
    xyz = xyz + np.random.default_rng(0).normal(0, 3, xyz.shape)
    seen = seen._replace(score=constrained._explicable(xyz, seen))
    lengths = LENGTHS[1:] * 1.1
    normal = constrained.Normal(*constrained._normal(xyz, lengths, *seen, *scales(order)))
    for i in range(xyz.size):
        step = np.zeros(xyz.size)
        step[i] = 1e-5
        two = [
            constrained.objective(
                xyz + s * step.reshape(xyz.shape), lengths, seen, scales(order)
            )
            for s in (1, -1)
        ]
        assert abs((two[0] - two[1]) / 2e-5 - normal.gradient[i]) < 1e-3
    for k in range(4):
        step = 1e-5 * np.eye(4)[k]
        two = [
            constrained.objective(xyz, lengths + s * step, seen, scales(order)) for s in (1, -1)
        ]
        assert abs((two[0] - two[1]) / 2e-5 - normal.end_gradient[k]) < 1e-3


@pytest.mark.parametrize("order", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_ends_no_higher_than_a_generic_optimiser(order):
    xyz, seen = film(frames=6)
    start = xyz + np.random.default_rng(1).normal(0, 4, xyz.shape)
    found = constrained.optimise(start, seen, scales(order), 1e-12)

    def wrong(x):
        return residuals(x[: xyz.size].reshape(xyz.shape), x[xyz.size :], seen, scales(order))

    first = np.concatenate([start.ravel(), constrained.usual_lengths(start, BONES)])
    theirs = least_squares(wrong, first, xtol=1e-12, ftol=1e-12, gtol=1e-12)
    assert found.value <= theirs.cost * (1 + 1e-6)
    np.testing.assert_allclose(
        found.value, constrained.objective(found.xyz, found.lengths, seen, scales(order))
    )


def test_bones_grow_alike_in_all_frames_and_find_their_length():
    xyz, seen = film(frames=80, noise=3.0)
    start = xyz + np.random.default_rng(1).normal(0, 4, xyz.shape)
    strong = scales()._replace(length=np.full(4, 5.0), smooth=0.01)
    found = constrained.optimise(start, seen, strong, 1e-8)
    bones = np.linalg.norm(found.xyz[:, BONES[:, 0]] - found.xyz[:, BONES[:, 1]], axis=-1)
    assert (bones.std(0) / bones.mean(0)).max() < 0.02
    np.testing.assert_allclose(found.lengths, LENGTHS[1:], rtol=0.08)  # noise lengthens


def test_without_bones_or_motion_every_point_is_by_itself():
    xyz, seen = film(frames=4, missing=0.0)
    alone = seen._replace(bones=np.zeros((0, 2), int))
    free = Scales(0.0, np.zeros(0), 15.0, 1)
    whole = constrained.optimise(xyz, alone, free, 1e-14)
    part = Film(alone.xy[2:3], alone.score[2:3], alone.params, alone.bones)
    one = constrained.optimise(xyz[2:3], part, free._replace(order=0), 1e-14)
    np.testing.assert_allclose(whole.xyz[2], one.xyz[0], atol=1e-3)


def test_usual_step_is_that_of_the_median_and_of_a_still_film_one():
    still = np.zeros((20, 2, 3))
    assert constrained.usual_step(still) == 1.0
    assert constrained.usual_step(still[:1]) == 1.0
    spiked = np.zeros((20, 1, 3)) + np.arange(20.0)[:, None, None]
    spiked[9] += 500
    assert constrained.usual_step(spiked) < 1.2


def test_lengths_far_off_start_at_the_median_of_all():
    xyz = np.zeros((3, 6, 3))
    xyz[:, 1:5, 0] = 10, 21, 33, 43
    xyz[:, 5, 0] = 543
    bones = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]])
    assert constrained.usual_lengths(xyz, bones).tolist() == [10, 11, 12, 10, 11]


def test_gaps_are_bridged_and_ends_held():
    xyz = np.full((5, 2, 3), np.nan)
    xyz[1, 0], xyz[3, 0] = 2.0, 4.0
    assert constrained.filled(xyz)[:, 0, 0].tolist() == [2, 2, 3, 4, 4]
    assert not constrained.filled(xyz)[:, 1].any()
