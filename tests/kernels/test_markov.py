"""Chains against their transitions, and their memory against powers of matrices."""

import numpy as np
import pytest
from scipy.stats import chisquare

from gambol.kernels import markov


def rows(rng, *shape):
    return rng.dirichlet(np.ones(shape[-1]), size=shape[:-1])


def count(sequence, size):
    counts = np.zeros((size, size), int)
    np.add.at(counts, (sequence[:-1], sequence[1:]), 1)
    return counts


def test_transitions_are_relative_frequencies():
    counts = np.array([[3, 1], [2, 2]])
    np.testing.assert_array_equal(markov.transitions(counts), [[0.75, 0.25], [0.5, 0.5]])


def test_a_label_that_nothing_follows_is_followed_by_the_usual():
    counts = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0]])  # the recording ends with label 2
    np.testing.assert_allclose(markov.transitions(counts)[2], [0.75, 0.25, 0])


def test_a_recording_without_pairs_stays_where_it_is():
    np.testing.assert_array_equal(markov.transitions(np.zeros((2, 3, 3), int))[1], np.eye(3))


def test_cumulative_rows_are_one_from_the_last_possible_label_on():
    found = markov.cumulative(np.array([[0.1] * 7 + [0.3, 0, 0], [1.0] + [0.0] * 9]))
    assert (found[0, 7:] == 1).all() and found[0, 6] == pytest.approx(0.7)
    assert (found[1] == 1).all()


def test_a_chain_follows_its_transitions():
    rng = np.random.default_rng(0)
    transitions = rows(rng, 6, 6)
    transitions[2] = [0, 0, 0.9, 0.1, 0, 0]
    out = np.empty(200_000, np.uint8)
    markov.chain(rng, 4, markov.cumulative(transitions), out)
    assert out[0] == 4
    for row, expected in zip(count(out, 6), transitions, strict=True):
        possible = expected > 0
        assert row[~possible].sum() == 0
        assert chisquare(row[possible], row.sum() * expected[possible]).pvalue > 1e-3


def test_a_chain_never_enters_what_was_not_seen():
    rng = np.random.default_rng(0)
    counts = np.pad(rng.integers(0, 3, (5, 5)), ((1, 2), (1, 2)))
    out = np.empty(50_000, np.uint8)
    markov.chain(rng, 1, markov.cumulative(markov.transitions(counts)), out)
    assert set(out) == {1, 2, 3, 4, 5}


def test_states_take_turns_and_choose_the_transitions():
    rng = np.random.default_rng(0)
    states, labels = np.array([[0.95, 0.05], [0.1, 0.9]]), rows(rng, 2, 3, 3)
    drawn = markov.switching(
        rng, (1, 2), markov.cumulative(states), markov.cumulative(labels), 200_000
    )
    z, y = drawn.states, drawn.values
    assert (z[0], y[0]) == (1, 2)
    for row, expected in zip(count(z, 2), states, strict=True):
        assert chisquare(row, row.sum() * expected).pvalue > 1e-3
    for k in range(2):
        for i in range(3):
            here = (z[1:] == k) & (y[:-1] == i)
            seen = np.bincount(y[1:][here], minlength=3)
            assert chisquare(seen, seen.sum() * labels[k, i]).pvalue > 1e-3


def test_stationary_usage_is_kept():
    transitions = rows(np.random.default_rng(0), 8, 8)
    usage = markov.stationary(transitions)
    np.testing.assert_allclose(usage @ transitions, usage, atol=1e-12)


def test_memory_is_that_of_the_powers():
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 20, (5, 5)) + 400 * np.eye(5, dtype=int)
    usage, step = counts.sum(axis=1) / counts.sum(), markov.transitions(counts)
    lags = np.array([1, 2, 7, 60, 61, 5000])
    expected = []
    for lag in lags:
        power = np.linalg.matrix_power(step, lag)
        joint = usage[:, None] * power
        expected.append((joint * np.log(power / (usage @ power))).sum())
    np.testing.assert_allclose(markov.remembered(counts, lags), expected, atol=1e-13)


def test_labels_without_counts_add_nothing_to_memory():
    counts, lags = np.array([[8, 1], [1, 9]]), np.array([1, 10])
    wide = np.pad(counts, 1)
    np.testing.assert_array_equal(
        markov.remembered(wide, lags), markov.remembered(counts, lags)
    )
    assert markov.remembered(np.zeros((3, 3), int), lags).tolist() == [0, 0]


def test_a_chain_that_only_turns_round_never_forgets():
    turning = 50 * np.roll(np.eye(4, dtype=int), 1, axis=1)
    np.testing.assert_allclose(
        markov.remembered(turning, np.array([1, 1001, 36_000])), np.log(4)
    )
