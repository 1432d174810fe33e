"""Tier `median`: the component-wise median of what every pair of views says, no more."""

from typing import Literal

import numpy as np
from jaxtyping import Float

from gambol.core.registry import Spec
from gambol.kernels import triangulation
from gambol.multiview import pointwise
from gambol.multiview.pointwise import Placed
from gambol.multiview.tiers.base import Learner, tiers


class Median(Spec):
    """Nothing to set. Known in the field as the 3D of DeepLabCut; gives no covariance."""

    kind: Literal["median"] = "median"


@tiers.register
def build(spec: Median) -> Learner:
    """Return the median of pairs."""
    return pointwise.tier(placed, covariant=False)


def placed(
    xy: Float[np.ndarray, "N V 2"],
    weight: Float[np.ndarray, "N V"],
    params: Float[np.ndarray, "V 24"],
) -> Placed:
    """Return medians of what pairs of views say."""
    points = triangulation.pairs_median(xy, weight, params)
    used = np.isfinite(xy).all(-1) & (weight > 0) & np.isfinite(points[:, :1])
    return Placed(points, used)
