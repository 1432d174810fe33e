import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gambol.core.cameras import Camera, Rig
from gambol.kernels import observation, projection

seeds = st.integers(0, 2**32 - 1)
MATRIX = np.array([[800.0, 0.0, 320.0], [0.0, 800.0, 240.0], [0.0, 0.0, 1.0]])


def rig(views=3):
    """Cameras on an arc, 500 units away from the origin, with a little distortion."""
    cameras = [
        Camera(
            f"c{v}", MATRIX, np.array([0.0, angle, 0.0]), np.array([0.0, 0.0, 500.0]),
            distortion=np.array([-0.1, 0.02, 1e-3, -1e-3, 0.0]),
        )
        for v, angle in enumerate(np.linspace(-0.8, 0.8, views))
    ]  # fmt: skip
    return Rig(tuple(cameras)).params()


def scene(seed, frames=3, points=2, views=3):
    """Points, and noisy observations of which some miss and some are far off."""
    rng = np.random.default_rng(seed)
    params = rig(views)
    x = rng.normal(0, 40, (frames, points, 3))
    uv = projection.project(x.reshape(-1, 3), params).uv.reshape(views, frames, points, 2)
    xy = uv.transpose(1, 0, 2, 3) + rng.normal(0, 2, (frames, views, points, 2))
    shape = frames, views, points
    xy[rng.random(shape) < 0.2] += rng.normal(0, 30, 2)
    xy[rng.random(shape) < 0.2] = np.nan
    inlier = rng.uniform(1, 9, shape)
    return x, xy, params, inlier, rng.uniform(100, 900, shape[1:]), rng.uniform(0, 1, shape)


def density(parts, kind, dof=4.0):
    """The definition: -log p of all observations."""
    x, xy, params, inlier, outlier, prior = parts
    total = 0.0
    for t, v, j in np.ndindex(inlier.shape):
        if np.isnan(xy[t, v, j, 0]):
            continue
        r = xy[t, v, j] - projection.project(x[t, j][None], params).uv[v, 0]
        if kind == "student":
            shape = stats.multivariate_t(np.zeros(2), inlier[t, v, j] * np.eye(2), df=dof)
            total -= shape.logpdf(r)
            continue
        good, bad = (
            stats.multivariate_normal(np.zeros(2), s * np.eye(2)).pdf(r)
            for s in (inlier[t, v, j], outlier[v, j])
        )
        total -= np.log((1 - prior[t, v, j]) * good + prior[t, v, j] * bad)
    return total


def linear(parts, kind, dof=4.0):
    if kind == "student":
        return observation.linearise_student(*parts[:4], dof)
    return observation.linearise(*parts)


@pytest.mark.parametrize("kind", ["mixture", "student"])
@given(seed=seeds)
def test_energy_is_the_definition(kind, seed):
    parts = scene(seed)
    got = linear(parts, kind)
    assert np.isclose(got.energy, density(parts, kind), rtol=1e-9)
    assert np.isclose(got.energies.sum(), got.energy)


@pytest.mark.parametrize("kind", ["mixture", "student"])
def test_gradient_is_the_slope_of_the_energy(kind):
    parts = scene(4)
    got, h = linear(parts, kind), 1e-5
    for t, j, k in np.ndindex(parts[0].shape):
        step = np.zeros_like(parts[0])
        step[t, j, k] = h
        ahead, behind = (
            linear((parts[0] + sign * step, *parts[1:]), kind).energy for sign in (1, -1)
        )
        assert np.isclose(got.gradient[t, j, k], (ahead - behind) / 2 / h, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["mixture", "student"])
def test_observed_information_is_the_curvature_of_flat_cameras(kind):
    """An affine camera has no second derivatives, so that nothing is left out."""
    x, _, params, inlier, outlier, prior = scene(5)
    params = params.copy()
    params[:, 0], params[:, 12:18] = projection.AFFINE, params[:, 12:18] * 1.5
    params[:, 21:23] = MATRIX[:2, 2]
    rng = np.random.default_rng(6)
    xy = projection.project(x.reshape(-1, 3), params).uv.reshape(3, 3, 2, 2)
    xy = xy.transpose(1, 0, 2, 3) + rng.normal(0, 6, (3, 3, 2, 2))
    parts = (x, xy, params, inlier, outlier, prior)
    got, h = linear(parts, kind), 1e-4
    for t, j, k in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[t, j, k] = h
        ahead, behind = (
            linear((x + sign * step, *parts[1:]), kind).gradient for sign in (1, -1)
        )
        slope = (ahead - behind)[t, j] / 2 / h
        assert np.allclose((got.blocks - got.excess)[t, j, k], slope, rtol=1e-4, atol=1e-6)


def test_a_missing_view_is_no_view():
    x, xy, params, inlier, outlier, prior = scene(7)
    xy[:, 1] = np.nan
    masked = observation.linearise(x, xy, params, inlier, outlier, prior)
    keep = [0, 2]
    without = observation.linearise(
        x, xy[:, keep], params[keep], inlier[:, keep], outlier[keep], prior[:, keep]
    )
    for name in ("energies", "gradient", "blocks", "excess"):
        assert np.allclose(getattr(masked, name), getattr(without, name), atol=1e-12, rtol=0)
    assert np.isnan(masked.outlier[:, 1]).all()
    assert np.isfinite(masked.residual).all()
    assert np.isfinite(masked.pull).all()


def test_a_point_behind_a_camera_wins_nothing_there():
    x, xy, params, inlier, outlier, prior = scene(8)
    x = np.zeros_like(x)
    before = observation.linearise(x, np.full_like(xy, 300.0), params, inlier, outlier, prior)
    x[..., 2] = -600
    after = observation.linearise(x, np.full_like(xy, 300.0), params, inlier, outlier, prior)
    behind = projection.project(x.reshape(-1, 3), params).valid.reshape(3, 3, 2)
    behind = ~behind.transpose(1, 0, 2)
    assert behind.any()
    assert (after.outlier[behind] == 1).all()
    assert (after.pull[behind] == 0).all()
    assert after.energy > before.energy
    assert np.isfinite(after.gradient).all()


def test_spread_is_the_covariance_of_projected_draws():
    rng = np.random.default_rng(9)
    root = rng.normal(size=(3, 3))
    cov = root @ root.T
    params = rig(2)
    got = observation.spread(np.zeros((1, 1, 3)), cov[None, None], params)[0, :, 0]
    draws = projection.project(rng.multivariate_normal(np.zeros(3), cov, 50_000), params).uv
    for v in range(2):
        assert np.allclose(np.cov(draws[v].T), got[v], rtol=0.05, atol=0.05 * got[v].max())


def test_sure_priors_choose_one_component():
    x, xy, params, inlier, outlier, prior = scene(10)
    seen = np.isfinite(xy[..., 0])
    none = observation.linearise(x, xy, params, inlier, outlier, np.zeros_like(prior))
    all_of = observation.linearise(x, xy, params, inlier, outlier, np.ones_like(prior))
    wide = np.broadcast_to(outlier, inlier.shape).copy()
    as_wide = observation.linearise(x, xy, params, wide, outlier, np.zeros_like(prior))
    assert (none.outlier[seen] == 0).all()
    assert (all_of.outlier[seen] == 1).all()
    assert np.isclose(all_of.energy, as_wide.energy)
    assert np.allclose(all_of.blocks, as_wide.blocks)


@pytest.mark.parametrize("kind", ["mixture", "student"])
@given(seed=seeds)
def test_pulls_are_the_linear_model_of_some_keypoints(kind, seed):
    x, xy, params, inlier, outlier, prior = scene(seed, points=3)
    prior[:, 0], prior[:, 1, 0] = 0.0, 1.0  # Gaussian noise; nothing but outliers
    x[0, 0, 2] = -2000.0  # behind the cameras
    dof = 4.0 if kind == "student" else 0.0
    whole = linear((x, xy, params, inlier, outlier, prior), kind)
    chosen = np.array([2, 0])
    seen = observation.tracks(xy, params, inlier, outlier, prior, dof)
    got = observation.pulls(x.transpose(1, 0, 2)[chosen], seen, chosen)
    assert np.allclose(got.energy, whole.energies.T[chosen], rtol=1e-12)
    assert np.allclose(got.gradient, whole.gradient.transpose(1, 0, 2)[chosen], rtol=1e-9)
    curvature = observation.sharpened(whole).transpose(1, 0, 2, 3)[chosen]
    assert np.allclose(got.curvature, curvature, rtol=1e-9, atol=1e-12)
