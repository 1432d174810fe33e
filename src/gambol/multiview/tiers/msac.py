"""Tier `msac`: every point from the views that agree on it; the others are outliers."""

from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Float
from pydantic import PositiveFloat

from gambol.core.registry import Spec
from gambol.kernels import triangulation
from gambol.multiview import pointwise
from gambol.multiview.pointwise import Placed
from gambol.multiview.tiers.base import Learner, tiers


class Msac(Spec):
    """A point on which no two views agree is left out."""

    kind: Literal["msac"] = "msac"
    threshold: PositiveFloat = triangulation.THRESHOLD  # px; detectors err by 2 to 5 px


@tiers.register
def build(spec: Msac) -> Learner:
    """Return triangulation from views that agree."""
    return pointwise.tier(partial(agreed, threshold=spec.threshold))


def agreed(
    xy: Float[np.ndarray, "N V 2"],
    weight: Float[np.ndarray, "N V"],
    params: Float[np.ndarray, "V 24"],
    threshold: float,
) -> Placed:
    """Return points and the views that agree on them; NaN where fewer than two do."""
    found = triangulation.msac(xy, weight, params, threshold)
    lone = found.inlier.sum(1) < 2
    return Placed(np.where(lone[:, None], np.nan, found.points), found.inlier & ~lone[:, None])
