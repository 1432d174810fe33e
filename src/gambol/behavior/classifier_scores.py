"""How well predicted behaviours agree with what people saw: by frame and by bout.

Intervals come from recordings drawn anew; one recording has none, as it says nothing of how
much recordings differ.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int64

from gambol.behavior.agreement import match_bouts
from gambol.kernels import bootstrap, streams
from gambol.kernels.runs import runs

MEASURES = ("f1", "precision", "recall", "average_precision", "matthews", "bout_f1", "onset_s")
_BINS = 500  # of scores, for the average precision of resamples


class Curve(NamedTuple):
    """Precision against recall as the threshold falls."""

    recall: Float[np.ndarray, " Q"]
    precision: Float[np.ndarray, " Q"]


class Reliability(NamedTuple):
    """Whether probabilities are what they say, in bins of them."""

    said: Float[np.ndarray, " B"]  # mean probability
    seen: Float[np.ndarray, " B"]  # share of frames with the behaviour
    frames: Int64[np.ndarray, " B"]


def table(
    labels: Sequence[str],
    shown: Bool[np.ndarray, "N L"],
    predicted: Bool[np.ndarray, "N L"],
    score: Float[np.ndarray, "N L"],
    observed: Bool[np.ndarray, " N"],
    offsets: Int64[np.ndarray, " A1"],
    groups: Sequence[str],
    fps: float,
    *,
    overlap: float = 0.5,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a row a label: frames, shares, the MEASURES and their 95 % intervals.

    Args:
        labels: names.
        shown: what people saw.
        predicted: what a model says.
        score: by which frames are ranked, for the average precision.
        observed: frames that count.
        offsets: of series.
        groups: of each series: what is drawn anew.
        fps: frames a second.
        overlap: smallest intersection over union of two bouts that count as one.
        resamples: of groups.
        seed: of the resamples.
    """
    rows = []
    for k, label in enumerate(labels):
        counts = _counts(
            shown[:, k], predicted[:, k], observed, offsets, overlap, fps
        )  # (A, 8)
        ranked = _ranked(shown[:, k], score[:, k], observed, offsets)
        whole = _measures(counts.sum(axis=0)[None])[0]
        whole[3] = average_precision(score[observed, k], shown[observed, k])
        row = {
            "label": label,
            "frames": int(observed.sum()),
            "share": float(shown[observed, k].mean()) if observed.any() else np.nan,
            "bouts": int(counts[:, 5].sum()),
        }
        low, high = _interval(counts, ranked, groups, resamples, streams.generator(seed, label))
        for m, name in enumerate(MEASURES):
            row |= {name: whole[m], f"{name}_low": low[m], f"{name}_high": high[m]}
        rows.append(row)
    return pd.DataFrame(rows)


def average_precision(score: Float[np.ndarray, " M"], shown: Bool[np.ndarray, " M"]) -> float:
    """Return the mean precision over frames with the behaviour, ranked by score.

    Equal scores stand or fall together. NaN where no frame has it.

    >>> average_precision(np.array([0.9, 0.8, 0.1]), np.array([True, False, True])).__round__(3)
    0.833
    """
    curve = precision_recall(score, shown)
    return float((np.diff(curve.recall, prepend=0.0) * curve.precision).sum())


def precision_recall(score: Float[np.ndarray, " M"], shown: Bool[np.ndarray, " M"]) -> Curve:
    """Return precision and recall at every threshold, the highest first."""
    total = int(shown.sum())
    if not total:
        return Curve(np.full(1, np.nan), np.full(1, np.nan))
    order = np.argsort(-score, kind="stable")
    ranked, hits = score[order], np.cumsum(shown[order])
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    return Curve(hits[last] / total, hits[last] / (last + 1))


def thinned(curve: Curve, most: int = 300) -> Curve:
    """Return a curve of few points."""
    at = np.unique(np.linspace(0, len(curve.recall) - 1, most).round().astype(int))
    return Curve(curve.recall[at], curve.precision[at])


def reliability(
    probability: Float[np.ndarray, " M"], shown: Bool[np.ndarray, " M"], bins: int = 10
) -> Reliability:
    """Return said and seen shares in bins of equal width that hold frames."""
    at = np.clip((probability * bins).astype(np.int64), 0, bins - 1)
    count = np.bincount(at, minlength=bins)
    kept = count > 0
    said, seen = (
        np.bincount(at, weights=values, minlength=bins)[kept] / count[kept]
        for values in (probability, shown.astype(np.float64))
    )
    return Reliability(said, seen, count[kept].astype(np.int64))


def confusion(
    shown: Bool[np.ndarray, "N L"],
    predicted: Bool[np.ndarray, "N L"],
    observed: Bool[np.ndarray, " N"],
) -> Int64[np.ndarray, "C C"]:
    """Return frames by what people saw (rows) and what is predicted; the last is nothing.

    A frame with several behaviours counts in several cells.
    """
    whole = [
        np.concatenate([part[observed], ~part[observed].any(axis=1, keepdims=True)], axis=1)
        for part in (shown, predicted)
    ]
    return whole[0].T.astype(np.int64) @ whole[1].astype(np.int64)


def bouts(
    active: Bool[np.ndarray, " T"], observed: Bool[np.ndarray, " T"]
) -> Int64[np.ndarray, "N 2"]:
    """Return bouts [start, stop) within observed frames."""
    found = runs(active.astype(np.int64), observed)
    own = found.label == 1
    return np.stack([found.start[own], found.stop[own]], axis=1)


def _counts(
    shown: Bool[np.ndarray, " N"],
    predicted: Bool[np.ndarray, " N"],
    observed: Bool[np.ndarray, " N"],
    offsets: Int64[np.ndarray, " A1"],
    overlap: float,
    fps: float,
) -> Float[np.ndarray, "A 8"]:
    """Count by series: both, only predicted, only shown, neither; hits, bouts, onsets.

    The bouts are those shown and predicted, the onset errors the sum over hits, s.
    """
    rows = []
    for begin, end in zip(offsets[:-1], offsets[1:], strict=True):
        seen = observed[begin:end]
        true, said = shown[begin:end] & seen, predicted[begin:end] & seen
        both = int((true & said).sum())
        here, there = bouts(said, seen), bouts(true, seen)
        found = match_bouts(here, there, overlap)
        rows.append(
            (both, int(said.sum()) - both, int(true.sum()) - both,
             int(seen.sum()) - int((true | said).sum()), found.hits, len(there),
             len(here), float(np.abs(found.onset).sum()) / fps)
        )  # fmt: skip
    made = np.array(rows, np.float64)
    return made


def _measures(counts: Float[np.ndarray, "B 8"]) -> Float[np.ndarray, "B 7"]:
    """Return the MEASURES but the average precision, which is NaN."""
    tp, fp, fn, tn, hits, there, here, late = counts.T
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        matthews = np.where(spread > 0, (tp * tn - fp * fn) / spread, 0.0)  # no relation: 0
        columns = [
            2 * tp / (2 * tp + fp + fn), tp / (tp + fp), tp / (tp + fn),
            np.full(len(tp), np.nan), matthews, 2 * hits / (here + there), late / hits,
        ]  # fmt: skip
    return np.stack(columns, axis=1)


def _ranked(
    shown: Bool[np.ndarray, " N"],
    score: Float[np.ndarray, " N"],
    observed: Bool[np.ndarray, " N"],
    offsets: Int64[np.ndarray, " A1"],
) -> Float[np.ndarray, "A 2 B"]:
    """Count by series frames without and with the behaviour in bins of the score's rank."""
    edges = np.quantile(score[observed], np.linspace(0, 1, _BINS + 1)[1:-1])
    at = np.searchsorted(edges, score, side="right")
    made = np.zeros((len(offsets) - 1, 2, _BINS))
    series = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    np.add.at(made, (series[observed], shown[observed].astype(int), at[observed]), 1.0)
    return made


def _interval(
    counts: Float[np.ndarray, "A 8"],
    ranked: Float[np.ndarray, "A 2 B"],
    groups: Sequence[str],
    resamples: int,
    rng: np.random.Generator,
) -> tuple[Float[np.ndarray, " 7"], Float[np.ndarray, " 7"]]:
    """Return the ends of 95 % intervals over resampled groups; NaN with only one."""
    if len(set(groups)) < 2:
        return np.full(7, np.nan), np.full(7, np.nan)
    flat = ranked.reshape(len(ranked), -1)

    def statistic(weights: np.ndarray) -> np.ndarray:
        made = _measures(weights @ counts)
        cells = (weights @ flat).reshape(len(weights), 2, -1)[:, :, ::-1].cumsum(axis=2)
        without, with_it = cells[:, 0], cells[:, 1]
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(with_it > 0, with_it / (with_it + without), 0.0)
            recall = with_it / with_it[:, -1:]
        made[:, 3] = (np.diff(recall, axis=1, prepend=0.0) * precision).sum(axis=1)
        return made

    drawn = bootstrap.resample(
        statistic, np.array(groups, dtype=object).astype(str), rng, resamples
    )
    low, high = bootstrap.percentile_interval(drawn)
    return low, high
