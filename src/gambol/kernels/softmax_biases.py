"""Biases b of a softmax model of moves, given the rows W: mode, curvature, draws and density.

b_k (S,) for K states, which sum to zero over symbols and over states, have the log posterior

    f(b) = Σ_k [Σ_j c_kj b_kj - Σ_i n_ki log Σ_j exp(W_ij + b_kj)] - |b|²/2σ²,   c_k = Σ_i C_ki.

Only Σ_k b_k = 0 joins the states. Minus the Hessian is
H_k = I/σ² + Σ_i n_ki (diag θ_ki - θ_ki θ_kiᵀ), K grounded Laplacians of S; with V = Σ_k H_k⁻¹

    Newton step   δ_k = H_k⁻¹(g_k - λ),  V λ = Σ_k H_k⁻¹ g_k
    draw          ν_k = ν⁰_k - H_k⁻¹ V⁻¹ Σ_l ν⁰_l,  ν⁰_k ~ N(0, H_k⁻¹)

are what one dense matrix of (K-1)(S-1) would give, for K S³ products, half of them to add the
H_k up, instead of more than K³S³/6 (S=72, K=10: 4 million, not 60). Each H_k keeps the vector
of ones as an eigenvector, so taking the mean over symbols off equals Helmert's coordinates.
Source: Rue and Held (2005), Gaussian Markov Random Fields, 2.3.3 (conditioning by kriging).
"""

import functools
from collections.abc import Callable
from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float

from gambol.kernels import cholesky
from gambol.kernels.softmax import normalise, scale

LIMIT = 100  # Newton steps
ENOUGH = 1e-10  # squared distance to the mode, in units of the curvature
ROUNDING = 1e-13  # of f, that a step may lose


class Given(NamedTuple):
    """What is fixed while b is drawn."""

    into: Float[np.ndarray, "K S"]  # c_k
    out_of: Float[np.ndarray, "K S"]  # n_ki
    base: Float[np.ndarray, "S S"]  # W
    scaled: Float[np.ndarray, "S S"]  # exp(W - peak)
    peak: Float[np.ndarray, " S"]  # of each row
    held: float  # 1/σ²


class Curve(NamedTuple):
    """The curvature at one b, of all states, and the slope there."""

    slope: Float[np.ndarray, "K S"]  # g
    root: Float[np.ndarray, "K S S"]  # W_k, lower: H_k⁻¹ = W_kᵀ W_k
    inverse: Float[np.ndarray, "K S S"]  # H_k⁻¹
    laplacian: Float[np.ndarray, "K S S"]  # weights between symbols, as `softmax_rows` says


class Mode(NamedTuple):
    """The top of f, and how it was reached."""

    bias: Float[np.ndarray, "K S"]
    steps: int
    decrement: float  # gᵀH⁻¹g
    objective: Float[np.ndarray, " steps_and_1"]  # f before each Newton step


def given(
    into: Float[np.ndarray, "K S"],
    out_of: Float[np.ndarray, "K S"],
    base: Float[np.ndarray, "S S"],
    sigma: float,
) -> Given:
    """Prepare for many b."""
    peak = base.max(axis=1)
    return Given(into, out_of, base, np.exp(base - peak[:, None]), peak, 1 / sigma**2)


def room(states: int, symbols: int) -> Curve:
    """Return room for `fill`."""
    tables = [np.empty((states, symbols, symbols)) for _ in range(3)]
    return Curve(np.empty((states, symbols)), *tables)


def climb(
    known: Given, curve: Curve, share: Callable[[Callable[[int, int], None], int], None]
) -> Mode:
    """Newton to the mode from b = 0, with Armijo halving; `curve` becomes that of the mode.

    Args:
        known: what is fixed.
        curve: filled.
        share: calls work(begin, end) for parts of range(count), in threads if it likes.
    """
    bias = np.zeros_like(curve.slope)
    step = np.empty_like(bias)
    found, decrement = value(known, bias), np.inf
    trace = []
    for n in range(LIMIT):
        trace.append(found)
        share(functools.partial(fill, known, bias, curve), len(bias))
        solve(curve, curve.slope, step)
        decrement = float((curve.slope * step).sum())
        if decrement < ENOUGH:
            return Mode(bias, n, decrement, np.array(trace))
        bias, found = _uphill(known, bias, found, step, decrement)
    return Mode(bias, LIMIT, decrement, np.array(trace))


def _uphill(
    known: Given,
    bias: Float[np.ndarray, "K S"],
    here: float,
    step: Float[np.ndarray, "K S"],
    decrement: float,
) -> tuple[Float[np.ndarray, "K S"], float]:
    """Halve the step until f rises by 1e-4 of what the slope promises."""
    size, floor = 1.0, here - ROUNDING * (1 + abs(here))
    while True:
        there = bias + size * step
        found = value(known, there)
        if found >= floor + 1e-4 * size * decrement or size < 1e-9:
            return there, found
        size /= 2


@numba.njit(cache=True, nogil=True)
@no_type_check
def fill(known, bias, curve, begin, end):
    """Fill the slope and curvature of states begin … end - 1 at b (K, S)."""
    into, out_of, base, base_scaled, peak, held = known
    symbols = len(base)
    scaled, ground = np.empty(symbols), np.empty(symbols)
    probs, flow = np.empty((symbols, symbols)), np.empty((symbols, symbols))
    upper = np.empty((symbols, symbols))
    for k in range(begin, end):
        top = scale(bias[k], scaled)
        slope, weights = curve.slope[k], curve.laplacian[k]
        slope[:] = into[k] - held * bias[k]
        for i in range(symbols):
            n = out_of[k, i]
            if n == 0:
                probs[i], flow[i] = 0.0, 0.0
                continue
            normalise(base[i], bias[k], base_scaled[i], scaled, peak[i] + top, probs[i])
            for j in range(symbols):
                flow[i, j] = n * probs[i, j]
                slope[j] -= flow[i, j]
        weights[:] = 0.0
        cholesky.add_products(1.0, flow, probs, weights)
        upper[:] = weights
        ground[:] = held
        cholesky.eliminate(upper, ground)
        cholesky.invert(upper, curve.root[k])
        cholesky.gram(curve.root[k], curve.inverse[k])


@numba.njit(cache=True, nogil=True)
@no_type_check
def value(known, bias):
    """Return f(b)."""
    into, out_of, base, base_scaled, peak, held = known
    symbols = len(base)
    scaled, probs = np.empty(symbols), np.empty(symbols)
    total = 0.0
    for k in range(len(bias)):
        total += cholesky.dot(into[k], bias[k]) - held * cholesky.dot(bias[k], bias[k]) / 2
        top = scale(bias[k], scaled)
        for i in range(symbols):
            n = out_of[k, i]
            if n > 0:
                total -= n * normalise(
                    base[i], bias[k], base_scaled[i], scaled, peak[i] + top, probs
                )
    return total


@numba.njit(cache=True, nogil=True)
@no_type_check
def square(known, curve, away):
    """Return Σ_k away_kᵀ H_k away_k, as a sum of squared differences."""
    total = 0.0
    for k in range(len(away)):
        total += known[5] * cholesky.dot(away[k], away[k])
        for i in range(away.shape[1]):
            for j in range(i + 1, away.shape[1]):
                total += curve.laplacian[k, i, j] * (away[k, i] - away[k, j]) ** 2
    return total


@numba.njit(cache=True, nogil=True)
@no_type_check
def excess(known, curve, mode, bias):
    """Return f(b) + (b - mode)ᵀH(b - mode)/2: what the normal approximation misses."""
    return value(known, bias) + square(known, curve, bias - mode) / 2


@numba.njit(cache=True, nogil=True)
@no_type_check
def solve(curve, right, out):
    """Fill out (K, S) with the Newton step for slopes `right`; it sums to zero both ways."""
    states, symbols = right.shape
    joint, sums = _joint(curve), np.zeros(symbols)
    for k in range(states):
        for j in range(symbols):
            sums[j] += cholesky.dot(curve.inverse[k, j], right[k])
    cholesky.forward(joint, sums)
    cholesky.backward(joint, sums)
    for k in range(states):
        rest = right[k] - sums
        for j in range(symbols):
            out[k, j] = cholesky.dot(curve.inverse[k, j], rest)
        out[k] -= out[k].mean()


@numba.njit(cache=True, nogil=True)
@no_type_check
def colour(curve, noise):
    """Turn standard normal `noise` (K, S) into a draw ν from N(0, H⁻¹), in place."""
    states, symbols = noise.shape
    joint, sums = _joint(curve), np.zeros(symbols)
    for k in range(states):
        own = np.zeros(symbols)
        for i in range(symbols):
            for j in range(i + 1):
                own[j] += curve.root[k, i, j] * noise[k, i]
        noise[k] = own
        sums += own
    cholesky.forward(joint, sums)
    cholesky.backward(joint, sums)
    for k in range(states):
        for j in range(symbols):
            noise[k, j] -= cholesky.dot(curve.inverse[k, j], sums)
        noise[k] -= noise[k].mean()


@numba.njit(cache=True, nogil=True)
@no_type_check
def _joint(curve):
    """Return the upper factor of V, added up in the order of the states."""
    joint = curve.inverse[0].copy()
    for k in range(1, len(curve.inverse)):
        joint += curve.inverse[k]
    cholesky.factor(joint)
    return joint
