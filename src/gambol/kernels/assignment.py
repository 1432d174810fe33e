"""Partial one-to-one assignment: every row takes one column, or stays alone at its price.

A row that stays alone is matched to a dummy of its own, so no pair is ever forced and filtered
afterwards. Forbidden pairs are infinite or NaN and cannot be chosen, whatever else costs.
Small problems are solved by shortest augmenting paths in compiled code, large ones by
`scipy.optimize.linear_sum_assignment`; both give the same total.
Source: Jonker and Volgenant (1987), Computing 38:325-340; the price of leaving one pair is one
more shortest path on the same reduced costs, as in Murty (1968), Oper Res 16(3):682-687.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

ALONE = -1  # the column of a row that no column was worth
LARGE = 200 * 200  # pairs; beyond, scipy is faster than the paths below


class Assignment(NamedTuple):
    """The cheapest partial assignment of n rows to m columns."""

    column: Int[np.ndarray, " n"]  # the column of every row, or ALONE; distinct
    total: float  # cost of the pairs plus the prices of the rows that stayed alone


def assign(cost: Float[np.ndarray, "n m"], alone: Float[np.ndarray, " n"]) -> Assignment:
    """Find the assignment of least total cost.

    Args:
        cost: of each pair, such as a negative log-likelihood ratio; NaN, infinite: forbidden.
        alone: what a row costs that takes no column; finite.

    >>> gain = np.array([[0.9, 0.3], [0.5, -1.0]])  # a forced assignment would take .3 and .5
    >>> assign(0.25 - gain, np.zeros(2)).column.tolist()
    [0, -1]
    """
    cost, alone = np.ascontiguousarray(cost, np.float64), alone.astype(np.float64)
    column = _by_scipy(cost, alone) if cost.size > LARGE else _solve(cost, alone)
    return Assignment(column, float(_total(cost, alone, column)))


def margins(
    cost: Float[np.ndarray, "n m"],
    alone: Float[np.ndarray, " n"],
    column: Int[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """Return by how much the total grows when a row must not have what `assign` gave it.

    The smallest of them is the distance to the second-best joint assignment; infinite for a
    row without any other choice.

    >>> cost = np.array([[1.0, 2.0], [3.0, 1.5]])
    >>> margins(cost, np.full(2, 9.0), np.array([0, 1])).tolist()
    [2.5, 2.5]
    """
    cost, alone = np.ascontiguousarray(cost, np.float64), alone.astype(np.float64)
    return _margins(cost, alone, column.astype(np.int64))


def greedy(cost: Float[np.ndarray, "n m"], alone: Float[np.ndarray, " n"]) -> Assignment:
    """Take the pair that saves most, again and again, until none saves anything.

    Args:
        cost: of each pair; NaN or infinite = forbidden.
        alone: what a row costs that takes no column.
    """
    cost, alone = np.ascontiguousarray(cost, np.float64), alone.astype(np.float64)
    saving = np.where(np.isfinite(cost), alone[:, None] - cost, -np.inf)
    column = np.full(len(cost), ALONE)
    taken = np.zeros(cost.shape[1], dtype=bool)
    for pair in np.argsort(-saving, axis=None, kind="stable"):
        row, col = divmod(int(pair), cost.shape[1])
        if saving[row, col] <= 0:
            break
        if column[row] == ALONE and not taken[col]:
            column[row], taken[col] = col, True
    return Assignment(column, float(_total(cost, alone, column)))


def _by_scipy(cost: np.ndarray, alone: np.ndarray) -> np.ndarray:
    """Solve with one dummy column a row."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = cost.shape
    padded = np.full((rows, columns + rows), np.inf)
    padded[:, :columns] = np.where(np.isfinite(cost), cost, np.inf)
    padded[np.arange(rows), columns + np.arange(rows)] = alone
    chosen = linear_sum_assignment(padded)[1]
    return np.where(chosen < columns, chosen, ALONE)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _total(cost, alone, column):
    total = 0.0
    for row in range(len(column)):
        total += alone[row] if column[row] == ALONE else cost[row, column[row]]
    return total


@numba.njit(cache=True, nogil=True)
@no_type_check
def _solve(cost, alone):
    """Add one row after the other, each by the shortest augmenting path."""
    rows, columns = cost.shape
    price, rent = np.empty(rows), np.zeros(columns)  # duals: price + rent <= cost
    column, owner = np.full(rows, ALONE), np.full(columns, ALONE)
    dist, before = np.empty(columns), np.empty(columns, np.int64)
    done = np.empty(columns, np.bool_)
    for start in range(rows):
        price[start] = alone[start]
        for j in range(columns):
            if np.isfinite(cost[start, j]):
                price[start] = min(price[start], cost[start, j] - rent[j])
        j, row, length = _search(cost, alone, price, rent, owner, start, dist, before, done)
        price[start] += length
        for k in range(columns):
            if done[k] and k != j:
                rent[k] += dist[k] - length
                price[owner[k]] += length - dist[k]
        if j == ALONE:
            j, column[row] = column[row], ALONE
        while j != ALONE:  # hand the columns on, back along the path
            row = before[j]
            owner[j] = row
            j, column[row] = column[row], j
    return column


@numba.njit(cache=True, nogil=True)
@no_type_check
def _search(cost, alone, price, rent, owner, start, dist, before, done):
    """Find the nearest free column, or the row that had best stay alone (then ALONE)."""
    dist[:], done[:] = np.inf, False
    row, base, exit_row, length = start, 0.0, start, np.inf
    while True:
        if base + alone[row] - price[row] < length:  # row may go to its dummy
            exit_row, length = row, base + alone[row] - price[row]
        j = _relax(cost, price, rent, row, base, dist, before, done)
        if j == ALONE or length <= dist[j]:
            return ALONE, exit_row, length
        done[j] = True
        if owner[j] == ALONE:
            return j, exit_row, dist[j]
        row, base = owner[j], dist[j]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _relax(cost, price, rent, row, base, dist, before, done):
    """Lower the distances that `row` makes shorter; return the nearest column not done."""
    nearest, best = ALONE, np.inf
    for j in range(len(dist)):
        if done[j]:
            continue
        if np.isfinite(cost[row, j]):
            through = base + cost[row, j] - price[row] - rent[j]
            if through < dist[j]:
                dist[j], before[j] = through, row
        if dist[j] < best:
            nearest, best = j, dist[j]
    return nearest


@numba.njit(cache=True, nogil=True)
@no_type_check
def _margins(cost, alone, column):
    """One shortest path a row, in costs reduced by the duals of the given optimum.

    The path ends where nobody is crowded out any more, or closes at the column that was left.
    In the first case that column goes to whom it suits next, which its rent has paid for.
    """
    rows, columns = cost.shape
    price, rent, owner = _duals(cost, alone, column)
    margin = np.empty(rows)
    dist, before = np.empty(columns), np.empty(columns, np.int64)
    done = np.empty(columns, np.bool_)
    for start in range(rows):
        own = column[start]
        dist[:], done[:] = np.inf, False
        best = np.inf if own == ALONE else alone[start] - price[start]
        if own != ALONE:
            done[own] = True
        j = _relax(cost, price, rent, start, 0.0, dist, before, done)
        if own != ALONE:
            done[own] = False
        while j != ALONE and dist[j] < best:
            done[j] = True
            if j == own or owner[j] == ALONE:
                best = dist[j]
                break
            row, base = owner[j], dist[j]
            best = min(best, base + alone[row] - price[row])
            j = _relax(cost, price, rent, row, base, dist, before, done)
        margin[start] = max(best, 0.0)
    return margin


@numba.njit(cache=True, nogil=True)
@no_type_check
def _duals(cost, alone, column):
    """Prices of rows and rents (never positive) of columns that prove the optimum.

    A rent is the shortest path of exchanges that ends at the column (Bellman and Ford); it
    takes as many rounds as the longest chain of rows that crowd each other out, mostly one.
    """
    rows, columns = cost.shape
    owner, rent, price = np.full(columns, ALONE), np.zeros(columns), np.empty(rows)
    for row in range(rows):
        if column[row] != ALONE:
            owner[column[row]] = row
    changed = True
    for _ in range(rows + 1):
        if not changed:
            break
        changed = False
        for row in range(rows):
            own = column[row]
            price[row] = alone[row] if own == ALONE else cost[row, own] - rent[own]
            for j in range(columns):
                lower = cost[row, j] - price[row]
                if j != own and np.isfinite(lower) and lower < rent[j] - 1e-12:
                    rent[j], changed = lower, True
    for row in range(rows):
        own = column[row]
        price[row] = alone[row] if own == ALONE else cost[row, own] - rent[own]
    return price, rent, owner
