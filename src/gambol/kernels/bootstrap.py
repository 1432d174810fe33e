"""The bootstrap over groups of samples, on weights instead of copies.

A resample draws G groups of G with replacement; a sample of a group that was drawn c times
counts c times. Statistics take such weights, one row a resample, and are computed for many
resamples at once. Source: Efron & Tibshirani (1993), An Introduction to the Bootstrap, 13.3.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int, Shaped

Statistic = Callable[[Int[np.ndarray, "B M"]], Float[np.ndarray, "B S"]]

_CELLS = 250_000  # resamples times samples held at once; more would leave the cache


def resample(
    statistic: Statistic,
    groups: Shaped[np.ndarray, " M"],
    rng: np.random.Generator,
    resamples: int = 2000,
) -> Float[np.ndarray, "B S"]:
    """Return the statistics of resampled data.

    Args:
        statistic: takes weights (B, M) of the M samples, returns S numbers for each row.
        groups: samples with equal labels (of one frame, block or video) are drawn together.
        rng: source of the resamples; equal generators draw equal resamples.
        resamples: number of them, B.
    """
    names, index = np.unique(groups, return_inverse=True)
    step = max(1, _CELLS // len(groups))
    parts = []
    for start in range(0, resamples, step):
        counts = _counts(len(names), min(step, resamples - start), rng)
        parts.append(statistic(counts.take(index.ravel(), axis=1)))
    return np.concatenate(parts)


def _counts(groups: int, resamples: int, rng: np.random.Generator) -> Int[np.ndarray, "B G"]:
    """How often each group was drawn."""
    drawn = rng.integers(groups, size=(resamples, groups))
    cell = drawn + groups * np.arange(resamples)[:, None]
    return np.bincount(cell.ravel(), minlength=drawn.size).reshape(drawn.shape)


def percentile_interval(
    values: Float[np.ndarray, "B S"], level: float = 0.95
) -> Float[np.ndarray, "2 S"]:
    """Return the ends of the central interval; resamples without a value (NaN) do not count.

    Infinite values are legal: an end is an order statistic, never a mean of two.
    """
    tails = [(1 - level) / 2, (1 + level) / 2]
    known = ~np.isnan(values).all(axis=0)
    ends = np.full((2, values.shape[1]), np.nan)
    if known.any():
        ends[:, known] = np.nanquantile(values[:, known], tails, axis=0, method="nearest")
    return ends


def weighted_quantiles(
    ascending: Float[np.ndarray, " M"],
    weights: Int[np.ndarray, "B M"],
    levels: Float[np.ndarray, " Q"],
) -> Float[np.ndarray, "B Q"]:
    """Return linearly interpolated quantiles of samples that count several times.

    Equal to `np.quantile(np.repeat(ascending, w), levels)` for every row w; samples may be
    infinite. Every row needs a positive sum.

    >>> weighted_quantiles(np.array([1.0, 5.0]), np.array([[3, 1]]), np.array([0.5, 1.0]))
    array([[1., 5.]])
    """
    upto = weights.cumsum(axis=1)
    last = upto[:, -1] - 1
    at = last[:, None] * levels  # (B, Q), position among the repeated samples
    below = np.floor(at + 1e-9)  # 1e-9: 0.9 * 10 is position 9, not 8
    # rows are made one ascending list, so that one search serves all
    offset = np.arange(len(weights))[:, None] * (int(last.max()) + 2)
    flat, first = (upto + offset).ravel(), np.arange(len(weights))[:, None] * len(ascending)
    lo = np.searchsorted(flat, below + offset, side="right") - first
    hi = np.searchsorted(flat, np.minimum(below + 1, last[:, None]) + offset, "right") - first
    low, high = ascending[lo], ascending[hi]
    part = np.clip(at - below, 0.0, 1.0)
    with np.errstate(invalid="ignore"):
        between = low + part * (high - low)
    return np.asarray(np.where((low == high) | (part < 1e-9), low, between))
