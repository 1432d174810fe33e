"""Tier `smooth`: smooth trajectories under Gaussian noise (Model 0)."""

from typing import Literal

from pydantic import PositiveFloat

from gambol.core.registry import Spec
from gambol.multiview.smooth import Dynamics, Start
from gambol.multiview.tiers.base import Learner, tiers
from gambol.multiview.tiers.robust import smoothing


class Smooth(Spec):
    """For detections without outliers, and to compare with; else `robust`."""

    kind: Literal["smooth"] = "smooth"
    start: Start = "msac"  # no matter: Gaussian noise leaves one solution near by
    dynamics: Dynamics = "walk"  # `velocity`: better for fast smooth motion
    step: PositiveFloat | None = None  # sd of an axis, world units / √s; none: from the data


@tiers.register
def build(spec: Smooth) -> Learner:
    """Return the iterated extended Kalman smoother, every keypoint by itself."""
    return smoothing("gaussian", spec.start, spec.step, spec.dynamics)
