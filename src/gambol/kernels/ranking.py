"""Average precision of detections ranked by score, for many weightings of the frames at once.

A frame that a bootstrap drew c times counts c times. Precision at a recall is the best at that
or a higher recall, read at 101 recalls, as the COCO tools do; with weights 1 the results equal
theirs. Source: Everingham et al. (2010), IJCV 88:303-338, 4.2; Lin et al. (2014), ECCV.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

RECALLS = np.linspace(0.0, 1.0, 101)


class Ranked(NamedTuple):
    """Scores of B weightings at T thresholds of similarity; NaN where there is no truth."""

    precision: Float[np.ndarray, "B T"]  # mean over the recalls
    recall: Float[np.ndarray, "B T"]  # highest


def average_precision(
    score: Float[np.ndarray, " D"],
    hit: Bool[np.ndarray, "T D"],
    frame: Int[np.ndarray, " D"],
    n_truth: Int[np.ndarray, " F"],
    weights: Shaped[np.ndarray, "B F"],
) -> Ranked:
    """Return average precision and recall.

    Args:
        score: of every detection; of equal scores the earlier row goes first.
        hit: whether a detection found an animal, by threshold of similarity.
        frame: of every detection, as index into `n_truth`.
        n_truth: labelled animals in every frame.
        weights: how often a frame counts.

    >>> hit = np.array([[True, False, True]])
    >>> frame = np.zeros(3, int)
    >>> once = np.ones((1, 1))
    >>> ranked = average_precision(np.array([.9, .8, .7]), hit, frame, np.array([2]), once)
    >>> ranked.precision.round(3).tolist(), ranked.recall.tolist()
    ([[0.835]], [[1.0]])
    """
    order = np.argsort(-score, kind="stable")
    heavy = weights.astype(np.float64)
    precision, recall = _average_precision(
        np.ascontiguousarray(hit[:, order]), frame[order].astype(np.int64),
        heavy @ n_truth.astype(np.float64), heavy, RECALLS,
    )  # fmt: skip
    return Ranked(precision, recall)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _average_precision(hit, frame, n_truth, weights, recalls):
    n_thresholds, n = hit.shape
    precision = np.full((len(weights), n_thresholds), np.nan)
    recall = np.full((len(weights), n_thresholds), np.nan)
    at_rank, found = np.zeros(n), np.zeros(n)
    for b in range(len(weights)):
        if n_truth[b] <= 0:
            continue
        for t in range(n_thresholds):
            right = seen = 0.0
            for d in range(n):
                weight = weights[b, frame[d]]
                seen += weight
                right += weight * hit[t, d]
                found[d] = right / n_truth[b]
                at_rank[d] = right / (seen + 2.0**-52)
            for d in range(n - 1, 0, -1):  # the best at this or a higher recall
                at_rank[d - 1] = max(at_rank[d - 1], at_rank[d])
            total, d = 0.0, 0
            for level in recalls:
                while d < n and found[d] < level:
                    d += 1
                if d == n:
                    break
                total += at_rank[d]
            precision[b, t] = total / len(recalls)
            recall[b, t] = found[n - 1] if n else 0.0
    return precision, recall
