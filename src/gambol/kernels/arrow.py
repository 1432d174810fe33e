"""Curvature of a softmax model of moves: a block arrow, its factor, draws and determinant.

In Helmert's coordinates (`kernels.helmert`) W̃ (S, S-1) and b̃ (K-1, S-1), with normal priors,
F_ki = Γ_Sᵀ(diag θ_ki - θ_ki θ_kiᵀ)Γ_S and n_ki moves out of i in state k, minus the Hessian of
the log posterior has the blocks

    A_i = I/σ_W² + Σ_k n_ki F_ki                                       rows of W̃, S of them
    B_i[:, m] = Σ_k Γ_K[k,m] n_ki F_ki                                 row i beside b̃
    D[m, m'] = δ I/σ_b² + Σ_k Γ_K[k,m] Γ_K[k,m'] Σ_i n_ki F_ki         b̃

Rows meet only in b̃: with A_i = L_iL_iᵀ and X_i = L_i⁻¹B_i, what is left of the border is
D - Σ X_iᵀX_i = L_DL_Dᵀ. Kept are U = Lᵀ.
Source: Rue and Held (2005), Gaussian Markov Random Fields, 2.3-2.4.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float

from gambol.kernels import cholesky, helmert


class Arrow(NamedTuple):
    """Minus the Hessian; n = S - 1 coordinates of a row, b = (K - 1)(S - 1) of the biases."""

    rows: Float[np.ndarray, "S n n"]
    cross: Float[np.ndarray, "S n b"]
    border: Float[np.ndarray, "b b"]


class Factor(NamedTuple):
    """A factored arrow; blocks are upper triangular, the other halves hold nothing."""

    rows: Float[np.ndarray, "S n n"]  # L_iᵀ
    cross: Float[np.ndarray, "S n b"]  # X_i
    border: Float[np.ndarray, "b b"]  # L_Dᵀ


class Drawn(NamedTuple):
    """A draw from N(0, H⁻¹)."""

    base: Float[np.ndarray, "S n"]
    bias: Float[np.ndarray, " b"]


def build(
    out_of: Float[np.ndarray, "K S"],
    theta: Float[np.ndarray, "K S S"],
    base_sigma: float,
    bias_sigma: float,
) -> Arrow:
    """Return the arrow at θ.

    Args:
        out_of: n_ki.
        theta: of each state and row; rows sum to 1.
        base_sigma: σ_W.
        bias_sigma: σ_b.
    """
    states, symbols = out_of.shape
    n, biases = symbols - 1, (states - 1) * (symbols - 1)
    rows = np.empty((symbols, n, n))
    cross = np.empty((symbols, n, biases))
    by_state = np.zeros((states, n, n))
    for i in range(symbols):
        part = _spread(out_of[:, i], theta[:, i])
        by_state += part
        rows[i] = part.sum(axis=0) + np.eye(n) / base_sigma**2
        mixed = helmert.lower(np.moveaxis(part, 0, -1))  # (n, n', K-1)
        cross[i] = np.moveaxis(mixed, -1, 1).reshape(n, biases)
    gamma = helmert.basis(states)
    border = np.zeros((states - 1, n, states - 1, n))
    for k in range(states):
        pair = np.multiply.outer(gamma[k], gamma[k])
        border += pair[:, None, :, None] * by_state[k][None, :, None, :]
    return Arrow(rows, cross, border.reshape(biases, biases) + np.eye(biases) / bias_sigma**2)


def factor(arrow: Arrow) -> Factor:
    """Factor an arrow; `numpy.linalg.LinAlgError` if it is not positive definite."""
    made = Factor(*(np.array(part, order="C") for part in arrow))
    bad = _factor(*made)
    if bad >= 0:
        name = f"row {bad}" if bad < len(arrow.rows) else "the border"
        raise np.linalg.LinAlgError(f"{name} of the arrow is not positive definite")
    return made


def draw(rng: np.random.Generator, factored: Factor) -> Drawn:
    """Draw b̃ = L_D⁻ᵀε, then each row W̃_i = L_i⁻ᵀ(ε_i - X_i b̃)."""
    bias = rng.standard_normal(len(factored.border))
    base = rng.standard_normal(factored.rows.shape[:2])
    _colour(*factored, base, bias)
    return Drawn(base, bias)


def log_determinant(factored: Factor) -> float:
    """Return log det H."""
    rows = np.log(np.diagonal(factored.rows, axis1=1, axis2=2)).sum()
    return float(2 * (rows + np.log(np.diagonal(factored.border)).sum()))


def _spread(
    out_of: Float[np.ndarray, " K"], probs: Float[np.ndarray, "K S"]
) -> Float[np.ndarray, "K n n"]:
    """Return n_ki F_ki of one row i."""
    flow = out_of[:, None] * probs
    size = probs.shape[1]
    full = -flow[:, :, None] * probs[:, None, :]
    full[:, np.arange(size), np.arange(size)] += flow
    half = helmert.lower(full)  # (K, S, n)
    return helmert.lower(half.transpose(0, 2, 1))


@numba.njit(cache=True, nogil=True)
@no_type_check
def _factor(rows, cross, border):
    for i in range(len(rows)):
        if not cholesky.factor(rows[i]):
            return i
        cholesky.forward_many(rows[i], cross[i])
        cholesky.add_products(-1.0, cross[i], cross[i], border)
    return -1 if cholesky.factor(border) else len(rows)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _colour(rows, cross, border, base, bias):
    cholesky.backward(border, bias)
    for i in range(len(rows)):
        for a in range(base.shape[1]):
            base[i, a] -= cholesky.dot(cross[i, a], bias)
        cholesky.backward(rows[i], base[i])
