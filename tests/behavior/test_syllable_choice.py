"""Which fit to keep: better dynamics win, and labels that others lack are unstable."""

import numpy as np
import pytest

from gambol.behavior import syllable_chain, syllable_choice
from gambol.behavior.arhmm import prepare
from gambol.behavior.syllable_settings import DynamicsSettings
from gambol.core.errors import InputError


def fits():
    rng = np.random.default_rng(0)
    z = np.repeat(rng.integers(2, size=40), 25)
    x = np.zeros((1000, 1))
    for t in range(1, 1000):
        x[t] = (0.9 if z[t] else -0.9) * x[t - 1] + 0.2 * rng.standard_normal()
    out = []
    for seed in range(3):
        settings = DynamicsSettings(
            n_states=4, lags=1, kappa=100.0, ar_iterations=30, random_state=seed
        )
        data, hidden = prepare(settings, {"a": x}, 30.0)
        chain = syllable_chain.start(settings, data, hidden)
        while not syllable_chain.finished(settings, chain):
            chain = syllable_chain.planned(settings, data, chain)
        out.append(chain)
    return out


def test_dynamics_that_foretell_nothing_lose():
    good = fits()
    known = good[2].parameters
    q = known.dynamics.q * 25
    bad = good[2]._replace(parameters=known._replace(dynamics=known.dynamics._replace(q=q)))
    shuffled = bad.hidden[0].z[np.random.default_rng(0).permutation(999)]
    bad = bad._replace(hidden=(bad.hidden[0]._replace(z=shuffled),))
    choice = syllable_choice.choose([good[0], good[1], bad], threads=2)
    assert choice.best in (0, 1) and choice.eml.argmin() == 2
    assert choice.agreement.argmin() == 2
    assert np.isfinite(choice.rhat)
    assert choice.unstable[2].sum() >= 1
    again = syllable_choice.choose([good[0], good[1], bad])
    assert (again.eml == choice.eml).all()


def test_one_fit_is_no_choice():
    with pytest.raises(InputError, match="1 fits; give two or more"):
        syllable_choice.choose(fits()[:1])
