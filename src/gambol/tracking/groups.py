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
    odds: list[Odds]  # of the crossings


class _Segments(NamedTuple):
    """S stretches of the paths of A animals between the hand-overs of a crossing."""

    head: Int[np.ndarray, " S"]  # first tracklet; of those that come in, the last one, too
    tail: Int[np.ndarray, " S"]
    path: Int[np.ndarray, " S"]  # 0 … A - 1
    fresh: np.ndarray  # (S,) begins in the crossing
    emission: Float[np.ndarray, "S A"]


def solve(
    pieces: Pieces,
    path: Int[np.ndarray, " K"],
    names: Int[np.ndarray, " K"],
    emission: Float[np.ndarray, "K N"],
    crossings: list[Crossing],
    keep: bool,
) -> Grouped:
    """Resolve each crossing by itself and hand identities on.

    Args:
        pieces: K tracklets, sorted by start.
        path: of each tracklet; what the crossings may change.
        names: identities so far, in which the emission is.
        emission: log p(looks | animal), nats.
        crossings: with few animals each.
        keep: judge the paths as they are.
    """
    before, sure = handed_on(path), np.ones(len(path))
    came, fallback = before.copy(), path.copy()
    after = np.full(len(path), NEVER)
    after[before[before >= 0]] = np.flatnonzero(before >= 0)
    busy = {head for crossing in crossings for head in crossing.heads}
    into, odds = _Into(pieces), []
    for crossing in crossings:
        parts = _segments(crossing, path, before, after, names, emission, busy)
        posterior = infer(_small(pieces, parts, into), parts.emission)
        number = {int(head): s for s, head in enumerate(parts.head) if parts.fresh[s]}
        local = _local(crossing, number, parts)
        mine = parts.path if keep else posterior.best
        chosen = handed_on(mine)
        found = judge(posterior, mine, local)
        tails = np.append(parts.tail, NEVER)
        heads = {s: head for head, s in number.items()}
        odds.append(
            found._replace(
                alternative={heads[s]: int(tails[c]) for s, c in found.alternative.items()}
            )
        )
        lead = {int(a): int(p) for a, p in zip(parts.path, path[parts.head], strict=True)}
        for s, head in heads.items():
            came[head] = tails[chosen[s]]
            fallback[head] = lead[int(mine[s])]
            sure[head] = posterior.probs[s, mine[s]]
    return Grouped(*_hand_on(came, fallback, sure, emission), odds)


def _segments(
    crossing: Crossing,
    path: Int[np.ndarray, " K"],
    before: Int[np.ndarray, " K"],
    after: Int[np.ndarray, " K"],
    names: Int[np.ndarray, " K"],
    emission: Float[np.ndarray, "K N"],
    busy: set[int],
) -> _Segments:
    """Lay out the paths of a crossing as segments sorted by the number of their heads."""
    heads = set(crossing.heads)
    ends = {int(before[h]) for h in heads}
    ends |= {i for _, change in crossing.swaps for i in change.values()}
    begun = {int(path[h]): h for h in sorted(heads, reverse=True)}  # first head of each path
    coming = sorted(i for i in ends - {NEVER} if i < begun.get(int(path[i]), i + 1))
    listed = [(i, i, False) for i in coming]
    seen = []
    for h in sorted(heads):
        onward = [i for i in ends - {NEVER} if path[i] == path[h] and i >= h]
        later = [g for g in heads if path[g] == path[h] and g > h]
        listed.append((h, int(before[min(later)]) if later else max(onward, default=h), True))
        total, tracklet = emission[h].copy(), int(after[h])
        while tracklet != NEVER and tracklet not in busy:
            total += emission[tracklet]
            tracklet = int(after[tracklet])
        seen.append(total)
    order = sorted(range(len(listed)), key=lambda s: listed[s][0])
    head, tail_of, fresh = (np.array([listed[s][c] for s in order]) for c in range(3))
    lanes, lane = np.unique(path[head], return_inverse=True)
    name = {int(p): int(names[h]) for p, h in zip(path[head][::-1], head[::-1], strict=True)}
    columns = np.array([name[int(p)] for p in lanes])
    looks = np.full((len(listed), len(lanes)), 0.0)
    for place, s in enumerate(order):
        if fresh[place]:
            looks[place] = seen[s - len(coming)][columns]
        else:
            looks[place] = -ANCHORED
            looks[place, lane[place]] = 0.0
    return _Segments(head, tail_of, lane, fresh.astype(bool), looks)


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
    came: Int[np.ndarray, " K"],
    fallback: Int[np.ndarray, " K"],
    sure: Float[np.ndarray, " K"],
    emission: Float[np.ndarray, "K N"],
) -> tuple[Int[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Follow identities and their certainty through time; clear looks make certain again."""
    identity, certainty = fallback.copy(), sure.copy()
    looked = np.exp(emission - np.logaddexp.reduce(emission, axis=1, keepdims=True))
    for j in range(len(came)):
        if came[j] >= 0:
            identity[j] = identity[came[j]]
            certainty[j] *= certainty[came[j]]
        certainty[j] = max(certainty[j], looked[j, identity[j]])
    return identity, certainty
