"""Heading, centroid and noise of keypoints against grids and dense conditioning."""

import numpy as np
import pytest
from scipy import stats

from gambol.kernels import slds_frames
from gambol.kernels.slds_frames import Body, Course, Noise


def world(d, frames=6, points=3, dims=2):
    rng = np.random.default_rng(d)
    body = Body(rng.standard_normal((points, d, dims)), rng.standard_normal((points, d)))
    course = Course(
        rng.standard_normal((frames, points, d)), rng.standard_normal((frames, d)),
        rng.uniform(-3, 3, frames),
    )  # fmt: skip
    weight = rng.random((frames, points))
    weight[0, 1] = 0.0
    weight[3:4] = 0.0
    return rng.standard_normal((frames, dims)), body, course, weight


def where(x, body, v, h):
    """Keypoints (J, d) of a frame, from the definition."""
    turned = np.eye(len(v))
    turned[:2, :2] = [[np.cos(h), -np.sin(h)], [np.sin(h), np.cos(h)]]
    return (body.loads @ x + body.offset) @ turned.T + v


@pytest.mark.parametrize("d", [2, 3])
def test_predictions_and_residuals_follow_the_definition(d):
    x, body, course, _ = world(d)
    found = slds_frames.predicted(x, body, course)
    for t in range(len(x)):
        want = where(x[t], body, course.centroid[t], course.heading[t])
        np.testing.assert_allclose(found[t], want, atol=1e-12)
    square = ((course.xy - found) ** 2).sum(-1)
    np.testing.assert_allclose(slds_frames.residuals(x, body, course), square, atol=1e-12)


@pytest.mark.parametrize("d", [2, 3])
def test_headings_follow_the_likelihood_on_a_grid(d):
    x, body, course, weight = world(d)
    grid = np.linspace(-np.pi, np.pi, 2001)[:-1]
    draws = np.array(
        [
            slds_frames.headings(np.random.default_rng(i), x, body, course, weight)
            for i in range(4000)
        ]
    )
    for t in range(len(x)):
        logs = [
            -weight[t] @ ((course.xy[t] - where(x[t], body, course.centroid[t], h)) ** 2).sum(1)
            for h in grid
        ]
        share = np.exp(np.array(logs) / 2 - max(logs) / 2)
        want = (share * np.exp(1j * grid)).sum() / share.sum()
        found = np.exp(1j * draws[:, t])
        error = np.sqrt((1 - abs(want) ** 2) / len(draws)) + 1e-6
        assert abs(found.mean() - want) < 4 * error
    mode = slds_frames.headings(None, x, body, course, weight)
    assert mode[3] == course.heading[3]  # nothing seen, nothing said


@pytest.mark.parametrize("d", [2, 3])
def test_centroids_are_those_of_dense_conditioning(d):
    x, body, course, weight = world(d)
    step, frames = 0.7, len(x)
    p = np.diag(weight.sum(1))
    for t in range(1, frames):
        p[t - 1 : t + 1, t - 1 : t + 1] += np.array([[1, -1], [-1, 1]]) / step
    free = np.array([where(x[t], body, np.zeros(d), course.heading[t]) for t in range(frames)])
    b = (weight[..., None] * (course.xy - free)).sum(1)
    want = np.linalg.solve(p, b)
    mean = slds_frames.centroids(None, x, body, course, weight, step)
    np.testing.assert_allclose(mean, want, atol=1e-8)
    rng, n = np.random.default_rng(1), 20_000
    draws = np.array(
        [slds_frames.centroids(rng, x, body, course, weight, step) for _ in range(n)]
    )
    rest = (draws - want)[:, :, 0]
    products = rest[:, :, None] * rest[:, None, :]
    error = products.std(0) / np.sqrt(n)
    assert (abs(products.mean(0) - np.linalg.inv(p)) < 4.5 * error).all()


@pytest.mark.parametrize("d", [2, 3])
def test_scales_follow_their_scaled_inverse_chi_square(d):
    x, body, course, _ = world(d, frames=1)
    noise = Noise(
        np.ones((1, 3), bool), np.array([[0.3, 1.0, 2.0]]), 5.0, np.array([1.0, 2, 3])
    )
    square = slds_frames.residuals(x, body, course)
    rng = np.random.default_rng(0)
    draws = np.array([slds_frames.scales(rng, x, body, course, noise) for _ in range(20_000)])
    top = 5.0 * noise.prior + square / noise.share
    for k in range(3):
        law = stats.invgamma((5 + d) / 2, scale=top[0, k] / 2)
        assert stats.kstest(draws[:, 0, k], law.cdf).pvalue > 1e-3
    mode = slds_frames.scales(None, x, body, course, noise)
    np.testing.assert_allclose(mode, top / (5 + d + 2))


def test_absent_keypoints_have_no_weight():
    noise = Noise(np.array([[True, False]]), np.ones((1, 2)), 5.0, np.array([2.0, 2.0]))
    assert slds_frames.precisions(np.full((1, 2), 0.5), noise).tolist() == [[1.0, 0.0]]
