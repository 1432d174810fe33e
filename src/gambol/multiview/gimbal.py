"""GIMBAL's most likely trajectory: collapsed EM with banded Gauss-Newton steps.

One iteration takes expectations of outliers, directions and states (E), then turns the animal
in closed form and solves one banded linear system for all positions (M). Both touch the energy
from above in all but the projection, so with halved steps where that bends it falls each time.
The heading has several optima: a grid of turns is tried at the start and now and then.
SQUAREM extrapolates three points of a cycle where that lowers the energy further.
Source: Varadhan and Roland (2008), Scand. J. Statist. 35:335 (acceleration).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import logsumexp

from gambol.kernels import band, hmm, pose_states, rotation
from gambol.multiview.density import (
    Model,
    Point,
    evaluate,
    filled,
    gradient,
    links,
    majoriser,
    pulls,
    vectors,
)

GRID = 36  # turns about `up` that are tried
REVISIT = 5  # cycles between tries of the grid, and between scores of states left out
NEGLIGIBLE = 1e-4  # states less likely in a frame are left out until the next try
HALVINGS = 12


class Fit(NamedTuple):
    """Where the search ended."""

    at: Point
    energies: tuple[float, ...]  # of all accepted steps; every one is below the last
    settled: bool  # the last cycle moved less than the tolerance


def fit(
    model: Model,
    start: Float[np.ndarray, "T J 3"],
    *,
    turn: Float[np.ndarray, "T 3 3"] | None = None,
    cycles: int = 40,
    tolerance: float = 1e-5,  # at 0.01 windows end up to 0.2 mm from the whole
) -> Fit:
    """Search from one trajectory.

    Args:
        model: of T frames.
        start: NaN where nothing is known yet; see `filled`.
        turn: from the animal's frame of reference to the world, to begin with; the grid is
            tried in any case.
        cycles: at most; each takes two or three solutions.
        tolerance: nats a frame and keypoint that a cycle must gain.
    """
    xyz = filled(start, model.bones)
    begin = np.broadcast_to(np.eye(3), (len(xyz), 3, 3)).copy() if turn is None else turn
    at = search_turns(model, evaluate(model, xyz, begin))
    energies, settled = [at.energy], False
    steps = 0
    while not settled and steps < cycles:
        before = at.energy
        at, path = _cycle(model, at)
        energies += path
        steps += 1
        settled = before - at.energy < tolerance * np.sqrt(at.xyz[..., 0].size)
        if settled or steps % (REVISIT // 2) == 0:
            again = search_turns(model, at)
            settled = settled and again.energy > at.energy - tolerance
            at = again
            energies.append(at.energy)
    return Fit(at, tuple(energies), settled)


def step(model: Model, at: Point) -> Point:
    """Take one EM iteration; positions move by halves until the energy falls.

    The energy never rises: where no step lowers it, `at` itself comes back.
    """
    turn = turned(model, at)
    system = band.factor(majoriser(model, at.seen.blocks), links(model))
    slope = gradient(model, at.xyz, at.seen, at.directions).reshape(len(at.xyz), -1)
    move = -band.solve(system, slope).reshape(at.xyz.shape)
    for halving in range(HALVINGS):
        there = evaluate(model, at.xyz + move / 2**halving, turn, at.active)
        if there.energy <= at.energy:
            return there
    return at


def turned(model: Model, at: Point) -> Float[np.ndarray, "T 3 3"]:
    """Return the best turns given what is expected of directions, in closed form.

    About `up` by atan2(Σ κ E[(Rν × u)·up], Σ κ E[Rν·u across up]); in full by the rotation
    nearest to Σ κ E[u νᵀ]. Without weights κ it would be another angle.
    """
    if model.turning == "none":
        return at.turn
    if model.turning == "full":
        return at.turn @ rotation.nearest(at.turning)
    own = at.turn[0].T @ model.up  # `up` as the animal sees it; turns about `up` keep it
    m = at.turning
    swirl = np.stack(
        [m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]]
    )
    level = np.trace(m, axis1=1, axis2=2) - np.einsum("a,tab,b->t", own, m, own)
    return rotation.about(model.up, np.arctan2(own @ swirl, level)) @ at.turn


def candidates(model: Model) -> Float[np.ndarray, "N 3 3"]:
    """Return the turns worth a try."""
    if model.turning == "none":
        return np.eye(3)[None]
    level = rotation.about(model.up, np.arange(GRID) * 2 * np.pi / GRID)
    if model.turning == "up":
        return level
    across = np.linalg.svd(model.up[None])[2][1:]
    axes = [*across, across[0] + across[1], across[0] - across[1]]
    tilts = [
        rotation.exp(k * np.pi / 4 * a / np.linalg.norm(a)) for a in axes for k in range(1, 8)
    ]
    return np.concatenate([level, *(tilt @ level[::6] for tilt in tilts)])


def search_turns(model: Model, at: Point) -> Point:
    """Try a grid of turns in every frame and score all states again; keep what is better."""
    everywhere = np.ones_like(at.active)
    best = evaluate(model, at.xyz, at.turn, everywhere)
    tries = candidates(model)
    if len(tries) > 1:
        delta, pull = vectors(at.xyz, model.bones), pulls(model.bones, len(at.xyz))
        told, active = _outside(model, best, delta, pull)
        turn, most = best.turn, np.full(len(delta), -np.inf)
        for one in (best.turn, *(np.broadcast_to(r, best.turn.shape) for r in tries)):
            scores = pose_states.score(
                model.states, delta, np.ascontiguousarray(one), pull, active
            )
            found = logsumexp(scores + told, axis=1)
            turn = np.where((found > most)[:, None, None], one, turn)
            most = np.maximum(found, most)
        other = evaluate(model, at.xyz, turn, everywhere)
        best = other if other.energy < best.energy else best
    return evaluate(model, best.xyz, best.turn, best.probs >= NEGLIGIBLE)


def heading(model: Model, turn: Float[np.ndarray, "T 3 3"]) -> Float[np.ndarray, " T"]:
    """Return the angle about `up` of each turn, from -pi to pi."""
    return angle(model.up, turn)


def angle(
    up: Float[np.ndarray, " 3"], turn: Float[np.ndarray, "T 3 3"]
) -> Float[np.ndarray, " T"]:
    """Return the angle about an axis of length 1 of each turn, from -pi to pi."""
    swirl = np.einsum("tab,ab->t", turn, rotation.cross(up))
    level = np.trace(turn, axis1=1, axis2=2) - up @ turn @ up
    return np.arctan2(swirl, level)


def _outside(
    model: Model,
    at: Point,
    delta: Float[np.ndarray, "T J 3"],
    pull: Float[np.ndarray, "T J"],
) -> tuple[Float[np.ndarray, "T S"], Bool[np.ndarray, "T S"]]:
    """What other frames tell of each state, less p(s), and the states not thereby ruled out."""
    everywhere = np.ones_like(at.active)
    if model.transition is None:
        return np.zeros(at.probs.shape), everywhere
    weights = model.states.log_weights
    likelihood = pose_states.score(model.states, delta, at.turn, pull, everywhere) - weights
    told = hmm.around(np.exp(weights), model.transition, likelihood)
    told -= told.max(axis=1, keepdims=True)
    return told - weights, told > np.log(1e-12)


def _cycle(model: Model, at: Point) -> tuple[Point, list[float]]:
    """Take two steps and the longer one that they suggest, if that lowers the energy."""
    one = step(model, at)
    two = step(model, one)
    path = [one.energy, two.energy]
    first, bend = one.xyz - at.xyz, two.xyz - 2 * one.xyz + at.xyz
    far = float(np.linalg.norm(bend))
    if far == 0:
        return two, path
    length = min(-float(np.linalg.norm(first)) / far, -1.0)
    there = at.xyz - 2 * length * first + length**2 * bend
    three = evaluate(model, there, two.turn, at.active)
    if three.energy < two.energy:
        return three, [*path, three.energy]
    return two, path
