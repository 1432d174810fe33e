"""Tier `auto`: of several tiers the one that tells a left-out view best."""

import math
from typing import Any, Literal

import numpy as np
from pydantic import Field, PositiveInt

from gambol.core.errors import InputError
from gambol.core.progress import silent
from gambol.core.registry import Spec
from gambol.multiview import crossview
from gambol.multiview.pose_prior import PosePrior
from gambol.multiview.tiers import gimbal
from gambol.multiview.tiers.base import Learner, Problem, Solved, Tier, tiers

MARGIN = 0.01  # nats an observation, by which a less simple tier has to be better


class Auto(Spec):
    """Simplest first: on a tie the simpler tier is taken."""

    kind: Literal["auto"] = "auto"
    candidates: tuple[str, ...] = ("robust", "distance", "gimbal")  # simplest first
    frames: PositiveInt = Field(default=300, ge=3)  # of the stretch that they are compared on


@tiers.register
def build(spec: Auto) -> Learner:
    """Return a tier that chooses one of the candidates for each animal."""
    return with_prior(spec, None)


def with_prior(spec: Auto, prior: PosePrior | None) -> Learner:
    """Return the same, `gimbal` with a prior that is known; it may be worse than none."""
    for kind in spec.candidates:
        if kind == "auto" or kind not in tiers.kinds():
            there = ", ".join(k for k in tiers.kinds() if k != "auto")
            raise InputError(f"candidates: no tier {kind!r} to choose; there are {there}")
    if not spec.candidates:
        raise InputError("candidates: name at least one tier")

    def solve(problem: Problem) -> Solved:
        chosen, scores = choose(spec, problem, prior)
        return _saying(_tier(chosen, prior), chosen, scores)(problem)

    def learn(problem: Problem) -> Tier:
        chosen, scores = choose(spec, problem, prior)
        return _saying(_tier(chosen, prior).learn(problem), chosen, scores)

    every = [_tier(kind, None) for kind in spec.candidates]
    window = math.lcm(*(tier.window for tier in every))
    return Learner(solve, learn, all(tier.timed for tier in every), window)


def _saying(tier: Tier, kind: str, scores: dict[str, float]) -> Tier:
    """The same tier, that says which one it is and why it was chosen."""

    def solve(problem: Problem) -> Solved:
        solved = tier(problem)
        return solved._replace(
            learned={**solved.learned, "tier": kind, "left_out_log_score": scores}
        )

    return solve


def _tier(kind: str, prior: PosePrior | None) -> Learner:
    if kind == "gimbal" and prior is not None:
        return gimbal.with_prior(gimbal.Gimbal(), prior)
    return tiers.build(tiers.parse({"kind": kind}))


def choose(
    spec: Auto, problem: Problem, prior: PosePrior | None = None
) -> tuple[str, dict[str, float]]:
    """Return the kind that is best, and every candidate's mean log score of left-out views.

    Two views cannot be told by each other: then the first candidate is taken, unscored.
    """
    views = np.isfinite(problem.xy).all(-1).any((0, 2)).sum()
    if views < 3 or len(spec.candidates) == 1:
        return spec.candidates[0], {}
    stretch = crossview.sample(problem._replace(progress=silent), spec.frames)
    noise: float | None = None
    scores: dict[str, float] = {}
    for kind in spec.candidates:
        tier = _tier(kind, prior)
        left: Any = crossview.leave_one_out(stretch, tier, noise)
        if noise is None:  # that of the simplest, so that all are measured alike
            noise = crossview.width(left.px)
            left = crossview.leave_one_out(stretch, tier, noise)
        known = np.isfinite(left.log_score)
        scores[kind] = float(left.log_score[known].mean()) if known.any() else float("-inf")
    best = spec.candidates[0]
    for kind in spec.candidates[1:]:
        if scores[kind] > scores[best] + MARGIN:
            best = kind
    return best, {kind: round(score, 4) for kind, score in scores.items()}
