"""Bouts, durations, usage and transitions of syllables or states, never joined across gaps.

Everything is computed on runs, of which there are far fewer than frames. What is measured:
bouts, with the ends that were not seen marked; durations that allow for those; usage by frame
or bout with intervals over recordings; transitions between valid neighbours. What is changed
(rare labels dropped, labels ordered by usage) comes with the map of the change.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int64

from gambol.core.errors import InputError
from gambol.core.sequences import MISSING, Sequences
from gambol.kernels import bootstrap, streams
from gambol.kernels.runs import all_runs

By = Literal["frame", "bout"]
Reassign = Callable[[Bool[np.ndarray, " S"]], Sequences]  # labels kept -> labels of all frames


class Bouts(NamedTuple):
    """N maximal runs of one label, by recording and time, each [start, stop)."""

    recording: Int64[np.ndarray, " N"]  # index into the names
    label: Int64[np.ndarray, " N"]
    start: Int64[np.ndarray, " N"]  # frame of the recording
    stop: Int64[np.ndarray, " N"]  # one past the last frame
    left_censored: Bool[np.ndarray, " N"]  # first of the recording or after a gap
    right_censored: Bool[np.ndarray, " N"]  # last of the recording or before a gap


class Survival(NamedTuple):
    """How long bouts last; ends that were not seen are allowed for (Kaplan & Meier)."""

    time: Float[np.ndarray, " E"]  # s, ascending; lengths at which bouts ended
    survival: Float[np.ndarray, " E"]  # share of bouts that last longer than `time`
    at_risk: Int64[np.ndarray, " E"]  # bouts that were seen to last at least `time`
    ended: Int64[np.ndarray, " E"]  # bouts that ended then
    complete: Float[np.ndarray, " M"]  # s, lengths of the bouts seen whole, in order of time
    censored: int  # bouts whose end was not seen; those without a beginning are left out


class Usage(NamedTuple):
    """How often each of S labels is used in R recordings."""

    counts: Int64[np.ndarray, "R S"]  # frames or bouts
    by_recording: Float[np.ndarray, "R S"]  # rows sum to 1; NaN where nothing is labelled
    pooled: Float[np.ndarray, " S"]  # of all recordings together
    interval: Float[np.ndarray, "2 S"]  # 95 % of resampled recordings; NaN with only one


class Transitions(NamedTuple):
    """Pairs of neighbouring frames, label i then label j, both valid, in one recording."""

    counts: Int64[np.ndarray, "S S"]
    joint: Float[np.ndarray, "S S"]  # sums to 1
    row: Float[np.ndarray, "S S"]  # P(next is j | now is i); NaN in rows without pairs
    column: Float[np.ndarray, "S S"]  # P(before was i | now is j); NaN in columns without
    entropy_rate: float  # nats a step; NaN without pairs
    empty: tuple[int, ...]  # labels that are never followed by one


class Dropped(NamedTuple):
    """Sequences without rare labels, and what became of those."""

    sequences: Sequences  # labels keep their numbers
    kept: Bool[np.ndarray, " S"]
    usage: Float[np.ndarray, " S"]  # before, pooled
    moved: Int64[np.ndarray, "S S1"]  # frames of label i that now have j; j = S: none

    def __str__(self) -> str:
        """Say what was dropped, in one sentence."""
        rare = np.flatnonzero(~self.kept & self.moved.any(axis=1))
        if not len(rare):
            return "no label in use is rare"
        each = ", ".join(f"{i} ({100 * self.usage[i]:.2g} %)" for i in rare)
        missing = self.moved[rare, -1].sum()
        other = self.moved[rare, :-1].sum()
        fate = [f"{n} {what}" for n, what in ((missing, "missing"), (other, "others")) if n]
        return f"rare labels dropped: {each}; their frames are now {' and '.join(fate)}"


class Ordered(NamedTuple):
    """Sequences whose labels are numbered from the most to the least used."""

    sequences: Sequences
    order: Int64[np.ndarray, " S"]  # order[new] is the label it was before
    rank: Int64[np.ndarray, " S"]  # rank[old] is the label it is now


def bouts(sequences: Sequences) -> Bouts:
    """Find the bouts: maximal runs of a label in one recording; gaps end them."""
    found, first = all_runs(sequences.values, sequences.valid, sequences.offsets)
    recording = np.repeat(np.arange(len(sequences.names)), np.diff(first))
    seen = found.label != MISSING
    n = len(seen)
    # a bout is censored where the run beside it is missing or of another recording
    after_run = np.append(False, seen)[:n]
    before_run = np.append(seen, False)[1:]
    after_run[first[:-1][first[:-1] < n]] = False
    before_run[first[1:] - 1] = False
    begin = sequences.offsets[recording]
    columns = recording, found.label, found.start - begin, found.stop - begin
    return Bouts(*(column[seen] for column in (*columns, ~after_run, ~before_run)))


def bout_table(sequences: Sequences) -> pd.DataFrame:
    """Return the bouts as a table, with names of recordings and times in seconds."""
    found = bouts(sequences)
    names = pd.Categorical.from_codes(found.recording, pd.Index(sequences.names))
    return pd.DataFrame(
        {
            "recording": names,
            "label": found.label,
            "start": found.start,
            "stop": found.stop,
            "start_s": found.start / sequences.fps,
            "stop_s": found.stop / sequences.fps,
            "left_censored": found.left_censored,
            "right_censored": found.right_censored,
        }
    )


def durations(sequences: Sequences, label: int | Sequence[int] | None = None) -> Survival:
    """Estimate how long bouts of a label, of several, or of all, last.

    Bouts whose beginning was not seen are left out; those whose end was not seen count for as
    long as they were seen. Source: Kaplan & Meier (1958), JASA 53(282):457-481.
    """
    found = bouts(sequences)
    if label is not None:
        found = Bouts(*(column[np.isin(found.label, label)] for column in found))
    return _survival(found, sequences.fps)


def quantiles(survival: Survival, levels: Float[np.ndarray, " Q"]) -> Float[np.ndarray, " Q"]:
    """Return the shortest durations, s, that a share `levels` of the bouts does not exceed.

    Infinite where too few bouts were seen to end; NaN where there is no bout.
    """
    if not len(survival.complete) + survival.censored:
        return np.full(len(levels), np.nan)
    # rounding errors of the product must not put a quantile one event late
    at = np.searchsorted(-survival.survival, levels - 1 - 1e-12)
    return np.append(survival.time, np.inf)[at]


def median(survival: Survival) -> float:
    """Return the median duration, s."""
    return float(quantiles(survival, np.array([1 / 2]))[0])


def duration_table(sequences: Sequences) -> pd.DataFrame:
    """Return durations of all labels: bouts, those censored, and quartiles in seconds."""
    found = bouts(sequences)
    rows = []
    order = np.argsort(found.label, kind="stable")
    edges = np.searchsorted(found.label[order], np.arange(sequences.size + 1))
    for label in range(sequences.size):
        own = Bouts(*(column[order[edges[label] : edges[label + 1]]] for column in found))
        survival = _survival(own, sequences.fps)
        quartiles = quantiles(survival, np.array([1, 2, 3]) / 4)
        counts = len(own.label), own.left_censored.sum(), own.right_censored.sum()
        rows.append((label, *counts, len(survival.complete), *quartiles))
    ends = ["left_censored", "right_censored", "complete"]
    return pd.DataFrame(rows, columns=["label", "bouts", *ends, "q25_s", "median_s", "q75_s"])


def usage(
    sequences: Sequences, by: By = "frame", *, resamples: int = 1000, seed: int = 0
) -> Usage:
    """Count how often labels are used, with intervals from resampled recordings.

    Args:
        sequences: recordings; their order changes no bit of what is pooled.
        by: what is counted: frames, or bouts, censored ones included.
        resamples: number of bootstrap resamples; without any there is no interval.
        seed: of the resamples.
    """
    count = _counts(sequences, by)
    interval = np.full((2, sequences.size), np.nan)
    if len(sequences.names) > 1 and resamples > 0:
        rng = streams.generator(seed, "usage", by)
        names = np.array(sequences.names)  # sorted there, so that order does not matter
        drawn = bootstrap.resample(lambda w: _shares(w @ count), names, rng, resamples)
        interval = bootstrap.percentile_interval(drawn)
    return Usage(count, _shares(count), _shares(count.sum(axis=0)), interval)


def transitions(sequences: Sequences, *, runs: bool = False) -> Transitions:
    """Count which label follows which.

    Args:
        sequences: recordings; pairs lie within one of them and both of their frames are valid.
        runs: count moves from run to run, without pairs of one label with itself.
    """
    found, first = all_runs(sequences.values, sequences.valid, sequences.offsets)
    size, seen = sequences.size, found.label != MISSING
    pairs = seen[1:] & seen[:-1]
    pairs[first[1:-1] - 1] = False  # from the last run of one recording to the next one's
    cells = (found.label[:-1] * size + found.label[1:])[pairs]
    count = np.bincount(cells, minlength=size * size).reshape(size, size)
    if not runs:
        stays = (found.stop - found.start - 1)[seen]
        count += np.diag(_weighted(found.label[seen], stays, size))
    joint, row = _shares(count.ravel()).reshape(size, size), _shares(count)
    used = count > 0
    rate = -(joint[used] * np.log(row[used])).sum() if used.any() else np.nan
    empty = tuple(np.flatnonzero(~used.any(axis=1)).tolist())
    return Transitions(count, joint, row, _shares(count.T).T, float(rate), empty)


def drop_rare(
    sequences: Sequences,
    min_usage: float = 0.01,
    *,
    reassign: Reassign | None = None,
    by: By = "frame",
) -> Dropped:
    """Take away labels that are hardly used, and say what became of their frames.

    Args:
        sequences: recordings; they stay as they are.
        min_usage: pooled share below which a label is rare.
        reassign: given which labels are kept, returns the same recordings labelled with those
            alone (a model's best path without the other states); without it frames of rare
            labels become missing.
        by: whether usage counts frames or bouts.
    """
    count = _counts(sequences, by).sum(axis=0)
    share = _shares(count)
    kept = (share >= min_usage) & (count > 0)
    if not kept.any():
        raise InputError(f"every label is used below {min_usage:g}; give a lower min_usage")
    if reassign is None:
        changed = relabel(sequences, np.where(kept, np.arange(sequences.size), MISSING))
    else:
        changed = _checked(reassign(kept), sequences, kept)
    return Dropped(changed, kept, share, _moved(sequences, changed))


def by_usage(sequences: Sequences, by: By = "frame") -> Ordered:
    """Number labels from the most to the least used; equal ones keep their order."""
    order = np.argsort(-_counts(sequences, by).sum(axis=0), kind="stable")
    rank = np.argsort(order)
    return Ordered(relabel(sequences, rank), order, rank)


def relabel(sequences: Sequences, new: Int64[np.ndarray, " S"]) -> Sequences:
    """Give labels other numbers below S, or none (-1)."""
    span = np.iinfo(sequences.values.dtype).max + 1  # missing frames may hold anything
    table = np.full(span, MISSING)
    table[: sequences.size] = new
    valid = sequences.valid & (table >= 0).take(sequences.values)
    values = np.maximum(table, 0).astype(sequences.values.dtype).take(sequences.values)
    values *= valid
    return sequences._replace(values=values, valid=valid)


def _survival(found: Bouts, fps: float) -> Survival:
    """Kaplan-Meier curve of bouts whose beginning was seen."""
    begun = ~found.left_censored
    frames, ended = (found.stop - found.start)[begun], ~found.right_censored[begun]
    time, events = np.unique(frames[ended], return_counts=True)
    at_risk = len(frames) - np.searchsorted(np.sort(frames), time)
    share = np.cumprod(1 - events / at_risk)
    return Survival(
        time / fps, share, at_risk, events, frames[ended] / fps, int((~ended).sum())
    )


def _counts(sequences: Sequences, by: By) -> Int64[np.ndarray, "R S"]:
    """Frames or bouts of each label in each recording."""
    found = bouts(sequences)
    length = found.stop - found.start if by == "frame" else np.ones_like(found.start)
    n, size = len(sequences.names), sequences.size
    return _weighted(found.recording * size + found.label, length, n * size).reshape(n, size)


def _weighted(
    cells: Int64[np.ndarray, " N"], weights: Int64[np.ndarray, " N"], size: int
) -> Int64[np.ndarray, " S"]:
    """Sum whole numbers by cell; exact, as all sums are below 2^53."""
    return np.bincount(cells, weights, minlength=size).astype(np.int64)


def _shares(count: Int64[np.ndarray, "*B S"]) -> Float[np.ndarray, "*B S"]:
    """Divide by the sum along the last axis; NaN where that is 0."""
    total = count.sum(axis=-1, keepdims=True).astype(np.float64)
    return count / np.where(total > 0, total, np.nan)


def _checked(new: Sequences, old: Sequences, kept: Bool[np.ndarray, " S"]) -> Sequences:
    """Return what a caller's function made, after a look at it."""
    alike = new.names == old.names and np.array_equal(new.offsets, old.offsets)
    if not alike or new.size != old.size:
        raise ValueError("reassign has to return the same recordings and number of labels")
    left = set(np.unique(new.values[new.valid]).tolist()) - set(np.flatnonzero(kept).tolist())
    if left:
        raise ValueError(f"reassign returned labels that were dropped: {sorted(left)}")
    return new


def _moved(old: Sequences, new: Sequences) -> Int64[np.ndarray, "S S1"]:
    """Count frames by their labels before and after; last column: none after."""
    size = old.size
    moved = np.zeros(size * (size + 1), np.int64)
    for a, b in zip(old.offsets[:-1], old.offsets[1:], strict=True):
        seen = old.valid[a:b]
        was, now = old.values[a:b][seen].astype(np.int64), new.values[a:b][seen]
        cells = was * (size + 1) + np.where(new.valid[a:b][seen], now, size)
        moved += np.bincount(cells, minlength=len(moved))
    return moved.reshape(size, size + 1)
