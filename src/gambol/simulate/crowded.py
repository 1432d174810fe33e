"""Several animals filmed at once, as a detector that does not know them reports them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.core.cameras import Rig
from gambol.core.skeleton import Skeleton
from gambol.simulate.filming import Flaws, film


class Crowd(NamedTuple):
    """N instances in V views, in slots without order."""

    xy: Float[np.ndarray, "T V N J 2"]  # px; NaN where missing
    confidence: Float[np.ndarray, "T V N J"]
    animal: Int[
        np.ndarray, "T V N"
    ]  # who each instance is, whether anything of it is seen or not
    track: Int[np.ndarray, "T V N"]  # number of its 2D track, its own in the view; -1: not seen
    swapped: Bool[np.ndarray, "T V N"]


def film_crowd(
    rng: np.random.Generator,
    xyz: Float[np.ndarray, "T N J 3"],
    rig: Rig,
    flaws: Flaws | None = None,
    skeleton: Skeleton | None = None,
    *,
    fps: float = 60.0,
    track_seconds: float = 5.0,
) -> Crowd:
    """Film animals and forget who is who.

    Args:
        rng: draws flaws, slots and the ends of tracks.
        xyz: where keypoints are, units of the rig.
        rig: the cameras.
        flaws: what goes wrong, as in `filming.film`.
        skeleton: needed for swaps.
        fps: frames per second.
        track_seconds: mean time until a tracker loses an animal and counts it anew.
    """
    n_frames, n = xyz.shape[:2]
    films = [film(rng, xyz[:, k], rig, flaws, skeleton, fps=fps) for k in range(n)]
    xy = np.stack([one.xy for one in films], axis=2)
    confidence = np.stack([one.confidence for one in films], axis=2)
    swapped = np.stack([one.swapped for one in films], axis=2)
    shape = (n_frames, len(rig), n)
    breaks = rng.random(shape) < 1 / (track_seconds * fps)
    # every animal's tracks are counted from a number that no other one reaches
    track = np.cumsum(breaks, axis=0) * n + np.arange(n)
    track = np.where(np.isfinite(xy[..., 0]).any(axis=-1), track, -1)
    slot = rng.permuted(np.tile(np.arange(n), (*shape[:2], 1)), axis=2)

    def shuffled(values: np.ndarray) -> np.ndarray:
        index = slot.reshape(*shape, *(1,) * (values.ndim - 3))
        return np.take_along_axis(values, index, axis=2)

    parts = shuffled(xy), shuffled(confidence), slot, shuffled(track), shuffled(swapped)
    return Crowd(*parts)
