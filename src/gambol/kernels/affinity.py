"""Neighbours on a map: divergences of distributions, and affinities of a perplexity.

    D_ij = Σ_k p_ik log(p_ik / p_jk)  in nats,      p_j|i ∝ exp(-β_i D_ij²)

The exponent is the divergence squared, once. β_i gives each row the same perplexity. Source:
Berman et al. (2014), J. R. Soc. Interface 11:20140672, supplement; van der Maaten & Hinton
(2008), J. Mach. Learn. Res. 9:2579, of the perplexity.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from threadpoolctl import threadpool_limits

_BLOCK = 256  # rows of one product: fixed, so that bits do not depend on threads
_ROUNDS = 200  # steps to a perplexity, at most; some 6 are enough
CLOSE = 1e-6  # nats, of an entropy


class Neighbours(NamedTuple):
    """The k nearest of each of T rows, nearest first."""

    which: Int[np.ndarray, "T k"]
    divergence: Float[np.ndarray, "T k"]  # D from the row to its neighbour, nats


class Conditional(NamedTuple):
    """How likely each row picks each neighbour."""

    p: Float[np.ndarray, "T k"]  # rows sum to 1
    beta: Float[np.ndarray, " T"]  # 1 / nats²


def centred_logs(
    p: Float[np.ndarray, "N K"], middle: Float[np.ndarray, " K"]
) -> Float[np.ndarray, "N K"]:
    """Return log p less a constant for each column, which leaves every divergence the same.

    What is left is small, so that sums of products lose few digits.
    """
    logs = np.log(p.astype(np.float64))
    logs -= middle
    return logs


def middle_of_logs(p: Float[np.ndarray, "N K"]) -> Float[np.ndarray, " K"]:
    """Return the mean of the logarithms of each column."""
    if not (p > 0).all():
        raise ValueError("a share is not above 0, and its logarithm is asked for")
    return np.log(p.astype(np.float64)).mean(axis=0)


def divergences(
    p: Float[np.ndarray, "M K"], q: Float[np.ndarray, "N K"], *, threads: int = 1
) -> Float[np.ndarray, "M N"]:
    """Return D from every row of p to every row of q, nats; all shares above 0.

    `threads`: blocks of rows side by side; the result is the same.

    >>> p = np.array([[0.5, 0.5], [0.25, 0.75]])
    >>> divergences(p, p).round(4).tolist()
    [[0.0, 0.1438], [0.1308, 0.0]]
    """
    middle = middle_of_logs(q)
    left, own, logs = p.astype(np.float64), centred_logs(p, middle), centred_logs(q, middle)
    out = np.empty((len(p), len(q)))

    def work(first: int) -> None:
        part = slice(first, first + _BLOCK)
        np.matmul(left[part], logs.T, out=out[part])
        entropy = np.einsum("ik,ik->i", left[part], own[part])
        np.subtract(entropy[:, None], out[part], out=out[part])
        np.maximum(out[part], 0.0, out=out[part])  # rounding goes below

    _blocks(work, len(p), threads)
    return out


def nearest(p: Float[np.ndarray, "N K"], k: int, *, threads: int = 1) -> Neighbours:
    """Return the k other rows of least divergence from each row, compared with all of them.

    Args:
        p: distributions, all shares above 0.
        k: less than N.
        threads: blocks of rows side by side; the result is the same.
    """
    logs = centred_logs(p, middle_of_logs(p))
    left = p.astype(np.float64)
    index, near = np.empty((len(p), k), np.int64), np.empty((len(p), k))

    def work(first: int) -> None:
        last = min(first + _BLOCK, len(p))
        part = slice(first, last)
        entropy = np.einsum("ik,ik->i", left[part], logs[part])
        _select(left[part] @ logs.T, entropy, first, index[part], near[part])

    _blocks(work, len(p), threads)
    return Neighbours(index, near)


def conditional(near: Float[np.ndarray, "T k"], perplexity: float) -> Conditional:
    """Return p_j|i ∝ exp(-β_i D_ij²) of a perplexity, to 1.5e-6 bit of the entropy.

    Where more neighbours than that are at the least distance, they share all.

    Args:
        near: divergences, nats.
        perplexity: 2 to the entropy in bits; less than k.
    """
    if not 1 < perplexity < near.shape[1]:
        raise ValueError(f"perplexity {perplexity:g} needs more neighbours than that")
    p, beta = np.empty(near.shape), np.empty(len(near))
    _conditional(near.astype(np.float64), np.log(perplexity), p, beta)
    return Conditional(p, beta)


def joint(index: Int[np.ndarray, "N k"], p: Float[np.ndarray, "N k"]) -> sparse.csr_matrix:
    """Return the affinities (P + Pᵀ) / 2N, which sum to 1."""
    n, k = p.shape
    starts = np.arange(0, n * k + 1, k)
    one = sparse.csr_matrix((p.ravel(), index.ravel(), starts), (n, n))
    both = ((one + one.T) / (2 * n)).tocsr()
    both.sort_indices()
    return both


def _blocks(work: Callable[[int], None], rows: int, threads: int) -> None:
    """Do the work of every block of rows, which begin at its argument."""
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(max(1, threads)) as pool:
        list(pool.map(work, range(0, rows, _BLOCK)))


@numba.njit(cache=True, nogil=True)
@no_type_check
def _select(products, entropy, first, index, near):
    """Keep the nearest of each row, itself left out, in order; D = Σ p log p - Σ p log q."""
    k, n = index.shape[1], products.shape[1]
    value, place, row = np.empty(4 * k + 8), np.empty(4 * k + 8, np.int64), np.empty(n)
    for i in range(len(products)):
        for j in range(n):
            row[j] = max(entropy[i] - products[i, j], 0.0)  # rounding goes below
        smallest(row, n, k, first + i, place, value)
        order = np.argsort(value[:k], kind="mergesort")
        for j in range(k):
            index[i, j], near[i, j] = place[order[j]], value[order[j]]


@numba.njit(cache=True, nogil=True)
@no_type_check
def smallest(values, n, k, skip, place, value):
    """Write the k smallest of the first n values and where they are; return how many.

    `place` and `value` are room for more than k, the more the faster; `skip` is left out. Of
    equal values the same ones are kept every time.
    """
    count = 0
    limit = np.inf
    for j in range(n):
        if values[j] < limit and j != skip:
            value[count], place[count] = values[j], j
            count += 1
            if count == len(value):
                _partition(value, place, count, k)
                count = k
                limit = value[0]
                for i in range(1, k):
                    limit = max(limit, value[i])
    if count > k:
        _partition(value, place, count, k)
        count = k
    return count


@numba.njit(cache=True, nogil=True)
@no_type_check
def _partition(value, place, n, k):
    """Bring the k smallest of n to the front (Hoare's selection)."""
    low, high = 0, n - 1
    while low < high:
        pivot = value[(low + high) // 2]
        a, b = value[low], value[high]
        pivot = max(min(a, b), min(max(a, b), pivot))  # median of three
        i, j = low, high
        while i <= j:
            while value[i] < pivot:
                i += 1
            while value[j] > pivot:
                j -= 1
            if i <= j:
                value[i], value[j] = value[j], value[i]
                place[i], place[j] = place[j], place[i]
                i += 1
                j -= 1
        if k - 1 <= j:
            high = j
        elif k - 1 >= i:
            low = i
        else:
            return


@numba.njit(cache=True, nogil=True)
@no_type_check
def _conditional(near, entropy, p, beta):
    """Fill the rows of `conditional`."""
    squared = np.empty(near.shape[1])
    for i in range(len(near)):
        for j in range(near.shape[1]):
            squared[j] = near[i, j] * near[i, j]
        beta[i] = calibrate(squared, near.shape[1], entropy, p[i])


@numba.njit(cache=True, nogil=True)
@no_type_check
def calibrate(squared, n, entropy, p):
    """Fill p ∝ exp(-β d) of an entropy in nats; return β. `squared` loses its least value.

    Newton's method on log β, with dH / d log β = -β² var(d), inside of a bracket.
    """
    least, total = np.inf, 0.0
    for j in range(n):
        least = min(least, squared[j])
    for j in range(n):
        squared[j] -= least
        total += squared[j]
    low, high = -np.inf, np.inf
    at = np.log(n / total) if total > 0.0 else 0.0
    for _ in range(_ROUNDS):
        beta = np.exp(at)
        mass, first, second = 0.0, 0.0, 0.0
        for j in range(n):
            p[j] = np.exp(-beta * squared[j])
            mass += p[j]
            first += p[j] * squared[j]
            second += p[j] * squared[j] * squared[j]
        first, second = first / mass, second / mass
        excess = np.log(mass) + beta * first - entropy
        if abs(excess) < CLOSE:
            break
        if excess > 0.0:
            low = at
        else:
            high = at
        slope = beta * beta * (second - first * first)
        step = excess / slope if slope > 0.0 else np.inf
        step = max(-3.0, min(3.0, step))
        ahead = at + (step if excess * step > 0.0 else -step)
        if not low < ahead < high:
            ahead = (low + high) / 2 if low > -np.inf and high < np.inf else ahead
        if ahead > 690.0 or high - low < 1e-13:
            break
        at = ahead
    for j in range(n):
        p[j] /= mass
    return beta
