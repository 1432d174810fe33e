"""Grouping: peaks of all animals to instances, by the fields along the skeleton's edges.

Every pair of peaks at the ends of an edge gets a line score; per edge, the best partial
one-to-one matching is kept; links join peaks to animals, the surest first, two groups only if
no keypoint repeats and all edges between them together speak for it. On a tree that is
following the matched edges; on a graph with cycles, long edges hold an animal together whose
middle is hidden, and peaks whose links contradict one another are parted as a whole, so that
the log-odds of all pairs that end together are the largest. Source of fields and line scores:
Cao et al. (2017), CVPR.
"""

import logging
from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from gambol.kernels import partition
from gambol.pose import crops, relabel

TAU = 0.25  # line score under which two peaks are better left apart
SAMPLES = 10  # points on a line, at least
MOST = 40  # peaks that contradict one another and are still parted in the best way

_log = logging.getLogger(__name__)


class Candidates(NamedTuple):
    """Peaks of one frame, of all animals; pixels of the network's input."""

    xy: Float[np.ndarray, "P 2"]
    keypoint: Int[np.ndarray, " P"]
    height: Float[np.ndarray, " P"]
    cov: Float[np.ndarray, "P 2 2"]


class Links(NamedTuple):
    """How line scores are judged, per edge."""

    edges: Int[np.ndarray, "E 2"]  # keypoints at the ends
    longest: Float[np.ndarray, " E"]  # px beyond which a link is penalised
    slope: Float[np.ndarray, " E"]  # log-odds of a link = slope · (score - TAU) + offset
    offset: Float[np.ndarray, " E"]


class Groups(NamedTuple):
    """Which peaks make an animal."""

    member: Int[np.ndarray, "I J"]  # index of a peak; -1 where a keypoint was not found
    link: Float[np.ndarray, " I"]  # mean probability of the links inside; 0 without links
    margin: Float[np.ndarray, "I J"]  # nats, see `_margins`; NaN where a keypoint was not found
    gap: float  # nats by which other groups may be better; 0: none are, or nothing conflicts


class Pairs(NamedTuple):
    """Scored pairs of peaks that an edge could join."""

    edge: Int[np.ndarray, " K"]
    source: Int[np.ndarray, " K"]  # index of a peak
    target: Int[np.ndarray, " K"]
    score: Float[np.ndarray, " K"]


def default_links(
    edges: list[tuple[int, int]], xy: Float[np.ndarray, "N J 2"], slope: float = 12.0
) -> Links:
    """Judge links before anything was fitted; the longest is 1.5 × p99 of its labels.

    Args:
        edges: keypoints at the ends; one behind the last is the middle of the animal.
        xy: labelled animals, in pixels of the network's input.
        slope: log-odds per unit of line score.
    """
    xy = crops.with_centroid(xy)
    ends = np.array(edges, np.int64).reshape(-1, 2)
    spans = np.linalg.norm(xy[:, ends[:, 0]] - xy[:, ends[:, 1]], axis=-1)
    typical = np.nanmax(np.where(np.isfinite(spans), spans, 0.0), initial=1.0)
    longest = [
        1.5 * np.percentile(s[np.isfinite(s)], 99) if np.isfinite(s).any() else 1.5 * typical
        for s in spans.T
    ]
    one = np.ones(len(ends))
    return Links(ends, np.maximum(np.array(longest), 1.0), slope * one, 0.0 * one)


def score_pairs(
    found: Candidates, fields: Float[np.ndarray, "F h w"], links: Links, stride: int
) -> Pairs:
    """Score every pair of peaks that an edge could join.

    Pairs so far apart that no field would make up for it are not looked at: they get the
    penalty of their length alone.

    Args:
        found: peaks, input pixels.
        fields: x and y component of each edge's unit vector, source to target.
        links: the edges.
        stride: input pixels per cell of the fields.
    """
    order = np.argsort(found.keypoint, kind="stable")
    last = max(int(links.edges.max(initial=0)), int(found.keypoint.max(initial=0)))
    start = np.searchsorted(found.keypoint[order], np.arange(last + 2))
    maps = np.ascontiguousarray(fields, np.float32)
    xy = np.ascontiguousarray(found.xy, np.float64)
    return Pairs(*_all_scores(xy, order, start, links.edges, links.longest, maps, stride))


def group(
    found: Candidates,
    fields: Float[np.ndarray, "F h w"],
    links: Links,
    stride: int,
    sides: relabel.Sides | None = None,
) -> Groups:
    """Put the peaks of a frame together to animals; arguments as in `score_pairs`.

    With `sides`, places where both sides of an animal show are weighed once more.
    """
    keypoints = max(int(links.edges.max(initial=0)), int(found.keypoint.max(initial=0))) + 1
    pairs = score_pairs(found, fields, links, stride)
    kept = _match(pairs, len(found.keypoint))
    odds = links.slope[pairs.edge] * (pairs.score - TAU) + links.offset[pairs.edge]
    # ties are broken by place, so that the order of peaks and edges changes nothing
    place = found.xy[pairs.source[kept]]
    kept = kept[np.lexsort((place[:, 1], place[:, 0], -odds[kept]))]
    own = _join(kept, pairs.source, pairs.target, odds, found.keypoint, keypoints)
    own, gap = _untie(found, pairs, odds, kept, own)
    if sides is not None:
        ends = np.stack([pairs.source, pairs.target])
        seen = relabel.Peaks(found.xy, found.keypoint, found.height, ends, odds)
        own, weighed, more = relabel.settle(seen, own, sides)
        gap += more
        anew = weighed[ends].all(axis=0) & (own[ends[0]] == own[ends[1]])
        others = kept[~weighed[ends[:, kept]].any(axis=0)]
        kept = np.concatenate([others, np.flatnonzero(anew)])
    return _collect(found, pairs, odds, kept, own, keypoints, gap)


def _match(pairs: Pairs, peaks: int) -> Int[np.ndarray, " M"]:
    """Per edge, the partial one-to-one matching of the largest Σ(score - τ)."""
    # a pair under τ is worth as much as no pair, so the optimum without it is the partial one
    good = np.flatnonzero(pairs.score > TAU)
    source = pairs.edge[good] * peaks + pairs.source[good]  # an end of an edge
    target = pairs.edge[good] * peaks + pairs.target[good]
    rivals = np.maximum(np.bincount(source)[source], np.bincount(target)[target])
    kept = [good[rivals == 1]]
    open_ends = good[rivals > 1]
    for e in np.unique(pairs.edge[open_ends]):
        rows = open_ends[pairs.edge[open_ends] == e]
        sources, i = np.unique(pairs.source[rows], return_inverse=True)
        targets, j = np.unique(pairs.target[rows], return_inverse=True)
        gain = np.zeros((len(sources), len(targets)))
        gain[i, j] = pairs.score[rows] - TAU
        index = np.empty(gain.shape, np.int64)
        index[i, j] = rows
        chosen = linear_sum_assignment(gain, maximize=True)
        kept.append(index[chosen][gain[chosen] > 0])
    return np.concatenate(kept)


def _untie(
    found: Candidates,
    pairs: Pairs,
    odds: Float[np.ndarray, " K"],
    kept: Int[np.ndarray, " M"],
    own: Int[np.ndarray, " P"],
) -> tuple[Int[np.ndarray, " P"], float]:
    """Part anew what conflicts: clusters of peaks in which a good link leads to a stranger.

    Returns:
        Groups, and how many nats the best ones may be ahead of them; 0: these are the best.
    """
    source, target = pairs.source[kept], pairs.target[kept]
    together = own[source] == own[target]
    torn = ~together & (odds[kept] > 0)
    if not torn.any():  # on trees, always
        return own, 0.0
    use = torn | together
    links = (np.ones(use.sum()), (source[use], target[use]))
    shape = (len(own), len(own))
    cluster = connected_components(csr_array(links, shape=shape), directed=False)[1]
    own, gap = own.copy(), 0.0
    for c in np.unique(cluster[source[torn]]):
        peaks = np.flatnonzero(cluster == c)
        # by place, so that the order of peaks changes nothing
        peaks = peaks[np.lexsort((*found.xy[peaks].T, found.keypoint[peaks]))]
        gain = _gains(pairs, odds, peaks, len(own))
        if len(peaks) > MOST:
            best = partition.keep(gain, own[peaks])
        else:
            best = partition.improve(gain, found.keypoint[peaks], own[peaks])
        first = np.unique(best.label, return_index=True)[1]
        own[peaks] = peaks[first][np.unique(best.label, return_inverse=True)[1]]
        if best.gap > 0:
            gap += best.gap
            _log.info("%d peaks are grouped up to %.1f nats off the best", len(peaks), best.gap)
    return own, gap


def _gains(
    pairs: Pairs, odds: Float[np.ndarray, " K"], peaks: Int[np.ndarray, " p"], total: int
) -> Float[np.ndarray, "p p"]:
    """Log-odds of being together of all pairs of these peaks; 0 where no edge tells."""
    place = np.full(total, -1)
    place[peaks] = np.arange(len(peaks))
    i, j = place[pairs.source], place[pairs.target]
    inside = (i >= 0) & (j >= 0)
    gain = np.zeros((len(peaks), len(peaks)))
    np.add.at(gain, (i[inside], j[inside]), odds[inside])
    return gain + gain.T


def _collect(
    found: Candidates,
    pairs: Pairs,
    odds: Float[np.ndarray, " K"],
    kept: Int[np.ndarray, " M"],
    group: Int[np.ndarray, " P"],
    keypoints: int,
    gap: float,
) -> Groups:
    roots, who = np.unique(group, return_inverse=True)
    member = np.full((len(roots), keypoints), -1)
    member[who, found.keypoint] = np.arange(len(group))
    probability = 1 / (1 + np.exp(-odds[kept]))
    inside = who[pairs.source[kept]] == who[pairs.target[kept]]
    home = who[pairs.source[kept]][inside]
    total = np.bincount(home, probability[inside], len(roots))
    count = np.bincount(home, minlength=len(roots))
    margin = _margins(pairs.source, pairs.target, odds, who, member)
    return Groups(member, total / np.maximum(count, 1), margin, gap)


def true_links(
    pairs: Pairs, found: Candidates, xy: Float[np.ndarray, "N J 2"], reach: float
) -> tuple[Bool[np.ndarray, " K"], Bool[np.ndarray, " K"]]:
    """Tell which pairs join peaks of one labelled animal, and which pairs can be judged.

    Args:
        pairs: scored pairs.
        found: their peaks; those of a keypoint behind the last are middles of animals.
        xy: the animals of the frame, input pixels.
        reach: px within which a peak is a labelled keypoint.
    """
    xy = crops.with_centroid(xy)
    owner = np.full(len(found.keypoint), -1)
    for p, (point, j) in enumerate(zip(found.xy, found.keypoint, strict=True)):
        far = np.linalg.norm(xy[:, j] - point, axis=-1)
        if np.isfinite(far).any() and np.nanmin(far) <= reach:
            owner[p] = int(np.nanargmin(far))
    a, b = owner[pairs.source], owner[pairs.target]
    return (a == b) & (a >= 0), (a >= 0) & (b >= 0)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _join(order, source, target, odds, keypoint, keypoints):
    """Join groups over links in this order, if no keypoint repeats and all pairs speak for it.

    Returns, for each peak, one that stands for its group.
    """
    n = len(keypoint)
    start, at = _pairs_of(source, target, n)
    group, following = np.arange(n), np.arange(n)  # members of a group make a ring
    size = np.ones(n, np.int64)
    holds = np.zeros((n, keypoints), np.bool_)
    for p in range(n):
        holds[p, keypoint[p]] = True
    for link in order:
        a, b = group[source[link]], group[target[link]]
        if a == b or (holds[a] & holds[b]).any():
            continue
        if size[a] < size[b]:
            a, b = b, a
        total, p = 0.0, b
        for _ in range(size[b]):
            for k in at[start[p] : start[p + 1]]:
                if group[source[k] + target[k] - p] == a:
                    total += odds[k]
            p = following[p]
        if total > 0:
            for _ in range(size[b]):
                group[p] = a
                p = following[p]
            following[a], following[b] = following[b], following[a]
            size[a] += size[b]
            holds[a] |= holds[b]
    return group


@numba.njit(cache=True, nogil=True)
@no_type_check
def _margins(source, target, odds, who, member):
    """Nats that the best other groups cost more in which a peak is elsewhere.

    Elsewhere is alone, in another group, or in another one in exchange for the peak of this
    keypoint there; all other peaks stay. 0 where that would be no worse.
    """
    groups, keypoints = member.shape
    hold = np.zeros((len(who), groups))  # log-odds of each peak being with each group
    for k in range(len(source)):
        hold[source[k], who[target[k]]] += odds[k]
        hold[target[k], who[source[k]]] += odds[k]
    margin = np.full(member.shape, np.nan)
    for i in range(groups):
        for j in range(keypoints):
            p = member[i, j]
            if p < 0:
                continue
            least = hold[p, i]
            for g in range(groups):
                q = member[g, j]
                if g != i:
                    cost = hold[p, i] - hold[p, g]
                    if q >= 0:
                        cost += hold[q, g] - hold[q, i]
                    least = min(least, cost)
            margin[i, j] = max(least, 0.0)
    return margin


@numba.njit(cache=True, nogil=True)
@no_type_check
def _pairs_of(source, target, n):
    """Which pairs a peak p is in: at[start[p] : start[p + 1]]."""
    start = np.zeros(n + 2, np.int64)
    for k in range(len(source)):
        start[source[k] + 2] += 1
        start[target[k] + 2] += 1
    start = np.cumsum(start)
    at = np.empty(2 * len(source), np.int64)
    for k in range(len(source)):
        for p in (source[k], target[k]):
            at[start[p + 1]] = k
            start[p + 1] += 1
    return start, at


@numba.njit(cache=True, nogil=True)
@no_type_check
def _all_scores(xy, order, start, edges, longest, fields, stride):
    """Edge, source, target and score of all pairs; peaks of a keypoint lie together in order.

    `start` says where those of each keypoint begin.
    """
    count = 0
    for a, b in edges:
        count += (start[a + 1] - start[a]) * (start[b + 1] - start[b])
    edge, source, target = (
        np.empty(count, np.int64),
        np.empty(count, np.int64),
        np.empty(count, np.int64),
    )
    score = np.empty(count)
    k = 0
    for e in range(len(edges)):
        a, b = edges[e]
        field = fields[2 * e : 2 * e + 2]
        for i in order[start[a] : start[a + 1]]:
            for j in order[start[b] : start[b + 1]]:
                edge[k], source[k], target[k] = e, i, j
                score[k] = _line_score(xy[i], xy[j], field, stride, longest[e])
                k += 1
    return edge, source, target, score


@numba.njit(cache=True, nogil=True)
@no_type_check
def _line_score(source, target, field, stride, longest):
    """Mean of field · unit vector on the line, minus a penalty for a line that is too long."""
    offset = (stride - 1) / 2  # cell i is centred on stride i + (stride - 1) / 2
    dx, dy = target[0] - source[0], target[1] - source[1]
    length = np.sqrt(dx * dx + dy * dy)
    if length < 1e-6:  # peaks on one another have no direction
        return 0.0
    penalty = min(0.0, longest / length - 1.0)
    if 1.0 + penalty <= TAU:  # no field is longer than 1
        return penalty
    n = max(SAMPLES, int(np.ceil(length / stride)))
    total = 0.0
    for m in range(n):
        t = m / (n - 1)
        x = (source[0] + t * dx - offset) / stride
        y = (source[1] + t * dy - offset) / stride
        total += _bilinear(field[0], x, y) * dx + _bilinear(field[1], x, y) * dy
    return total / (n * length) + penalty


@numba.njit(cache=True, nogil=True)
@no_type_check
def _bilinear(image, x, y):
    """Value between cells; at the border, that of the nearest cell."""
    h, w = image.shape
    x, y = min(max(x, 0.0), w - 1.0), min(max(y, 0.0), h - 1.0)
    left, top = min(int(x), max(w - 2, 0)), min(int(y), max(h - 2, 0))
    fx, fy = x - left, y - top
    right, below = min(left + 1, w - 1), min(top + 1, h - 1)
    upper = image[top, left] * (1 - fx) + image[top, right] * fx
    lower = image[below, left] * (1 - fx) + image[below, right] * fx
    return upper * (1 - fy) + lower * fy
