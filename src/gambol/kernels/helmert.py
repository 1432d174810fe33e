"""Orthonormal coordinates of vectors that sum to zero: Helmert's basis Γ, applied in O(n).

Column m = 1 … n-1 of Γ_n is 1/√(m(m+1)) in rows 1 … m, -m/√(m(m+1)) in row m+1 and else 0, so
that ΓᵀΓ = I and 1ᵀΓ = 0. Lengths are kept: a normal prior with covariance σ²I is the same for
the n-1 coordinates as for the vector of n that sums to zero.
Source: Helmert (1876), Astronomische Nachrichten 88:113; Lancaster (1965), Am. Stat. 19(4):4.
"""

import numpy as np
from jaxtyping import Float


def basis(n: int) -> Float[np.ndarray, "n n_less_1"]:
    """Return Γ_n, of shape (n, n - 1).

    >>> basis(3).round(3).tolist()
    [[0.707, 0.408], [-0.707, 0.408], [0.0, -0.816]]
    """
    return lift(np.eye(n - 1)).T


def lower(x: Float[np.ndarray, "... n"]) -> Float[np.ndarray, "... n_less_1"]:
    """Return xΓ: the coordinates of the last axis, freed of its mean.

    >>> lower(np.array([1.0, 1.0, 4.0])).round(3).tolist()
    [0.0, -2.449]
    """
    m = np.arange(1.0, x.shape[-1])
    return (np.cumsum(x[..., :-1], axis=-1) - m * x[..., 1:]) / np.sqrt(m * (m + 1))


def lift(y: Float[np.ndarray, "... n_less_1"]) -> Float[np.ndarray, "... n"]:
    """Return yΓᵀ: one entry more along the last axis, whose sum is zero.

    >>> lift(np.array([1.0])).round(3).tolist()
    [0.707, -0.707]
    """
    m = np.arange(1.0, y.shape[-1] + 1)
    scaled = y / np.sqrt(m * (m + 1))
    x = np.zeros((*y.shape[:-1], y.shape[-1] + 1))
    x[..., :-1] = np.cumsum(scaled[..., ::-1], axis=-1)[..., ::-1]  # columns m >= row
    x[..., 1:] -= m * scaled
    return x
