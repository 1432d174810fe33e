"""Predictions of several networks made one: where most say it is, and how much they differ.

The answer of a network is a Gaussian; several of them are a mixture, whose covariance is the
mean of theirs (within) plus how much their positions differ (between): spec/pose.md §11.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int

How = Literal["mean", "median"]
SINGULAR = 1e-6  # determinant against the squared trace: 0.25 for a circle


class Combined(NamedTuple):
    """One prediction for every frame and keypoint."""

    xy: Float[np.ndarray, "T J 2"]  # px; NaN where no network found it
    covariance: Float[np.ndarray, "T J 2 2"]
    # within + between, px²; NaN where not found, or by one network that does not know its own;
    # singular where two found it and neither knows: see `regular`
    between: Float[np.ndarray, "T J 2 2"]  # px²; 0 where one network found it
    confidence: Float[np.ndarray, "T J"]  # mean over all networks; finding nothing counts 0
    found: Int[np.ndarray, "T J"]  # networks that found it


def combine(
    xy: Float[np.ndarray, "M T J 2"],
    covariance: Float[np.ndarray, "M T J 2 2"],
    confidence: Float[np.ndarray, "M T J"],
    how: How = "mean",
) -> Combined:
    """Combine what M networks say.

    Args:
        xy: px; NaN where a network found nothing.
        covariance: of each position, px²; NaN where not known: it counts as the mean of those
            that are known, and as nothing within where none is.
        confidence: P(correct) of each; NaN is 0.
        how: `mean` is weighted by the inverse covariances; `median` is that of x and of y.

    >>> two = np.array([[[[0.0, 0.0]]], [[[2.0, 0.0]]]])
    >>> same = np.tile(np.eye(2), (2, 1, 1, 1, 1))
    >>> made = combine(two, same, np.ones((2, 1, 1)))
    >>> made.xy[0, 0].tolist(), made.covariance[0, 0].tolist()
    ([1.0, 0.0], [[3.0, 0.0], [0.0, 1.0]])
    """
    there = np.isfinite(xy).all(axis=-1)  # (M, T, J)
    count = there.sum(axis=0)
    own, known = _filled(covariance.astype(np.float64), there)
    weight = np.where(there, 1 / np.trace(own, axis1=-2, axis2=-1), 0.0)
    if how == "median":
        weight = there.astype(np.float64)
    share = weight / np.maximum(weight.sum(axis=0), 1e-300)  # (M, T, J), sums to 1
    middle = _middle(xy, there) if how == "median" else _mean(xy, there, own)
    off = np.where(there[..., None], xy - middle, 0.0)
    # a weighted variance, freed of the bias of its own mean
    freedom = np.maximum(1 - (share**2).sum(axis=0), 1e-12)
    between = np.einsum("mtj,mtja,mtjb->tjab", share, off, off) / freedom[..., None, None]
    between = np.where((count > 1)[..., None, None], between, 0.0)
    within = np.einsum("mtj,mtjab->tjab", share, np.where(known[..., None, None], own, 0.0))
    nothing = (count <= np.where(known, 0, 1))[..., None, None]
    sure = np.where(there, np.nan_to_num(confidence), 0.0).mean(axis=0)
    return Combined(middle, np.where(nothing, np.nan, within + between), between, sure, count)


def regular(covariance: Float[np.ndarray, "*some 2 2"]) -> Float[np.ndarray, "*some 2 2"]:
    """Return covariances, NaN for those that are singular: they tell of one direction at most.

    >>> regular(np.diag([2.0, 0.0])).tolist()
    [[nan, nan], [nan, nan]]
    """
    wide = np.trace(covariance, axis1=-2, axis2=-1)
    a, b, d = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
    whole = a * d - b * b > SINGULAR * wide**2
    return np.where(whole[..., None, None], covariance, np.nan)


def _filled(
    covariance: Float[np.ndarray, "M T J 2 2"], there: np.ndarray
) -> tuple[Float[np.ndarray, "M T J 2 2"], np.ndarray]:
    """Covariances with one for every network, and whether anyone knew one, (T, J)."""
    told = there & np.isfinite(covariance).all(axis=(-2, -1))
    n = told.sum(axis=0)
    total = np.where(told[..., None, None], covariance, 0.0).sum(axis=0)
    usual = total / np.maximum(n, 1)[..., None, None]
    usual = np.where((n > 0)[..., None, None], usual, np.eye(2))
    return np.where(told[..., None, None], covariance, usual), n > 0


def _mean(
    xy: Float[np.ndarray, "M T J 2"], there: np.ndarray, own: Float[np.ndarray, "M T J 2 2"]
) -> Float[np.ndarray, "T J 2"]:
    """(Σ W_m)⁻¹ Σ W_m x_m with W_m the inverse covariance; NaN where nothing was found."""
    precision = np.where(there[..., None, None], inverse(own), 0.0)
    pull = np.einsum("mtjab,mtjb->tja", precision, np.where(there[..., None], xy, 0.0))
    total = precision.sum(axis=0)
    some = np.asarray(there.any(axis=0))
    total = np.where(some[..., None, None], total, np.eye(2))
    mean = np.einsum("tjab,tjb->tja", inverse(total), pull)
    return np.where(some[..., None], mean, np.nan)


def _middle(xy: Float[np.ndarray, "M T J 2"], there: np.ndarray) -> Float[np.ndarray, "T J 2"]:
    """Median of each axis over the networks that found it; NaN where none did."""
    ascending = np.sort(np.where(there[..., None], xy, np.inf), axis=0)
    n = there.sum(axis=0)
    low, high = np.maximum(n - 1, 0) // 2, n // 2
    parts = [
        np.take_along_axis(ascending, np.minimum(k, len(xy) - 1)[None, ..., None], axis=0)[0]
        for k in (low, high)
    ]
    both = np.where((n > 0)[..., None], np.stack(parts), np.nan)
    middle: Float[np.ndarray, "T J 2"] = both.mean(axis=0)
    return middle


def inverse(matrices: Float[np.ndarray, "*some 2 2"]) -> Float[np.ndarray, "*some 2 2"]:
    """Invert symmetric 2 x 2 matrices, many times faster than LAPACK does one by one."""
    a, b, d = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 1]
    flipped = np.stack([np.stack([d, -b], -1), np.stack([-b, a], -1)], -2)
    made: Float[np.ndarray, "*some 2 2"] = flipped / (a * d - b * b)[..., None, None]
    return made
