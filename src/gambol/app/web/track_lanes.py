"""What the timeline of tracks shows: one lane an animal, work by pixels and not by frames."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.app.web.track_base import CERTAIN, Base
from gambol.core.instances import UNTRACKED
from gambol.tracking import gaps
from gambol.tracking.patches import Patches

SHORT_S = 0.2  # an animal unseen for less than that was not away
STEPS = 5  # of confidence that are told apart
_TABLES = 2  # places of DISMISSED and UNTRACKED before those of the animals
_COARSE = 256  # frames that are passed over at once where nothing happens
_WINDOW = 2048  # frames that are looked at one by one at a time

Span = tuple[int, int, float]


class Lanes(NamedTuple):
    """Sums over P stretches of frames (pixels), by animal as it is called now."""

    edges: Int[np.ndarray, " P+1"]  # first frame of each, then the end
    seen: Int[np.ndarray, "P N"]  # frames with the animal
    sure: Float[np.ndarray, "P N"]  # mean P(identity is right); 0 where not seen
    loose: Int[np.ndarray, " P"]  # detections that are nobody, over all frames


def lanes(base: Base, patches: Patches, edges: Int[np.ndarray, " P+1"]) -> Lanes:
    """Sum over stretches between edges, ascending frames, all different."""
    inside = patches.starts[(patches.starts > edges[0]) & (patches.starts < edges[-1])]
    cells = np.union1d(edges, inside)
    before = base.before(cells)
    seen, sure = np.diff(before.seen, axis=0), np.diff(before.sure, axis=0)
    stretch = np.searchsorted(patches.starts, cells[:-1], "right") - 1
    names = patches.names[stretch] + _TABLES
    sure = np.where(patches.said[stretch], seen * CERTAIN, sure)
    place = np.searchsorted(edges, cells[:-1], "right") - 1
    shape = (len(edges) - 1, patches.n_animals + _TABLES)
    flat = (place[:, None] * shape[1] + names).ravel()
    counts, total = (
        np.bincount(flat, part.ravel(), shape[0] * shape[1]).astype(np.int64).reshape(shape)
        for part in (seen, sure)
    )
    counts[:, UNTRACKED + _TABLES] += np.diff(base.loose[edges])
    _named(base, patches, edges, counts, total)
    mine = slice(_TABLES, None)
    some = counts[:, mine]
    mean = total[:, mine] / (CERTAIN * np.maximum(some, 1))
    return Lanes(edges, some, mean, counts[:, UNTRACKED + _TABLES])


def _named(
    base: Base, patches: Patches, edges: np.ndarray, counts: np.ndarray, total: np.ndarray
) -> None:
    """Add what was named one by one, and take it from what it counted as before."""
    part = slice(*np.searchsorted(patches.frames, [edges[0], edges[-1]]).tolist())
    if part.start == part.stop:
        return
    place = np.searchsorted(edges, patches.frames[part], "right") - 1
    rows, who = patches.rows[part], patches.who[part] + _TABLES
    free = ((base.raw[rows] >= 0) | (base.animal[rows] >= 0)).astype(
        np.int64
    )  # what cleaning took out never counted
    np.add.at(counts, (place, who), np.where(who == UNTRACKED + _TABLES, free, 1))
    np.add.at(total, (place, who), CERTAIN)
    np.subtract.at(counts, (place, np.full(len(place), UNTRACKED + _TABLES)), free)


def spans(of: Lanes) -> list[list[Span]]:
    """Return of each animal the stretches in which it is seen: first, last frame, sureness."""
    step = np.where(of.seen > 0, np.rint(of.sure * STEPS).astype(np.int64), -1)
    found = []
    for lane in step.T:
        breaks = np.flatnonzero(np.diff(lane)) + 1
        firsts, stops = np.r_[0, breaks], np.r_[breaks, len(lane)]
        keep = lane[firsts] >= 0
        found.append(
            list(
                zip(
                    of.edges[firsts[keep]].tolist(),
                    (of.edges[stops[keep]] - 1).tolist(),
                    (lane[firsts[keep]] / STEPS).tolist(),
                    strict=True,
                )
            )
        )
    return found


def fragments(of: Lanes) -> list[tuple[int, int, int]]:
    """Return where somebody is nobody: first and last frame, and how many on average."""
    length = np.diff(of.edges)
    many = -(-np.maximum(of.loose, 0) // length)
    breaks = np.flatnonzero(np.diff(many)) + 1
    firsts, stops = np.r_[0, breaks], np.r_[breaks, len(many)]
    keep = many[firsts] > 0
    return list(
        zip(
            of.edges[firsts[keep]].tolist(),
            (of.edges[stops[keep]] - 1).tolist(),
            many[firsts[keep]].tolist(),
            strict=True,
        )
    )


def pixels(first: int, last: int, px: int) -> Int[np.ndarray, " P+1"]:
    """Return the edges of so many stretches of equal length, at least a frame each."""
    n = max(min(px, last - first + 1), 1)
    return first + np.arange(n + 1) * (last - first + 1) // n


def stretch(base: Base, patches: Patches, animal: int, frame: int) -> tuple[int, int] | None:
    """Return the frames from gap to gap in which an animal is seen around a frame."""
    short = max(round(SHORT_S * base.fps), 1)
    there = _there(base, patches, animal)
    around = there(max(frame - short, 0), min(frame + short + 1, base.frames))
    if not around.any():
        return None
    begin = max(frame - short, 0) + int(np.flatnonzero(around)[0])
    end = max(frame - short, 0) + int(np.flatnonzero(around)[-1])
    return _reach(there, begin, -1, base.frames, short), _reach(
        there, end, 1, base.frames, short
    )


def _there(
    base: Base, patches: Patches, animal: int
) -> Callable[[int, int], Bool[np.ndarray, " T"]]:
    def there(first: int, stop: int) -> np.ndarray:
        edges = np.arange(first, stop + 1)
        return np.asarray(lanes(base, patches, edges).seen[:, animal] > 0)

    return there


def gap(base: Base, patches: Patches, animal: int, frame: int) -> tuple[int, int] | None:
    """Return first and last frame of the gap of an animal around a frame; None: it is seen.

    -1, or the number of frames: it is not seen before, or after.
    """
    there = _there(base, patches, animal)
    if there(frame, frame + 1)[0]:
        return None
    first, last = frame, frame
    while first > 0:
        begin = max(first - _WINDOW, 0)
        if len(seen := np.flatnonzero(there(begin, first))):
            first = begin + int(seen[-1]) + 1
            break
        first = begin
    while last < base.frames - 1:
        stop = min(last + 1 + _WINDOW, base.frames)
        if len(seen := np.flatnonzero(there(last + 1, stop))):
            last += int(seen[0])
            break
        last = stop - 1
    none = not there(max(first - 1, 0), max(first, 1))[0]
    return (-1 if none else first), (last if last < base.frames - 1 else base.frames)


def bridged(base: Base, patches: Patches, first: int, last: int) -> list[tuple[int, int, int]]:
    """Return animal, first and last frame of each line across a gap."""
    some = [
        gap for gap in patches.gaps
        if gap.kind == "interpolate" and gap.first <= last and first <= gap.last
    ]  # fmt: skip

    if not some:
        return []
    every = [np.arange(gap.first - 1, gap.last + 3) for gap in some]
    edges = np.unique(np.clip(np.concatenate(every), 0, base.frames))
    seen = lanes(base, patches, edges).seen > 0

    def found(part: gaps.Part) -> np.ndarray:
        begin, stop = np.clip([part.first, part.last + 1], 0, base.frames).tolist()
        rows = np.searchsorted(edges, np.arange(begin, stop))
        return begin + np.flatnonzero(seen[rows, part.animal])

    between = (line for gap in some for line in gaps.lines(gap, found))
    return [
        (animal, one + 1, two - 1) for animal, one, two in between
        if one + 1 <= last and first <= two - 1
    ]  # fmt: skip


def _reach(
    there: Callable[[int, int], np.ndarray], frame: int, way: int, frames: int, short: int
) -> int:
    """Return the last frame in one direction before a gap."""
    while True:
        first, stop = (
            (frame, min(frame + _WINDOW, frames))
            if way > 0
            else (max(frame - _WINDOW + 1, 0), frame + 1)
        )
        seen = np.flatnonzero(there(first, stop)[::way])  # distances from `frame`
        breaks = np.flatnonzero(np.diff(seen) > short)
        reached = int(seen[breaks[0]] if len(breaks) else seen[-1])
        if len(breaks) or reached == 0 or stop - first < _WINDOW:
            return frame + way * reached
        frame += way * reached


class Doubt(NamedTuple):
    """Where an animal is away, or somebody is nobody."""

    frame: int
    animal: int  # that is away; UNTRACKED: a fragment begins


def next_doubt(base: Base, patches: Patches, after: int) -> Doubt | None:
    """Return the next gap or fragment that begins after a frame."""
    edges = np.arange(0, base.frames + _COARSE, _COARSE)
    edges[-1] = base.frames
    edges = np.unique(edges)
    coarse = lanes(base, patches, edges)
    full = (coarse.seen == np.diff(edges)[:, None]).all(axis=1) & (coarse.loose == 0)
    none = (coarse.seen == 0).all(axis=1) & (coarse.loose == 0)
    dull = full | none
    for block in np.flatnonzero(edges[1:] > after + 1):
        before = max(block - 1, 0)
        if dull[block] and (dull[before] and full[block] == full[before]):
            continue
        if (found := _first(base, patches, after, edges, int(block))) is not None:
            return found
    return None


def _first(
    base: Base, patches: Patches, after: int, edges: np.ndarray, block: int
) -> Doubt | None:
    """Look at the frames of a block one by one."""
    short = max(round(SHORT_S * base.fps), 1)
    first = max(int(edges[block]) - short, 0)
    stop = min(int(edges[block + 1]) + short, base.frames)
    fine = lanes(base, patches, np.arange(first, stop + 1))
    here = np.arange(max(int(edges[block]), after + 1), int(edges[block + 1])) - first
    for t in here.tolist():
        loose = fine.loose[max(t - short, 0) : t]
        if fine.loose[t] > 0 and not loose.any():
            return Doubt(first + t, UNTRACKED)
        away = ~fine.seen[t : t + short].any(axis=0) & (fine.seen[max(t - 1, 0)] > 0)
        for gap in patches.gaps if away.any() else ():  # somebody has decided about it
            if gap.kind == "interpolate" and isinstance(gap, gaps.Parted):
                continue  # no line goes across it any more
            for part in gaps.parts(gap) if gap.first <= first + t <= gap.last else ():
                if part.first <= first + t <= part.last:
                    away[part.animal] = False
        if t > 0 and away.any():
            return Doubt(first + t, int(np.argmax(away)))
    return None
