"""Grouping: peaks of all animals to instances, by the fields along the skeleton's edges.

Every pair of peaks at the ends of an edge gets a line score; per edge, the best partial
one-to-one matching is kept; links join peaks to animals, the surest first, two groups only if
no keypoint repeats and all edges between them together speak for it. On a tree that is
following the matched edges; on a graph with cycles, long edges hold an animal together whose
middle is hidden. Source of fields and line scores: Cao et al. (2017), CVPR.
"""

from typing import Literal, NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton

TAU = 0.25  # line score under which two peaks are better left apart
SAMPLES = 10  # points on a line, at least


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


class Pairs(NamedTuple):
    """Scored pairs of peaks that an edge could join."""

    edge: Int[np.ndarray, " K"]
    source: Int[np.ndarray, " K"]  # index of a peak
    target: Int[np.ndarray, " K"]
    score: Float[np.ndarray, " K"]


def check_graph(
    skeleton: Skeleton,
    edges: list[tuple[int, int]],
    grouping: Literal["tree", "graph"],
    seen: Bool[np.ndarray, "N J"] | None = None,
) -> None:
    """Refuse edges that cannot group: several components, or cycles where a tree is asked.

    Args:
        skeleton: names of the keypoints.
        edges: keypoints at the ends.
        grouping: what the edges have to be.
        seen: which keypoints of labelled animals have a position; what is seen together most
            often is the better bridge between two components.
    """
    names = skeleton.keypoints
    group = list(range(len(names)))
    surplus = []
    for a, b in edges:
        ra, rb = _root(group, a), _root(group, b)
        if ra == rb:
            surplus.append(f"{names[a]}-{names[b]}")
        group[ra] = rb
    parts: dict[int, list[str]] = {}
    for j, name in enumerate(names):
        parts.setdefault(_root(group, j), []).append(name)
    if len(parts) > 1:
        listed = "; ".join(", ".join(part) for part in parts.values())
        joins = ", ".join("-".join(names[j] for j in pair) for pair in _bridges(group, seen))
        raise InputError(
            f"the skeleton falls into {len(parts)} parts ({listed}), which no field joins; add "
            f"{joins} to the skeleton or, with all others, to many.edges, or train top-down"
        )
    if surplus and grouping == "tree":
        raise InputError(
            f"the skeleton is no tree: {', '.join(surplus)} close cycles; remove them or set "
            "grouping to graph"
        )


def _bridges(group: list[int], seen: Bool[np.ndarray, "N J"] | None) -> list[tuple[int, int]]:
    """Edges that join all components: a spanning tree of what is seen together most often."""
    group, n = list(group), len(group)
    together = np.zeros((n, n)) if seen is None else seen.T.astype(float) @ seen
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
    found = []
    for a, b in sorted(pairs, key=lambda pair: -together[pair]):
        if (ra := _root(group, a)) != (rb := _root(group, b)):
            group[ra] = rb
            found.append((a, b))
    return found


def default_links(
    edges: list[tuple[int, int]], xy: Float[np.ndarray, "N J 2"], slope: float = 12.0
) -> Links:
    """Judge links before anything was fitted; the longest is 1.5 × p99 of its labels.

    Args:
        edges: keypoints at the ends.
        xy: labelled animals, in pixels of the network's input.
        slope: log-odds per unit of line score.
    """
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

    Args:
        found: peaks, input pixels.
        fields: x and y component of each edge's unit vector, source to target.
        links: the edges.
        stride: input pixels per cell of the fields.
    """
    parts = []
    for e, (s, d) in enumerate(links.edges):
        sources, targets = (
            np.flatnonzero(found.keypoint == s),
            np.flatnonzero(found.keypoint == d),
        )
        if not len(sources) or not len(targets):
            continue
        pair = fields[2 * e : 2 * e + 2].astype(np.float32)
        longest = float(links.longest[e])
        score = _line_scores(found.xy[sources], found.xy[targets], pair, float(stride), longest)
        a, b = np.meshgrid(sources, targets, indexing="ij")
        parts.append(Pairs(np.full(a.size, e), a.ravel(), b.ravel(), score.ravel()))
    if not parts:
        none = np.zeros(0, np.int64)
        return Pairs(none, none, none, np.zeros(0))
    return Pairs(*(np.concatenate(p) for p in zip(*parts, strict=True)))


def group(
    found: Candidates, fields: Float[np.ndarray, "F h w"], links: Links, stride: int
) -> Groups:
    """Put the peaks of a frame together to animals; arguments as in `score_pairs`."""
    keypoints = int(links.edges.max(initial=0)) + 1
    if len(found.keypoint):
        keypoints = max(keypoints, int(found.keypoint.max()) + 1)
    pairs = score_pairs(found, fields, links, stride)
    kept = _match(pairs, len(links.edges))
    odds = links.slope[pairs.edge] * (pairs.score - TAU) + links.offset[pairs.edge]
    return _join(found, pairs, odds, kept, keypoints)


def _match(pairs: Pairs, edges: int) -> Int[np.ndarray, " M"]:
    """Per edge, the partial one-to-one matching of the largest Σ(score - τ)."""
    kept = []
    for e in range(edges):
        rows = np.flatnonzero(pairs.edge == e)
        if not len(rows):
            continue
        sources, i = np.unique(pairs.source[rows], return_inverse=True)
        targets, j = np.unique(pairs.target[rows], return_inverse=True)
        # a pair under τ is worth as much as no pair, so the clipped optimum is the partial one
        gain = np.zeros((len(sources), len(targets)))
        gain[i, j] = np.maximum(pairs.score[rows] - TAU, 0)
        index = np.empty(gain.shape, np.int64)
        index[i, j] = rows
        chosen = linear_sum_assignment(gain, maximize=True)
        kept.append(index[chosen][gain[chosen] > 0])
    return np.concatenate(kept) if kept else np.zeros(0, np.int64)


def _join(
    found: Candidates,
    pairs: Pairs,
    odds: Float[np.ndarray, " K"],
    kept: Int[np.ndarray, " M"],
    keypoints: int,
) -> Groups:
    """Join groups over the kept links, the surest first."""
    strength = odds[kept]
    # ties are broken by place, so that the order of peaks and edges changes nothing
    place = found.xy[pairs.source[kept]]
    order = kept[np.lexsort((place[:, 1], place[:, 0], -strength))]
    group = np.arange(len(found.keypoint))
    holds = np.zeros((len(group), keypoints), bool)
    holds[np.arange(len(group)), found.keypoint] = True
    for k in order:
        a, b = int(group[pairs.source[k]]), int(group[pairs.target[k]])
        if a == b or (holds[a] & holds[b]).any():
            continue
        between = _between(pairs, kept, group, a, b)
        if odds[between].sum() > 0:
            group[group == b] = a
            holds[a] |= holds[b]
    return _collect(found, pairs, odds, kept, group, keypoints)


def _between(
    pairs: Pairs, kept: Int[np.ndarray, " M"], group: Int[np.ndarray, " P"], a: int, b: int
) -> Int[np.ndarray, " L"]:
    """The matched links that run between two groups."""
    ends = group[pairs.source[kept]], group[pairs.target[kept]]
    across = ((ends[0] == a) & (ends[1] == b)) | ((ends[0] == b) & (ends[1] == a))
    return kept[across]


def _collect(
    found: Candidates,
    pairs: Pairs,
    odds: Float[np.ndarray, " K"],
    kept: Int[np.ndarray, " M"],
    group: Int[np.ndarray, " P"],
    keypoints: int,
) -> Groups:
    roots, who = np.unique(group, return_inverse=True)
    member = np.full((len(roots), keypoints), -1)
    member[who, found.keypoint] = np.arange(len(group))
    probability = 1 / (1 + np.exp(-odds[kept]))
    inside = who[pairs.source[kept]] == who[pairs.target[kept]]
    home = who[pairs.source[kept]][inside]
    total = np.bincount(home, probability[inside], len(roots))
    count = np.bincount(home, minlength=len(roots))
    return Groups(member, total / np.maximum(count, 1))


def true_links(
    pairs: Pairs, found: Candidates, xy: Float[np.ndarray, "N J 2"], reach: float
) -> tuple[Bool[np.ndarray, " K"], Bool[np.ndarray, " K"]]:
    """Tell which pairs join peaks of one labelled animal, and which pairs can be judged.

    Args:
        pairs: scored pairs.
        found: their peaks.
        xy: the animals of the frame, input pixels.
        reach: px within which a peak is a labelled keypoint.
    """
    owner = np.full(len(found.keypoint), -1)
    for p, (point, j) in enumerate(zip(found.xy, found.keypoint, strict=True)):
        far = np.linalg.norm(xy[:, j] - point, axis=-1)
        if np.isfinite(far).any() and np.nanmin(far) <= reach:
            owner[p] = int(np.nanargmin(far))
    a, b = owner[pairs.source], owner[pairs.target]
    return (a == b) & (a >= 0), (a >= 0) & (b >= 0)


def _root(group: list[int], j: int) -> int:
    while group[j] != j:
        j = group[j]
    return j


@numba.njit(cache=True, nogil=True)
@no_type_check
def _line_scores(sources, targets, field, stride, longest):
    """Mean of field · unit vector on the line, minus a penalty for lines that are too long."""
    scores = np.empty((len(sources), len(targets)))
    offset = (stride - 1) / 2  # cell i is centred on stride i + (stride - 1) / 2
    for i in range(len(sources)):
        for j in range(len(targets)):
            dx, dy = targets[j, 0] - sources[i, 0], targets[j, 1] - sources[i, 1]
            length = np.sqrt(dx * dx + dy * dy)
            if length < 1e-6:  # peaks on one another have no direction
                scores[i, j] = 0.0
                continue
            n = max(SAMPLES, int(np.ceil(length / stride)))
            total = 0.0
            for m in range(n):
                t = m / (n - 1)
                x = (sources[i, 0] + t * dx - offset) / stride
                y = (sources[i, 1] + t * dy - offset) / stride
                along = _bilinear(field[0], x, y) * dx + _bilinear(field[1], x, y) * dy
                total += along / length
            scores[i, j] = total / n + min(0.0, longest / length - 1.0)
    return scores


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
