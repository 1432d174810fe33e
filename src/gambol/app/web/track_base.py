"""The automatic tracks of a recording as the studio needs them at every zoom: small arrays.

Of a million frames with 20 animals this is about 150 MB: who each detection was called, its
raw track, and how sure its identity was. Nothing here ever changes; edits lie on top of it
(`tracking.patches`).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Int16, Int32, UInt8

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
    of = matrix(starts, animal, certain, len(names))
    loose = np.concatenate([[0], np.cumsum(free(starts, animal, raw))])
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
        rate(times),
    )


def free(
    starts: Int[np.ndarray, " T+1"],
    animal: Int16[np.ndarray, " D"],
    raw: Int32[np.ndarray, " D"],
) -> Int[np.ndarray, " T"]:
    """Count detections of each frame that are nobody, and that cleaning did not take out."""
    before = np.concatenate([[0], np.cumsum((raw >= 0) & (animal < 0))])
    return np.asarray(np.diff(before[starts]))


def rate(times: Float[np.ndarray, " T"]) -> float:
    """Return frames a second in the middle of all frames; 25 where that is not known."""
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
    parts = [sums(sure[first : first + _PIECE]) for first in range(0, len(sure), _PIECE)]
    edges = len(sure) // BLOCK + 2
    zero = np.zeros((1, sure.shape[1]), np.int64)
    whole = [np.cumsum(np.concatenate([zero, *of]), axis=0) for of in zip(*parts, strict=True)]
    ends = [np.repeat(of[-1:], edges - len(of), axis=0) for of in whole]
    seen, total = (np.concatenate(both) for both in zip(whole, ends, strict=True))
    return Sums(seen.astype(np.int32), total)


def sums(sure: UInt8[np.ndarray, "T N"]) -> Sums:
    """Sum what was seen, and how sure, in each BLOCK of frames; the last may be shorter."""
    firsts = np.arange(0, len(sure), BLOCK)
    seen = np.add.reduceat((sure > 0).astype(np.int64), firsts)
    return Sums(seen, np.add.reduceat(sure.astype(np.int64), firsts) - seen)


def certainty(probability: Float[np.ndarray, " K"]) -> UInt8[np.ndarray, " K"]:
    """Return probabilities as small numbers; 0 is kept for what was not seen."""
    small = np.empty(len(probability), np.uint8)
    for first in range(0, len(small), _PIECE):  # in pieces that stay in the cache
        part = slice(first, first + _PIECE)
        sure = np.clip(np.nan_to_num(probability[part]), 0, 1)
        small[part] = 1 + np.rint(sure * CERTAIN)
    return small


def matrix(
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
