"""Moves between symbols, by state: θ_kij = softmax_j(W_ij + b_kj), its likelihood and slope.

Of S symbols and K states, C_kij is how often i was followed by j in k. With n_ki = Σ_j C_kij

    ℓ = Σ C_kij log θ_kij = Σ_ij W_ij Σ_k C_kij + Σ_kj b_kj Σ_i C_kij - Σ_ki n_ki log Z_ki,

so three tables of sums say all about W and b, and G_ki = C_ki - n_ki θ_ki gives the slopes:
∂ℓ/∂W_i = Σ_k G_ki, ∂ℓ/∂b_k = Σ_i G_ki. Products exp(W) exp(b) spare K S² exponentials; where
they leave the range of floating-point numbers the sum of the logits is taken instead.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

TINY = 1e-250  # a sum of products of scaled exponentials below this is not to be trusted


class Totals(NamedTuple):
    """What the counts say about W and b."""

    pairs: Float[np.ndarray, "S S"]  # Σ_k C_kij
    into: Float[np.ndarray, "K S"]  # Σ_i C_kij
    out_of: Float[np.ndarray, "K S"]  # n_ki = Σ_j C_kij


class Slope(NamedTuple):
    """The log-likelihood and its derivatives; along j they sum to zero."""

    value: float  # nats
    base: Float[np.ndarray, "S S"]  # ∂/∂W
    bias: Float[np.ndarray, "K S"]  # ∂/∂b


def totals(counts: Int[np.ndarray, "K S S"]) -> Totals:
    """Add the counts up."""
    whole = counts.sum(axis=0), counts.sum(axis=1), counts.sum(axis=2)
    return Totals(*(table.astype(np.float64) for table in whole))


def probabilities(
    base: Float[np.ndarray, "S S"], bias: Float[np.ndarray, "K S"]
) -> Float[np.ndarray, "K S S"]:
    """Return θ; every row sums to 1.

    >>> probabilities(np.zeros((2, 2)), np.log([[1.0, 3.0]])).tolist()
    [[[0.25, 0.75], [0.25, 0.75]]]
    """
    theta = base[None] + bias[:, None]  # (K, S, S)
    theta -= theta.max(axis=2, keepdims=True)
    np.exp(theta, out=theta)
    theta /= theta.sum(axis=2, keepdims=True)
    return theta


def slope(
    table: Totals, base: Float[np.ndarray, "S S"], bias: Float[np.ndarray, "K S"]
) -> Slope:
    """Return ℓ and its derivatives."""
    return Slope(*_slope(*table, base, bias))


@numba.njit(cache=True, nogil=True)
@no_type_check
def scale(logits, scaled):
    """Fill `scaled` (S,) with exp(logits - peak) and return the peak."""
    peak = logits.max()
    for j in range(len(logits)):
        scaled[j] = np.exp(logits[j] - peak)
    return peak


@numba.njit(cache=True, nogil=True)
@no_type_check
def normalise(base, bias, base_scaled, bias_scaled, peak, out):
    """Fill `out` (S,) with softmax(base + bias) and return the log of its normaliser.

    Args:
        base: W_i.
        bias: b_k.
        base_scaled: of `scale`.
        bias_scaled: of `scale`.
        peak: the sum of the two peaks.
        out: filled.
    """
    n = len(base)
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    for j in range(n):
        out[j] = base_scaled[j] * bias_scaled[j]
    whole = n - n % 4
    for j in range(0, whole, 4):
        s0 += out[j]
        s1 += out[j + 1]
        s2 += out[j + 2]
        s3 += out[j + 3]
    for j in range(whole, n):
        s0 += out[j]
    total = (s0 + s1) + (s2 + s3)
    if total < TINY:
        peak = (base + bias).max()
        for j in range(n):
            out[j] = np.exp(base[j] + bias[j] - peak)
        total = out.sum()
    share = 1 / total
    for j in range(n):
        out[j] *= share
    return peak + np.log(total)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _slope(pairs, into, out_of, base, bias):
    states, symbols = bias.shape
    base_slope, bias_slope = pairs.copy(), into.copy()
    base_scaled, bias_scaled = np.empty_like(base), np.empty_like(bias)
    base_peak, bias_peak = np.empty(symbols), np.empty(states)
    probs = np.empty(symbols)
    value = 0.0
    for i in range(symbols):
        base_peak[i] = scale(base[i], base_scaled[i])
        value += (pairs[i] * base[i]).sum()
    for k in range(states):
        bias_peak[k] = scale(bias[k], bias_scaled[k])
        value += (into[k] * bias[k]).sum()
        for i in range(symbols):
            n = out_of[k, i]
            if n == 0:
                continue
            peak = base_peak[i] + bias_peak[k]
            value -= n * normalise(
                base[i], bias[k], base_scaled[i], bias_scaled[k], peak, probs
            )
            for j in range(symbols):
                base_slope[i, j] -= n * probs[j]
                bias_slope[k, j] -= n * probs[j]
    return value, base_slope, bias_slope
