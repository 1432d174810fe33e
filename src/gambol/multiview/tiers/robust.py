"""Tier `robust`: smooth trajectories under noise that knows outliers (Model 1)."""

from typing import Any, Literal

import numpy as np
from pydantic import PositiveFloat

from gambol.core.registry import Spec
from gambol.multiview import learning, smooth
from gambol.multiview.noise import Observations
from gambol.multiview.smooth import Model, Smoothed
from gambol.multiview.tiers.base import Problem, Solved, Tier, tiers


class Robust(Spec):
    """Noise and steps are learned from the recording."""

    kind: Literal["robust"] = "robust"
    noise: Literal["mixture", "student"] = "mixture"  # says which observations are outliers
    dof: PositiveFloat = 4.0  # of `student`: tails of a detector, not yet a Cauchy's
    start: smooth.Start = "msac"  # outliers begin as outliers
    step: PositiveFloat | None = None  # sd of an axis, world units / √s; none: from the data


@tiers.register
def build(spec: Robust) -> Tier:
    """Return robust smoothing, every keypoint by itself."""

    def solve(problem: Problem) -> Solved:
        return smoothed(problem, spec.noise, spec.start, spec.step, spec.dof)

    return solve


def smoothed(
    problem: Problem,
    noise: learning.Kind,
    start: smooth.Start,
    step: float | None,
    dof: float = 4.0,
) -> Solved:
    """Learn a model without bones, and return the trajectories under it.

    Args:
        problem: the observations.
        noise: which kind.
        start: how points are triangulated.
        step: sd of a step, world units / √s; None: learned.
        dof: of the Student-t.
    """
    eta2 = None if step is None else np.full(problem.xy.shape[2], step**2)
    data = observations(problem)
    taken = learning.sample(data, start)
    model, _ = learning.learn(taken, noise, dof=dof, eta2=eta2)
    found = smooth.smooth(data, model, smooth.start(data, start), taken.held)
    return solved(found, model)


def observations(problem: Problem) -> Observations:
    """Return the arrays of a problem that a trajectory is solved from."""
    return Observations(
        problem.xy, problem.confidence, problem.variance, problem.params, problem.times
    )


def solved(found: Smoothed, model: Model) -> Solved:
    """Return what a tier returns, and in words for people what was learned."""
    noise = model.noise
    told: dict[str, Any] = {
        "noise_px": np.sqrt(noise.inlier).round(3).tolist(),  # view by keypoint
        "step": np.sqrt(model.eta2).round(6).tolist(),  # world units / √s
        "unsettled": found.unsettled,
        "covariance_not_of_a_mode": found.improper,
    }
    if noise.dof == 0 and (noise.prior > 0).any():
        told["outlier_px"] = np.sqrt(noise.outlier).round(2).tolist()
        told["outlier_share"] = noise.prior.round(5).tolist()
        told["confidence_slope"], told["confidence_middle"] = noise.slope, noise.middle
    if model.bones is not None:
        told["bone_length"] = model.bones.length.round(6).tolist()
        told["bone_sd"] = np.sqrt(model.bones.variance).round(6).tolist()
        told["bone_parent"] = model.bones.parent.tolist()
    return Solved(found.xyz, found.covariance, found.outlier, learned=told)
