"""How far poses err, what is enough, and what more would bring.

A keypoint that was not found counts as one that is far off, so that a network that finds little
has no small error.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, Shaped

from gambol.kernels.bootstrap import percentile_interval, resample
from gambol.pose.rivals import Interval


def error(
    far: Float[np.ndarray, "N J"],
    most: float,
    groups: Shaped[np.ndarray, " N"],
    *,
    seed: int = 0,
) -> Interval:
    """Return the mean distance, with its 95 % interval.

    Args:
        far: distances, infinite where nothing was found, NaN where nothing is known.
        most: what a keypoint counts at most.
        groups: rows that the bootstrap draws together.
        seed: of the bootstrap.

    >>> error(np.array([[1.0, 3.0], [np.inf, np.nan]]), 8.0, np.arange(2)).value
    4.0
    """
    known = ~np.isnan(far)
    counts = known.sum(axis=1)
    if not counts.any():
        return Interval(np.nan, np.nan, np.nan)
    sums = np.where(known, np.minimum(far, most), 0.0).sum(axis=1)

    def mean(weights: Int[np.ndarray, "B N"]) -> Float[np.ndarray, "B S"]:
        with np.errstate(invalid="ignore"):
            return np.asarray(((weights @ sums) / (weights @ counts))[:, None])

    drawn = resample(mean, groups, np.random.default_rng(seed))
    low, high = percentile_interval(drawn)[:, 0]
    return Interval(float(sums.sum() / counts.sum()), float(low), float(high))


def within(far: Float[np.ndarray, "N J"], radius: float) -> float:
    """Return the share of keypoints that were found no farther off than `radius`.

    >>> within(np.array([[1.0, 3.0, np.inf, np.nan]]), 2.0)
    0.3333333333333333
    """
    known = ~np.isnan(far)
    return float((far[known] <= radius).mean()) if known.any() else np.nan


def enough(errors: Sequence[float], limit: float) -> int | None:
    """Return the place of the first error within a limit; None where there is none.

    >>> enough([4.0, 2.1, 2.0, 2.2], 2.2), enough([4.0, 3.0], 2.0)
    (1, None)
    """
    return next((k for k, value in enumerate(errors) if value <= limit), None)


def falling(errors: Sequence[float]) -> float:
    """Return by which share the least error fell in the last quarter of a training.

    >>> falling([9.0, 6.0, 4.0, 3.0]), falling([9.0, 4.0])
    (0.25, 0.0)
    """
    before = errors[: len(errors) * 3 // 4] if len(errors) > 3 else errors
    return 1.0 - min(errors) / min(before)


def foreseen(amounts: Sequence[float], errors: Sequence[float], amount: float) -> float:
    """Return the error that a larger amount may bring, if errors go on to fall as they did.

    A power law through the last two; it never rises.

    >>> foreseen([10.0, 20.0, 40.0], [9.0, 4.0, 2.0], 80.0)
    1.0
    """
    (a, b), (first, last) = np.log(amounts[-2:]), np.log(errors[-2:])
    slope = min((last - first) / (b - a), 0.0)
    return float(round(np.exp(last + slope * (np.log(amount) - b)), 9))
