"""Rows W_i of a softmax model of moves, given the biases b: mode, curvature and exact steps.

Given b the rows are independent, and W_i, which sums to zero, has the log posterior

    f(w) = Σ_j c_j w_j - Σ_k n_k log Σ_j exp(w_j + b_kj) - |w|²/2σ²,   c = Σ_k C_ki, n_k = n_ki.

With flows q_kj = n_k θ_kj, minus its Hessian, I/σ² + Σ_k (diag q_k - q_k q_kᵀ/n_k), is what is
left of a graph of S symbols and K states joined by q, each symbol held by 1/σ², once the states
are eliminated. Eliminating the symbols instead leaves K × K, and

    state weights Σ_j q_kj q_lj/d_j,  grounds Σ_j q_kj/(σ² d_j),  d = 1/σ² + Σ_k q_k
    solve:  a = M⁻¹ Σ_j q_j g_j/d_j, w = (g + Σ_k a_k q_k)/d       draw:  a ~ N(0, M⁻¹), w | a

so a Newton step costs S K²/2 + K³/6 products instead of S³/6 + K S²/2 (S=72, K=10: 4 thousand
instead of 88) and subtracts nothing (`kernels.cholesky.eliminate`). The vector of ones is an
eigenvector, so taking the mean off a solution or a draw is the same as Helmert's coordinates.
Source: Rue and Held (2005), Gaussian Markov Random Fields, 2.3; Nocedal and Wright (2006), 3.3.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int64

from gambol.kernels import cholesky, slice_sampling
from gambol.kernels.softmax import normalise, scale

LIMIT = 100  # Newton steps
ENOUGH = 1e-10  # squared distance to the mode, in units of the curvature
ROUNDING = 1e-13  # of f, that a step may lose
MODE, SLICE, METROPOLIS = 0, 1, 2
NUMBERS = slice_sampling.MOST + 2  # for one step
UNIFORMS = (slice_sampling.REPEATS + 1) * NUMBERS


class Rows(NamedTuple):
    """Rows after a step, and how it went for each."""

    base: Float[np.ndarray, "S S"]  # W
    steps: Int64[np.ndarray, " S"]  # Newton steps to the mode
    decrement: Float[np.ndarray, " S"]  # gᵀH⁻¹g there
    evaluations: Int64[np.ndarray, " S"]  # of the density, at new points
    accepted: Int64[np.ndarray, " S"]  # 1: moved
    objective: Float[np.ndarray, "S limit"]  # f before each Newton step; NaN after the last


def empty(symbols: int) -> Rows:
    """Return room for `fill`."""
    whole = [np.zeros(symbols, np.int64) for _ in range(3)]
    objective = np.full((symbols, LIMIT), np.nan)
    base = np.zeros((symbols, symbols))
    return Rows(base, whole[0], np.zeros(symbols), whole[1], whole[2], objective)


@numba.njit(cache=True, nogil=True)
@no_type_check
def fill(kind, base, bias, pairs, out_of, sigma, noise, uniform, out, begin, end):
    """Step rows begin … end - 1.

    Args:
        kind: MODE (go there), or radial steps and then SLICE (elliptical slice step) or
            METROPOLIS (accept or stay).
        base: W (S, S), where the rows are; the mode does not depend on it.
        bias: b (K, S).
        pairs: Σ_k C_kij (S, S).
        out_of: n_ki (K, S).
        sigma: σ_W.
        noise: standard normal (S, S + K).
        uniform: in [0, 1) (S, UNIFORMS).
        out: `Rows`, filled at these rows.
        begin: first row.
        end: behind the last row.
    """
    states, symbols = bias.shape
    scaled, peak = np.empty_like(bias), np.empty(states)
    for k in range(states):
        peak[k] = scale(bias[k], scaled[k])
    held = 1 / sigma**2
    probs, flow = np.empty((states, symbols)), np.empty((states, symbols))
    diagonal, hidden = np.empty(symbols), np.empty((states, states))
    nu, state_noise = np.empty(symbols), np.empty(states)
    for i in range(begin, end):
        moves = np.ascontiguousarray(out_of[:, i])
        model = (pairs[i], moves, bias, scaled, peak, held)
        curve = (flow, diagonal, hidden)
        mode, count, decrement = _climb(model, probs, curve, out.objective[i])
        out.steps[i], out.decrement[i] = count, decrement
        if kind == MODE:
            out.base[i] = mode
            continue
        nu[:] = noise[i, :symbols]
        state_noise[:] = noise[i, symbols:]
        _colour(curve, nu, state_noise)
        w, tried = base[i], 0
        for part in range(slice_sampling.REPEATS):
            some = uniform[i, part * NUMBERS : (part + 1) * NUMBERS]
            w, more = _radial(model, probs, mode, w, some)
            tried += more
        late = uniform[i, slice_sampling.REPEATS * NUMBERS :]
        if kind == SLICE:
            more, moved = _slice(model, probs, curve, mode, w, nu, late, out.base[i])
        else:
            more, moved = _metropolis(model, probs, curve, mode, w, nu, late, out.base[i])
        out.evaluations[i], out.accepted[i] = tried + more, moved


@numba.njit(cache=True, nogil=True)
@no_type_check
def _value(w, model, probs):
    """Return f(w) and fill `probs` (K, S)."""
    pairs, moves, bias, scaled, peak, held = model
    w_scaled = np.empty_like(w)
    w_peak = scale(w, w_scaled)
    value = cholesky.dot(pairs, w) - held * cholesky.dot(w, w) / 2
    for k in range(len(moves)):
        if moves[k] > 0:
            log_z = normalise(w, bias[k], w_scaled, scaled[k], w_peak + peak[k], probs[k])
            value -= moves[k] * log_z
        else:
            probs[k] = 0.0
    return value


@numba.njit(cache=True, nogil=True)
@no_type_check
def _climb(model, probs, curve, trace):
    """Newton to the mode from log(c + 1): mode, steps, decrement; `curve` is that of the mode.

    Steps are halved until f rises by 1e-4 of what the slope promises (Armijo).
    """
    pairs = model[0]
    w = np.log(pairs + 1)
    w -= w.mean()
    slope, step = np.empty_like(w), np.empty_like(w)
    hidden = np.empty(len(model[1]))
    value = _value(w, model, probs)
    decrement = np.inf
    for n in range(LIMIT):
        trace[n] = value
        _curve(w, model, probs, curve, slope)
        _solve(curve, slope, step, hidden)
        decrement = cholesky.dot(slope, step)
        if decrement < ENOUGH:
            return w, n, decrement
        size, floor = 1.0, value - ROUNDING * (1 + abs(value))
        there = w + step
        found = _value(there, model, probs)
        while not found >= floor + 1e-4 * size * decrement and size > 1e-9:
            size /= 2
            there = w + size * step
            found = _value(there, model, probs)
        w, value = there, found
    return w, LIMIT, decrement


@numba.njit(cache=True, nogil=True)
@no_type_check
def _curve(w, model, probs, curve, slope):
    """Fill the curvature (flow, d, factor of M) and the slope at w from its probabilities."""
    pairs, moves, held = model[0], model[1], model[5]
    flow, diagonal, upper = curve
    states, symbols = flow.shape
    ground, share = np.empty(states), np.empty(symbols)
    diagonal[:] = 0.0
    for k in range(states):
        for j in range(symbols):
            flow[k, j] = moves[k] * probs[k, j]
            diagonal[j] += flow[k, j]
    for j in range(symbols):
        slope[j] = pairs[j] - diagonal[j] - held * w[j]
        diagonal[j] += held
    for k in range(states):
        for j in range(symbols):
            share[j] = flow[k, j] / diagonal[j]
        ground[k] = held * share.sum()
        for m in range(k + 1, states):
            upper[k, m] = cholesky.dot(share, flow[m])
    cholesky.eliminate(upper, ground)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _solve(curve, right, out, hidden):
    """Fill out = H⁻¹ right, both summing to zero."""
    flow, diagonal, upper = curve
    out[:] = right / diagonal
    for k in range(len(hidden)):
        hidden[k] = cholesky.dot(flow[k], out)
    cholesky.forward(upper, hidden)
    cholesky.backward(upper, hidden)
    for k in range(len(hidden)):
        for j in range(len(out)):
            out[j] += hidden[k] * flow[k, j] / diagonal[j]
    out -= out.mean()


@numba.njit(cache=True, nogil=True)
@no_type_check
def _colour(curve, noise, hidden):
    """Turn standard normal `noise` (S,) and `hidden` (K,) into a draw from N(0, H⁻¹)."""
    flow, diagonal, upper = curve
    cholesky.backward(upper, hidden)
    for j in range(len(noise)):
        noise[j] /= np.sqrt(diagonal[j])
    for k in range(len(hidden)):
        for j in range(len(noise)):
            noise[j] += hidden[k] * flow[k, j] / diagonal[j]
    noise -= noise.mean()


@numba.njit(cache=True, nogil=True)
@no_type_check
def _excess(w, mode, model, probs, curve):
    """Return f(w) + (w - mode)ᵀH(w - mode)/2, as a sum of variances."""
    moves, held, flow = model[1], model[5], curve[0]
    away = w - mode
    square = held * cholesky.dot(away, away)
    for k in range(len(moves)):
        if moves[k] > 0:
            mean = cholesky.dot(flow[k], away) / moves[k]
            for j in range(len(away)):
                square += flow[k, j] * (away[j] - mean) ** 2
    return _value(w, model, probs) + square / 2


@numba.njit(cache=True, nogil=True)
@no_type_check
def _radial(model, probs, mode, w, uniform):
    """As `slice_sampling.radial`: where it ended, and evaluations."""
    away, power = w - mode, len(w) - 2
    level = _value(w, model, probs) + np.log1p(-uniform[0])
    high, tried = 1.0, 1
    while _value(w + high * away, model, probs) + power * np.log1p(high) > level:
        high = 2 * high + 1
        tried += 1
        if high > slice_sampling.FARTHEST:
            break
    low, more = -1.0, -1.0 + (1 + high) * uniform[1]
    for n in range(slice_sampling.MOST):
        there = w + more * away
        if more > -1 and _value(there, model, probs) + power * np.log1p(more) > level:
            return there, tried + n + 1
        more, low, high = slice_sampling.shrink(more, low, high, uniform[2 + n])
    return w, tried + slice_sampling.MOST


@numba.njit(cache=True, nogil=True)
@no_type_check
def _slice(model, probs, curve, mode, w, nu, uniform, out):
    """As `slice_sampling.elliptical`: evaluations, and 1 if it moved."""
    away = w - mode
    level = _excess(w, mode, model, probs, curve) + np.log1p(-uniform[0])
    angle, low, high = slice_sampling.first(uniform[1])
    for n in range(slice_sampling.MOST):
        out[:] = mode + away * np.cos(angle) + nu * np.sin(angle)
        if _excess(out, mode, model, probs, curve) > level:
            return n + 1, 1
        angle, low, high = slice_sampling.shrink(angle, low, high, uniform[2 + n])
    out[:] = w
    return slice_sampling.MOST, 0


@numba.njit(cache=True, nogil=True)
@no_type_check
def _metropolis(model, probs, curve, mode, w, nu, uniform, out):
    """As `slice_sampling.metropolis`."""
    level = _excess(w, mode, model, probs, curve) + np.log1p(-uniform[0])
    out[:] = mode + nu
    if _excess(out, mode, model, probs, curve) > level:
        return 1, 1
    out[:] = w
    return 1, 0
