"""Finds that are neither right nor wrong: nobody labelled what is there, or regions hide it."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from gambol.core import regions
from gambol.pose import crops

AROUND = 0.3  # body lengths around a labelled animal in a frame where others are not labelled

Polygons = Sequence[np.ndarray]  # (K, 2) corners of each, pixels of what is judged


def unjudged(
    xy: Float[np.ndarray, "F _k 2"],
    truth: Float[np.ndarray, "I J 2"],
    body: float,
    complete: bool = False,
    ignored: Polygons = (),
) -> Bool[np.ndarray, " F"]:
    """Tell which finds of a frame may show an animal that nobody labelled.

    Those whose middle lies in a region without score and, in an incomplete frame, outside all
    boxes of labelled animals, grown by 0.3 body lengths.

    Args:
        xy: finds, px.
        truth: labelled animals.
        body: length of an animal, px.
        complete: every animal of the frame is labelled.
        ignored: polygons without score.
    """
    hidden = regions.contain(ignored, crops.centroid(xy, None))
    if complete:
        return hidden
    return hidden | _away(xy, truth, body)


def _away(
    xy: Float[np.ndarray, "F _k 2"], truth: Float[np.ndarray, "I J 2"], body: float
) -> Bool[np.ndarray, " F"]:
    """Tell which finds lie outside the grown boxes of all labelled animals."""
    if not len(truth):
        return np.ones(len(xy), bool)
    middle = crops.centroid(xy, None)[:, None]
    low, high = np.nanmin(truth, axis=1), np.nanmax(truth, axis=1)  # (I, 2)
    off = (middle < low - AROUND * body) | (middle > high + AROUND * body)
    return np.asarray(off.any(axis=-1).all(axis=1))
