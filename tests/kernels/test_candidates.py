import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gambol.core.cameras import Camera, Rig
from gambol.kernels import candidates, observation, projection

seeds = st.integers(0, 2**32 - 1)
MATRIX = np.array([[800.0, 0.0, 320.0], [0.0, 800.0, 240.0], [0.0, 0.0, 1.0]])


def rig(views):
    """Cameras on an arc, 500 units away from the origin, with a little distortion."""
    cameras = [
        Camera(
            f"c{v}", MATRIX, np.array([0.0, angle, 0.0]), np.array([0.0, 0.0, 500.0]),
            distortion=np.array([-0.1, 0.02, 1e-3, -1e-3, 0.0]),
        )
        for v, angle in enumerate(np.linspace(-0.8, 0.8, views))
    ]  # fmt: skip
    return Rig(tuple(cameras)).params()


def scene(seed, frames=2, points=2, views=3, count=3, flat=False):
    """Points, and views that each name up to three peaks, one of them right or none."""
    rng = np.random.default_rng(seed)
    params = rig(views)
    if flat:
        params[:, 0], params[:, 12:18] = projection.AFFINE, params[:, 12:18] * 1.5
        params[:, 21:23] = MATRIX[:2, 2]
    x = rng.normal(0, 40, (frames, points, 3))
    uv = projection.project(x.reshape(-1, 3), params).uv.reshape(views, frames, points, 2)
    shape = frames, views, points, count
    peaks = uv.transpose(1, 0, 2, 3)[..., None, :] + rng.normal(0, 4, (*shape, 2))
    peaks[rng.random(shape) < 0.5] += rng.normal(0, 12, 2)
    fewer = rng.random(shape) < 0.3
    fewer[..., 0] &= rng.random(shape[:3]) < 0.3
    peaks[fewer] = np.nan
    share = np.where(fewer, 0.0, rng.uniform(0.1, 1, shape))
    total = share.sum(-1, keepdims=True)
    share = share / np.where(total > 0, total, 1)
    inlier, prior = rng.uniform(1, 9, shape[:3]), rng.uniform(0, 1, shape[:3])
    return x, (peaks, share, params, inlier, rng.uniform(100, 900, shape[1:3]), prior)


def normal(r, variance):
    return stats.multivariate_normal(np.zeros(2), variance * np.eye(2)).pdf(r)


@given(seed=seeds)
def test_energy_is_the_sum_over_every_assignment_of_peaks(seed):
    """One point, three views: each means one of its peaks or none, all 4³ ways."""
    x, parts = scene(seed, frames=1, points=1)
    peaks, share, params, inlier, outlier, prior = parts
    uv = projection.project(x[:, 0], params).uv[:, 0]
    density, belonging = 0.0, np.zeros((3, 4))
    seen = np.isfinite(peaks[0, :, 0, 0, 0])
    for choice in itertools.product(range(4), repeat=3):
        joint = 1.0
        for v, c in enumerate(choice):
            if not seen[v]:
                joint *= c == 3  # nothing is said of what is not seen
            elif c == 3:
                far = normal(peaks[0, v, 0, 0] - uv[v], outlier[v, 0])
                joint *= prior[0, v, 0] * far
            elif np.isfinite(peaks[0, v, 0, c, 0]):
                near = normal(peaks[0, v, 0, c] - uv[v], inlier[0, v, 0])
                joint *= (1 - prior[0, v, 0]) * share[0, v, 0, c] * near
            else:
                joint = 0.0
        density += joint
        for v, c in enumerate(choice):
            belonging[v, c] += joint
    data = candidates.seen(*parts)
    got = candidates.linearise(x, data)
    assert np.isclose(got.energy, -np.log(density), rtol=1e-9, atol=1e-9)
    share_of = candidates.responsibilities(x, data)[0, :, 0]
    assert np.allclose(share_of, (belonging / density)[:, :3] * seen[:, None], atol=1e-9)
    assert np.allclose(got.outlier[0, seen, 0], (belonging / density)[seen, 3], atol=1e-9)
    assert np.isnan(got.outlier[0, ~seen, 0]).all()


@given(seed=seeds)
def test_with_one_peak_it_is_the_model_of_single_observations(seed):
    x, (peaks, _, *more) = scene(seed, count=1)
    share = np.isfinite(peaks).all(-1).astype(float)
    data = candidates.seen(peaks, share, *more)
    several = candidates.linearise(x, data)
    single = observation.linearise(x, peaks[..., 0, :], *more)
    for name in ("energies", "gradient", "blocks", "excess", "outlier", "residual", "pull"):
        assert np.allclose(
            getattr(several, name), getattr(single, name), rtol=1e-9, atol=1e-9, equal_nan=True
        )
    seen = several.outlier < 1 - 1e-9
    assert np.allclose(several.square[seen], (single.residual**2).sum(-1)[seen])


def test_gradient_and_curvature_are_slopes():
    """Affine cameras have no second derivatives, so that nothing is left out."""
    x, parts = scene(5, flat=True)
    data, h = candidates.seen(*parts), 1e-5
    got = candidates.linearise(x, data)
    for t, j, k in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[t, j, k] = h
        ahead, behind = (candidates.linearise(x + s * step, data) for s in (1, -1))
        slope = (ahead.energy - behind.energy) / 2 / h
        assert np.isclose(got.gradient[t, j, k], slope, rtol=1e-4, atol=1e-5)
        bend = (ahead.gradient - behind.gradient)[t, j] / 2 / h
        assert np.allclose((got.blocks - got.excess)[t, j, k], bend, rtol=1e-4, atol=1e-5)


def test_what_descent_is_told_is_the_same():
    x, parts = scene(6)
    data = candidates.seen(*parts)
    whole = candidates.linearise(x, data)
    chosen = np.array([1])
    part = data.of_frames(np.array([1])).pulls(x[1:, 1].reshape(1, 1, 3), chosen)
    assert np.allclose(part.energy, whole.energies[1, 1])
    assert np.allclose(part.gradient[0, 0], whole.gradient[1, 1])
    assert np.allclose(part.curvature[0, 0], observation.sharpened(whole)[1, 1])


@pytest.mark.parametrize("behind", [False, True])
def test_a_place_that_no_camera_sees_wins_nothing(behind):
    x, (_, share, *more) = scene(7)
    peaks = np.full((*share.shape, 2), 300.0)
    x = np.zeros_like(x)
    x[..., 2] = -600.0 if behind else 0.0
    even = np.full_like(share, 1 / 3)
    got = candidates.linearise(x, candidates.seen(peaks, even, *more))
    one = observation.linearise(x, peaks[..., 0, :], *more)
    assert np.allclose(got.energies, one.energies)
    assert np.allclose(got.gradient, one.gradient)
    assert np.isfinite(got.blocks).all()
    assert (got.square[got.outlier == 1] == 0).all()
