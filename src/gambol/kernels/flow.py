"""Disjoint paths through pieces of tracks: min-cost flow of exactly n units, always feasible.

A unit is an animal. It waits in a pool, enters a piece, goes on by a link to a later piece or
back to the pool, and ends in the pool; a piece holds one unit and may stay empty. The
constraints are a network, hence totally unimodular: the linear programme has whole solutions.
Between clean stretches, in which exactly n pieces live and all are certain, the programme falls
apart into short ones. Source: Ahuja, Magnanti and Orlin (1993), Network Flows, 11.12;
Zhang, Li and Nevatia (2008), CVPR, for tracks.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.optimize import linprog

POOL = -1  # came from the pool, not from a piece
UNUSED = -2  # holds no unit
WINDOW = 200  # pieces of one programme at least, where it can be split: each call costs 2 ms


class Pieces(NamedTuple):
    """M stretches of track and the E links that may join them; costs in nats."""

    start: Float[np.ndarray, " M"]  # s
    end: Float[np.ndarray, " M"]  # s; not before start
    gain: Float[np.ndarray, " M"]  # log-odds that this is an animal; < 0 is better left out
    enter: Float[np.ndarray, " M"]  # cost of coming from the pool
    leave: Float[np.ndarray, " M"]  # cost of going back
    tail: Int[np.ndarray, " E"]  # a link joins the end of piece `tail` …
    head: Int[np.ndarray, " E"]  # … to the start of piece `head`, which is later
    cost: Float[np.ndarray, " E"]  # of the links


class Flow(NamedTuple):
    """How n units go at the least cost."""

    before: Int[np.ndarray, " M"]  # the piece that a unit came from, POOL or UNUSED
    path: Int[np.ndarray, " M"]  # 0 … n - 1, or UNUSED; pieces of one path never overlap
    cost: float  # total, nats


def solve(pieces: Pieces, n: int, window: int = WINDOW) -> Flow:
    """Send n units through the pieces at the least total cost.

    Args:
        pieces: links whose head does not start after its tail are not allowed.
        n: animals; all may stay in the pool, so every instance has a solution.
        window: solve parts of about so many pieces, split where all n are certain.

    >>> none = np.zeros(2)
    >>> ends = np.array([0.0, 2.0]), np.array([1.0, 3.0])
    >>> link = np.array([0]), np.array([1]), np.array([-3.0])
    >>> solve(Pieces(*ends, np.full(2, 9.0), none + 5, none + 5, *link), n=1)[:2]
    (array([-1,  0]), array([0, 0]))
    """
    before = np.full(len(pieces.start), UNUSED)
    lower = -np.inf
    for upper in [*_splits(pieces, n, window), np.inf]:
        inside = (pieces.end > lower) & (pieces.start <= upper)
        part = _part(pieces, inside, lower, upper)
        where = np.flatnonzero(inside)
        came = _solve(part, n)
        if len(where):
            came = np.where(came >= 0, where[np.maximum(came, 0)], came)
        fresh = pieces.start[where] > lower  # others entered in an earlier part
        before[where[fresh]] = came[fresh]
        lower = upper
    return Flow(before, _paths(pieces, before, n), _cost(pieces, before))


def _splits(pieces: Pieces, n: int, window: int) -> list[float]:
    """Times at which the n units are surely in the n pieces that live there.

    Such a time lies in a stretch without starts and ends in which exactly n pieces live and
    each gains more than any change of its neighbours' links could save.
    """
    if not len(pieces.start):
        return []
    times = np.unique(np.concatenate([pieces.start, pieces.end]))
    alive = np.searchsorted(np.sort(pieces.start), times[:-1], "right") - np.searchsorted(
        np.sort(pieces.end), times[:-1], "right"
    )  # within (times[k], times[k+1])
    at_most = np.abs(pieces.cost).max(initial=0)
    stake = 2 * (pieces.enter.max() + pieces.leave.max() + at_most)
    rate = pieces.gain / np.maximum(pieces.end - pieces.start, 1e-9)
    starts = np.sort(pieces.start)
    splits, last = [], 0
    for k in np.flatnonzero(alive == n):
        middle = (times[k] + times[k + 1]) / 2
        begun = int(np.searchsorted(starts, middle, "right"))
        if begun - last < window or len(starts) - begun < window // 2:
            continue
        living = (pieces.start <= middle) & (pieces.end > middle)
        if (rate[living] * (times[k + 1] - times[k]) > stake).all():
            splits.append(float(middle))
            last = begun
    return splits


def _part(pieces: Pieces, inside: Bool[np.ndarray, " M"], lower: float, upper: float) -> Pieces:
    """Cut out a window; what crosses its edges is surely used, and comes or goes free."""
    number = np.cumsum(inside) - 1
    begun, going = pieces.start <= lower, pieces.end > upper
    sure = 1e4 * (begun | going)
    kept = inside[pieces.tail] & inside[pieces.head]
    kept &= ~begun[pieces.head] & ~going[pieces.tail]
    return Pieces(
        pieces.start[inside],
        pieces.end[inside],
        (pieces.gain + sure)[inside],
        np.where(begun, 0.0, pieces.enter)[inside],
        np.where(going, 0.0, pieces.leave)[inside],
        number[pieces.tail[kept]],
        number[pieces.head[kept]],
        pieces.cost[kept],
    )


def _solve(pieces: Pieces, n: int) -> Int[np.ndarray, " M"]:
    """Solve one window as a linear programme; return where the unit of each piece came from.

    Variables: piece, entry and exit of each, links, then the pool from each time to the next.
    """
    m, e = len(pieces.start), len(pieces.tail)
    if not m:
        return np.zeros(0, np.int64)
    times = np.unique(np.concatenate([pieces.start, pieces.end]))
    u = len(times) + 1  # the last node of the pool is after the last time
    each, pool = np.arange(m), 2 * m + np.arange(u)
    to_pool = 2 * m + np.searchsorted(times, pieces.end) + 1
    from_pool = 2 * m + np.searchsorted(times, pieces.start)
    tails = np.concatenate([each, from_pool, m + each, m + pieces.tail, pool[:-1]])
    heads = np.concatenate([m + each, each, to_pool, pieces.head, pool[1:]])
    price = np.concatenate(
        [-pieces.gain, pieces.enter, pieces.leave, pieces.cost, np.zeros(u - 1)]
    )
    arcs = np.arange(len(tails))
    incidence = sparse.coo_matrix(
        (
            np.repeat([1.0, -1.0], len(arcs)),
            (np.concatenate([tails, heads]), np.tile(arcs, 2)),
        ),
        shape=(2 * m + u, len(arcs)),
    ).tocsr()
    supply = np.zeros(2 * m + u)
    supply[2 * m], supply[-1] = n, -n
    most = np.concatenate([np.ones(3 * m + e), np.full(u - 1, n)])
    found = linprog(
        price,
        A_eq=incidence,
        b_eq=supply,
        bounds=np.stack([np.zeros_like(most), most], axis=1),
        method="highs-ds",  # ends in a corner, which is whole
    )
    if found.x is None:
        raise RuntimeError(f"the flow of {n} units through {m} pieces failed: {found.message}")
    units = np.rint(found.x).astype(np.int64)
    before = np.full(m, UNUSED)
    before[units[m : 2 * m] == 1] = POOL
    used = units[3 * m : 3 * m + e] == 1
    before[pieces.head[used]] = pieces.tail[used]
    return before


def _paths(pieces: Pieces, before: Int[np.ndarray, " M"], n: int) -> Int[np.ndarray, " M"]:
    """Number the paths; who comes out of the pool is who went in last."""
    path = np.full(len(before), UNUSED)
    followed = np.zeros(len(before), bool)
    followed[before[before >= 0]] = True
    waiting = [(-np.inf, -k, k) for k in range(n)]  # path 0 first
    for piece in np.argsort(pieces.start, kind="stable"):
        if before[piece] >= 0:
            path[piece] = path[before[piece]]
        elif before[piece] == POOL:
            ready = [seat for seat in waiting if seat[0] < pieces.start[piece]]
            chosen = max(ready)
            waiting.remove(chosen)
            path[piece] = chosen[2]
        if before[piece] != UNUSED and not followed[piece]:
            waiting.append((float(pieces.end[piece]), -int(path[piece]), int(path[piece])))
    return path


def _cost(pieces: Pieces, before: Int[np.ndarray, " M"]) -> float:
    """Add up what a flow costs."""
    used = before != UNUSED
    linked = before[pieces.head] == pieces.tail
    followed = np.zeros(len(before), bool)
    followed[before[before >= 0]] = True
    return float(
        -pieces.gain[used].sum()
        + pieces.enter[before == POOL].sum()
        + pieces.leave[used & ~followed].sum()
        + pieces.cost[linked].sum()
    )
