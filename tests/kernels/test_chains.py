"""Mixing of Markov chains of which the answer is known."""

import numpy as np
import pytest

from gambol.kernels.chains import effective_size, split_rhat


def autoregressive(rng, chains, n, memory):
    noise = rng.standard_normal((chains, n)) * np.sqrt(1 - memory**2)
    out = np.empty((chains, n))
    out[:, 0] = rng.standard_normal(chains)
    for t in range(1, n):
        out[:, t] = memory * out[:, t - 1] + noise[:, t]
    return out


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_size_is_that_of_an_autoregression(memory):
    draws = autoregressive(np.random.default_rng(0), 4, 20_000, memory)
    expected = draws.size * (1 - memory) / (1 + memory)
    assert effective_size(draws) == pytest.approx(expected, rel=0.15)
    assert split_rhat(draws) == pytest.approx(1, abs=0.01)


def test_chains_in_different_places_have_not_mixed():
    draws = np.random.default_rng(0).standard_normal((2, 1000)) + np.array([[0.0], [5.0]])
    assert split_rhat(draws) > 2
    assert effective_size(draws) < 10


def test_a_chain_that_drifts_disagrees_with_itself():
    rng = np.random.default_rng(0)
    assert split_rhat(rng.standard_normal((1, 1000)) + np.linspace(0, 5, 1000)) > 1.5


def test_a_chain_that_stands_still_tells_nothing():
    assert np.isnan(split_rhat(np.ones((2, 10))))
    assert np.isnan(effective_size(np.ones((2, 10))))
