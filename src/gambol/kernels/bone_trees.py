"""Exact inference over trees of bones, where what a bone costs depends on the bone before it.

Each keypoint is in one of S states (candidates, or absent). A bone hangs on another bone, with
which it shares a keypoint, and its cost is a table over three keypoints: the far end of that
bone, the shared one, and its own far end. So pairs of states are what messages are about, and a
tree of J keypoints costs O(J S³). The first bone of a tree hangs on nothing; other bones may
hang on either of its ends.

Source: Pearl (1988), "Probabilistic reasoning in intelligent systems", ch. 4, on pairs.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float64, Int64

LARGE = 1e12  # stands for a cost that is out of the question


class Bones(NamedTuple):
    """B bones of a forest, each after the one that it hangs on."""

    near: Int64[np.ndarray, " B"]  # the keypoint that it shares with that one
    far: Int64[np.ndarray, " B"]
    on: Int64[np.ndarray, " B"]  # the bone that it hangs on; -1: the first of its tree
    turned: Bool[np.ndarray, " B"]  # it hangs on the near end of that bone


class Solved(NamedTuple):
    """What the costs say of J keypoints."""

    state: Int64[np.ndarray, " J"]  # of the cheapest pose
    cost: float  # of that pose
    cheapest: Float64[np.ndarray, "J S"]  # pose in which a keypoint is in a state
    probability: Float64[np.ndarray, "J S"]  # of states, if exp(-cost) is that of poses


def solve(
    unary: Float64[np.ndarray, "J S"], triple: Float64[np.ndarray, "B S S S"], bones: Bones
) -> Solved:
    """Find the cheapest pose, the cheapest one through each state, and the posterior.

    Args:
        unary: cost of each state of each keypoint; at most `LARGE`.
        triple: cost of [far end of the bone that it hangs on, near end, far end] of each bone;
            that of the first bone of a tree is not looked at.
        bones: how they hang together.

    Costs of keypoints without bones are their unary ones.
    """
    unary = np.minimum(unary, LARGE)
    hard = _beliefs(unary, triple, *bones, False)
    soft = _beliefs(unary, triple, *bones, True)
    state = unary.argmin(1)
    _follow(unary, triple, *bones, hard[1], state)
    cheapest, weight = unary.copy(), unary.copy()
    free = np.ones(len(unary), bool)
    for b in range(len(bones.near)):
        for keypoint, axis in ((bones.near[b], 1), (bones.far[b], 0)):
            cheapest[keypoint] = hard[0][b].min(axis)
            weight[keypoint] = -np.logaddexp.reduce(-soft[0][b], axis)
            free[keypoint] = False
    trees = [b for b in range(len(bones.near)) if bones.on[b] < 0]
    cost = float(sum(hard[0][b].min() for b in trees) + unary[free].min(1).sum())
    weight -= weight.min(1, keepdims=True)
    probability = np.exp(-weight)
    probability /= probability.sum(1, keepdims=True)
    best = cheapest.min(1, keepdims=True)  # of its tree
    return Solved(state, cost, cheapest - best + cost, probability)


@no_type_check
def _beliefs(unary, triple, near, far, on, turned, soft):
    """Pair costs [near, far] of every bone with all else summed out, and the inward parts."""
    inside = np.repeat(unary[far][:, None], unary.shape[1], axis=1)
    inside[on < 0] += unary[near][on < 0][:, :, None]
    message = np.zeros_like(inside)  # [far end of the bone hung on, near end]
    _inward(triple, on, turned, soft, inside, message)
    belief = inside.copy()
    _outward(triple, on, turned, soft, inside, message, belief)
    return belief, inside


@no_type_check
@numba.njit(cache=True)
def _inward(triple, on, turned, soft, inside, message):
    """Add to every bone what those that hang on it say, the outermost first."""
    n, s, _ = inside.shape
    for b in range(n - 1, -1, -1):
        if on[b] < 0:
            continue
        above = inside[on[b]]
        for g in range(s):
            for i in range(s):
                said = _joined(triple[b, g, i] + inside[b, i], soft)
                message[b, g, i] = said
                if turned[b]:
                    above[i, g] += said
                else:
                    above[g, i] += said


@no_type_check
@numba.njit(cache=True)
def _outward(triple, on, turned, soft, inside, message, belief):
    """Add to every bone what all that do not hang on it say."""
    n, s, _ = inside.shape
    row = np.empty(s)
    for b in range(n):
        if on[b] < 0:
            continue
        above = belief[on[b]]
        for i in range(s):
            for j in range(s):
                for g in range(s):
                    rest = (above[i, g] if turned[b] else above[g, i]) - message[b, g, i]
                    row[g] = triple[b, g, i, j] + rest
                belief[b, i, j] = inside[b, i, j] + _joined(row, soft)


@no_type_check
@numba.njit(cache=True)
def _joined(row, soft):
    """The least of some costs, or the cost of all of them together."""
    least = row.min()
    if not soft:
        return least
    total = 0.0
    for value in row:
        total += np.exp(least - value)
    return least - np.log(total)


@no_type_check
@numba.njit(cache=True)
def _follow(unary, triple, near, far, on, turned, inside, state):
    """Write the cheapest state of every keypoint that has bones."""
    s = unary.shape[1]
    for b in range(len(near)):
        if on[b] < 0:
            best = inside[b, 0, 0]
            state[near[b]], state[far[b]] = 0, 0
            for i in range(s):
                for j in range(s):
                    if inside[b, i, j] < best:
                        best = inside[b, i, j]
                        state[near[b]], state[far[b]] = i, j
            continue
        g = state[far[on[b]]] if turned[b] else state[near[on[b]]]
        i = state[near[b]]
        best = np.inf
        for j in range(s):
            cost = triple[b, g, i, j] + inside[b, i, j]
            if cost < best:
                best = cost
                state[far[b]] = j
