"""A tier: one way from 2D points of several cameras to 3D, chosen by `kind`."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

import numpy as np
from jaxtyping import Float
from pydantic import BeforeValidator

from gambol.core.progress import Progress, silent
from gambol.core.registry import Registry
from gambol.core.skeleton import Skeleton


class Problem(NamedTuple):
    """What one animal's points and the cameras are, as arrays."""

    xy: Float[np.ndarray, "T V J 2"]  # px; NaN: not seen
    confidence: Float[np.ndarray, "T V J"]  # 0 to 1
    variance: Float[np.ndarray, "T V J"]  # px² of each coordinate; NaN: not known
    params: Float[np.ndarray, "V 24"]  # `kernels.projection`
    times: Float[np.ndarray, " T"]  # seconds, increasing
    skeleton: Skeleton
    up: Float[np.ndarray, " 3"]  # length 1
    progress: Progress = silent


class Solved(NamedTuple):
    """What a tier found. NaN where it found nothing, or does not say."""

    xyz: Float[np.ndarray, "T J 3"]  # world units
    covariance: Float[np.ndarray, "T J 3 3"]  # squared world units
    outlier: Float[np.ndarray, "T V J"]  # probability that the observation is none of the point
    heading: Float[np.ndarray, " T"] | None = None  # radians about `up`
    state_probability: Float[np.ndarray, "T S"] | None = None
    learned: Mapping[str, Any] = {}  # parameters that the tier took from the data, for people


Tier = Callable[[Problem], Solved]
tiers: Registry[Tier] = Registry("tier")
TierSpec = Annotated[Any, BeforeValidator(tiers.parse)]
