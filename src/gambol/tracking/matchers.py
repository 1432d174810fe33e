"""Who is who in one frame: from a matrix of costs to pairs and how sure they are."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core.registry import Registry, Spec
from gambol.kernels.assignment import ALONE, assign, greedy, margins


class Matched(NamedTuple):
    """The track of each of n detections."""

    track: Int[np.ndarray, " n"]  # column of the cost, or ALONE; distinct
    margin: Float[np.ndarray, " n"]  # nats to the best joint assignment that says otherwise


Matcher = Callable[[np.ndarray, float, np.ndarray], Matched]  # cost (n, m), birth, score (n,)
matchers = Registry[Matcher]("matcher")


class HungarianSpec(Spec):
    """The least total cost of all partial assignments."""

    kind: Literal["hungarian"] = "hungarian"


class GreedySpec(Spec):
    """The best pair first."""

    kind: Literal["greedy"] = "greedy"


class TwoPassSpec(Spec):
    """Confident detections choose first, the others share the tracks that are left."""

    kind: Literal["two-pass"] = "two-pass"
    confident: float = 0.5  # P(real animal) of those that choose first


@matchers.register
def hungarian(spec: HungarianSpec) -> Matcher:
    """Build the optimal matcher."""
    return _hungarian


@matchers.register
def best_first(spec: GreedySpec) -> Matcher:
    """Build the greedy matcher."""

    def match(cost: np.ndarray, birth: float, score: np.ndarray) -> Matched:
        return _judged(greedy(cost, np.full(len(cost), birth)).column, cost, birth, score)

    return match


@matchers.register
def two_pass(spec: TwoPassSpec) -> Matcher:
    """Build the matcher that lets confident detections choose first."""

    def match(cost: np.ndarray, birth: float, score: np.ndarray) -> Matched:
        column = np.full(len(cost), ALONE)
        first = score >= spec.confident
        for rows in (first, ~first):
            free = np.setdiff1d(np.arange(cost.shape[1]), column)
            chosen = assign(cost[rows][:, free], np.full(int(rows.sum()), birth)).column
            taken = np.full(len(chosen), ALONE)
            taken[chosen != ALONE] = free[chosen[chosen != ALONE]]
            column[rows] = taken
        return _judged(column, cost, birth, score)

    return match


def _hungarian(
    cost: Float[np.ndarray, "n m"], birth: float, score: Float[np.ndarray, " n"]
) -> Matched:
    alone = np.full(len(cost), birth)
    column = assign(cost, alone).column
    return Matched(column, margins(cost, alone, column))


def _judged(column: np.ndarray, cost: np.ndarray, birth: float, score: np.ndarray) -> Matched:
    """Give the margins of the best assignment, and none where the choice differs from it."""
    best = _hungarian(cost, birth, score)
    return Matched(column, np.where(column == best.track, best.margin, 0.0))
