"""How far predictions lie from labels, and how sure that number is.

Distances are in video pixels over the labelled (visible or occluded) keypoints. A keypoint that
was labelled but not predicted is infinitely far off: it counts as wrong in PCK, moves every
percentile and makes the mean infinite, so that nobody loses it unnoticed; `found` gives the
error of what was predicted, with its coverage beside it.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from pydantic import PositiveInt

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.labels import Labels, Visibility
from gambol.core.skeleton import Skeleton
from gambol.kernels.bootstrap import percentile_interval, resample, weighted_quantiles
from gambol.kernels.scores import f1, weighted_auroc

LEVELS = np.array([0.5, 0.9, 0.95, 0.99, 1.0])
_NAMES = ("mean_px", "rmse_px", "median_px", "p90_px", "p95_px", "p99_px", "max_px")


class Scoring(Config):
    """Settings of an evaluation."""

    pck: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2)  # shares of the animal's size
    size: Literal["box"] | tuple[str, str] = "box"  # box diagonal, or between two keypoints
    accept: float = 0.5  # confidence from which a prediction counts as accepted
    resamples: PositiveInt = 2000  # ends of 95 % intervals vary by a few per cent
    level: float = 0.95  # of the intervals
    seed: int = 0  # of the resamples


class RiskCoverage(NamedTuple):
    """Mean error of what is at least so confident, from the surest keypoints to all."""

    threshold: Float[np.ndarray, " C"]  # falling
    coverage: Float[np.ndarray, " C"]  # share of labelled keypoints, rising to 1
    risk: Float[np.ndarray, " C"]  # px


class Evaluation(NamedTuple):
    """Errors of every keypoint and the numbers made of them."""

    errors: Float[np.ndarray, "N J"]  # px; NaN not labelled, inf labelled but not predicted
    size: Float[np.ndarray, " N"]  # of the animal, px: what PCK divides by
    curve: RiskCoverage
    numbers: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """Return the numbers for JSON: what is infinite or undefined is null."""
        plain: dict[str, Any] = _plain(self.numbers)
        return plain


def evaluate(
    truth: Labels,
    xy: Float[np.ndarray, "N J 2"],
    confidence: Float[np.ndarray, "N J"] | None = None,
    *,
    presence: Float[np.ndarray, "N J"] | None = None,
    groups: Shaped[np.ndarray, " N"] | None = None,
    cfg: Scoring = Scoring(),  # noqa: B008 - settings are frozen
) -> Evaluation:
    """Score predictions of all labelled rows.

    Args:
        truth: labels; row n is predicted by row n of the others.
        xy: predictions in video pixels; NaN where there is none.
        confidence: P(correct); 1 if left out.
        presence: P(visible or occluded); `confidence` if left out.
        groups: rows that are drawn together in the bootstrap: blocks or videos where rows are
            correlated, each frame by itself if left out.
        cfg: settings.
    """
    sure = np.ones(truth.visibility.shape) if confidence is None else confidence
    if xy.shape != truth.xy.shape:
        raise InputError(
            f"positions of shape {xy.shape} for labels of shape {truth.xy.shape}; predict "
            "every labelled row, those without a result as NaN"
        )
    groups = _frame_groups(truth) if groups is None else groups
    error = distances(truth.xy, xy)
    size = animal_size(truth.xy, truth.skeleton, cfg.size)
    curve = risk_coverage(error, sure)
    shown = sure if presence is None else presence
    numbers = {
        "n_frames": len(truth.frames),
        **_pooled(error, size, groups, cfg),
        "found": _accepted(error, np.isfinite(error)),
        "accepted": {"threshold": cfg.accept, **_accepted(error, sure >= cfg.accept)},
        "risk_at_coverage": _risks(curve),
        "occluded": _occluded(error, truth),
        **_swaps(truth, xy),
        "presence": _presence(truth, xy, shown, groups, cfg),
        "size": {"of": cfg.size, "median_px": _median(size)},
        "keypoints": {
            name: _pooled(error[:, [j]], size, groups, cfg)
            for j, name in enumerate(truth.skeleton.keypoints)
        },
    }
    return Evaluation(error, size, curve, numbers)


def distances(
    truth: Float[np.ndarray, "*rows J 2"], xy: Float[np.ndarray, "*rows J 2"]
) -> Float[np.ndarray, "*rows J"]:
    """Return distances in px: NaN where no label is, infinite where no prediction is."""
    error = np.linalg.norm(xy.astype(np.float64) - truth, axis=-1)
    labelled = np.isfinite(truth).all(axis=-1)
    return np.where(labelled & ~np.isfinite(error), np.inf, np.where(labelled, error, np.nan))


def animal_size(
    xy: Float[np.ndarray, "N J 2"], skeleton: Skeleton, size: Literal["box"] | tuple[str, str]
) -> Float[np.ndarray, " N"]:
    """Return the size of every animal in px; the median of the others where it is not seen."""
    if size == "box":
        sizes = np.linalg.norm(_box(xy), axis=-1)
    else:
        ends = [skeleton.index(name) for name in size]
        sizes = np.linalg.norm(xy[:, ends[0]] - xy[:, ends[1]], axis=-1)
    sizes = np.where(sizes > 0, sizes, np.nan)
    return np.where(np.isnan(sizes), _median(sizes), sizes)


def risk_coverage(
    error: Float[np.ndarray, "N J"], confidence: Float[np.ndarray, "N J"]
) -> RiskCoverage:
    """Return the error of the surest share of the labelled keypoints, for every share."""
    labelled = ~np.isnan(error)
    sure = np.nan_to_num(confidence[labelled].astype(np.float64), nan=-1.0)
    order = np.argsort(-sure, kind="stable")
    sure, ranked = sure[order], error[labelled][order]
    ends = np.flatnonzero(np.diff(sure, append=np.nan) != 0)  # the equally sure go together
    accepted = ends + 1.0
    risk = ranked.cumsum()[ends] / accepted
    return RiskCoverage(sure[ends], accepted / max(len(sure), 1), risk)


def compare(
    error: Float[np.ndarray, "N J"],
    other: Float[np.ndarray, "N J"],
    groups: Shaped[np.ndarray, " N"],
    cfg: Scoring = Scoring(),  # noqa: B008 - settings are frozen
) -> dict[str, dict[str, float]]:
    """Return `error - other` of mean, percentiles … with paired bootstrap intervals.

    Both are errors on the same labels; every resample draws the same frames for both, so that
    what is hard for both cancels. A difference of two infinite numbers is NaN.
    """
    labelled = ~np.isnan(error)
    if (labelled != ~np.isnan(other)).any():
        raise InputError("evaluations of different labels do not compare; use equal rows")
    if not labelled.any():
        raise InputError("no keypoint is labelled, so there is nothing to compare")
    entry = np.broadcast_to(groups[:, None], error.shape)[labelled]
    order, order_b = np.argsort(error[labelled]), np.argsort(other[labelled])
    one, two = error[labelled][order], other[labelled][order_b]

    def difference(weights: Int[np.ndarray, "B M"]) -> Float[np.ndarray, "B S"]:
        with np.errstate(invalid="ignore"):
            first = _statistics(one, weights[:, order])
            return np.asarray(first - _statistics(two, weights[:, order_b]))

    value = difference(np.ones((1, len(one)), np.int64))[0]
    drawn = resample(difference, entry, np.random.default_rng(cfg.seed), cfg.resamples)
    low, high = percentile_interval(drawn, cfg.level)
    return {
        name: {"value": float(v), "low": float(a), "high": float(b)}
        for name, v, a, b in zip(_NAMES, value, low, high, strict=True)
    }


def swapped(truth: Labels, xy: Float[np.ndarray, "N J 2"]) -> Float[np.ndarray, "N P"]:
    """Tell of every left/right pair whether both lie nearer to the other's label than to own.

    1 or 0; NaN where one of the two is not labelled. Pairs are in the order of the skeleton.
    """
    pairs = [(j, k) for j, k in enumerate(truth.skeleton.swap) if j < k]
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T
    own, other = np.concatenate([left, right]), np.concatenate([right, left])
    straight = distances(truth.xy[:, own], xy[:, own])
    crossed = distances(truth.xy[:, other], xy[:, own])
    closer = crossed < straight
    nearer = closer[:, : len(pairs)] & closer[:, len(pairs) :]
    known = truth.labelled[:, left] & truth.labelled[:, right]
    return np.where(known, nearer.astype(np.float64), np.nan)


def time_blocks(truth: Labels, frames: int) -> Int[np.ndarray, " N"]:
    """Return groups of rows in the same stretch of `frames` frames of a video."""
    stretch = truth.frame // frames
    return np.asarray(truth.video * (int(stretch.max(initial=0)) + 1) + stretch)


def _frame_groups(truth: Labels) -> Int[np.ndarray, " N"]:
    """Animals of one frame are drawn together."""
    return time_blocks(truth, 1)


def _box(xy: Float[np.ndarray, "N J 2"]) -> Float[np.ndarray, "N 2"]:
    """Width and height around the labelled keypoints; NaN where fewer than two are labelled."""
    known = np.isfinite(xy).all(axis=-1, keepdims=True)
    low = np.where(known, xy, np.inf).min(axis=1)
    high = np.where(known, xy, -np.inf).max(axis=1)
    enough = known.sum(axis=1) > 1
    return np.where(enough, np.where(enough, high, 0.0) - np.where(enough, low, 0.0), np.nan)


def _median(values: Float[np.ndarray, "..."]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else math.nan


def _pooled(
    error: Float[np.ndarray, "N J"],
    size: Float[np.ndarray, " N"],
    groups: Shaped[np.ndarray, " N"],
    cfg: Scoring,
) -> dict[str, Any]:
    """All distance metrics of all labelled keypoints together, with intervals."""
    labelled = ~np.isnan(error)
    values = error[labelled]
    order = np.argsort(values)
    values = values[order]
    relative = (error / size[:, None])[labelled][order]
    hits = np.stack([relative <= a for a in cfg.pck], axis=1) if cfg.pck else None
    if np.isnan(size).all():
        hits = None  # no size, no PCK
    entry = np.broadcast_to(groups[:, None], error.shape)[labelled][order]

    def statistic(weights: Int[np.ndarray, "B M"]) -> Float[np.ndarray, "B S"]:
        return _statistics(values, weights, hits)

    value = np.full(len(_NAMES) + len(cfg.pck), np.nan)
    ends = np.full((2, len(value)), np.nan)
    if len(values):
        point = statistic(np.ones((1, len(values)), np.int64))
        drawn = resample(statistic, entry, np.random.default_rng(cfg.seed), cfg.resamples)
        value[: point.shape[1]] = point[0]
        ends[:, : point.shape[1]] = percentile_interval(drawn, cfg.level)
    return {
        "n": len(values),
        "n_missing": int(np.isinf(values).sum()),
        **_named(value.tolist(), cfg),
        "intervals": _named(ends.T.tolist(), cfg),
    }


def _named(values: list[Any], cfg: Scoring) -> dict[str, Any]:
    """Name statistics, those of PCK by their threshold."""
    shares = [f"{a:g}" for a in cfg.pck]
    named: dict[str, Any] = dict(zip(_NAMES, values[: len(_NAMES)], strict=True))
    return named | {"pck": dict(zip(shares, values[len(_NAMES) :], strict=True))}


def _statistics(
    ascending: Float[np.ndarray, " M"],
    weights: Int[np.ndarray, "B M"],
    hits: Bool[np.ndarray, "M A"] | None = None,
) -> Float[np.ndarray, "B S"]:
    """Mean, RMS, percentiles and shares of hits, in the order of `_NAMES` and thresholds."""
    finite = np.isfinite(ascending)
    known = np.where(finite, ascending, 0.0)
    columns = [known, known**2, ~finite] + ([] if hits is None else [hits])
    means = weights.astype(np.float64) @ np.column_stack(columns).astype(np.float64)
    means /= weights.sum(axis=1, keepdims=True)
    moments = np.stack([means[:, 0], np.sqrt(means[:, 1])], axis=1)
    moments[means[:, 2] > 0] = np.inf
    quantiles = weighted_quantiles(ascending, weights, LEVELS)
    return np.concatenate([moments, quantiles, means[:, 3:]], axis=1)


def _accepted(
    error: Float[np.ndarray, "N J"], accepted: Bool[np.ndarray, "N J"]
) -> dict[str, float]:
    """Error and coverage of a part of the labelled keypoints, always together."""
    labelled = ~np.isnan(error)
    values = error[labelled & accepted]
    return {
        "coverage": len(values) / max(int(labelled.sum()), 1),
        "mean_px": float(values.mean()) if len(values) else math.nan,
        "median_px": _median(values),
    }


def _risks(curve: RiskCoverage) -> dict[str, float]:
    """Error of the surest 50 … 100 %."""
    if not len(curve.coverage):
        return {}
    shares = (0.5, 0.8, 0.9, 0.95, 1.0)
    at = np.searchsorted(curve.coverage, np.array(shares) - 1e-9)
    return {f"{a:g}": float(curve.risk[i]) for a, i in zip(shares, at, strict=True)}


def _occluded(error: Float[np.ndarray, "N J"], truth: Labels) -> dict[str, float | int]:
    hidden = error[truth.visibility == Visibility.OCCLUDED]
    return {"n": len(hidden), "mean_px": float(hidden.mean()) if len(hidden) else math.nan}


def _swaps(truth: Labels, xy: Float[np.ndarray, "N J 2"]) -> dict[str, float | int]:
    """Share of labelled left/right pairs of which both lie nearer to the other's label."""
    each = swapped(truth, xy)
    n = int((~np.isnan(each)).sum())
    return {"n_pairs": n, "swap_rate": float(np.nanmean(each)) if n else math.nan}


def _presence(
    truth: Labels,
    xy: Float[np.ndarray, "N J 2"],
    presence: Float[np.ndarray, "N J"],
    groups: Shaped[np.ndarray, " N"],
    cfg: Scoring,
) -> dict[str, Any]:
    """How well absent keypoints are told from labelled ones; no prediction says absent."""
    judged = truth.visibility != Visibility.UNLABELLED
    absent = (truth.visibility == Visibility.ABSENT)[judged]
    found = np.isfinite(xy).all(axis=-1) & np.isfinite(presence)
    score = 1.0 - np.where(found, presence, 0.0)[judged].astype(np.float64)
    entry = np.broadcast_to(groups[:, None], judged.shape)[judged]

    def statistic(weights: Int[np.ndarray, "B M"]) -> Float[np.ndarray, "B S"]:
        ranked = weighted_auroc(score, absent, weights)
        return np.stack([ranked, f1(score > 0.5, absent, weights)], axis=1)

    value, ends = np.full(2, np.nan), np.full((2, 2), np.nan)
    if absent.any() and not absent.all():
        value = statistic(np.ones((1, len(score)), np.int64))[0]
        rng = np.random.default_rng(cfg.seed)
        ends = percentile_interval(resample(statistic, entry, rng, cfg.resamples), cfg.level)
    return {
        "auroc": float(value[0]),
        "f1": float(value[1]),
        "n_absent": int(absent.sum()),
        "n_present": int((~absent).sum()),
        "intervals": {"auroc": ends[:, 0].tolist(), "f1": ends[:, 1].tolist()},
    }


def _plain(value: Any) -> Any:
    """JSON has no infinity and no NaN."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
