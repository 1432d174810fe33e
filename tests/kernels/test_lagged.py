"""Agreement over lags against the plain distance; the cheapest path against all paths."""

import itertools

import numpy as np
import pytest

from gambol.kernels import epipolar, lagged, projection
from gambol.simulate import rigs


def seen(frames=60, noise=0.0):
    rng = np.random.default_rng(0)
    params = rigs.dome(rng, 2, 100.0).params()
    clock = np.arange(frames)[:, None, None] / 9 + np.arange(5)[:, None]
    points = 40 * np.sin(clock + np.array([0.0, 1.0, 2.0]))
    uv = projection.project(points.reshape(-1, 3), params).uv.reshape(2, frames, 5, 2)
    uv = uv + noise * rng.normal(size=uv.shape)
    pair = [epipolar.straighten(uv[v], params[v]) for v in range(2)]
    return pair, epipolar.fundamental(params[0], params[1])


def test_the_cost_is_the_capped_weighted_distance():
    (one, late), matrix = seen(noise=3.0)
    frames, lags = np.arange(10, 40), np.array([-3.0, 0.0, 2.0])
    weight = np.random.default_rng(1).uniform(0.1, 1, one.xy.shape[:2])
    base = np.zeros(30)
    got = lagged.agree(one, late, matrix, frames, base, lags, weight, scale=2.0, cap=4.0)
    for k, lag in enumerate(lags.astype(int)):
        parts = (part[frames + lag] for part in late)
        squared = epipolar.sampson(
            epipolar.Straight(*(part[frames] for part in one)),
            epipolar.Straight(*parts),
            matrix,
        )
        expected = (weight[frames] * np.minimum(squared / 4, 4)).sum(axis=1)
        np.testing.assert_allclose(got.cost[:, k], expected)
        np.testing.assert_allclose(got.weight[:, k], weight[frames].sum(axis=1))


def test_lags_beyond_the_ends_and_missing_points_weigh_nothing():
    (one, late), matrix = seen()
    late.xy[20] = np.nan
    lags = np.array([0.0, 1.0, 100.0])
    weight = np.ones(one.xy.shape[:2])
    at = np.array([19, 20])
    got = lagged.agree(one, late, matrix, at, np.zeros(2), lags, weight, scale=1.0, cap=9.0)
    assert (got.weight > 0).tolist() == [[True, False, False], [False, True, False]]


def test_between_frames_values_are_on_a_line():
    values = np.array([[0.0], [10.0], [np.nan], [30.0]])
    got = lagged.between(values, np.array([0.25, 1.0, 1.5, 3.0, 3.1, -0.1]))[:, 0]
    np.testing.assert_allclose(got, [2.5, 10, np.nan, 30, np.nan, np.nan])


@pytest.mark.parametrize("seed", range(5))
def test_no_path_is_cheaper(seed):
    cost = np.random.default_rng(seed).uniform(0, 3, (6, 3))

    def total(path):
        jumps = sum(a != b for a, b in itertools.pairwise(path))
        return sum(cost[t, k] for t, k in enumerate(path)) + 1.3 * jumps

    found = lagged.steps(cost, 1.3)
    best = min(total(path) for path in itertools.product(range(3), repeat=6))
    assert found.total == pytest.approx(best) == pytest.approx(total(found.state))


def test_velocity_is_the_slope_even_with_a_stray_frame():
    xy = 3.0 * np.arange(30)[:, None, None] * np.array([1.0, -0.5]) + np.zeros((30, 1, 2))
    xy[12] += 500
    xy[20] = np.nan
    got = lagged.velocity(xy)[2:-2, 0]
    clean = np.isfinite(got[:, 0])
    assert clean[4:-4].all()
    np.testing.assert_allclose(got[10 + 5 : 10 + 6], [[3.0, -1.5]], rtol=0.4)
    np.testing.assert_allclose(got[3], [3.0, -1.5])


def test_rates_are_differences_of_distances_and_both_views_tell_them():
    (one, late), matrix = seen()
    moving = np.gradient(one.xy, axis=0), np.gradient(late.xy, axis=0)
    got = lagged.tangents(one, late, moving, matrix, np.arange(60.0))
    np.testing.assert_allclose(got.distance**2, epipolar.sampson(one, late, matrix), atol=1e-12)
    step = 1e-3
    ahead = epipolar.Straight(late.xy + step * moving[1], late.slope)
    expected = np.sqrt(epipolar.sampson(one, ahead, matrix)) / step
    np.testing.assert_allclose(np.abs(got.late), expected, rtol=1e-3, atol=1e-3)
    inner = slice(1, -1)
    np.testing.assert_allclose(got.early[inner], got.late[inner], rtol=0.05, atol=0.05)


def test_distances_at_a_lag_are_those_of_frames_between():
    (one, late), matrix = seen()
    moving = np.gradient(one.xy, axis=0), np.gradient(late.xy, axis=0)
    got = lagged.tangents(one, late, moving, matrix, np.arange(60) + 2.25)
    there = epipolar.Straight(lagged.between(late.xy, np.arange(60) + 2.25), late.slope)
    near = epipolar.Straight(there.xy, np.roll(late.slope, -2, axis=0))
    expected = epipolar.sampson(one, near, matrix)
    np.testing.assert_allclose(got.distance**2, expected, atol=1e-9)
    assert np.isnan(got.distance[-3:]).all() and np.isnan(got.late[-3:]).all()
