"""The density against its definition, and its slope against differences."""

import itertools

import numpy as np
import pytest
from animals3d import SKELETON, filmed, model, moving, stand
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from gambol.core.errors import InputError
from gambol.kernels import projection, rotation
from gambol.kernels.vmf import log_normalizer
from gambol.multiview import density

LAMBDA = np.array([[0.8, 0.15, 0.05], [0.3, 0.6, 0.1], [0.05, 0.05, 0.9]])


def world(frames=3, seed=0, **more):
    rng = np.random.default_rng(seed)
    given = model(frames, **more)
    xyz = moving(rng, given._replace(transition=None), 20)
    angles = rng.uniform(-3, 3, frames)
    turn = rotation.about(given.up, angles)
    return filmed(rng, given, xyz), xyz, turn


def bone(u_mean, kappa, delta, length, variance):
    """Log of ∫ vMF(u) N(Δ; ρu, σ²I) du on a grid around the most likely direction."""
    w, weight = np.polynomial.legendre.leggauss(400)
    angle = np.arange(400) * 2 * np.pi / 400
    ahead = kappa * u_mean + length * delta / variance
    ahead = ahead / np.linalg.norm(ahead)
    first = np.cross(ahead, np.eye(3)[np.abs(ahead).argmin()])
    first /= np.linalg.norm(first)
    second = np.cross(ahead, first)
    across = np.sqrt(1 - w**2)[:, None, None]
    circle = np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second
    u = w[:, None, None] * ahead + across * circle
    normal = multivariate_normal(np.zeros(3), variance * np.eye(3))
    log = log_normalizer(kappa) + kappa * u @ u_mean + normal.logpdf(delta - length * u)
    return logsumexp(log + np.log(weight * 2 * np.pi / 400)[:, None])


def by_definition(given, xyz, turn):
    """-log p(x, R, y), slowly."""
    total = 0.0
    frames, joints = xyz.shape[:2]
    for t, j in itertools.product(range(frames), range(joints)):
        if t > 0:
            total += norm.logpdf(xyz[t, j], xyz[t - 1, j], given.chain[t - 1, j] ** -0.5).sum()
        elif given.hold[j] > 0:
            total += norm.logpdf(xyz[0, j], given.anchor[j], given.hold[j] ** -0.5).sum()
        for v in range(len(given.params)):
            y = given.xy[t, v, j]
            if np.isfinite(y).all():
                f = projection.project(xyz[t, j][None], given.params).uv[v, 0]
                one = norm.logpdf(y, f, given.inlier[t, v, j] ** 0.5).sum()
                two = norm.logpdf(y, f, given.outlier[v, j] ** 0.5).sum()
                beta = given.prior[t, v, j]
                total += np.logaddexp(one + np.log1p(-beta), two + np.log(beta))
    fits = np.zeros((frames, 3))
    nu, kappa = given.states.directions, given.states.concentration
    for t, s, j in itertools.product(range(frames), range(3), range(1, joints)):
        delta = xyz[t, j] - xyz[t, given.bones.parent[j]]
        length, variance = given.bones.length[j], given.bones.variance[j]
        fits[t, s] += bone(turn[t] @ nu[s, j], kappa[s, j], delta, length, variance)
    paths = []
    for z in itertools.product(range(3), repeat=frames):
        weight = given.states.log_weights[list(z)]
        if given.transition is not None:
            moves = [given.transition[i, j] for i, j in itertools.pairwise(z)]
            weight = [weight[0], *np.log(moves)]
        paths.append(np.sum(weight) + fits[range(frames), z].sum())
    return -total - logsumexp(paths)


@pytest.mark.parametrize("chained", [False, True], ids=["mixture", "hmm"])
def test_energies_differ_as_the_definition_says(chained):
    given, xyz, turn = world(transition=LAMBDA if chained else None)
    other = xyz + np.random.default_rng(5).normal(0, 3, xyz.shape)
    away = rotation.about(given.up, np.full(3, 0.4)) @ turn
    found = [density.evaluate(given, x, r).energy for x, r in ((xyz, turn), (other, away))]
    expected = [by_definition(given, x, r) for x, r in ((xyz, turn), (other, away))]
    assert found[1] - found[0] == pytest.approx(expected[1] - expected[0], abs=1e-6)


@pytest.mark.parametrize("chained", [False, True], ids=["mixture", "hmm"])
def test_the_gradient_is_the_slope_of_the_energy(chained):
    given, xyz, turn = world(frames=2, transition=LAMBDA if chained else None)
    at = density.evaluate(given, xyz, turn)
    found = density.gradient(given, xyz, at.seen, at.directions)
    for index in np.ndindex(*xyz.shape):
        step = np.zeros_like(xyz)
        step[index] = 1e-4
        ahead, behind = (density.evaluate(given, xyz + s * step, turn).energy for s in (1, -1))
        assert found[index] == pytest.approx((ahead - behind) / 2e-4, rel=1e-5, abs=1e-4)


def test_the_bound_lies_above_the_energy_where_cameras_are_affine():
    given, xyz, turn = world(affine=True)
    at = density.evaluate(given, xyz, turn)
    slope = density.gradient(given, xyz, at.seen, at.directions)
    blocks, chain = density.majoriser(given, at.seen.blocks), density.links(given)
    rng = np.random.default_rng(2)
    for size in (0.1, 1.0, 10.0, 100.0):
        move = size * rng.standard_normal(xyz.shape)
        d = move.reshape(len(xyz), -1)
        square = np.einsum("ta,tab,tb", d, blocks, d) - 2 * (d[:-1] * chain * d[1:]).sum()
        bound = at.energy + (slope * move).sum() + square / 2
        assert density.evaluate(given, xyz + move, turn).energy <= bound + 1e-6


def test_a_view_of_nan_is_no_view():
    given, xyz, turn = world()
    less = given._replace(
        xy=given.xy[:, :-1], params=given.params[:-1], inlier=given.inlier[:, :-1],
        outlier=given.outlier[:-1], prior=given.prior[:, :-1],
    )  # fmt: skip
    given.xy[:, -1] = np.nan
    one, two = (density.evaluate(g, xyz, turn) for g in (given, less))
    assert one.energy == pytest.approx(two.energy, rel=1e-12)
    np.testing.assert_allclose(one.seen.gradient, two.seen.gradient, rtol=1e-12)


def test_gaps_are_filled_from_time_and_from_parents():
    given, xyz = model(4), stand(4)
    xyz[:, 0] = np.arange(4)[:, None]
    gaps = xyz.copy()
    gaps[1:3, 0] = np.nan
    gaps[:, 2] = np.nan
    full = density.filled(gaps, given.bones)
    np.testing.assert_allclose(full[:, 0], xyz[:, 0])
    assert np.abs(full[:, 2] - full[:, 1]).max() < 1
    with pytest.raises(InputError, match="two cameras"):
        density.filled(np.full((4, len(SKELETON), 3), np.nan), given.bones)
