"""Exact inference over trees of keypoints on a grid, by generalised distance transforms.

The cheapest pose minimises Σ U_c(x_c) + Σ ½ dᵀ Σ⁻¹ d, d = x_c - x_p - μ, over the cells of all
keypoints. A child's message to its parent is a lower envelope of paraboloids; where Σ is
diagonal that is two passes of lower envelopes of parabolas, linear in the number of cells.

Source: Felzenszwalb and Huttenlocher (2005), IJCV 61:55-79; (2012), Theory of Computing 8:415.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int, Int64


class Placed(NamedTuple):
    """The cheapest pose."""

    cell: Int64[np.ndarray, "J 2"]  # column, row of every keypoint
    cost: float


def solve(
    unary: Float[np.ndarray, "J h w"],
    parent: Int[np.ndarray, " J"],
    mean: Float[np.ndarray, "J 2"],
    precision: Float[np.ndarray, "J 2 2"],
) -> Placed:
    """Find the cheapest pose.

    Args:
        unary: finite cost of every cell.
        parent: of each keypoint; -1 for roots, of which there may be several.
        mean: cells (x, y) from the parent to the keypoint; any fraction.
        precision: Σ⁻¹, 1/cells²; zeros where nothing is known, and then nothing is weighed.

    Diagonal precisions cost O(h w) a keypoint, others O(h² w²).
    """
    order = _parents_first(parent)
    inside = unary.astype(np.float64)  # with what hangs below summed in
    came: dict[int, np.ndarray] = {}
    for j in reversed(order):
        if parent[j] < 0:
            continue
        message, came[j] = transform(inside[j], mean[j], precision[j])
        inside[parent[j]] += message
    cell, cost = np.zeros((len(unary), 2), np.int64), 0.0
    for j in order:
        if parent[j] < 0:
            row, column = divmod(int(inside[j].argmin()), unary.shape[2])
            cell[j], cost = (column, row), cost + float(inside[j, row, column])
        else:
            x, y = cell[parent[j]]
            cell[j] = came[j][y, x]
    return Placed(cell, cost)


def transform(
    cost: Float[np.ndarray, "h w"],
    mean: Float[np.ndarray, " 2"],
    precision: Float[np.ndarray, "2 2"],
) -> tuple[Float[np.ndarray, "h w"], Int64[np.ndarray, "h w 2"]]:
    """Return min over x_c of cost(x_c) + ½ dᵀ Σ⁻¹ d for every cell x_p, and the best x_c."""
    cost = np.ascontiguousarray(cost, np.float64)
    if precision[0, 1] or precision[1, 0]:
        return _dense(cost, mean.astype(np.float64), precision.astype(np.float64))
    a, b = precision[0, 0] / 2, precision[1, 1] / 2
    return _separable(cost, float(mean[0]), float(mean[1]), float(a), float(b))


def _parents_first(parent: Int[np.ndarray, " J"]) -> list[int]:
    """Return the keypoints so that none comes before its parent."""
    order = [j for j, p in enumerate(parent) if p < 0]
    for j in order:  # grows
        order += [k for k, p in enumerate(parent) if p == j]
    return order


@no_type_check
@numba.njit(cache=True, nogil=True)
def _separable(cost, mean_x, mean_y, a, b):
    """Pass along the rows, then along the columns."""
    h, w = cost.shape
    across, from_x = np.empty((h, w)), np.empty((h, w), np.int64)
    for y in range(h):
        _envelope(cost[y], a, mean_x, across[y], from_x[y])
    out, came = np.empty((h, w)), np.empty((h, w, 2), np.int64)
    column, from_y = np.empty(h), np.empty(h, np.int64)
    for x in range(w):
        _envelope(across[:, x].copy(), b, mean_y, column, from_y)
        for y in range(h):
            out[y, x] = column[y]
            came[y, x, 0], came[y, x, 1] = from_x[from_y[y], x], from_y[y]
    return out, came


@no_type_check
@numba.njit(cache=True, nogil=True)
def _envelope(cost, a, mean, out, came):
    """Fill out[q] = min over i of cost[i] + a (i - q - mean)², and the best i."""
    n = len(cost)
    if a == 0.0:
        best = cost.argmin()
        out[:], came[:] = cost[best], best
        return
    at, start = np.empty(n, np.int64), np.empty(n + 1)  # parabolas, and where each takes over
    k = 0
    at[0], start[0] = 0, -np.inf
    for i in range(1, n):
        cross = _crossing(cost, a, at[k], i)
        while cross <= start[k]:
            k -= 1
            cross = _crossing(cost, a, at[k], i)
        k += 1
        at[k], start[k] = i, cross
    start[k + 1] = np.inf
    k = 0
    for q in range(n):
        place = q + mean
        while start[k + 1] < place:
            k += 1
        out[q], came[q] = cost[at[k]] + a * (at[k] - place) ** 2, at[k]


@no_type_check
@numba.njit(cache=True, nogil=True)
def _crossing(cost, a, i, j):
    """Where the parabola of j becomes the lower one, i < j."""
    return (cost[j] - cost[i] + a * (j * j - i * i)) / (2 * a * (j - i))


@no_type_check
@numba.njit(cache=True, nogil=True)
def _dense(cost, mean, precision):
    """Try all pairs of cells."""
    h, w = cost.shape
    out, came = np.full((h, w), np.inf), np.zeros((h, w, 2), np.int64)
    for y in range(h):
        for x in range(w):
            for v in range(h):
                for u in range(w):
                    dx, dy = u - x - mean[0], v - y - mean[1]
                    square = precision[0, 0] * dx * dx + precision[1, 1] * dy * dy
                    square += (precision[0, 1] + precision[1, 0]) * dx * dy
                    value = cost[v, u] + square / 2
                    if value < out[y, x]:
                        out[y, x] = value
                        came[y, x, 0], came[y, x, 1] = u, v
    return out, came
