"""Tier `distance`: robust trajectories of poses whose bones keep their length (Model 2)."""

from typing import Literal

import numpy as np
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from gambol.core.registry import Spec
from gambol.multiview import articulated, learning, smooth
from gambol.multiview.bones import Form
from gambol.multiview.tiers.base import Problem, Solved, Tier, tiers
from gambol.multiview.tiers.robust import observations, solved


class Distance(Spec):
    """Noise, steps and bones are learned from the recording; bones are the skeleton's tree."""

    kind: Literal["distance"] = "distance"
    form: Form = "direction"  # a proper density; `radius` is for comparison with others
    start: smooth.Start = "msac"  # outliers begin as outliers
    step: PositiveFloat | None = None  # sd of an axis, world units / √s; none: from the data
    window: PositiveInt = articulated.FRAMES  # frames; 29 kB each for 20 keypoints
    overlap: NonNegativeInt = articulated.OVERLAP  # frames; farther away no cut is felt


@tiers.register
def build(spec: Distance) -> Tier:
    """Return smoothing of whole poses."""

    def solve(problem: Problem) -> Solved:
        eta2 = None if spec.step is None else np.full(problem.xy.shape[2], spec.step**2)
        data = observations(problem)
        taken = learning.sample(data, spec.start)
        model, found = learning.learn(taken, "mixture", eta2=eta2)
        bones = learning.bones(taken, model, found, problem.skeleton.parent, spec.form)
        rough = smooth.smooth(data, model, smooth.start(data, spec.start), taken.held)
        if (bones.parent < 0).all():
            return solved(rough, model)
        tied = model._replace(bones=bones, form=spec.form)
        best = articulated.solve(
            data, tied, rough, taken.held, size=spec.window, overlap=spec.overlap
        )
        return solved(best, tied)

    return solve
