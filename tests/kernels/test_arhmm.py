"""Likelihoods and sums of switching autoregressive series against their definition."""

import numpy as np
from scipy.stats import multivariate_normal

from gambol.kernels import arhmm


def dynamics(rng, n, d, lags):
    root = rng.standard_normal((n, d, d)) + 2 * np.eye(d)
    ab = rng.standard_normal((n, d, lags * d + 1)) / np.sqrt(lags * d)
    return arhmm.Dynamics(ab, root @ root.transpose(0, 2, 1))


def explained(x, t, known, k, lags):
    """[A b] φ_t of state k."""
    return known.ab[k] @ np.append(x[t - lags : t].ravel(), 1.0)


def test_likelihoods_are_those_of_normal_laws():
    rng = np.random.default_rng(0)
    for n, d, lags, frames in [(3, 2, 2, 11), (9, 3, 1, 7), (1, 1, 3, 4), (17, 5, 3, 10)]:
        known, x = dynamics(rng, n, d, lags), rng.standard_normal((frames, d))
        told = arhmm.log_likelihood(x, arhmm.lay(known))
        for t in range(lags, frames):
            for k in range(n):
                mean = explained(x, t, known, k, lags)
                want = multivariate_normal.logpdf(x[t], mean, known.q[k])
                assert abs(told[t - lags, k] - want) < 1e-10 * max(1.0, want**2)
        assert (told[:, n:] == -np.inf).all()


def test_a_path_has_the_likelihood_of_its_states():
    rng = np.random.default_rng(1)
    known, x = dynamics(rng, 4, 3, 2), rng.standard_normal((12, 3))
    laid = arhmm.lay(known)
    z = rng.integers(4, size=10).astype(np.uint8)
    want = arhmm.log_likelihood(x, laid)[np.arange(10), z].sum()
    assert abs(arhmm.path_log_likelihood(x, z, laid) - want) < 1e-10


def test_sums_are_products_of_the_frames_of_each_state():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((60, 3))
    z = np.repeat(rng.integers(4, size=12), 5)[:58].astype(np.uint8)
    found = arhmm.sums(x, z, 4, 2)
    want = np.zeros((4, 10, 10))
    for t in range(2, 60):
        psi = np.append(x[t - 2 : t + 1].ravel(), 1.0)
        want[z[t - 2]] += np.outer(psi, psi)
    np.testing.assert_allclose(found, want, atol=1e-12)


def test_a_series_shorter_than_the_lags_has_no_likelihood():
    known = dynamics(np.random.default_rng(3), 2, 2, 3)
    assert arhmm.log_likelihood(np.zeros((2, 2)), arhmm.lay(known)).shape[0] == 0
