"""Autoregressive dynamics that switch between N states: likelihoods and sums over frames.

In state k, x_t ~ N([A b] φ_t, Q) with φ_t = [x_{t-L} … x_{t-1}, 1]. Frames lie one behind the
other, so x_{t-L} … x_t are W = (L+1) D numbers in a row and nothing is copied: with RᵀR = Q⁻¹
the residual R(x_t - [A b] φ_t) is one product of a (D, W+1) table of the state with them.
Loops run along states or columns and call no BLAS: the bits depend on no number of threads.
Source: Poritz (1982), ICASSP 7:1291 (autoregressive hidden Markov models).
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Integer

from gambol.kernels import cholesky

LANES = 8  # states are filled up to a multiple: rows of whole registers


class Dynamics(NamedTuple):
    """What N states do: D dimensions, L lags; P = L D + 1."""

    ab: Float[np.ndarray, "N D P"]  # [A b]: columns lag L first, lag 1 last, then the constant
    q: Float[np.ndarray, "N D D"]  # covariance of a step


class Laid(NamedTuple):
    """Dynamics as the loops read them. S: states, filled up to a multiple of 8."""

    rows: Float[np.ndarray, "N D W1"]  # R [-A I -b]; W1 = (L+1) D + 1
    weights: Float[np.ndarray, "D W S"]  # the same, states last, over √2
    bias: Float[np.ndarray, "D S"]  # its last column, over √2
    const: Float[np.ndarray, " S"]  # log density at no residual; -inf where there is no state

    @property
    def n_states(self) -> int:
        """N."""
        return self.rows.shape[0]

    @property
    def lags(self) -> int:
        """L."""
        return self.weights.shape[1] // self.weights.shape[0] - 1


def lay(known: Dynamics) -> Laid:
    """Lay out dynamics."""
    n, d, p = known.ab.shape
    lagged = p - 1
    rows, const = np.empty((n, d, lagged + d + 1)), np.empty(n)
    for k in range(n):
        white = np.zeros((d, d))
        const[k] = _whiten(known.q[k].copy(), white) - d / 2 * np.log(2 * np.pi)
        rows[k, :, :lagged] = -_product(white, known.ab[k, :, :lagged])
        rows[k, :, lagged:-1] = white
        rows[k, :, -1] = -_product(white, known.ab[k, :, lagged:])[:, 0]
    lanes = -(-n // LANES) * LANES
    table = np.zeros((d, lagged + d + 1, lanes))
    table[..., :n] = rows.transpose(1, 2, 0) / np.sqrt(2.0)
    full = np.full(lanes, -np.inf)
    full[:n] = const
    return Laid(rows, np.ascontiguousarray(table[:, :-1]), table[:, -1].copy(), full)


def log_likelihood(x: Float[np.ndarray, "T D"], laid: Laid) -> Float[np.ndarray, "F S"]:
    """Return log p(x_t | frames before, state) of frames L to T - 1, in nats, by state."""
    out = np.empty((max(0, len(x) - laid.lags), len(laid.const)))
    likelihood(np.ascontiguousarray(x).ravel(), 0, laid.weights, laid.bias, laid.const, out)
    return out


def path_log_likelihood(
    x: Float[np.ndarray, "T D"], states: Integer[np.ndarray, " F"], laid: Laid
) -> float:
    """Return Σ_t log p(x_t | frames before, z_t) of frames L to T - 1, in nats."""
    return _path(np.ascontiguousarray(x).ravel(), states, laid.rows, laid.const)


def sums(
    x: Float[np.ndarray, "T D"], states: Integer[np.ndarray, " F"], n_states: int, lags: int
) -> Float[np.ndarray, "N W1 W1"]:
    """Return Σ ψψᵀ of each state, ψ_t = [x_{t-L} … x_t, 1]; all that its dynamics need.

    Args:
        x: the series.
        states: of frames L to T - 1.
        n_states: N.
        lags: L.
    """
    width = (lags + 1) * x.shape[1]
    out = np.zeros((n_states, width + 1, width + 1))
    _sums(np.ascontiguousarray(x).ravel(), states, x.shape[1], out)
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _whiten(q, white):
    """Fill R, lower triangular, of RᵀR = q⁻¹; return log det R. Overwrites q."""
    if not cholesky.factor(q):
        raise ValueError("a covariance is not positive definite")
    cholesky.invert(q, white)
    total = 0.0
    for i in range(len(q)):
        total -= np.log(q[i, i])
    return total


@numba.njit(cache=True, nogil=True)
@no_type_check
def _product(a, b):
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            for j in range(b.shape[1]):
                out[i, j] += a[i, k] * b[k, j]
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def likelihood(flat, first, weights, bias, const, out):
    """Fill out[i] by the log-likelihoods of the frame L + first + i; four frames at a time."""
    n_dims, width, lanes = weights.shape
    work = np.empty((4, lanes))
    for i in range(0, len(out), 4):
        rows = min(4, len(out) - i)
        start = (first + i) * n_dims
        for r in range(rows):
            for k in range(lanes):
                out[i + r, k] = const[k]
        for d in range(n_dims):
            for r in range(4):
                for k in range(lanes):
                    work[r, k] = bias[d, k]
            _whitened(flat, start, n_dims, rows, weights[d], work)
            for r in range(rows):
                for k in range(lanes):
                    out[i + r, k] -= work[r, k] * work[r, k]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _whitened(flat, start, n_dims, rows, table, work):
    """Add one coordinate of the whitened residuals of four frames, in all states."""
    width, lanes = table.shape
    whole = width - width % 4
    p0, p1 = start, start + n_dims * min(1, rows - 1)
    p2, p3 = start + n_dims * min(2, rows - 1), start + n_dims * min(3, rows - 1)
    for j in range(0, whole, 4):
        a0, a1, a2, a3 = flat[p0 + j], flat[p0 + j + 1], flat[p0 + j + 2], flat[p0 + j + 3]
        b0, b1, b2, b3 = flat[p1 + j], flat[p1 + j + 1], flat[p1 + j + 2], flat[p1 + j + 3]
        c0, c1, c2, c3 = flat[p2 + j], flat[p2 + j + 1], flat[p2 + j + 2], flat[p2 + j + 3]
        e0, e1, e2, e3 = flat[p3 + j], flat[p3 + j + 1], flat[p3 + j + 2], flat[p3 + j + 3]
        for k in range(lanes):
            w0, w1, w2, w3 = table[j, k], table[j + 1, k], table[j + 2, k], table[j + 3, k]
            work[0, k] += (a0 * w0 + a1 * w1) + (a2 * w2 + a3 * w3)
            work[1, k] += (b0 * w0 + b1 * w1) + (b2 * w2 + b3 * w3)
            work[2, k] += (c0 * w0 + c1 * w1) + (c2 * w2 + c3 * w3)
            work[3, k] += (e0 * w0 + e1 * w1) + (e2 * w2 + e3 * w3)
    for j in range(whole, width):
        a, b, c, d = flat[p0 + j], flat[p1 + j], flat[p2 + j], flat[p3 + j]
        for k in range(lanes):
            work[0, k] += a * table[j, k]
            work[1, k] += b * table[j, k]
            work[2, k] += c * table[j, k]
            work[3, k] += d * table[j, k]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _path(flat, states, rows, const):
    n_dims, width = rows.shape[1], rows.shape[2] - 1
    total = 0.0
    for t in range(len(states)):
        k, base = states[t], t * n_dims
        square = 0.0
        for d in range(n_dims):
            white = cholesky.dot(rows[k, d, :width], flat[base : base + width])
            white += rows[k, d, width]
            square += white * white
        total += const[k] - square / 2
    return total


@numba.njit(cache=True, nogil=True)
@no_type_check
def _sums(flat, states, n_dims, out):
    """Add the products of frames, up to four of one state at a time."""
    width = out.shape[1] - 1
    t = 0
    while t < len(states):
        k, rows = states[t], 1
        while rows < 4 and t + rows < len(states) and states[t + rows] == k:
            rows += 1
        if rows == 4:
            _four(flat, t * n_dims, n_dims, out[k])
        else:
            for r in range(rows):
                _one(flat, (t + r) * n_dims, out[k])
        out[k, width, width] += rows
        t += rows
    for k in range(len(out)):
        for i in range(width + 1):
            for j in range(i):
                out[k, i, j] = out[k, j, i]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _four(flat, p0, n_dims, out):
    width = len(out) - 1
    p1, p2, p3 = p0 + n_dims, p0 + 2 * n_dims, p0 + 3 * n_dims
    for i in range(width):
        a0, a1, a2, a3 = flat[p0 + i], flat[p1 + i], flat[p2 + i], flat[p3 + i]
        for j in range(i, width):
            out[i, j] += (a0 * flat[p0 + j] + a1 * flat[p1 + j]) + (
                a2 * flat[p2 + j] + a3 * flat[p3 + j]
            )
        out[i, width] += (a0 + a1) + (a2 + a3)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _one(flat, start, out):
    width = len(out) - 1
    for i in range(width):
        a = flat[start + i]
        for j in range(i, width):
            out[i, j] += a * flat[start + j]
        out[i, width] += a
