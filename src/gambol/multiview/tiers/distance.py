"""Tier `distance`: robust trajectories of poses whose bones keep their length (Model 2)."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from gambol.core.errors import InputError
from gambol.core.registry import Spec
from gambol.core.skeleton import Skeleton
from gambol.multiview import articulated, learning, smooth
from gambol.multiview.bones import Edges, Form
from gambol.multiview.tiers.base import Learner, Problem, Solved, Tier, by_learning, tiers
from gambol.multiview.tiers.robust import Learned, learned, observations, solved


class Distance(Spec):
    """Noise, steps, bones and edges are learned; bones are the skeleton's tree."""

    kind: Literal["distance"] = "distance"
    form: Form = "direction"  # a proper density; `radius` is for comparison with others
    start: smooth.Start = "msac"  # outliers begin as outliers
    edges: tuple[tuple[str, str], ...] = ()  # other pairs of keypoints that stay equally far
    dynamics: smooth.Dynamics = "walk"  # `velocity`: better for fast smooth motion
    step: PositiveFloat | None = None  # sd of an axis, world units / √s; none: from the data
    window: PositiveInt = articulated.FRAMES  # frames; 29 kB each for 20 keypoints
    overlap: NonNegativeInt = articulated.OVERLAP  # frames; farther away no cut is felt


@tiers.register
def build(spec: Distance) -> Learner:
    """Return smoothing of whole poses."""

    def learn(problem: Problem) -> Tier:
        pairs = _pairs(spec.edges, problem.skeleton)
        taken, model, found = learned(problem, "mixture", spec.start, spec.step, spec.dynamics)
        bones = learning.bones(taken, model, found, problem.skeleton.parent, spec.form)
        if pairs:
            bones = bones._replace(edges=_edges(pairs, Learned(taken, model, found), spec.form))
        held = taken.held

        def solve(part: Problem) -> Solved:
            data = observations(part)
            rough = smooth.smooth(data, model, smooth.start(data, spec.start), held)
            if not len(bones.all().ends):
                return solved(rough, model, data)
            tied = model._replace(bones=bones, form=spec.form)
            best = articulated.solve(
                data, tied, rough, held, size=spec.window, overlap=spec.overlap
            )
            return solved(best, tied, data)

        return solve

    return by_learning(learn, spec.window)


def _pairs(edges: tuple[tuple[str, str], ...], skeleton: Skeleton) -> list[tuple[int, int]]:
    """Return edges by number: child, parent.

    Raises:
        InputError: the skeleton has no such keypoint, or the pair is a bone already.
    """
    there = {frozenset(pair) for pair in skeleton.bones}
    out = []
    for names in edges:
        a, b = (skeleton.index(name) for name in names)
        if a == b or frozenset((a, b)) in there:
            raise InputError(
                f"edges: {names[0]} and {names[1]} are "
                f"{'one keypoint' if a == b else 'joined already'}; leave this pair out"
            )
        there.add(frozenset((a, b)))
        out.append((b, a))
    return out


def _edges(pairs: Sequence[tuple[int, int]], told: Learned, form: Form) -> Edges | None:
    """Learn each edge as if it were the only bone; without those too seldom seen."""
    made = []
    for child, parent in pairs:
        lone = [-1] * told.found.xyz.shape[1]
        lone[child] = parent
        one = learning.bones(*told, tuple(lone), form)
        if one.parent[child] >= 0:
            made.append((one.length[child], one.variance[child], child, parent))
    if not made:
        return None
    length, variance, *ends = zip(*made, strict=True)
    return Edges(np.array(ends).T, np.array(length), np.array(variance))
