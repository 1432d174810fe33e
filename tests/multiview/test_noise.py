import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted_poses import filmed, poses
from scipy import stats
from scipy.special import expit

from gambol.kernels import observation
from gambol.multiview import noise as noises
from gambol.multiview.noise import Noise

seeds = st.integers(0, 2**32 - 1)


def world(seed=0, frames=150, **more):
    rng = np.random.default_rng(seed)
    x = poses(rng, frames, sweeps=2)
    data, wrong = filmed(rng, x, **more)
    return x, data, wrong


def fitted(data, x, spread=None, kind="mixture", rounds=20, dof=4.0):
    """EM of the noise with points held where they are."""
    noise = noises.first(data, x, kind, dof)
    for _ in range(rounds):
        linear = noises.emission(data, noise).at(x)
        none = np.zeros(data.confidence.shape)
        noise = noises.learn(noise, data, linear, none if spread is None else spread)
    return noise


def test_noise_and_outliers_are_recovered_around_known_points():
    x, data, wrong = world(outliers=0.1, far=60.0)
    noise = fitted(data, x)
    assert np.isclose(np.sqrt(np.median(noise.inlier)), 3.0, rtol=0.1)
    assert np.isclose(np.sqrt(np.median(noise.outlier)), 60.0, rtol=0.15)
    assert np.isclose(noise.prior.mean(), 0.1, atol=0.02)
    z = noises.emission(data, noise).at(x).outlier
    seen = np.isfinite(z)
    assert z[seen & wrong].mean() > 0.8
    assert z[seen & ~wrong].mean() < 0.05


def test_noise_around_uncertain_points_counts_their_uncertainty():
    """Points that follow their observations halfway hide half of the noise."""
    rng = np.random.default_rng(1)
    x, data, _ = world(missing=0.0)
    cov = np.tile(4.0 * np.eye(3), (*x.shape[:2], 1, 1))
    off = x + rng.normal(0, 2.0, x.shape)
    spread = observation.spread(off, cov, data.params)
    spread = np.trace(spread, axis1=-2, axis2=-1)
    apparent = fitted(data, off)  # noise and error together, of which the spread is known
    both = fitted(data, off, spread)
    assert (both.inlier > apparent.inlier).all()
    gain = both.inlier - apparent.inlier
    assert np.isclose(np.median(gain), np.median(spread) / 2, rtol=0.2)


def test_a_known_variance_is_taken_off_what_is_learned():
    x, data, _ = world(px=3.0)
    shape = data.confidence.shape
    rng = np.random.default_rng(2)
    told = rng.choice([1.0, 25.0], shape)
    more = rng.normal(size=data.xy.shape) * np.sqrt(told)[..., None]
    data = data._replace(xy=data.xy + more, variance=told)
    noise = fitted(data, x)
    assert np.isclose(np.median(noise.inlier), 9.0, rtol=0.2)
    inlier, _ = noises.per_observation(noise, data.variance, data.confidence)
    assert np.allclose(inlier, noise.inlier + told)


def test_confidence_that_tells_outliers_is_believed():
    rng = np.random.default_rng(4)
    x, data, wrong = world(outliers=0.15, frames=200)
    sure = np.where(wrong, rng.beta(2, 6, wrong.shape), rng.beta(8, 2, wrong.shape))
    data = data._replace(confidence=sure)
    noise = fitted(data, x)
    assert noise.slope > 3
    _, prior = noises.per_observation(noise, data.variance, data.confidence)
    assert prior[sure < 0.2].mean() > 0.7
    assert prior[sure > 0.9].mean() < 0.05
    # the truth by Bayes, of two beta densities
    odds = 0.15 / 0.85 * stats.beta(2, 6).pdf(sure) / stats.beta(8, 2).pdf(sure)
    assert np.abs(prior - odds / (1 + odds)).mean() < 0.08


def test_confidence_without_information_is_learned_to_tell_little():
    rng = np.random.default_rng(5)
    x, data, _ = world(outliers=0.1, frames=200)
    data = data._replace(confidence=rng.uniform(0.2, 1, data.confidence.shape))
    _, prior = noises.per_observation(noise := fitted(data, x), data.variance, data.confidence)
    assert abs(noise.slope) < 2
    assert np.abs(prior - 0.1).mean() < 0.06


def test_the_default_prior_is_the_sigmoid_of_confidence():
    half = np.full((1, 1), 0.5)
    noise = Noise(half, half, half, noises.SLOPE, noises.MIDDLE)
    sure = np.linspace(0, 1, 11)[:, None, None]
    _, prior = noises.per_observation(noise, np.full_like(sure, np.nan), sure)
    expected = np.clip(expit(20 * (0.3 - sure)), 1e-3, 1 - 1e-6)
    assert np.allclose(prior, expected)


def test_student_scale_is_recovered():
    rng = np.random.default_rng(6)
    x, data, _ = world(px=0.0, missing=0.0, frames=300)
    draws = stats.multivariate_t(np.zeros(2), 4.0 * np.eye(2), df=4, seed=rng)
    data = data._replace(xy=data.xy + draws.rvs(data.confidence.size).reshape(data.xy.shape))
    noise = fitted(data, x, kind="student", rounds=40)
    assert np.isclose(np.median(noise.inlier), 4.0, rtol=0.1)


def test_a_sharp_detector_is_not_thought_blunt():
    """What is usual counts little against thousands of observations."""
    x, data, _ = world(px=0.2)
    assert np.isclose(np.sqrt(np.median(fitted(data, x).inlier)), 0.2, rtol=0.15)


def test_gaussian_noise_knows_no_outliers():
    x, data, _ = world(outliers=0.1)
    noise = fitted(data, x, kind="gaussian")
    assert (noise.prior == 0).all()
    assert np.sqrt(np.median(noise.inlier)) > 10


@pytest.mark.parametrize("kind", ["gaussian", "mixture", "student"])
def test_scores_of_uncertain_points_are_densities(kind):
    """Summed over a fine grid of observations they are 1."""
    x, data, _ = world(frames=2)
    noise = noises.first(data, x, kind, 4.0)
    noise = noise._replace(outlier=np.full_like(noise.outlier, 900.0))
    step = 4.0
    around = np.arange(-400, 400, step)
    grid = np.stack(np.meshgrid(around, around), -1).reshape(-1, 1, 1, 2)
    one = data.of_frames(np.zeros(len(grid), int)).of_keypoints(np.array([0]))
    points = np.repeat(x[:1, :1], len(grid), axis=0)
    cov = np.tile(np.diag([9.0, 1.0, 4.0]), (len(grid), 1, 1, 1))
    at = noises.emission(one._replace(xy=np.zeros_like(one.xy)), noise_of_first(noise)).at(
        points
    )
    middle = -at.residual[:, :1, :1]
    wide = one._replace(xy=np.broadcast_to(middle + grid, one.xy.shape).copy())
    score = noises.log_score(noises.emission(wide, noise_of_first(noise)), points, cov)
    assert np.isclose(np.exp(score[:, 0, 0]).sum() * step**2, 1.0, atol=0.01)


def noise_of_first(noise):
    return noise._replace(
        inlier=noise.inlier[:, :1], outlier=noise.outlier[:, :1], prior=noise.prior[:, :1]
    )


@given(seeds)
def test_missing_observations_change_nothing(seed):
    x, data, _ = world(frames=10)
    rng = np.random.default_rng(seed)
    other = data._replace(
        confidence=np.where(np.isnan(data.xy[..., 0]), rng.random(data.confidence.shape), 1.0)
    )
    assert np.array_equal(fitted(data, x).inlier, fitted(other, x).inlier)
