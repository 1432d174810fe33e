"""How far people, or people and programs, agree on who did what when; and what most say.

By frame (Cohen's kappa, F1 of a label) and by bout (F1 of bouts matched one to one by
overlap); for every two raters; and a consensus of all with a rule for ties.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Int64
from scipy.optimize import linear_sum_assignment

from gambol.core.errors import InputError
from gambol.core.ethogram import Ethogram, build, join, labels, select
from gambol.core.ethogram_frames import Channel, Frames, channels, dense, from_frames

Ties = Literal["absent", "present", "unknown"]


class BoutMatch(NamedTuple):
    """How bouts here and there were matched one to one."""

    hits: int  # pairs
    here: int  # bouts
    there: int
    onset: Float[np.ndarray, " H"]  # start here minus start there, of the pairs, in frames


class Rated(NamedTuple):
    """What R raters say of the frames of a recording that all of them assessed."""

    channels: tuple[Channel, ...]
    active: Bool[np.ndarray, "R T C"]
    begins: Bool[np.ndarray, "R T C"]
    observed: Bool[np.ndarray, " T"]


def kappa(one: Int[np.ndarray, " T"], other: Int[np.ndarray, " T"]) -> float:
    """Return Cohen's kappa of labels of the same frames; NaN where chance explains all.

    Frames with a label below 0 in either do not count. Source: Cohen (1960), Educ. Psychol.
    Meas. 20(1):37-46.

    >>> kappa(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]))
    0.5
    """
    both = (one >= 0) & (other >= 0)
    a, b = one[both], other[both]
    if not len(a):
        return float("nan")
    size = int(max(a.max(), b.max())) + 1
    share = [np.bincount(x, minlength=size) / len(a) for x in (a, b)]
    chance = float(share[0] @ share[1])
    return (float(np.mean(a == b)) - chance) / (1 - chance) if chance < 1 else float("nan")


def f1(one: Bool[np.ndarray, " T"], other: Bool[np.ndarray, " T"]) -> float:
    """Return 2 TP / (2 TP + FP + FN), the same both ways; NaN where neither has a frame."""
    total = int(one.sum() + other.sum())
    return 2 * int((one & other).sum()) / total if total else float("nan")


def match_bouts(
    here: Int[np.ndarray, "N 2"], there: Int[np.ndarray, "M 2"], overlap: float = 0.5
) -> BoutMatch:
    """Match bouts [start, stop) one to one, in most pairs and then with most overlap.

    Args:
        here: bouts, none of which overlap.
        there: others.
        overlap: smallest intersection over union of a pair.
    """
    if not (len(here) and len(there)):
        return BoutMatch(0, len(here), len(there), np.zeros(0))
    near = _pairs(here, there)
    a, b = here[near[:, 0]], there[near[:, 1]]
    shared = np.minimum(a[:, 1], b[:, 1]) - np.maximum(a[:, 0], b[:, 0])
    union = np.maximum(a[:, 1], b[:, 1]) - np.minimum(a[:, 0], b[:, 0])
    ratio = shared / union
    kept = ratio >= overlap
    near, ratio = near[kept], ratio[kept]
    pairs = [near[part][_best(near[part], ratio[part])] for part in _clusters(near)]
    pair = np.concatenate(pairs) if pairs else near
    onset = (here[pair[:, 0], 0] - there[pair[:, 1], 0]).astype(np.float64)
    return BoutMatch(len(pair), len(here), len(there), onset)


def bout_f1(matches: Sequence[BoutMatch]) -> float:
    """Return 2 hits / (bouts here + bouts there) over recordings; NaN without bouts."""
    total = sum(m.here + m.there for m in matches)
    return 2 * sum(m.hits for m in matches) / total if total else float("nan")


def rated(
    raters: Sequence[Ethogram], recording: str, among: Sequence[str] | None = None
) -> Rated:
    """Lay what raters say of a recording side by side.

    Args:
        raters: what each says, on the same clock.
        recording: its name.
        among: labels; without it those that any of them uses.
    """
    found: dict[Channel, None] = {}
    for one in raters:
        own = select(one, recording=recording)
        found |= dict.fromkeys(c for c in channels(own) if among is None or c.label in among)
    names, frames = tuple(sorted(found)), _frames(raters, recording)
    shown = [dense(one, recording, names, frames) for one in raters]
    observed = np.logical_and.reduce([part.observed for part in shown])
    return Rated(
        names,
        np.stack([part.active for part in shown]),
        np.stack([part.begins for part in shown]),
        observed,
    )


def by_annotator(ethogram: Ethogram) -> dict[str, Ethogram]:
    """Return what each annotator of an ethogram says; none of them overlaps itself."""
    names = sorted(set(ethogram.bouts["annotator"]))
    return {name: select(ethogram, annotator=name) for name in names}


def pairwise(
    raters: dict[str, Ethogram],
    among: Sequence[str] | None = None,
    *,
    overlap: float = 0.5,
) -> pd.DataFrame:
    """Compare every two raters, label by label, over the recordings that both assessed.

    Frames and bouts of all recordings, subjects and targets are pooled.

    Args:
        raters: what each says; clocks and frames have to be known.
        among: labels; without it those of all schemes.
        overlap: smallest intersection over union of two bouts that count as one.

    Returns:
        A row a pair and label: one, other, label, frames, kappa, f1, bout_f1, onset_s (median
        of |difference| of matched bouts).
    """
    words = list(dict.fromkeys(w for e in raters.values() for w in labels(e)))
    words = words if among is None else list(among)
    rows = []
    for one, other in combinations(raters, 2):
        pair = raters[one], raters[other]
        names = [n for n in pair[0].recordings["recording"] if n in set(_named(pair[1]))]
        if not names:
            raise InputError(f"{one!r} and {other!r} have no recording in common")
        seen = {name: rated(pair, name, words) for name in names}
        fps = pair[0].recordings.set_index("recording")["fps"]
        for word in words:
            rows.append((one, other, word, *_compared(seen, word, overlap, fps)))
    columns = ["one", "other", "label", "frames", "kappa", "f1", "bout_f1", "onset_s"]
    return pd.DataFrame(rows, columns=columns)


def matrix(table: pd.DataFrame, label: str, score: str = "f1") -> pd.DataFrame:
    """Return a score of a label for every two raters as a square table; 1 on the diagonal."""
    own = table[table["label"] == label]
    if not len(own):
        raise InputError(
            f"no label {label!r}; there are {', '.join(sorted(set(table['label'])))}"
        )
    names = list(dict.fromkeys([*own["one"], *own["other"]]))
    square = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for one, other, value in zip(own["one"], own["other"], own[score], strict=True):
        square.loc[one, other] = square.loc[other, one] = value
    return square


def consensus(
    raters: Sequence[Ethogram],
    among: Sequence[str] | None = None,
    *,
    ties: Ties = "absent",
) -> Ethogram:
    """Return what more than half of the raters say, frame by frame and channel by channel.

    Frames that a rater did not assess are not observed. Bouts of the consensus are runs of
    such frames, those that touch joined; their probability is the mean share of raters.

    Args:
        raters: what each says.
        among: labels; without it those that any of them uses.
        ties: what half of an even number of raters means: absent, present, or unknown, which
            makes the frame one that was not observed.
    """
    if len(raters) < 2:
        raise InputError(f"a consensus needs two raters at least, not {len(raters)}")
    whole, parts = raters[0], []
    for row in whole.recordings.itertuples():
        name = str(row.recording)
        if any(name not in set(_named(one)) for one in raters):
            raise InputError(f"recording {name!r} was not assessed by every rater")
        seen = rated(raters, name, among)
        votes = seen.active.sum(axis=0) * 2
        tied = votes == len(raters)
        active = (votes > len(raters)) | (tied & (ties == "present"))
        observed = seen.observed & ~(tied.any(axis=1) & (ties == "unknown"))
        active &= observed[:, None]
        shown = Frames(seen.channels, active, np.zeros_like(active), observed)
        fps, first = float(str(row.fps)), float(str(row.first_s))
        made = from_frames(
            shown, name, fps, first_s=first, scheme=_schemes(raters), source="curated"
        )
        parts.append(_with_share(made, seen))
    return join(parts)


def _compared(
    seen: dict[str, Rated], word: str, overlap: float, fps: "pd.Series[float]"
) -> tuple[int, float, float, float, float]:
    """Frames, kappa, F1, bout F1 and onset error of a label for two raters."""
    frames, matches, onsets = [], [], []
    for name, both in seen.items():
        for c, channel in enumerate(both.channels):
            if channel.label != word:
                continue
            bouts = []
            for r in range(2):
                active, begins = both.active[r, :, c], both.begins[r, :, c]
                bouts.append(_bouts(active & both.observed, begins))
            found = match_bouts(bouts[0], bouts[1], overlap)
            matches.append(found)
            onsets.append(np.abs(found.onset) / float(fps.loc[name]))
            frames.append(both.active[:, both.observed, c])
    if not frames:
        return (0, *(float("nan"),) * 4)
    one, other = np.concatenate(frames, axis=1)
    late = np.concatenate(onsets)
    return (
        len(one),
        kappa(one.astype(np.int64), other.astype(np.int64)),
        f1(one, other),
        bout_f1(matches),
        float(np.median(late)) if len(late) else float("nan"),
    )


def _bouts(
    active: Bool[np.ndarray, " T"], begins: Bool[np.ndarray, " T"]
) -> Int64[np.ndarray, "N 2"]:
    """Return the bouts [start, stop) of a channel."""
    start = active & (~np.append(False, active[:-1]) | begins)
    stop = active & (~np.append(active[1:], False) | np.append(begins[1:], True))
    return np.stack([np.flatnonzero(start), np.flatnonzero(stop) + 1], axis=1)


def _pairs(
    here: Int[np.ndarray, "N 2"], there: Int[np.ndarray, "M 2"]
) -> Int64[np.ndarray, "P 2"]:
    """Return which bouts here and there share time; both are sorted and disjoint."""
    first = np.searchsorted(there[:, 1], here[:, 0], side="right")
    last = np.searchsorted(there[:, 0], here[:, 1], side="left")
    n = np.maximum(last - first, 0)
    nth = np.arange(n.sum()) - np.repeat(n.cumsum() - n, n)
    return np.stack([np.repeat(np.arange(len(here)), n), np.repeat(first, n) + nth], axis=1)


def _clusters(near: Int64[np.ndarray, "P 2"]) -> list[Int64[np.ndarray, " _"]]:
    """Return pairs in groups that share no bout with each other."""
    if not len(near):
        return []
    apart = (np.diff(near, axis=0) > 0).all(axis=1)
    return np.split(np.arange(len(near)), np.flatnonzero(apart) + 1)


def _best(near: Int64[np.ndarray, "P 2"], ratio: np.ndarray) -> Int64[np.ndarray, " _"]:
    """Return which pairs to take: most of them, then most overlap."""
    if len(near) == 1:
        return np.zeros(1, np.int64)
    rows, row = np.unique(near[:, 0], return_inverse=True)
    columns, column = np.unique(near[:, 1], return_inverse=True)
    gain = np.zeros((len(rows), len(columns)))
    gain[row, column] = len(near) + ratio  # a pair more is worth more than any overlap
    place = np.full(gain.shape, -1)
    place[row, column] = np.arange(len(near))
    chosen = place[linear_sum_assignment(gain, maximize=True)]
    return chosen[chosen >= 0]


def _frames(raters: Sequence[Ethogram], recording: str) -> int | None:
    """Return the frames of a recording that raters know, which have to be as many."""
    known = set()
    for one in raters:
        own = one.recordings.loc[one.recordings["recording"] == recording, "frames"]
        known |= {int(n) for n in own if n >= 0}
    if len(known) > 1:
        few, many = min(known), max(known)
        raise InputError(f"recording {recording!r} has {few} frames here and {many} there")
    if known:
        return known.pop()
    last = [select(one, recording=recording).bouts["stop_frame"].max() for one in raters]
    return int(max([0, *(n for n in last if n == n)]))


def _named(ethogram: Ethogram) -> list[str]:
    return [str(name) for name in ethogram.recordings["recording"]]


def _schemes(raters: Sequence[Ethogram]) -> pd.DataFrame:
    """Return the coding scheme of all raters; the first that has a label describes it."""
    return pd.concat([one.scheme for one in raters]).drop_duplicates("label")


def _with_share(made: Ethogram, seen: Rated) -> Ethogram:
    """Add the mean share of raters to each bout."""
    place = {channel: c for c, channel in enumerate(seen.channels)}
    share = seen.active.mean(axis=0)
    bouts = made.bouts
    spans = zip(
        *(bouts[c] for c in (*Channel._fields, "start_frame", "stop_frame")), strict=True
    )
    means = [
        float(share[start:stop, place[Channel(*key)]].mean()) for *key, start, stop in spans
    ]
    told = bouts.assign(probability=np.array(means, dtype=np.float64))
    return build(told, made.scheme, made.observed, made.recordings, source="the consensus")
