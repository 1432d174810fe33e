"""Whole trajectories drawn from the posterior of poses that a tier has solved already.

The density is rebuilt from what the tier says that it learned, so that nothing is learned again
but, of `gimbal` without a prior, its typical poses. `robust` is the density without bones and
`distance` the one whose typical poses point nowhere (κ = 0), so one sampler serves all three
(`sampler.sweep_blocks`). Draws are handed on one by one and not kept: memory holds a
trajectory, a block's density, and traces of a few moments, which tell whether chains mixed.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int

from gambol.core.errors import InputError
from gambol.core.progress import Step
from gambol.core.registry import Spec
from gambol.kernels.pose_states import States
from gambol.multiview import gimbal as search
from gambol.multiview import noise as noises
from gambol.multiview import sampler, smooth
from gambol.multiview.bones import Bones
from gambol.multiview.density import Model, Turning, evaluate
from gambol.multiview.noise import Noise
from gambol.multiview.pose_prior import PosePrior, check_fits, states_for
from gambol.multiview.sampler import Place
from gambol.multiview.tiers import gimbal
from gambol.multiview.tiers.base import Problem
from gambol.multiview.tiers.distance import Distance
from gambol.multiview.tiers.gimbal import Gimbal
from gambol.multiview.tiers.robust import Robust, observations

MOMENTS = 50  # frames, evenly spread, whose traces are kept


class Drawn(NamedTuple):
    """One draw of one chain."""

    chain: int
    xyz: Float32[np.ndarray, "T J 3"]  # world units
    heading: Float32[np.ndarray, " T"] | None  # radians about `up`; of `gimbal` only


class Mixing(NamedTuple):
    """Whether to believe the draws, by centroid, heading and the names of three keypoints."""

    acceptance: float  # share of blocks of frames whose positions were taken
    size: dict[str, float]  # least effective sample size over frames and axes
    rhat: dict[str, float]  # largest split R̂ over the same; 1 where chains agree


def draw(
    rng: np.random.Generator,
    problem: Problem,
    xyz: Float[np.ndarray, "T J 3"],
    learned: Mapping[str, Any],
    spec: Spec,
    keep: Callable[[Drawn], None],
    *,
    prior: PosePrior | None = None,
    count: int = 100,
    warm: int = 50,
    thin: int = 5,
    chained: int = 2,
) -> Mixing:
    """Draw trajectories and hand each on.

    Args:
        rng: of all draws.
        problem: the observations that were solved.
        xyz: the poses that a tier found, where chains begin; NaN: filled.
        learned: what the tier said that it learned, `Solved.learned`.
        spec: of the tier, which is asked for what it did not learn; of `auto` any.
        keep: takes every draw, chain by chain.
        prior: the pose prior that `gimbal` was given.
        count: draws of all chains together, at most.
        warm: sweeps of each chain that are forgotten.
        thin: sweeps for one draw.
        chained: how many chains.

    Raises:
        InputError: the tier has no posterior to draw from.
    """
    known = _known(problem, xyz, learned, spec, prior)
    start = _start(known, xyz)
    frames = np.unique(np.linspace(0, len(xyz) - 1, MOMENTS).round().astype(int))
    each = max(count // chained, 1)
    sweeps = warm + each * thin
    traces: list[list[Drawn]] = [[] for _ in range(chained)]
    accepted = []
    place = start
    for chain, n in np.ndindex(chained, sweeps):
        place, share = sampler.sweep_blocks(rng, known.part, place if n else start)
        problem.progress(Step("draws", chain * sweeps + n + 1, chained * sweeps, "draws"))
        if n < warm:
            continue
        accepted.append(share)
        if (n - warm) % thin == thin - 1:
            one = _drawn(known, chain, place)
            keep(one)
            traces[chain].append(_of_frames(one, frames))
    return _mixing(traces, problem.skeleton.keypoints, float(np.mean(accepted)))


class _Known(NamedTuple):
    """Everything that the density needs beside a part's observations."""

    problem: Problem
    model: smooth.Model
    held: smooth.Anchor
    states: States
    transition: Float[np.ndarray, "S S"] | None
    turning: Turning

    def part(self, first: int, last: int) -> Model:
        """Return the density of frames first <= t < last."""
        chosen, (problem, model) = slice(first, last), (self.problem, self.model)
        seen = noises.emission(observations(problem).of_frames(chosen), model.noise)
        seconds = np.maximum(np.diff(problem.times[chosen]), 1e-9)
        bones = model.bones
        assert bones is not None
        away = 1 / (smooth.AWAY * self.held.extent) ** 2
        return Model(
            seen.xy, seen.params, seen.inlier, seen.outlier, seen.prior,
            1 / (model.eta2 * seconds[:, None]), bones, self.states, self.transition,
            problem.up, self.turning, np.tile(self.held.centre, (len(bones.parent), 1)),
            np.where(np.asarray(bones.parent) < 0, away, 0.0),
        )  # fmt: skip


def _known(
    problem: Problem,
    xyz: Float[np.ndarray, "T J 3"],
    learned: Mapping[str, Any],
    spec: Spec,
    prior: PosePrior | None,
) -> _Known:
    """Rebuild the density from what was learned."""
    kind = str(learned.get("tier", spec.kind))
    _check(kind, learned, spec)
    model = _model(learned, len(problem.skeleton))
    held = smooth.anchor(smooth.filled(xyz, problem.times), problem.params)
    if kind != "gimbal":
        joints = len(problem.skeleton)
        ahead = np.tile([1.0, 0.0, 0.0], (1, joints, 1))
        nowhere = States(np.zeros(1), ahead, np.zeros((1, joints)))
        return _Known(problem, model, held, nowhere, None, "none")
    asked = spec if isinstance(spec, Gimbal) else Gimbal()
    if prior is None:
        axis = tuple(learned["body_axis"])
        asked = asked.model_copy(update={"states": learned["states"], "body_axis": axis})
        prior = gimbal.learn_prior(problem, gimbal.prepare(problem, asked, model), asked)
    check_fits(prior, problem.skeleton)
    prior = gimbal.weakened(prior, float(learned["strength"]))
    states = states_for(prior, problem.up)
    moves = prior.transition if asked.dynamics == "hmm" else None
    return _Known(problem, model, held, states, moves, asked.rotation)


def _check(kind: str, learned: Mapping[str, Any], spec: Spec) -> None:
    """Refuse tiers of another density."""
    other = ""
    if kind not in ("smooth", "robust", "distance", "gimbal"):
        other = f"of tier {kind!r} there are none"
    elif learned.get("dynamics", "walk") != "walk":
        other = "of velocities that walk there are none"
    elif "edge_ends" in learned:
        other = "with edges beyond the skeleton there are none"
    elif isinstance(spec, Distance) and spec.form != "direction":
        other = f"of form {spec.form!r} there are none"
    elif isinstance(spec, Robust) and spec.noise != "mixture":
        other = f"of noise {spec.noise!r} there are none"
    if other:
        raise InputError(
            f"draws: {other}; draw from tier robust, distance or gimbal with its usual settings"
        )


def _model(learned: Mapping[str, Any], joints: int) -> smooth.Model:
    """Return noise, steps and bones that a tier learned."""
    inlier = np.array(learned["noise_px"], float) ** 2
    outlier = np.array(learned.get("outlier_px", 10 * np.sqrt(inlier)), float) ** 2
    noise = Noise(
        inlier,
        outlier,
        np.array(learned.get("outlier_share", np.zeros_like(inlier)), float),
        float(learned.get("confidence_slope", 0.0)),
        float(learned.get("confidence_middle", noises.MIDDLE)),
    )
    bones = Bones(np.full(joints, -1), np.zeros(joints), np.ones(joints))
    if "bone_parent" in learned:
        variance = np.array(learned["bone_sd"], float) ** 2
        length = np.array(learned["bone_length"], float)
        bones = Bones(np.array(learned["bone_parent"]), length, variance)
    return smooth.Model(noise, np.array(learned["step"], float) ** 2, bones)


def _start(known: _Known, xyz: Float[np.ndarray, "T J 3"]) -> Place:
    """The poses that were found, with the turns and states that suit them best."""
    there = smooth.filled(xyz, known.problem.times)
    turn = np.tile(np.eye(3), (len(xyz), 1, 1))
    state = np.zeros(len(xyz), int)
    for first in range(0, len(xyz), sampler.BLOCK):
        last = min(first + sampler.BLOCK, len(xyz))
        model, level = known.part(first, last), turn[first:last]
        at = search.search_turns(model, evaluate(model, there[first:last], level))
        turn[first:last], state[first:last] = at.turn, at.probs.argmax(axis=1)
    return Place(there, turn, state)


def _drawn(known: _Known, chain: int, place: Place) -> Drawn:
    heading = None
    if known.turning != "none":
        heading = search.angle(known.problem.up, place.turn).astype(np.float32)
    return Drawn(chain, place.xyz.astype(np.float32), heading)


def _of_frames(one: Drawn, frames: Int[np.ndarray, " F"]) -> Drawn:
    heading = None if one.heading is None else one.heading[frames]
    return Drawn(one.chain, one.xyz[frames], heading)


def _mixing(traces: list[list[Drawn]], names: tuple[str, ...], accepted: float) -> Mixing:
    xyz = np.array([[one.xyz for one in chain] for chain in traces], float)
    angles = None
    if traces[0][0].heading is not None:
        angles = np.array([[one.heading for one in chain] for chain in traces], float)
    return Mixing(accepted, *sampler.mixed(xyz, angles, names))
