"""Trajectories of whole poses: keypoints tied by bones, solved in overlapping windows.

The frame's blocks of the information matrix take all keypoints together, B = 3J, 29 kB a frame
for 20 keypoints, so a long recording is solved in windows that begin where `smooth` ended; ten
frames from a cut it is not felt. Steps take the bones' own curvature where it is positive:
far fewer are needed than with the bound 1/σ².
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.kernels import candidates
from gambol.kernels.observation import Tracks
from gambol.multiview import bones as skeletal
from gambol.multiview import descent, glide, smooth, windows
from gambol.multiview import noise as noises
from gambol.multiview.bones import Bones, Form
from gambol.multiview.descent import Slope
from gambol.multiview.noise import Observations
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

    seen: Tracks | candidates.Seen
    bones: Bones
    form: Form
    held: Anchor

    def look(self, x: Float[np.ndarray, "1 T B"], chains: Int[np.ndarray, " 1"]) -> Slope:
        """Return the energies of the one chain there is."""
        here = np.ascontiguousarray(x).reshape(x.shape[1], -1, 3)
        by_keypoint = np.ascontiguousarray(here.transpose(1, 0, 2))
        own = self.seen.pulls(by_keypoint, np.arange(len(by_keypoint)))
        bent = skeletal.bend(here, self.bones, self.form)
        energy, gradient, precision = smooth.hold(self.held, here)
        np.einsum("mtaa->mta", own.curvature)[:] += precision
        _add(bent.curvature, own.curvature.transpose(1, 0, 2, 3))
        total = own.energy.sum(0) + energy.sum(1) + bent.energy
        slope = (own.gradient.transpose(1, 0, 2) + gradient).reshape(len(here), -1)
        return Slope(total[None], (slope + bent.gradient)[None], bent.curvature[None])

    def of(self, frames: Int[np.ndarray, " F"]) -> "Poses":
        """Return the energies of some frames."""
        return self._replace(seen=self.seen.of_frames(frames))


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
    begin = np.ascontiguousarray(x).reshape(1, frames, 3 * joints)
    firm = np.zeros((frames, joints)) if pull is None else pull
    firm = np.repeat(firm[..., None], 3, axis=-1).reshape(begin.shape)
    there = begin if place is None else place.reshape(begin.shape)
    field = descent.Pulled(
        Poses(emission.tracks(), tied, model.form, held),
        firm,
        firm * there,
        (firm * there**2).sum(-1) / 2,
    )
    joined = _links(data.times, model, held)
    short = smooth.SHORT * held.extent
    found: descent.Found | glide.Glided
    if isinstance(joined, glide.Links):
        found = glide.descend(field, joined, begin, short, descent.ROUNDS)
    else:
        found = descent.descend(field, joined, begin, short)
    xyz = found.x.reshape(frames, joints, 3)
    linear = emission.at(xyz)
    observed = skeletal.bend(xyz, tied, model.form, exact=True).observed
    _add(observed, smooth.observed(linear, held))
    np.einsum("tbb->tb", observed)[:] += firm[0]
    if isinstance(joined, glide.Links):
        cov, _, proper = glide.spread(observed[None], joined)
    else:
        cov, proper = descent.covariances(observed[None], joined)
    return Posed(
        xyz,
        cov[0],
        linear.outlier,
        float(found.energy[0]),
        bool(found.settled[0]),
        bool(proper[0]),
        found.rounds,
    )


def _links(
    times: Float[np.ndarray, " T"], model: Model, held: Anchor
) -> Float[np.ndarray, "1 G B"] | glide.Links:
    """What joins the frames of all keypoints, one chain."""
    if model.dynamics == "velocity":
        apart = smooth.glides(times, model.eta2, held)
        return apart._replace(firm=apart.firm.reshape(1, -1))
    link = smooth.links(times, model.eta2).transpose(1, 0, 2)
    return np.ascontiguousarray(link.reshape(1, len(times) - 1, 3 * len(model.eta2)))


def _beyond(
    times: Float[np.ndarray, " T"], model: Model, rough: Smoothed, part: windows.Window
) -> tuple[Float[np.ndarray, "F J"], Float[np.ndarray, "F J 3"]]:
    """What is known of the ends of a window from the frames just outside: precision and place.

    A step away from where `rough` is there, with the variance that it has there. Where
    velocities walk, a step on with the velocity between the two frames just outside: the
    variance of both, 5 times that of one if the steps are even.
    """
    frames = part.last - part.first
    pull = np.zeros((frames, rough.xyz.shape[1]))
    place = np.zeros((frames, *rough.xyz.shape[1:]))
    for end, out, way in ((0, part.first - 1, -1), (frames - 1, part.last, 1)):
        if not 0 <= out < len(times):
            continue
        seconds = abs(times[part.first + end] - times[out])
        spread = np.trace(rough.covariance[out], axis1=-2, axis2=-1) / 3
        if model.dynamics == "walk":
            pull[end] += 1 / (model.eta2 * seconds + spread)
            place[end] = rough.xyz[out]
        elif 0 <= out + way < len(times):
            before = abs(times[out + way] - times[out])
            share = seconds / before
            strayed = model.eta2 * seconds**2 * (seconds + before) / 3
            pull[end] += 1 / (strayed + spread * ((1 + share) ** 2 + share**2))
            place[end] = rough.xyz[out] + share * (rough.xyz[out] - rough.xyz[out + way])
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
