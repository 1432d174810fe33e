"""Partition: against all partitions of few things, one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gambol.kernels import partition


def partitions(n):
    """Every way to part n things, as labels."""
    if n == 0:
        yield []
        return
    for rest in partitions(n - 1):
        for label in range(max(rest, default=-1) + 2):
            yield [*rest, label]


def best_by_enumeration(gain, kind):
    """The largest worth over all partitions that keep things of one kind apart."""
    best = -np.inf
    for label in partitions(len(kind)):
        label = np.array(label)
        same = np.triu(label[:, None] == label, 1)
        if (same & (kind[:, None] == kind)).any():
            continue
        best = max(best, gain[same].sum())
    return best


def symmetric(rng, n):
    upper = np.triu(rng.normal(0, 1, (n, n)), 1)
    return upper + upper.T


def allowed(kind, label):
    return all(len(set(kind[label == g])) == (label == g).sum() for g in set(label))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(1, 8))
def test_nothing_is_worth_more_by_enumeration(seed, n, kinds):
    rng = np.random.default_rng(seed)
    gain, kind = symmetric(rng, n), rng.integers(0, kinds, n)
    found = partition.improve(gain, kind, np.arange(n))
    assert allowed(kind, found.label) and found.gap == 0
    best = best_by_enumeration(gain, kind)
    assert partition.worth(gain, found.label) == pytest.approx(best, abs=1e-6)


def test_what_is_the_best_already_is_kept():
    gain = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], float)
    label = np.array([5, 5, 5])
    found = partition.improve(gain, np.arange(3), label)
    assert found.label is label and found.gap == 0


def test_without_time_what_is_there_stays_and_the_gap_bounds_what_is_missed():
    rng = np.random.default_rng(0)
    gain, kind = symmetric(rng, 14), np.arange(14) % 7
    alone = np.arange(14)
    hasty = partition.improve(gain, kind, alone, seconds=1e-9)
    best = partition.improve(gain, kind, alone, seconds=20.0)
    assert best.gap == 0 and allowed(kind, hasty.label)
    missed = partition.worth(gain, best.label) - partition.worth(gain, hasty.label)
    assert 0 <= missed <= hasty.gap + 1e-6


def test_things_of_one_kind_stay_apart_whatever_it_is_worth():
    gain = np.full((4, 4), 3.0)
    found = partition.improve(gain, np.zeros(4, int), np.arange(4))
    assert sorted(found.label.tolist()) == [0, 1, 2, 3] and found.gap == 0
