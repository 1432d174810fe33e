"""Joint labels: against all choices and all partitions of few candidates, one by one."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gambol.kernels import joint_labels, partition
from gambol.kernels.joint_labels import Problem


def partitions(n):
    """Every way to part n things, as labels."""
    if n == 0:
        yield []
        return
    for rest in partitions(n - 1):
        for label in range(max(rest, default=-1) + 2):
            yield [*rest, label]


def best_by_enumeration(asked):
    """The largest sum over all choices of one candidate or none a place, and their groups."""
    places = [np.flatnonzero(asked.place == d).tolist() for d in np.unique(asked.place)]
    best = -np.inf
    for shown in product(*([None, *mine] for mine in places)):
        some = [p for p in shown if p is not None]
        for label in partitions(len(some)):
            total, fine = sum(asked.value[p] for p in some), True
            for a in range(len(some)):
                for b in range(a):
                    if label[a] == label[b]:
                        fine &= not asked.apart[some[a], some[b]]
                        total += asked.gain[some[a], some[b]]
            if fine:
                best = max(best, total)
    return best


def problem(rng, places, kinds, most=3):
    place = np.repeat(np.arange(places), rng.integers(1, most + 1, places))
    n = len(place)
    kind = rng.integers(0, kinds, n)
    upper = np.triu(rng.normal(0, 2, (n, n)) * (rng.random((n, n)) < 0.7), 1)
    order = rng.permutation(n)  # places do not lie side by side
    apart = (kind[:, None] == kind) & ~np.eye(n, dtype=bool)
    made = Problem(place, rng.normal(0, 1, n), upper + upper.T, apart)
    return Problem(place[order], made.value[order], *(m[order][:, order] for m in made[2:]))


def nothing(asked):
    return np.zeros(len(asked.place), bool), np.arange(len(asked.place))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 100_000), st.integers(1, 4), st.integers(1, 5))
def test_nothing_is_worth_more_by_enumeration(seed, places, kinds):
    asked = problem(np.random.default_rng(seed), places, kinds)
    found = joint_labels.improve(asked, *nothing(asked))
    assert joint_labels.allowed(asked, found.counts, found.label) and found.gap == 0
    value = joint_labels.worth(asked, found.counts, found.label)
    assert value == pytest.approx(best_by_enumeration(asked), abs=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_places_whose_things_are_known_are_parted_as_by_partition(seed):
    rng = np.random.default_rng(seed)
    n = 7
    upper = np.triu(rng.normal(0, 1, (n, n)), 1)
    gain, kind = upper + upper.T, rng.integers(0, 4, n)
    apart = (kind[:, None] == kind) & ~np.eye(n, dtype=bool)
    sure = Problem(np.arange(n), np.full(n, 100.0), gain, apart)
    found = joint_labels.improve(sure, *nothing(sure))
    parted = partition.improve(gain, kind, np.arange(n))
    assert found.counts.all()
    assert partition.worth(gain, found.label) == pytest.approx(
        partition.worth(gain, parted.label), abs=1e-6
    )


def test_two_places_are_the_two_sides_and_not_one_side_twice():
    # left and right at either of two places, and a body that both want to be with; each side
    # alone is likelier at the second place
    place = np.array([0, 0, 1, 1, 2])
    left, right = [0, 2], [1, 3]
    value = np.array([0.4, 0.1, 0.6, 1.0, 5.0])
    gain = np.zeros((5, 5))
    gain[:4, 4] = gain[4, :4] = 2.0
    apart = np.zeros((5, 5), bool)
    for same in (left, right):
        apart[np.ix_(same, same)] = True
    np.fill_diagonal(apart, False)
    asked = Problem(place, value, gain, apart)
    found = joint_labels.improve(asked, *nothing(asked))
    assert found.counts.tolist() == [True, False, False, True, True]
    assert len(set(found.label[found.counts].tolist())) == 1


def test_what_is_the_best_already_is_kept():
    asked = problem(np.random.default_rng(3), 4, 3)
    best = joint_labels.improve(asked, *nothing(asked))
    again = joint_labels.improve(asked, best.counts, best.label)
    assert again.counts is best.counts and again.label is best.label and again.gap == 0


def test_without_time_what_is_there_stays_and_the_gap_bounds_what_is_missed():
    asked = problem(np.random.default_rng(0), 9, 5)
    start = nothing(asked)
    hasty = joint_labels.improve(asked, *start, seconds=1e-9)
    best = joint_labels.improve(asked, *start, seconds=20.0)
    assert hasty.counts is start[0] and hasty.label is start[1] and best.gap == 0
    assert 0 < joint_labels.worth(asked, best.counts, best.label) <= hasty.gap + 1e-6


def test_of_no_candidates_none_counts():
    empty = Problem(np.zeros(0, int), np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0), bool))
    assert joint_labels.improve(empty, *nothing(empty)).gap == 0
