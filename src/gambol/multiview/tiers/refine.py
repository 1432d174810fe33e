"""Tier `refine`: every point moved from the views that agree to its greatest likelihood."""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from pydantic import PositiveFloat

from gambol.core.registry import Spec
from gambol.kernels import refinement, triangulation
from gambol.multiview import pointwise
from gambol.multiview.tiers.base import Learner, Problem, Solved, Tier, tiers
from gambol.multiview.tiers.msac import agreed

ROUNDS = 2  # of learning the noise from the points; a third changes it by less than 1 %
SHARES = 0.005, 0.5  # least and most of outliers that a view is believed to hold
APART = (
    4.0  # least ratio of the noise of outliers to that of the others, as standard deviations
)


class Refine(Spec):
    """Noise is a mixture of two normals, which each view learns from its own errors."""

    kind: Literal["refine"] = "refine"
    threshold: PositiveFloat = triangulation.THRESHOLD  # px, of the views that agree at first


@tiers.register
def build(spec: Refine) -> Learner:
    """Return triangulation by Gauss-Newton on the likelihood."""

    def solve(problem: Problem) -> Solved:
        return refined(problem, spec.threshold, pointwise.usual_variance(problem))[0]

    def learn(problem: Problem) -> Tier:
        usual = pointwise.usual_variance(problem)
        rounds = refined(problem, spec.threshold, usual)[1]
        return lambda part: refined(part, spec.threshold, usual, rounds)[0]

    return Learner(solve, learn)


class Learned(NamedTuple):
    """Noise of each view."""

    small: Float[np.ndarray, " V"]  # px², variance of what is no outlier
    large: Float[np.ndarray, " V"]  # px², of outliers
    share: Float[np.ndarray, " V"]  # of outliers


def refined(
    problem: Problem, threshold: float, usual: float, known: tuple[Learned, ...] = ()
) -> tuple[Solved, tuple[Learned, ...]]:
    """Return the points, and the noise of every round.

    Args:
        problem: the observations.
        threshold: px, of the views that agree at first.
        usual: variance of observations that do not tell it, px².
        known: the noise of the rounds; none: learned.
    """
    xy, weight = pointwise.observations(problem, usual)
    points, inlier = agreed(xy, weight, problem.params, threshold)
    there = np.isfinite(xy).all(-1) & (weight > 0) & np.isfinite(points[:, :1])
    outlier = np.where(there, ~inlier, np.nan)
    rounds = []
    for k in range(ROUNDS):
        rounds.append(known[k] if known else learned(problem, points, outlier))
        small, large, share = rounds[-1]
        variance = pointwise.variances(problem, small)
        made = refinement.refine(points, xy, variance, large, share, problem.params)
        points, outlier = made.points, np.where(there, made.outlier, np.nan)
    frames, _, joints = problem.confidence.shape
    solved = Solved(
        points.reshape(frames, joints, 3),
        made.covariance.reshape(frames, joints, 3, 3),
        pointwise.by_frame(made.outlier, problem),
        learned={
            "noise_px": np.sqrt(small).round(3).tolist(),
            "outlier_px": np.sqrt(large).round(3).tolist(),
            "outlier_share": share.round(4).tolist(),
        },
    )
    return solved, tuple(rounds)


def learned(
    problem: Problem, points: Float[np.ndarray, "N 3"], outlier: Float[np.ndarray, "N V"]
) -> Learned:
    """Return each view's noise.

    Args:
        problem: of N = T · J points.
        points: where they are.
        outlier: probability of each observation; NaN where nothing was seen.
    """
    xy, _ = pointwise.observations(problem)
    small = pointwise.noise(problem, points, outlier < 0.5)
    squares = triangulation.squared_errors(points, xy, problem.params)
    z = np.where(np.isfinite(squares), np.nan_to_num(outlier), 0.0)
    spread = (z * np.nan_to_num(squares, posinf=0.0)).sum(0) / np.maximum(z.sum(0), 1.0) / 2
    seen = np.maximum(np.isfinite(outlier).sum(0), 1)
    share = np.clip(np.nansum(outlier, axis=0) / seen, *SHARES)
    return Learned(small, np.maximum(spread, APART**2 * small), share)
