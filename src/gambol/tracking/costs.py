"""What a pair of detection and track costs: negative log-likelihood ratios, in nats.

Every term compares "the same animal" with "a new animal anywhere in the arena", so terms add
without weights, and a birth costs a fixed number of nats.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from gambol.core.registry import Registry, Spec
from gambol.tracking.features import Animals, Feature

JUMPS = 0.01  # share of steps that nothing foresees
Reduce = Callable[[np.ndarray], np.ndarray]  # distances (n, m, W) to (n, m)


class Steps(NamedTuple):
    """What animals do from one frame to the next, and how far their poses then are."""

    going: float  # scale of the distance from where it goes on as it went
    anew: float  # scale of the distance from where it was
    share: float  # of steps that start anew
    room: float  # usual variance of the place where it goes on, px² per axis


class Place(NamedTuple):
    """How far from where they are expected tracks may be, in terms of a usual step."""

    ahead: Float[np.ndarray, " m"]  # >= 1, if they go on
    about: Float[np.ndarray, " m"]  # >= 1, if they start anew
    arena: float  # L²


class Candidates(NamedTuple):
    """Which earlier poses of a track speak for it."""

    keep: int  # W, the last so many
    reduce: Reduce


candidates = Registry[Candidates]("candidates")


class LastSpec(Spec):
    """The last pose; keypoints it misses come from before, with less and less weight."""

    kind: Literal["last"] = "last"


class WindowSpec(Spec):
    """The last few poses."""

    kind: Literal["window"] = "window"
    frames: int = 5  # how many poses
    reduce: Literal["min", "median", "mean"] = "median"  # of the distances to them


@candidates.register
def last(spec: LastSpec) -> Candidates:
    """Build the candidates of one pose a track."""
    return Candidates(1, lambda distance: distance[..., 0])


@candidates.register
def window(spec: WindowSpec) -> Candidates:
    """Build the candidates of several poses a track."""
    return Candidates(spec.frames, lambda distance: _reduced(distance, spec.reduce))


def _reduced(distance: np.ndarray, how: str) -> np.ndarray:
    """Reduce over those that are comparable; NaN where none is."""
    known = np.isfinite(distance)
    some = known.any(axis=-1)
    if how == "min":
        return np.where(some, np.where(known, distance, np.inf).min(axis=-1), np.nan)
    if how == "mean":
        total = np.where(known, distance, 0.0).sum(axis=-1)
        return np.where(some, total / np.maximum(known.sum(axis=-1), 1), np.nan)
    filled = np.where(some[..., None], distance, 0.0)
    return np.where(some, np.nanmedian(filled, axis=-1), np.nan)


def distances(
    found: Animals,
    poses: Float[np.ndarray, "m W J 2"],
    trust: Float[np.ndarray, "m W J"],
    feature: Feature,
    reduce: Reduce,
    length: float,
) -> Float[np.ndarray, "n m"]:
    """Feature distance to each track; NaN where nothing can be compared."""
    m, w, joints = trust.shape
    there = Animals(poses.reshape(m * w, joints, 2), trust.reshape(m * w, joints))
    return reduce(feature.distance(found, there, length).reshape(len(found.xy), m, w))


def pair_term(
    going: Float[np.ndarray, "n m"],
    staying: Float[np.ndarray, "n m"],
    steps: Steps,
    cut: float,
    place: Place | None,
) -> Float[np.ndarray, "n m"]:
    """-log likelihood ratio of a pair, summed over what the animal may have done.

    It goes on as it went, or starts anew from where it was, or jumps, which nothing foresees.
    Under each its density in the plane falls off as e^(-d/s) / 2πs² with the distance d: one
    number for place and pose together, since two would count the way of the body twice. The
    tails are heavier than a Gaussian's, as animals stop and start at once. Compared with a new
    animal anywhere, density 1/𝒜; without evidence from places, with any distance up to the cut.

    Args:
        going: distance from the pose that goes on.
        staying: distance from the pose where it was.
        steps: how usual each is, and how far poses are from it.
        cut: distance at which a pair is none.
        place: what position tells; None where it is no evidence of its own.
    """
    # nothing in common is as good as too far
    going, staying = (np.where(np.isnan(d), cut, d) for d in (going, staying))
    one = np.ones(going.shape[1])
    ahead, about = (place.ahead, place.about) if place else (one, one)
    terms = (
        (1 - steps.share - JUMPS, steps.going * ahead, going),
        (steps.share, steps.anew * about, staying),
        (JUMPS, max(steps.going, steps.anew, cut / 3) * about, staying),
    )
    total = np.full(going.shape, -np.inf)
    for share, spread, distance in terms:
        room = 2 * np.pi * spread**2 / place.arena if place else spread / cut
        total = np.logaddexp(total, np.log(share / room) - distance / spread)
    return np.where(np.minimum(going, staying) >= cut, np.inf, -total)


def looks_term(
    embedding: Float[np.ndarray, "n E"],
    looks: Float[np.ndarray, "m E"],
    odds: tuple[float, float],
) -> Float[np.ndarray, "n m"]:
    """-log-odds(same animal) of the cosine; 0 where either has no looks."""
    if odds == (0.0, 0.0):
        return np.zeros((len(embedding), len(looks)))
    a, b = odds
    norm = np.linalg.norm(looks, axis=1)
    cosine = embedding @ (looks / np.where(norm > 0, norm, np.nan)[:, None]).T
    return -np.nan_to_num(a + b * cosine)


def learn_looks(
    looks: Float[np.ndarray, "m E"],
    embedding: Float[np.ndarray, "m E"],
    rate: float,
    frozen: Bool[np.ndarray, " m"],
) -> Float[np.ndarray, "m E"]:
    """Running mean of the looks of tracks, which waits while others are in the picture."""
    first = (looks == 0).all(axis=1)
    step = np.where(frozen & ~first, 0.0, np.where(first, 1.0, rate))[:, None]
    return looks + step * (np.nan_to_num(embedding) - looks)
