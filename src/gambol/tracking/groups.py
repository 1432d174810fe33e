"""Many animals: those that may have been confused are solved by themselves, a few at a time.

Between its crossings a path is one segment. Each crossing is solved exactly, with segments of
at most a few animals that come with their identities; who follows whom is then put together.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.kernels.flow import Pieces
from gambol.kernels.histories import NEVER, infer
from gambol.tracking.exchanges import Crossing, Odds, handed_on, judge

ANCHORED = 1000.0  # nats: segments come with their identities


class Grouped(NamedTuple):
    """Who K tracklets are, by groups."""

    identity: Int[np.ndarray, " K"]
    certainty: Float[np.ndarray, " K"]  # P(identity is right), from crossing to crossing
    names: Int[np.ndarray, "C N"]  # of the animals on the paths when each crossing begins
    odds: list[Odds]  # of the crossings


class _Turn(NamedTuple):
    """What a crossing says of a tracklet that begins in it."""

    crossing: int
    lane: int  # it is the animal that was on this path when the crossing began
    sure: float


class _Ways(NamedTuple):
    """The paths as chains of tracklets."""

    path: Int[np.ndarray, " K"]
    before: Int[np.ndarray, " K"]  # tracklet, or NEVER
    after: Int[np.ndarray, " K"]
    final: Int[np.ndarray, " N"]  # the last one of each path


class _Segments(NamedTuple):
    """S stretches of the paths of A animals between the hand-overs of a crossing."""

    head: Int[np.ndarray, " S"]  # first tracklet; of those that come in, the last one, too
    tail: Int[np.ndarray, " S"]
    path: Int[np.ndarray, " S"]  # 0 … A - 1
    lanes: Int[np.ndarray, " A"]  # which paths these are
    fresh: np.ndarray  # (S,) begins in the crossing
    emission: Float[np.ndarray, "S A"]


def solve(
    pieces: Pieces,
    path: Int[np.ndarray, " K"],
    names: Int[np.ndarray, "C N"],
    emission: Float[np.ndarray, "K N"],
    crossings: list[Crossing],
    keep: bool,
    start: Int[np.ndarray, " N"],
) -> Grouped:
    """Resolve each crossing by itself and hand identities on.

    Args:
        pieces: K tracklets, sorted by start.
        path: of each tracklet; what the crossings may change.
        names: of the animals on the paths when each crossing begins, as far as is known: those
            in which the emission is.
        emission: log p(looks | animal), nats.
        crossings: C of them, with few animals each.
        keep: judge the paths as they are.
        start: names of the paths before anything was confused.
    """
    ways, into = _ways(path, len(start)), _Into(pieces)
    busy = {head for crossing in crossings for head in crossing.heads}
    turns: dict[int, _Turn] = {}
    odds = []
    for number, crossing in enumerate(crossings):
        parts = _segments(crossing, ways, names[number], emission, busy)
        posterior = infer(_small(pieces, parts, into), parts.emission)
        fresh = {int(head): s for s, head in enumerate(parts.head) if parts.fresh[s]}
        local = _local(crossing, fresh, parts)
        mine = parts.path if keep else posterior.best
        found = judge(posterior, mine, local)
        tails = np.append(parts.tail, NEVER)
        odds.append(
            found._replace(
                alternative={
                    int(parts.head[s]): int(tails[c]) for s, c in found.alternative.items()
                }
            )
        )
        for head, s in fresh.items():
            lane = int(parts.lanes[mine[s]])
            turns[head] = _Turn(number, lane, float(posterior.probs[s, mine[s]]))
    return Grouped(*_hand_on(path, turns, emission, start, len(crossings)), odds)


def _ways(path: Int[np.ndarray, " K"], n: int) -> _Ways:
    before, after, final = handed_on(path), np.full(len(path), NEVER), np.full(n, NEVER)
    after[before[before >= 0]] = np.flatnonzero(before >= 0)
    final[path] = np.arange(len(path))
    return _Ways(path, before, after, final)


def _segments(
    crossing: Crossing,
    ways: _Ways,
    names: Int[np.ndarray, " N"],
    emission: Float[np.ndarray, "K N"],
    busy: set[int],
) -> _Segments:
    """Lay out the paths of a crossing as segments sorted by the number of their heads.

    After the last hand-over in the crossing a path is taken to its end: its animal is not free
    for others, although later crossings are none of its business.
    """
    path, before = ways.path, ways.before
    heads = set(crossing.heads)
    ends = {int(before[h]) for h in heads}
    ends |= {i for _, change in crossing.swaps for i in change.values()}
    begun = {int(path[h]): h for h in sorted(heads, reverse=True)}  # first head of each path
    coming = sorted(i for i in ends - {NEVER} if i < begun.get(int(path[i]), i + 1))
    listed = [(i, i, False) for i in coming]
    seen = []
    for h in sorted(heads):
        later = [g for g in heads if path[g] == path[h] and g > h]
        tail = int(before[min(later)] if later else ways.final[path[h]])
        listed.append((h, tail, True))
        seen.append(_until_busy(h, ways.after, emission, busy))
    order = sorted(range(len(listed)), key=lambda s: listed[s][0])
    head, tail_of, fresh = (np.array([listed[s][c] for s in order]) for c in range(3))
    lanes, lane = np.unique(path[head], return_inverse=True)
    columns = names[lanes]
    looks = np.full((len(listed), len(lanes)), 0.0)
    for place, s in enumerate(order):
        if fresh[place]:
            looks[place] = seen[s - len(coming)][columns]
        else:
            looks[place] = -ANCHORED
            looks[place, lane[place]] = 0.0
    return _Segments(head, tail_of, lane, lanes, fresh.astype(bool), looks)


def _until_busy(
    head: int,
    after: Int[np.ndarray, " K"],
    emission: Float[np.ndarray, "K N"],
    busy: set[int],
) -> Float[np.ndarray, " N"]:
    """Add up looks from a tracklet to the next hand-over that any crossing asks about."""
    total, tracklet = emission[head].copy(), int(after[head])
    while tracklet != NEVER and tracklet not in busy:
        total += emission[tracklet]
        tracklet = int(after[tracklet])
    return total


def _small(pieces: Pieces, parts: _Segments, into: "_Into") -> Pieces:
    """Build the problem of the segments: links from the tail of one to the head of another."""
    last = {int(tail): s for s, tail in enumerate(parts.tail)}
    rows, tail, head = [], [], []
    for s in np.flatnonzero(parts.fresh):
        for e in into.of(int(parts.head[s])):
            if int(pieces.tail[e]) in last:
                rows.append(e)
                tail.append(last[int(pieces.tail[e])])
                head.append(s)
    return Pieces(
        pieces.start[parts.head],
        pieces.end[parts.tail],
        np.zeros(len(parts.head)),
        np.where(parts.fresh, pieces.enter[parts.head], 0.0),
        pieces.leave[parts.tail],
        np.array(tail, np.int64),
        np.array(head, np.int64),
        pieces.cost[np.array(rows, np.int64)],
    )


class _Into:
    """The links into each tracklet."""

    def __init__(self, pieces: Pieces) -> None:
        self.order = np.argsort(pieces.head, kind="stable")
        self.edges = np.searchsorted(pieces.head[self.order], np.arange(len(pieces.start) + 1))

    def of(self, head: int) -> Int[np.ndarray, " E"]:
        """Return the numbers of the links."""
        return self.order[self.edges[head] : self.edges[head + 1]]


def _local(crossing: Crossing, number: dict[int, int], parts: _Segments) -> Crossing:
    """Return the crossing in numbers of segments."""
    last = {int(tail): s for s, tail in enumerate(parts.tail)}
    swaps = tuple(
        (cost, {number[j]: last.get(i, NEVER) for j, i in change.items()})
        for cost, change in crossing.swaps
    )
    return Crossing(tuple(sorted(number.values())), swaps)


def _hand_on(
    path: Int[np.ndarray, " K"],
    turns: dict[int, _Turn],
    emission: Float[np.ndarray, "K N"],
    start: Int[np.ndarray, " N"],
    n_crossings: int,
) -> tuple[Int[np.ndarray, " K"], Float[np.ndarray, " K"], Int[np.ndarray, "C N"]]:
    """Follow names and their certainty through time; clear looks make certain again.

    Two paths exchange names where both are between tracklets, so names stay distinct whatever
    crossings say of each other's animals.
    """
    identity, certainty = path.copy(), np.ones(len(path))
    name, sure = start.copy(), np.ones(len(start))
    names = np.tile(start, (n_crossings, 1))
    moved: dict[int, Int[np.ndarray, " N"]] = {}  # by crossing: where its animals are now
    looked = np.exp(emission - np.logaddexp.reduce(emission, axis=1, keepdims=True))
    for j, p in enumerate(path.tolist()):
        if (turn := turns.get(j)) is not None:
            if turn.crossing not in moved:
                names[turn.crossing] = name
                moved[turn.crossing] = np.arange(len(start))
            lane = moved[turn.crossing]
            q = int(np.flatnonzero(lane == turn.lane)[0])
            for content in (lane, name):
                content[[p, q]] = content[[q, p]]
            sure[name[p]] *= turn.sure
        animal = identity[j] = name[p]
        certainty[j] = sure[animal] = max(sure[animal], looked[j, animal])
    return identity, certainty, names
