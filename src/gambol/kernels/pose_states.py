"""How well bones fit the pose states of an animal, with the directions of bones summed out.

In state s and frame t the bone to keypoint j has a direction u ~ vMF(R_t ν_sj, κ_sj) and the
vector Δ ~ N(ρ_j u, σ_j² I). Given Δ, u is vMF again, with κ̃ ν̃ = κ Rν + ρΔ/σ², so that

    p(Δ | s) = (2πσ²)^(-3/2) C(κ)/C(κ̃) exp(-(|Δ|² + ρ²) / 2σ²),    E[u | Δ, s] = A(κ̃) ν̃.

Roots have no bone and are skipped, as are bones not seen: their `pull` ρ/σ² is 0. Bones are
turned back by R once, so that a frame costs one square root for each state and bone.
Source: Zhang, Dunn, Marshall, Ölveczky and Linderman (2021), AISTATS 130:2800 (the model).
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float

from gambol.kernels.vmf import LOG_4PI, SMALL, log_normalizer, mean_length, spread

LOG_2 = float(np.log(2.0))


class States(NamedTuple):
    """The typical poses, in a frame of reference that turns with the animal."""

    log_weights: Float[np.ndarray, " S"]  # log p(s)
    directions: Float[np.ndarray, "S J 3"]  # ν, length 1
    concentration: Float[np.ndarray, "S J"]  # κ >= 0; 0 says nothing


class Moments(NamedTuple):
    """What is expected of the directions of bones, over states and directions together."""

    mean: Float[np.ndarray, "T J 3"]  # E[u], in the world; 0 at roots
    turning: Float[np.ndarray, "T 3 3"]  # Σ_j E[κ u νᵀ], u as the animal sees it


class Spread(NamedTuple):
    """Second moments, for the observed information."""

    bones: Float[np.ndarray, "T B B"]  # Cov of all u, B = 3J, in the world
    mixed: Float[np.ndarray, "T B 3"]  # Cov(u, a), a_k = Σ κ u·(e_k × Rν)
    turned: Float[np.ndarray, "T 3 3"]  # E of the second derivative, less Cov(a)


def score(
    states: States,
    bones: Float[np.ndarray, "T J 3"],
    turn: Float[np.ndarray, "T 3 3"],
    pull: Float[np.ndarray, "T J"],
    active: Bool[np.ndarray, "T S"],
) -> Float[np.ndarray, "T S"]:
    """Return log p(s) + Σ_j log C(κ)/C(κ̃), the part of log p(Δ, s) that knows the state.

    Args:
        states: S of them.
        bones: Δ, from parent to keypoint, in the world.
        turn: R, from the animal's frame of reference to the world.
        pull: ρ/σ² of each bone; 0 where there is none, or none was seen.
        active: states to score; others get -inf.
    """
    return _score(*_plain(states), bones, turn, pull, active)


def moments(
    states: States,
    bones: Float[np.ndarray, "T J 3"],
    turn: Float[np.ndarray, "T 3 3"],
    pull: Float[np.ndarray, "T J"],
    probs: Float[np.ndarray, "T S"],
) -> Moments:
    """Average over states with their probabilities; arguments as in `score`."""
    _, directions, kappa = _plain(states)
    return Moments(*_moments(directions, kappa, bones, turn, pull, probs))


def spreads(
    states: States,
    bones: Float[np.ndarray, "T J 3"],
    turn: Float[np.ndarray, "T 3 3"],
    pull: Float[np.ndarray, "T J"],
    probs: Float[np.ndarray, "T S"],
) -> Spread:
    """Return the covariances of directions, and of directions and heading."""
    _, directions, kappa = _plain(states)
    return Spread(*_spreads(directions, kappa, bones, turn, pull, probs))


def _plain(states: States) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.ascontiguousarray(states.log_weights, np.float64),
        np.ascontiguousarray(states.directions, np.float64),
        np.ascontiguousarray(states.concentration, np.float64),
    )


@numba.njit(cache=True, nogil=True)
@no_type_check
def _score(log_weights, directions, kappa, bones, turn, pull, active):
    frames, (count, joints) = len(bones), kappa.shape
    own, alone = np.empty_like(directions), np.empty_like(kappa)
    for s in range(count):
        for j in range(joints):
            own[s, j] = kappa[s, j] * directions[s, j]
            alone[s, j] = log_normalizer(kappa[s, j])
    out = np.full((frames, count), -np.inf)
    seen = np.empty((joints, 3))
    for t in range(frames):
        for j in range(joints):
            for a in range(3):
                seen[j, a] = 0.0
                for b in range(3):
                    seen[j, a] += turn[t, b, a] * bones[t, j, b] * pull[t, j]
        for s in range(count):
            if active[t, s]:
                out[t, s] = log_weights[s] + _normalizers(own[s], alone[s], seen, pull[t])
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _normalizers(own, alone, seen, pull):
    """Σ_j log C(κ)/C(κ̃); logarithms of products of a few κ̃ are cheaper than their sum."""
    total, product, few = 0.0, 1.0, 0
    for j in range(len(own)):
        if pull[j] > 0:
            total += alone[j]
            x, y, z = own[j, 0] + seen[j, 0], own[j, 1] + seen[j, 1], own[j, 2] + seen[j, 2]
            k = np.sqrt(x * x + y * y + z * z)
            if k < SMALL:
                total -= log_normalizer(k)
                continue
            total += k + LOG_4PI - LOG_2
            if k < 20:
                total += np.log1p(-np.exp(-2 * k))
            product *= k
            few += 1
            if few == 8:
                total -= np.log(product)
                product, few = 1.0, 0
    return total - np.log(product)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _directions(own, length, bones, turn, pull, mean):
    """E[u] of every bone in one state, as the animal sees it, into `mean`; returns every κ̃."""
    sharp = np.zeros(len(pull))
    for j in range(len(pull)):
        mean[j] = 0.0
        if pull[j] > 0:
            for a in range(3):
                mean[j, a] = length[j] * own[j, a]
                for b in range(3):
                    mean[j, a] += turn[b, a] * bones[j, b] * pull[j]
            k = np.sqrt(mean[j, 0] ** 2 + mean[j, 1] ** 2 + mean[j, 2] ** 2)
            sharp[j] = k
            if k > 0:
                mean[j] *= mean_length(k) / k
    return sharp


@numba.njit(cache=True, nogil=True)
@no_type_check
def _moments(directions, kappa, bones, turn, pull, probs):
    frames, (count, joints) = len(bones), kappa.shape
    mean, turning = np.zeros((frames, joints, 3)), np.zeros((frames, 3, 3))
    u, animal = np.empty((joints, 3)), np.empty((joints, 3))
    for t in range(frames):
        animal[:] = 0.0
        for s in range(count):
            q = probs[t, s]
            if q < 1e-9:
                continue
            _directions(directions[s], kappa[s], bones[t], turn[t], pull[t], u)
            for j in range(joints):  # u is 0 where there is no bone
                for a in range(3):
                    animal[j, a] += q * u[j, a]
                    for b in range(3):
                        turning[t, a, b] += q * kappa[s, j] * u[j, a] * directions[s, j, b]
        for j in range(joints):
            for a in range(3):
                for b in range(3):
                    mean[t, j, a] += turn[t, a, b] * animal[j, b]
    return mean, turning


@numba.njit(cache=True, nogil=True)
@no_type_check
def _spreads(directions, kappa, bones, turn, pull, probs):
    frames, (count, joints) = len(bones), kappa.shape
    size = 3 * joints
    cov, mixed = np.zeros((frames, size, size)), np.zeros((frames, size, 3))
    turned = np.zeros((frames, 3, 3))
    seen, u, arm = np.empty((joints, 3)), np.empty((joints, 3)), np.empty((joints, 3))
    all_u, all_a = np.empty((count, size)), np.empty((count, 3))
    for t in range(frames):
        all_a[:] = 0.0
        for s in range(count):
            if probs[t, s] >= 1e-9:
                sharp = _directions(directions[s], kappa[s], bones[t], turn[t], pull[t], seen)
                _turn(turn[t], seen, u)
                _turn(turn[t], directions[s], arm)
                for j in range(joints):
                    for a in range(3):
                        all_u[s, 3 * j + a] = u[j, a]
                    if pull[t, j] > 0:
                        _add_bone(
                            probs[t, s], kappa[s, j], 3 * j, u[j], arm[j], sharp[j],
                            cov[t], mixed[t], turned[t], all_a[s],
                        )  # fmt: skip
        _add_between(probs[t], all_u, all_a, cov[t], mixed[t], turned[t])
    return cov, mixed, turned


@numba.njit(cache=True, nogil=True)
@no_type_check
def _turn(turn, given, out):
    """Turn every row by R."""
    for j in range(len(given)):
        for a in range(3):
            out[j, a] = 0.0
            for b in range(3):
                out[j, a] += turn[a, b] * given[j, b]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _add_bone(q, kappa, at, mean, arm, sharp, cov, mixed, turned, turns):
    """Add what one bone does within one state of probability q."""
    along, over = spread(sharp)
    square = mean[0] ** 2 + mean[1] ** 2 + mean[2] ** 2
    more = (along - over) / square if square > 0 else 0.0
    dot = mean[0] * arm[0] + mean[1] * arm[1] + mean[2] * arm[2]
    lever = np.zeros((3, 3))  # column k: κ e_k × Rν
    lever[1, 0], lever[2, 0] = -kappa * arm[2], kappa * arm[1]
    lever[0, 1], lever[2, 1] = kappa * arm[2], -kappa * arm[0]
    lever[0, 2], lever[1, 2] = -kappa * arm[1], kappa * arm[0]
    inside = np.zeros((3, 3))
    for a in range(3):
        for b in range(3):
            inside[a, b] = more * mean[a] * mean[b] + (over if a == b else 0.0)
            turns[a] += lever[b, a] * mean[b]
            bend = (dot if a == b else 0.0) - (mean[a] * arm[b] + arm[a] * mean[b]) / 2
            turned[a, b] += q * kappa * bend
            cov[at + a, at + b] += q * inside[a, b]
    for a in range(3):
        for b in range(3):
            step = 0.0
            for c in range(3):
                step += inside[a, c] * lever[c, b]
            mixed[at + a, b] += q * step
            for c in range(3):
                turned[c, b] -= q * lever[a, c] * step


@numba.njit(cache=True, nogil=True)
@no_type_check
def _add_between(probs, all_u, all_a, cov, mixed, turned):
    """Add what differs between states."""
    size = all_u.shape[1]
    mean, turns = np.zeros(size), np.zeros(3)
    for s in range(len(probs)):
        if probs[s] >= 1e-9:
            mean += probs[s] * all_u[s]
            turns += probs[s] * all_a[s]
    for s in range(len(probs)):
        if 1e-9 <= probs[s] < 1:
            for i in range(size):
                left = probs[s] * (all_u[s, i] - mean[i])
                for k in range(size):
                    cov[i, k] += left * (all_u[s, k] - mean[k])
                for k in range(3):
                    mixed[i, k] += left * (all_a[s, k] - turns[k])
            for i in range(3):
                left = probs[s] * (all_a[s, i] - turns[i])
                for k in range(3):
                    turned[i, k] -= left * (all_a[s, k] - turns[k])
