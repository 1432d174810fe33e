"""Gaps of an animal that a person decided about: bridged by straight lines, or left.

A line is drawn between what was found right before and right after the gap, so it always is a
function of the identities as they are: what is named later draws it anew, what is found in the
gap later is where it bends, and where an end is gone there is no line. Nor is there one between
two that were exchanged: a gap in which names were is parted there. What was found always comes
before what is drawn.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core.instances import UNTRACKED, Detections
from gambol.tracking import edits as log

LONGEST = 10  # frames; at 30 Hz an animal may turn around in more


class Drawn(NamedTuple):
    """Poses that nobody saw, in the order of frames and animals."""

    poses: Detections
    animal: Int[np.ndarray, " D"]
    confidence: Float[np.ndarray, " D"]  # P(identity is right), of the less certain end


class Parted(log.Gap):
    """A gap in which names were exchanged; `animal` is who it is before that."""

    names: tuple[tuple[int, int], ...]  # who it is from a frame on; ends of the gap included


class Part(NamedTuple):
    """A stretch in which a gap has one name."""

    animal: int
    first: int  # frames, an end of the gap included
    last: int


def parts(gap: log.Gap) -> list[Part]:
    """Return the stretches of a gap and both its ends, in each of which it has one name.

    >>> parts(log.Gap(kind="leave", animal=3, first=5, last=6))
    [Part(animal=3, first=4, last=7)]
    """
    names = gap.names if isinstance(gap, Parted) else ((gap.first - 1, gap.animal),)
    stops = [*(first for first, _ in names[1:]), gap.last + 2]
    return [
        Part(animal, first, stop - 1)
        for (first, animal), stop in zip(names, stops, strict=True)
    ]


def after(gaps: tuple[log.Gap, ...], edit: log.Edit) -> tuple[log.Gap, ...]:
    """Return the decisions as they stand after an edit; the later one about a gap counts."""
    if isinstance(edit, log.Gap):
        return (*(gap for gap in gaps if not _about(gap, edit)), edit)
    if isinstance(edit, log.Swap | log.Join):
        a, b, last = edit.a, edit.b, edit.last if isinstance(edit, log.Swap) else None
    elif isinstance(edit, log.Assign) and edit.was != UNTRACKED:
        a, b, last = edit.was, edit.animal, edit.last
    else:
        return gaps
    return tuple(_renamed(gap, {a: b, b: a}, edit.first, last) for gap in gaps)


def _about(gap: log.Gap, other: log.Gap) -> bool:
    """Tell whether a gap is, in part, of the animal of another one and in its frames."""
    return any(
        part.animal == other.animal
        and max(part.first, gap.first, other.first) <= min(part.last, gap.last, other.last)
        for part in parts(gap)
    )


def _renamed(gap: log.Gap, to: dict[int, int], first: int, last: int | None) -> log.Gap:
    """Return a gap after names were exchanged in some frames."""
    end = gap.last + 1 if last is None else last
    names: list[tuple[int, int]] = []
    for part in parts(gap):
        begin, stop = max(part.first, first), min(part.last, end) + 1
        if begin >= stop or part.animal not in to:
            names.append((part.first, part.animal))
            continue
        if begin > part.first:
            names.append((part.first, part.animal))
        names.append((begin, to[part.animal]))
        if stop <= part.last:
            names.append((stop, part.animal))
    told = [names[k] for k in range(len(names)) if k == 0 or names[k][1] != names[k - 1][1]]
    said = {"kind": gap.kind, "animal": told[0][1], "first": gap.first, "last": gap.last}
    return log.Gap(**said) if len(told) == 1 else Parted(**said, names=tuple(told))


def follow(edits: Iterable[log.Edit]) -> tuple[log.Gap, ...]:
    """Return the decisions of a whole log."""
    gaps: tuple[log.Gap, ...] = ()
    for edit in edits:
        gaps = after(gaps, edit)
    return gaps


def around(frames: Int[np.ndarray, " F"], frame: int, stop: int) -> tuple[int, int]:
    """Return the first and the last frame of the gap around a frame; -1, `stop`: it is open.

    Args:
        frames: where the animal is seen, ascending; not in `frame`.
        frame: in the gap.
        stop: frames of the recording.

    >>> around(np.array([3, 4, 9]), 6, 20)
    (5, 8)
    """
    place = int(np.searchsorted(frames, frame))
    first = int(frames[place - 1]) + 1 if place else -1
    return first, int(frames[place]) - 1 if place < len(frames) else stop


def line(
    before: Float[np.ndarray, "..."], later: Float[np.ndarray, "..."], n: int
) -> Float[np.ndarray, "T ..."]:
    """Return n values at equal steps between two (T = n); NaN where either is.

    >>> line(np.array([0.0]), np.array([4.0]), 3).ravel().tolist()
    [1.0, 2.0, 3.0]
    """
    weight = np.arange(1, n + 1) / (n + 1)
    weight = weight.reshape(-1, *[1] * before.ndim)
    return np.asarray((1 - weight) * before + weight * later)


def lines(
    gap: log.Gap, found: Callable[[Part], Int[np.ndarray, " F"]]
) -> Iterator[tuple[int, int, int]]:
    """Yield the animal of each line of a gap, and the frames between which it goes.

    Args:
        gap: to be bridged or not; one that is left has none.
        found: frames of a part in which its animal is seen, ascending.
    """
    for part in parts(gap) if gap.kind == "interpolate" else []:
        for one, two in itertools.pairwise(found(part).tolist()):
            if two > one + 1:
                yield part.animal, one, two


def firsts(
    frame: Int[np.ndarray, " D"], animal: Int[np.ndarray, " D"]
) -> Int[np.ndarray, " E"]:
    """Return which of D drawn poses stay, by frame and animal: of two of one the first.

    >>> firsts(np.array([4, 3, 4]), np.array([0, 0, 0])).tolist()
    [1, 0]
    """
    _, kept = np.unique(np.stack([frame, animal], axis=1), axis=0, return_index=True)
    return np.asarray(kept)


def draw(
    found: Detections,
    identity: Int[np.ndarray, " D"],
    confidence: Float[np.ndarray, " D"],
    gaps: Iterable[log.Gap],
) -> Drawn:
    """Draw the lines of all gaps that are to be bridged.

    A point on a line is (1 - w) a + w b. Its covariance is given as (1 - w) A + w B, which that
    of the sum never exceeds, however the errors of both ends go together; that the animal went
    straight is not in it. Confidences are those of the less certain end. Where two gaps of one
    animal overlap, as after exchanges, the line of the one decided about first counts.

    Args:
        found: all detections.
        identity: who they are.
        confidence: P(identity is right).
        gaps: the decisions; those to leave a gap draw nothing.
    """

    def rows(part: Part) -> np.ndarray:
        edges = np.searchsorted(found.frame, [part.first, part.last + 1])
        some = np.arange(*edges.tolist())
        return some[identity[some] == part.animal]

    def ends(animal: int, one: int, two: int) -> tuple[int, int]:
        before, later = (rows(Part(animal, at, at)) for at in (one, two))
        return int(before[0]), int(later[0])

    drawn = [
        _line(found, confidence, *ends(*which), which[0])
        for gap in gaps
        for which in lines(gap, lambda part: found.frame[rows(part)])
    ]
    nothing = np.arange(0)
    drawn.append(Drawn(found.select(nothing), identity[nothing], confidence[nothing]))
    poses = Detections(
        *(np.concatenate(of) for of in zip(*(part.poses for part in drawn), strict=True))
    )
    animal = np.concatenate([part.animal for part in drawn])
    sure = np.concatenate([part.confidence for part in drawn])
    kept = firsts(poses.frame, animal)
    return Drawn(poses.select(kept), animal[kept], sure[kept])


def _line(found: Detections, confidence: np.ndarray, one: int, two: int, animal: int) -> Drawn:
    """Draw the line between two detections."""
    frames = np.arange(found.frame[one] + 1, found.frame[two])
    many = len(frames)
    least = np.minimum(found.confidence[one], found.confidence[two])
    xy = line(found.xy[one], found.xy[two], many)
    poses = Detections(
        frames, xy, line(found.cov[one], found.cov[two], many),
        np.where(np.isfinite(xy).all(axis=-1), least, 0.0),
        np.full(many, min(found.score[one], found.score[two])),
        np.zeros((many, found.embedding.shape[1])), np.zeros((many, found.identity.shape[1])),
    )  # fmt: skip
    sure = min(confidence[one], confidence[two])
    return Drawn(poses, np.full(many, animal), np.full(many, float(sure)))
