"""Epipolar geometry against projected points, noise of known size, and finite differences."""

import numpy as np
import pytest

from gambol.kernels import epipolar, projection
from gambol.simulate import rigs

LENSES = [rigs.ORDINARY, rigs.WIDE, rigs.FISHEYE, rigs.LONG, rigs.TELECENTRIC]


def seen(lens, seed=0, count=300):
    rng = np.random.default_rng(seed)
    params = rigs.dome(rng, 2, 100.0, lens).params()
    points = rng.uniform(-55, 55, (count, 3))
    return params, projection.project(points, params).uv, rng


@pytest.mark.parametrize("lens", LENSES)
def test_pixels_of_one_point_agree(lens):
    params, uv, _ = seen(lens)
    matrix = epipolar.fundamental(params[0], params[1])
    pair = [epipolar.straighten(uv[v], params[v]) for v in range(2)]
    assert np.nanmax(epipolar.sampson(*pair, matrix)) < 1e-10
    back = epipolar.fundamental(params[1], params[0])
    assert min(np.abs(back - matrix.T).max(), np.abs(back + matrix.T).max()) < 1e-9


@pytest.mark.parametrize("lens", LENSES)
def test_the_distance_of_noisy_pixels_has_the_variance_of_the_noise(lens):
    params, uv, rng = seen(lens, count=4000)
    noisy = uv + rng.normal(0, 1.5, uv.shape)
    pair = [epipolar.straighten(noisy[v], params[v]) for v in range(2)]
    squared = epipolar.sampson(*pair, epipolar.fundamental(params[0], params[1]))
    assert np.mean(squared) == pytest.approx(1.5**2, rel=0.08)
    assert np.median(squared) == pytest.approx(0.4549 * 1.5**2, rel=0.1)  # of chi-square, 1


@pytest.mark.parametrize("lens", LENSES)
def test_slopes_are_those_of_small_steps(lens):
    params, uv, _ = seen(lens)
    straight = epipolar.straighten(uv[0], params[0])
    for axis in range(2):
        step = 1e-3 * np.eye(2)[axis]
        ahead, behind = (epipolar.straighten(uv[0] + s, params[0]).xy for s in (step, -step))
        np.testing.assert_allclose(
            straight.slope[..., axis], (ahead - behind) / 2e-3, rtol=1e-4, atol=1e-5
        )


def test_straight_pixels_are_those_of_the_straight_matrix():
    rng = np.random.default_rng(3)
    params = rigs.dome(rng, 1, 100.0).params()
    points = rng.uniform(-50, 50, (20, 3))
    uv = projection.project(points, params).uv[0]
    whole = np.column_stack([points, np.ones(20)]) @ epipolar.straight_matrix(params[0]).T
    expected = whole[:, :2] / whole[:, 2:]
    np.testing.assert_allclose(epipolar.straighten(uv, params[0]).xy, expected, atol=1e-6)


def test_a_missing_pixel_has_no_distance():
    params, uv, _ = seen(rigs.ORDINARY)
    uv[0, 3] = np.nan
    pair = [epipolar.straighten(uv[v], params[v]) for v in range(2)]
    squared = epipolar.sampson(*pair, epipolar.fundamental(params[0], params[1]))
    assert np.isnan(squared[3]) and np.isfinite(np.delete(squared, 3)).all()
