"""Sequences: one label a frame, whole recordings one behind the other, nothing padded."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int64, Integer, UInt8, UInt16

from gambol.core.errors import InputError, did_you_mean

MISSING = -1  # the label of a frame that has none, outside of packed values
MOST_LABELS = 65_536  # what uint16 tells apart


class Sequences(NamedTuple):
    """R recordings of syllables or states on clocks of one rate.

    Frames of recording r are `offsets[r]` to `offsets[r + 1]`. What `values` holds at a frame
    without a label is never read.
    """

    names: tuple[str, ...]  # ids of the recordings, unique, in the order given
    values: UInt8[np.ndarray, " T"] | UInt16[np.ndarray, " T"]  # label of each frame
    valid: Bool[np.ndarray, " T"]  # which frames have a label
    offsets: Int64[np.ndarray, " R1"]  # R + 1 of them, from 0 to the number of all frames
    fps: float  # frames a second
    size: int  # S; labels are 0 … S - 1


def pack(
    recordings: Sequence[Integer[np.ndarray, " _"]],
    names: Iterable[str],
    fps: float,
    size: int | None = None,
) -> Sequences:
    """Put recordings one behind the other.

    Args:
        recordings: label of each frame, 0 or more, -1 where it has none.
        names: an id for each.
        fps: frames a second, of all.
        size: number of labels, S; without it one more than the largest label found.

    >>> pack([np.array([3, -1]), np.array([0])], ["a", "b"], 25.0).offsets.tolist()
    [0, 2, 3]
    """
    names = _unique(names)
    if len(names) != len(recordings):
        raise InputError(
            f"{len(recordings)} recordings but {len(names)} names; give one name for each"
        )
    most = [_highest(*pair) for pair in zip(recordings, names, strict=True)]
    size = max(most, default=MISSING) + 1 if size is None else size
    for name, labels, highest in zip(names, recordings, most, strict=True):
        if highest >= size:
            _refuse(name, int(labels.argmax()), highest, size)
    offsets = np.zeros(len(names) + 1, np.int64)
    np.cumsum([len(labels) for labels in recordings], out=offsets[1:])
    values = np.zeros(offsets[-1], _kind(size))
    valid = np.empty(offsets[-1], bool)
    for labels, start, stop in zip(recordings, offsets[:-1], offsets[1:], strict=True):
        np.greater_equal(labels, 0, out=valid[start:stop])
        np.copyto(values[start:stop], labels, where=valid[start:stop], casting="unsafe")
    return Sequences(names, values, valid, offsets, _rate(fps), size)


def unpack(sequences: Sequences) -> list[Int64[np.ndarray, " _"]]:
    """Return the label of each frame of each recording, -1 where it has none."""
    parts = (recording(sequences, r) for r in range(len(sequences.names)))
    return [np.where(valid, values.astype(np.int64), MISSING) for values, valid in parts]


def recording(
    sequences: Sequences, r: int
) -> tuple[UInt8[np.ndarray, " T"] | UInt16[np.ndarray, " T"], Bool[np.ndarray, " T"]]:
    """Return views of labels and validity of recording r."""
    frames = slice(sequences.offsets[r], sequences.offsets[r + 1])
    return sequences.values[frames], sequences.valid[frames]


def lengths(sequences: Sequences) -> Int64[np.ndarray, " R"]:
    """Return the frames of each recording."""
    return np.diff(sequences.offsets)


def select(sequences: Sequences, names: Iterable[str]) -> Sequences:
    """Return some recordings, in the order named; the number of labels stays."""
    names = _unique(names)
    place = {name: r for r, name in enumerate(sequences.names)}
    for name in names:
        if name not in place:
            raise InputError(f"there is no recording {name!r}{did_you_mean(name, place)}")
    parts = [recording(sequences, place[name]) for name in names]
    values = [values for values, _ in parts] or [sequences.values[:0]]
    valid = [valid for _, valid in parts] or [sequences.valid[:0]]
    offsets = np.zeros(len(names) + 1, np.int64)
    np.cumsum([len(part) for part, _ in parts], out=offsets[1:])
    joined = np.concatenate(values), np.concatenate(valid), offsets
    return Sequences(names, *joined, sequences.fps, sequences.size)


def by_name(sequences: Sequences) -> Sequences:
    """Return the recordings sorted by name: the same for every order they came in."""
    return select(sequences, sorted(sequences.names))


def resized(sequences: Sequences, size: int) -> Sequences:
    """Return the same labels among `size` of them, as a model counts them.

    A label that is not below `size` is an error that names its recording and frame.
    """
    above = np.flatnonzero(sequences.valid & (sequences.values >= size))
    if len(above):
        r = int(np.searchsorted(sequences.offsets, above[0], side="right")) - 1
        frame = int(above[0] - sequences.offsets[r])
        _refuse(sequences.names[r], frame, int(sequences.values[above[0]]), size)
    values = sequences.values.astype(_kind(size), copy=False)
    return sequences._replace(values=values, size=size)


def _highest(labels: Integer[np.ndarray, " T"], name: str) -> int:
    """Return the largest label, after a look at the smallest."""
    if not len(labels):
        raise InputError(f"recording {name!r} has no frames; leave it out")
    if (lowest := int(labels.min())) < MISSING:
        frame = int(labels.argmin())
        raise InputError(
            f"recording {name!r}: label {lowest} at frame {frame}; labels are 0 or more, "
            "and -1 where a frame has none"
        )
    return int(labels.max())


def _refuse(name: str, frame: int, label: int, size: int) -> None:
    """Say that a label is too large."""
    raise InputError(
        f"recording {name!r}: label {label} at frame {frame}, but there are {size} labels, "
        f"0 to {size - 1}; give a larger number of labels or mark the frame as missing (-1)"
    )


def _kind(size: int) -> type[np.uint8] | type[np.uint16]:
    """Return the smallest type that holds labels 0 to size - 1."""
    if not 0 <= size <= MOST_LABELS:
        raise InputError(f"{size} labels; sequences hold 0 to {MOST_LABELS} of them")
    return np.uint8 if size <= 256 else np.uint16


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names, none of which may come twice."""
    names = tuple(names)
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"two recordings are named {name!r}; give each its own name")
        seen.add(name)
    return names


def _rate(fps: float) -> float:
    """Return a frame rate that can be one."""
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(f"fps is {fps}; give the frames a second of the recordings")
    return float(fps)
