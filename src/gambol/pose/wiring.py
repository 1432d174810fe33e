"""Learned graph: which pairs of keypoints tell best, on validation, who belongs together.

Fields are trained along more pairs than needed. How well the line score of each tells links
within animals from pairs between them ranks the pairs; the best spanning tree and some more
make the graph. Source: Lauer et al. (2022), Nature Methods 19:496-504, data-driven skeleton.
"""

import numpy as np
from jaxtyping import Float

from gambol.kernels.scores import auroc
from gambol.pose import judge
from gambol.pose.dataset import Frames
from gambol.pose.find import BottomUp
from gambol.pose.group import Links
from gambol.pose.joints import Edge, span

DEGREE = 6  # edges of a keypoint beyond which no more are added


def more_edges(
    edges: list[Edge], xy: Float[np.ndarray, "N J 2"], partner: tuple[int, ...]
) -> list[Edge]:
    """Return further pairs that are worth a field: near ones that are seen together often.

    There are no more of them than keypoints.

    Args:
        edges: what has a field already.
        xy: labelled animals, px.
        partner: of every keypoint in a mirror, itself where it has none; a pair comes with its
            mirror image.
    """
    keypoints = xy.shape[1]
    spans = np.linalg.norm(xy[:, :, None] - xy[:, None], axis=-1)
    there = np.isfinite(spans)
    worth = {}
    for a in range(keypoints):
        for b in range(a + 1, keypoints):
            if there[:, a, b].any():
                near = np.median(spans[there[:, a, b], a, b])
                worth[a, b] = there[:, a, b].mean() / max(near, 1.0)
    taken, degree = {frozenset(edge) for edge in edges}, _degrees(edges, keypoints + 1)
    added: list[Edge] = []
    for a, b in sorted(worth, key=lambda pair: -worth[pair]):
        both = {frozenset((a, b)): (a, b)}
        both.setdefault(frozenset((partner[a], partner[b])), (partner[a], partner[b]))
        new = [pair for key, pair in both.items() if key not in taken]
        after = degree + _degrees(new, keypoints + 1)
        if len(added) + len(new) > keypoints:
            break
        if new and (after <= DEGREE)[np.unique(new)].all():
            added, degree = added + new, after
            taken |= both.keys()
    return added


def telling(finder: BottomUp, val: Frames, body: float) -> Float[np.ndarray, " E"]:
    """Return how well each edge tells links within animals from pairs between them: AUROC.

    An edge of which one of the two was never seen tells nothing: 1/2.

    Args:
        finder: with links for all edges.
        val: labelled frames.
        body: length of an animal, pixels of `val`.
    """
    edge, score, linked = judge.seen_links(finder, val, body)
    areas = [auroc(score[edge == e], linked[edge == e]) for e in range(len(finder.links.edges))]
    return np.nan_to_num(np.array(areas), nan=1 / 2)


def choose(links: Links, area: Float[np.ndarray, " E"], extra: int) -> Links:
    """Keep the spanning tree that tells most, and the best of what is left.

    Args:
        links: of all edges.
        area: how well each tells.
        extra: edges that are kept besides the tree, at most.
    """
    edges = [(int(a), int(b)) for a, b in links.edges]
    nodes = int(links.edges.max()) + 1
    weight = np.zeros((nodes, nodes))
    for edge, value in zip(edges, area, strict=True):
        weight[edge] = value
    kept = span(list(range(nodes)), edges, weight)
    degree = _degrees([edges[k] for k in kept], nodes)
    most = len(kept) + extra
    for k in np.argsort(-area, kind="stable").tolist():
        if len(kept) < most and k not in kept and (degree[list(edges[k])] < DEGREE).all():
            kept.append(k)
            degree += _degrees([edges[k]], nodes)
    return Links(*(part[sorted(kept)] for part in links))


def _degrees(edges: list[Edge], nodes: int) -> np.ndarray:
    return np.bincount(np.array(edges, np.int64).ravel(), minlength=nodes)
