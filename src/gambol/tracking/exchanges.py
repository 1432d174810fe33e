"""Where animals may have been exchanged: hand-overs whose exchange costs few nats."""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.kernels.flow import Pieces
from gambol.kernels.histories import NEVER, Posterior, log_sum

DOUBT = 14.0  # nats: an exchange dearer than that is not looked at: 1 in a million
BOUT = 0.5  # s: crossings of an animal that are less apart are one
LASTING = 10.0  # s: but none of those is longer
NEGLIGIBLE = -50.0  # nats: histories less likely than that are not summed


class Crossing(NamedTuple):
    """Tracklets that begin in it, whose animals may have been exchanged there."""

    heads: tuple[int, ...]
    swaps: tuple[tuple[float, dict[int, int]], ...]  # nats dearer by motion, who follows whom


class Odds(NamedTuple):
    """How sure a crossing is, all tracklets considered."""

    chosen: float  # log P(all leave it as who they came by the identities), nats
    rival: float  # log P of the best exchange of two of them
    alternative: dict[int, int]  # last tracklet in it → the one before it of its animal then


def handed_on(identity: Int[np.ndarray, " K"]) -> Int[np.ndarray, " K"]:
    """Return the tracklet that the animal of each had before, or NEVER."""
    before = np.full(len(identity), NEVER)
    order = np.argsort(identity, kind="stable")
    same = identity[order[1:]] == identity[order[:-1]]
    before[order[1:][same]] = order[:-1][same]
    return before


def find(pieces: Pieces, identity: Int[np.ndarray, " K"], most: int = 10**9) -> list[Crossing]:
    """Find where animals may have been exchanged.

    Two hand-overs i → i' and p → j may be exchanged for i → j and p → i' if time allows; those
    that cost at most DOUBT more by motion join a crossing, nearest first, while it has no more
    than `most` animals. So do crossings that follow upon each other: who is who in between is
    of no use to anybody.
    """
    k = len(identity)
    before, after = handed_on(identity), np.full(k, NEVER)
    after[before[before >= 0]] = np.flatnonzero(before >= 0)
    i, j = pieces.tail, pieces.head
    follows, precedes = after[i], before[j]
    real = (follows != j) & ((follows >= 0) | (precedes >= 0))
    i, j, follows, precedes = i[real], j[real], follows[real], precedes[real]
    both = (follows >= 0) & (precedes >= 0)
    real = ~both | (pieces.end[precedes] < pieces.start[follows])
    i, j, follows, precedes = i[real], j[real], follows[real], precedes[real]
    price = _prices(pieces)
    dearer = price(i, j) + price(precedes, follows) - price(i, follows) - price(precedes, j)
    near = np.flatnonzero(dearer <= DOUBT)
    near = near[np.argsort(dearer[near], kind="stable")]
    groups = _Groups(identity, pieces.start, most)
    swaps: dict[frozenset[tuple[int, int]], tuple[float, int]] = {}
    for e in near:
        ours = int(follows[e]) if follows[e] >= 0 else k + int(i[e])
        change = {int(j[e]): int(i[e])}
        if follows[e] >= 0:
            change[int(follows[e])] = int(precedes[e])
        if groups.join(ours, int(j[e])):
            swaps.setdefault(frozenset(change.items()), (float(dearer[e]), ours))
    for head in sorted({head for changes in swaps for head, _ in changes}):
        later = int(after[head])  # its animal's next hand-over
        while later != NEVER and pieces.end[before[later]] - pieces.start[head] < BOUT:
            groups.follow(head, later)
            later = int(after[later])
    grouped: dict[int, list[tuple[float, dict[int, int]]]] = {}
    for changes, (cost, node) in swaps.items():
        grouped.setdefault(groups.top(node), []).append((cost, dict(changes)))
    found = [
        Crossing(tuple(sorted({head for _, change in group for head in change})), tuple(group))
        for group in grouped.values()
    ]
    return sorted(found, key=lambda crossing: crossing.heads)


class _Groups:
    """Union-find of hand-overs, with at most so many animals in a group.

    A hand-over is named by its head, or by K + the tracklet after which an animal is gone.
    """

    def __init__(
        self, identity: Int[np.ndarray, " K"], start: Float[np.ndarray, " K"], most: int
    ) -> None:
        k = len(identity)
        self.root = np.arange(2 * k)
        self.animals = {node: {int(identity[node % k])} for node in range(2 * k)}
        self.span = {node: (float(start[node % k]),) * 2 for node in range(2 * k)}
        self.most = most

    def top(self, node: int) -> int:
        while self.root[node] != node:
            self.root[node] = self.root[self.root[node]]
            node = int(self.root[node])
        return node

    def join(self, one: int, other: int) -> bool:
        """Put both into one group unless it had too many animals; tell whether they are."""
        a, b = self.top(one), self.top(other)
        union = self.animals[a] | self.animals[b]
        if a != b and len(union) <= self.most:
            span = (*self.span[a], *self.span[b])
            self.root[a], self.animals[b] = b, union
            self.span[b] = (min(span), max(span))
            return True
        return a == b

    def follow(self, one: int, other: int) -> None:
        """Put both into one group unless it would last too long or have too many animals."""
        span = (*self.span[self.top(one)], *self.span[self.top(other)])
        if max(span) - min(span) <= LASTING:
            self.join(one, other)


def _prices(pieces: Pieces) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a function that prices pairs (i, j), either of which may be NEVER."""
    k = len(pieces.start)
    key = pieces.tail * k + pieces.head
    order = np.argsort(key)
    keys, costs = np.append(key[order], k * k), np.append(pieces.cost[order], np.inf)
    gone, come = np.append(pieces.leave, 0.0), np.append(pieces.enter, 0.0)

    def price(i: np.ndarray, j: np.ndarray) -> np.ndarray:
        wanted = np.where((i >= 0) & (j >= 0), i * k + j, -1)
        place = np.searchsorted(keys, wanted)
        linked = np.where(keys[place] == wanted, costs[place], np.inf)
        return np.minimum(linked, gone[i] + come[j])

    return price


class _Ends(NamedTuple):
    """An animal before and after a crossing: tracklets, or NEVER where it is not seen."""

    source: int
    target: int


def judge(posterior: Posterior, identity: Int[np.ndarray, " K"], crossing: Crossing) -> Odds:
    """Log P that all leave a crossing as who they came, and of the best exchange of two.

    Whatever happened between the tracklets before and the last ones in it is summed over.
    """
    ends = _ends(identity, crossing)
    rivals = []
    for a, b in itertools.combinations(range(len(ends)), 2):
        if ends[a].target == ends[b].target == NEVER or ends[a].source == ends[b].source:
            continue
        other = list(ends)
        other[a] = _Ends(ends[b].source, ends[a].target)
        other[b] = _Ends(ends[a].source, ends[b].target)
        if any(e.source >= e.target != NEVER for e in (other[a], other[b])):
            continue  # nobody is first seen there and then came from it
        changed = {e.target: e.source for e in (other[a], other[b]) if e.target != NEVER}
        rivals.append((log_kept(posterior, other), changed))
    best = max(rivals, key=lambda rival: rival[0], default=(-np.inf, {}))
    return Odds(log_kept(posterior, ends), *best)


def _ends(identity: Int[np.ndarray, " K"], crossing: Crossing) -> list[_Ends]:
    """Pair the tracklets with which animals come to a crossing with those they leave with."""
    before = handed_on(identity)
    targets: dict[int, int] = {}
    sources: dict[int, int] = {}
    for head in crossing.heads:
        animal = int(identity[head])
        targets[animal] = head
        sources.setdefault(animal, int(before[head]))
    for _, change in crossing.swaps:
        for tail in change.values():
            if tail != NEVER and int(identity[tail]) not in targets:
                animal = int(identity[tail])
                sources[animal] = max(tail, sources.get(animal, NEVER))
    return [_Ends(sources[a], targets.get(a, NEVER)) for a in sorted(sources)]


def log_kept(posterior: Posterior, ends: list[_Ends]) -> float:
    """Log P(who takes each target is who took its source), over all histories.

    A target without a source is taken by nobody who took one of the sources.
    """
    source_of = {e.target: e.source for e in ends if e.target != NEVER}
    watched = {e.source for e in ends} - {NEVER}
    first, last = min(watched | set(source_of)), max(source_of)
    branches: dict[tuple[tuple[int, int], ...], np.ndarray] = {(): posterior.forward[first]}
    for j in range(first, last + 1):
        step, after = posterior.steps[j], posterior.backward[j + 1]
        grown: dict[tuple[tuple[int, int], ...], np.ndarray] = {}
        for owners, score in branches.items():
            gain = score[step.source] + step.gain
            if j in source_of:
                gain = np.where(_may(step.animal, source_of[j], owners), gain, -np.inf)
            whole = [(owners, gain)]
            if j in watched:
                whole = [
                    ((*owners, (j, int(a))), np.where(step.animal == a, gain, -np.inf))
                    for a in np.unique(step.animal)
                ]
            for key, part in whole:
                new = log_sum(part, step.target, len(after))
                if (new + after).max() - posterior.log_evidence > NEGLIGIBLE:
                    grown[key] = new
        branches = grown
    ways = [np.logaddexp.reduce(s + posterior.backward[last + 1]) for s in branches.values()]
    total = np.logaddexp.reduce(ways) if ways else -np.inf
    return float(np.clip(total - posterior.log_evidence, 2 * NEGLIGIBLE, 0.0))


def _may(
    animal: Int[np.ndarray, " K"], source: int, owners: tuple[tuple[int, int], ...]
) -> np.ndarray:
    """Whether each of these may take a target with this source."""
    if source == NEVER:
        return ~np.isin(animal, [owner for _, owner in owners])
    return np.asarray(animal == dict(owners)[source])
