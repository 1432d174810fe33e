"""What 2D points say of 3D ones: energy, gradient and curvature of the observation model.

A point x seen at y has the residual r = y - f(x), with one of two densities:
    mixture     (1 - β) N(r; 0, ω₀² I) + β N(r; 0, ω₁² I), the outlier z integrated out
    Student-t   of ν degrees of freedom and scale ω, two-dimensional
With weight w = (1 - z̄)/ω₀² + z̄/ω₁², z̄ = p(outlier | r), or w = (ν + 2)/(ν ω² + ‖r‖²):
    gradient of -log p    -w Jᵀr
    majoriser             w JᵀJ
    observed information  w JᵀJ - c (Jᵀr)(Jᵀr)ᵀ, but for second derivatives of the projection;
                          c = z̄(1 - z̄)(1/ω₀² - 1/ω₁²)², or 2 w²/(ν + 2)
What is missing has weight 0. A point that a camera cannot see though it is said to (behind it,
beyond the fold) has the energy of a residual of `FAR` px and no gradient: nothing is won there.
Source: Lange, Little and Taylor (1989) for the t; Louis (1982) for observed information.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float

from gambol.kernels.projection import project_point

FAR = 1e4


class Linear(NamedTuple):
    """The observation model around points x."""

    energy: float  # -log p of all observations, nats
    energies: Float[np.ndarray, "T J"]  # that of each point
    gradient: Float[np.ndarray, "T J 3"]  # of the energy
    blocks: Float[np.ndarray, "T J 3 3"]  # the majoriser, sum of w JᵀJ
    excess: Float[np.ndarray, "T J 3 3"]  # majoriser minus observed information
    outlier: Float[np.ndarray, "T V J"]  # z̄; NaN where not seen, 1 where not valid
    residual: Float[np.ndarray, "T V J 2"]  # r, px; 0 where not seen or not valid
    pull: Float[np.ndarray, "T V J 3"]  # Jᵀr; 0 where not seen or not valid


def linearise(
    x: Float[np.ndarray, "T J 3"],
    xy: Float[np.ndarray, "T V J 2"],
    params: Float[np.ndarray, "V 24"],
    inlier: Float[np.ndarray, "T V J"],
    outlier: Float[np.ndarray, "V J"],
    prior: Float[np.ndarray, "T V J"],
) -> Linear:
    """Linearise the mixture.

    Args:
        x: points, world units; all finite.
        xy: observations, px; NaN where not seen.
        params: cameras, `kernels.projection`.
        inlier: ω₀² of each coordinate, px².
        outlier: ω₁², px².
        prior: β; where 0, noise is Gaussian.
    """
    got = _linearise(x, xy, params, inlier, outlier, prior, 0.0)
    return Linear(float(got[0].sum()), *got)


def linearise_student(
    x: Float[np.ndarray, "T J 3"],
    xy: Float[np.ndarray, "T V J 2"],
    params: Float[np.ndarray, "V 24"],
    scale: Float[np.ndarray, "T V J"],
    dof: float,
) -> Linear:
    """Linearise the Student-t.

    `outlier` of the result is ‖r‖²/(ν ω² + ‖r‖²), the share of its weight that a residual lost.

    Args:
        x: points, world units; all finite.
        xy: observations, px; NaN where not seen.
        params: cameras, `kernels.projection`.
        scale: ω², px².
        dof: ν.
    """
    none = np.zeros(xy.shape[1:3])
    got = _linearise(x, xy, params, scale, none, scale, float(dof))
    return Linear(float(got[0].sum()), *got)


def sharpened(linear: Linear, share: float = 0.8) -> Float[np.ndarray, "T J 3 3"]:
    """Return a curvature between majoriser and observed information, for longer steps.

    EM creeps where an observation may as well be an outlier. Of the excess so much is taken off
    that in no direction more than `share` of the majoriser goes: tr(majoriser⁻¹ excess) bounds
    that. Steps with it may have to be shortened.
    """
    return _sharpened(linear.blocks, linear.excess, float(share))


def spread(
    x: Float[np.ndarray, "T J 3"],
    covariance: Float[np.ndarray, "T J 3 3"],
    params: Float[np.ndarray, "V 24"],
) -> Float[np.ndarray, "T V J 2 2"]:
    """Return J Σ Jᵀ, the covariance in px² of where points project; 0 where not valid."""
    return _spread(x, covariance, params)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _mixture(square, inlier, outlier, prior):
    """-log p, weight, z̄ and c of a residual of this squared length."""
    tight = 1 / inlier
    if prior <= 0:
        return np.log(2 * np.pi * inlier) + square * tight / 2, tight, 0.0, 0.0
    loose = 1 / outlier
    if prior >= 1:
        return np.log(2 * np.pi * outlier) + square * loose / 2, loose, 1.0, 0.0
    bad = np.log(2 * np.pi * outlier / prior) + square * loose / 2
    # gap = log odds of an outlier
    gap = np.log(prior * inlier / ((1 - prior) * outlier)) + square * (tight - loose) / 2
    rest = np.exp(-abs(gap))
    z = 1 / (1 + rest) if gap > 0 else rest / (1 + rest)
    energy = bad - np.log1p(rest) + (0.0 if gap > 0 else gap)
    return energy, (1 - z) * tight + z * loose, z, z * (1 - z) * (tight - loose) ** 2


@numba.njit(cache=True, nogil=True)
@no_type_check
def _student(square, scale, dof):
    """-log p, weight, lost share and c of a residual of this squared length."""
    w = (dof + 2) / (dof * scale + square)
    energy = np.log(2 * np.pi * scale) + (dof + 2) / 2 * np.log1p(square / (dof * scale))
    return energy, w, square / (dof * scale + square), 2 * w * w / (dof + 2)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _density(square, inlier, outlier, prior, dof):
    if dof > 0:
        return _student(square, inlier, dof)
    return _mixture(square, inlier, outlier, prior)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _at(camera, x, jac):
    """Where a point projects and whether it does; fills its derivatives."""
    u, v, a, b, c, d, e, f, valid = project_point(camera, x[0], x[1], x[2])
    jac[0, 0], jac[0, 1], jac[0, 2] = a, b, c
    jac[1, 0], jac[1, 1], jac[1, 2] = d, e, f
    return u, v, valid


@numba.njit(cache=True, nogil=True)
@no_type_check
def _linearise(x, xy, params, inlier, outlier, prior, dof):
    frames, views, points = inlier.shape
    energies, gradient = np.zeros((frames, points)), np.zeros((frames, points, 3))
    blocks, excess = np.zeros((frames, points, 3, 3)), np.zeros((frames, points, 3, 3))
    lost = np.full((frames, views, points), np.nan)
    residual, pull = np.zeros((frames, views, points, 2)), np.zeros((frames, views, points, 3))
    jac, g = np.empty((2, 3)), np.empty(3)
    slope, bound, less = np.empty(3), np.empty((3, 3)), np.empty((3, 3))
    for t in range(frames):
        for j in range(points):
            slope[:], bound[:], less[:] = 0.0, 0.0, 0.0
            for v in range(views):
                y0, y1 = xy[t, v, j, 0], xy[t, v, j, 1]
                if not (np.isfinite(y0) and np.isfinite(y1)):
                    continue
                u0, u1, valid = _at(params[v], x[t, j], jac)
                r0, r1 = (y0 - u0, y1 - u1) if valid else (FAR, 0.0)
                square, spread = r0 * r0 + r1 * r1, inlier[t, v, j]
                e, w, z, c = _density(square, spread, outlier[v, j], prior[t, v, j], dof)
                energies[t, j] += e
                if not valid:
                    lost[t, v, j] = 1.0
                    continue
                lost[t, v, j] = z
                residual[t, v, j, 0], residual[t, v, j, 1] = r0, r1
                for k in range(3):
                    g[k] = jac[0, k] * r0 + jac[1, k] * r1
                    pull[t, v, j, k] = g[k]
                    slope[k] -= w * g[k]
                    for m in range(k + 1):
                        bound[k, m] += w * (jac[0, k] * jac[0, m] + jac[1, k] * jac[1, m])
                        less[k, m] += c * g[k] * g[m]
            for k in range(3):
                gradient[t, j, k] = slope[k]
                for m in range(k + 1):
                    blocks[t, j, k, m] = blocks[t, j, m, k] = bound[k, m]
                    excess[t, j, k, m] = excess[t, j, m, k] = less[k, m]
    return energies, gradient, blocks, excess, lost, residual, pull


@numba.njit(cache=True, nogil=True)
@no_type_check
def _sharpened(blocks, excess, share):
    out = np.empty_like(blocks)
    for t in range(blocks.shape[0]):
        for j in range(blocks.shape[1]):
            a, e = blocks[t, j], excess[t, j]
            # adjugate and determinant of a, made a little rounder
            r = 1e-9 * (a[0, 0] + a[1, 1] + a[2, 2])
            p, q, s = a[0, 0] + r, a[1, 1] + r, a[2, 2] + r
            x, y, z = a[0, 1], a[0, 2], a[1, 2]
            c0, c1, c2 = q * s - z * z, y * z - x * s, x * z - y * q
            det = p * c0 + x * c1 + y * c2
            trace = c0 * e[0, 0] + (p * s - y * y) * e[1, 1] + (p * q - x * x) * e[2, 2]
            trace += 2 * (c1 * e[0, 1] + c2 * e[0, 2] + (x * y - p * z) * e[1, 2])
            part = 0.0
            if det > 0 and trace > 0:
                part = min(1.0, share * det / trace)
            for k in range(3):
                for m in range(3):
                    out[t, j, k, m] = a[k, m] - part * e[k, m]
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _spread(x, covariance, params):
    frames, points, views = x.shape[0], x.shape[1], len(params)
    out = np.zeros((frames, views, points, 2, 2))
    jac = np.empty((2, 3))
    for t in range(frames):
        for v in range(views):
            for j in range(points):
                if not _at(params[v], x[t, j], jac)[2]:
                    continue
                for a in range(2):
                    for b in range(2):
                        s = 0.0
                        for k in range(3):
                            for m in range(3):
                                s += jac[a, k] * covariance[t, j, k, m] * jac[b, m]
                        out[t, v, j, a, b] = s
    return out
