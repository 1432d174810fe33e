"""Tier `robust`: smooth trajectories under noise that knows outliers (Model 1)."""

from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import PositiveFloat

from gambol.core.registry import Spec
from gambol.multiview import accelerations, learning, smooth
from gambol.multiview import noise as noises
from gambol.multiview.noise import Observations
from gambol.multiview.smooth import Model, Smoothed
from gambol.multiview.tiers.base import Learner, Problem, Solved, Tier, by_learning, tiers


class Robust(Spec):
    """Noise and steps are learned from the recording."""

    kind: Literal["robust"] = "robust"
    noise: Literal["mixture", "student"] = "mixture"  # says which observations are outliers
    dof: PositiveFloat = 4.0  # of `student`: tails of a detector, not yet a Cauchy's
    start: smooth.Start = "msac"  # outliers begin as outliers
    dynamics: smooth.Dynamics = "walk"  # `velocity`: better for fast smooth motion
    step: PositiveFloat | None = None  # sd of an axis, world units / √s; none: from the data


class Learned(NamedTuple):
    """What a recording tells, without bones."""

    taken: learning.Sample
    model: Model
    found: Smoothed  # the sample's trajectory


@tiers.register
def build(spec: Robust) -> Learner:
    """Return robust smoothing, every keypoint by itself."""
    return smoothing(spec.noise, spec.start, spec.step, spec.dynamics, spec.dof)


def smoothing(
    noise: learning.Kind,
    start: smooth.Start,
    step: float | None,
    dynamics: smooth.Dynamics,
    dof: float = 4.0,
) -> Learner:
    """Return the tier that learns a model without bones, and finds trajectories under it.

    Args:
        noise: which kind.
        start: how points are triangulated.
        step: sd of a step, `learned`; None: learned.
        dynamics: what walks.
        dof: of the Student-t.
    """

    def learn(problem: Problem) -> Tier:
        taken, model, _ = learned(problem, noise, start, step, dynamics, dof)
        held = taken.held

        def solve(part: Problem) -> Solved:
            data = observations(part, noise)
            found = smooth.smooth(data, model, smooth.start(data, start), held)
            return solved(found, model, data)

        return solve

    return by_learning(learn)


def learned(
    problem: Problem,
    noise: learning.Kind,
    start: smooth.Start,
    step: float | None,
    dynamics: smooth.Dynamics,
    dof: float = 4.0,
) -> Learned:
    """Learn noise and steps.

    Args:
        problem: the observations.
        noise: which kind.
        start: how points are triangulated.
        step: sd of a step on an axis: of the position, world units / √s, or of the velocity,
            world units / s / √s; None: learned.
        dynamics: what walks.
        dof: of the Student-t.
    """
    eta2 = None if step is None else np.full(problem.xy.shape[2], step**2)
    taken = learning.sample(observations(problem, noise), start)
    if dynamics == "walk":
        return Learned(taken, *learning.learn(taken, noise, dof=dof, eta2=eta2))
    walked, found = learning.learn(taken, noise, dof=dof)
    return Learned(taken, *accelerations.learn(taken, walked, found, eta2))


def observations(problem: Problem, noise: learning.Kind = "mixture") -> Observations:
    """Return the arrays of a problem that a trajectory is solved from.

    Further peaks are for the mixture: where nothing is an outlier, the detector's choice is
    right.
    """
    several = noise == "mixture"
    return Observations(
        problem.xy,
        problem.confidence,
        problem.variance,
        problem.params,
        problem.times,
        problem.candidates if several else None,
        problem.score if several else None,
    )


def solved(found: Smoothed, model: Model, data: Observations) -> Solved:
    """Return what a tier returns, and in words for people what was learned.

    Args:
        found: the trajectory.
        model: what it was taken to be.
        data: what it was found in.
    """
    noise = model.noise
    told: dict[str, Any] = {
        "noise_px": np.sqrt(noise.inlier).round(3).tolist(),  # view by keypoint
        "dynamics": model.dynamics,
        "step": np.sqrt(model.eta2).round(6).tolist(),  # world units / √s; velocity: / s / √s
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
        if (edges := model.bones.edges) is not None:
            told["edge_ends"] = edges.ends.tolist()
            told["edge_length"] = edges.length.round(6).tolist()
            told["edge_sd"] = np.sqrt(edges.variance).round(6).tolist()
    peak = noises.emission(data, noise).meant(found.xyz)
    return Solved(found.xyz, found.covariance, found.outlier, learned=told, peak=peak)
