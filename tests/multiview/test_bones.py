import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted_poses import LENGTH, PARENT, bones, poses
from scipy import integrate

from gambol.multiview import bones as skeletal
from gambol.multiview.bones import Bones

seeds = st.integers(0, 2**32 - 1)


def marginal(delta, rho, var):
    """-log of N(Δ; ρu, σ²I) averaged over the sphere, by quadrature over cos."""
    r2 = delta @ delta

    def inner(c):
        return np.exp(-(r2 + rho**2 - 2 * rho * np.sqrt(r2) * c) / (2 * var)) / 2

    mean = integrate.quad(inner, -1, 1, epsabs=0, epsrel=1e-10, limit=400)[0]
    return 1.5 * np.log(2 * np.pi * var) - np.log(mean)


@pytest.mark.parametrize("size", [0.01, 3.0, 10.0, 30.0])
def test_direction_is_the_bone_averaged_over_all_directions(size):
    delta = size * np.array([0.6, 0.0, 0.8])
    two = Bones(np.array([-1, 0]), np.array([0.0, 10.0]), np.array([1.0, 20.0]))
    got = skeletal.bend(np.array([[np.zeros(3), delta]]), two, "direction").energy[0]
    assert np.isclose(got, marginal(delta, 10.0, 20.0), rtol=1e-8)


@pytest.mark.parametrize("form", ["direction", "radius"])
@given(seed=seeds, sd=st.sampled_from([0.5, 5.0, 20.0]))
def test_derivatives_are_those_of_the_energy(form, seed, sd):
    rng = np.random.default_rng(seed)
    x, tied = rng.normal(0, 30, (1, 6, 3)), bones(sd, edges=True)
    got, h = skeletal.bend(x, tied, form, exact=True), 1e-5
    scale = np.abs(got.observed).max()
    for k in range(18):
        step = np.zeros(18)
        step[k] = h
        sides = [
            skeletal.bend(x + sign * step.reshape(x.shape), tied, form) for sign in (1, -1)
        ]
        slope = (sides[0].energy - sides[1].energy) / 2 / h
        assert np.allclose(slope, got.gradient[0, k], rtol=1e-4, atol=1e-3)
        bow = (sides[0].gradient - sides[1].gradient)[0] / 2 / h
        assert np.allclose(bow, got.observed[0, k], atol=1e-4 * scale)
    assert np.linalg.eigvalsh(got.curvature[0]).min() > -1e-9 * scale


@pytest.mark.parametrize("form", ["direction", "radius"])
def test_an_edge_beyond_the_tree_is_a_bone_like_any_other(form):
    x = np.random.default_rng(3).normal(0, 30, (4, 6, 3))
    whole, tree = (skeletal.bend(x, bones(edges=more), form) for more in (True, False))
    lone = Bones(np.array([-1, -1, -1, 2, -1, -1]), 35.0 * np.ones(6), np.ones(6))
    other = Bones(np.array([-1, -1, -1, 0, -1, -1]), 70.0 * np.ones(6), np.ones(6))
    parts = [tree, *(skeletal.bend(x, one, form) for one in (lone, other))]
    assert np.allclose(whole.energy, sum(part.energy for part in parts))
    assert np.allclose(whole.gradient, sum(part.gradient for part in parts))
    assert np.allclose(whole.curvature, sum(part.curvature for part in parts))


def test_a_bone_below_its_length_is_flat_across():
    """There the true curvature is negative: it takes no part in steps, but in covariances."""
    x = np.zeros((1, 6, 3))
    x[0, :, 0] = np.arange(6)
    got = skeletal.bend(x, bones(), "radius", exact=True)
    assert np.linalg.eigvalsh(got.observed[0]).min() < -1
    assert np.linalg.eigvalsh(got.curvature[0]).min() > -1e-9


def lone_bone(rng, form, n=20_000):
    """Differences of a bone that is 15 ± 6."""
    u = rng.normal(size=(n, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    if form == "direction":
        return 15 * u + rng.normal(0, 6, (n, 3))
    r = rng.normal(15, 6, 20 * n)
    keep = (r > 0) & (rng.random(len(r)) < r**2 / 45**2)  # ∝ r² N(r)
    return r[keep][:n, None] * u


@pytest.mark.parametrize("noise", [0.1, 4.0])
@pytest.mark.parametrize("form", ["direction", "radius"])
def test_lengths_are_recovered_through_noise(form, noise):
    """Mean and sd of lengths say 17.4 and 5.5 of a bone that is 15 ± 6."""
    rng = np.random.default_rng(0)
    delta = lone_bone(rng, form)
    x = np.stack([0 * delta, delta], axis=1)
    x[:, 1] += rng.normal(0, noise, delta.shape)
    cov = np.zeros((len(x), 2, 3, 3))
    cov[:, 1] = noise**2 * np.eye(3)
    tied = skeletal.learn(x, cov, np.ones((len(x), 2), bool), (-1, 0), form)
    assert np.isclose(tied.length[1], 15.0, rtol=0.05)
    assert np.isclose(np.sqrt(tied.variance[1]), 6.0, rtol=0.08)


def test_what_noise_hides_is_allowed_for():
    """Thirty blurred frames of a rigid bone do not show that it is rigid."""
    rng = np.random.default_rng(1)
    x = np.zeros((30, 2, 3))
    x[:, 1] = [50.0, 0.0, 0.0] + rng.normal(0, 5.0, (30, 3))
    cov = np.tile(np.diag([0.0, 25.0])[..., None, None] * np.eye(3), (30, 1, 1, 1, 1))
    cov = cov.diagonal(axis1=1, axis2=2).transpose(0, 3, 1, 2)
    tied = skeletal.learn(x, cov, np.ones((30, 2), bool), (-1, 0), "direction")
    assert 2.0 < np.sqrt(tied.variance[1]) < 6.0


def test_lengths_of_drawn_poses_are_recovered():
    x = poses(np.random.default_rng(1), frames=300, sd=2.0)
    none = np.zeros((*x.shape, 3))
    tied = skeletal.learn(x, none, np.ones(x.shape[:2], bool), PARENT, "direction")
    assert np.allclose(tied.length, LENGTH, atol=0.6)
    assert np.allclose(np.sqrt(tied.variance[1:]), 2.0, rtol=0.2)


def test_a_bone_that_is_never_seen_is_left_out():
    x = poses(np.random.default_rng(2), frames=20)
    sure = np.ones(x.shape[:2], bool)
    sure[:, 3] = False
    tied = skeletal.learn(x, np.zeros((*x.shape, 3)), sure, PARENT, "direction")
    assert tied.parent.tolist() == [-1, 0, 1, -1, 0, 4]
    assert tied.length[3] == 0
