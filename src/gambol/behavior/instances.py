"""Instances of a label to look at: complete bouts first, spread over the recordings or best."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int64

from gambol.behavior.sequences import Bouts, bouts
from gambol.core.sequences import Sequences, lengths
from gambol.kernels import streams

Lots = Callable[[str, int], np.random.Generator]


class Instances(NamedTuple):
    """N bouts of one label, in the order in which they were chosen."""

    label: int
    recording: Int64[np.ndarray, " N"]  # index into the names
    start: Int64[np.ndarray, " N"]  # frame of the recording
    stop: Int64[np.ndarray, " N"]  # one past the last frame
    left_censored: Bool[np.ndarray, " N"]  # first of the recording or after a gap
    right_censored: Bool[np.ndarray, " N"]  # last of the recording or before a gap
    at_end: Bool[np.ndarray, " N"]  # the bout's last frame is that of the recording


class Pool(NamedTuple):
    """All bouts of R recordings (or animals), among which is chosen; they may overlap."""

    bouts: Bouts
    names: tuple[str, ...]  # unique
    frames: Int64[np.ndarray, " R"]
    fps: Float[np.ndarray, " R"]


def pool(sequences: Sequences) -> Pool:
    """Return all bouts of sequences."""
    fps = np.full(len(sequences.names), sequences.fps)
    return Pool(bouts(sequences), sequences.names, lengths(sequences), fps)


def choose(
    sequences: Sequences,
    label: int,
    most: int,
    *,
    min_s: float = 0.0,
    seen: Bool[np.ndarray, " T"] | None = None,
    seed: int = 0,
) -> Instances:
    """Choose bouts of sequences by lot; see `by_lot`.

    Args:
        sequences: recordings.
        label: of the bouts.
        most: bouts that are chosen, at most.
        min_s: shorter bouts are left out, s.
        seen: at which frames of all recordings the animal can be shown; bouts without such
            a frame are left out. All of them if not given.
        seed: of the lots.
    """
    among = pool(sequences)
    mine = long_enough(among, label, min_s)
    if seen is not None:
        first = sequences.offsets[among.bouts.recording]
        spans = ((first + among.bouts.start)[mine], (first + among.bouts.stop)[mine])
        mine = mine[[bool(seen[a:b].any()) for a, b in zip(*spans, strict=True)]]
    return by_lot(among, label, mine, most, seed)


def long_enough(among: Pool, label: int, min_s: float) -> Int64[np.ndarray, " M"]:
    """Return which bouts of a label last so many seconds."""
    found = among.bouts
    least = min_s * among.fps[found.recording] - 1e-6
    return np.flatnonzero((found.label == label) & (found.stop - found.start >= least))


def by_lot(
    among: Pool, label: int, mine: Int64[np.ndarray, " M"], most: int, seed: int
) -> Instances:
    """Choose bouts by lot.

    Bouts seen whole come first, then those without an end, then those without a beginning.
    Among them the next bout is always of a recording that has had the fewest so far. Every
    recording has its own lots, so the order of the recordings does not matter.

    Args:
        among: all bouts.
        label: of those that are chosen.
        mine: which of all bouts may be.
        most: that are chosen, at most.
        seed: of the lots.
    """
    turns = [streams.key(seed, "instances", label, name) for name in among.names]

    def lots(name: str, kind: int) -> np.random.Generator:
        return streams.generator(seed, "instances", label, name, kind)

    unseen = _unseen(among.bouts, mine)
    had = [0] * len(turns)
    chosen: list[int] = []
    for kind in range(4):
        waiting = _shuffled(mine[unseen == kind], among, lots, kind)
        while waiting and len(chosen) < most:
            r = min(waiting, key=lambda r: (had[r], turns[r]))
            chosen.append(waiting[r].pop())
            had[r] += 1
            if not waiting[r]:
                del waiting[r]
    return _taken(among, label, np.array(chosen, np.int64))


def best(
    among: Pool,
    label: int,
    mine: Int64[np.ndarray, " M"],
    worth: Float[np.ndarray, " M"],
    most: int,
) -> Instances:
    """Choose the bouts of the highest worth, complete ones first; of two equal the first name.

    Args:
        among: all bouts.
        label: of those that are chosen.
        mine: which of all bouts may be.
        worth: of each of `mine`; NaN is worth nothing.
        most: that are chosen, at most.
    """
    rank = {name: k for k, name in enumerate(sorted(among.names))}
    place = np.array([rank[name] for name in among.names], np.int64)
    found = among.bouts
    order = np.lexsort((
        found.start[mine], place[found.recording[mine]],
        -np.where(np.isnan(worth), -np.inf, worth), _unseen(found, mine),
    ))  # fmt: skip
    return _taken(among, label, mine[order[:most]])


def table(chosen: Instances, sequences: Sequences | Pool) -> pd.DataFrame:
    """Return one row an instance; tiles are numbered from 1, row by row."""
    count = len(chosen.start)
    fps = np.broadcast_to(sequences.fps, len(sequences.names))[chosen.recording]
    return pd.DataFrame(
        {
            "tile": np.arange(1, count + 1),
            "recording": [sequences.names[r] for r in chosen.recording],
            "label": np.full(count, chosen.label),
            "start": chosen.start,
            "stop": chosen.stop,
            "start_s": chosen.start / fps,
            "stop_s": chosen.stop / fps,
            "left_censored": chosen.left_censored,
            "right_censored": chosen.right_censored,
        }
    )


def _unseen(found: Bouts, mine: Int64[np.ndarray, " M"]) -> Int64[np.ndarray, " M"]:
    """0 for bouts seen whole, 1 without an end, 2 without a beginning, 3 without both."""
    return 2 * found.left_censored[mine].astype(np.int64) + found.right_censored[mine]


def _taken(among: Pool, label: int, at: Int64[np.ndarray, " N"]) -> Instances:
    found = among.bouts
    recording, stop = found.recording[at], found.stop[at]
    return Instances(
        label, recording, found.start[at], stop, found.left_censored[at],
        found.right_censored[at], stop == among.frames[recording],
    )  # fmt: skip


def _shuffled(
    mine: Int64[np.ndarray, " M"], among: Pool, lots: Lots, kind: int
) -> dict[int, list[int]]:
    """Sort bouts by recording, each recording's in a random order."""
    recording = among.bouts.recording
    drawn: dict[int, list[int]] = {}
    for r in np.unique(recording[mine]).tolist():
        own = mine[recording[mine] == r]
        drawn[r] = lots(among.names[r], kind).permutation(own).tolist()
    return drawn
