"""Ranks of the truth among what tiny fits draw: uniform, or the sampler is wrong.

Source: Talts et al. (2018), Validating Bayesian inference algorithms with simulation-based
calibration, arXiv:1804.06788.
"""

import numpy as np
import pytest
from scipy import stats

from gambol.behavior import emissions, gibbs
from gambol.behavior.emissions import Shared
from gambol.behavior.gibbs import Parameters
from gambol.behavior.state_settings import StateSettings
from gambol.core.sequences import pack

S, K, R, T = 3, 2, 2, 25
KAPPA = 4.0
DRAWS = 19  # 20 ranks
BURN, THIN = 20, 3  # sweeps


def world(rng, names):
    """Parameters of the prior, and recordings of them."""
    shared = Shared(rng.standard_normal((S, S - 1)), rng.standard_normal((K - 1, S - 1)))
    trans = np.array([rng.dirichlet(row) for row in 1 + KAPPA * np.eye(K)])
    known = Parameters(emissions.probabilities(shared), trans, shared)
    held = []
    for _ in names:
        z, y = rng.integers(K), [rng.integers(S)]
        for _ in range(T - 1):
            z = rng.choice(K, p=trans[z])
            y.append(rng.choice(S, p=known.theta[z, y[-1]]))
        held.append(np.array(y))
    return known, pack(held, names, 1.0, S)


def told(known):
    """Numbers that do not depend on which state is called which."""
    stay = np.sort(np.diag(known.trans))
    return np.concatenate([known.shared.base.ravel(), [(known.shared.bias**2).sum()], stay])


def ranks(fits):
    """Rank of each number of the truth among those that a fit drew, for many fits."""
    found = []
    for fit in range(fits):
        rng = np.random.default_rng([7, fit])
        known, seq = world(rng, ["a", "b"])
        settings = StateSettings(
            n_states=K, n_syllables=S, trans_kappa=KAPPA, init="given", random_state=fit,
            keep_every=THIN,
        )  # fmt: skip
        data = gibbs.prepare(settings, seq)
        begin = rng.integers(K, size=R * T).astype(np.uint8)
        chain = gibbs.start(settings, data, begin)
        for _ in range(BURN + DRAWS * THIN):
            chain = gibbs.sweep(settings, data, chain)
        drawn = np.array([told(kept.parameters) for kept in chain.kept[-DRAWS:]])
        found.append((drawn < told(known)).sum(0))
    return np.array(found)


def chances(found, bins):
    """p of uniform ranks, by number."""
    cells = found * bins // (DRAWS + 1)
    counts = [np.bincount(column, minlength=bins) for column in cells.T]
    return np.array([stats.chisquare(row).pvalue for row in counts])


def test_ranks_of_the_truth_are_uniform():
    p = chances(ranks(24), bins=4)
    assert p.min() > 0.001 / len(p)


@pytest.mark.slow
def test_ranks_of_the_truth_are_uniform_in_200_fits():
    p = chances(ranks(200), bins=10)
    assert p.min() > 0.001 / len(p)


def test_another_prior_of_the_transitions_is_found_out(monkeypatch):
    """Half the pseudo-counts of staying, and states end too soon."""
    plain = gibbs._pull
    monkeypatch.setattr(gibbs, "_pull", lambda s: plain(s) - 3.9 * np.eye(s.n_states))
    p = chances(ranks(24), bins=4)
    assert p.min() < 0.001 / len(p)
