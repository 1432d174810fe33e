"""Affinities are those of the formula: divergences squared once, at an exact perplexity."""

import numpy as np
import pytest
from scipy.optimize import brentq

from gambol.kernels import affinity


def shares(n, k=20, spread=1.0, seed=0):
    x = np.exp(spread * np.random.default_rng(seed).normal(size=(n, k)))
    return x / x.sum(axis=1, keepdims=True)


def by_definition(p, q):
    return np.array([[(a * np.log(a / b)).sum() for b in q] for a in p])


def entropy(p):
    return -(p * np.log2(np.maximum(p, 1e-300))).sum(axis=1)


def affinities_by_formula(d, perplexity, power):
    """(P + Pᵀ) / 2N with p_j|i ∝ exp(-β_i D_ij^power), β_i by a root finder."""
    rows = np.zeros(d.shape)
    for i in range(len(d)):
        far = np.delete(d[i] ** power, i)

        def weights(log_beta, far=far):
            w = np.exp(-np.exp(log_beta) * (far - far.min()))
            return w / w.sum()

        def excess(log_beta, weights=weights):
            return entropy(weights(log_beta)[None])[0] - np.log2(perplexity)

        rows[i, np.arange(len(d)) != i] = weights(brentq(excess, -20, 30, xtol=1e-13))
    return (rows + rows.T) / (2 * len(d))


def test_divergences_are_those_of_the_definition():
    p, q = shares(7), shares(9, seed=1)
    np.testing.assert_allclose(affinity.divergences(p, q), by_definition(p, q), atol=1e-13)
    assert (np.diagonal(affinity.divergences(p, p)) >= 0).all()


def test_divergences_of_nearly_equal_shares_keep_their_digits():
    p = shares(3, k=300)
    q = p * np.exp(1e-5 * np.random.default_rng(1).normal(size=p.shape))
    q /= q.sum(axis=1, keepdims=True)
    exact = [(a * -np.log1p((b - a) / a) + b - a).sum() for a, b in zip(p, q, strict=True)]
    found = np.diagonal(affinity.divergences(p, q))
    np.testing.assert_allclose(found, exact, atol=1e-14)


def test_a_share_of_zero_is_refused():
    p = shares(4)
    p[2, 3] = 0.0
    with pytest.raises(ValueError, match="not above 0"):
        affinity.divergences(p, p)


@pytest.mark.parametrize("n", [40, 700])
def test_nearest_are_the_least_divergences_of_all(n):
    p = shares(n)
    full = affinity.divergences(p, p)
    np.fill_diagonal(full, np.inf)
    found = affinity.nearest(p, 30)
    np.testing.assert_array_equal(found.divergence, np.sort(full, axis=1)[:, :30])
    np.testing.assert_array_equal(found.which, np.argsort(full, axis=1)[:, :30])


def test_threads_change_no_bit():
    p = shares(1100)
    one, two = affinity.nearest(p, 50), affinity.nearest(p, 50, threads=3)
    np.testing.assert_array_equal(one.which, two.which)
    np.testing.assert_array_equal(one.divergence, two.divergence)
    full = affinity.divergences(p, p)
    np.testing.assert_array_equal(affinity.divergences(p, p, threads=3), full)


def test_equal_rows_are_no_trouble():
    p = np.repeat(shares(3), 30, axis=0)
    near = affinity.nearest(p, 40)
    assert (near.which != np.arange(90)[:, None]).all()
    assert (near.divergence[:, :29] < 1e-12).all()
    pull = affinity.conditional(near.divergence, 5.0)  # 29 share it all, which is more than 5
    np.testing.assert_allclose(pull.p.sum(axis=1), 1.0)
    np.testing.assert_allclose(pull.p[:, :29], 1 / 29, atol=1e-6)
    np.testing.assert_allclose(affinity.conditional(np.ones((2, 9)), 4.0).p, 1 / 9)


def test_the_exponent_is_the_divergence_squared_and_not_to_the_fourth():
    p = shares(50)
    near = affinity.nearest(p, 49)
    made = affinity.joint(near.which, affinity.conditional(near.divergence, 8.0).p).toarray()
    d = by_definition(p, p)
    np.testing.assert_allclose(made, affinities_by_formula(d, 8.0, 2), atol=1e-8, rtol=1e-6)
    assert np.abs(made - affinities_by_formula(d, 8.0, 4)).max() > 1e-4
    assert np.abs(made - affinities_by_formula(d, 8.0, 1)).max() > 1e-4


@pytest.mark.parametrize("perplexity", [1.5, 5.0, 32.0, 199.0])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_every_row_has_the_perplexity(perplexity, scale):
    rng = np.random.default_rng(2)
    near = scale * np.exp(rng.normal(size=(60, 200)) * np.linspace(0.01, 4, 60)[:, None])
    made = affinity.conditional(near, perplexity)
    assert np.abs(entropy(made.p) - np.log2(perplexity)).max() < 1e-5
    weight = np.exp(-made.beta[:, None] * (near**2 - near.min(axis=1, keepdims=True) ** 2))
    np.testing.assert_allclose(made.p, weight / weight.sum(axis=1, keepdims=True), atol=1e-9)


def test_a_perplexity_needs_more_neighbours():
    with pytest.raises(ValueError, match="perplexity 32"):
        affinity.conditional(np.ones((3, 32)), 32.0)


def test_joint_affinities_are_symmetric_and_sum_to_one():
    near = affinity.nearest(shares(80), 20)
    made = affinity.joint(near.which, affinity.conditional(near.divergence, 6.0).p)
    assert made.sum() == pytest.approx(1.0)
    assert abs(made - made.T).max() < 1e-18
    assert made.diagonal().max() == 0.0


@pytest.mark.parametrize("n, k", [(5, 5), (300, 1), (300, 40), (2000, 100)])
def test_smallest_keeps_the_smallest(n, k):
    rng = np.random.default_rng(n + k)
    for ties in (1, 50, 10**6):
        values = rng.integers(ties, size=n) * 1.0
        place, value = np.empty(2 * k + 4, np.int64), np.empty(2 * k + 4)
        assert affinity.smallest(values, n, k, -1, place, value) == min(n, k)
        np.testing.assert_array_equal(np.sort(value[:k]), np.sort(values)[:k])
        np.testing.assert_array_equal(values[place[:k]], value[:k])
        assert len(set(place[:k].tolist())) == k
