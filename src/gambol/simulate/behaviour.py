"""What the animal means to do: bouts of behaviour, and the commands that follow from them.

Behaviour is a semi-Markov chain: a bout of a state lasts a gamma-distributed time, then the
next state is drawn. Above it there may be `moods`, which last for many bouts and say which are
likely and how long they are. Commands are smooth signals on the frame clock; they know no
walls.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter1d

from gambol.simulate.moods import Mood, Moods, draw, within

STATES = ("pause", "sniff", "walk", "run", "turn", "groom", "rear")


class Habit(NamedTuple):
    """How a state is performed, and what comes after it."""

    seconds: float  # mean length of a bout
    speed: float  # mm/s
    wander: float  # sd of the turning rate, rad/s
    scan: float  # sd of the head's yaw against the body, rad
    then: dict[str, float]  # chances of the next state


HABITS = {
    "pause": Habit(0.7, 0, 0.05, 0.18, {"sniff": 4, "walk": 5, "turn": 2, "groom": 2}),
    "sniff": Habit(1.3, 12, 0.35, 0.45, {"walk": 6, "turn": 3, "rear": 2, "pause": 2}),
    "walk": Habit(1.6, 95, 0.7, 0.16, {"sniff": 4, "run": 3, "turn": 2, "pause": 2, "rear": 1}),
    "run": Habit(0.9, 270, 0.5, 0.07, {"walk": 5, "sniff": 2, "pause": 1, "turn": 1}),
    "turn": Habit(0.55, 30, 0.1, 0.15, {"walk": 5, "sniff": 2, "run": 2, "pause": 1}),
    "groom": Habit(3.2, 0, 0.03, 0.08, {"pause": 3, "walk": 2, "sniff": 2}),
    "rear": Habit(1.3, 0, 0.1, 0.35, {"sniff": 3, "walk": 4, "turn": 2, "pause": 1}),
}
MOODS = {
    "explore": Mood(14.0, {"sniff": 3, "walk": 2, "rear": 2, "turn": 2, "pause": 1},
                    {"travel": 4, "groom": 2, "rest": 1}),
    "travel": Mood(9.0, {"walk": 3, "run": 5, "turn": 2, "pause": 0.5},
                   {"explore": 5, "rest": 1, "groom": 1}),
    "groom": Mood(11.0, {"groom": 6, "pause": 1, "sniff": 0.3}, {"explore": 3, "rest": 2},
                  linger=1.3, company=0.0),
    "rest": Mood(12.0, {"pause": 6, "sniff": 0.4, "groom": 0.2}, {"explore": 4, "groom": 1},
                 linger=3.5, company=0.0),
}  # fmt: skip


class Commands(NamedTuple):
    """What is asked of the body at every frame."""

    state: Int[np.ndarray, " T"]  # index into the habits
    speed: Float[np.ndarray, " T"]  # mm/s along the body
    turning: Float[np.ndarray, " T"]  # rad/s
    head_yaw: Float[np.ndarray, " T"]  # rad against the body; positive is to the animal's right
    head_pitch: Float[np.ndarray, " T"]  # rad, up
    flank: Float[np.ndarray, " T"]  # rad of bend, to lick a flank
    rear: Float[np.ndarray, " T"]  # 0 on four feet, 1 fully upright
    groom: Float[np.ndarray, " T"]  # 0 standing, 1 sitting with the paws at the snout
    tail_curl: Float[np.ndarray, " T"]  # rad of bend from one tail link to the next
    mood: Int[np.ndarray, " T"]  # index into the moods, 0 where there are none


def command(
    rng: np.random.Generator,
    n_frames: int,
    fps: float,
    habits: Mapping[str, Habit] = HABITS,
    moods: Moods | None = None,
) -> Commands:
    """Draw bouts and the commands that perform them.

    An animal starts with a walk, or with what its mood favours most.

    Args:
        rng: draws everything.
        n_frames: T.
        fps: frames per second.
        habits: what it can do.
        moods: what it is up to for a while; if there are none, `habits` say all.
    """
    mood = np.zeros(n_frames, int) if moods is None else draw(rng, n_frames, fps, moods)
    state, bout = _bouts(rng, fps, habits, mood, moods)
    n_bouts = bout[-1] + 1
    numbers = [(h.speed, h.wander, h.scan) for h in habits.values()]
    speed, wander, scan = np.array(numbers)[state].T
    names = np.array([*habits])[state]
    vigour = np.exp(0.3 * rng.standard_normal(n_bouts).clip(-2.0, 2.0))[bout]
    sniffs, turns, grooms, rears = (
        (names == s).astype(float) for s in ("sniff", "turn", "groom", "rear")
    )
    turned = np.bincount(bout)[bout] / fps  # seconds of the whole bout
    angle = (rng.choice([-1, 1], n_bouts) * rng.uniform(0.7, 2.6, n_bouts))[bout]
    lick = (rng.choice([-1, 1], n_bouts) * (rng.random(n_bouts) < 0.5))[bout]
    seconds = np.arange(n_frames) / fps
    late = grooms * (_since(bout, fps) > 0.45 * turned)  # the flanks come after the face
    bobbing = 0.05 * ease(sniffs, 0.1, fps) * np.sin(2 * np.pi * 7.3 * seconds)
    return Commands(
        state=state,
        speed=ease(speed * vigour, 0.13, fps),
        turning=ease(turns * angle / turned, 0.1, fps)
        + wander * _drift(rng, 0.3, seconds, fps),
        head_yaw=ease(scan, 0.1, fps) * _drift(rng, 0.16, seconds, fps),
        head_pitch=0.08 * _drift(rng, 0.2, seconds, fps) + bobbing,
        flank=1.25 * ease(late * lick, 0.15, fps),
        rear=ease(rears * rng.uniform(0.65, 1.0, n_bouts)[bout], 0.14, fps),
        groom=ease(grooms, 0.14, fps),
        tail_curl=0.10 * _drift(rng, 0.7, seconds, fps),
        mood=mood,
    )


def _bouts(
    rng: np.random.Generator,
    fps: float,
    habits: Mapping[str, Habit],
    mood: Int[np.ndarray, " T"],
    moods: Moods | None,
) -> tuple[np.ndarray, np.ndarray]:
    """State and bout number of every frame; a bout ends with the mood in which it began."""
    states: list[int] = []
    lengths: list[int] = []
    name, order, now = "walk", [*habits], 0
    known = [*moods.values()] if moods else []
    if moods:
        name = max(known[mood[0]].favours, key=known[mood[0]].favours.__getitem__)
    ends = np.append(np.flatnonzero(np.diff(mood)) + 1, len(mood))
    while now < len(mood):
        habit = habits[name]
        linger = known[mood[now]].linger if moods else 1.0
        seconds = max(0.3, linger * rng.gamma(4.0, habit.seconds / 4.0))
        states.append(order.index(name))
        lengths.append(max(1, round(seconds * fps)))
        if moods:
            lengths[-1] = min(lengths[-1], int(ends[np.searchsorted(ends, now, "right")]) - now)
        now += lengths[-1]
        then = habit.then
        if moods and now < len(mood):
            then = within(then, known[mood[now]])
        weights = np.array(list(then.values()))
        name = list(then)[rng.choice(len(weights), p=weights / weights.sum())]
    bout = np.repeat(np.arange(len(lengths)), lengths)[: len(mood)]
    return np.array(states)[bout], bout


def _since(bout: np.ndarray, fps: float) -> np.ndarray:
    """Seconds since the bout began."""
    first = np.flatnonzero(np.r_[True, np.diff(bout) > 0])
    since: np.ndarray = (np.arange(len(bout)) - first[bout]) / fps
    return since


def ease(signal: np.ndarray, seconds: float, fps: float) -> np.ndarray:
    """Smooth with a Gaussian of the given sd: no jump of speed, no lag."""
    eased: np.ndarray = gaussian_filter1d(signal, seconds * fps, mode="nearest")
    return eased


def _drift(
    rng: np.random.Generator, seconds: float, clock: np.ndarray, fps: float
) -> np.ndarray:
    """Gaussian process of unit variance; its covariance has the sd sqrt(2) seconds."""
    sd = seconds * fps
    smooth = gaussian_filter1d(rng.standard_normal(len(clock)), sd, mode="wrap")
    # white noise through a unit-area Gaussian keeps 1 / (2 sd sqrt(pi)) of its variance
    drift: np.ndarray = smooth * np.sqrt(2 * sd * np.sqrt(np.pi))
    return drift
