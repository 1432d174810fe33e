"""States above behaviour: what an animal is up to for ten seconds and more.

A mood lasts a gamma-distributed time, then the next is drawn; within it, some behaviours are
likely, others do not occur, and bouts are longer or shorter. So pixels come from postures,
postures from bouts of behaviour, and these from moods, with the truth known on every level.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Int


class Mood(NamedTuple):
    """How an animal behaves for a while."""

    seconds: float  # mean length
    favours: dict[str, float]  # behaviours that occur, and how much each is favoured
    then: dict[str, float]  # chances of the next mood
    linger: float = 1.0  # length of its bouts as a share of what is usual
    company: float = 1.0  # 0: does not approach others


Moods = Mapping[str, Mood]


def draw(
    rng: np.random.Generator, n_frames: int, fps: float, moods: Moods
) -> Int[np.ndarray, " T"]:
    """Draw the mood of every frame, an index into `moods`, which begins anywhere in a bout.

    >>> moods = {"up": Mood(2.0, {}, {"down": 1.0}), "down": Mood(2.0, {}, {"up": 1.0})}
    >>> sorted(set(draw(np.random.default_rng(0), 600, 30.0, moods).tolist()))
    [0, 1]
    """
    order = [*moods]
    name, share = order[int(rng.integers(len(order)))], rng.random()
    found: list[int] = []
    lengths: list[int] = []
    total = 0
    while total < n_frames:
        mood = moods[name]
        seconds = share * max(1.0, rng.gamma(4.0, mood.seconds / 4.0))
        found.append(order.index(name))
        lengths.append(max(1, round(seconds * fps)))
        total, share = total + lengths[-1], 1.0
        weights = np.array([*mood.then.values()])
        name = [*mood.then][rng.choice(len(weights), p=weights / weights.sum())]
    return np.repeat(found, lengths)[:n_frames]


def within(then: Mapping[str, float | int], mood: Mood) -> dict[str, float | int]:
    """Weights of the next behaviour: what the animal would do, times what its mood favours.

    Anything favoured may come next, the same behaviour too, so that a mood can hold an animal
    to what it would soon leave.
    """
    return {name: share * (1.0 + then.get(name, 0.0)) for name, share in mood.favours.items()}
