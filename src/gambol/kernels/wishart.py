"""Matrix-normal inverse-Wishart laws of autoregressive dynamics, from sums over frames.

Q ~ IW(S, ν), of mean S / (ν - D - 1); [A b] | Q has mean M, rows of covariance Q and columns of
precision Λ. Given Σψψᵀ of frames, ψ = [φ, x, 1 at the end], they become
    Λ_n = Λ + Σφφᵀ, M_n = (MΛ + Σxφᵀ) Λ_n⁻¹, ν_n = ν + n,
    S_n = S + Σxxᵀ + MΛMᵀ - M_n Λ_n M_nᵀ.
Source: Fox et al. (2011), IEEE Trans. Signal Process. 59(4):1569; Bartlett (1933).
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float

from gambol.kernels import cholesky


class Law(NamedTuple):
    """A matrix-normal inverse-Wishart law of one state; P = L D + 1."""

    scale: Float[np.ndarray, "D D"]  # S
    dof: float  # ν
    mean: Float[np.ndarray, "D P"]  # M
    precision: Float[np.ndarray, "P P"]  # Λ


class Drawn(NamedTuple):
    """Dynamics of one state."""

    ab: Float[np.ndarray, "D P"]  # [A b]
    q: Float[np.ndarray, "D D"]  # covariance


def autoregressive(
    n_dims: int, lags: int, scale: float = 0.01, dof: float = 2.0, precision: float = 0.1
) -> Law:
    """Return the prior of a series that stays where it was: M = [0 … I 0].

    Args:
        n_dims: D.
        lags: L.
        scale: S = scale · I.
        dof: ν = D + dof.
        precision: Λ = precision · I.
    """
    columns = lags * n_dims + 1
    mean = np.zeros((n_dims, columns))
    mean[:, columns - 1 - n_dims : columns - 1] = np.eye(n_dims)
    return Law(scale * np.eye(n_dims), n_dims + dof, mean, precision * np.eye(columns))


def posterior(prior: Law, sums: Float[np.ndarray, "W1 W1"]) -> Law:
    """Return the law given Σψψᵀ, ψ = [x_{t-L} … x_t, 1]."""
    d = len(prior.scale)
    width = len(sums) - 1
    past = np.r_[0 : width - d, width]
    now = np.arange(width - d, width)
    precision = prior.precision + sums[np.ix_(past, past)]
    right = _times(prior.mean, prior.precision)
    first = _times(right, np.ascontiguousarray(prior.mean.T))
    right += sums[np.ix_(now, past)]
    mean, explained = _solve(precision.copy(), right)
    scale = prior.scale + sums[np.ix_(now, now)] + first - explained
    return Law((scale + scale.T) / 2, prior.dof + sums[width, width], mean, precision)


def draw(rng: np.random.Generator, law: Law) -> Drawn:
    """Draw dynamics."""
    d, p = law.mean.shape
    wide, square = np.sqrt(rng.chisquare(law.dof - np.arange(d))), rng.standard_normal((d, d))
    corner = np.tril(square, -1) + np.diag(wide)
    return Drawn(*_draw(law.scale.copy(), law.precision.copy(), corner, law.mean,
                        rng.standard_normal((d, p))))  # fmt: skip


def log_density(law: Law, ab: Float[np.ndarray, "D P"], q: Float[np.ndarray, "D D"]) -> float:
    """Return log p([A b], Q), in nats."""
    from scipy.special import multigammaln

    d, p = law.mean.shape
    log_q, log_s = np.linalg.slogdet(q)[1], np.linalg.slogdet(law.scale)[1]
    inverse = np.linalg.inv(q)
    wishart = (law.dof * (log_s - d * np.log(2.0)) - (law.dof + d + 1) * log_q) / 2
    wishart -= multigammaln(law.dof / 2, d) + np.trace(law.scale @ inverse) / 2
    rest = ab - law.mean
    normal = d * np.linalg.slogdet(law.precision)[1] - p * log_q - p * d * np.log(2 * np.pi)
    return float(wishart + (normal - np.sum((inverse @ rest) * (rest @ law.precision))) / 2)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _times(a, b):
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            c = a[i, k]
            for j in range(b.shape[1]):
                out[i, j] += c * b[k, j]
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _solve(precision, right):
    """Return M = right Λ⁻¹ and M Λ Mᵀ = (U⁻ᵀ rightᵀ)ᵀ (the same). Overwrites Λ."""
    if not cholesky.factor(precision):
        raise ValueError("sums over frames are not positive; are all coordinates finite?")
    half = right.T.copy()
    cholesky.forward_many(precision, half)
    explained = _times(half.T.copy(), half)
    mean = np.empty_like(right)
    for i in range(len(right)):
        column = half[:, i].copy()
        cholesky.backward(precision, column)
        mean[i] = column
    return mean, explained


@numba.njit(cache=True, nogil=True)
@no_type_check
def _inverse(corner):
    """Return B⁻¹ of a lower triangular B."""
    out = np.zeros(corner.shape)
    for i in range(len(corner)):
        out[i, i] = 1.0 / corner[i, i]
        for j in range(i):
            total = 0.0
            for k in range(j, i):
                total -= corner[i, k] * out[k, j]
            out[i, j] = total / corner[i, i]
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _draw(scale, precision, corner, mean, noise):
    """With S = UᵀU and Bartlett's B, K = Uᵀ B⁻ᵀ is a root of Q; [A b] = M + K G (U_Λ)⁻ᵀ."""
    d = len(scale)
    if not (cholesky.factor(scale) and cholesky.factor(precision)):
        raise ValueError("a posterior is not positive definite; are all coordinates finite?")
    root = np.zeros((d, d))
    inverse = _inverse(corner)
    for i in range(d):
        for j in range(d):
            for k in range(min(i, j) + 1):  # (Uᵀ)_ik = U_ki, k <= i; (B⁻ᵀ)_kj = B⁻¹_jk, k <= j
                root[i, j] += scale[k, i] * inverse[j, k]
    ab = _times(root, noise)
    for i in range(d):
        for j in range(noise.shape[1] - 1, -1, -1):  # row times U⁻ᵀ: solve U y = row
            total = ab[i, j]
            for k in range(j + 1, noise.shape[1]):
                total -= precision[j, k] * ab[i, k]
            ab[i, j] = total / precision[j, j]
    return ab + mean, _times(root, root.T.copy())
