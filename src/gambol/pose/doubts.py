"""What makes a predicted frame worth a label: one number a frame, and which keypoint says it.

All functions take any stretch of frames, so that files of any length are read in pieces.
Larger is worse; -inf means that a frame says nothing.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

NEVER = -np.inf
_LEAST = 1e-3  # of the score of a candidate, so that its logarithm is finite
_OUTLIER = 8.0  # nats that an edge of unheard-of length costs at most
_LEAST_SPREAD = 0.05  # of the logarithm of a length
_NONE = -1e6  # log score of a candidate that is not there


class Doubt(NamedTuple):
    """Of T frames."""

    value: Float[np.ndarray, " T"]  # -inf: nothing to say
    animal: Int[np.ndarray, " T"]
    keypoint: Int[np.ndarray, " T"]


class Lengths(NamedTuple):
    """How long the edges of a skeleton are, E of them."""

    edges: tuple[tuple[int, int], ...]  # keypoint and its parent, parents first
    mean: Float[np.ndarray, " E"]  # of the logarithm, px
    spread: Float[np.ndarray, " E"]


def unsure(
    sure: Float[np.ndarray, "T N J"], presence: Float[np.ndarray, "T N J"] | None = None
) -> Doubt:
    """Return 1 minus the lowest probability that a keypoint is right.

    Args:
        sure: calibrated P(keypoint within tolerance); 0 where it was not found.
        presence: P(keypoint is to be seen): a lost one is right with 1 minus that, else with 0.

    Of several animals, those of which nothing was found are left out.
    """
    frames, animals, _ = sure.shape
    lost = ~(sure > 0)
    right = np.where(lost, 0.0 if presence is None else 1 - np.nan_to_num(presence), sure)
    if animals > 1:
        right = np.where(lost.all(axis=2, keepdims=True), np.inf, right)
    if not animals:
        nobody = np.zeros(frames, np.int64)
        return Doubt(np.full(frames, NEVER), nobody, nobody)
    return _worst(1 - right)


def steps(
    xy: Float[np.ndarray, "T N J 2"], length: float
) -> tuple[Float[np.ndarray, "T N J"], Float[np.ndarray, "T N J"]]:
    """Return lengths of x_t - x_t-1 and of x_t+1 - 2 x_t + x_t-1, in body lengths; else 0.

    The second is large on both sides of a jump, forwards and backwards in time, and largest in
    a glitch of one frame.
    """
    step, bend = np.zeros(xy.shape[:3]), np.zeros(xy.shape[:3])
    moved = np.diff(xy, axis=0) / length
    step[1:] = np.linalg.norm(moved, axis=-1)
    bend[1:-1] = np.linalg.norm(np.diff(moved, axis=0), axis=-1)
    return np.nan_to_num(step), np.nan_to_num(bend)


def crowd(xy: Float[np.ndarray, "T N J 2"]) -> Doubt:
    """Return minus the smallest distance between keypoints of two animals, px."""
    frames, animals, keypoints = xy.shape[:3]
    best = np.full(frames, np.inf)
    who, which = np.zeros(frames, np.int64), np.zeros(frames, np.int64)
    for a in range(animals):
        for b in range(a + 1, animals):
            apart = np.linalg.norm(xy[:, a, :, None] - xy[:, b, None], axis=-1)
            gap = np.where(np.isnan(apart), np.inf, apart).reshape(frames, -1)
            near = gap.argmin(axis=1)
            gap = gap[np.arange(frames), near]
            closer = gap < best
            best = np.where(closer, gap, best)
            who, which = np.where(closer, a, who), np.where(closer, near // keypoints, which)
    return Doubt(-best, who, which)


def disagree(xy: Float[np.ndarray, "T N J 2"], other: Float[np.ndarray, "T M J 2"]) -> Doubt:
    """Return the largest distance between what two networks say, px.

    Animals are matched by the least sum of median distances; one that only one network sees
    says nothing.
    """
    frames = len(xy)
    found = Doubt(np.full(frames, NEVER), *np.zeros((2, frames), np.int64))
    for t in range(frames):
        mine = np.flatnonzero(np.isfinite(xy[t]).all(-1).any(-1))
        theirs = np.flatnonzero(np.isfinite(other[t]).all(-1).any(-1))
        if not len(mine) or not len(theirs):
            continue
        apart = np.linalg.norm(xy[t, mine][:, None] - other[t, theirs][None], axis=-1)
        known = np.isfinite(apart)
        apart = np.where(known, apart, 0.0)
        cost = np.where(known.any(-1), apart.sum(-1) / np.maximum(known.sum(-1), 1), 1e9)
        rows, columns = linear_sum_assignment(cost)
        paired = np.where(known, apart, NEVER)[rows, columns]
        row, keypoint = np.unravel_index(paired.argmax(), paired.shape)
        found.value[t] = paired[row, keypoint]
        found.animal[t], found.keypoint[t] = mine[rows[row]], keypoint
    return found


def lengths(xy: Float[np.ndarray, "T N J 2"], parent: tuple[int, ...]) -> Lengths | None:
    """Learn how long the edges to the parents are; None of a skeleton without them.

    Medians, so that frames in which the network is wrong do little.
    """
    edges = _parents_first(parent)
    if not edges:
        return None
    mean, spread = np.zeros(len(edges)), np.full(len(edges), np.inf)
    for e, (child, root) in enumerate(edges):
        far = np.linalg.norm(xy[:, :, child] - xy[:, :, root], axis=-1)
        log = np.log(np.maximum(far[np.isfinite(far)], 1.0))
        if len(log):
            mean[e] = np.median(log)
            spread[e] = max(1.4826 * np.median(np.abs(log - mean[e])), _LEAST_SPREAD)
    return Lengths(edges, mean, spread)


def structure(
    peaks: Float[np.ndarray, "T N J C 2"],
    score: Float[np.ndarray, "T N J C"],
    known: Lengths,
    radius: float,
) -> Doubt:
    """Return minus the margin, in nats, between the best and the second-best choice of peaks.

    A choice of one peak a keypoint is worth the sum of the logarithms of its scores and of the
    densities of its edges' lengths; the best and every second-best are exact, by max-product
    on the tree (Pearl 1988, Probabilistic Reasoning in Intelligent Systems, 4.2-4.3). A peak
    within `radius` of the chosen one is the same place.
    """
    frames, animals, keypoints, _ = score.shape
    if not animals:
        nobody = np.zeros(frames, np.int64)
        return Doubt(np.full(frames, NEVER), nobody, nobody)
    flat = frames * animals
    there = np.isfinite(peaks).all(-1) & np.isfinite(score)
    node = np.where(there, np.log(np.clip(np.nan_to_num(score), _LEAST, 1.0)), _NONE)
    place = peaks.reshape(flat, *peaks.shape[2:])
    best = _max_marginals(place, node.reshape(flat, *node.shape[2:]), known)
    margin = np.full((flat, keypoints), np.inf)
    rows = np.arange(flat)
    for j in range(keypoints):
        first = best[:, j].argmax(axis=1)
        away = np.linalg.norm(place[:, j] - place[rows, j, first][:, None], axis=-1)
        others = np.where(away > radius, best[:, j], _NONE)  # NaN is not far away
        second = others.max(axis=1)
        top = best[rows, j, first]
        open_ = (second > _NONE / 2) & (top > _NONE / 2)
        margin[open_, j] = (top - second)[open_]
    return _worst(-margin.reshape(frames, animals, keypoints))


def margins(margin: Float[np.ndarray, "T N J"]) -> Doubt:
    """Return minus the smallest margin of each frame, nats; NaN says nothing."""
    return _worst(np.where(np.isfinite(margin), -margin, NEVER))


def _max_marginals(
    place: Float[np.ndarray, "T J C 2"], node: Float[np.ndarray, "T J C"], known: Lengths
) -> Float[np.ndarray, "T J C"]:
    """Return what the best choice is worth that takes each peak."""
    up = node.copy()
    pair, message = {}, {}
    for e in range(len(known.edges) - 1, -1, -1):  # from the leaves to the roots
        child, root = known.edges[e]
        far = np.linalg.norm(place[:, child, :, None] - place[:, root, None], axis=-1)
        log = np.log(np.maximum(far, 1.0))
        odd = np.minimum(((log - known.mean[e]) / known.spread[e]) ** 2 / 2, _OUTLIER)
        pair[e] = -np.nan_to_num(odd)  # (T, C of the child, C of the root)
        message[e] = (up[:, child, :, None] + pair[e]).max(axis=1)
        up[:, root] += message[e]
    best = up.copy()
    for e, (child, root) in enumerate(known.edges):
        rest = best[:, root] - message[e]
        best[:, child] = up[:, child] + (rest[:, None] + pair[e]).max(axis=2)
    return best


def _parents_first(parent: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Edges (keypoint, parent) such that none comes before the one to its parent."""
    edges: list[tuple[int, int]] = []
    reached = [j for j, root in enumerate(parent) if root < 0]
    for root in reached:  # grows
        children = [j for j, p in enumerate(parent) if p == root]
        edges += [(j, root) for j in children]
        reached += children
    return tuple(edges)


def _worst(value: Float[np.ndarray, "T N J"]) -> Doubt:
    """Return the largest value of each frame, and whose it is."""
    flat = value.reshape(len(value), -1)
    place = flat.argmax(axis=1)
    animal, keypoint = np.divmod(place, value.shape[2])
    return Doubt(flat[np.arange(len(flat)), place], animal, keypoint)
