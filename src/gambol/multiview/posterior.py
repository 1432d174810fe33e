"""How sure GIMBAL is of a trajectory: the inverse of the observed information.

The matrix that the search solves with is a bound on the curvature of the energy; its inverse
is too small. What it lacks is what outliers, directions, states and headings might also be:

    H_obs = H - Σ z̄(1-z̄)(ω₀⁻²-ω₁⁻²)²(Jᵀr)(Jᵀr)ᵀ - BᵀD Cov(u_t) D B - H_xh H_hh⁻¹ H_hx,

B from positions to bones, D = diag(ρ/σ²), h the heading; exact but for second derivatives of
the projection, and with Λ but for the covariance of states of neighbouring frames.
Source: Louis (1982), J. R. Statist. Soc. B 44:226.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.kernels import band, pose_states
from gambol.multiview.density import Model, Point, links, majoriser, pulls, vectors

SHARES = (1.0, 0.95, 0.8, 0.5, 0.0)  # of the correction, where all of it is too much


class Posterior(NamedTuple):
    """A Gaussian around the most likely trajectory."""

    factor: band.Factor  # of its precision
    covariance: Float[np.ndarray, "T J 3 3"]  # of each keypoint
    share: float  # of the correction that could be kept; 1 at a true optimum


def gaussian(model: Model, at: Point) -> Posterior:
    """Return the Gaussian at the end of a search.

    Where H_obs is not positive definite the search has not reached an optimum; then as much
    of the correction is kept as leaves it positive, and `share` says so.
    """
    bound, excess = majoriser(model, at.seen.blocks), correction(model, at)
    for share in SHARES:
        try:
            factored = band.factor(bound - share * excess, links(model))
        except np.linalg.LinAlgError:
            if share == 0.0:
                raise
            continue
        break
    whole = band.covariances(factored)
    frames, joints = at.xyz.shape[:2]
    each = np.arange(joints)
    blocks = whole.reshape(frames, joints, 3, joints, 3)[:, each, :, each, :]
    return Posterior(factored, np.ascontiguousarray(np.moveaxis(blocks, 0, 1)), share)


def correction(model: Model, at: Point) -> Float[np.ndarray, "T B B"]:
    """Return what the frames' blocks of the bound exceed the observed information by."""
    frames, joints = at.xyz.shape[:2]
    delta, pull = vectors(at.xyz, model.bones), pulls(model.bones, len(at.xyz))
    found = pose_states.spreads(model.states, delta, at.turn, pull, at.probs)
    lever = _to_bones(model)  # D B, from positions to scaled bones
    out = lever.T @ found.bones @ lever
    axes = _axes(model)
    if len(axes):
        mixed = lever.T @ found.mixed @ axes.T  # (T, B, K), minus H_xh
        out += mixed @ _inverse(axes @ found.turned @ axes.T) @ mixed.transpose(0, 2, 1)
    each = np.arange(joints)
    view = out.reshape(frames, joints, 3, joints, 3)
    view[:, each, :, each, :] += np.moveaxis(at.seen.excess, 1, 0)
    return out


def _to_bones(model: Model) -> Float[np.ndarray, "B B"]:
    parent, pull = np.asarray(model.bones.parent), pulls(model.bones, 1)[0]
    out = np.zeros((len(parent), len(parent)))
    for j in np.flatnonzero(parent >= 0):
        out[j, j] = pull[j]
        out[j, parent[j]] = -pull[j]
    return np.kron(out, np.eye(3))


def _axes(model: Model) -> Float[np.ndarray, "K 3"]:
    """Axes about which the animal's frame of reference may turn."""
    if model.turning == "none":
        return np.zeros((0, 3))
    return model.up[None] if model.turning == "up" else np.eye(3)


def _inverse(curvature: Float[np.ndarray, "T K K"]) -> Float[np.ndarray, "T K K"]:
    """Invert where positive; directions about which nothing is known are left out."""
    values, vectors = np.linalg.eigh((curvature + curvature.transpose(0, 2, 1)) / 2)
    known = values > 1e-6
    inverse = np.where(known, 1 / np.where(known, values, 1.0), 0.0)
    return (vectors * inverse[:, None, :]) @ vectors.transpose(0, 2, 1)
