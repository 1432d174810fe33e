"""Tier `msac`: every point from the views that agree on it; the others are outliers."""

from typing import Literal

import numpy as np
from pydantic import PositiveFloat

from gambol.core.registry import Spec
from gambol.kernels import triangulation
from gambol.multiview import pointwise
from gambol.multiview.tiers.base import Problem, Solved, Tier, tiers


class Msac(Spec):
    """A point on which no two views agree is left out."""

    kind: Literal["msac"] = "msac"
    threshold: PositiveFloat = triangulation.THRESHOLD  # px; detectors err by 2 to 5 px


@tiers.register
def build(spec: Msac) -> Tier:
    """Return triangulation from views that agree."""

    def solve(problem: Problem) -> Solved:
        points, inlier = agreed(problem, spec.threshold)
        return pointwise.solved(problem, points, inlier)

    return solve


def agreed(problem: Problem, threshold: float) -> triangulation.Agreed:
    """Return points and their inliers; NaN where fewer than two views agree."""
    xy, weight = pointwise.observations(problem)
    found = triangulation.msac(xy, weight, problem.params, threshold)
    lone = found.inlier.sum(1) < 2
    return triangulation.Agreed(
        np.where(lone[:, None], np.nan, found.points), found.inlier & ~lone[:, None]
    )
