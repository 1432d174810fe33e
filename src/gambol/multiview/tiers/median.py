"""Tier `median`: the component-wise median of what every pair of views says, no more."""

from typing import Literal

import numpy as np

from gambol.core.registry import Spec
from gambol.kernels import triangulation
from gambol.multiview import pointwise
from gambol.multiview.tiers.base import Problem, Solved, Tier, tiers


class Median(Spec):
    """Nothing to set. Known in the field as the 3D of DeepLabCut; gives no covariance."""

    kind: Literal["median"] = "median"


@tiers.register
def build(spec: Median) -> Tier:
    """Return the median of pairs."""

    def solve(problem: Problem) -> Solved:
        xy, weight = pointwise.observations(problem)
        points = triangulation.pairs_median(xy, weight, problem.params)
        used = np.isfinite(xy).all(-1) & (weight > 0) & np.isfinite(points[:, :1])
        noise = pointwise.noise(problem, points, used)
        unknown = np.full((len(points), 3, 3), np.nan)
        return pointwise.assembled(problem, points, unknown, used, noise)

    return solve
