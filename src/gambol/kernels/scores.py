"""Scores of probabilities against what happened: ranking, decisions, calibration."""

import numpy as np
from jaxtyping import Bool, Float, Shaped


def auroc(score: Float[np.ndarray, " M"], positive: Bool[np.ndarray, " M"]) -> float:
    """Return P(a positive scores above a negative), ties half; NaN without both classes.

    >>> auroc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    return float(weighted_auroc(score, positive, np.ones((1, len(score)), np.int64))[0])


def weighted_auroc(
    score: Float[np.ndarray, " M"],
    positive: Bool[np.ndarray, " M"],
    weights: Shaped[np.ndarray, "B M"],
) -> Float[np.ndarray, " B"]:
    """Return `auroc` of samples that count several times, for every row of weights."""
    if not len(score):
        return np.full(len(weights), np.nan)
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf) > 0)
    starts = np.union1d(starts, [0])
    sorted_weights = weights[:, order]
    hits = np.add.reduceat(sorted_weights * positive[order], starts, axis=1)
    misses = np.add.reduceat(sorted_weights * ~positive[order], starts, axis=1)
    below = misses.cumsum(axis=1) - misses
    pairs = hits.sum(axis=1) * misses.sum(axis=1)
    wins = (hits * (below + misses / 2)).sum(axis=1)
    result = np.full(len(weights), np.nan)
    np.divide(wins, pairs, out=result, where=pairs > 0)
    return result


def f1(
    said: Bool[np.ndarray, " M"],
    true: Bool[np.ndarray, " M"],
    weights: Shaped[np.ndarray, "B M"],
) -> Float[np.ndarray, " B"]:
    """Return 2 TP / (2 TP + FP + FN) for every row of weights; NaN where none is positive."""
    both = weights @ (said & true)
    either = weights @ (said ^ true) + 2 * both
    result = np.full(len(weights), np.nan)
    np.divide(2 * both, either, out=result, where=either > 0)
    return result


def brier(probability: Float[np.ndarray, " M"], happened: Bool[np.ndarray, " M"]) -> float:
    """Return the mean squared difference between what was said and 0 or 1."""
    return float(np.mean((probability - happened) ** 2))


def expected_calibration_error(
    probability: Float[np.ndarray, " M"], happened: Bool[np.ndarray, " M"], bins: int = 15
) -> float:
    """Return the mean of |said - happened| over bins of equal width, weighted by their share.

    Source: Guo et al. (2017), ICML, eq. 3.
    """
    place = np.clip(np.ceil(probability * bins).astype(np.int64) - 1, 0, bins - 1)
    surplus = np.bincount(place, probability - happened, minlength=bins)
    return float(np.abs(surplus).sum() / len(probability))
