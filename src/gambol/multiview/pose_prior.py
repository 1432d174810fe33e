"""Which poses an animal takes: typical ones, learned from 3D poses, for any recording of it.

Directions of bones are expressed with the animal heading along `forward`, its heading being
that of one body axis about `up`. What is learned has no unit of length, so it can be shared
between rigs and sizes of animals. Bones that were not seen are skipped.
Source: Zhang, Dunn, Marshall, Ölveczky and Linderman (2021), AISTATS 130:2800.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.kernels import rotation
from gambol.kernels.pose_states import States
from gambol.multiview import bones as skeletal
from gambol.multiview.bones import Bones
from gambol.multiview.density import Turning, vectors
from gambol.multiview.pose_mixture import Learning, choose, mixture, moves, some

PER_STATE = 20  # frames; fewer do not tell a state's directions from their scatter
FOLD_FRAMES = 2000  # on which numbers of states are compared
MOST_FRAMES = 6000  # learned from, evenly spaced; a state then has fifty and more
SEEN = 0.5  # share of bones, below which a frame is not learned from


class PosePrior(NamedTuple):
    """Typical poses of one skeleton; directions and turns have no length, so any units fit."""

    keypoints: tuple[str, ...]  # J
    parent: tuple[int, ...]  # J, -1 for roots
    units: str  # of the poses learned from, for people
    up: Float[np.ndarray, " 3"]  # in whose world directions are expressed; length 1
    body_axis: tuple[str, str]  # keypoints at its rear and front; the heading is theirs
    weights: Float[np.ndarray, " S"]  # p(s); sums to 1
    directions: Float[np.ndarray, "S J 3"]  # ν, length 1, when heading along `forward(up)`
    concentration: Float[np.ndarray, "S J"]  # κ >= 0; 0 at roots
    transition: Float[np.ndarray, "S S"] | None = None  # Λ, from row to column; rows sum to 1


def fit_prior(
    rng: np.random.Generator,
    xyz: Float[np.ndarray, "T J 3"],
    skeleton: Skeleton,
    bones: Bones | None = None,
    *,
    covariance: Float[np.ndarray, "T J 3 3"] | None = None,
    up: Float[np.ndarray, " 3"] | None = None,
    units: str = "unknown",
    n_states: int | None = None,
    body_axis: tuple[str, str] | None = None,
    turning: Turning = "up",
    chained: bool = False,
) -> PosePrior:
    """Learn typical poses.

    Args:
        rng: of the start.
        xyz: poses; NaN where a keypoint is not to be trusted.
        skeleton: of the keypoints.
        bones: lengths and how far points scatter around them; None: learned from `xyz`.
        covariance: of the poses; bones then scatter by as much more.
        up: of the world; +z if not given.
        units: of `xyz`.
        n_states: None: as many as tell left-out frames best; at most one for 20 frames.
        body_axis: keypoints at the rear and the front; None: see `find_axis`.
        turning: `none` takes directions as they are in the world.
        chained: learn moves between states, too.

    Raises:
        InputError: too few frames in which half of the bones were seen.
    """
    above = np.array([0.0, 0.0, 1.0]) if up is None else np.asarray(up, float)
    axis = body_axis or find_axis(xyz, skeleton, above)
    angles = headings(xyz, skeleton, axis, above)
    if turning == "none":
        angles = np.zeros(len(xyz))
    tied = _bones(xyz, covariance, skeleton) if bones is None else bones
    seen = _learning(xyz, covariance, tied, angles, above, turning != "none")
    useful = np.flatnonzero((seen.pull > 0).any(axis=1))
    if len(useful) < 2:
        raise InputError(
            f"{len(useful)} of {len(xyz)} frames show the axis {axis[0]} to {axis[1]} and half "
            "of the bones; give better poses or a prior learned elsewhere"
        )
    part = some(seen, useful, MOST_FRAMES)
    most = len(part.pull) // PER_STATE
    count = n_states or choose(rng, some(seen, useful, FOLD_FRAMES), most)
    states = mixture(rng, part, min(count, len(part.pull)))
    follow = moves(seen, states) if chained else None
    return PosePrior(
        skeleton.keypoints, skeleton.parent, units, above, axis,
        np.exp(states.log_weights), states.directions, states.concentration, follow,
    )  # fmt: skip


def check_fits(prior: PosePrior, skeleton: Skeleton) -> None:
    """Refuse a prior of another skeleton."""
    if prior.keypoints != skeleton.keypoints:
        others = sorted({*prior.keypoints} ^ {*skeleton.keypoints})
        what = f"only one of the two has {others[0]!r}" if others else "their order differs"
        raise InputError(
            f"the pose prior is of another skeleton than the poses: {what}; learn one from "
            "poses of this skeleton"
        )
    for j, (own, other) in enumerate(zip(prior.parent, skeleton.parent, strict=True)):
        if own != other:
            raise InputError(
                f"the pose prior hangs {skeleton.keypoints[j]!r} on keypoint {own}, the "
                f"skeleton of the poses on {other}; learn one from poses of this skeleton"
            )


def states_for(prior: PosePrior, up: Float[np.ndarray, " 3"]) -> States:
    """Return the states in a world whose `up` may be another."""
    turn = world(up) @ world(prior.up).T
    weights = np.maximum(np.asarray(prior.weights, float), 1e-12)
    length = np.linalg.norm(prior.directions, axis=-1, keepdims=True)
    ahead = np.where(length > 0, prior.directions, np.array([1.0, 0.0, 0.0]))
    unit = ahead / np.where(length > 0, length, 1.0)
    return States(
        np.log(weights / weights.sum()), unit @ turn.T, np.asarray(prior.concentration, float)
    )


def world(up: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "3 3"]:
    """Return columns forward, left, up; forward is x made level, or y where up is along x."""
    level = np.eye(3)[0 if abs(up[0]) < 0.9 else 1]
    ahead = level - (level @ up) * up
    ahead /= np.linalg.norm(ahead)
    return np.stack([ahead, np.cross(up, ahead), up], axis=1)


def find_axis(
    xyz: Float[np.ndarray, "T J 3"], skeleton: Skeleton, up: Float[np.ndarray, " 3"]
) -> tuple[str, str]:
    """Return the two keypoints, rear then front, that are farthest from each other when level.

    Those that a mirror leaves alone come first, seen in at least half of the best one's
    frames; the front is where the animal moves to.
    """
    seen = np.isfinite(xyz).all(axis=-1)
    midline = [j for j in range(len(skeleton)) if skeleton.swap[j] < 0 and seen[:, j].any()]
    often = [j for j in midline if seen[:, j].sum() >= seen.sum(axis=0).max() / 2]
    choice = often if len(often) > 1 else [int(j) for j in np.flatnonzero(seen.any(axis=0))]
    level = xyz - (xyz @ up)[..., None] * up
    best, pair = -1.0, (int(choice[0]), int(choice[-1]))
    for n, a in enumerate(choice):
        for b in choice[n + 1 :]:
            far = np.linalg.norm(level[:, b] - level[:, a], axis=-1)
            known = far[np.isfinite(far)]
            length = float(np.median(known)) if len(known) else -1.0
            if length > best:
                best, pair = length, (int(a), int(b))
    along = level[:, pair[1]] - level[:, pair[0]]
    middle = (level[:, pair[1]] + level[:, pair[0]]) / 2
    between = along[1:] + along[:-1]  # of both frames: one alone would look back
    ahead = (between * np.diff(middle, axis=0)).sum(axis=-1)
    rear, front = pair if np.nansum(ahead) >= 0 else (pair[1], pair[0])
    return skeleton.keypoints[rear], skeleton.keypoints[front]


def headings(
    xyz: Float[np.ndarray, "T J 3"],
    skeleton: Skeleton,
    axis: tuple[str, str],
    up: Float[np.ndarray, " 3"],
) -> Float[np.ndarray, " T"]:
    """Return the angle of the body axis about `up` from `forward`; NaN where not seen."""
    rear, front = (skeleton.index(name) for name in axis)
    ahead, left, _ = world(up).T
    along = xyz[:, front] - xyz[:, rear]
    return np.arctan2(along @ left, along @ ahead)


def _bones(
    xyz: Float[np.ndarray, "T J 3"],
    covariance: Float[np.ndarray, "T J 3 3"] | None,
    skeleton: Skeleton,
) -> Bones:
    """Learn lengths and scatter."""
    sure = np.isfinite(xyz).all(axis=-1)
    known = np.zeros((*xyz.shape, 3)) if covariance is None else np.nan_to_num(covariance)
    return skeletal.learn(
        np.where(sure[..., None], xyz, 0.0), known, sure, skeleton.parent, "direction"
    )


def _learning(
    xyz: Float[np.ndarray, "T J 3"],
    covariance: Float[np.ndarray, "T J 3 3"] | None,
    bones: Bones,
    angles: Float[np.ndarray, " T"],
    up: Float[np.ndarray, " 3"],
    turning: bool,
) -> Learning:
    parent = np.asarray(bones.parent)
    delta = vectors(xyz, bones)
    seen = np.isfinite(delta).all(axis=-1) & (parent >= 0) & np.isfinite(angles)[:, None]
    enough = seen.sum(axis=1) >= SEEN * max((parent >= 0).sum(), 1)
    seen &= enough[:, None]
    scatter = np.broadcast_to(bones.variance, seen.shape).copy()
    if covariance is not None:
        own = np.trace(covariance, axis1=-2, axis2=-1) / 3
        scatter += np.nan_to_num(own + own[:, parent])
    back = rotation.about(up, -np.nan_to_num(angles))
    turned = np.einsum("tab,tjb->tja", back, np.where(seen[..., None], delta, 0.0))
    pull = np.where(seen, bones.length / np.where(seen, scatter, 1.0), 0.0)
    return Learning(turned, pull, up, turning)
