"""Which side of an animal a peak shows, where the maps of both sides have one in one place.

A network that is not sure which side it sees draws left and right at one place, and each map by
itself takes it. Here every place of the animals in doubt says anew what it is and whose: one
side, the other, both at a price, or none, so that the heights of peaks and the log-odds of
links are worth most together (`kernels.joint_labels`). Keypoints of which nobody doubts the
side stay as they were grouped; frames in which no two peaks compete are not looked at.
"""

import logging
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from gambol.kernels import joint_labels
from gambol.kernels.joint_labels import Problem

MOST = 40  # places and parts of animals that are weighed together
COST = 2.0  # nats of a place that shows both sides
LOW = 0.1  # height of a peak that says nothing; lower ones are none, see `pose.find`

_log = logging.getLogger(__name__)


class Sides(NamedTuple):
    """Keypoints that are taken for each other."""

    partner: Int[np.ndarray, " J"]  # -1: none
    near: float  # px within which peaks of the two are one place


class Peaks(NamedTuple):
    """P peaks of a frame and K pairs of them that a link could join."""

    xy: Float[np.ndarray, "P 2"]
    keypoint: Int[np.ndarray, " P"]  # those behind the last are middles of animals
    height: Float[np.ndarray, " P"]
    ends: Int[np.ndarray, "2 K"]  # of each pair
    odds: Float[np.ndarray, " K"]  # log-odds of the link


class Settled(NamedTuple):
    """Groups of peaks."""

    own: Int[np.ndarray, " P"]  # a peak that stands for the group; itself where it is alone
    weighed: Bool[np.ndarray, " P"]  # with others, for a place of two peaks among them
    gap: float  # nats by which other labels may be better; 0: none are


class _Doubt(NamedTuple):
    """Nodes of a programme: parts of animals, peaks, then pairs of peaks of one place."""

    asked: Problem
    counts: Bool[np.ndarray, " n"]  # as it was grouped
    label: Int[np.ndarray, " n"]
    node: Int[np.ndarray, " p"]  # of every peak
    both: Int[np.ndarray, "b 2"]  # nodes of the peaks of the last nodes


def settle(seen: Peaks, own: Int[np.ndarray, " P"], sides: Sides) -> Settled:
    """Choose anew which sides the places in doubt show, and whose.

    Args:
        seen: peaks and links.
        own: groups, as a peak that stands for each.
        sides: what is taken for each other.
    """
    n = len(own)
    weighed, gap = np.zeros(n, bool), 0.0
    first, second = _competing(seen, sides)
    if not len(first):
        return Settled(own, weighed, gap)
    place = _connected(n, first, second)
    doubted = np.zeros(int(seen.keypoint.max()) + 1, bool)
    doubted[seen.keypoint[first]] = doubted[seen.keypoint[second]] = True
    drawn = (seen.odds > 0) & doubted[seen.keypoint[seen.ends]].any(axis=0)
    joins = np.array([first, second]), np.array([np.arange(n), own]), seen.ends[:, drawn]
    cluster = _connected(n, *np.concatenate(joins, axis=1))
    own = own.copy()
    for c in np.unique(cluster[first]):
        peaks = np.flatnonzero(cluster == c)
        # by place, so that the order of peaks changes nothing
        peaks = peaks[np.lexsort((*seen.xy[peaks].T, seen.keypoint[peaks]))]
        mine = cluster[first] == c
        both = seen.keypoint[np.concatenate([first[mine], second[mine]])]
        loose = np.isin(seen.keypoint[peaks], both)
        gap += _weigh(seen, peaks, loose, place, own)
        weighed[peaks] = True
    return Settled(own, weighed, gap)


def _competing(
    seen: Peaks, sides: Sides
) -> tuple[Int[np.ndarray, " M"], Int[np.ndarray, " M"]]:
    """Return pairs of peaks of two sides in one place; of each the lower index first."""
    some = np.flatnonzero(seen.keypoint < len(sides.partner))
    some = some[sides.partner[seen.keypoint[some]] >= 0]
    kind, xy = seen.keypoint[some], seen.xy[some]
    partners = sides.partner[kind][:, None] == kind
    close = np.linalg.norm(xy[:, None] - xy, axis=-1) <= sides.near
    first, second = np.nonzero(np.triu(partners & close, 1))
    return some[first], some[second]


def _weigh(
    seen: Peaks,
    peaks: Int[np.ndarray, " p"],
    loose: Bool[np.ndarray, " p"],
    place: Int[np.ndarray, " P"],
    own: Int[np.ndarray, " P"],
) -> float:
    """Write the groups of a cluster into `own`; return how much better others may be."""
    doubt = _doubt(seen, peaks, loose, place, own)
    places = len(np.unique(doubt.asked.place))
    if places > MOST:
        _log.info("%d places and parts of animals are too many to tell sides", places)
        return joint_labels.keep(doubt.asked, doubt.counts, doubt.label).gap
    best = joint_labels.improve(doubt.asked, doubt.counts, doubt.label)
    if best.gap > 0:
        _log.info("the sides of %d places are up to %.1f nats off the best", places, best.gap)
    counts, label = best.counts.copy(), best.label.copy()
    n = len(counts) - len(doubt.both)
    for k in np.flatnonzero(counts[n:]):
        counts[doubt.both[k]], label[doubt.both[k]] = True, label[n + k]
    alone = int(label.max()) + 1 + np.arange(len(peaks))
    group = np.where(counts[doubt.node], label[doubt.node], alone)
    _, first, which = np.unique(group, return_index=True, return_inverse=True)
    joined = peaks[first][which]
    led = np.isin(which, which[~loose])
    own[peaks] = np.where(led, joined, _linked(seen, peaks, which)[peaks])
    return best.gap


def _doubt(
    seen: Peaks,
    peaks: Int[np.ndarray, " p"],
    loose: Bool[np.ndarray, " p"],
    place: Int[np.ndarray, " P"],
    own: Int[np.ndarray, " P"],
) -> _Doubt:
    """Put the programme of a cluster, and what is there as its start."""
    total = len(own)
    name = np.where(loose, total + peaks, own[peaks])  # what is not loose stays together
    first, node = np.unique(name, return_index=True, return_inverse=True)[1:]
    n = len(first)
    part = ~loose[first]
    gain = _gains(seen, peaks, loose, node)
    holds = np.zeros((n, int(seen.keypoint.max()) + 1), bool)
    holds[node, seen.keypoint[peaks]] = True
    apart = (holds[:, None] & holds).any(axis=-1) | (part[:, None] & part)
    where = np.where(part, total + np.arange(n), place[peaks[first]])
    a, b = np.nonzero(np.triu((where[:, None] == where) & ~apart, 1))
    mix = np.zeros((n + len(a), n))  # what the nodes are made of
    mix[np.arange(n), np.arange(n)] = 1
    mix[n + np.arange(len(a)), a] = mix[n + np.arange(len(a)), b] = 1
    price = np.zeros(len(mix))
    price[n:] = COST
    gain, apart = mix @ gain @ mix.T, (mix @ apart @ mix.T) > 0
    np.fill_diagonal(apart, False)
    value = -price
    value[:n][part] = 1 + np.abs(gain).sum()  # what is not in doubt stays
    where = np.concatenate([where, where[a]])
    asked = Problem(where, value, np.where(apart, 0.0, gain), apart)
    both = np.stack([a, b], axis=1)
    label = own[peaks[first]]
    together = label[a] == label[b]
    counts = np.ones(len(mix), bool)
    counts[n:] = together
    counts[both[together].ravel()] = False
    label = np.concatenate([label, label[a]])
    return _Doubt(asked, *_one_a_place(asked, counts, label), node, both)


def _linked(
    seen: Peaks, peaks: Int[np.ndarray, " p"], which: Int[np.ndarray, " p"]
) -> Int[np.ndarray, " P"]:
    """Part groups of sides alone, which cost nothing together, into those that links join."""
    group = np.full(len(seen.keypoint), -1)
    group[peaks] = which
    a, b = seen.ends
    use = (seen.odds > 0) & (group[a] == group[b]) & (group[a] >= 0)
    linked = _connected(len(group), a[use], b[use])
    return np.unique(linked, return_index=True)[1][linked]


def _one_a_place(
    asked: Problem, counts: Bool[np.ndarray, " n"], label: Int[np.ndarray, " n"]
) -> tuple[Bool[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Let one node of every place count, of several the one that is worth most there."""
    together = (label[:, None] == label) & counts & ~np.eye(len(label), dtype=bool)
    worth = asked.value + (asked.gain * together).sum(axis=1)
    order = np.lexsort((-worth, asked.place))
    order = order[counts[order]]
    kept = np.zeros(len(counts), bool)
    kept[order[np.unique(asked.place[order], return_index=True)[1]]] = True
    return kept, label


def _gains(
    seen: Peaks,
    peaks: Int[np.ndarray, " p"],
    loose: Bool[np.ndarray, " p"],
    node: Int[np.ndarray, " p"],
) -> Float[np.ndarray, "n n"]:
    """Log-odds of being together of all pairs of nodes.

    What a peak in doubt says for itself is shared by its links, of those that hold: it is to
    tell sides, and not to make up for a link that speaks against it.
    """
    n, total = int(node.max()) + 1, len(seen.keypoint)
    number, says = np.full(total, -1), np.zeros(total)
    number[peaks] = node
    kinds = np.unique(np.sort(seen.keypoint[seen.ends], axis=0), axis=1)
    degree = np.bincount(kinds.ravel(), minlength=int(seen.keypoint.max()) + 1)
    mine = peaks[loose]
    says[mine] = _log_odds(seen.height[mine]) / np.maximum(degree[seen.keypoint[mine]], 1)
    odds = seen.odds + np.where(seen.odds > 0, says[seen.ends].sum(axis=0), 0.0)
    a, b = number[seen.ends]
    inside = (a >= 0) & (b >= 0) & (a != b)
    gain = np.zeros((n, n))
    np.add.at(gain, (a[inside], b[inside]), odds[inside])
    return gain + gain.T


def _log_odds(height: Float[np.ndarray, " *p"]) -> Float[np.ndarray, " *p"]:
    """Log-odds against the lowest peak; maps that learn by least squares are probabilities."""
    share = np.clip(height, LOW, 0.99)
    return np.asarray(np.log(share / (1 - share)) - np.log(LOW / (1 - LOW)))


def _connected(
    n: int, first: Int[np.ndarray, " M"], second: Int[np.ndarray, " M"]
) -> Int[np.ndarray, " P"]:
    links = csr_array((np.ones(len(first)), (first, second)), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)
