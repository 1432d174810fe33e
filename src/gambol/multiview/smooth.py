"""Trajectories from 2D points: a random walk in time, robust noise, and bones.

    x_t ~ N(x_{t-1}, η² Δt I), y ~ noise around f(x)  (`noise`), optionally bones (`bones`)
or, instead of positions, velocities walk (`glide`): better for what moves fast and smoothly.
Without bones every keypoint is a chain by itself and is smoothed over the whole recording;
poses with bones are for `articulated`. What is returned is the most probable trajectory, with
the covariance of its observed information: the curvature there, outliers and directions of
bones integrated out, but for second derivatives of the projection.
Every frame knows very weakly that points are not far away (`Anchor`), so that what was never
seen has a place and a large covariance.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.kernels import candidates, choices, projection, triangulation
from gambol.kernels.observation import Linear, Tracks
from gambol.multiview import descent, glide, windows
from gambol.multiview import noise as noises
from gambol.multiview.bones import Bones, Form
from gambol.multiview.descent import Slope
from gambol.multiview.noise import Noise, Observations

AWAY = 30.0  # sd of the weak knowledge, in units of the extent of what was seen
SHORT = 1e-6  # steps at which descent ends, in the same units
POINTS = 50_000  # smoothed at once: bounds memory
DOUBT = 4.0  # sd of noise: a triangulated point so far from any view is begun anew, robustly

Start = Literal["msac", "dlt"]
Dynamics = Literal["walk", "velocity"]


class Anchor(NamedTuple):
    """Where points can be at all."""

    centre: Float[np.ndarray, " 3"]
    extent: float  # world units


class Model(NamedTuple):
    """What a trajectory is taken to be."""

    noise: Noise
    eta2: Float[np.ndarray, " J"]  # η², squared world units / s of each axis; velocity: / s³
    bones: Bones | None = None
    form: Form = "direction"
    dynamics: Dynamics = "walk"


class Smoothed(NamedTuple):
    """The most probable trajectory."""

    xyz: Float[np.ndarray, "T J 3"]
    covariance: Float[np.ndarray, "T J 3 3"]
    outlier: Float[np.ndarray, "T V J"]  # probability; NaN where not seen
    energy: float  # -log p, nats, up to a constant; with windows their sum
    unsettled: int  # chains or windows that were still moving at the last step
    improper: int  # chains or windows whose covariance had to be made positive


class Points(NamedTuple):
    """The energies of keypoints, each by itself: `descent.Field`."""

    seen: Tracks | candidates.Seen
    held: Anchor

    def look(self, x: Float[np.ndarray, "M T 3"], chains: Int[np.ndarray, " M"]) -> Slope:
        """Return the energies of some keypoints."""
        own = self.seen.pulls(x, chains)
        energy, gradient, precision = hold(self.held, x)
        np.einsum("mtaa->mta", own.curvature)[:] += precision
        return Slope(own.energy + energy, own.gradient + gradient, own.curvature)

    def of(self, frames: Int[np.ndarray, " F"]) -> "Points":
        """Return the energies of some frames."""
        return Points(self.seen.of_frames(frames), self.held)


def start(data: Observations, how: Start = "msac") -> Float[np.ndarray, "T J 3"]:
    """Triangulate every point by itself, and fill what that leaves open.

    Gaps are filled in straight lines over time, keypoints that never have two views with the
    centre of the others. `msac` is `dlt` where all views agree.
    """
    frames, views, joints = data.confidence.shape
    out = np.empty((frames, joints, 3))

    def one(j: int) -> Float[np.ndarray, "T 3"]:
        xy = np.ascontiguousarray(data.xy[:, :, j])
        sure = np.maximum(np.nan_to_num(data.confidence[:, :, j]), 0.01)
        weight = np.where(np.isfinite(xy).all(-1), sure, 0.0)
        found = triangulation.dlt(xy, weight, data.params)
        if how == "dlt":
            return found
        off = projection.project(found, data.params).uv.transpose(1, 0, 2) - xy
        far = np.nan_to_num((off**2).sum(-1), nan=0.0)
        usual = np.median(far[far > 0]) if (far > 0).any() else 0.0
        lost = (weight > 0).any(1) & ~np.isfinite(off).all(-1).any(1)
        again = lost | (far > DOUBT**2 * usual).any(1)
        near = _agreeing(data, again, j, weight)
        found[again] = triangulation.msac(near, weight[again], data.params).points
        return found

    for j, found in enumerate(windows.side_by_side(one, range(joints))):
        out[:, j] = found
    return filled(out, data.times)


def _agreeing(
    data: Observations,
    frames: Bool[np.ndarray, " T"],
    j: int,
    weight: Float[np.ndarray, "T V"],
) -> Float[np.ndarray, "F V 2"]:
    """What views saw of a keypoint in some frames; of several peaks, those that agree."""
    if data.candidates is None or not frames.any():
        return data.xy[frames][:, :, j]
    peaks, share = noises.peaks(data.of_frames(frames).of_keypoints(np.array([j])))
    peaks, share = peaks[:, :, 0], share[:, :, 0]
    best = choices.agreeing(peaks, share, weight[frames], data.params)
    return np.take_along_axis(peaks, best[..., None, None], axis=2)[:, :, 0]


def filled(
    x: Float[np.ndarray, "T J 3"], times: Float[np.ndarray, " T"]
) -> Float[np.ndarray, "T J 3"]:
    """Fill NaN in straight lines over time, keypoints without a place by the others' centre."""
    out = x.copy()
    there = np.isfinite(x).all(-1)
    for j in np.flatnonzero(there.any(0)):
        for k in range(3):
            out[:, j, k] = np.interp(times, times[there[:, j]], x[there[:, j], j, k])
    lost = ~there.any(0)
    if lost.all():
        out[:] = 0.0
    elif lost.any():
        out[:, lost] = out[:, ~lost].mean(axis=1, keepdims=True)
    return out


def anchor(x: Float[np.ndarray, "T J 3"], params: Float[np.ndarray, "V 24"]) -> Anchor:
    """Return the middle of points and how far they, or a tenth of the cameras, are from it."""
    centre = np.median(x.reshape(-1, 3), axis=0)
    extent = float(np.sqrt(np.median(((x - centre) ** 2).sum(-1))))
    finite = params[params[:, 0] != projection.AFFINE]
    if len(finite):
        eyes = -np.einsum("vab,va->vb", finite[:, 12:21].reshape(-1, 3, 3), finite[:, 21:])
        extent = max(extent, float(np.median(np.linalg.norm(eyes - centre, axis=1))) / 10)
    return Anchor(centre, extent or 1.0)


def smooth(
    data: Observations,
    model: Model,
    x: Float[np.ndarray, "T J 3"],
    held: Anchor,
    rounds: int = descent.ROUNDS,
    short: float = SHORT,
) -> Smoothed:
    """Return the most probable trajectory of every keypoint by itself; bones are not used.

    Args:
        data: the observations.
        model: noise and steps.
        x: start, finite.
        held: the weak knowledge.
        rounds: of descent, at most.
        short: length of the steps at which descent ends, in units of the extent.
    """
    frames, views, joints = data.confidence.shape
    size = max(POINTS // frames, 1)
    groups = [np.arange(j, min(j + size, joints)) for j in range(0, joints, size)]
    xyz, cov = np.empty((frames, joints, 3)), np.empty((frames, joints, 3, 3))
    outlier = np.empty((frames, views, joints))
    energy, unsettled, improper = 0.0, 0, 0

    def one(group: Int[np.ndarray, " G"]) -> Smoothed:
        part, own = data.of_keypoints(group), of_model(model, group)
        return _chains(part, own, x[:, group], held, rounds, short)

    for group, done in zip(groups, windows.side_by_side(one, groups), strict=True):
        xyz[:, group], cov[:, group] = done.xyz, done.covariance
        outlier[:, :, group] = done.outlier
        energy, unsettled = energy + done.energy, unsettled + done.unsettled
        improper += done.improper
    return Smoothed(xyz, cov, outlier, energy, unsettled, improper)


def of_model(model: Model, chosen: Int[np.ndarray, " G"]) -> Model:
    """Return the model of some keypoints, without bones."""
    noise = model.noise
    part = noise._replace(
        inlier=noise.inlier[:, chosen],
        outlier=noise.outlier[:, chosen],
        prior=noise.prior[:, chosen],
    )
    return model._replace(noise=part, eta2=model.eta2[chosen], bones=None)


def links(
    times: Float[np.ndarray, " T"], eta2: Float[np.ndarray, " J"]
) -> Float[np.ndarray, "J G 3"]:
    """Return the precision of steps, 1/(η² Δt), of every axis."""
    seconds = np.maximum(np.diff(times), 1e-9)
    precision = 1 / (eta2[:, None] * seconds)
    return np.repeat(precision[..., None], 3, axis=-1)


def glides(
    times: Float[np.ndarray, " T"], eta2: Float[np.ndarray, " J"], held: Anchor
) -> glide.Links:
    """Return what joins frames if velocities walk."""
    return glide.links(times, np.repeat(eta2[:, None], 3, axis=1), AWAY * held.extent)


def observed(linear: Linear, held: Anchor) -> Float[np.ndarray, "T J 3 3"]:
    """Return the observed information of single points."""
    return linear.blocks - linear.excess + np.eye(3) / (AWAY * held.extent) ** 2


def hold(
    held: Anchor, x: Float[np.ndarray, "T J 3"]
) -> tuple[Float[np.ndarray, "T J"], Float[np.ndarray, "T J 3"], float]:
    """Return energy, gradient and curvature of the weak knowledge."""
    precision = 1 / (AWAY * held.extent) ** 2
    off = x - held.centre
    return precision * (off**2).sum(-1) / 2, precision * off, precision


def _chains(
    data: Observations,
    model: Model,
    x: Float[np.ndarray, "T J 3"],
    held: Anchor,
    rounds: int,
    short: float,
) -> Smoothed:
    """Smooth few keypoints, all their frames at once."""
    emission = noises.emission(data, model.noise)
    begin = np.ascontiguousarray(x.transpose(1, 0, 2))
    field, longest = Points(emission.tracks(), held), short * held.extent
    found: descent.Found | glide.Glided
    if model.dynamics == "velocity":
        joined = glides(data.times, model.eta2, held)
        found = glide.descend(field, joined, begin, longest, rounds)
    else:
        link = links(data.times, model.eta2)
        found = descent.descend(field, link, begin, longest, rounds)
    xyz = np.ascontiguousarray(found.x.transpose(1, 0, 2))
    linear = emission.at(xyz)
    information = observed(linear, held).transpose(1, 0, 2, 3)
    if model.dynamics == "velocity":
        cov, _, proper = glide.spread(information, joined)
    else:
        cov, proper = descent.covariances(information, link)
    return Smoothed(
        xyz,
        cov.transpose(1, 0, 2, 3),
        linear.outlier,
        float(found.energy.sum()),
        int((~found.settled).sum()),
        int((~proper).sum()),
    )
