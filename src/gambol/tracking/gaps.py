"""Gaps of an animal that a person decided about: bridged by straight lines, or left.

A line is drawn between what was found right before and right after the gap, so it always is a
function of the identities as they are: what is named later draws it anew, and where an end is
gone there is no line. What was found always comes before what is drawn.
"""

from collections.abc import Iterable
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


def after(gaps: tuple[log.Gap, ...], edit: log.Edit) -> tuple[log.Gap, ...]:
    """Return the decisions as they stand after an edit; the later one about a gap counts."""
    if isinstance(edit, log.Gap):
        others = (
            gap for gap in gaps
            if gap.animal != edit.animal or gap.last < edit.first or edit.last < gap.first
        )  # fmt: skip
        return (*others, edit)
    if isinstance(edit, log.Swap | log.Join):
        a, b, last = edit.a, edit.b, edit.last if isinstance(edit, log.Swap) else None
    elif isinstance(edit, log.Assign) and edit.was != UNTRACKED:
        a, b, last = edit.was, edit.animal, edit.last
    else:
        return gaps
    other = {a: b, b: a}
    return tuple(
        gap.model_copy(update={"animal": other.get(gap.animal, gap.animal)})
        if edit.first <= gap.first and (last is None or gap.last <= last)
        else gap
        for gap in gaps
    )


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


def draw(
    found: Detections,
    identity: Int[np.ndarray, " D"],
    confidence: Float[np.ndarray, " D"],
    gaps: Iterable[log.Gap],
) -> Drawn:
    """Draw the lines of all gaps that are to be bridged.

    A point on a line is (1 - w) a + w b. Its covariance is given as (1 - w) A + w B, which that
    of the sum never exceeds, however the errors of both ends go together; that the animal went
    straight is not in it. Confidences are those of the less certain end.

    Args:
        found: all detections.
        identity: who they are.
        confidence: P(identity is right).
        gaps: the decisions; those to leave a gap draw nothing.
    """
    parts = [
        _line(found, identity, confidence, gap) for gap in gaps if gap.kind == "interpolate"
    ]
    nothing = np.arange(0)
    parts.append(Drawn(found.select(nothing), identity[nothing], confidence[nothing]))
    poses = Detections(
        *(np.concatenate(of) for of in zip(*(part.poses for part in parts), strict=True))
    )
    animal = np.concatenate([part.animal for part in parts])
    sure = np.concatenate([part.confidence for part in parts])
    order = np.lexsort((animal, poses.frame))
    return Drawn(poses.select(order), animal[order], sure[order])


def _line(
    found: Detections, identity: np.ndarray, confidence: np.ndarray, gap: log.Gap
) -> Drawn:
    edges = np.searchsorted(found.frame, [gap.first - 1, gap.last + 2])
    rows = np.arange(*edges.tolist())
    rows = rows[identity[rows] == gap.animal]
    frames, n = found.frame[rows], gap.last - gap.first + 1
    whole = len(rows) > 1 and frames[0] == gap.first - 1 and frames[-1] == gap.last + 1
    free = np.setdiff1d(np.arange(gap.first, gap.last + 1), frames) if whole else np.arange(0)
    if not len(free):
        nothing = np.arange(0)
        return Drawn(found.select(nothing), identity[nothing], confidence[nothing])
    one, two = int(rows[0]), int(rows[-1])
    step = free - gap.first
    least = np.minimum(found.confidence[one], found.confidence[two])
    xy = line(found.xy[one], found.xy[two], n)[step]
    many = len(free)
    poses = Detections(
        free, xy, line(found.cov[one], found.cov[two], n)[step],
        np.where(np.isfinite(xy).all(axis=-1), least, 0.0),
        np.full(many, min(found.score[one], found.score[two])),
        np.zeros((many, found.embedding.shape[1])), np.zeros((many, found.identity.shape[1])),
    )  # fmt: skip
    sure = min(confidence[one], confidence[two])
    return Drawn(poses, np.full(many, gap.animal), np.full(many, float(sure)))
