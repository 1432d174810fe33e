"""All ways in which N animals take M tracklets: exact inference over permutations.

Tracklets begin one after the other, and each is taken by an animal that is free. A state says
which tracklet every animal had last; the sum over all histories (forward-backward) gives
P(tracklet is animal a) and P(this follows that), the best history (Viterbi) the identities.
Where N animals are seen the states are their permutations, so N is at most about 5.
Source: Rabiner (1989), Proc. IEEE 77(2):257-286, III.A-B, on permutations.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.kernels.flow import Pieces

NEVER = -1  # the last tracklet of an animal that was not seen yet
STATES = 3000  # the likeliest states kept at a step


class Step(NamedTuple):
    """All moves by which one tracklet is taken, between the states before and after it."""

    source: Int[np.ndarray, " K"]  # state before
    target: Int[np.ndarray, " K"]  # state after
    animal: Int[np.ndarray, " K"]  # who takes it
    came: Int[np.ndarray, " K"]  # the tracklet that this animal had before, or NEVER
    gain: Float[np.ndarray, " K"]  # nats


class Posterior(NamedTuple):
    """What all tracklets tell about the identity of each of M."""

    probs: Float[np.ndarray, "M N"]  # P(tracklet is animal a); rows sum to 1
    best: Int[np.ndarray, " M"]  # identities of the likeliest history
    log_evidence: float  # log sum over histories of exp(-cost + emission), nats
    steps: list[Step]
    forward: list[np.ndarray]  # of the states before each step, and after the last; nats
    backward: list[np.ndarray]


def infer(pieces: Pieces, emission: Float[np.ndarray, "M N"]) -> Posterior:
    """Sum over all ways in which N animals take M tracklets one after the other.

    Args:
        pieces: sorted by start; all are taken. A link that is not listed costs leaving and
            entering. As in `kernels.flow`, so the best history without emission is the flow.
        emission: log p(looks of tracklet | animal), nats.

    >>> links = np.array([0, 0, 1, 1]), np.array([2, 3, 2, 3]), np.array([-9.0, -6, -6, -9])
    >>> start, none = np.array([0.0, 0, 2, 2]), np.zeros(4)
    >>> pair = Pieces(start, start + 1, none, none, none, *links)
    >>> known = np.zeros((4, 2))
    >>> known[0, 1] = -99  # the first tracklet is animal 0
    >>> infer(pair, known).probs[2].round(4).tolist()  # 6 nats
    [0.9975, 0.0025]
    """
    steps, forward, states = _advance(pieces, emission)
    gone = np.append(pieces.leave, 0.0)
    ending = -gone[states].sum(axis=1)
    total = float(np.logaddexp.reduce(forward[-1] + ending))
    backward = [ending]
    probs = np.zeros(emission.shape)
    for j in range(len(steps) - 1, -1, -1):
        step = steps[j]
        onward = step.gain + backward[0][step.target]
        share = np.exp(forward[j][step.source] + onward - total)
        probs[j] = np.bincount(step.animal, share, minlength=emission.shape[1])
        backward.insert(0, log_sum(onward, step.source, len(forward[j])))
    probs /= np.maximum(probs.sum(axis=1, keepdims=True), 1e-300)
    return Posterior(probs, _best(steps, ending), total, steps, forward, backward)


def _advance(
    pieces: Pieces, emission: Float[np.ndarray, "M N"]
) -> tuple[list[Step], list[np.ndarray], Int[np.ndarray, "S N"]]:
    """Enumerate states and moves step by step, keeping the likeliest states."""
    m, n = emission.shape
    over = np.append(pieces.end, -np.inf)  # NEVER, the last entry, is always over
    gone = np.append(pieces.leave, 0.0)
    order = np.argsort(pieces.head, kind="stable")
    edges = np.searchsorted(pieces.head[order], np.arange(m + 1))
    direct = np.full(m + 1, np.inf)
    spread = np.cumprod(np.full(n, 0x9E3779B97F4A7C15, np.uint64)) | np.uint64(1)
    states, score = np.full((1, n), NEVER), np.zeros(1)
    steps: list[Step] = []
    forward = [score]
    for j in range(m):
        into = order[edges[j] : edges[j + 1]]
        direct[pieces.tail[into]] = pieces.cost[into]
        source, animal = np.nonzero(over[states] < pieces.start[j])
        if not len(source):
            raise ValueError(f"more than {n} tracklets at {pieces.start[j]:.3f} s")
        came = states[source, animal]
        cost = np.minimum(direct[came], gone[came] + pieces.enter[j])
        gain = emission[j, animal] - cost
        direct[pieces.tail[into]] = np.inf
        after = states[source]
        after[np.arange(len(after)), animal] = j
        key = ((after + 1).astype(np.uint64) * spread).sum(axis=1)
        _, where, target = np.unique(key, return_index=True, return_inverse=True)
        states = after[where]
        new = log_sum(score[source] + gain, target, len(states))
        if len(states) > STATES:
            kept = np.zeros(len(states), bool)
            kept[np.argpartition(-new, STATES)[:STATES]] = True
            moves = kept[target]
            target = (np.cumsum(kept) - 1)[target]
            states, new = states[kept], new[kept]
            source, target, animal, came, gain = (
                part[moves] for part in (source, target, animal, came, gain)
            )
        score = new
        steps.append(Step(source, target, animal, came, gain))
        forward.append(score)
    return steps, forward, states


def log_sum(
    x: Float[np.ndarray, " K"], group: Int[np.ndarray, " K"], n: int
) -> Float[np.ndarray, " n"]:
    """Log of the sum of exp(x) in each of n groups; -inf for an empty group."""
    top = np.full(n, -np.inf)
    np.maximum.at(top, group, x)
    safe = np.where(np.isfinite(top), top, 0.0)
    total = np.bincount(group, np.exp(x - safe[group]), minlength=n)
    with np.errstate(divide="ignore"):
        return np.log(total) + safe


def _best(steps: list[Step], ending: Float[np.ndarray, " S"]) -> Int[np.ndarray, " M"]:
    """Follow the likeliest history back from its end (Viterbi)."""
    score, chosen = np.zeros(1), []
    for step in steps:
        total = score[step.source] + step.gain
        order = np.lexsort((-total, step.target))
        heads = np.searchsorted(step.target[order], np.arange(step.target.max() + 1))
        chosen.append(order[heads])
        score = total[order[heads]]
    best = np.zeros(len(steps), np.int64)
    state = int(np.argmax(score + ending))
    for j in range(len(steps) - 1, -1, -1):
        move = chosen[j][state]
        best[j], state = steps[j].animal[move], int(steps[j].source[move])
    return best
