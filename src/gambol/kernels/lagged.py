"""Two recordings of one thing, one of them late: how well they agree at every lag and time.

A lag l says that frame t + l of the late recording shows what frame t of the other shows.
Values between frames are interpolated linearly, and missing where either neighbour is.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

from gambol.kernels.epipolar import Straight


class Agreement(NamedTuple):
    """Disagreement of points at F frames and L lags."""

    cost: Float[np.ndarray, "F L"]  # weighted sum over points of min(d² / scale², cap)
    weight: Float[np.ndarray, "F L"]  # summed over the points that both recordings have


class Path(NamedTuple):
    """The cheapest sequence of states."""

    state: Int[np.ndarray, " T"]
    total: float  # its cost, jumps included


def agree(
    one: Straight,
    late: Straight,
    matrix: Float[np.ndarray, "3 3"],
    frames: Int[np.ndarray, " F"],
    base: Float[np.ndarray, " F"],
    lags: Float[np.ndarray, " L"],
    weight: Float[np.ndarray, "T J"],
    *,
    scale: float,
    cap: float,
) -> Agreement:
    """Compare two views of J points by their epipolar (Sampson) distance.

    Args:
        one: straight pixels (T, J) of the first view.
        late: and of the second (S, J).
        matrix: `epipolar.fundamental` of the two, in this order.
        frames: of `one` to look at.
        base: lag of each frame, to which every one of `lags` is added.
        lags: frames.
        weight: of each point of `one`; those below 0.02 are left out.
        scale: px, of an ordinary distance.
        cap: squared distance in units of `scale` beyond which a point is simply wrong.
    """
    arrays = (one.xy, one.slope, weight, late.xy, late.slope, matrix)
    return Agreement(*_agree(*arrays, frames, base, lags, scale**2, cap))


def between(values: Float[np.ndarray, "T *rest"], at: Float[np.ndarray, " F"]) -> np.ndarray:
    """Return values (F, *rest) at fractional frames; NaN beyond the ends."""
    low = np.floor(at)
    share = (at - low).reshape(-1, *(1,) * (values.ndim - 1))
    known = (low >= 0) & (np.ceil(at) <= len(values) - 1)
    first = np.clip(low, 0, len(values) - 1).astype(int)
    second = np.clip(first + 1, 0, len(values) - 1)
    mixed = (1 - share) * values[first] + share * values[second]
    out = np.where(share == 0, values[first], mixed)
    out[~known] = np.nan
    return out


def velocity(xy: Float[np.ndarray, "T J 2"]) -> Float[np.ndarray, "T J 2"]:
    """Return px a frame, from the medians of the 4 frames before and the 4 after; else NaN.

    One stray frame of the 4 does no harm. Of the noise's variance some 0.024 stays in each
    coordinate: the median of 4 has 0.298 of it, and 5 frames lie between the two.
    """
    padded = np.pad(xy, ((4, 4), (0, 0), (0, 0)), constant_values=np.nan)
    n = len(xy)
    before = _median4([padded[k : n + k] for k in range(4)])
    after = _median4([padded[k : n + k] for k in range(5, 9)])
    return (after - before) / 5


def _median4(parts: list[np.ndarray]) -> np.ndarray:
    """The median of 4 arrays; of the known ones where some are NaN, and NaN of fewer than 2."""
    ordered = np.sort(np.stack(parts), axis=0)  # NaN last
    known = np.isfinite(ordered).sum(axis=0)[None]
    low = np.take_along_axis(ordered, np.maximum(known - 1, 0) // 2, axis=0)
    high = np.take_along_axis(ordered, np.minimum(known // 2, 3), axis=0)
    return np.where(known >= 2, (low + high) / 2, np.nan)[0]


class Tangent(NamedTuple):
    """Signed Sampson distances and how fast they change with the lag, told by either view."""

    distance: Float[np.ndarray, "T J"]  # px
    late: Float[np.ndarray, "T J"]  # px a frame, from the movement in the late view
    early: Float[np.ndarray, "T J"]  # the same at the right lag, from that in the other


def tangents(
    one: Straight,
    late: Straight,
    moving: tuple[Float[np.ndarray, "T J 2"], Float[np.ndarray, "S J 2"]],
    matrix: Float[np.ndarray, "3 3"],
    at: Float[np.ndarray, " T"],
) -> Tangent:
    """Return Sampson distances of two views and their derivatives by the lag; NaN if unknown.

    What is seen at the right lag keeps its distance of 0, so movement in one view tells by
    how much that in the other changes it; the noise of the two is independent.

    Args:
        one: straight pixels (T, J) of the first view.
        late: those of the second (S, J).
        moving: their velocities, straight px a frame.
        matrix: `epipolar.fundamental` of the two, in this order.
        at: the frame of the second, maybe between two, for each frame of the first.
    """
    return Tangent(*_tangents(*one, *late, *moving, matrix, at))


def costs(
    distance: Float[np.ndarray, "T P"],
    rate: Float[np.ndarray, "T P"],
    offset: Float[np.ndarray, "T L"],
    cap: float,
) -> Float[np.ndarray, "T L"]:
    """Return the sum over P points of min((distance + rate offset)², cap) / 2.

    >>> costs(np.array([[1.0, 3.0]]), np.array([[2.0, 0.0]]), np.array([[0.0, 1.0]]), 8.0)
    array([[4.5, 8. ]])
    """
    return np.asarray(_costs(distance, rate, np.ascontiguousarray(offset, np.float64), cap))


def steps(cost: Float[np.ndarray, "T L"], jump: float) -> Path:
    """Find the piecewise constant path of least cost, where every change costs `jump`.

    Viterbi's algorithm; all changes cost alike, so a frame takes O(L).

    >>> steps(np.array([[0.0, 1], [0, 1], [5, 0], [5, 0]]), 1.5).state.tolist()
    [0, 0, 1, 1]
    """
    state, total = _steps(np.ascontiguousarray(cost, np.float64), jump)
    return Path(state, float(total))


@numba.njit(cache=True)
@no_type_check
def _agree(xy, slope, weight, late_xy, r, f, frames, base, lags, square, cap):
    n_frames, n_lags, n_points, last = len(frames), len(lags), xy.shape[1], len(late_xy) - 1
    cost, total = np.zeros((n_frames, n_lags)), np.zeros((n_frames, n_lags))
    for n in range(n_frames):
        t = frames[n]
        for j in range(n_points):
            x, y, w = xy[t, j, 0], xy[t, j, 1], weight[t, j]
            if not (w > 0.02 and np.isfinite(x + y)):
                continue
            hx = f[0, 0] * x + f[0, 1] * y + f[0, 2]
            hy = f[1, 0] * x + f[1, 1] * y + f[1, 2]
            h0 = f[2, 0] * x + f[2, 1] * y + f[2, 2]
            s00, s01, s10, s11 = (
                slope[t, j, 0, 0], slope[t, j, 0, 1], slope[t, j, 1, 0], slope[t, j, 1, 1]
            )  # fmt: skip
            for k in range(n_lags):
                at = t + base[n] + lags[k]
                low = int(np.floor(at))
                share = at - low
                if share < 1e-9:
                    share = 0.0
                high = low + 1 if share > 0.0 else low
                if low < 0 or high > last:
                    continue
                u = (1 - share) * late_xy[low, j, 0] + share * late_xy[high, j, 0]
                v = (1 - share) * late_xy[low, j, 1] + share * late_xy[high, j, 1]
                if not np.isfinite(u + v):
                    continue
                near = low if share < 1 / 2 else high
                gx = f[0, 0] * u + f[1, 0] * v + f[2, 0]
                gy = f[0, 1] * u + f[1, 1] * v + f[2, 1]
                form = hx * u + hy * v + h0
                c, d = gx * s00 + gy * s10, gx * s01 + gy * s11
                e = hx * r[near, j, 0, 0] + hy * r[near, j, 1, 0]
                g = hx * r[near, j, 0, 1] + hy * r[near, j, 1, 1]
                squared = form * form / (c * c + d * d + e * e + g * g) / square
                cost[n, k] += w * min(squared, cap)
                total[n, k] += w
    return cost, total


@numba.njit(cache=True)
@no_type_check
def _tangents(xy, slope, late_xy, r, speed, late_speed, f, at):
    n_frames, n_points, last = xy.shape[0], xy.shape[1], len(late_xy) - 1
    out = np.full((3, n_frames, n_points), np.nan)
    for t in range(n_frames):
        low = int(np.floor(at[t]))
        share = at[t] - low
        if share < 1e-9:
            share = 0.0
        high = low + 1 if share > 0.0 else low
        if low < 0 or high > last:
            continue
        near = low if share < 1 / 2 else high
        for j in range(n_points):
            x, y = xy[t, j, 0], xy[t, j, 1]
            u = (1 - share) * late_xy[low, j, 0] + share * late_xy[high, j, 0]
            v = (1 - share) * late_xy[low, j, 1] + share * late_xy[high, j, 1]
            if not np.isfinite(x + y + u + v):
                continue
            hx = f[0, 0] * x + f[0, 1] * y + f[0, 2]
            hy = f[1, 0] * x + f[1, 1] * y + f[1, 2]
            h0 = f[2, 0] * x + f[2, 1] * y + f[2, 2]
            gx = f[0, 0] * u + f[1, 0] * v + f[2, 0]
            gy = f[0, 1] * u + f[1, 1] * v + f[2, 1]
            c = gx * slope[t, j, 0, 0] + gy * slope[t, j, 1, 0]
            d = gx * slope[t, j, 0, 1] + gy * slope[t, j, 1, 1]
            e = hx * r[near, j, 0, 0] + hy * r[near, j, 1, 0]
            g = hx * r[near, j, 0, 1] + hy * r[near, j, 1, 1]
            steep = max(np.sqrt(c * c + d * d + e * e + g * g), 1e-150)
            p = (1 - share) * late_speed[low, j, 0] + share * late_speed[high, j, 0]
            q = (1 - share) * late_speed[low, j, 1] + share * late_speed[high, j, 1]
            out[0, t, j] = (hx * u + hy * v + h0) / steep
            out[1, t, j] = (hx * p + hy * q) / steep
            out[2, t, j] = -(gx * speed[t, j, 0] + gy * speed[t, j, 1]) / steep
    return out


@numba.njit(cache=True)
@no_type_check
def _costs(distance, rate, offset, cap):
    n_frames, n_points = distance.shape
    cost = np.zeros(offset.shape)
    for t in range(n_frames):
        for j in range(n_points):
            for k in range(offset.shape[1]):
                moved = distance[t, j] + rate[t, j] * offset[t, k]
                cost[t, k] += min(moved * moved, cap) / 2
    return cost


@numba.njit(cache=True)
@no_type_check
def _steps(cost, jump):
    n_frames, n_states = cost.shape
    came = np.empty((n_frames, n_states), np.int32)
    best = cost[0].copy()
    for t in range(1, n_frames):
        cheapest = np.argmin(best)
        moved = best[cheapest] + jump
        for k in range(n_states):
            came[t, k] = k
            if moved < best[k]:
                best[k], came[t, k] = moved, cheapest
            best[k] += cost[t, k]
    state = np.empty(n_frames, np.int64)
    state[-1] = np.argmin(best)
    total = best[state[-1]]
    for t in range(n_frames - 1, 0, -1):
        state[t - 1] = came[t, state[t]]
    return state, total
