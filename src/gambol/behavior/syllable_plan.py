"""What a fit does in its next sweep: search the stickiness, or run with the one it found.

A plan is a value that only finished sweeps change, so a fit that is taken up again goes on as
if it had not stopped. The search brackets and bisects log10 κ until the median bout lasts as
long as wanted; after that κ stays, for adapting inside sampling would change its target.
With all lines bouts grow for some sweeps yet, while latents are told from noise; so the whole
model runs for a while and is searched again, from where it is, before the run that counts.
Where bouts are off the target at its end all the same, a search and a run follow once more: the
last run, of one stickiness throughout, is what counts.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.behavior.syllable_settings import DynamicsSettings, SyllableSettings

LOW, HIGH = 1.0, 15.0  # of log10 κ; at 60 frames/s 8 still leaves bouts of mice too short
EARLY = 8.0  # the same on first latents, if all lines follow: bouts grow then, and never split
NARROW = 0.05  # of log10 κ: a bracket that tells no more, for bouts drift meanwhile
CLOSE = 0.1  # relative distance to the target that ends a search
FIRST = 4.5  # log10 κ that is tried first
STEP = 4.0  # of log10 κ, the longest while a bracket is looked for
AGAIN, SHARE = 0.5, 0.1  # the same where it is looked for once more: at least, of log10 κ
OFF, REPEATS = 0.15, 2  # relative distance at the end of a run from which it is done again
COOLER = 1.0  # by which log10 κ begins lower where latents are free to move, too


class Phase(NamedTuple):
    """A stretch of a fit."""

    search: bool
    whole: bool  # all lines, not only the first three
    sweeps: int  # of each try, or of the run


class Tries(NamedTuple):
    """The tries of one search."""

    log_kappa: Float[np.ndarray, " n"]  # log10
    frames: Float[np.ndarray, " n"]  # median duration, NaN where no bout was complete


class Plan(NamedTuple):
    """Where a fit stands."""

    phase: int  # index into `phases`
    done: int  # sweeps of this try or run
    kappa: float  # in use
    tries: Tries  # finished ones of this search
    recent: Float[np.ndarray, " r"]  # median durations of the sweeps of this try
    notes: tuple[str, ...]  # what is to be said of finished searches


KINDS = ("search on first latents", "run on these", "search of the whole", "run of the whole")
NO_TRIES = Tries(np.zeros(0), np.zeros(0))


def phases(settings: DynamicsSettings) -> tuple[Phase, ...]:
    """Return the stretches of a fit in order."""
    search = settings.kappa == "auto"
    found = [Phase(True, False, settings.search_sweeps)] if search else []
    found.append(Phase(False, False, settings.ar_iterations))
    if isinstance(settings, SyllableSettings):
        if search:
            again = Phase(True, True, settings.search_sweeps)
            found += [again, Phase(False, True, settings.warm_sweeps)]
            found += [again] if settings.warm_sweeps else []
        run = Phase(False, True, settings.iterations)
        found.append(run)
        if search and settings.warm_sweeps and settings.iterations:
            found += REPEATS * [again, run]
    return tuple(phase for phase in found if phase.sweeps)


def kind(phase: Phase) -> int:
    """Return which of `KINDS` a stretch is."""
    return 2 * phase.whole + (not phase.search)


def most_left(settings: DynamicsSettings, plan: Plan) -> int:
    """Return how many sweeps a fit needs at most to the end of a run that may be its last.

    Searches may end before; a run that leaves bouts off the target is followed by more.
    """
    every = phases(settings)
    stop = _first_run(settings) + 1
    while stop <= plan.phase < len(every):
        stop += 2
    following = every[plan.phase : stop]
    left = [
        phase.sweeps * (settings.search_tries if phase.search else 1) for phase in following
    ]
    done = plan.done + len(plan.tries.frames) * settings.search_sweeps
    return max(0, sum(left) - done)


def begin(settings: DynamicsSettings) -> Plan:
    """Return the plan before the first sweep."""
    kappa = 10**FIRST if settings.kappa == "auto" else settings.kappa
    return Plan(0, 0, float(kappa), NO_TRIES, np.zeros(0), ())


def now(settings: DynamicsSettings, plan: Plan) -> Phase | None:
    """Return the phase of the next sweep; none if the fit is complete."""
    every = phases(settings)
    return every[plan.phase] if plan.phase < len(every) else None


def after_sweep(settings: DynamicsSettings, plan: Plan, frames: float, target: float) -> Plan:
    """Return the plan after one more sweep.

    Args:
        settings: of the model.
        plan: before.
        frames: median duration in this sweep.
        target: that is wanted, in frames.
    """
    every = phases(settings)
    phase = every[plan.phase]
    recent = np.append(plan.recent, frames)
    plan = plan._replace(done=plan.done + 1, recent=recent)
    if plan.done < phase.sweeps:
        return plan
    told = _typical(recent[len(recent) // 2 :])
    if not phase.search:
        on_target = float(_distance(np.array([told]), target)[0]) <= OFF
        complete = on_target and plan.phase >= _first_run(settings)
        following_phase = len(every) if complete else plan.phase + 1
        return plan._replace(phase=following_phase, done=0, recent=np.zeros(0))
    tries = Tries(
        np.append(plan.tries.log_kappa, np.log10(plan.kappa)),
        np.append(plan.tries.frames, told),
    )
    best = int(_distance(tries.frames, target).argmin())
    # bouts follow κ slowly: long steps from where they are nearly right would go too far
    before = every[max(0, plan.phase - 1)]
    again = before.whole and not before.search
    near = max(AGAIN, SHARE * float(np.log10(plan.kappa)))
    early = isinstance(settings, SyllableSettings) and not phase.whole
    following = guess(tries, target, near if again else STEP, EARLY if early else HIGH)
    if (
        _distance(tries.frames, target)[best] <= CLOSE
        or following is None
        or len(tries.frames) >= settings.search_tries
    ):
        return _settle(settings, plan, tries, best, target)
    kappa = float(10**following)
    return plan._replace(done=0, recent=np.zeros(0), tries=tries, kappa=kappa)


def guess(
    tries: Tries, target: float, longest: float = STEP, highest: float = HIGH
) -> float | None:
    """Return the log10 κ to try next, or none where tries contradict each other.

    >>> guess(Tries(np.array([4.0]), np.array([3.0])), 12.0)
    5.0
    >>> guess(Tries(np.array([4.0, 5.0]), np.array([3.0, 4.0])), 12.0)
    7.0
    >>> guess(Tries(np.array([4.0, 5.0]), np.array([3.0, 30.0])), 12.0)
    4.5
    """
    short = tries.frames < target  # without a complete bout (NaN) states hardly ever change
    long = ~short
    low = float(tries.log_kappa[short].max()) if short.any() else -np.inf
    high = float(tries.log_kappa[long].min()) if long.any() else np.inf
    step = min(longest, 2.0 ** (len(tries.frames) - 1))
    if np.isinf(low):
        return None if high <= LOW else max(LOW, high - step)
    if np.isinf(high):
        return None if low >= highest else min(highest, low + step)
    return None if high - low < NARROW else (low + high) / 2


def _first_run(settings: DynamicsSettings) -> int:
    """Return the index of the run that is the last one if bouts are on target at its end."""
    every = phases(settings)
    if not isinstance(settings, SyllableSettings) or settings.kappa != "auto":
        return len(every) - 1
    again = bool(settings.warm_sweeps and settings.iterations)
    return len(every) - 1 - 2 * REPEATS * again


def _settle(
    settings: DynamicsSettings, plan: Plan, tries: Tries, best: int, target: float
) -> Plan:
    """End a search with its best try; the next phase begins with that stickiness."""
    log_kappa, frames = tries.log_kappa[best], tries.frames[best]
    where = KINDS[kind(phases(settings)[plan.phase])].capitalize()
    said = (
        f"{where}: kappa 1e{log_kappa:.2f}, bouts of {frames:.3g} frames, {target:.3g} wanted"
    )
    order = np.argsort(tries.log_kappa)
    if (np.diff(tries.frames[order]) < 0).any():
        said += "; durations did not rise with kappa throughout"
    return plan._replace(
        phase=plan.phase + 1, done=0, recent=np.zeros(0), tries=NO_TRIES,
        kappa=float(10**log_kappa), notes=(*plan.notes, said),
    )  # fmt: skip


def cooler(settings: DynamicsSettings, before: Plan, plan: Plan) -> Plan:
    """Lower κ where all lines begin to be searched."""
    every = phases(settings)
    if plan.phase == before.phase or plan.phase >= len(every):
        return plan
    phase = every[plan.phase]
    if not (phase.search and phase.whole) or every[before.phase].whole:
        return plan
    return plan._replace(kappa=float(10 ** max(LOW, np.log10(plan.kappa) - COOLER)))


def _typical(frames: Float[np.ndarray, " n"]) -> float:
    known = frames[np.isfinite(frames)]
    return float(known.mean()) if len(known) else float("nan")


def _distance(frames: Float[np.ndarray, " n"], target: float) -> Float[np.ndarray, " n"]:
    return np.where(np.isnan(frames), np.inf, abs(frames / target - 1))
