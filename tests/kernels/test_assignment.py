import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.kernels import assignment
from gambol.kernels.assignment import ALONE, assign, greedy, margins

seeds = st.integers(0, 2**32 - 1)


def problem(seed, rows, columns, forbidden=0.2):
    """Random costs of both signs, some of them NaN or infinite."""
    rng = np.random.default_rng(seed)
    cost = rng.normal(0, 3, (rows, columns))
    cost[rng.random(cost.shape) < forbidden] = rng.choice([np.nan, np.inf, -np.inf])
    return cost, rng.normal(1, 2, rows)


def every_choice(cost, alone):
    """All partial assignments that are allowed, each with its total."""
    rows, columns = cost.shape
    for column in itertools.product(range(-1, columns), repeat=rows):
        taken = [c for c in column if c != ALONE]
        pairs = [alone[r] if c == ALONE else cost[r, c] for r, c in enumerate(column)]
        if len(set(taken)) == len(taken) and np.isfinite(pairs).all():
            yield np.array(column, dtype=int), sum(pairs)


@given(seeds, st.integers(0, 4), st.integers(0, 4))
def test_is_the_best_of_all_partial_assignments(seed, rows, columns):
    cost, alone = problem(seed, rows, columns)
    best = min(total for _, total in every_choice(cost, alone))
    assert assign(cost, alone).total == pytest.approx(best)


@given(seeds, st.integers(1, 4), st.integers(0, 4))
def test_margin_is_the_distance_to_the_best_other_choice_of_a_row(seed, rows, columns):
    cost, alone = problem(seed, rows, columns)
    found = assign(cost, alone)
    for row, margin in enumerate(margins(cost, alone, found.column)):
        others = [
            total for column, total in every_choice(cost, alone)
            if column[row] != found.column[row]
        ]  # fmt: skip
        assert margin == pytest.approx(min(others, default=np.inf) - found.total, abs=1e-9)


@given(seeds, st.integers(1, 25), st.integers(1, 25))
def test_both_solvers_agree(seed, rows, columns):
    cost, alone = problem(seed, rows, columns, forbidden=0.6)
    by_scipy = assignment._by_scipy(cost, alone)
    total = sum(
        a if c == ALONE else cost[r, c]
        for r, (c, a) in enumerate(zip(by_scipy, alone, strict=True))
    )
    assert assign(cost, alone).total == pytest.approx(total)


def test_a_large_problem_goes_to_scipy_and_margins_still_hold():
    cost, alone = problem(1, 210, 210)
    found = assign(cost, alone)
    assert np.array_equal(found.column, assignment._by_scipy(cost, alone))
    row = 7
    barred = cost.copy()
    barred[row, found.column[row]] = np.nan
    again = assign(barred, alone)
    expected = margins(cost, alone, found.column)[row]
    assert again.total - found.total == pytest.approx(expected)


@given(seeds, st.integers(0, 12), st.integers(0, 12))
def test_forbidden_pairs_are_never_chosen_and_columns_are_distinct(seed, rows, columns):
    cost, alone = problem(seed, rows, columns, forbidden=0.8)
    for solve in (assign, greedy):
        column = solve(cost, alone + 1e12).column  # staying alone is as dear as can be
        pairs = cost[np.arange(rows), column][column != ALONE] if columns else np.empty(0)
        assert np.isfinite(pairs).all()
        taken = column[column != ALONE]
        assert len(set(taken.tolist())) == len(taken)


def test_a_forced_assignment_is_not_cut_afterwards():
    gain = np.array([[0.9, 0.3], [0.5, -1.0]])
    assert assign(0.25 - gain, np.zeros(2)).column.tolist() == [0, ALONE]


def test_greedy_takes_the_best_pair_first_and_may_lose_in_total():
    cost = np.array([[-9.0, -8.0], [-8.0, -1.0]])
    assert greedy(cost, np.zeros(2)).total == -10
    assert assign(cost, np.zeros(2)).total == -16


@given(seeds)
def test_order_of_rows_and_columns_does_not_matter(seed):
    cost, alone = problem(seed, 6, 5)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(6), rng.permutation(5)
    shuffled = assign(cost[np.ix_(rows, columns)], alone[rows]).column
    direct = assign(cost, alone).column[rows]
    named = np.where(shuffled == ALONE, ALONE, columns[shuffled])
    assert np.array_equal(named, direct)
