"""Nearest distributions fast: a coarse search in few dimensions, then exact divergences.

Points of the map lie in cells (k-means) of the first principal components of √p, in which
Euclidean distance is √2 times Hellinger's. A new point looks into the nearest cells, keeps the
nearest candidates there, and their exact divergences decide. Every point is handled by itself,
so what is asked beside it is of no effect. Source: Sivic & Zisserman (2003), ICCV, of inverted
lists.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int
from threadpoolctl import threadpool_limits

from gambol.kernels.affinity import Neighbours, centred_logs, middle_of_logs, smallest

_CELL = 136  # points of a cell, about, where there are few
_ROUNDS = 20  # of k-means, at most


class Cells(NamedTuple):
    """How √p becomes a cell: all that has to be kept to search again."""

    mean: Float[np.ndarray, " K"]  # of √p
    axes: Float[np.ndarray, "K C"]  # principal axes, columns
    centre: Float[np.ndarray, "M C"]  # of the cells
    cell: Int[np.ndarray, " N"]  # of each point


class Index(NamedTuple):
    """N points of a map in the order of their cells, laid out for the search."""

    logs: Float[np.ndarray, "N K"]  # log p - middle
    middle: Float[np.ndarray, " K"]
    axes: Float[np.ndarray, "K C"]
    shift: Float[np.ndarray, " C"]  # mean of √p along the axes
    scores: Float[np.ndarray, "C N"]
    centre: Float[np.ndarray, "M C"]
    start: Int[np.ndarray, " M1"]  # cell m holds start[m] … start[m + 1] - 1
    row: Int[np.ndarray, " N"]  # which row of p each is


def components(
    p: Float[np.ndarray, "N K"], n: int
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, "K C"]]:
    """Return mean and first principal axes of √p; the largest loading of each is positive."""
    root = np.sqrt(p.astype(np.float64))
    mean = root.mean(axis=0)
    with threadpool_limits(1, "blas"):
        root -= mean
        _, vectors = np.linalg.eigh(root.T @ root)
    axes = vectors[:, ::-1][:, :n]
    largest = np.abs(axes).argmax(axis=0)
    signs = np.where(axes[largest, np.arange(axes.shape[1])] < 0.0, -1.0, 1.0)
    return mean, np.ascontiguousarray(axes * signs)


def learn(
    p: Float[np.ndarray, "N K"],
    rng: np.random.Generator,
    *,
    n_components: int = 32,
    n_cells: int = 256,
) -> Cells:
    """Return axes and cells for the points of a map.

    Args:
        p: distributions, all shares above 0.
        rng: chooses the first centres.
        n_components: dimensions of the coarse search, at most K.
        n_cells: at most; fewer where cells would hold less than 136 points.
    """
    mean, axes = components(p, min(n_components, p.shape[1]))
    mean, axes = mean.astype(np.float32), axes.astype(np.float32)
    scores = _project(p.astype(np.float64), axes, _shift(mean, axes))
    n = max(1, min(n_cells, len(p) // _CELL))
    centre = scores[np.sort(rng.choice(len(p), n, replace=False))].copy()
    cell = np.full(len(p), -1)
    for _ in range(_ROUNDS):
        before = cell.copy()
        _assign(scores, centre, cell)
        if (cell == before).all():
            break
        _average(scores, cell, centre)
    _assign(scores, centre, cell)
    return Cells(mean, axes, centre, cell)


def lay(p: Float[np.ndarray, "N K"], cells: Cells) -> Index:
    """Lay the points of a map out for the search."""
    order = np.argsort(cells.cell, kind="stable")
    counts = np.bincount(cells.cell, minlength=len(cells.centre))
    middle = middle_of_logs(p)
    shift = _shift(cells.mean, cells.axes)
    scores = _project(p.astype(np.float64), cells.axes, shift)
    return Index(
        centred_logs(p, middle)[order].astype(np.float32),
        middle,
        cells.axes,
        shift,
        np.ascontiguousarray(scores[order].T),
        cells.centre,
        np.concatenate([[0], np.cumsum(counts)]),
        order,
    )


def search(
    index: Index,
    p: Float[np.ndarray, "T K"],
    kept: int = 200,
    *,
    probed: int = 16,
    candidates: int = 400,
    own: Int[np.ndarray, " T"] | None = None,
) -> Neighbours:
    """Return the nearest points of the map for each row of p, in no order.

    Args:
        index: the points of the map.
        p: distributions, all shares above 0.
        kept: how many; less than N.
        probed: cells that are looked into; more while they hold too few points.
        candidates: whose exact divergences are computed.
        own: row of the map that is not counted; -1 for none.
    """
    scores = _project(p, index.axes, index.shift)
    home = np.empty(len(p), np.int64)
    _assign(scores, index.centre, home)
    order = np.argsort(home, kind="stable")  # neighbours in memory, one after the other
    left_out = np.full(len(p), -1) if own is None else own
    place, near = np.empty((len(p), kept), np.int64), np.empty((len(p), kept))
    candidates = min(max(candidates, kept), len(index.row))
    _search(p, scores, order, index, left_out, probed, candidates, place, near)
    return Neighbours(place, near)


def found(
    exact: Int[np.ndarray, "T k"], searched: Int[np.ndarray, "T _"]
) -> Bool[np.ndarray, "T k"]:
    """Tell which of the exact neighbours a search has found."""
    return np.stack([np.isin(a, b) for a, b in zip(exact, searched, strict=True)])


def _shift(
    mean: Float[np.ndarray, " K"], axes: Float[np.ndarray, "K C"]
) -> Float[np.ndarray, " C"]:
    """The mean along the axes, added up in a fixed order."""
    return (mean.astype(np.float64)[:, None] * axes).sum(axis=0).astype(np.float32)


def _project(
    p: Float[np.ndarray, "T K"], axes: Float[np.ndarray, "K C"], shift: Float[np.ndarray, " C"]
) -> Float[np.ndarray, "T C"]:
    """Return the components of √p."""
    out = np.empty((len(p), axes.shape[1]), np.float32)
    _components(p, axes, shift, out)
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _components(p, axes, shift, out):
    """Components of √p, added up column by column."""
    for t in range(len(p)):
        row = out[t]
        for c in range(len(row)):
            row[c] = -shift[c]
        for k in range(p.shape[1]):
            root = np.float32(np.sqrt(p[t, k]))
            for c in range(len(row)):
                row[c] += root * axes[k, c]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _assign(scores, centre, cell):
    """Write the nearest centre of each point."""
    for t in range(len(scores)):
        best = np.inf
        for m in range(len(centre)):
            far = np.float32(0.0)
            for c in range(scores.shape[1]):
                step = scores[t, c] - centre[m, c]
                far += step * step
            if far < best:
                best, cell[t] = far, m


@numba.njit(cache=True, nogil=True)
@no_type_check
def _average(scores, cell, centre):
    """Write the mean of the points of each cell; a cell without points stays."""
    total = np.zeros(centre.shape)
    count = np.zeros(len(centre))
    for t in range(len(scores)):
        count[cell[t]] += 1.0
        for c in range(scores.shape[1]):
            total[cell[t], c] += scores[t, c]
    for m in range(len(centre)):
        if count[m] > 0.0:
            for c in range(centre.shape[1]):
                centre[m, c] = np.float32(total[m, c] / count[m])


@numba.njit(cache=True, nogil=True)
@no_type_check
def _search(p, scores, order, index, own, probed, candidates, out, near):
    """Search for the points one after the other, those of a cell together."""
    logs, middle, _, _, points, centre, start, row = index
    n, k, kept = logs.shape[0], p.shape[1], out.shape[1]
    room = 4 * candidates + 8
    far, where = np.empty(n, np.float32), np.empty(n, np.int64)
    value, place = np.empty(room), np.empty(room, np.int64)
    exact, chosen = np.empty(candidates), np.empty(candidates, np.int64)
    query, apart = np.empty(k, np.float32), np.empty(len(centre), np.float32)
    for t in order:
        _distances(scores[t], centre, apart)
        seen = _look(scores[t], points, start, apart, probed, candidates + 1, far, where)
        skip = -1
        for j in range(seen if own[t] >= 0 else 0):
            if row[where[j]] == own[t]:
                skip = j
        count = smallest(far, seen, min(candidates, seen), skip, place, value)
        entropy = 0.0
        for i in range(k):
            entropy += p[t, i] * (np.log(p[t, i]) - middle[i])
            query[i] = p[t, i]
        for j in range(count):
            chosen[j] = where[place[j]]
            exact[j] = max(entropy - np.dot(query, logs[chosen[j]]), 0.0)
        smallest(exact, count, kept, -1, place, value)
        for j in range(kept):
            out[t, j], near[t, j] = row[chosen[place[j]]], value[j]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _distances(score, centre, apart):
    for m in range(len(centre)):
        far = np.float32(0.0)
        for c in range(len(score)):
            step = score[c] - centre[m, c]
            far += step * step
        apart[m] = far


@numba.njit(cache=True, nogil=True)
@no_type_check
def _look(score, points, start, apart, probed, enough, far, where):
    """Write the coarse distance to every point of the nearest cells; return how many."""
    seen, opened = 0, 0
    while opened < len(apart) and (opened < probed or seen < enough):
        m = np.argmin(apart)
        apart[m] = np.inf
        opened += 1
        first, last = start[m], start[m + 1]
        out = far[seen : seen + last - first]
        out[:] = 0.0
        for c in range(len(score)):
            line = points[c, first:last]
            for j in range(len(line)):
                step = line[j] - score[c]
                out[j] += step * step
        for j in range(last - first):
            where[seen + j] = first + j
        seen += last - first
    return seen
