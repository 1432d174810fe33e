"""Which labels train a network, which choose it, and which judge it.

Frames close in time look alike, so a split cuts by video where there are several and by
contiguous blocks of frames where there are not, and leaves out what lies too near to the other
side. A *gap* is the least number of frames between two parts: 2 forbids neighbours, 1 forbids
only the same frame (image folders, where neighbours in the list are no neighbours in time).
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from gambol.core import regions
from gambol.core.errors import InputError
from gambol.core.labels import Labels, Origin, Visibility

PARTS = ("train", "val", "calib", "test")
_OUT, _TRAIN, _VAL, _CALIB, _TEST = -1, 0, 1, 2, 3
_BLOCKS = 5  # validation and calibration are this many short runs, so that they see all times


class Split(NamedTuple):
    """Rows of the labels, each in one part at most; what is in none was too near to a side."""

    train: Int[np.ndarray, " A"]
    val: Int[np.ndarray, " B"]  # chooses the best checkpoint
    calib: Int[np.ndarray, " C"]  # fits the uncertainty; may be empty
    test: Int[np.ndarray, " D"]  # judges; never loaded in training


class Fractions(NamedTuple):
    """Shares of the labelled frames that do not train."""

    val: float = 0.15
    calib: float = 0.0
    test: float = 0.0


class Entry(NamedTuple):
    """One line of `split.csv`."""

    part: str
    video: str
    frame: int
    individual: str


class _Frames(NamedTuple):
    """The F distinct labelled frames, by video and time."""

    video: Int[np.ndarray, " F"]
    frame: Int[np.ndarray, " F"]
    usable: Bool[np.ndarray, " F"]  # a person said something: may validate, calibrate, test
    row: Int[np.ndarray, " N"]  # frame of every row of the labels
    gaps: Int[np.ndarray, " V"]  # of every video
    group: Int[np.ndarray, " F"]  # recording day, animal …


def gap_frames(fps: Sequence[float | None], seconds: float = 1.0) -> Int[np.ndarray, " V"]:
    """Return the gap of every video in frames; 1 where there is no rate (image folders).

    >>> gap_frames([30.0, None]).tolist()
    [30, 1]
    """
    gaps = [max(2, int(np.ceil(rate * seconds))) if rate else 1 for rate in fps]
    return np.array(gaps, np.int64)


def blocks(
    labels: Labels,
    fractions: Fractions = Fractions(),  # noqa: B008 - a NamedTuple is immutable
    *,
    gap: int | Int[np.ndarray, " V"] = 2,
    groups: Int[np.ndarray, " V"] | None = None,
    seed: int = 0,
) -> Split:
    """Divide labels: whole groups where they fit the fractions, else contiguous blocks.

    Test is one block; validation and calibration are a few short ones spread through time.
    Where labels are so dense that the gap would cost half of the training frames, there are
    fewer blocks, then smaller gaps, but never neighbours; `separation` says what was reached.

    Args:
        labels: rows to divide. Rows of one frame stay together; labels made by a model train
            or are left out.
        fractions: shares of validation, calibration and test; each given part gets a frame.
        gap: least distance of two parts in frames, for all videos or for each.
        groups: recording day, animal … of every video; each video by default.
        seed: of the choice of blocks and groups.
    """
    if min(fractions) < 0 or sum(fractions) >= 1:
        raise InputError(f"fractions {tuple(fractions)} need to be >= 0 and to sum below 1")
    frames = _frames(labels, gap, groups)
    shares = {_TEST: fractions.test, _CALIB: fractions.calib, _VAL: fractions.val}
    n = int(frames.usable.sum())
    counts = {which: max(1, round(share * n)) for which, share in shares.items() if share}
    _check_enough(frames, sum(counts.values()) + 1)
    part = np.full(len(frames.frame), _TRAIN)
    rng = np.random.default_rng(seed)
    for which, count in counts.items():
        part = _hold_out(frames, part, which, count, 1 if which == _TEST else _BLOCKS, rng)
    return _split(labels, frames, part)


def folds(
    labels: Labels,
    k: int = 5,
    *,
    val: float = 0.15,
    gap: int | Int[np.ndarray, " V"] = 2,
    groups: Int[np.ndarray, " V"] | None = None,
    seed: int = 0,
) -> list[Split]:
    """Divide labels k times, so that every frame a person labelled is tested once.

    Test parts are whole groups where there are at least k, else k contiguous blocks. `val` is
    the share of the other frames that validates: a few short blocks spread through time.
    """
    if k < 2 or not 0 < val < 1:
        raise InputError(f"{k} folds with {val} for validation; use k >= 2 and 0 < val < 1")
    frames = _frames(labels, gap, groups)
    _check_enough(frames, max(k, 3))
    rng = np.random.default_rng(seed)
    splits = []
    for test in _test_parts(frames, k):
        part = np.full(len(frames.frame), _TRAIN)
        part = _place_sparing(
            frames, part, _TEST, [(test, g) for g in _gaps_to_try(frames.gaps)]
        )
        count = max(1, round(val * int(((part == _TRAIN) & frames.usable).sum())))
        part = _hold_out(frames, part, _VAL, count, _BLOCKS, rng)
        splits.append(_split(labels, frames, part))
    return splits


def separation(labels: Labels, split: Split) -> int | None:
    """Return the least distance in frames between two parts; None where no video has two."""
    apart = _borders(labels, split)[2]
    return int(apart.min()) if apart.size else None


def check_leakage(
    labels: Labels, split: Split, gap: int | Int[np.ndarray, " V"] = 2, *, force: bool = False
) -> None:
    """Refuse a split with neighbouring frames on both sides, unless forced."""
    before, after, apart = _borders(labels, split)
    near = np.flatnonzero(apart < _gaps(labels, gap)[labels.video[before]])
    if force or not near.size:
        return
    part = _part_of_rows(split)
    first, second = before[near[0]], after[near[0]]
    raise InputError(
        f"{labels.videos[labels.video[first]]}: frame {labels.frame[first]} is in "
        f"{part[first]} and frame {labels.frame[second]} in {part[second]}, which look alike; "
        "split by blocks with a gap, or force it"
    )


def check_unseen(test: Iterable[Entry], record: Iterable[Entry]) -> None:
    """Refuse to call frames a test that a network's record shows it used.

    Args:
        test: what is to be scored.
        record: the stored split of the network; its parts other than `test` count as used,
            so a checkpoint chosen on a frame is not judged by it.
    """
    used = {(e.video, e.frame): e.part for e in record if e.part != "test"}
    for entry in test:
        if part := used.get((entry.video, entry.frame)):
            raise InputError(
                f"{entry.video}: frame {entry.frame} was in {part} of this network, so it is "
                "no test; score the test part of its split, or other labels"
            )


def to_rows(labels: Labels, split: Split) -> list[Entry]:
    """List a split by what it divides, so that it outlives the order of the rows."""
    return sorted(
        Entry(name, *_name(labels, int(row)))
        for name, rows in zip(PARTS, split, strict=True)
        for row in rows
    )


def from_rows(labels: Labels, entries: Iterable[Entry]) -> Split:
    """Find a listed split in the labels again; who is gone may lie in a region by now."""
    left: dict[tuple[str, int, str], list[int]] = {}  # several animals may have no name
    for row in reversed(range(len(labels))):
        left.setdefault(_name(labels, row), []).append(row)
    rows: dict[str, list[int]] = {name: [] for name in PARTS}
    for entry in entries:
        if entry.part not in rows:
            raise InputError(f"split names part {entry.part!r}; there are {', '.join(PARTS)}")
        there = left.get(entry[1:])
        if not there and _has_regions(labels, entry):
            continue
        if not there:
            raise InputError(
                f"{entry.video}: frame {entry.frame} of {entry.individual!r} is in the split "
                "but not in the labels; use the labels it was made for"
            )
        rows[entry.part].append(there.pop())
    return Split(*(np.array(sorted(rows[name]), np.int64) for name in PARTS))


def split_hash(entries: Iterable[Entry]) -> str:
    """Return a short hash that changes exactly when a frame changes its part."""
    text = "\n".join(repr(tuple(entry)) for entry in sorted(entries))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def negatives(
    labels: Labels, split: Split, gap: int | Int[np.ndarray, " V"]
) -> dict[str, Int[np.ndarray, "n 2"]]:
    """Give frames without animals to the part of the labelled frame nearest to each.

    Those nearer than the gap to a frame of another part belong to none; those of a video
    without labelled animals train.
    """
    gaps = np.broadcast_to(gap, len(labels.videos))
    owner = np.full(len(labels), -1)
    for number, rows in enumerate(split):
        owner[rows] = number
    given: dict[str, list[tuple[int, int]]] = {name: [] for name in PARTS}
    for video, frame in labels.negatives.tolist():
        rows = np.flatnonzero((labels.video == video) & (owner >= 0))
        if not len(rows):
            given["train"].append((video, frame))
            continue
        away = np.abs(labels.frame[rows] - frame)
        mine = owner[rows[away.argmin()]]
        others = away[owner[rows] != mine]
        if others.min(initial=np.iinfo(np.int64).max) >= gaps[video]:
            given[PARTS[mine]].append((video, frame))
    return {name: np.array(rows, np.int64).reshape(-1, 2) for name, rows in given.items()}


def _has_regions(labels: Labels, entry: Entry) -> bool:
    """Tell whether a part of that frame is looked away from."""
    if entry.video not in labels.videos:
        return False
    video = labels.videos.index(entry.video)
    return bool(regions.at(labels.regions, video, entry.frame))


def _name(labels: Labels, row: int) -> tuple[str, int, str]:
    return (
        labels.videos[labels.video[row]],
        int(labels.frame[row]),
        labels.name(row),
    )


def _frames(
    labels: Labels, gap: int | Int[np.ndarray, " V"], groups: Int[np.ndarray, " V"] | None
) -> _Frames:
    """Gather rows into frames; only what a person said makes a frame usable for judging."""
    if not len(labels):
        raise InputError("there are no labels to split; label some frames first")
    pairs = np.stack([labels.video, labels.frame], axis=1)
    unique, row = np.unique(pairs, axis=0, return_inverse=True)
    said = (labels.visibility != Visibility.UNLABELLED).any(axis=1)
    judge = said & (labels.origin != Origin.MODEL)
    usable = np.zeros(len(unique), bool)
    np.logical_or.at(usable, row.ravel(), judge)
    if not usable.any():
        raise InputError(
            f"none of the {len(unique)} labelled frames was labelled or corrected by a person; "
            "correct some, because predictions do not validate a network"
        )
    video, frame = unique.T
    group = video if groups is None else groups[video]
    return _Frames(video, frame, usable, row.ravel(), _gaps(labels, gap), group)


def _check_enough(frames: _Frames, needed: int) -> None:
    """Every part needs a frame, and all but training need a person's."""
    if len(frames.frame) < needed or frames.usable.sum() < needed - 1:
        raise InputError(
            f"{int(frames.usable.sum())} frames labelled by a person are too few for this "
            f"split; label at least {needed}"
        )


def _gaps(labels: Labels, gap: int | Int[np.ndarray, " V"]) -> Int[np.ndarray, " V"]:
    gaps = np.broadcast_to(np.asarray(gap, np.int64), (len(labels.videos),))
    if gaps.size and gaps.min() < 1:
        raise InputError(f"a gap of {gaps.min()} frames; use 1 or more")
    return gaps


def _hold_out(
    frames: _Frames,
    part: Int[np.ndarray, " F"],
    which: int,
    count: int,
    runs: int,
    rng: np.random.Generator,
) -> Int[np.ndarray, " F"]:
    """Move about `count` training frames to another part, and drop those too near to them."""
    held = _whole_groups(frames, part, count, rng)
    if held is not None:
        return _place(frames, part, which, held, frames.gaps)
    free = np.flatnonzero((part == _TRAIN) & frames.usable)
    fewer = [max(1, runs >> halving) for halving in range(runs.bit_length())]
    ways = [(_runs(free, count, n, rng), frames.gaps) for n in fewer]
    ways += [(ways[-1][0], gaps) for gaps in _gaps_to_try(frames.gaps)[1:]]
    return _place_sparing(frames, part, which, ways)


def _place_sparing(
    frames: _Frames,
    part: Int[np.ndarray, " F"],
    which: int,
    ways: list[tuple[Int[np.ndarray, " _"], Int[np.ndarray, " V"]]],
) -> Int[np.ndarray, " F"]:
    """Use the first of several (frames, gaps) that spares half of the rest, or the last."""
    before = (part == _TRAIN).sum()
    for chosen, gaps in ways:
        placed = _place(frames, part, which, chosen, gaps)
        if 2 * (placed == _TRAIN).sum() >= before - len(chosen):
            break
    return placed


def _gaps_to_try(gaps: Int[np.ndarray, " V"]) -> list[Int[np.ndarray, " V"]]:
    """Halve the gaps again and again, down to frames that are no neighbours."""
    least = np.minimum(gaps, 2)
    return [np.maximum(gaps >> n, least) for n in range(int(gaps.max()).bit_length())]


def _whole_groups(
    frames: _Frames,
    part: Int[np.ndarray, " F"],
    count: int,
    rng: np.random.Generator,
) -> Bool[np.ndarray, " F"] | None:
    """Frames of untouched groups that hold about `count`, or None where none fit.

    About is half to twice as many; at least half of the others must remain to train.
    """
    group = frames.group
    touched = np.unique(group[part > _TRAIN])
    names = rng.permutation(np.setdiff1d(np.unique(group[frames.usable]), touched))
    sizes = {name: int(frames.usable[group == name].sum()) for name in names}
    chosen: list[int] = []
    rest = count
    while len(chosen) < len(names) - 1:
        left = [name for name in names if name not in chosen]
        best = min(left, key=lambda name: abs(rest - sizes[name]))
        if abs(rest - sizes[best]) >= abs(rest):
            break
        chosen.append(best)
        rest -= sizes[best]
    held = np.isin(group, chosen) & (part == _TRAIN)
    n_held, n_left = held.sum(), ((part == _TRAIN) & ~held).sum()
    fits = count <= 2 * n_held <= 4 * count and 2 * n_left >= (part == _TRAIN).sum() - count
    return held if fits else None


def _runs(
    free: Int[np.ndarray, " M"], count: int, runs: int, rng: np.random.Generator
) -> Int[np.ndarray, " C"]:
    """Choose `count` of the free frames as runs, one somewhere in each stretch of time."""
    count = min(count, len(free) - 1) if len(free) > 1 else len(free)
    runs = max(1, min(runs, count))
    stretches = np.array_split(free, runs)
    sizes = [len(piece) for piece in np.array_split(np.arange(count), runs)]
    starts = [rng.integers(len(s) - n + 1) for s, n in zip(stretches, sizes, strict=True)]
    pieces = [s[a : a + n] for s, a, n in zip(stretches, starts, sizes, strict=True)]
    return np.concatenate(pieces)


def _test_parts(frames: _Frames, k: int) -> list[Int[np.ndarray, " _"]]:
    """Cut the usable frames into k test parts."""
    usable = np.flatnonzero(frames.usable)
    group = frames.group[usable]
    names, sizes = np.unique(group, return_counts=True)
    if len(names) < k:
        return np.array_split(usable, k)
    load, fold = np.zeros(k, np.int64), {}
    for name in np.argsort(-sizes, kind="stable"):  # largest first, to the emptiest fold
        fold[names[name]] = int(load.argmin())
        load[load.argmin()] += sizes[name]
    place = np.array([fold[name] for name in group])
    return [usable[place == i] for i in range(k)]


def _place(
    frames: _Frames,
    part: Int[np.ndarray, " F"],
    which: int,
    chosen: Int[np.ndarray, " M"] | Bool[np.ndarray, " F"],
    gaps: Int[np.ndarray, " V"],
) -> Int[np.ndarray, " F"]:
    """Give frames to a part and take training frames nearer than the gap out of all parts."""
    placed = part.copy()
    placed[chosen] = which
    span = int(frames.frame.max() + gaps.max()) + 1  # more than a gap between two videos
    time = frames.video * span + frames.frame
    held = time[placed == which]
    after = np.searchsorted(held, time).clip(0, len(held) - 1)
    nearest = np.minimum(np.abs(held[after] - time), np.abs(held[after - 1] - time))
    placed[(nearest < gaps[frames.video]) & (placed == _TRAIN)] = _OUT
    return placed


def _split(labels: Labels, frames: _Frames, part: Int[np.ndarray, " F"]) -> Split:
    """Turn parts of frames into rows; a model's rows in a judging frame are left out."""
    rows = part[frames.row]
    rows[(labels.origin == Origin.MODEL) & (rows != _TRAIN)] = _OUT
    if not (rows == _TRAIN).any():
        raise InputError("no frame is left to train; label more frames or use a smaller gap")
    return Split(*(np.flatnonzero(rows == which) for which in range(len(PARTS))))


def _borders(
    labels: Labels, split: Split
) -> tuple[Int[np.ndarray, " E"], Int[np.ndarray, " E"], Int[np.ndarray, " E"]]:
    """Rows before and after every border of two parts in a video, and frames between them."""
    rows = np.concatenate(split)
    part = np.repeat(np.arange(len(PARTS)), [len(r) for r in split])
    order = np.lexsort((labels.frame[rows], labels.video[rows]))
    rows, part = rows[order], part[order]
    border = (part[1:] != part[:-1]) & (labels.video[rows[1:]] == labels.video[rows[:-1]])
    before, after = rows[:-1][border], rows[1:][border]
    return before, after, labels.frame[after] - labels.frame[before]


def _part_of_rows(split: Split) -> dict[int, str]:
    return {int(row): name for name, rows in zip(PARTS, split, strict=True) for row in rows}
