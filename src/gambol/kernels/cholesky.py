"""Cholesky factors of small dense matrices, in plain loops that call no BLAS.

So the bits do not depend on a library or on its threads. Factors are upper: a = UᵀU, and
W = U⁻ᵀ, lower, gives a⁻¹ = WᵀW, so Wᵀε is a draw from N(0, a⁻¹) for a standard normal ε.
`eliminate` factors a *grounded Laplacian*: weights c_kl >= 0 between nodes and c_k0 >= 0 to the
ground, a = diag(c_k0 + Σ_l c_kl) - c. Its pivots are sums of positive numbers and nothing is
ever subtracted, so the factor is accurate in every entry, however different the weights are.
Source: Golub & Van Loan (2013), 4.2; Alfa, Xue and Ye (2002), Math. Comp. 71:217 (Laplacians).
All functions run inside compiled code and write to their arguments.
"""

from typing import no_type_check

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
@no_type_check
def dot(a, b):
    """Return Σab in four partial sums, which compilers can keep in one register."""
    n, s0, s1, s2, s3 = len(a), 0.0, 0.0, 0.0, 0.0
    whole = n - n % 4
    for i in range(0, whole, 4):
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
    for i in range(whole, n):
        s0 += a[i] * b[i]
    return (s0 + s1) + (s2 + s3)


@numba.njit(cache=True, nogil=True)
@no_type_check
def factor(a):
    """Turn a symmetric matrix into U in its upper half; False if it is not positive."""
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
            for j in range(i, n):
                a[i, j] -= c * a[k, j]
    return True


@numba.njit(cache=True, nogil=True)
@no_type_check
def eliminate(weights, ground):
    """Turn weights (n, n), of which the part above the diagonal is read, into U there.

    Overwrites `ground` (n,). A node that nothing holds gets the pivot 1.
    """
    n = len(weights)
    for k in range(n):
        pivot = ground[k]
        for j in range(k + 1, n):
            pivot += weights[k, j]
        if not pivot > 0:
            pivot = 1.0
        root = np.sqrt(pivot)
        for i in range(k + 1, n):
            c = weights[k, i] / pivot
            ground[i] += c * ground[k]
            for j in range(i + 1, n):
                weights[i, j] += c * weights[k, j]
        weights[k, k] = root
        for j in range(k + 1, n):
            weights[k, j] /= -root


@numba.njit(cache=True, nogil=True)
@no_type_check
def forward(u, x):
    """Turn x (n,) into U⁻ᵀx."""
    n = len(x)
    for k in range(n):
        x[k] /= u[k, k]
        for j in range(k + 1, n):
            x[j] -= u[k, j] * x[k]


@numba.njit(cache=True, nogil=True)
@no_type_check
def backward(u, x):
    """Turn x (n,) into U⁻¹x."""
    n = len(x)
    for k in range(n - 1, -1, -1):
        x[k] = (x[k] - dot(u[k, k + 1 :], x[k + 1 :])) / u[k, k]


@numba.njit(cache=True, nogil=True)
@no_type_check
def forward_many(u, x):
    """Turn x (n, M) into U⁻ᵀx."""
    n, columns = x.shape
    for k in range(n):
        for m in range(columns):
            x[k, m] /= u[k, k]
        for j in range(k + 1, n):
            c = u[k, j]
            for m in range(columns):
                x[j, m] -= c * x[k, m]


@numba.njit(cache=True, nogil=True)
@no_type_check
def invert(u, w):
    """Fill w with W = U⁻ᵀ."""
    n = len(u)
    for i in range(n):
        w[i, :] = 0.0
        w[i, i] = 1.0
        for k in range(i):
            c = u[k, i]
            for j in range(k + 1):
                w[i, j] -= c * w[k, j]
        scale = 1 / u[i, i]
        for j in range(i + 1):
            w[i, j] *= scale


@numba.njit(cache=True, nogil=True)
@no_type_check
def gram(w, out):
    """Fill out = WᵀW of a lower triangular W, four rows at a time."""
    n = len(w)
    out[:] = 0.0
    whole = n - n % 4
    for k in range(0, whole, 4):
        for i in range(k + 4):  # right of the diagonal W holds zeros
            c0, c1, c2, c3 = w[k, i], w[k + 1, i], w[k + 2, i], w[k + 3, i]
            for j in range(i + 1):
                out[i, j] += (c0 * w[k, j] + c1 * w[k + 1, j]) + (
                    c2 * w[k + 2, j] + c3 * w[k + 3, j]
                )
    for k in range(whole, n):
        for i in range(k + 1):
            c0 = w[k, i]
            for j in range(i + 1):
                out[i, j] += c0 * w[k, j]
    for i in range(n):
        for j in range(i):
            out[j, i] = out[i, j]


@numba.njit(cache=True, nogil=True)
@no_type_check
def add_products(sign, left, right, out):
    """Add sign · leftᵀ right to `out` at and right of its diagonal, four rows at a time.

    Args:
        sign: 1.0 or -1.0.
        left: (N, M).
        right: (N, M); leftᵀ right is symmetric.
        out: (M, M).
    """
    rows, n = left.shape
    whole = rows - rows % 4
    for i in range(n):
        for k in range(0, whole, 4):
            c0, c1 = sign * left[k, i], sign * left[k + 1, i]
            c2, c3 = sign * left[k + 2, i], sign * left[k + 3, i]
            for j in range(i, n):
                out[i, j] += (c0 * right[k, j] + c1 * right[k + 1, j]) + (
                    c2 * right[k + 2, j] + c3 * right[k + 3, j]
                )
        for k in range(whole, rows):
            c0 = sign * left[k, i]
            for j in range(i, n):
                out[i, j] += c0 * right[k, j]
