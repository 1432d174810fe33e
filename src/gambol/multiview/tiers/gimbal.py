"""Tier `gimbal`: robust trajectories of poses with bones that take typical directions.

Without a prior the poses of tier `distance` are solved first and typical poses learned from
those keypoints that two views agree on. Where these are too few frames, or the skeleton has no
bones, the poses of `distance` are the answer and `learned` says why.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from gambol.core.errors import InputError
from gambol.core.progress import Step
from gambol.core.registry import Spec
from gambol.multiview import articulated, gimbal, learning, posterior, sampler, smooth, windows
from gambol.multiview import noise as noises
from gambol.multiview.density import Model, Turning
from gambol.multiview.gimbal import Fit
from gambol.multiview.pose_prior import PosePrior, check_fits, fit_prior, states_for
from gambol.multiview.smooth import Anchor, Smoothed
from gambol.multiview.tiers.base import Learner, Problem, Solved, Tier, tiers
from gambol.multiview.tiers.robust import observations
from gambol.multiview.tiers.robust import solved as as_solved

STRENGTHS = (0.0, 0.03, 0.1, 0.25, 0.5, 1.0)
MIDDLE = 0.25
TRIED_FRAMES, TRIED_VIEWS, BRIEF = 200, 3, 15  # frames, views and cycles to choose it by
TOGETHER = 10  # neighbouring frames, whose scores are taken to be one
ENOUGH = 40  # frames with half of their bones, from which typical poses can be learned


class Gimbal(Spec):
    """Noise, steps, bones and typical poses are learned from the recording."""

    kind: Literal["gimbal"] = "gimbal"
    states: PositiveInt | None = None  # none: as many as tell left-out frames best
    body_axis: tuple[str, str] | None = None  # rear, front; none: the longest along the middle
    rotation: Turning = "up"  # `full` for animals that climb or fly, `none` for tethered ones
    dynamics: Literal["mixture", "hmm"] = "mixture"  # `hmm` also learns how states follow
    start: smooth.Start = "msac"  # outliers begin as outliers
    step: PositiveFloat | None = None  # sd of an axis, world units / √s; none: from the data
    strength: NonNegativeFloat | None = None  # times κ; none: by views left out, see `strength`
    cycles: PositiveInt = 40  # of the search, two or three solutions each
    window: PositiveInt = articulated.FRAMES  # frames; 29 kB each for 20 keypoints
    overlap: NonNegativeInt = articulated.OVERLAP  # frames; farther away no cut is felt
    solver: Literal["numba", "torch"] = "numba"  # `torch`: many windows at once, on a GPU
    seed: NonNegativeInt = 0  # of where learning begins


class Prepared(NamedTuple):
    """What is known before poses are typical."""

    tied: smooth.Model  # noise, steps and bones
    held: Anchor
    found: Smoothed  # the poses of `distance`


class Settled(NamedTuple):
    """What is known of poses that are typical."""

    prior: PosePrior | None  # κ as it is to be taken; None: `distance` is the answer
    strength: float  # by which κ was multiplied
    why: str  # there is no prior


class Told(NamedTuple):
    """Poses without one view, and how well they tell it."""

    xyz: Float[np.ndarray, "F J 3"]
    score: Float[np.ndarray, " F"]  # nats


class Part(NamedTuple):
    """What a window found."""

    fit: Fit
    covariance: Float[np.ndarray, "T J 3 3"]
    share: float
    heading: Float[np.ndarray, " T"]


@tiers.register
def build(spec: Gimbal) -> Learner:
    """Return the tier that learns its own typical poses."""
    return _learner(spec, None)


def with_prior(spec: Gimbal, prior: PosePrior) -> Learner:
    """Return the tier that knows typical poses already."""
    return _learner(spec, prior)


def _learner(spec: Gimbal, prior: PosePrior | None) -> Learner:
    _check(spec)

    def tier(problem: Problem) -> Solved:
        return solve(problem, prior, spec)

    def learn(problem: Problem) -> Tier:
        ready = prepare(problem, spec)
        settled, tied, held = settle(problem, ready, prior, spec), ready.tied, ready.held

        def known(part: Problem) -> Solved:
            return _typical(part, _posed(part, tied, held, spec), settled, spec)

        return known

    return Learner(tier, learn, window=spec.window)


def solve(
    problem: Problem,
    prior: PosePrior | None,
    spec: Gimbal,
    known: smooth.Model | None = None,
) -> Solved:
    """Return the most likely poses.

    Args:
        problem: the observations.
        prior: typical poses of the same skeleton; None: learned.
        spec: settings.
        known: noise, steps and bones, learned elsewhere, with which κ is taken as it is; None:
            learned.

    Raises:
        InputError: the prior is of another skeleton.
    """
    ready = prepare(problem, spec, known)
    settled = settle(problem, ready, prior, spec, 1.0 if known is not None else None)
    return _typical(problem, ready, settled, spec)


def settle(
    problem: Problem,
    ready: Prepared,
    prior: PosePrior | None,
    spec: Gimbal,
    usual: float | None = None,
) -> Settled:
    """Return which poses are typical and how much they tell.

    Args:
        problem: the observations.
        ready: their poses of `distance`.
        prior: typical poses of the same skeleton; None: learned.
        spec: settings.
        usual: factor of κ where the settings name none; None: learned.

    Raises:
        InputError: the prior is of another skeleton.
    """
    problem = _decided(problem, ready)
    if prior is not None:
        check_fits(prior, problem.skeleton)
    if not _boned(ready.tied):
        return Settled(None, 0.0, "no bone of the skeleton was seen often enough")
    if prior is None:
        seen = np.isfinite(known_well(problem, ready).xyz).all(axis=-1).sum(axis=1)
        frames = int((2 * seen >= len(problem.skeleton)).sum())
        if frames < ENOUGH:
            why = f"{frames} frames show half of the keypoints well; {ENOUGH} tell poses"
            return Settled(None, 0.0, why)
        prior = learn_prior(problem, ready, spec)
    chosen = usual if spec.strength is None else spec.strength
    if chosen is None:
        chosen = strength(problem, ready, prior, spec)
    return Settled(weakened(prior, chosen), chosen, "")


def _typical(problem: Problem, ready: Prepared, settled: Settled, spec: Gimbal) -> Solved:
    """Return the most likely poses, given which are typical."""
    plain = as_solved(ready.found, ready.tied, observations(problem))
    if settled.prior is None:
        why = {"tier": "distance", "why": settled.why}
        return plain._replace(learned={**plain.learned, **why})
    done = _windows(_decided(problem, ready), ready, settled.prior, spec)
    told = {**done.learned, "strength": settled.strength}
    return done._replace(learned=told, peak=plain.peak)


def _decided(problem: Problem, ready: Prepared) -> Problem:
    """Of several peaks keep those that are likeliest the points of `distance`."""
    peak = noises.emission(observations(problem), ready.tied.noise).meant(ready.found.xyz)
    return problem if peak is None else problem.at(peak)


def _boned(model: smooth.Model) -> bool:
    """Whether there are any bones."""
    return model.bones is not None and not (np.asarray(model.bones.parent) < 0).all()


def prepare(problem: Problem, spec: Gimbal, known: smooth.Model | None = None) -> Prepared:
    """Learn noise, steps and bones, and solve for poses without typical ones."""
    data = observations(problem)
    if known is None:
        eta2 = None if spec.step is None else np.full(problem.xy.shape[2], spec.step**2)
        taken = learning.sample(data, spec.start)
        loose, found = learning.learn(taken, "mixture", eta2=eta2)
        bones = learning.bones(taken, loose, found, problem.skeleton.parent, "direction")
        known = loose._replace(bones=bones, form="direction")
        held = taken.held
    else:
        held = learning.sample(data, spec.start, most=learning.HELD_OUT).held
    return _posed(problem, known, held, spec)


def _posed(problem: Problem, tied: smooth.Model, held: Anchor, spec: Gimbal) -> Prepared:
    """Solve for poses without typical ones."""
    data = observations(problem)
    rough = smooth.smooth(data, tied, smooth.start(data, spec.start), held)
    if not _boned(tied):
        return Prepared(tied, held, rough)
    size, overlap = spec.window, spec.overlap
    posed = articulated.solve(data, tied, rough, held, size=size, overlap=overlap)
    return Prepared(tied, held, posed)


class Sure(NamedTuple):
    """What observations alone say of points, without bones or neighbouring frames."""

    xyz: Float[np.ndarray, "T J 3"]  # NaN where fewer than two views agree
    covariance: Float[np.ndarray, "T J 3 3"]


def known_well(problem: Problem, ready: Prepared) -> Sure:
    """Return points from which typical poses are learned.

    Smooth ones would scatter too little: what bones and steps explain, poses need not again.
    """
    emission = noises.emission(observations(problem), ready.tied.noise)
    linear = emission.at(ready.found.xyz)
    away = 1 / (smooth.AWAY * ready.held.extent) ** 2
    cov = np.linalg.inv(linear.blocks + away * np.eye(3))
    xyz = ready.found.xyz - np.einsum("tjab,tjb->tja", cov, linear.gradient)
    sure = learning.well_known(ready.found.outlier)
    return Sure(np.where(sure[..., None], xyz, np.nan), cov)


def learn_prior(problem: Problem, ready: Prepared, spec: Gimbal) -> PosePrior:
    """Learn typical poses from those that are known well."""
    sure = known_well(problem, ready)
    return fit_prior(
        np.random.default_rng(spec.seed),
        sure.xyz,
        problem.skeleton,
        ready.tied.bones,
        covariance=sure.covariance,
        up=problem.up,
        n_states=spec.states,
        body_axis=spec.body_axis,
        turning=spec.rotation,
        chained=spec.dynamics == "hmm",
    )


def weakened(prior: PosePrior, strength: float) -> PosePrior:
    """Return the prior with all κ times a number."""
    return prior._replace(concentration=strength * prior.concentration)


def strength(problem: Problem, ready: Prepared, prior: PosePrior, spec: Gimbal) -> float:
    """Return the factor of κ with which views that were left out are told best.

    Neighbouring frames resemble each other, but the density takes each for a new pose: with κ
    as poses show it, poses would be pulled too hard and be too sure. 0 is tier `distance`. The
    search walks from the middle; of factors that are as good but for chance the least is taken.
    Of two views none can be left out.
    """
    views = np.flatnonzero(np.isfinite(problem.xy).all(-1).any((0, 2)))
    if len(views) < 3:
        return MIDDLE
    frames = learning.spread(len(problem.xy), TRIED_FRAMES)
    part = problem.of_frames(frames)
    tried = np.unique(np.linspace(0, len(views) - 1, TRIED_VIEWS).round().astype(int))
    out = [int(view) for view in views[tried]]
    emission = noises.emission(observations(part), ready.tied.noise)

    def searched(view: int, factor: float, begin: Float[np.ndarray, "F J 3"]) -> Told:
        hidden = part.xy.copy()
        hidden[:, view] = np.nan
        model = model_of(part._replace(xy=hidden), ready, weakened(prior, factor), spec)
        at = gimbal.fit(model, begin, cycles=BRIEF).at
        cov = posterior.gaussian(model, at).covariance
        score = noises.log_score(emission, at.xyz, cov)[:, view]
        return Told(at.xyz, np.nansum(score, axis=1))

    def plain(view: int) -> Told:
        return searched(view, 0.0, ready.found.xyz[frames])

    # begun anew without the view: what it said must not show in the start
    bare = dict(zip(out, windows.side_by_side(plain, out), strict=True))
    scores = {0: sum(one.score for one in bare.values())}

    def score(i: int) -> Float[np.ndarray, " F"]:
        if i not in scores:

            def one(view: int) -> Told:
                return searched(view, STRENGTHS[i], bare[view].xyz)

            scores[i] = sum(told.score for told in windows.side_by_side(one, out))
        return np.asarray(scores[i])

    return STRENGTHS[_least_of_best(score)]


def _least_of_best(score: Callable[[int], Float[np.ndarray, " F"]]) -> int:
    """Walk uphill from the middle, then down again as far as is no worse than by chance."""
    at, last = STRENGTHS.index(MIDDLE), len(STRENGTHS) - 1
    while at < last and score(at + 1).sum() > score(at).sum():
        at += 1
    while at > 0 and score(at - 1).sum() > score(at).sum():
        at -= 1
    best = score(at)
    while at > 0:
        worse = best - score(at - 1)
        blocks = np.add.reduceat(worse, np.arange(0, len(worse), TOGETHER))
        if blocks.sum() > np.sqrt((blocks**2).sum()):
            break
        at -= 1
    return at


def model_of(problem: Problem, ready: Prepared, prior: PosePrior, spec: Gimbal) -> Model:
    """Return the density of these observations, for `gimbal.fit` and `sampler.sample`."""
    bones = ready.tied.bones
    assert bones is not None
    emission = noises.emission(observations(problem), ready.tied.noise)
    seconds = np.maximum(np.diff(problem.times), 1e-9)
    joints = len(problem.skeleton)
    away = 1 / (smooth.AWAY * ready.held.extent) ** 2
    chained = spec.dynamics == "hmm" and prior.transition is not None
    return Model(
        emission.xy,
        problem.params,
        emission.inlier,
        emission.outlier,
        emission.prior,
        1 / (ready.tied.eta2 * seconds[:, None]),
        bones,
        states_for(prior, problem.up),
        prior.transition if chained else None,
        problem.up,
        spec.rotation,
        np.tile(ready.held.centre, (joints, 1)),
        np.where(np.asarray(bones.parent) < 0, away, 0.0),
    )


def draw(
    rng: np.random.Generator,
    problem: Problem,
    prior: PosePrior | None,
    spec: Gimbal,
    sweeps: int = 500,
) -> sampler.Draws:
    """Return posterior samples of a recording, solved as one window.

    Args:
        rng: of all draws.
        problem: the observations; a thousand frames take 30 MB for 20 keypoints.
        prior: typical poses; None: learned.
        spec: settings.
        sweeps: of each of two chains.
    """
    ready = prepare(problem, spec)
    problem = _decided(problem, ready)
    poses = prior or learn_prior(problem, ready, spec)
    check_fits(poses, problem.skeleton)
    chosen = spec.strength
    if chosen is None:
        chosen = strength(problem, ready, poses, spec)
    model = model_of(problem, ready, weakened(poses, chosen), spec)
    start = gimbal.fit(model, ready.found.xyz, cycles=spec.cycles).at
    return sampler.sample(rng, model, start, sweeps=sweeps)


def _windows(problem: Problem, ready: Prepared, prior: PosePrior, spec: Gimbal) -> Solved:
    """Solve window by window, all begun at the poses of `distance`."""
    frames, views, joints = problem.confidence.shape
    xyz, cov = np.empty((frames, joints, 3)), np.empty((frames, joints, 3, 3))
    outlier, angles = np.empty((frames, views, joints)), np.empty(frames)
    probs = np.empty((frames, len(prior.weights)))
    energy, unsettled, improper = 0.0, 0, 0
    parts = windows.cut(frames, spec.window, spec.overlap)

    def model(part: windows.Window) -> Model:
        kept = problem.of_frames(slice(part.first, part.last))
        return model_of(kept, ready, prior, spec)

    def one(part: windows.Window) -> Part:
        begin = ready.found.xyz[part.first : part.last]
        return _part(own := model(part), gimbal.fit(own, begin, cycles=spec.cycles))

    def many() -> Iterator[Part]:
        models = [model(part) for part in parts]
        begin = [ready.found.xyz[part.first : part.last] for part in parts]
        for own, found in zip(models, _in_torch(models, begin, spec), strict=True):
            yield _part(own, found)

    done = many() if spec.solver == "torch" else windows.side_by_side(one, parts)
    for part, got in zip(parts, done, strict=True):
        at, into = got.fit.at, slice(part.begin, part.end)
        keep = slice(part.begin - part.first, part.end - part.first)
        xyz[into], cov[into] = at.xyz[keep], got.covariance[keep]
        outlier[into] = at.seen.outlier[keep]
        angles[into], probs[into] = got.heading[keep], at.probs[keep]
        energy, unsettled = energy + at.energy, unsettled + (not got.fit.settled)
        improper += got.share < 1
        problem.progress(Step("gimbal", part.end, frames, f"frame {part.end}"))
    found = Smoothed(xyz, cov, outlier, energy, unsettled, improper)
    solved = as_solved(found, ready.tied, observations(problem))
    told: dict[str, Any] = {"states": len(prior.weights), "body_axis": list(prior.body_axis)}
    return solved._replace(
        heading=angles, state_probability=probs, learned={**solved.learned, **told}
    )


def _check(spec: Gimbal) -> None:
    if spec.solver == "torch" and (spec.rotation != "up" or spec.dynamics != "mixture"):
        raise InputError(
            "solver: 'torch' knows only rotation 'up' and dynamics 'mixture'; use 'numba'"
        )


def _part(model: Model, found: Fit) -> Part:
    spread = posterior.gaussian(model, found.at)
    return Part(found, spread.covariance, spread.share, gimbal.heading(model, found.at.turn))


def _in_torch(
    models: list[Model], begin: list[Float[np.ndarray, "_ J 3"]], spec: Gimbal
) -> list[Fit]:
    from gambol.multiview import batched  # torch takes its time to import

    return batched.fit_many(models, begin, cycles=spec.cycles)
