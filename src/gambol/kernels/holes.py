"""Series with holes: bridging short ones, smoothing and differentiating what lies between.

A hole is a stretch of NaN, or a jump of the clock. All is local: what lies further away than a
window, or beyond a long hole, has no influence, so a series cut in overlapping pieces gives the
same bits. Sources: Fritsch & Butland (1984), SIAM J. Sci. Stat. Comput. 5:300 (monotone cubic
pieces); Savitzky & Golay (1964), Anal. Chem. 36:1627 (local polynomials).
"""

from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float

EVEN = 1e-3  # steps of the clock may differ from the frame rate by this share


def bridge(
    values: Float[np.ndarray, "T C"], times: Float[np.ndarray, " T"], longest: float
) -> Float[np.ndarray, "T C"]:
    """Fill short holes with monotone cubic pieces (PCHIP).

    Args:
        values: NaN where there is none.
        times: s, increasing.
        longest: s from the last value before a hole to the first after it, at most; values
            further apart know nothing of each other.

    >>> bridge(np.array([[0.0], [np.nan], [2.0]]), np.arange(3.0), 2.0)[1].item()
    1.0
    """
    out = values.copy()
    _bridge(out, times, longest * (1 + 1e-6))
    return out


def median(values: Float[np.ndarray, "T C"], window: int) -> Float[np.ndarray, "T C"]:
    """Return running medians of an odd number of frames; fewer beside a hole, still centred.

    >>> median(np.array([[0.0], [9.0], [2.0], [np.nan]]), 3)[:, 0].tolist()
    [0.0, 2.0, 2.0, nan]
    """
    out = np.full(values.shape, np.nan)
    _median(values, window // 2, out)
    return out


def polynomial(
    values: Float[np.ndarray, "T C"],
    times: Float[np.ndarray, " T"],
    fps: float,
    window: int,
    order: int,
    derivative: int = 0,
    *,
    inside: bool = False,
) -> Float[np.ndarray, "T C"]:
    """Fit a polynomial about every frame and return its derivative there (Savitzky–Golay).

    Args:
        values: NaN where there is none.
        times: s; where their steps are not those of the frame rate the fit follows them.
        fps: frames a second.
        window: frames, odd; beside holes and ends it stays whole and is no longer centred.
            A stretch shorter than it is fitted as one, with a lower order if need be.
        order: of the polynomial.
        derivative: 0 to `order`; the result is per second to that power.
        inside: leave NaN where no centred window fits.
    """
    table = np.zeros((window, window))
    offsets = np.arange(window) / fps
    for position in range(window):
        table[position] = _weights(offsets - offsets[position], order, derivative)
    uneven = np.zeros(len(times), dtype=np.int64)
    uneven[1:] = np.cumsum(np.abs(np.diff(times) * fps - 1.0) > EVEN)
    out = np.full(values.shape, np.nan)
    _polynomial(values, times, uneven, table, order, derivative, inside, out)
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _bridge(x, times, longest):
    n_frames, n_channels = x.shape
    for c in range(n_channels):
        before, last = -1, -1  # the two values before now
        for t in range(n_frames):
            if np.isnan(x[t, c]):
                continue
            if last >= 0 and t > last + 1 and times[t] - times[last] <= longest:
                if before >= 0 and times[last] - times[before] > longest:
                    before = -1
                after = t + 1
                while after < n_frames and np.isnan(x[after, c]):
                    after += 1
                if after == n_frames or times[after] - times[t] > longest:
                    after = -1
                _piece(x[:, c], times, before, last, t, after)
            before, last = last, t


@numba.njit(cache=True, nogil=True)
@no_type_check
def _piece(x, times, before, a, b, after):
    """Fill the frames between a and b; `before` and `after` are -1 where there is none."""
    h = times[b] - times[a]
    m = (x[b] - x[a]) / h
    left = right = m
    if before >= 0:
        h0 = times[a] - times[before]
        left = _inner(h0, h, (x[a] - x[before]) / h0, m)
    if after >= 0:
        h2 = times[after] - times[b]
        m2 = (x[after] - x[b]) / h2
        right = _inner(h, h2, m, m2)
        if before < 0:
            left = _outer(h, h2, m, m2)
    elif before >= 0:
        right = _outer(h, h0, m, (x[a] - x[before]) / h0)
    for t in range(a + 1, b):
        s = (times[t] - times[a]) / h
        r = 1.0 - s
        rise = (1.0 + 2.0 * s) * r * r * x[a] + s * s * (3.0 - 2.0 * s) * x[b]
        x[t] = rise + h * (s * r * r * left - s * s * r * right)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _inner(h0, h1, m0, m1):
    """Slope between two steps: their weighted harmonic mean, 0 at a turn."""
    if m0 * m1 <= 0.0:
        return 0.0
    w0, w1 = 2.0 * h1 + h0, h1 + 2.0 * h0
    return (w0 + w1) / (w0 / m0 + w1 / m1)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _outer(h0, h1, m0, m1):
    """Slope at an end: that of a parabola, as far as it keeps the shape."""
    slope = ((2.0 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    if slope * m0 <= 0.0:
        return 0.0
    if m0 * m1 <= 0.0 and abs(slope) > 3.0 * abs(m0):
        return 3.0 * m0
    return slope


@numba.njit(cache=True, nogil=True)
@no_type_check
def _median(x, half, out):
    n_frames, n_channels = x.shape
    for c in range(n_channels):
        for t in range(n_frames):
            if np.isnan(x[t, c]):
                continue
            h = 0
            while h < half and t - h > 0 and t + h + 1 < n_frames:
                if np.isnan(x[t - h - 1, c]) or np.isnan(x[t + h + 1, c]):
                    break
                h += 1
            out[t, c] = np.sort(x[t - h : t + h + 1, c])[h]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _weights(offsets, order, derivative):
    """Weights of the values at these times in the derivative at 0 of their polynomial."""
    size = min(order, len(offsets) - 1) + 1
    reach = max(np.abs(offsets).max(), 1e-300)
    powers = np.ones((len(offsets), size))
    for k in range(1, size):
        powers[:, k] = powers[:, k - 1] * (offsets / reach)
    unit = np.zeros(size)
    scale = 1.0
    for k in range(1, derivative + 1):
        scale *= k / reach
    unit[derivative] = scale
    return powers @ np.linalg.solve(powers.T @ powers, unit)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _polynomial(x, times, uneven, table, order, derivative, inside, out):
    n_frames, n_channels = x.shape
    window, half = len(table), len(table) // 2
    for c in range(n_channels):
        stop = 0
        for t in range(n_frames):
            if np.isnan(x[t, c]):
                continue
            if t >= stop:
                start, stop = t, t + 1
                while stop < n_frames and not np.isnan(x[stop, c]):
                    stop += 1
            n = min(window, stop - start)
            s = min(max(t - half, start), stop - n)
            centred = n == window and s == t - half
            if min(order, n - 1) < derivative or (inside and not centred):
                continue
            even = n == window and uneven[s + n - 1] == uneven[s]
            if even:
                weights = table[t - s]
            else:
                weights = _weights(times[s : s + n] - times[t], order, derivative)
            total = 0.0
            for i in range(n):
                total += weights[i] * x[s + i, c]
            out[t, c] = total
