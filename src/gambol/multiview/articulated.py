"""Trajectories of whole poses: keypoints tied by bones, solved in overlapping windows.

The frame's blocks of the information matrix take all keypoints together, B = 3J, 29 kB a frame
for 20 keypoints, so a long recording is solved in windows that begin where `smooth` ended; ten
frames from a cut it is not felt. Steps take the bones' own curvature where it is positive:
far fewer are needed than with the bound 1/σ².
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.kernels import observation
from gambol.multiview import bones as skeletal
from gambol.multiview import descent, smooth, windows
from gambol.multiview import noise as noises
from gambol.multiview.bones import Bones, Form
from gambol.multiview.descent import Slope
from gambol.multiview.noise import Emission, Observations
from gambol.multiview.smooth import Anchor, Model, Smoothed

FRAMES = 300  # kept of a window
OVERLAP = 30  # frames more on each side


class Posed(NamedTuple):
    """The most probable poses of one window."""

    xyz: Float[np.ndarray, "T J 3"]
    covariance: Float[np.ndarray, "T B B"]  # over (keypoint, axis)
    outlier: Float[np.ndarray, "T V J"]
    energy: float
    settled: bool
    proper: bool  # the observed information was positive definite
    rounds: int


class Poses(NamedTuple):
    """The energies of whole poses: `descent.Field`."""

    emission: Emission
    bones: Bones
    form: Form
    held: Anchor

    def look(self, x: Float[np.ndarray, "1 T B"], chains: Int[np.ndarray, " 1"]) -> Slope:
        """Return the energies of the one chain there is."""
        here = np.ascontiguousarray(x).reshape(x.shape[1], -1, 3)
        linear = self.emission.at(here)
        bent = skeletal.bend(here, self.bones, self.form)
        energy, gradient, precision = smooth.hold(self.held, here)
        _add(bent.curvature, observation.sharpened(linear) + precision * np.eye(3))
        total = linear.energies.sum(1) + energy.sum(1) + bent.energy
        slope = (linear.gradient + gradient).reshape(len(here), -1) + bent.gradient
        return Slope(total[None], slope[None], bent.curvature[None])

    def of(self, frames: Int[np.ndarray, " F"]) -> "Poses":
        """Return the energies of some frames."""
        return self._replace(emission=self.emission.of_frames(frames))


def solve(
    data: Observations,
    model: Model,
    rough: Smoothed,
    held: Anchor,
    *,
    size: int = FRAMES,
    overlap: int = OVERLAP,
) -> Smoothed:
    """Return the most probable trajectory with bones.

    Args:
        data: the observations.
        model: noise, steps and bones.
        rough: that of `smooth`, where windows begin; it also tells a window what lies beyond
            its ends, which matters when nothing was seen near by.
        held: the weak knowledge.
        size: frames that a window keeps.
        overlap: frames more on each side.
    """
    frames, views, joints = data.confidence.shape
    xyz, cov = np.empty((frames, joints, 3)), np.empty((frames, joints, 3, 3))
    outlier = np.empty((frames, views, joints))
    energy, unsettled, improper = 0.0, 0, 0
    parts = windows.cut(frames, size, overlap)

    def one(part: windows.Window) -> Smoothed:
        chosen = slice(part.first, part.last)
        pull, place = _beyond(data.times, model, rough, part)
        posed = window(
            data.of_frames(chosen), model, rough.xyz[chosen], held, pull=pull, place=place
        )
        keep = slice(part.begin - part.first, part.end - part.first)
        return Smoothed(
            posed.xyz[keep],
            of_points(posed.covariance[keep]),
            posed.outlier[keep],
            posed.energy,
            int(not posed.settled),
            int(not posed.proper),
        )

    for part, got in zip(parts, windows.side_by_side(one, parts), strict=True):
        keep = slice(part.begin, part.end)
        xyz[keep], cov[keep], outlier[keep] = got.xyz, got.covariance, got.outlier
        energy, unsettled = energy + got.energy, unsettled + got.unsettled
        improper += got.improper
    return Smoothed(xyz, cov, outlier, energy, unsettled, improper)


def window(
    data: Observations,
    model: Model,
    x: Float[np.ndarray, "T J 3"],
    held: Anchor,
    *,
    pull: Float[np.ndarray, "T J"] | None = None,
    place: Float[np.ndarray, "T J 3"] | None = None,
) -> Posed:
    """Return the most probable poses of one window, all at once.

    Args:
        data: the observations.
        model: noise, steps and bones.
        x: start, finite.
        held: the weak knowledge.
        pull: precision with which points are known to be at `place`; None: 0.
        place: where, world units.
    """
    assert model.bones is not None
    tied = model.bones
    emission = noises.emission(data, model.noise)
    frames, joints = x.shape[:2]
    link = smooth.links(data.times, model.eta2).transpose(1, 0, 2)
    link = np.ascontiguousarray(link.reshape(1, frames - 1, 3 * joints))
    begin = np.ascontiguousarray(x).reshape(1, frames, 3 * joints)
    firm = np.zeros((frames, joints)) if pull is None else pull
    firm = np.repeat(firm[..., None], 3, axis=-1).reshape(begin.shape)
    there = begin if place is None else place.reshape(begin.shape)
    field = descent.Pulled(
        Poses(emission, tied, model.form, held),
        firm,
        firm * there,
        (firm * there**2).sum(-1) / 2,
    )
    found = descent.descend(field, link, begin, smooth.SHORT * held.extent)
    xyz = found.x.reshape(frames, joints, 3)
    linear = emission.at(xyz)
    own = linear.blocks - linear.excess + smooth.hold(held, xyz)[2] * np.eye(3)
    observed = skeletal.bend(xyz, tied, model.form, exact=True).observed
    _add(observed, own)
    np.einsum("tbb->tb", observed)[:] += firm[0]
    cov, proper = descent.covariances(observed[None], link)
    return Posed(
        xyz,
        cov[0],
        linear.outlier,
        float(found.energy[0]),
        bool(found.settled[0]),
        bool(proper[0]),
        found.rounds,
    )


def _beyond(
    times: Float[np.ndarray, " T"], model: Model, rough: Smoothed, part: windows.Window
) -> tuple[Float[np.ndarray, "F J"], Float[np.ndarray, "F J 3"]]:
    """What is known of the ends of a window from the frames just outside: precision and place.

    A step away from where `rough` is there, with the variance that it has there.
    """
    frames = part.last - part.first
    pull = np.zeros((frames, rough.xyz.shape[1]))
    place = np.zeros((frames, *rough.xyz.shape[1:]))
    for end, out in ((0, part.first - 1), (frames - 1, part.last)):
        if 0 <= out < len(times):
            seconds = abs(times[part.first + end] - times[out])
            spread = np.trace(rough.covariance[out], axis1=-2, axis2=-1) / 3
            pull[end] += 1 / (model.eta2 * seconds + spread)
            place[end] = rough.xyz[out]
    return pull, place


def of_points(covariance: Float[np.ndarray, "T B B"]) -> Float[np.ndarray, "T J 3 3"]:
    """Return the covariance of each keypoint from that of a pose."""
    frames, size = covariance.shape[:2]
    apart = covariance.reshape(frames, size // 3, 3, size // 3, 3)
    return np.einsum("tjajb->tjab", apart).copy()


def _add(matrix: Float[np.ndarray, "T B B"], own: Float[np.ndarray, "T J 3 3"]) -> None:
    """Add each keypoint's own block to a matrix over (keypoint, axis)."""
    frames, joints = own.shape[:2]
    apart = matrix.reshape(frames, joints, 3, joints, 3)
    np.einsum("tjajb->tjab", apart)[:] += own  # a view
