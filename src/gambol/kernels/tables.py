"""Tables of a sticky hierarchical Dirichlet process, those that stickiness overrides left out.

In cell (i, j) customer r = 0 … n-1 opens a table of dish j of its own accord with probability
a / (a + κ + r), a = αβ_j, κ on the diagonal alone: all tables, thinned by a / (a + κ) where the
rest were opened by stickiness, follow the same law. For long n the gaps between successes are
drawn: P(none in r … q-1) = Γ(κ+q) Γ(c+r) / (Γ(κ+r) Γ(c+q)), c = a + κ.
Source: Fox et al. (2011), Ann. Appl. Stat. 5(2A):1020, supplement; thinning derived here.
"""

from math import lgamma, log, log1p
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

FEW = 24  # customers that are asked one by one
LARGE = 1e4  # arguments above which differences of log Γ come from their series


def draw(
    rng: np.random.Generator,
    counts: Int[np.ndarray, " N"],
    strength: Float[np.ndarray, " N"],
    kappa: float,
    own: int,
) -> Int[np.ndarray, " N"]:
    """Draw the tables of one row.

    Args:
        rng: of this row.
        counts: moves from state `own` to each.
        strength: αβ, of each.
        kappa: stickiness, of the move from `own` to itself.
        own: the row, or -1 where no cell is on the diagonal.
    """
    out = np.zeros(len(counts), np.int64)
    _row(rng, counts, np.asarray(strength, np.float64), float(kappa), own, out)
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _row(rng, counts, strength, kappa, own, out):
    for j in range(len(counts)):
        sticky = kappa if j == own else 0.0
        out[j] = _cell(rng, counts[j], strength[j], sticky)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _cell(rng, n, a, kappa):
    tables, r = 0, 0
    if n > 0 and kappa == 0.0:
        tables, r = 1, 1  # the first is certain
    while r < min(n, FEW):
        tables += rng.random() * (a + kappa + r) < a
        r += 1
    while r < n:
        r = _next(rng.random(), r, n, a, kappa)
        if r < n:
            tables += 1
            r += 1
    return tables


@numba.njit(cache=True, nogil=True)
@no_type_check
def _next(u, r, n, a, kappa):
    """Return the first success at or after r, or n: the least q with P(none in r … q) < u."""
    level = log(u) if u > 0.0 else -np.inf
    if _log_none(r, n, a, kappa) >= level:
        return n
    low, high = r, n - 1  # the success is in low … high
    while low < high:
        middle = (low + high) // 2
        if _log_none(r, middle + 1, a, kappa) < level:
            high = middle
        else:
            low = middle + 1
    return low


@numba.njit(cache=True, nogil=True)
@no_type_check
def _log_none(r, q, a, kappa):
    """Return log P(no success in r … q-1) = h(κ+r) - h(κ+q), h(z) = log Γ(z+a) - log Γ(z)."""
    first, last = kappa + r, kappa + q
    if first > LARGE:
        series = a * (a - 1) / 2 * (1 / first - 1 / last)
        series -= a * (a - 1) * (2 * a - 1) / 12 * (1 / first**2 - 1 / last**2)
        return -a * log1p((last - first) / first) + series
    return lgamma(first + a) - lgamma(first) - (lgamma(last + a) - lgamma(last))
