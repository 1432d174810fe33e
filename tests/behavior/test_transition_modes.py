import numpy as np
import pytest

from gambol.behavior import transition_modes as modes_of
from gambol.core.errors import InputError

ROWS = np.array([[0, 0.8, 0.2], [0.3, 0, 0.7], [0.5, 0.5, 0]])  # no region follows itself


def walk(seed, steps=4000, rows=ROWS):
    """Stays of 1 to 3 frames of a chain of regions 1 …, with transit between some."""
    rng = np.random.default_rng(seed)
    label, out = 0, []
    for _ in range(steps):
        out += [label + 1] * int(rng.integers(1, 4)) + [0] * int(rng.integers(0, 2))
        label = int(rng.choice(len(rows), p=rows[label]))
    return np.array(out)


def test_counts_are_those_of_pairs_one_by_one():
    rng = np.random.default_rng(0)
    followed = [rng.integers(0, 4, n) for n in (30, 1, 12)]
    for lag in (1, 3, 20):
        slowly = np.zeros((4, 4), int)
        for one in followed:
            for a, b in zip(one, one[lag:], strict=False):
                slowly[a, b] += 1
        assert (modes_of.counts(followed, 4, lag) == slowly).all()


def test_gaps_divide_and_transit_does_not():
    region = np.array([1, 1, 0, 0, 2, 0, -1, 0, 2, 3, 3, 0, 3])
    assert [one.tolist() for one in modes_of.chains([region])] == [[1, 2], [2, 3]]
    assert modes_of.chains([np.array([0, -1, 0])]) == []


def test_transitions_are_those_of_the_chain():
    region = [walk(0), walk(1)]
    assert np.allclose(modes_of.transitions(region, 3), ROWS, atol=0.03)
    twice = modes_of.transitions(region, 4, lag=2)
    assert np.allclose(twice[:3, :3], ROWS @ ROWS, atol=0.03)
    assert np.isnan(twice[3]).all()


def test_modes_of_a_chain_are_powers_of_its_eigenvalues():
    found = modes_of.modes([walk(0), walk(1)], np.array([1, 2, 4]), shuffles=3)
    sizes = np.sort(np.abs(np.linalg.eigvals(ROWS)))[::-1]
    assert np.allclose(found.real[0], sizes, atol=0.03)
    assert np.allclose(found.real[:, 1], sizes[1] ** np.array([1, 2, 4]), atol=0.04)
    assert np.allclose(found.chain[1], found.real[0] ** 2)
    assert np.allclose(found.real[:, 0], 1) and np.allclose(found.shuffled[..., 0], 1)
    assert found.labels.tolist() == [1, 2, 3]


def test_shuffled_stays_have_only_the_noise_of_few_samples():
    found = modes_of.modes([walk(0)], np.array([1, 2]), shuffles=10)
    assert found.shuffled[..., 1].max() < 0.08 < found.real[:, 1].min()


def test_moods_are_remembered_longer_than_a_chain_would():
    rng = np.random.default_rng(0)
    mood = np.cumsum(rng.random(20_000) < 0.02) % 2  # lasts 50 stays
    usual = np.array([[3, 3, 3, 1, 1, 1], [1, 1, 1, 3, 3, 3]]) / 12
    draw = rng.random(20_000)[:, None] > np.cumsum(usual, axis=1)[mood]
    found = modes_of.modes([draw.sum(axis=1) + 1], np.array([1, 10]), shuffles=2)
    tenth = found.real[1, 1]
    assert tenth > 0.08  # 0.96^12 of 0.25, what moods tell of the region: 0.15
    assert found.chain[1, 1] < 1e-3 and found.shuffled[:, 1, 1].max() < 0.5 * tenth


def test_lags_beyond_the_recordings_are_left_out_and_the_seed_is_all_that_matters():
    here = modes_of.modes([walk(0, 60)], shuffles=2)
    assert here.lags[0] == 1 and here.lags[-1] < 60
    there = modes_of.modes([walk(0, 60)], shuffles=2)
    assert all((a == b).all() for a, b in zip(here, there, strict=True))
    assert here.pairs[0] == len(modes_of.chains([walk(0, 60)])[0]) - 1
    with pytest.raises(InputError, match="no recording moves"):
        modes_of.modes([np.ones(50, int)])
