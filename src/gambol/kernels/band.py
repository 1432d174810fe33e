"""Symmetric block-tridiagonal matrices whose frames are joined by diagonal blocks.

H has the blocks H_t (B, B) on its diagonal and -C_t between frames t and t + 1, where C_t is
    diagonal, chain_t >= 0: what a random walk in time adds to a posterior; or
    of 2 x 2 diagonal blocks, chain_t[a, b]: what positions and then velocities add.
Its pivots are D_t = H_t - C_{t-1}ᵀ D_{t-1}⁻¹ C_{t-1}; kept is W_t, lower triangular, with
D_t⁻¹ = W_tᵀ W_t. From them, with G_t = D_t⁻¹ C_t:
    H x = b         y_t = b_t + G_{t-1}ᵀ y_{t-1}, then back: x_t = D_t⁻¹ y_t + G_t x_{t+1}
    blocks of H⁻¹   Σ_t = D_t⁻¹ + G_t Σ_{t+1} G_tᵀ, Cov(x_t, x_{t+1}) = G_t Σ_{t+1}
    x ~ N(0, H⁻¹)   x_t = G_t x_{t+1} + W_tᵀ e_t, e standard normal
All loops run along rows and call no BLAS, so results do not depend on the number of threads.
Source: Golub & Van Loan (2013), 4.5.1 (block tridiagonal); Rauch, Tung and Striebel (1965).
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float

Chain = Float[np.ndarray, "G B"] | Float[np.ndarray, "G 2 2 n"]  # G = T - 1, B = 2n
Chains = Float[np.ndarray, "M G B"] | Float[np.ndarray, "M G 2 2 n"]


class Factor(NamedTuple):
    """A factored matrix."""

    root: Float[np.ndarray, "T B B"]  # W_t, lower triangular: W_tᵀ W_t = D_t⁻¹
    chain: Float[np.ndarray, "G k k n"]  # C_t, minus the blocks beside the diagonal; B = kn


class Factors(NamedTuple):
    """M factored matrices of one size."""

    root: Float[np.ndarray, "M T B B"]
    chain: Float[np.ndarray, "M G k k n"]


def factor(blocks: Float[np.ndarray, "T B B"], chain: Chain) -> Factor:
    """Factor a matrix; `numpy.linalg.LinAlgError` if it is not positive definite.

    >>> whole = factor(np.array([[[2.0]], [[2.0]]]), np.array([[1.0]]))  # [[2, -1], [-1, 2]]
    >>> solve(whole, np.array([[1.0], [0.0]])).round(3).ravel().tolist()
    [0.667, 0.333]
    """
    whole = np.ascontiguousarray(chain if chain.ndim == 4 else chain[:, None, None])
    root, bad = _factor(np.ascontiguousarray(blocks), whole)
    if bad >= 0:
        raise np.linalg.LinAlgError(f"not positive definite at frame {bad}")
    return Factor(root, whole)


def solve(factored: Factor, right: Float[np.ndarray, "T B"]) -> Float[np.ndarray, "T B"]:
    """Return x of H x = right."""
    return _solve(factored.root, factored.chain, np.ascontiguousarray(right))


def covariances(factored: Factor) -> Float[np.ndarray, "T B B"]:
    """Return the blocks on the diagonal of H⁻¹."""
    return _covariances(factored.root, factored.chain)


def neighbours(
    factored: Factor, covariance: Float[np.ndarray, "T B B"]
) -> Float[np.ndarray, "T-1 B B"]:
    """Return the blocks of H⁻¹ between frames t and t + 1, from those on its diagonal."""
    inverse = (factored.root.transpose(0, 2, 1) @ factored.root)[:-1]
    gaps, size = inverse.shape[:2]
    parts = factored.chain.shape[1]
    split = inverse.reshape(gaps, size, parts, size // parts)
    ahead = np.einsum("gpan,gabn->gpbn", split, factored.chain)
    return ahead.reshape(gaps, size, size) @ covariance[1:]


def log_determinant(factored: Factor) -> float:
    """Return log det H."""
    return float(-2 * np.log(np.diagonal(factored.root, axis1=-2, axis2=-1)).sum())


def draw(rng: np.random.Generator, factored: Factor) -> Float[np.ndarray, "T B"]:
    """Draw from N(0, H⁻¹)."""
    noise = rng.standard_normal(factored.root.shape[:2])
    return _colour(factored.root, factored.chain, noise)


def factor_many(blocks: Float[np.ndarray, "M T B B"], chain: Chains) -> Factors:
    """Factor M matrices; `numpy.linalg.LinAlgError` names the first that is not positive."""
    whole = np.ascontiguousarray(chain if chain.ndim == 5 else chain[:, :, None, None])
    root, bad = _factor_many(np.ascontiguousarray(blocks), whole)
    if (bad >= 0).any():
        first = int(np.flatnonzero(bad >= 0)[0])
        raise np.linalg.LinAlgError(
            f"matrix {first} is not positive definite at frame {bad[first]}"
        )
    return Factors(root, whole)


def solve_many(
    factored: Factors, right: Float[np.ndarray, "M T B"]
) -> Float[np.ndarray, "M T B"]:
    """Return x of H x = right for each."""
    return _solve_many(factored.root, factored.chain, np.ascontiguousarray(right))


def covariances_many(factored: Factors) -> Float[np.ndarray, "M T B B"]:
    """Return the blocks on the diagonal of each H⁻¹."""
    return _covariances_many(factored.root, factored.chain)


def draw_many(rng: np.random.Generator, factored: Factors) -> Float[np.ndarray, "M T B"]:
    """Draw from each N(0, H⁻¹)."""
    noise = rng.standard_normal(factored.root.shape[:3])
    pairs = zip(*factored, noise, strict=True)
    return np.array([_colour(root, chain, part) for root, chain, part in pairs])


@numba.njit(cache=True, nogil=True)
@no_type_check
def _upper(a):
    """Turn a symmetric matrix into U, a = UᵀU, in its upper half; whether it is positive."""
    n = len(a)
    for k in range(n):
        pivot = a[k, k]
        if not pivot > 0 or not np.isfinite(pivot):
            return False
        scale = 1 / np.sqrt(pivot)
        for j in range(k, n):
            a[k, j] *= scale
        for i in range(k + 1, n):
            c = a[k, i]
            if c != 0.0:
                for j in range(i, n):
                    a[i, j] -= c * a[k, j]
    return True


@numba.njit(cache=True, nogil=True)
@no_type_check
def _invert(u, w):
    """Fill w = U⁻ᵀ, lower triangular."""
    n = len(u)
    for i in range(n):
        w[i, :] = 0.0
        w[i, i] = 1.0
        for k in range(i):
            c = u[k, i]
            if c != 0.0:
                for j in range(k + 1):
                    w[i, j] -= c * w[k, j]
        scale = 1 / u[i, i]
        for j in range(i + 1):
            w[i, j] *= scale


@numba.njit(cache=True, nogil=True)
@no_type_check
def _gram(w, out):
    """Fill out = WᵀW of a lower triangular W."""
    n = len(w)
    out[:] = 0.0
    for k in range(n):
        for i in range(k + 1):
            c = w[k, i]
            if c != 0.0:
                for j in range(i + 1):
                    out[i, j] += c * w[k, j]
    for i in range(n):
        for j in range(i):
            out[j, i] = out[i, j]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _times(a, b, out):
    """Fill out = a b."""
    n = len(a)
    out[:] = 0.0
    for i in range(n):
        for k in range(n):
            c = a[i, k]
            if c != 0.0:
                for j in range(n):
                    out[i, j] += c * b[k, j]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _inverse_times(w, y, out):
    """Fill out = WᵀW y."""
    n = len(w)
    out[:] = 0.0
    for i in range(n):
        s = 0.0
        for j in range(i + 1):
            s += w[i, j] * y[j]
        for j in range(i + 1):
            out[j] += s * w[i, j]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _ahead(chain, t, y, out):
    """Add C_t y to out."""
    parts, n = chain.shape[1], chain.shape[3]
    for a in range(parts):
        for b in range(parts):
            for i in range(n):
                out[a * n + i] += chain[t, a, b, i] * y[b * n + i]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _behind(chain, t, y, out):
    """Add C_tᵀ y to out."""
    parts, n = chain.shape[1], chain.shape[3]
    for a in range(parts):
        for b in range(parts):
            for i in range(n):
                out[b * n + i] += chain[t, a, b, i] * y[a * n + i]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _around(chain, t, s, sign, out, behind):
    """Add sign C_t s C_tᵀ to out, or of C_tᵀ s C_t, for a symmetric s."""
    parts, n = chain.shape[1], chain.shape[3]
    for a in range(parts):
        for b in range(parts):
            for e in range(parts):
                for f in range(parts):
                    for i in range(n):
                        left = sign * (chain[t, b, a, i] if behind else chain[t, a, b, i])
                        for j in range(n):
                            right = chain[t, f, e, j] if behind else chain[t, e, f, j]
                            out[a * n + i, e * n + j] += left * s[b * n + i, f * n + j] * right


@numba.njit(cache=True, nogil=True)
@no_type_check
def _factor(blocks, chain):
    frames, n = blocks.shape[0], blocks.shape[1]
    root = np.empty_like(blocks)
    pivot, inverse = np.empty((n, n)), np.empty((n, n))
    for t in range(frames):
        pivot[:] = blocks[t]
        if t > 0:
            _gram(root[t - 1], inverse)
            _around(chain, t - 1, inverse, -1.0, pivot, True)
        if not _upper(pivot):
            return root, t
        _invert(pivot, root[t])
    return root, -1


@numba.njit(cache=True, nogil=True)
@no_type_check
def _solve(root, chain, right):
    frames, n = right.shape
    x, y = np.empty_like(right), np.empty_like(right)
    part, sent = np.empty(n), np.zeros(n)
    for t in range(frames):
        for i in range(n):
            part[i] = right[t, i]
        if t > 0:
            _behind(chain, t - 1, sent, part)
        _inverse_times(root[t], part, sent)
        for i in range(n):
            y[t, i] = part[i]
    for t in range(frames - 1, -1, -1):
        for i in range(n):
            part[i] = y[t, i]
        if t < frames - 1:
            _ahead(chain, t, sent, part)
        _inverse_times(root[t], part, sent)
        for i in range(n):
            x[t, i] = sent[i]
    return x


@numba.njit(cache=True, nogil=True)
@no_type_check
def _covariances(root, chain):
    frames, n = root.shape[0], root.shape[1]
    out = np.empty_like(root)
    inverse, middle, product = np.empty((n, n)), np.empty((n, n)), np.empty((n, n))
    for t in range(frames - 1, -1, -1):
        _gram(root[t], inverse)
        if t == frames - 1:
            out[t] = inverse
            continue
        middle[:] = 0.0
        _around(chain, t, out[t + 1], 1.0, middle, False)
        _times(inverse, middle, product)
        _times(product, inverse, middle)
        for i in range(n):
            for j in range(i + 1):
                value = inverse[i, j] + (middle[i, j] + middle[j, i]) / 2
                out[t, i, j] = out[t, j, i] = value
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _colour(root, chain, noise):
    frames, n = noise.shape
    x = np.zeros_like(noise)
    part, own = np.empty(n), np.zeros(n)
    for t in range(frames - 1, -1, -1):
        part[:] = 0.0
        if t < frames - 1:
            _ahead(chain, t, own, part)
        _inverse_times(root[t], part, own)
        for i in range(n):
            for j in range(i + 1):
                own[j] += root[t, i, j] * noise[t, i]
        x[t] = own
    return x


@numba.njit(cache=True, nogil=True)
@no_type_check
def _factor_many(blocks, chain):
    root = np.empty_like(blocks)
    bad = np.empty(len(blocks), np.int64)
    for m in range(len(blocks)):
        root[m], bad[m] = _factor(blocks[m], chain[m])
    return root, bad


@numba.njit(cache=True, nogil=True)
@no_type_check
def _solve_many(root, chain, right):
    x = np.empty_like(right)
    for m in range(len(right)):
        x[m] = _solve(root[m], chain[m], right[m])
    return x


@numba.njit(cache=True, nogil=True)
@no_type_check
def _covariances_many(root, chain):
    out = np.empty_like(root)
    for m in range(len(root)):
        out[m] = _covariances(root[m], chain[m])
    return out
