"""Tiers asked of what `filmed` films."""

import numpy as np
from filmed import SKELETON

from gambol.multiview.tiers.base import Problem, tiers


def problem(xy, rig, skeleton=SKELETON, **more):
    """A film (T, V, J, 2) of which nothing else is known."""
    shape = xy.shape[:3]
    return Problem(
        xy, np.ones(shape), np.full(shape, np.nan), rig.params(), np.arange(len(xy)) / 30.0,
        skeleton, np.array([0.0, 0.0, 1.0]),
    )._replace(**more)  # fmt: skip


def solve(kind, xy, rig, settings=None, **more):
    """What the tier of a kind finds."""
    return tiers.build(tiers.parse({"kind": kind, **(settings or {})}))(
        problem(xy, rig, **more)
    )
