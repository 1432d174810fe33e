"""Several networks tested on the same labelled frames: scores, and differences to one of them.

What is pooled over the folds of a cross-validation are errors on frames that the network of the
fold never saw. Intervals are bootstraps over frames, drawn in blocks where they are correlated;
they say how much numbers vary with other frames, not with other seeds.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

from gambol.core.labels import Labels
from gambol.kernels.bootstrap import percentile_interval, resample
from gambol.pose import evaluate
from gambol.pose.evaluate import Scoring

NUMBERS = ("mean_px", "median_px", "p95_px", "pck05", "swap_rate")
DIFFERENCES = ("mean_px", "median_px", "p95_px")


class Tested(NamedTuple):
    """Predictions of labelled frames by networks that never saw them."""

    truth: Labels  # N rows
    fold: Int[np.ndarray, " N"]  # that tested the row
    xy: Float[np.ndarray, "N J 2"]  # video pixels
    groups: Shaped[np.ndarray, " N"]  # rows that the bootstrap draws together

    @property
    def errors(self) -> Float[np.ndarray, "N J"]:
        """Distances in px: NaN where no label is, infinite where no prediction is."""
        return evaluate.distances(self.truth.xy, self.xy)


class Interval(NamedTuple):
    """A number and the ends of its 95 % interval; NaN where there is none."""

    value: float
    low: float
    high: float


def scores(seen: Tested, cfg: Scoring = Scoring()) -> dict[str, Interval]:  # noqa: B008 - frozen
    """Return the numbers of `NUMBERS`: px, and shares."""
    found = evaluate.evaluate(seen.truth, seen.xy, groups=seen.groups, cfg=cfg).numbers
    ends = found["intervals"]
    made = {name: Interval(found[name], *ends[name]) for name in NUMBERS[:3]}
    made["pck05"] = Interval(found["pck"]["0.05"], *ends["pck"]["0.05"])
    made["swap_rate"] = _swap_rate(seen, cfg)
    return made


def differences(
    seen: Tested,
    first: Tested,
    cfg: Scoring = Scoring(),  # noqa: B008
) -> dict[str, Interval]:
    """Return `seen - first` of the numbers of `DIFFERENCES`, px, by the paired bootstrap.

    Both are tested on the same rows in the same order.
    """
    found = evaluate.compare(seen.errors, first.errors, seen.groups, cfg)
    return {name: Interval(**found[name]) for name in DIFFERENCES}


def by_fold(seen: Tested) -> dict[int, float]:
    """Return the mean error of every fold, px."""
    errors = seen.errors
    return {
        int(f): float(np.nanmean(errors[seen.fold == f]))
        if np.isfinite(seen.truth.xy[seen.fold == f]).all(-1).any()
        else math.nan
        for f in np.unique(seen.fold)
    }


def nested(
    rows: Int[np.ndarray, " N"], count: int | None, key: tuple[int, ...]
) -> Int[np.ndarray, " C"]:
    """Draw so many rows; with an equal key, fewer are among more. None is all.

    >>> rows = np.arange(100, 110)
    >>> set(nested(rows, 3, (0, 1))) <= set(nested(rows, 7, (0, 1)))
    True
    """
    if count is None:
        return rows
    drawn = np.random.default_rng(key).permutation(len(rows))[:count]
    return np.asarray(rows[np.sort(drawn)])


def sentence(name: str, first: str, apart: dict[str, Any]) -> str:
    """Say how a network did against the first, by the interval of the mean's difference."""
    value, low, high = (apart[key] for key in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return f"{name} and {first} cannot be compared: one of them missed keypoints."
    ends = f"95 % interval {low:+.2f} to {high:+.2f} px"
    if low <= 0 <= high:
        return f"{name} and {first} cannot be told apart ({value:+.2f} px; {ends})."
    more = "more" if value > 0 else "less"
    return f"{name} errs {abs(value):.2f} px {more} than {first} ({ends})."


def _swap_rate(seen: Tested, cfg: Scoring) -> Interval:
    """Share of the left/right pairs that were taken for each other."""
    each = evaluate.swapped(seen.truth, seen.xy)
    pairs, taken = (~np.isnan(each)).sum(axis=1), np.nansum(each, axis=1)
    if not pairs.sum():
        return Interval(math.nan, math.nan, math.nan)

    def share(weights: Int[np.ndarray, "B M"]) -> Float[np.ndarray, "B S"]:
        with np.errstate(invalid="ignore"):
            return np.asarray(((weights @ taken) / (weights @ pairs))[:, None])

    rng = np.random.default_rng(cfg.seed)
    low, high = percentile_interval(
        resample(share, seen.groups, rng, cfg.resamples), cfg.level
    )[:, 0]
    return Interval(float(taken.sum() / pairs.sum()), float(low), float(high))
