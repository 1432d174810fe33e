"""Tier `dlt`: linear triangulation of every point from all views, weighted by confidence."""

from typing import Literal

import numpy as np

from gambol.core.registry import Spec
from gambol.kernels import triangulation
from gambol.multiview import pointwise
from gambol.multiview.tiers.base import Problem, Solved, Tier, tiers


class Dlt(Spec):
    """Nothing to set. One wrong view spoils a point."""

    kind: Literal["dlt"] = "dlt"


@tiers.register
def build(spec: Dlt) -> Tier:
    """Return linear triangulation."""

    def solve(problem: Problem) -> Solved:
        xy, weight = pointwise.observations(problem)
        points = triangulation.dlt(xy, weight, problem.params)
        used = np.isfinite(xy).all(-1) & (weight > 0) & np.isfinite(points[:, :1])
        return pointwise.solved(problem, points, used)

    return solve
