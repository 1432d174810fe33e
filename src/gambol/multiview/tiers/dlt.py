"""Tier `dlt`: linear triangulation of every point from all views, weighted by confidence."""

from typing import Literal

import numpy as np
from jaxtyping import Float

from gambol.core.registry import Spec
from gambol.kernels import triangulation
from gambol.multiview import pointwise
from gambol.multiview.pointwise import Placed
from gambol.multiview.tiers.base import Learner, tiers


class Dlt(Spec):
    """Nothing to set. One wrong view spoils a point."""

    kind: Literal["dlt"] = "dlt"


@tiers.register
def build(spec: Dlt) -> Learner:
    """Return linear triangulation."""
    return pointwise.tier(placed)


def placed(
    xy: Float[np.ndarray, "N V 2"],
    weight: Float[np.ndarray, "N V"],
    params: Float[np.ndarray, "V 24"],
) -> Placed:
    """Return points from all views that saw them."""
    points = triangulation.dlt(xy, weight, params)
    used = np.isfinite(xy).all(-1) & (weight > 0) & np.isfinite(points[:, :1])
    return Placed(points, used)
