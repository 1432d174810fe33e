"""The automatic tracks of a recording as the studio needs them at every zoom: small arrays.

Of a million frames with 20 animals this is about 150 MB: who each detection was called, its
raw track, and how sure its identity was. Nothing here ever changes; edits lie on top of it
(`tracking.patches`).
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Int16, Int32, UInt8

from gambol.core.errors import InputError
from gambol.io import detections as io_detections
from gambol.stages import identities
from gambol.tracking.review import Event

BLOCK = 16  # frames between sums that are kept
CERTAIN = 254  # what a probability of 1 is stored as, less 1
_PIECE = 1 << 15  # frames, or detections, that are worked on at once


class Sums(NamedTuple):
    """Sums over the frames before a frame, by automatic animal."""

    seen: Int[np.ndarray, "E N"]  # frames with the animal
    sure: Int[np.ndarray, "E N"]  # of P(identity is right), in units of 1 / CERTAIN


class Base(NamedTuple):
    """Automatic tracks: T frames, N animals, D detections."""

    key: str
    names: tuple[str, ...]
    starts: Int[np.ndarray, " T+1"]  # first detection of each frame, then D
    animal: Int16[np.ndarray, " D"]  # or UNTRACKED
    raw: Int32[np.ndarray, " D"]  # raw track; -1 where cleaning took the detection out
    sure: UInt8[np.ndarray, "T N"]  # 0: not seen; else 1 + P(identity is right) · CERTAIN
    blocks: Sums  # before every BLOCK-th frame
    loose: Int[np.ndarray, " T+1"]  # detections without identity before a frame
    times: Float[np.ndarray, " T"]  # s
    events: list[Event]
    source: str  # the film
    fps: float  # in the middle of all frames

    @property
    def frames(self) -> int:
        """T."""
        return len(self.times)

    def where(self, rows: Int[np.ndarray, " R"]) -> tuple[np.ndarray, np.ndarray]:
        """Return frames and automatic animals of detections."""
        frames = np.searchsorted(self.starts, rows, "right") - 1
        return frames, self.animal[rows].astype(np.int64)

    def before(self, edges: Int[np.ndarray, " E"]) -> Sums:
        """Return sums over all frames before each of some frames."""
        block, rest = np.divmod(edges, BLOCK)
        seen, sure = self.blocks.seen[block].astype(np.int64), self.blocks.sure[block].copy()
        if rest.any():
            step = np.arange(BLOCK - 1)
            place = np.minimum(block[:, None] * BLOCK + step, self.frames - 1)
            part = self.sure[place] * (step < rest[:, None])[..., None]  # (E, 63, N)
            there = np.count_nonzero(part, axis=1)
            seen += there
            sure += part.sum(axis=1, dtype=np.int64) - there
        return Sums(seen, sure)


def load(target: Path, key: str) -> Base:
    """Read the automatic tracks behind a track file.

    Raises:
        InputError: one of the two files is gone or damaged, or not of the other.
    """
    kept, ids, sure, raw, events = _automatic(target, key)
    animal, track = np.full(len(kept), -1, np.int16), np.full(len(kept), -1, np.int32)
    animal[kept], track[kept] = ids, raw
    certain = np.zeros(len(kept), np.uint8)
    certain[kept] = sure
    with io_detections.open_file(target) as file:
        times = file.variables["time"][:].astype(np.float64)
        counts = np.asarray(file.variables["n_untracked"][:]).astype(np.int64)
        for first in range(0, len(times), _PIECE):
            part = slice(first, first + _PIECE)
            counts[part] += (file.variables["row"][part] >= 0).sum(axis=1)
        source = str(file.attrs.get("source_file", ""))
    starts = np.concatenate([[0], np.cumsum(counts)])
    if starts[-1] != len(kept):
        raise InputError(f"{target} is not what its log is about; run gambol track again")
    names = identities.names_of(target)
    return lay_out(key, names, starts, animal, track, certain, times, events, source)


def lay_out(
    key: str,
    names: tuple[str, ...],
    starts: Int[np.ndarray, " T+1"],
    animal: Int16[np.ndarray, " D"],
    raw: Int32[np.ndarray, " D"],
    certain: UInt8[np.ndarray, " D"],
    times: Float[np.ndarray, " T"],
    events: list[Event],
    source: str,
) -> Base:
    """Put together what is known by detection; see `Base`."""
    counts = np.diff(starts)
    of = _matrix(starts, animal, certain, len(names))
    alone = np.append((raw >= 0) & (animal < 0), False).astype(np.int64)
    free = np.add.reduceat(alone, starts[:-1]) * (counts > 0)
    loose = np.concatenate([[0], np.cumsum(free)])
    return Base(
        key,
        names,
        starts,
        animal,
        raw,
        of,
        blocks(of),
        loose,
        times,
        events,
        source,
        _rate(times),
    )


def _rate(times: Float[np.ndarray, " T"]) -> float:
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return 1 / step if step > 0 else 25.0


def solved(base: Base, result: identities.Result) -> Base:
    """Return the same recording with identities that were solved anew."""
    return lay_out(
        base.key, base.names, base.starts, result.tracks.id.astype(np.int16), base.raw,
        certainty(result.tracks.confidence), base.times, result.events, base.source,
    )  # fmt: skip


def blocks(sure: UInt8[np.ndarray, "T N"]) -> Sums:
    """Sum what was seen, and how sure, before every BLOCK-th frame."""
    n = sure.shape[1]
    edges = len(sure) // BLOCK + 2
    seen, total = np.zeros((edges, n), np.int32), np.zeros((edges, n), np.int64)
    firsts = np.arange(0, len(sure), BLOCK)
    for first in range(0, len(firsts), 1024):
        some = firsts[first : first + 1024]
        part = sure[some[0] : some[-1] + BLOCK]
        inside = some - some[0]
        there = np.add.reduceat((part > 0).astype(np.int32), inside)
        place = slice(some[0] // BLOCK + 1, some[0] // BLOCK + 1 + len(some))
        seen[place] = there
        total[place] = np.add.reduceat(part.astype(np.int64), inside) - there
    return Sums(np.cumsum(seen, axis=0, dtype=np.int32), np.cumsum(total, axis=0))


def _automatic(
    target: Path, key: str
) -> tuple[
    Bool[np.ndarray, " D"], Int16[np.ndarray, " K"], UInt8[np.ndarray, " K"],
    Int32[np.ndarray, " K"], list[Event],
]:  # fmt: skip
    """Read automatic tracks array by array, each made small before the next comes."""
    path = identities.automatic_file(target, key)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            return (
                file["kept"],
                file["id"].astype(np.int16),
                certainty(file["confidence"]),
                file["track"].astype(np.int32),
                [identities.event(one) for one in about["events"]],
            )
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing; run gambol track into another --out") from error
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise InputError(f"{path} is damaged; run gambol track into another --out") from error


def certainty(probability: Float[np.ndarray, " K"]) -> UInt8[np.ndarray, " K"]:
    """Return probabilities as small numbers; 0 is kept for what was not seen."""
    small = np.empty(len(probability), np.uint8)
    for first in range(0, len(small), _PIECE):  # in pieces that stay in the cache
        part = slice(first, first + _PIECE)
        sure = np.clip(np.nan_to_num(probability[part]), 0, 1)
        small[part] = 1 + np.rint(sure * CERTAIN)
    return small


def _matrix(
    starts: np.ndarray, animal: np.ndarray, certain: np.ndarray, n: int
) -> UInt8[np.ndarray, "T N"]:
    """Lay out how sure identities are by frame and animal."""
    of = np.zeros((len(starts) - 1, n), np.uint8)
    for first in range(0, len(of), _PIECE):
        edges = starts[first : first + _PIECE + 1]
        rows = slice(int(edges[0]), int(edges[-1]))
        frame = first + np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        mine = np.flatnonzero(animal[rows] >= 0)
        of[frame[mine], animal[rows][mine]] = certain[rows][mine]
    return of
