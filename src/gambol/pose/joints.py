"""Edges that fields run along: do they join all keypoints of an animal, and what repairs them.

Grouping follows edges from peak to peak, so they have to reach every keypoint. What falls into
parts is joined by one more edge, or by one from every part to the middle of the animal, which
then counts as a keypoint behind the last.
"""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.pose import crops

Edge = tuple[int, int]  # keypoints at the ends
MIDDLE = "centroid"  # name of the keypoint behind the last


def check_graph(
    skeleton: Skeleton,
    edges: list[Edge],
    grouping: Literal["tree", "graph"],
    seen: Bool[np.ndarray, "N J"] | None = None,
) -> None:
    """Refuse edges that cannot group: several components, or cycles where a tree is asked.

    Args:
        skeleton: names of the keypoints.
        edges: keypoints at the ends; one behind the last is the middle of the animal.
        grouping: what the edges have to be.
        seen: which keypoints of labelled animals have a position; what is seen together most
            often is the better edge.
    """
    names = skeleton.keypoints
    if any(len(names) in edge for edge in edges):
        names = (*names, MIDDLE)
    together = _together(seen, len(skeleton), len(names))
    group = list(range(len(names)))
    kept = span(group, edges, together)
    parts = _parts(group)
    if len(parts) > 1:
        listed = "; ".join(", ".join(names[j] for j in part) for part in parts)
        every = [(a, b) for a in range(len(names)) for b in range(a + 1, len(names))]
        joins = _named([every[k] for k in span(group, every, together)], names)
        raise InputError(
            f"the skeleton falls into {len(parts)} parts ({listed}), which no field joins; add "
            f"{joins} to the skeleton or, with all others, to many.edges, set many.join to "
            "centroid, or train top-down"
        )
    surplus = [edge for k, edge in enumerate(edges) if k not in kept]
    if surplus and grouping == "tree":
        tree = _named([edges[k] for k in sorted(kept)], names)
        raise InputError(
            f"the skeleton is no tree: {_named(surplus, names)} close cycles; keep the tree of "
            f"what is labelled together most often ({tree}) as many.edges, or set "
            "many.grouping to graph"
        )


def to_middle(
    keypoints: int, edges: list[Edge], xy: Float[np.ndarray, "N J 2"], near: float
) -> list[Edge]:
    """Return an edge from every part of a skeleton to the middle of the animal.

    It starts at the part's root, to which no edge leads. A root that lies nearer to the middle
    than `near` in half of the animals gives no direction; the part's outermost keypoint takes
    its place. If that is too near as well, the edge leads to where another part starts.

    Args:
        keypoints: number of keypoints; this is the index of the middle.
        edges: keypoints at the ends.
        xy: labelled animals, px.
        near: px.
    """
    group = list(range(keypoints))
    span(group, edges, np.zeros((keypoints, keypoints)))
    away = np.linalg.norm(xy - crops.centroid(xy, None)[:, None], axis=-1)
    known = np.isfinite(away)
    median = [np.median(a[k]) if k.any() else 0.0 for a, k in zip(away.T, known.T, strict=True)]
    led_to = {b for _, b in edges}
    ends = []
    for part in _parts(group):
        root = next((j for j in part if j not in led_to), part[0])
        outermost = max(part, key=lambda j: median[j])
        ends.append(root if median[root] >= near else outermost)
    far = [j for j in ends if median[j] >= near]

    def goal(j: int) -> int:
        if j in far or not far:
            return keypoints
        return max(far, key=lambda k: int((known[:, j] & known[:, k]).sum()))

    return [(j, goal(j)) for j in ends]


def span(group: list[int], edges: list[Edge], weight: Float[np.ndarray, "n n"]) -> list[int]:
    """Join groups by a spanning forest of the largest weight; return which edges it takes."""
    taken = []
    for k in sorted(range(len(edges)), key=lambda k: -weight[edges[k]]):
        a, b = (_root(group, j) for j in edges[k])
        if a != b:
            group[a] = b
            taken.append(k)
    return taken


def _parts(group: list[int]) -> list[list[int]]:
    parts: dict[int, list[int]] = {}
    for j in range(len(group)):
        parts.setdefault(_root(group, j), []).append(j)
    return list(parts.values())


def _together(
    seen: Bool[np.ndarray, "N J"] | None, keypoints: int, nodes: int
) -> Float[np.ndarray, "n n"]:
    """How many animals show two keypoints; their middle is seen in all of them."""
    if seen is None:
        return np.zeros((nodes, nodes))
    middle = np.repeat(seen.any(axis=1, keepdims=True), nodes - keypoints, axis=1)
    shown = np.concatenate([seen, middle], axis=1).astype(np.float64)
    return shown.T @ shown


def _named(edges: list[Edge], names: tuple[str, ...]) -> str:
    return ", ".join(f"{names[a]}-{names[b]}" for a, b in edges)


def _root(group: list[int], j: int) -> int:
    while group[j] != j:
        j = group[j]
    return j
