"""Tier `smooth`: smooth trajectories under Gaussian noise (Model 0)."""

from typing import Literal

from pydantic import PositiveFloat

from gambol.core.registry import Spec
from gambol.multiview.smooth import Start
from gambol.multiview.tiers.base import Problem, Solved, Tier, tiers
from gambol.multiview.tiers.robust import smoothed


class Smooth(Spec):
    """For detections without outliers, and to compare with; else `robust`."""

    kind: Literal["smooth"] = "smooth"
    start: Start = "msac"  # no matter: Gaussian noise leaves one solution near by
    step: PositiveFloat | None = None  # sd of an axis, world units / √s; none: from the data


@tiers.register
def build(spec: Smooth) -> Tier:
    """Return the iterated extended Kalman smoother, every keypoint by itself."""

    def solve(problem: Problem) -> Solved:
        return smoothed(problem, "gaussian", spec.start, spec.step)

    return solve
