"""Gibbs sampling of syllables: dynamics and states, and all that lies below them.

A chain is a value: a sweep takes one and returns the next. What a sweep draws follows from the
seed, its number and the names of the recordings alone, so a chain that is written down and
taken up again goes on bit for bit, with any number of threads and in any order of recordings.
Series that are given (latents, principal components, depth scores) have lines 1 to 3; those of
keypoints have 4 to 8 as well: latents, headings, centroids, noise, shares of noise.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.behavior import syllable_plan, syllables
from gambol.behavior.gibbs import side_by_side
from gambol.behavior.syllable_plan import Plan
from gambol.behavior.syllable_settings import DynamicsSettings, SyllableSettings
from gambol.behavior.syllables import Key, Parameters, Series, States, Tally
from gambol.core.errors import InputError
from gambol.kernels import arhmm, arhmm_paths, slds_frames, slds_latents, streams
from gambol.kernels.slds_frames import Body, Course, Noise

TRACE = ("log_evidence", "log_joint", "median_frames", "used_states", "kappa", "phase")


class Seen(NamedTuple):
    """The keypoints of one series."""

    xy: Float[np.ndarray, "T J d"]  # 0 where absent
    noise: Noise


class Scene(NamedTuple):
    """What all series of keypoints share."""

    body: Body
    step: float  # σ_v², variance of a step of the centroid, in each coordinate


class Data(NamedTuple):
    """The series of a fit, by name."""

    keys: tuple[Key, ...]
    seen: tuple[Seen, ...]  # empty where series are given
    scene: Scene | None
    fps: float


class Hidden(NamedTuple):
    """What is inferred of one series."""

    z: States
    x: Series
    centroid: Float[np.ndarray, "T d"]  # no rows where series are given
    heading: Float[np.ndarray, " _"]
    scale: Float[np.ndarray, "_ J"]  # s


class Chain(NamedTuple):
    """Where a fit stands: all that it needs to go on, and what it has seen."""

    sweeps: int  # done
    plan: Plan
    hidden: tuple[Hidden, ...]
    parameters: Parameters
    share: Float[np.ndarray, " J"]  # σ_k²; none where series are given
    trace: Float[np.ndarray, "I 6"]  # `TRACE` of each sweep


class Frozen(NamedTuple):
    """Parameters in the forms that lines 3 to 7 read."""

    trans: Float[np.ndarray, "N N"]
    laid: arhmm.Laid
    joins: slds_latents.Joins


def given(x: Series, settings: DynamicsSettings) -> Hidden:
    """Return a given series before its states are known."""
    none = np.zeros((0, 0))
    z = np.zeros(max(0, len(x) - settings.lags), np.uint8)
    return Hidden(z, np.ascontiguousarray(x, np.float64), none, np.zeros(0), none)


def start(settings: DynamicsSettings, data: Data, hidden: Sequence[Hidden]) -> Chain:
    """Return the chain before its first sweep, with states from k-means on the series."""
    if not any(len(own.z) for own in hidden):
        raise InputError(
            f"no recording is longer than lags ({settings.lags} frames); give longer ones"
        )
    first = syllables.first_states(settings, [own.x for own in hidden])
    known = syllables.blank(settings, hidden[0].x.shape[1])
    share = data.seen[0].noise.share if data.seen else np.zeros(0)
    with_states = tuple(own._replace(z=z) for own, z in zip(hidden, first, strict=True))
    plan = syllable_plan.begin(settings)
    return Chain(0, plan, with_states, known, share, np.empty((0, len(TRACE))))


def finished(settings: DynamicsSettings, chain: Chain) -> bool:
    """Tell whether the plan of the fit is done."""
    return syllable_plan.now(settings, chain.plan) is None


def freeze(known: Parameters) -> Frozen:
    """Return parameters as lines 3 to 7 read them."""
    laid = arhmm.lay(known.dynamics)
    return Frozen(known.trans, laid, slds_latents.joins(laid))


def planned(settings: DynamicsSettings, data: Data, chain: Chain, threads: int = 1) -> Chain:
    """Do the next sweep of the plan."""
    phase = syllable_plan.now(settings, chain.plan)
    if phase is None:
        return chain
    after = sweep(settings, data, chain, whole=phase.whole, threads=threads)
    after.trace[-1, -1] = syllable_plan.kind(phase)
    frames, target = float(after.trace[-1, 2]), settings.target_duration_s * data.fps
    plan = syllable_plan.after_sweep(settings, chain.plan, frames, target)
    return after._replace(plan=syllable_plan.cooler(settings, chain.plan, plan))


def sweep(
    settings: DynamicsSettings, data: Data, chain: Chain, *, whole: bool, threads: int = 1
) -> Chain:
    """Draw every line once, each given all others.

    Args:
        settings: of the model.
        data: the series.
        chain: where the fit stands.
        whole: all lines; without, the first three on series as they are.
        threads: that work side by side.
    """
    number, kappa = chain.sweeps + 1, chain.plan.kappa
    total = _tally(settings, chain.hidden, threads)
    beta, trans = syllables.transitions(
        settings, kappa, chain.parameters.beta, total.moves, number
    )
    known = Parameters(beta, trans, syllables.dynamics(settings, total.sums, number))
    frozen = freeze(known)

    def one(i: int) -> tuple[Hidden, float, float]:
        own, told = draw_states(settings, data.keys[i], chain.hidden[i], frozen, number)
        if whole:
            own = draw_below(settings, data, i, own, chain.share, frozen, number)
        return own, told, log_joint(data, i, own, chain.share, frozen)

    made = list(side_by_side(one, range(len(data.keys)), threads))
    hidden = tuple(own for own, _, _ in made)
    z = [own.z for own in hidden]
    used = syllables.usage(z, settings.n_states) >= syllables.USED
    row = [
        math.fsum(told for _, told, _ in made), math.fsum(joint for _, _, joint in made),
        syllables.median_duration(z), used.sum(), kappa, 2 * whole + 1,
    ]  # fmt: skip
    share = _shares(settings, data, hidden, chain.share, number) if whole else chain.share
    return Chain(number, chain.plan, hidden, known, share, np.vstack([chain.trace, row]))


def draw_states(
    settings: DynamicsSettings, key: Key, own: Hidden, frozen: Frozen, sweep: int | str
) -> tuple[Hidden, float]:
    """Draw the states of a series (line 3); also return its log evidence."""
    rng = _stream(settings, sweep, "states", key)
    path = arhmm_paths.draw(rng, own.x, frozen.laid, frozen.trans)
    return own._replace(z=path.states), path.log_evidence


def draw_below(
    settings: DynamicsSettings,
    data: Data,
    i: int,
    own: Hidden,
    share: Float[np.ndarray, " J"],
    frozen: Frozen,
    sweep: int | str,
) -> Hidden:
    """Draw latents, headings, centroids and noise of a series (lines 4 to 7)."""
    scene, seen, key = data.scene, data.seen[i], data.keys[i]
    if scene is None:
        raise ValueError("series that are given have no keypoints")
    body, noise = scene.body, seen.noise._replace(share=share)
    course = Course(seen.xy, own.centroid, own.heading)
    weight = slds_frames.precisions(own.scale, noise)
    rng = _stream(settings, sweep, "latents", key)
    x = slds_latents.draw(rng, own.z, frozen.joins, body, course, weight)
    rng = _stream(settings, sweep, "headings", key)
    course = course._replace(heading=slds_frames.headings(rng, x, body, course, weight))
    rng = _stream(settings, sweep, "centroids", key)
    v = slds_frames.centroids(rng, x, body, course, weight, scene.step)
    course = course._replace(centroid=v)
    rng = _stream(settings, sweep, "noise", key)
    scale = slds_frames.scales(rng, x, body, course, noise)
    return Hidden(own.z, x, v, course.heading, scale)


def log_joint(
    data: Data, i: int, own: Hidden, share: Float[np.ndarray, " J"], frozen: Frozen
) -> float:
    """Return log p(keypoints, all that is hidden | parameters) of a series, in nats.

    Of a given series: log p(x, z | parameters).
    """
    n, first = len(frozen.trans), own.x[: frozen.laid.lags]
    told = arhmm.path_log_likelihood(own.x, own.z, frozen.laid)
    told -= (first**2).sum() / (2 * slds_latents.FIRST)
    told -= first.size / 2 * math.log(2 * math.pi * slds_latents.FIRST)
    if len(own.z):
        moves = np.maximum(frozen.trans[own.z[:-1], own.z[1:]], arhmm_paths.LEAST)
        told += float(np.log(moves).sum()) - math.log(n)
    if data.scene is None:
        return float(told)
    return float(told) + _log_seen(data.scene, data.seen[i], own, share)


def _log_seen(scene: Scene, seen: Seen, own: Hidden, share: Float[np.ndarray, " J"]) -> float:
    """Return log p(keypoints, noise, centroid | latents, heading)."""
    present, prior, dof, _ = seen.noise
    d = seen.xy.shape[2]
    walked = np.diff(own.centroid, axis=0)
    told = -(walked**2).sum() / (2 * scene.step)
    told -= walked.size / 2 * math.log(2 * math.pi * scene.step)
    course = Course(seen.xy, own.centroid, own.heading)
    square = slds_frames.residuals(own.x, scene.body, course)
    variance = own.scale * share
    each = -square / (2 * variance) - d / 2 * np.log(2 * np.pi * variance)
    each += dof / 2 * np.log(dof * prior / 2) - math.lgamma(dof / 2)
    each -= (dof / 2 + 1) * np.log(own.scale) + dof * prior / (2 * own.scale)
    return float(told + each[present].sum())


def _tally(settings: DynamicsSettings, hidden: Sequence[Hidden], threads: int) -> Tally:
    """Add up all series, in their order."""

    def one(own: Hidden) -> Tally:
        return syllables.tally(settings, own.x, own.z)

    n, width = settings.n_states, (settings.lags + 1) * hidden[0].x.shape[1] + 1
    total = Tally(np.zeros((n, n), np.int64), np.zeros((n, width, width)))
    for part in side_by_side(one, hidden, threads):
        np.add(total.moves, part.moves, out=total.moves)
        np.add(total.sums, part.sums, out=total.sums)
    return total


def _shares(
    settings: DynamicsSettings,
    data: Data,
    hidden: Sequence[Hidden],
    share: Float[np.ndarray, " J"],
    sweep: int,
) -> Float[np.ndarray, " J"]:
    """Draw the factor of each keypoint (line 8), if it is not fixed."""
    if data.scene is None or not (
        isinstance(settings, SyllableSettings) and settings.draw_shares
    ):
        return share
    total, count = np.zeros(len(share)), np.zeros(len(share))
    d = data.seen[0].xy.shape[2]
    for seen, own in zip(data.seen, hidden, strict=True):
        course = Course(seen.xy, own.centroid, own.heading)
        square = slds_frames.residuals(own.x, data.scene.body, course) / own.scale
        total += (square * seen.noise.present).sum(0)
        count += d * seen.noise.present.sum(0)
    rng = streams.generator(settings.random_state, sweep, "shares")
    return slds_frames.shares(rng, total, settings.share_dof, settings.share_mean, count)


def _stream(
    settings: DynamicsSettings, sweep: int | str, line: str, key: Key
) -> np.random.Generator:
    return streams.generator(settings.random_state, sweep, line, key.recording, key.number)
