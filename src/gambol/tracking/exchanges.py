"""Where animals may have been exchanged: hand-overs whose exchange costs few nats."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from gambol.kernels.flow import Pieces
from gambol.kernels.histories import NEVER, Posterior, log_probability

DOUBT = 14.0  # nats: an exchange dearer than that is not looked at: 1 in a million
RIVALS = 3  # exchanges of a crossing that are tried as the best alternative


class Crossing(NamedTuple):
    """Tracklets that begin in it, whose animals may have been exchanged there."""

    heads: tuple[int, ...]
    swaps: tuple[tuple[float, dict[int, int]], ...]  # nats dearer by motion, who follows whom


class Odds(NamedTuple):
    """How sure a crossing is, all tracklets considered."""

    chosen: float  # log P(everybody followed whom the identities say), nats
    rival: float  # log P of the best alternative
    alternative: dict[int, int]  # who follows whom in it


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
    than `most` animals.
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
    groups = _Groups(identity, most)
    swaps: dict[frozenset[tuple[int, int]], tuple[float, int]] = {}
    for e in near:
        ours = int(follows[e]) if follows[e] >= 0 else k + int(i[e])
        change = {int(j[e]): int(i[e])}
        if follows[e] >= 0:
            change[int(follows[e])] = int(precedes[e])
        if groups.join(ours, int(j[e])):
            swaps.setdefault(frozenset(change.items()), (float(dearer[e]), ours))
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

    def __init__(self, identity: Int[np.ndarray, " K"], most: int) -> None:
        k = len(identity)
        self.root = np.arange(2 * k)
        self.animals = {node: {int(identity[node % k])} for node in range(2 * k)}
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
            self.root[a], self.animals[b] = b, union
            return True
        return a == b


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


def judge(posterior: Posterior, before: Int[np.ndarray, " K"], crossing: Crossing) -> Odds:
    """Log P of a crossing as it is, and of the best of its nearest exchanges."""
    chosen = {j: int(before[j]) for j in crossing.heads}
    rivals = [
        (log_probability(posterior, chosen | change), chosen | change)
        for _, change in crossing.swaps[:RIVALS]
    ]
    best = max(rivals, key=lambda rival: rival[0])
    return Odds(log_probability(posterior, chosen), *best)
