"""The density of GIMBAL at one trajectory: its energy, expectations, gradient and a bound.

It is a product over frames t, keypoints j and views v, with hidden outliers z, directions of
bones u, pose states s and headings R:

    N(x_tj; x_t-1,j, η²Δt) · p(s) · vMF(u_tj; R_t ν_sj, κ_sj) N(x_tj; x_tπ(j) + ρ_j u_tj, σ_j²)
    · Bern(z) N(y_tvj; f_v(x_tj), ω_z²)

z, u and s are summed out; R is a point. It is not normalised: Λ and π are potentials.
Source: Zhang, Dunn, Marshall, Ölveczky and Linderman (2021), AISTATS 130:2800.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from gambol.core.errors import InputError
from gambol.kernels import hmm, pose_states
from gambol.kernels.observation import Linear, linearise
from gambol.kernels.pose_states import States
from gambol.multiview.bones import Bones

Turning = Literal["up", "full", "none"]


class Model(NamedTuple):
    """Everything that the density knows."""

    xy: Float[np.ndarray, "T V J 2"]  # px; NaN: not seen
    params: Float[np.ndarray, "V 24"]  # `kernels.projection`
    inlier: Float[np.ndarray, "T V J"]  # ω₀², px²
    outlier: Float[np.ndarray, "V J"]  # ω₁², px²
    prior: Float[np.ndarray, "T V J"]  # probability of an outlier before it is compared
    chain: Float[np.ndarray, "G J"]  # 1 / (η² Δt) between frames; G = T - 1
    bones: Bones
    states: States
    transition: Float[np.ndarray, "S S"] | None  # Λ, from row to column; None: independent
    up: Float[np.ndarray, " 3"]  # length 1
    turning: Turning
    anchor: Float[np.ndarray, "J 3"]  # weak knowledge of the first frame
    hold: Float[np.ndarray, " J"]  # its precision; 0 where a keypoint hangs on another


class Point(NamedTuple):
    """The density and all expectations at one trajectory."""

    xyz: Float[np.ndarray, "T J 3"]
    turn: Float[np.ndarray, "T 3 3"]  # R, from the animal's frame of reference to the world
    energy: float  # -log p(x, R, y), nats, up to a constant
    seen: Linear
    probs: Float[np.ndarray, "T S"]  # p(s | x, R); rows sum to 1
    directions: Float[np.ndarray, "T J 3"]  # E[u]
    turning: Float[np.ndarray, "T 3 3"]  # `pose_states.Moments`
    active: Bool[np.ndarray, "T S"]  # states that are not left out


def evaluate(
    model: Model,
    xyz: Float[np.ndarray, "T J 3"],
    turn: Float[np.ndarray, "T 3 3"],
    active: Bool[np.ndarray, "T S"] | None = None,
) -> Point:
    """Take every expectation at one trajectory and heading."""
    seen = linearise(xyz, model.xy, model.params, model.inlier, model.outlier, model.prior)
    bones, states = model.bones, model.states
    delta, pull = vectors(xyz, bones), pulls(bones, len(xyz))
    if active is None:
        active = np.ones((len(xyz), len(states.log_weights)), bool)
    scores = pose_states.score(states, delta, turn, pull, active)
    evidence, probs = summed(model, scores)
    found = pose_states.moments(states, delta, turn, pull, probs)
    has = np.asarray(bones.parent) >= 0
    stretch = ((delta**2).sum(-1) + bones.length**2)[:, has] / bones.variance[has]
    energy = seen.energy + stretch.sum() / 2 - evidence
    energy += (model.chain * (np.diff(xyz, axis=0) ** 2).sum(-1)).sum() / 2
    energy += (model.hold * ((xyz[0] - model.anchor) ** 2).sum(-1)).sum() / 2
    return Point(xyz, turn, float(energy), seen, probs, *found, active)


def summed(
    model: Model, scores: Float[np.ndarray, "T S"]
) -> tuple[float, Float[np.ndarray, "T S"]]:
    """Sum states out of `pose_states.score`: the log evidence, and their probabilities."""
    if model.transition is not None:
        weights = model.states.log_weights
        return hmm.smooth(np.exp(weights), model.transition, scores - weights)
    peak = scores.max(axis=1, keepdims=True)
    weight = np.exp(scores - peak)
    total = weight.sum(axis=1, keepdims=True)
    return float((peak + np.log(total)).sum()), weight / total


def gradient(
    model: Model,
    xyz: Float[np.ndarray, "T J 3"],
    seen: Linear,
    directions: Float[np.ndarray, "T J 3"],
) -> Float[np.ndarray, "T J 3"]:
    """Return the derivative of the energy by x, given (expected) directions of bones."""
    bones, parent = model.bones, np.asarray(model.bones.parent)
    out = seen.gradient.copy()
    step = model.chain[..., None] * np.diff(xyz, axis=0)
    out[:-1] -= step
    out[1:] += step
    out[0] += model.hold[:, None] * (xyz[0] - model.anchor)
    delta = vectors(xyz, bones)
    for j in np.flatnonzero(parent >= 0):
        push = (delta[:, j] - bones.length[j] * directions[:, j]) / bones.variance[j]
        out[:, j] += push
        out[:, parent[j]] -= push
    return out


def majoriser(model: Model, blocks: Float[np.ndarray, "T J 3 3"]) -> Float[np.ndarray, "T B B"]:
    """Return the frames' blocks of H, a bound on the second derivative of `energy`, B = 3J.

    Args:
        model: what links keypoints and frames.
        blocks: Σ_v w JᵀJ of the observations.
    """
    frames, joints = blocks.shape[:2]
    out = np.zeros((frames, joints, 3, joints, 3))
    each = np.arange(joints)
    diagonal = np.zeros((frames, joints))
    diagonal[:-1] += model.chain
    diagonal[1:] += model.chain
    diagonal[0] += model.hold
    parent = np.asarray(model.bones.parent)
    for j in np.flatnonzero(parent >= 0):
        precision, p = 1 / model.bones.variance[j], parent[j]
        diagonal[:, j] += precision
        diagonal[:, p] += precision
        for a in range(3):
            out[:, j, a, p, a] -= precision
            out[:, p, a, j, a] -= precision
    own = blocks + diagonal[..., None, None] * np.eye(3)
    out[:, each, :, each, :] += np.moveaxis(own, 1, 0)
    return out.reshape(frames, 3 * joints, 3 * joints)


def links(model: Model) -> Float[np.ndarray, "G B"]:
    """Return the chain with one number for each coordinate."""
    return np.repeat(model.chain, 3, axis=1)


def vectors(xyz: Float[np.ndarray, "T J 3"], bones: Bones) -> Float[np.ndarray, "T J 3"]:
    """Return Δ, from parent to keypoint; 0 at roots."""
    parent = np.asarray(bones.parent)
    return np.where((parent >= 0)[:, None], xyz - xyz[:, parent], 0.0)


def pulls(bones: Bones, frames: int) -> Float[np.ndarray, "T J"]:
    """Return ρ/σ² for every frame, 0 at roots."""
    has = np.asarray(bones.parent) >= 0
    one = np.where(has, bones.length / np.where(has, bones.variance, 1.0), 0.0)
    return np.repeat(one[None], frames, axis=0)


def filled(xyz: Float[np.ndarray, "T J 3"], bones: Bones) -> Float[np.ndarray, "T J 3"]:
    """Fill gaps: in time by straight lines, and what was never found from its parent."""
    out = xyz.copy()
    known = np.isfinite(xyz).all(axis=-1)
    if not known.any():
        raise InputError("no keypoint was seen by two cameras at once; check the views")
    frames, centre = np.arange(len(xyz)), np.median(xyz[known], axis=0)
    for j in np.flatnonzero(~known.all(axis=0) & known.any(axis=0)):
        have = known[:, j]
        for a in range(3):
            out[:, j, a] = np.interp(frames, frames[have], xyz[have, j, a])
    waiting = list(np.flatnonzero(~known.any(axis=0)))
    while waiting:  # parents first; a bone of unknown direction starts short
        for j in list(waiting):
            p = int(bones.parent[j])
            if p < 0 or p not in waiting:
                out[:, j] = centre if p < 0 else out[:, p] + 0.01 * bones.length[j]
                waiting.remove(j)
    return out
