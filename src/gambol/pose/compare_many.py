"""Two ways of finding animals on the same frames: their scores, the difference, the better.

Every resample draws the same blocks of frames for both, so that what is hard for both cancels
in the difference.
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

from gambol.core import regions
from gambol.core.instances import Detections
from gambol.core.labels import Labels
from gambol.kernels.bootstrap import percentile_interval, resample, weighted_quantiles
from gambol.pose.evaluate import distances
from gambol.pose.instances import InstanceEvaluation, InstanceScoring, evaluate_instances

Score = Literal["oks_map", "p95_px", "p95_shared_px"]

_P95 = np.array([0.95])
_DIGITS: dict[Score, int] = {"oks_map": 3, "p95_px": 2, "p95_shared_px": 2}  # finer is a tie


class Entrant(NamedTuple):
    """One of the two, and what it found."""

    name: str
    found: Detections
    video: Int[np.ndarray, " D"]  # of every detection, as in the labels


class Interval(NamedTuple):
    """A number and the ends of its bootstrap interval; NaN where it is undefined."""

    value: float
    low: float
    high: float

    def meets(self, other: "Interval") -> bool:
        """Whether the two intervals overlap."""
        return self.low <= other.high and other.low <= self.high

    def __neg__(self) -> "Interval":
        """Return the interval of the negative number."""
        return Interval(-self.value, -self.high, -self.low)


class Comparison(NamedTuple):
    """Scores of two entrants.

    `oks_map` is strict AP; `p95_px` is over all labelled keypoints, those that were missed
    being infinitely far off; `p95_shared_px` is over those that both found.
    """

    names: tuple[str, str]
    scores: tuple[dict[Score, Interval], dict[Score, Interval]]
    difference: dict[Score, Interval]  # first minus second
    n_frames: int
    n_animals: int


class Choice(NamedTuple):
    """The better one, and why."""

    name: str
    settled: bool  # the interval of the difference that decided leaves out zero
    reason: str


def compare(
    truth: Labels,
    one: Entrant,
    two: Entrant,
    groups: Shaped[np.ndarray, " F"],
    cfg: InstanceScoring = InstanceScoring(),  # noqa: B008 - settings are frozen
) -> Comparison:
    """Score two entrants and their difference.

    Args:
        truth: labels of the frames to score.
        one: the first.
        two: the second.
        groups: rows of `truth.frames` that are drawn together.
        cfg: settings; `resamples`, `level` and `seed` are those of the intervals here.
    """
    once = cfg.model_copy(update={"resamples": 1})  # their own intervals are not asked for
    judged = [
        evaluate_instances(truth, side.found, video=side.video, groups=groups, cfg=once)
        for side in (one, two)
    ]
    errors = [_errors(truth, side, by) for side, by in zip((one, two), judged, strict=True)]
    rows = _frames_of(truth)
    entry = np.broadcast_to(groups[rows][:, None], errors[0].shape)
    shared = np.isfinite(errors[0]) & np.isfinite(errors[1])
    parts: dict[Score, list[Interval]] = {
        "oks_map": _precision(judged, groups, cfg),
        "p95_px": _p95(errors, entry, ~np.isnan(errors[0]), cfg),
        "p95_shared_px": _p95(errors, entry, shared, cfg),
    }
    first, second, difference = (
        {name: found[column] for name, found in parts.items()} for column in range(3)
    )
    numbers = judged[0].numbers
    return Comparison(
        (one.name, two.name), (first, second), difference,
        numbers["n_frames"], numbers["n_animals"],
    )  # fmt: skip


def choose(compared: Comparison) -> Choice:
    """Take the higher AP; where both are equal as printed, the smaller p95 error."""
    name, said = compared.names[0], ""
    if not any(side["oks_map"].value > 0 for side in compared.scores):
        return Choice(name, False, "neither found an animal exactly enough; train both longer")
    for score in _DIGITS:
        one, two = (_rounded(side[score].value, score) for side in compared.scores)
        if math.isnan(one) or math.isnan(two):
            continue
        if one != two:
            return _better(compared, score, said)
        said += f"both have {_words(score)} of {_show(one, score)}; "
    return Choice(name, False, f"{said}{name} is taken, for nothing tells them apart")


def _better(compared: Comparison, score: Score, said: str) -> Choice:
    one, two = (side[score].value for side in compared.scores)
    first = one > two if score == "oks_map" else one < two
    best, worst = (0, 1) if first else (1, 0)
    lead = compared.difference[score]
    lead = lead if one > two else -lead
    settled = lead.low > 0
    values = [_show(compared.scores[which][score].value, score) for which in (best, worst)]
    reason = (
        f"{said}{compared.names[best]} has {_words(score)} of {values[0]}, "
        f"{compared.names[worst]} of {values[1]}"
    )
    if math.isfinite(lead.value):
        size, low, high = (_show(end, score) for end in lead)
        span = f"{low} to {high}" if not math.isnan(lead.low) else "unknown"
        word = "beyond" if settled else "within"
        reason += f"; the difference of {size} is {word} chance (interval {span})"
    if not settled:
        reason += ", so other frames may turn it round"
    return Choice(compared.names[best], settled, reason)


def _words(score: Score) -> str:
    return {
        "oks_map": "an OKS AP",
        "p95_px": "a p95 error",
        "p95_shared_px": "a p95 error, where both found the keypoint,",
    }[score]


def _show(value: float, score: Score) -> str:
    if math.isinf(value):
        return "infinity (more than 5 % were missed)"
    return f"{value:.{_DIGITS[score]}f}" + ("" if score == "oks_map" else " px")


def _rounded(value: float, score: Score) -> float:
    return round(value, _DIGITS[score]) if math.isfinite(value) else value


def _errors(
    truth: Labels, side: Entrant, judged: InstanceEvaluation
) -> Float[np.ndarray, "N J"]:
    """Distances in px: NaN where no label counts, infinite where the animal was missed."""
    xy = np.full(truth.xy.shape, np.nan)
    hit = judged.matched >= 0
    xy[hit] = side.found.xy[judged.matched[hit]]
    error = distances(truth.xy, xy)
    return np.where(regions.inside(truth)[:, None], np.nan, error)


def _frames_of(truth: Labels) -> Int[np.ndarray, " N"]:
    """Row of `truth.frames` of every animal."""
    place = {(int(v), int(f)): i for i, (v, f) in enumerate(truth.frames)}
    return np.array([place[int(v), int(f)] for v, f in truth.pairs], np.int64)


def _precision(
    judged: list[InstanceEvaluation], groups: Shaped[np.ndarray, " F"], cfg: InstanceScoring
) -> list[Interval]:
    """Strict AP of both, and the difference."""

    def statistic(weights: Int[np.ndarray, "B F"]) -> Float[np.ndarray, "B 3"]:
        one, two = (by.ranking.scores(weights)[:, 0] for by in judged)
        return np.stack([one, two, one - two], axis=1)

    return _intervals(statistic, groups, cfg)


def _p95(
    errors: list[Float[np.ndarray, "N J"]],
    entry: Shaped[np.ndarray, "N J"],
    counted: Shaped[np.ndarray, "N J"],
    cfg: InstanceScoring,
) -> list[Interval]:
    """The 95th percentile of both over the counted keypoints, and the difference."""
    if not counted.any():
        return [Interval(math.nan, math.nan, math.nan)] * 3
    values = [error[counted] for error in errors]
    orders = [np.argsort(value) for value in values]

    def statistic(weights: Int[np.ndarray, "B M"]) -> Float[np.ndarray, "B 3"]:
        one, two = (
            weighted_quantiles(value[order], weights[:, order], _P95)[:, 0]
            for value, order in zip(values, orders, strict=True)
        )
        with np.errstate(invalid="ignore"):  # infinity minus infinity is undefined
            return np.stack([one, two, one - two], axis=1)

    return _intervals(statistic, entry[counted], cfg)


def _intervals(
    statistic: Callable[[Int[np.ndarray, "B M"]], Float[np.ndarray, "B S"]],
    groups: Shaped[np.ndarray, " M"],
    cfg: InstanceScoring,
) -> list[Interval]:
    value = statistic(np.ones((1, len(groups)), np.int64))[0]
    drawn = resample(statistic, groups, np.random.default_rng(cfg.seed), cfg.resamples)
    low, high = percentile_interval(drawn, cfg.level)
    columns = zip(value.tolist(), low.tolist(), high.tolist(), strict=True)
    return [Interval(*ends) for ends in columns]
