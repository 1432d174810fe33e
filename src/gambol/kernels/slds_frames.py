"""Keypoints of a body that turns and moves: heading, centroid and noise, given the latents.

Keypoint k of frame t lies at R(h_t) (H_k x_t + c_k) + v_t with independent noise of variance
1/ω_tk in each of d = 2 or 3 coordinates; R turns the first two. ω is 0 where it is absent.
Each line is drawn from its exact conditional or, without a generator, set to its mode.
Source: Mardia and Jupp (2000), 10.2 (heading); Särkkä (2013), 8.2 (centroid); Gelman et al.
(2013), 3.3 (noise).
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float

from gambol.kernels.circular import von_mises


class Body(NamedTuple):
    """How latents become keypoints of an animal that stands at the origin and looks along x."""

    loads: Float[np.ndarray, "J d D"]  # H_k
    offset: Float[np.ndarray, "J d"]  # c_k


class Course(NamedTuple):
    """One series of T frames. Coordinates of absent keypoints are 0 and have no weight."""

    xy: Float[np.ndarray, "T J d"]  # seen
    centroid: Float[np.ndarray, "T d"]  # v
    heading: Float[np.ndarray, " T"]  # h, radians


class Noise(NamedTuple):
    """What is known of the noise of each keypoint."""

    present: Bool[np.ndarray, "T J"]
    prior: Float[np.ndarray, "T J"]  # s⁰
    dof: float  # ν_s
    share: Float[np.ndarray, " J"]  # σ_k²


Latents = Float[np.ndarray, "T D"]
Weights = Float[np.ndarray, "T J"]


def precisions(scale: Weights, noise: Noise) -> Weights:
    """Return ω = 1 / (s σ²), 0 where absent."""
    out = np.zeros_like(scale)
    np.divide(1.0, scale * noise.share, out=out, where=noise.present)
    return out


def predicted(x: Latents, body: Body, course: Course) -> Float[np.ndarray, "T J d"]:
    """Return where the keypoints are without noise."""
    out = np.empty_like(course.xy)
    _predicted(x, *body, course.centroid, course.heading, out)
    return out


def headings(
    rng: np.random.Generator | None, x: Latents, body: Body, course: Course, weight: Weights
) -> Float[np.ndarray, " T"]:
    """Draw headings from their von Mises laws; or set them to its mean, where there is one."""
    out = course.heading.copy()
    _headings(_source(rng), rng is not None, x, *body, *course, weight, out)
    return out


def centroids(
    rng: np.random.Generator | None,
    x: Latents,
    body: Body,
    course: Course,
    weight: Weights,
    step: float,
) -> Float[np.ndarray, "T d"]:
    """Draw the random walk of centroids, or return its mean; at least one keypoint is seen.

    Args:
        rng: of this series.
        x: latents.
        body: how they become keypoints.
        course: keypoints and headings.
        weight: precision of each keypoint.
        step: variance σ_v² of a step of the walk, in each coordinate.
    """
    out = np.empty_like(course.centroid)
    _centroids(_source(rng), rng is not None, x, *body, *course, weight, step, out)
    return out


def scales(
    rng: np.random.Generator | None, x: Latents, body: Body, course: Course, noise: Noise
) -> Weights:
    """Draw s of the keypoints that are present, or set it to its mode; 1 where absent."""
    square, d = residuals(x, body, course), course.xy.shape[2]
    return _scales(rng, square, noise, d)


def residuals(x: Latents, body: Body, course: Course) -> Weights:
    """Return ‖seen - predicted‖² of each keypoint."""
    out = np.empty(course.xy.shape[:2])
    _residuals(x, *body, *course, out)
    return out


def shares(
    rng: np.random.Generator, total: Float[np.ndarray, " J"], dof: float, mean: float,
    n_values: Float[np.ndarray, " J"],
) -> Float[np.ndarray, " J"]:  # fmt: skip
    """Draw σ_k² from Σ‖r‖²/s and the number of values it is a sum of."""
    return (dof * mean + total) / rng.chisquare(dof + n_values)


def _scales(rng: np.random.Generator | None, square: Weights, noise: Noise, d: int) -> Weights:
    top = noise.dof * noise.prior + square / noise.share
    if rng is None:
        found = top / (noise.dof + d + 2)
    else:
        found = top / (2.0 * rng.standard_gamma((noise.dof + d) / 2, size=top.shape))
    return np.where(noise.present, found, 1.0)


def _source(rng: np.random.Generator | None) -> np.random.Generator:
    return np.random.default_rng(0) if rng is None else rng


@numba.njit(cache=True, nogil=True)
@no_type_check
def _shape(x, t, loads, offset, out):
    """Fill out (J, d) by H x + c of a frame."""
    n_points, n_space, n_dims = loads.shape
    for k in range(n_points):
        for a in range(n_space):
            total = offset[k, a]
            for i in range(n_dims):
                total += loads[k, a, i] * x[t, i]
            out[k, a] = total


@numba.njit(cache=True, nogil=True)
@no_type_check
def _predicted(x, loads, offset, centroid, heading, out):
    q = np.empty(offset.shape)
    for t in range(len(x)):
        _shape(x, t, loads, offset, q)
        cos, sin = np.cos(heading[t]), np.sin(heading[t])
        for k in range(len(q)):
            out[t, k, 0] = cos * q[k, 0] - sin * q[k, 1] + centroid[t, 0]
            out[t, k, 1] = sin * q[k, 0] + cos * q[k, 1] + centroid[t, 1]
            if q.shape[1] == 3:
                out[t, k, 2] = q[k, 2] + centroid[t, 2]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _residuals(x, loads, offset, xy, centroid, heading, out):
    n_points, n_space = offset.shape
    q = np.empty(offset.shape)
    for t in range(len(x)):
        _shape(x, t, loads, offset, q)
        cos, sin = np.cos(heading[t]), np.sin(heading[t])
        for k in range(n_points):
            a = xy[t, k, 0] - centroid[t, 0] - (cos * q[k, 0] - sin * q[k, 1])
            b = xy[t, k, 1] - centroid[t, 1] - (sin * q[k, 0] + cos * q[k, 1])
            out[t, k] = a * a + b * b
            if n_space == 3:
                c = xy[t, k, 2] - centroid[t, 2] - q[k, 2]
                out[t, k] += c * c


@numba.njit(cache=True, nogil=True)
@no_type_check
def _headings(rng, noisy, x, loads, offset, xy, centroid, heading, weight, out):
    q = np.empty(offset.shape)
    for t in range(len(x)):
        _shape(x, t, loads, offset, q)
        cos, sin = 0.0, 0.0
        for k in range(len(q)):
            a, b = xy[t, k, 0] - centroid[t, 0], xy[t, k, 1] - centroid[t, 1]
            cos += weight[t, k] * (a * q[k, 0] + b * q[k, 1])
            sin += weight[t, k] * (b * q[k, 0] - a * q[k, 1])
        kappa = np.sqrt(cos * cos + sin * sin)
        if noisy:
            out[t] = von_mises(rng, np.arctan2(sin, cos), kappa)
        elif kappa > 0.0:
            out[t] = np.arctan2(sin, cos)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _centroids(rng, noisy, x, loads, offset, xy, centroid, heading, weight, step, out):
    """Information filter, kept in `out` and `held`; then back."""
    n_frames, n_space = out.shape
    q = np.empty(offset.shape)
    held = np.empty(n_frames)
    precision = 0.0
    for t in range(n_frames):
        shrink = 1.0 / (1.0 + precision * step)
        precision *= shrink
        for a in range(n_space):
            out[t, a] = out[t - 1, a] * shrink if t > 0 else 0.0
        _shape(x, t, loads, offset, q)
        cos, sin = np.cos(heading[t]), np.sin(heading[t])
        for k in range(len(q)):
            w = weight[t, k]
            precision += w
            out[t, 0] += w * (xy[t, k, 0] - (cos * q[k, 0] - sin * q[k, 1]))
            out[t, 1] += w * (xy[t, k, 1] - (sin * q[k, 0] + cos * q[k, 1]))
            if n_space == 3:
                out[t, 2] += w * (xy[t, k, 2] - q[k, 2])
        held[t] = precision
    for t in range(n_frames - 1, -1, -1):
        precision = held[t] + (1.0 / step if t + 1 < n_frames else 0.0)
        for a in range(n_space):
            if t + 1 < n_frames:
                out[t, a] += out[t + 1, a] / step
            out[t, a] /= precision
            if noisy:
                out[t, a] += rng.standard_normal() / np.sqrt(precision)
