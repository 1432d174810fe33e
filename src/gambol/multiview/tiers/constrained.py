"""Tier `constrained`: anipose's objective, for comparison and habit.

Images, smooth motion and constant bone lengths, weighed against one another by numbers that
are given, not learned; see `multiview.constrained`. The covariance is that of the images alone.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field, NonNegativeFloat, PositiveFloat

from gambol.core.progress import Step
from gambol.core.registry import Spec
from gambol.core.skeleton import Skeleton
from gambol.kernels import triangulation
from gambol.multiview import constrained, pointwise
from gambol.multiview.tiers.base import Learner, Problem, Solved, Tier, tiers

MARGIN = 25  # frames that a window is solved for beyond those it is asked for, on either side


class Constrained(Spec):
    """Defaults are those of anipose's library, but for the start."""

    kind: Literal["constrained"] = "constrained"
    start: Literal["dlt", "msac"] = "msac"  # an outlier at the start is seldom left behind
    scale_smooth: NonNegativeFloat = 4.0  # of the motion; its command line has 2
    scale_length: NonNegativeFloat = 2.0  # of the skeleton's bones
    scale_length_weak: NonNegativeFloat = 0.5  # of weak ones; its command line has 1
    weak: tuple[tuple[str, str], ...] = ()  # pairs of keypoints whose distance bends a little
    threshold: PositiveFloat = 15.0  # px, τ; its command line has 5
    order: int = Field(default=1, ge=1, le=3)  # of differences; its command line has 3
    tolerance: PositiveFloat = 1e-4  # relative; smaller changes errors by less than 0.1 %
    window: int = Field(default=1000, ge=10)  # frames solved together, with their own lengths


@tiers.register
def build(spec: Constrained) -> Learner:
    """Return constrained optimisation."""

    def solve(problem: Problem) -> Solved:
        return _solved(spec, problem, pointwise.usual_variance(problem), None, None)

    def learn(problem: Problem) -> Tier:
        usual = pointwise.usual_variance(problem)
        first = _first(spec, problem, usual)
        step = _step(first, problem.times)
        points = first.reshape(-1, 3)
        used = np.isfinite(problem.xy).all(-1).transpose(0, 2, 1).reshape(len(points), -1)
        width = pointwise.noise(problem, points, used & np.isfinite(points[:, :1]))
        return lambda part: _solved(spec, part, usual, step, width)

    return Learner(solve, learn, timed=False, window=spec.window)


def _solved(
    spec: Constrained,
    problem: Problem,
    usual: float,
    step: float | None,
    width: Float[np.ndarray, " V"] | None,
) -> Solved:
    """Optimise; what is None is learned."""
    xy, weight = pointwise.observations(problem, usual)
    points, learned = _optimised(spec, problem, _first(spec, problem, usual), step)
    used = np.isfinite(xy).all(-1) & (weight > 0) & np.isfinite(points[:, :1])
    noise = pointwise.noise(problem, points, used) if width is None else width
    found = pointwise.solved(problem, points, used, noise)
    return found._replace(learned={**found.learned, **learned})


def _first(spec: Constrained, problem: Problem, usual: float) -> Float[np.ndarray, "T J 3"]:
    """Triangulate every point by itself."""
    xy, weight = pointwise.observations(problem, usual)
    if spec.start == "msac":
        first = triangulation.msac(xy, weight, problem.params).points
    else:
        first = triangulation.dlt(xy, weight, problem.params)
    return first.reshape(len(problem.xy), -1, 3)


def _step(first: Float[np.ndarray, "T J 3"], times: Float[np.ndarray, " T"]) -> float:
    """How far a coordinate usually moves in a frame; not from one stretch to another."""
    alive = np.isfinite(first).all(-1).any(0)
    start = constrained.filled(first[:, alive])
    seconds = np.diff(times)
    usual = np.median(seconds) if len(seconds) else 0.0
    cuts = np.flatnonzero(seconds > 1.5 * usual) + 1
    parts = [part for part in np.split(start, cuts) if len(part) > 1]
    if not parts or not alive.any():
        return 1.0
    steps = [constrained.usual_step(part) for part in parts]
    return float(np.average(steps, weights=[len(part) - 1 for part in parts]))


def _optimised(
    spec: Constrained,
    problem: Problem,
    first: Float[np.ndarray, "T J 3"],
    step: float | None,
) -> tuple[Float[np.ndarray, "N 3"], dict[str, list[float]]]:
    """Positions of all points, NaN for keypoints that were never triangulated; bone lengths."""
    alive = np.flatnonzero(np.isfinite(first).all(-1).any(0))
    out = np.full(first.shape, np.nan)
    if not len(alive):
        return out.reshape(-1, 3), {}
    start = constrained.filled(first[:, alive])
    bones, scale = _bones(spec, problem.skeleton, alive)
    order = min(spec.order, len(start) - 1)
    step = constrained.usual_step(start) if step is None else step
    scales = constrained.Scales(spec.scale_smooth / step, scale, spec.threshold, order)
    lengths = []
    for begin in range(0, len(start), spec.window):
        end = min(begin + spec.window, len(start))
        low, high = max(begin - MARGIN, 0), min(end + MARGIN, len(start))
        film = constrained.Film(
            np.ascontiguousarray(problem.xy[low:high][:, :, alive]),
            np.ascontiguousarray(problem.confidence[low:high][:, :, alive]),
            problem.params,
            bones,
        )
        made = constrained.optimise(start[low:high], film, scales, spec.tolerance)
        out[begin:end, alive] = made.xyz[begin - low : end - low]
        lengths.append(made.lengths)
        problem.progress(Step("constrained", end, len(start), f"frame {end}"))
    return out.reshape(-1, 3), {"bone_length": np.median(lengths, axis=0).round(4).tolist()}


def _bones(
    spec: Constrained, skeleton: Skeleton, alive: Int[np.ndarray, " A"]
) -> tuple[Int[np.ndarray, "K 2"], Float[np.ndarray, " K"]]:
    """Bones between keypoints that are there, by their number among those, and their scales."""
    weak = [(skeleton.index(a), skeleton.index(b)) for a, b in spec.weak]
    every = [(pair, spec.scale_length) for pair in skeleton.bones]
    every += [(pair, spec.scale_length_weak) for pair in weak]
    number = {int(j): k for k, j in enumerate(alive)}
    kept = [((number[a], number[b]), s) for (a, b), s in every if a in number and b in number]
    pairs = np.array([pair for pair, _ in kept], int).reshape(-1, 2)
    return pairs, np.array([s for _, s in kept], float)
