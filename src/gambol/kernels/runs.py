"""Runs: a sequence as its stretches of one label, of which there are far fewer than frames."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int64, Shaped

MISSING = -1  # label of a run of frames without one


class Runs(NamedTuple):
    """N stretches of equal labels, in order, each [start, stop)."""

    label: Int64[np.ndarray, " N"]  # MISSING for frames without a label
    start: Int64[np.ndarray, " N"]  # first frame
    stop: Int64[np.ndarray, " N"]  # one past the last frame


class PackedRuns(NamedTuple):
    """The runs of R recordings that lie one behind the other."""

    runs: Runs  # frames count from the first frame of all
    first: Int64[np.ndarray, " R1"]  # runs of recording r are first[r] to first[r + 1]


def runs(values: Shaped[np.ndarray, " T"], valid: Bool[np.ndarray, " T"]) -> Runs:
    """Return the maximal runs of one recording.

    Args:
        values: integer label of each frame, 0 or more; of no effect where it is not valid.
        valid: frames with a label; the others form runs of label -1.

    >>> runs(np.array([4, 4, 9, 9, 4]), np.array([True, True, False, False, True])).label
    array([ 4, -1,  4])
    """
    return all_runs(values, valid, np.array([0, len(values)])).runs


def all_runs(
    values: Shaped[np.ndarray, " T"],
    valid: Bool[np.ndarray, " T"],
    offsets: Int64[np.ndarray, " R1"],
) -> PackedRuns:
    """Return the maximal runs of recordings that lie one behind the other.

    A run ends with its recording, also where the next begins with the same label.
    """
    begins = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=begins[1:])
    begins &= valid  # what changes within a gap does not count
    begins[1:] |= valid[1:] != valid[:-1]
    begins[offsets[:-1][np.diff(offsets) > 0]] = True
    start = np.flatnonzero(begins)
    label = np.where(valid[start], values[start].astype(np.int64), MISSING)
    found = Runs(label, start, np.append(start[1:], len(values))[: len(start)])
    return PackedRuns(found, np.searchsorted(start, offsets))


def cut(whole: Runs, most: int = 256) -> Runs:
    """Return the same frames in runs of at most `most`, full ones first.

    >>> cut(Runs(np.array([7]), np.array([0]), np.array([5])), most=2).stop.tolist()
    [2, 4, 5]
    """
    length = whole.stop - whole.start
    pieces = -(-length // most)
    before = np.cumsum(pieces) - pieces
    nth = np.arange(pieces.sum()) - np.repeat(before, pieces)
    start = np.repeat(whole.start, pieces) + nth * most
    stop = np.minimum(start + most, np.repeat(whole.stop, pieces))
    return Runs(np.repeat(whole.label, pieces), start, stop)


def frames(whole: Runs) -> Int64[np.ndarray, " T"]:
    """Return the label of every frame of runs without holes, -1 where it has none."""
    return np.repeat(whole.label, whole.stop - whole.start)
