"""Draws from GIMBAL's posterior: Gibbs sweeps whose trajectories are banded proposals.

A sweep draws outliers z, states s, directions u and headings in turn, each from its exact
conditional; then positions x from the Gaussian that one Gauss-Newton step predicts, accepted
by Metropolis and Hastings in blocks of at most `BLOCK` frames with cuts that move. Started far
from the optimum nothing is ever accepted: start at the end of `gimbal.fit`. Of a long recording
`sweep_blocks` draws everything block by block, so that only a block's densities are in memory.
Source: Zhang et al. (2021), AISTATS 130:2800 (conditionals); Mardia and Jupp (2000) for them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.kernels import band, chains, hmm, pose_states, rotation, vmf
from gambol.kernels.observation import Linear, linearise
from gambol.multiview.density import (
    Model,
    Point,
    gradient,
    links,
    majoriser,
    pulls,
    vectors,
)
from gambol.multiview.gimbal import heading

BLOCK = 100  # frames; longer proposals are seldom accepted


class Draws(NamedTuple):
    """What two or more chains drew, and whether to believe it."""

    xyz: Float[np.ndarray, "C N T J 3"]  # thinned
    heading: Float[np.ndarray, "C N T"]  # radians about `up`
    mean: Float[np.ndarray, "T J 3"]  # over all sweeps that were kept
    covariance: Float[np.ndarray, "T J 3 3"]
    acceptance: float  # of blocks of frames
    size: dict[str, float]  # least effective sample size over frames and coordinates
    rhat: dict[str, float]  # largest split R̂ over the same


class Chain(NamedTuple):
    """Where one chain stands."""

    xyz: Float[np.ndarray, "T J 3"]
    turn: Float[np.ndarray, "T 3 3"]
    accepted: float  # share of blocks in the last sweep


class Local(NamedTuple):
    """Positions of a block of frames given all else: energy, slope and a bound on curvature."""

    energy: float
    slope: Float[np.ndarray, "T B"]
    blocks: Float[np.ndarray, "T B B"]


class Place(NamedTuple):
    """Where one chain of a long recording stands."""

    xyz: Float[np.ndarray, "T J 3"]
    turn: Float[np.ndarray, "T 3 3"]
    state: Int[np.ndarray, " T"]


def sample(
    rng: np.random.Generator,
    model: Model,
    start: Point,
    *,
    sweeps: int = 500,
    warm: int = 100,
    thin: int = 5,
    count: int = 2,
) -> Draws:
    """Run `count` chains from one trajectory.

    Args:
        rng: of all draws.
        model: of T frames.
        start: the end of `gimbal.fit`.
        sweeps: kept, of each chain.
        warm: sweeps before, which are forgotten.
        thin: one of so many sweeps is stored; moments take all.
        count: of chains.
    """
    kept: list[list[Chain]] = []
    first, second = np.zeros(start.xyz.shape), np.zeros((*start.xyz.shape, 3))
    accepted = []
    for _ in range(count):
        chain = Chain(start.xyz, start.turn, 1.0)
        kept.append([])
        for n in range(warm + sweeps):
            chain = sweep(rng, model, chain)
            if n < warm:
                continue
            accepted.append(chain.accepted)
            off = chain.xyz - start.xyz
            first += off
            second += off[..., None] * off[..., None, :]
            if (n - warm) % thin == 0:
                kept[-1].append(chain)
    total = sweeps * count
    mean = first / total
    spread = second / total - mean[..., None] * mean[..., None, :]
    xyz = np.array([[chain.xyz for chain in one] for one in kept])
    angles = np.array([[heading(model, chain.turn) for chain in one] for one in kept])
    size, rhat = mixed(xyz, angles, tuple(f"keypoint {j}" for j in range(xyz.shape[3])))
    return Draws(
        xyz, angles, start.xyz + mean, spread * total / (total - 1), float(np.mean(accepted)),
        size, rhat,
    )  # fmt: skip


def sweep(rng: np.random.Generator, model: Model, chain: Chain) -> Chain:
    """Draw everything once."""
    xyz, turn = chain.xyz, chain.turn
    noise = _noise(rng, model, xyz)
    state = _states(rng, model, xyz, turn)
    u = _directions(rng, model, state, xyz, turn)
    turn = _turns(rng, model, state, u, turn)
    xyz, accepted = _positions(rng, model, noise, u, xyz)
    return Chain(xyz, turn, accepted)


def sweep_blocks(
    rng: np.random.Generator, part: Callable[[int, int], Model], place: Place
) -> tuple[Place, float]:
    """Draw everything once, block by block; the share of blocks whose positions were accepted.

    Args:
        rng: of all draws.
        part: the density of frames first <= t < last.
        place: where the chain stands.
    """
    xyz, turn, state = place.xyz.copy(), place.turn.copy(), place.state.copy()
    frames, taken = len(xyz), []
    cuts = _cuts(rng, frames)
    for a, b in zip(cuts[:-1], cuts[1:], strict=True):
        low, high = max(a - 1, 0), min(b + 1, frames)  # with the frames that hold the block
        own, after, hold = _piece(part(low, high), xyz[low:high], a - low, b - low)
        here, way = xyz[a:b], turn[a:b]
        before, then = (int(state[t]) if 0 <= t < frames else None for t in (a - 1, b))
        state[a:b] = _states(rng, own, here, way, before, then)
        u = _directions(rng, own, state[a:b], here, way)
        turn[a:b] = _turns(rng, own, state[a:b], u, way)
        noise = _noise(rng, own, here)
        xyz[a:b], accepted = _propose(rng, own, noise, u, here, after, hold)
        taken.append(accepted)
    return Place(xyz, turn, state), float(np.mean(taken))


def _cuts(rng: np.random.Generator, frames: int) -> list[int]:
    """Where blocks begin, and the last ends."""
    offset = int(rng.integers(BLOCK)) if frames > BLOCK else 0
    if offset:
        return [0, *range(offset, frames, BLOCK), frames]
    return [*range(0, frames, BLOCK), frames]


def _noise(
    rng: np.random.Generator, model: Model, xyz: Float[np.ndarray, "T J 3"]
) -> Float[np.ndarray, "T V J"]:
    """Draw z given x: the variance of every observation."""
    seen = linearise(xyz, model.xy, model.params, model.inlier, model.outlier, model.prior)
    lost = rng.random(seen.outlier.shape) < np.nan_to_num(seen.outlier)
    return np.where(lost, model.outlier, model.inlier)


def _states(
    rng: np.random.Generator,
    model: Model,
    xyz: Float[np.ndarray, "T J 3"],
    turn: Float[np.ndarray, "T 3 3"],
    before: int | None = None,
    then: int | None = None,
) -> Int[np.ndarray, " T"]:
    """Draw s given x and R, directions summed out, and the states before and after, if any."""
    weights = model.states.log_weights
    everywhere = np.ones((len(xyz), len(weights)), bool)
    delta, pull = vectors(xyz, model.bones), pulls(model.bones, len(xyz))
    scores = pose_states.score(model.states, delta, turn, pull, everywhere)
    if (moves := model.transition) is not None:
        told = scores - weights
        with np.errstate(divide="ignore"):  # log 0: no way there
            told[-1] += 0.0 if then is None else np.log(moves[:, then])
        return hmm.draw(rng, np.exp(weights) if before is None else moves[before], moves, told)
    return np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)


def _directions(
    rng: np.random.Generator,
    model: Model,
    state: Int[np.ndarray, " T"],
    xyz: Float[np.ndarray, "T J 3"],
    turn: Float[np.ndarray, "T 3 3"],
) -> Float[np.ndarray, "T J 3"]:
    """Draw u given x, s and R: von Mises-Fisher with κ̃ ν̃ = κ Rν + ρΔ/σ²."""
    kappa = model.states.concentration[state][..., None]
    own = kappa * (model.states.directions[state] @ turn.transpose(0, 2, 1))
    sharp = own + pulls(model.bones, len(xyz))[..., None] * vectors(xyz, model.bones)
    length = np.linalg.norm(sharp, axis=-1)
    ahead = np.where(length[..., None] > 0, sharp, np.array([1.0, 0.0, 0.0]))
    return vmf.draw(rng, ahead / np.linalg.norm(ahead, axis=-1, keepdims=True), length)


def _turns(
    rng: np.random.Generator,
    model: Model,
    state: Int[np.ndarray, " T"],
    u: Float[np.ndarray, "T J 3"],
    turn: Float[np.ndarray, "T 3 3"],
) -> Float[np.ndarray, "T 3 3"]:
    """Draw R given u and s; about one axis the angle is von Mises, so axes take turns."""
    if model.turning == "none":
        return turn
    axes = model.up[None] if model.turning == "up" else np.eye(3)
    has = np.asarray(model.bones.parent) >= 0
    kappa = np.where(has, model.states.concentration[state], 0.0)
    for axis in axes:
        n = model.states.directions[state] @ turn.transpose(0, 2, 1)
        swirl = (kappa * (np.cross(n, u) @ axis)).sum(axis=1)
        level = (kappa * ((n * u).sum(axis=-1) - (n @ axis) * (u @ axis))).sum(axis=1)
        angle = rng.vonmises(np.arctan2(swirl, level), np.hypot(swirl, level))
        turn = rotation.about(axis, angle) @ turn
    return turn


def _positions(
    rng: np.random.Generator,
    model: Model,
    noise: Float[np.ndarray, "T V J"],
    u: Float[np.ndarray, "T J 3"],
    xyz: Float[np.ndarray, "T J 3"],
) -> tuple[Float[np.ndarray, "T J 3"], float]:
    """Propose positions in blocks given u and z; the share of blocks that were accepted."""
    out, taken = xyz.copy(), []
    cuts = _cuts(rng, len(xyz))
    for a, b in zip(cuts[:-1], cuts[1:], strict=True):
        piece, after, hold = _piece(model, out, a, b)
        there, accepted = _propose(rng, piece, noise[a:b], u[a:b], out[a:b], after, hold)
        out[a:b] = there
        taken.append(accepted)
    return out, float(np.mean(taken))


def _piece(
    model: Model, xyz: Float[np.ndarray, "T J 3"], a: int, b: int
) -> tuple[Model, Float[np.ndarray, "J 3"], Float[np.ndarray, " J"]]:
    """Frames a to b of a model, held by the frames beside them."""
    last = b == len(xyz)
    after = xyz[b - 1] if last else xyz[b]
    piece = model._replace(
        xy=model.xy[a:b],
        inlier=model.inlier[a:b],
        prior=model.prior[a:b],
        chain=model.chain[a : b - 1],
        anchor=model.anchor if a == 0 else xyz[a - 1],
        hold=model.hold if a == 0 else model.chain[a - 1],
    )
    return piece, after, np.zeros(xyz.shape[1]) if last else model.chain[b - 1]


def _propose(
    rng: np.random.Generator,
    piece: Model,
    noise: Float[np.ndarray, "T V J"],
    u: Float[np.ndarray, "T J 3"],
    xyz: Float[np.ndarray, "T J 3"],
    after: Float[np.ndarray, "J 3"],
    hold: Float[np.ndarray, " J"],
) -> tuple[Float[np.ndarray, "T J 3"], bool]:
    """Draw x' ~ N(x - Q⁻¹g, Q⁻¹) and accept it or stay."""
    chain = links(piece)
    here = _local(piece, noise, u, xyz, after, hold)
    forth = band.factor(here.blocks, chain)
    away = band.draw(rng, forth)
    there = xyz + (away - band.solve(forth, here.slope)).reshape(xyz.shape)
    other = _local(piece, noise, u, there, after, hold)
    back = band.factor(other.blocks, chain)
    home = (xyz - there).reshape(away.shape) + band.solve(back, other.slope)
    odds = here.energy - other.energy
    odds += (band.log_determinant(back) - band.log_determinant(forth)) / 2
    odds -= (_square(other.blocks, chain, home) - _square(here.blocks, chain, away)) / 2
    accepted = bool(np.log(rng.random()) < odds)
    return (there if accepted else xyz), accepted


def _local(
    piece: Model,
    noise: Float[np.ndarray, "T V J"],
    u: Float[np.ndarray, "T J 3"],
    xyz: Float[np.ndarray, "T J 3"],
    after: Float[np.ndarray, "J 3"],
    hold: Float[np.ndarray, " J"],
) -> Local:
    certain = np.zeros(noise.shape)
    seen: Linear = linearise(xyz, piece.xy, piece.params, noise, piece.outlier, certain)
    bones = piece.bones
    has = np.asarray(bones.parent) >= 0
    stray = (vectors(xyz, bones) - bones.length[:, None] * u)[:, has]
    energy = seen.energy + ((stray**2).sum(-1) / bones.variance[has]).sum() / 2
    energy += (piece.chain * (np.diff(xyz, axis=0) ** 2).sum(-1)).sum() / 2
    energy += (piece.hold * ((xyz[0] - piece.anchor) ** 2).sum(-1)).sum() / 2
    energy += (hold * ((xyz[-1] - after) ** 2).sum(-1)).sum() / 2
    slope = gradient(piece, xyz, seen, u)
    slope[-1] += hold[:, None] * (xyz[-1] - after)
    blocks = majoriser(piece, seen.blocks)
    blocks[-1] += np.diag(np.repeat(hold, 3))
    return Local(float(energy), slope.reshape(len(xyz), -1), blocks)


def _square(
    blocks: Float[np.ndarray, "T B B"],
    chain: Float[np.ndarray, "G B"],
    d: Float[np.ndarray, "T B"],
) -> float:
    """dᵀ Q d."""
    own = (d[:, None, :] @ blocks @ d[:, :, None]).sum()
    return float(own - 2 * (d[:-1] * chain * d[1:]).sum())


def mixed(
    xyz: Float[np.ndarray, "C N T J 3"],
    angles: Float[np.ndarray, "C N T"] | None,
    names: tuple[str, ...],
) -> tuple[dict[str, float], dict[str, float]]:
    """Return least effective sample sizes and largest split R̂ over frames and coordinates.

    Args:
        xyz: N draws of each of C chains.
        angles: headings; None: there are none.
        names: of keypoints.
    """
    told = _traces(xyz, angles, names)
    return (
        {name: _worst(chains.effective_size, trace, np.nanmin) for name, trace in told.items()},
        {name: _worst(chains.split_rhat, trace, np.nanmax) for name, trace in told.items()},
    )


def _traces(
    xyz: Float[np.ndarray, "C N T J 3"],
    angles: Float[np.ndarray, "C N T"] | None,
    names: tuple[str, ...],
) -> dict[str, Float[np.ndarray, "C N K"]]:
    """What is looked at: centroid, heading, and the least, usual and most certain keypoint."""
    flat = (*xyz.shape[:2], -1)
    spread = xyz.var(axis=(0, 1)).sum(axis=-1).mean(axis=0)
    order = np.argsort(spread)
    out: dict[str, Any] = {"centroid": xyz.mean(axis=3).reshape(flat)}
    if angles is not None:
        middle = np.angle(np.exp(1j * angles).mean(axis=(0, 1)))
        out["heading"] = np.angle(np.exp(1j * (angles - middle)))
    for j in {int(order[0]), int(order[len(order) // 2]), int(order[-1])}:
        out[names[j]] = xyz[:, :, :, j].reshape(flat)
    return out


def _worst(measure: Any, trace: Float[np.ndarray, "C N K"], most: Any) -> float:
    values = [measure(trace[:, :, k]) for k in range(trace.shape[2])]
    return float(most(values)) if np.isfinite(values).any() else float("nan")
