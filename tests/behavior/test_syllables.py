"""What syllable models share: conjugate draws, bouts, labels."""

import numpy as np
import pytest

from gambol.behavior import syllables
from gambol.behavior.syllable_settings import DynamicsSettings
from gambol.behavior.syllables import Key
from gambol.core.errors import InputError


def test_transitions_have_the_mean_of_their_dirichlet():
    settings = DynamicsSettings(n_states=3, gamma=2.0, alpha=4.0)
    moves = np.array([[50, 2, 0], [1, 20, 3], [0, 0, 0]])
    draws = []
    for sweep in range(4000):
        beta, trans = syllables.transitions(settings, 10.0, np.full(3, 1 / 3), moves, sweep)
        strength = 4.0 * beta + 10.0 * np.eye(3) + moves
        draws.append(trans - strength / strength.sum(1, keepdims=True))
        assert abs(beta.sum() - 1) < 1e-12
    draws = np.array(draws)
    assert (abs(draws.mean(0)) < 4 * draws.std(0) / np.sqrt(len(draws))).all()


def test_only_complete_bouts_last():
    z = [np.array([0, 0, 1, 1, 1, 2, 0, 0]), np.array([1, -1, 2, 0, 0, 2, -1, 1, 2, 2])]
    assert sorted(syllables.durations(z).tolist()) == [1, 2, 3]
    assert syllables.median_duration(z) == 2.0
    assert np.isnan(syllables.median_duration([np.zeros(9, int)]))


def test_labels_are_numbered_from_the_most_used():
    share = syllables.usage([np.array([2, 2, 0]), np.array([2, -1])], 3)
    assert share.tolist() == [0.25, 0.0, 0.75]
    assert syllables.by_usage(share).tolist() == [1, 2, 0]


def test_stretches_come_back_to_their_frames():
    keys = [Key("b", 0, 0), Key("b", 1, 5)]
    values = [np.array([7, 8], np.uint8), np.array([9], np.uint8)]
    found = syllables.spread_out(keys, values, {"b": 8, "a": 2}, -1, late=1)
    assert found["b"].tolist() == [-1, 7, 8, -1, -1, -1, 9, -1]
    assert found["a"].tolist() == [-1, -1]


def test_rates_must_agree():
    with pytest.raises(InputError, match="b has 25 frames/s, a 30"):
        syllables.one_rate({"b": 25.0, "a": 30.0})


def test_first_states_do_not_depend_on_how_often_they_are_asked_for():
    settings, rng = DynamicsSettings(n_states=5), np.random.default_rng(0)
    x = [rng.standard_normal((50, 2)) + 5 * (np.arange(50) > 25)[:, None], np.zeros((2, 2))]
    one, two = (syllables.first_states(settings, x) for _ in range(2))
    assert (one[0] == two[0]).all() and len(one[0]) == 47 and len(one[1]) == 0
    assert set(one[0][:20]).isdisjoint(one[0][-20:])
