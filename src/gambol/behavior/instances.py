"""Instances of a label to look at: complete bouts first, spread over the recordings."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int64

from gambol.behavior.sequences import bouts
from gambol.core.sequences import Sequences, lengths
from gambol.kernels import streams


class Instances(NamedTuple):
    """N bouts of one label, in the order in which they were chosen."""

    label: int
    recording: Int64[np.ndarray, " N"]  # index into the names
    start: Int64[np.ndarray, " N"]  # frame of the recording
    stop: Int64[np.ndarray, " N"]  # one past the last frame
    left_censored: Bool[np.ndarray, " N"]  # first of the recording or after a gap
    right_censored: Bool[np.ndarray, " N"]  # last of the recording or before a gap
    at_end: Bool[np.ndarray, " N"]  # the bout's last frame is that of the recording


def choose(
    sequences: Sequences,
    label: int,
    most: int,
    *,
    min_s: float = 0.0,
    seen: Bool[np.ndarray, " T"] | None = None,
    seed: int = 0,
) -> Instances:
    """Choose bouts by lot.

    Bouts seen whole come first, then those without an end, then those without a beginning.
    Among them the next bout is always of a recording that has had the fewest so far. Every
    recording has its own lots, so the order of the recordings does not matter.

    Args:
        sequences: recordings.
        label: of the bouts.
        most: bouts that are chosen, at most.
        min_s: shorter bouts are left out, s.
        seen: at which frames of all recordings the animal can be shown; bouts without such
            a frame are left out. All of them if not given.
        seed: of the lots.
    """
    found = bouts(sequences)
    long_enough = found.stop - found.start >= min_s * sequences.fps - 1e-6
    mine = np.flatnonzero((found.label == label) & long_enough)
    if seen is not None:
        first = sequences.offsets[found.recording]
        spans = ((first + found.start)[mine], (first + found.stop)[mine])
        mine = mine[[bool(seen[a:b].any()) for a, b in zip(*spans, strict=True)]]
    unseen = 2 * found.left_censored[mine] + found.right_censored[mine]
    turns = [streams.key(seed, "instances", label, name) for name in sequences.names]
    had = [0] * len(turns)
    chosen: list[int] = []
    for kind in range(4):
        waiting = _by_lot(mine[unseen == kind], found.recording, sequences, seed, label, kind)
        while waiting and len(chosen) < most:
            r = min(waiting, key=lambda r: (had[r], turns[r]))
            chosen.append(waiting[r].pop())
            had[r] += 1
            if not waiting[r]:
                del waiting[r]
    at = np.array(chosen, np.int64)
    recording, stop = found.recording[at], found.stop[at]
    return Instances(
        label, recording, found.start[at], stop, found.left_censored[at],
        found.right_censored[at], stop == lengths(sequences)[recording],
    )  # fmt: skip


def table(chosen: Instances, sequences: Sequences) -> pd.DataFrame:
    """Return one row an instance; tiles are numbered from 1, row by row."""
    count, fps = len(chosen.start), sequences.fps
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


def _by_lot(
    bouts: Int64[np.ndarray, " N"],
    recording: Int64[np.ndarray, " B"],
    sequences: Sequences,
    seed: int,
    label: int,
    kind: int,
) -> dict[int, list[int]]:
    """Sort bouts by recording, each recording's in a random order."""
    drawn: dict[int, list[int]] = {}
    for r in np.unique(recording[bouts]).tolist():
        lots = streams.generator(seed, "instances", label, sequences.names[r], kind)
        drawn[r] = lots.permutation(bouts[recording[bouts] == r]).tolist()
    return drawn
