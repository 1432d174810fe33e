"""Conservative tracklets: tracks cut wherever an identity might have changed.

A cut that proves harmless is healed by `stitch` and `crossings`; a swap inside a tracklet never
is. What a person has said is kept here as links that must be, links that must not be, and rows
that are no animal.
"""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.core.instances import UNTRACKED, Detections
from gambol.tracking.features import IOU, NEAR

MARGIN = 3.0  # nats: 1 in 20 of links this sure are wrong
LATE = 2.5  # median steps between frames: a longer one is a gap
JUMP = 6.0  # robust standard deviations of acceleration; 1 in 10^7 frames if it were Gaussian
JUMP_LENGTH = 0.05  # L: smaller jumps than this are never cut
STILL = 0.01  # L: least standard deviation of acceleration over a frame
TOGETHER = 2048  # detections whose poses are in memory together
RAYLEIGH = 1.18  # median length of a vector in the plane whose coordinates have sd 1


class Constraints(NamedTuple):
    """What a person has said, in rows of the detections; compiled from edits by `review`."""

    same: tuple[tuple[int, ...], ...] = ()  # rows of one animal in time order
    anchors: tuple[tuple[int, int], ...] = ()  # (row, animal): this is who it is
    cuts: tuple[int, ...] = ()  # rows before which a tracklet must end
    excluded: tuple[int, ...] = ()  # rows that are no animal


class Tracklets(NamedTuple):
    """D detections in M tracklets, which are numbered by their start."""

    of: Int[np.ndarray, " D"]  # tracklet of each detection, or UNTRACKED
    first: Int[np.ndarray, " M"]  # row of the first detection
    last: Int[np.ndarray, " M"]
    start: Float[np.ndarray, " M"]  # s
    end: Float[np.ndarray, " M"]  # s
    touching: Bool[np.ndarray, " D"]  # this detection is in contact with another
    came: Int[np.ndarray, " M"]  # row that its raw track had before, or UNTRACKED
    bond: Float[np.ndarray, " M"]  # nats that online tracking had for that; 0 if unknown

    def rows(self) -> list[Int[np.ndarray, " R"]]:
        """Return the rows of each tracklet in time order."""
        order = np.argsort(self.of, kind="stable")
        edges = np.searchsorted(self.of[order], np.arange(len(self.first) + 1))
        return [order[a:b] for a, b in zip(edges[:-1], edges[1:], strict=True)]


def cut(
    detections: Detections,
    track: Int[np.ndarray, " D"],
    margin: Float[np.ndarray, " D"] | None,
    times: Float[np.ndarray, " T"],
    body: float,
    constraints: Constraints = Constraints(),  # noqa: B008  a tuple cannot be changed
) -> Tracklets:
    """Cut tracks at doubtful links, at the edges of contacts, at gaps and at jumps.

    Args:
        detections: sorted by frame.
        track: raw track of each detection, distinct in a frame, or UNTRACKED.
        margin: nats between the best and the second-best joint assignment of the detection to
            the frame before; where the tracks came without, that of exchanging two animals in
            contact is worked out.
        times: of the frames, s.
        body: body length L, px.
        constraints: what a person has said, which is stronger than all of this.
    """
    known = (track >= 0) & _seen(detections)
    known[list(constraints.excluded)] = False
    pairs = contacts(detections, body)
    contact = np.zeros(len(track), bool)
    contact[pairs.ravel()] = True
    order = np.lexsort((detections.frame, np.where(known, track, -1)))
    order = order[known[order]]
    before, after = order[:-1], order[1:]
    seconds = times[detections.frame[order]]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    same = track[before] == track[after]
    apart = detections.frame[after] - detections.frame[before]
    joined, lost = same & (apart == 1), np.flatnonzero(same & (apart > 1))
    joined &= (np.diff(seconds) <= LATE * step) & (contact[before] == contact[after])
    steps = shifts(detections, before, after)
    came = np.full(len(track), UNTRACKED, _row_type(len(track)))
    came[after[same]] = before[same]
    vague = np.full(len(track), margin is None)  # nothing is known of the link to `came`
    if margin is not None:
        vague[list(constraints.cuts)] = True
        gone, back = (detections.frame[rows[lost]] for rows in (before, after))
        vague[after[lost[_unseen_together(gone, back)]]] = True
    else:
        margin = _margins(detections, order, steps, joined, pairs, body)
    joined &= margin[after] >= MARGIN
    joined &= ~_jumps(steps, seconds, joined, body)
    following = np.full(len(track), UNTRACKED, came.dtype)
    following[before[joined]] = after[joined]
    _obey(following, constraints)
    del order, before, after, apart, joined, same, steps, seconds  # large in a long recording
    of, first, last = _number(following, known)
    start, end = (times[detections.frame[rows]] for rows in (first, last))
    bond = np.where(vague[first], 0.0, np.clip(margin[first], 0.0, MARGIN))
    return Tracklets(of, first, last, start, end, contact, came[first].astype(np.int64), bond)


def _row_type(rows: int) -> type[np.signedinteger[Any]]:
    """Return the smallest type that numbers rows, of which a long recording has many."""
    return np.int32 if rows <= np.iinfo(np.int32).max else np.int64


def centres(xy: Float[np.ndarray, "D J 2"]) -> Float[np.ndarray, "D 2"]:
    """Return the mean of the keypoints that were found, px; NaN where none was."""
    found = np.isfinite(xy).all(axis=-1, keepdims=True)
    n = found.sum(axis=1)
    total = np.where(found, xy, 0.0).sum(axis=1)
    return np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)


def chunks(rows: int) -> Iterator[slice]:
    """Yield some rows after others: few poses are in memory at a time."""
    for begin in range(0, rows, TOGETHER):
        yield slice(begin, min(begin + TOGETHER, rows))


def shifts(
    detections: Detections, before: Int[np.ndarray, " R"], after: Int[np.ndarray, " R"]
) -> Float[np.ndarray, "R 2"]:
    """Return how far a body moved from one row to another, px: the mean of shared keypoints.

    A keypoint that comes or goes does not move the body, as it would the mean of all; that is
    all there is where no keypoint is shared.
    """
    result = np.empty((len(before), 2))
    for some in chunks(len(before)):
        old, new = (detections.select(rows[some]).xy for rows in (before, after))
        moved = new - old
        shared = np.isfinite(moved).all(axis=-1, keepdims=True)
        n = shared.sum(axis=1)
        total = np.where(shared, moved, 0.0).sum(axis=1)
        none = n[:, 0] == 0
        step = total / np.maximum(n, 1)
        step[none] = centres(new[none]) - centres(old[none])
        result[some] = step
    return result


class Courses(NamedTuple):
    """Where bodies go, of the R detections in tracklets, one tracklet after the other."""

    rows: Int[np.ndarray, " R"]  # in time order within a tracklet
    of: Int[np.ndarray, " R"]  # tracklet
    place: Float[np.ndarray, "R 2"]  # px, comparable within a tracklet; see `shifts`


def courses(detections: Detections, tracklets: Tracklets) -> Courses:
    """Return the tracklets as places."""
    rows = np.argsort(tracklets.of, kind="stable")
    rows = rows[np.searchsorted(tracklets.of, 0, sorter=rows) :]
    place = shifts(detections, np.concatenate([rows[:1], rows[:-1]]), rows)
    of = tracklets.of[rows]
    place[np.flatnonzero(np.diff(of, prepend=UNTRACKED))] = 0.0
    return Courses(rows, of, np.cumsum(place, axis=0, out=place))


def _seen(detections: Detections) -> Bool[np.ndarray, " D"]:
    """Which detections have a keypoint."""
    parts = [
        np.isfinite(detections.select(np.arange(some.start, some.stop)).xy).all(-1).any(1)
        for some in chunks(len(detections.frame))
    ]
    return np.concatenate([np.zeros(0, bool), *parts])


def contacts(detections: Detections, body: float) -> Int[np.ndarray, "P 2"]:
    """List pairs of detections of one frame that are in contact.

    In contact: two keypoints closer than 0.1 L, or boxes with IoU above 0.3.
    """
    frame, first, found = detections.frame, 0, [np.zeros((0, 2), np.int64)]
    while first < len(frame):
        last = int(
            np.searchsorted(frame, frame[min(first + TOGETHER, len(frame)) - 1], "right")
        )
        found.append(first + _contacts(detections.select(np.arange(first, last)), body))
        first = last
    return np.concatenate(found)


def _contacts(found: Detections, body: float) -> Int[np.ndarray, "P 2"]:
    """The same in whole frames, a few at a time."""
    frame, xy = found.frame, found.xy
    known = np.isfinite(xy)
    low = np.where(known, xy, np.inf).min(axis=1)
    high = np.where(known, xy, -np.inf).max(axis=1)
    pairs = [np.zeros((0, 2), np.int64)]
    for k in range(1, int(np.bincount(frame - frame[0]).max())):
        a = np.flatnonzero(frame[:-k] == frame[k:])
        b = a + k
        gap = np.maximum(low[a], low[b]) - np.minimum(high[a], high[b])
        close = (gap < NEAR * body).all(axis=1)
        a, b = a[close], b[close]
        both = _iou(low[a], high[a], low[b], high[b]) > IOU
        for part in chunks(len(a)):  # bounds the (pairs, J, J) distances
            away = np.linalg.norm(xy[a[part], :, None] - xy[b[part], None], axis=-1)
            both[part] |= (away < NEAR * body).any(axis=(1, 2))  # NaN is not near
        pairs.append(np.stack([a, b], axis=1)[both])
    return np.concatenate(pairs)


def _iou(
    low: np.ndarray, high: np.ndarray, other_low: np.ndarray, other_high: np.ndarray
) -> Float[np.ndarray, " P"]:
    """Overlap of boxes as a share of their union; 0 for boxes without area."""
    shared = np.clip(np.minimum(high, other_high) - np.maximum(low, other_low), 0, None)
    overlap = shared.prod(axis=1)
    union = (high - low).prod(axis=1) + (other_high - other_low).prod(axis=1) - overlap
    return np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)


def _unseen_together(
    gone: Int[np.ndarray, " L"], back: Int[np.ndarray, " L"]
) -> Bool[np.ndarray, " L"]:
    """Whether another track, too, is unseen between these frames: who came back is open."""
    low, high = gone + 1, back - 1
    begun = np.searchsorted(np.sort(low), high, "right")
    over = np.searchsorted(np.sort(high), low, "left")
    return np.asarray(begun - over > 1)  # one is its own


def _margins(
    detections: Detections,
    order: Int[np.ndarray, " R"],
    steps: Float[np.ndarray, "L 2"],
    joined: Bool[np.ndarray, " L"],
    pairs: Int[np.ndarray, "P 2"],
    body: float,
) -> Float[np.ndarray, " D"]:
    """Nats by which animals in contact fit their own course better than each other's.

    The course is that of the last two frames; infinite for an animal without contact.
    """
    margin = np.full(len(detections.frame), np.inf)
    if len(order) < 3 or not len(pairs):
        return margin
    came = np.full(len(margin), UNTRACKED)
    came[order[1:][joined]] = order[:-1][joined]
    steady = np.flatnonzero(joined[1:] & joined[:-1])  # links k and k + 1 are of one track
    course = np.zeros((len(margin), 2))
    course[order[steady + 2]] = steps[steady]
    off = np.linalg.norm(steps[steady + 1] - steps[steady], axis=1)
    sd = max(float(np.median(off)) / RAYLEIGH if len(off) else 0.0, STILL * body)
    a, b = pairs[(came[pairs] >= 0).all(axis=1)].T

    def misfit(row: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Squared distance of rows from where these or other animals would be."""
        away = shifts(detections, came[other], row) - course[other]
        return np.asarray((away**2).sum(axis=1))

    nats = misfit(a, b) + misfit(b, a) - misfit(a, a) - misfit(b, b)
    for rows in (a, b):
        np.minimum.at(margin, rows, nats / (2 * sd**2))
    return margin


def _jumps(
    steps: Float[np.ndarray, "L 2"],
    seconds: Float[np.ndarray, " R"],
    joined: Bool[np.ndarray, " L"],
    body: float,
) -> Bool[np.ndarray, " L"]:
    """Tell which of the R - 1 links are leaps beyond all other motion, in both directions.

    A leap is a step that differs from the step before and from the step after it.
    """
    if len(joined) < 2:
        return np.zeros(len(joined), bool)
    change = np.empty(len(joined) - 1)
    for some in chunks(len(change)):
        links = slice(some.start, some.stop + 1)
        dt = np.diff(seconds[some.start : some.stop + 2])
        dt = np.where(joined[links], dt, 1.0)[:, None]
        change[some] = np.linalg.norm(np.diff(steps[links] / dt, axis=0) * dt[1:], axis=1)
    valid = joined[1:] & joined[:-1]  # links k and k + 1 are of one track
    typical = float(np.median(change[valid])) / RAYLEIGH if valid.any() else 0.0
    sudden = valid & (change > max(JUMP * typical, JUMP_LENGTH * body))
    into, known_before = np.append(False, sudden), np.append(False, valid)
    out, known_after = np.append(sudden, False), np.append(valid, False)
    return joined & (into | ~known_before) & (out | ~known_after) & (into | out)


def _obey(following: Int[np.ndarray, " D"], constraints: Constraints) -> None:
    """Change who follows whom to what a person has said; the later word wins."""
    for row in constraints.cuts:
        following[following == row] = UNTRACKED
    for chain in constraints.same:
        for row, after in itertools.pairwise(chain):
            following[following == after] = UNTRACKED
            following[row] = after


def _number(
    following: Int[np.ndarray, " D"], known: Bool[np.ndarray, " D"]
) -> tuple[Int[np.ndarray, " D"], Int[np.ndarray, " M"], Int[np.ndarray, " M"]]:
    """Number the chains of rows by their first row, which is by start.

    Returns:
        of: chain of each row, or UNTRACKED.
        first: row of each chain.
        last: row of each chain.
    """
    here = np.arange(len(following), dtype=following.dtype)
    root, linked = here.copy(), following >= 0
    root[following[linked]] = here[linked]
    end = np.where(linked, following, here)
    while True:  # each round doubles how far a row sees
        further = root[root]
        if (further == root).all():
            break
        root, end = further, end[end]
    used = known | linked | (root != here)
    first = np.flatnonzero(used & (root == here))
    of = np.where(used, np.searchsorted(first, root), UNTRACKED)
    return of, first, end[first].astype(np.int64)
