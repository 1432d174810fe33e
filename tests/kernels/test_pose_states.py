"""Pose states against integrals over the sphere and finite differences."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from gambol.kernels import pose_states, rotation
from gambol.kernels.pose_states import States
from gambol.kernels.vmf import log_normalizer

LENGTH, VARIANCE = np.array([0.0, 2.0, 3.0]), np.array([1.0, 0.3, 0.8])
PULL = np.array([[0.0, 2.0 / 0.3, 3.0 / 0.8]])


@pytest.fixture
def states():
    rng = np.random.default_rng(0)
    nu = rng.standard_normal((2, 3, 3))
    nu /= np.linalg.norm(nu, axis=-1, keepdims=True)
    return States(np.log([0.3, 0.7]), nu, np.array([[0.0, 4.0, 1.0], [0.0, 9.0, 0.0]]))


@pytest.fixture
def bones():
    rng = np.random.default_rng(1)
    return rng.normal(0, 1.5, (1, 3, 3)) * np.array([0.0, 1, 1])[:, None]


@pytest.fixture
def turn():
    return rotation.exp(np.array([0.3, -0.8, 1.1]))[None]


def sphere():
    """Points and weights that integrate smooth functions over the sphere."""
    w, weight = np.polynomial.legendre.leggauss(80)
    angle = np.arange(160) * 2 * np.pi / 160
    across = np.sqrt(1 - w**2)[:, None]
    points = np.stack(
        [
            across * np.cos(angle),
            across * np.sin(angle),
            np.broadcast_to(w[:, None], (80, 160)),
        ],
        axis=-1,
    )
    return points.reshape(-1, 3), np.repeat(weight * 2 * np.pi / 160, 160)


def of_one_bone(states, bones, turn, s, j):
    """p(Δ | s) and E[u | Δ, s] of one bone by integration."""
    u, weight = sphere()
    kappa, nu = states.concentration[s, j], turn[0] @ states.directions[s, j]
    vmf = np.exp(log_normalizer(kappa) + kappa * u @ nu)
    normal = multivariate_normal(np.zeros(3), VARIANCE[j] * np.eye(3))
    density = weight * vmf * normal.pdf(bones[0, j] - LENGTH[j] * u)
    return density.sum(), density @ u / density.sum()


def test_the_score_is_the_integral_over_directions(states, bones, turn):
    found = pose_states.score(states, bones, turn, PULL, np.ones((1, 2), bool))
    stretch = ((bones**2).sum(-1) + LENGTH**2)[0] / (2 * VARIANCE)
    constant = (-stretch - 1.5 * np.log(2 * np.pi * VARIANCE))[1:].sum()
    for s in range(2):
        total = sum(np.log(of_one_bone(states, bones, turn, s, j)[0]) for j in (1, 2))
        assert found[0, s] + constant - states.log_weights[s] == pytest.approx(total, abs=1e-8)


def test_states_that_are_left_out_are_impossible(states, bones, turn):
    found = pose_states.score(states, bones, turn, PULL, np.array([[True, False]]))
    assert np.isfinite(found[0, 0])
    assert np.isneginf(found[0, 1])


def test_mean_directions_are_integrals(states, bones, turn):
    probs = np.array([[0.2, 0.8]])
    found = pose_states.moments(states, bones, turn, PULL, probs)
    turning = np.zeros((3, 3))
    for j in (1, 2):
        means = [of_one_bone(states, bones, turn, s, j)[1] for s in range(2)]
        np.testing.assert_allclose(found.mean[0, j], probs[0] @ means, atol=1e-8)
        for s in range(2):
            weight = probs[0, s] * states.concentration[s, j]
            turning += weight * np.outer(turn[0].T @ means[s], states.directions[s, j])
    np.testing.assert_allclose(found.turning[0], turning, atol=1e-7)
    assert (found.mean[0, 0] == 0).all()


def evidence(states, bones, turn):
    return logsumexp(pose_states.score(states, bones, turn, PULL, np.ones((1, 2), bool)))


def test_spreads_are_second_derivatives_of_the_evidence(states, bones, turn):
    """By ρΔ/σ² and by a turn exp([d]) R: Cov(u), Cov(u, a) and minus the curvature of d."""
    scores = pose_states.score(states, bones, turn, PULL, np.ones((1, 2), bool))
    probs = np.exp(scores - logsumexp(scores))
    found = pose_states.spreads(states, bones, turn, PULL, probs)
    h = 1e-4

    def at(z):
        pull = np.maximum(PULL[0], 1e-9)[:, None]
        moved = bones + (h * z[:9].reshape(3, 3) / pull * (PULL[0] > 0)[:, None])[None]
        return evidence(states, moved, rotation.exp(h * z[9:])[None] @ turn)

    unit = np.eye(12)
    hessian = np.array([
        [
            (at(a + b) - at(a - b) - at(b - a) + at(-a - b)) / (4 * h * h)
            for b in unit
        ]
        for a in unit
    ])  # fmt: skip
    np.testing.assert_allclose(found.bones[0], hessian[:9, :9], atol=1e-5)
    np.testing.assert_allclose(found.mixed[0], hessian[:9, 9:], atol=1e-5)
    np.testing.assert_allclose(-found.turned[0], hessian[9:, 9:], atol=1e-5)
