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
from jaxtyping import Float, Int

from gambol.kernels.projection import project_point

FAR = 1e4
SHARE = 0.8  # of the majoriser, that `sharpened` may take off


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
    square: Float[np.ndarray, "T V J"] | None = None
    # px², ‖r‖² of the peak that is the point's, in the mean over several; None: of the residual


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


def sharpened(linear: Linear, share: float = SHARE) -> Float[np.ndarray, "T J 3 3"]:
    """Return a curvature between majoriser and observed information, for longer steps.

    EM creeps where an observation may as well be an outlier. Of the excess so much is taken off
    that in no direction more than `share` of the majoriser goes: tr(majoriser⁻¹ excess) bounds
    that. Steps with it may have to be shortened.
    """
    return _sharpened(linear.blocks, linear.excess, float(share))


class Tracks(NamedTuple):
    """Observations by keypoint, with what of their densities does not depend on residuals."""

    xy: Float[np.ndarray, "J T V 2"]  # px; NaN where not seen
    terms: Float[np.ndarray, "J T V 4"]  # base, odds, tight, loose: `_density`
    params: Float[np.ndarray, "V 24"]
    dof: float  # ν; 0: the mixture

    def of_frames(self, chosen: Int[np.ndarray, " F"]) -> "Tracks":
        """Return the observations of some frames."""
        return self._replace(xy=self.xy[:, chosen], terms=self.terms[:, chosen])

    def pulls(self, x: Float[np.ndarray, "M T 3"], chosen: Int[np.ndarray, " M"]) -> "Pulls":
        """Return what descent needs around some keypoints' points; see `pulls`."""
        return pulls(x, self, chosen)


class Pulls(NamedTuple):
    """Energies of M keypoints in T frames, and how they change."""

    energy: Float[np.ndarray, "M T"]  # -log p of the observations of a point, nats
    gradient: Float[np.ndarray, "M T 3"]
    curvature: Float[np.ndarray, "M T 3 3"]  # `sharpened`


def tracks(
    xy: Float[np.ndarray, "T V J 2"],
    params: Float[np.ndarray, "V 24"],
    inlier: Float[np.ndarray, "T V J"],
    outlier: Float[np.ndarray, "V J"],
    prior: Float[np.ndarray, "T V J"],
    dof: float = 0.0,
) -> Tracks:
    """Prepare observations that are to be looked at from many points, `pulls`.

    Args:
        xy: observations, px; NaN where not seen.
        params: cameras, `kernels.projection`.
        inlier: ω₀² of each coordinate, px².
        outlier: ω₁², px².
        prior: β; where 0, noise is Gaussian.
        dof: ν of a Student-t of squared scale `inlier`; 0: the mixture.
    """
    by_keypoint = np.ascontiguousarray(xy.transpose(2, 0, 1, 3))
    return Tracks(by_keypoint, _terms(inlier, outlier, prior, float(dof)), params, float(dof))


def pulls(
    x: Float[np.ndarray, "M T 3"],
    seen: Tracks,
    chosen: Int[np.ndarray, " M"],
    share: float = SHARE,
) -> Pulls:
    """Return what descent needs of `linearise` around some keypoints' points, and `sharpened`.

    Args:
        x: world units; all finite.
        seen: observations of J keypoints.
        chosen: which of them x are.
        share: of the majoriser, that may be taken off.
    """
    got = _pulls(np.ascontiguousarray(x), *seen[:3], chosen, seen.dof, float(share))
    return Pulls(*got)


def spread(
    x: Float[np.ndarray, "T J 3"],
    covariance: Float[np.ndarray, "T J 3 3"],
    params: Float[np.ndarray, "V 24"],
) -> Float[np.ndarray, "T V J 2 2"]:
    """Return J Σ Jᵀ, the covariance in px² of where points project; 0 where not valid."""
    return _spread(x, covariance, params)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _constants(inlier, outlier, prior, dof):
    """What of a density does not depend on the residual; see `_density`."""
    if dof > 0:
        return np.log(2 * np.pi * inlier), 0.0, inlier, 0.0
    if prior <= 0:
        return np.log(2 * np.pi * inlier), -np.inf, 1 / inlier, 0.0
    if prior >= 1:
        return np.log(2 * np.pi * outlier), np.inf, 1 / inlier, 1 / outlier
    odds = np.log(prior * inlier / ((1 - prior) * outlier))
    return np.log(2 * np.pi * outlier / prior), odds, 1 / inlier, 1 / outlier


@numba.njit(cache=True, nogil=True)
@no_type_check
def _mixture(square, base, odds, tight, loose):
    """`_density` of a mixture."""
    if odds == -np.inf:
        return base + square * tight / 2, tight, 0.0, 0.0
    bad = base + square * loose / 2
    if odds == np.inf:
        return bad, loose, 1.0, 0.0
    gap = odds + square * (tight - loose) / 2  # log odds of an outlier
    rest = np.exp(-abs(gap))
    z = 1 / (1 + rest) if gap > 0 else rest / (1 + rest)
    energy = bad - np.log1p(rest) + (0.0 if gap > 0 else gap)
    return energy, (1 - z) * tight + z * loose, z, z * (1 - z) * (tight - loose) ** 2


@numba.njit(cache=True, nogil=True)
@no_type_check
def _student(square, base, scale, dof):
    """`_density` of a Student-t, with the share of its weight that was lost."""
    w = (dof + 2) / (dof * scale + square)
    energy = base + (dof + 2) / 2 * np.log1p(square / (dof * scale))
    return energy, w, square / (dof * scale + square), 2 * w * w / (dof + 2)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _density(square, base, odds, tight, loose, dof):
    """-log p, weight, z̄ and c of a residual of this squared length.

    From the log of a normaliser, the log odds of an outlier at no residual, and precisions of
    inliers and outliers; with dof above 0 `tight` is the squared scale instead.
    """
    if dof > 0:
        return _student(square, base, tight, dof)
    return _mixture(square, base, odds, tight, loose)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _linearise(x, xy, params, inlier, outlier, prior, dof):
    frames, views, points = inlier.shape
    energies, gradient = np.zeros((frames, points)), np.zeros((frames, points, 3))
    blocks, excess = np.zeros((frames, points, 3, 3)), np.zeros((frames, points, 3, 3))
    lost = np.full((frames, views, points), np.nan)
    residual, pull = np.zeros((frames, views, points, 2)), np.zeros((frames, views, points, 3))
    for v in range(views):
        camera = params[v]
        for t in range(frames):
            for j in range(points):
                y0, y1 = xy[t, v, j, 0], xy[t, v, j, 1]
                if not (np.isfinite(y0) and np.isfinite(y1)):
                    continue
                base, odds, tight, loose = _constants(
                    inlier[t, v, j], outlier[v, j], prior[t, v, j], dof
                )
                u0, u1, a0, a1, a2, b0, b1, b2, valid = project_point(
                    camera, x[t, j, 0], x[t, j, 1], x[t, j, 2]
                )
                r0, r1 = (y0 - u0, y1 - u1) if valid else (FAR, 0.0)
                e, w, z, c = _density(r0 * r0 + r1 * r1, base, odds, tight, loose, dof)
                energies[t, j] += e
                if not valid:
                    lost[t, v, j] = 1.0
                    continue
                lost[t, v, j] = z
                residual[t, v, j, 0], residual[t, v, j, 1] = r0, r1
                g0, g1, g2 = a0 * r0 + b0 * r1, a1 * r0 + b1 * r1, a2 * r0 + b2 * r1
                pull[t, v, j, 0], pull[t, v, j, 1], pull[t, v, j, 2] = g0, g1, g2
                gradient[t, j, 0] -= w * g0
                gradient[t, j, 1] -= w * g1
                gradient[t, j, 2] -= w * g2
                _add(blocks, t, j, w, a0, a1, a2)
                _add(blocks, t, j, w, b0, b1, b2)
                _add(excess, t, j, c, g0, g1, g2)
    _mirror(blocks)
    _mirror(excess)
    return energies, gradient, blocks, excess, lost, residual, pull


@numba.njit(cache=True, nogil=True)
@no_type_check
def _add(out, t, j, w, a, b, c):
    """Add w (a, b, c)ᵀ(a, b, c) to the lower half of out[t, j]."""
    out[t, j, 0, 0] += w * a * a
    out[t, j, 1, 0] += w * b * a
    out[t, j, 1, 1] += w * b * b
    out[t, j, 2, 0] += w * c * a
    out[t, j, 2, 1] += w * c * b
    out[t, j, 2, 2] += w * c * c


@numba.njit(cache=True, nogil=True)
@no_type_check
def _mirror(out):
    """Fill the upper halves."""
    for t in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[t, j, 0, 1], out[t, j, 0, 2] = out[t, j, 1, 0], out[t, j, 2, 0]
            out[t, j, 1, 2] = out[t, j, 2, 1]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _terms(inlier, outlier, prior, dof):
    frames, views, points = inlier.shape
    out = np.empty((points, frames, views, 4))
    for t in range(frames):
        for v in range(views):
            for j in range(points):
                base, odds, tight, loose = _constants(
                    inlier[t, v, j], outlier[v, j], prior[t, v, j], dof
                )
                out[j, t, v, 0], out[j, t, v, 1] = base, odds
                out[j, t, v, 2], out[j, t, v, 3] = tight, loose
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _pulls(x, xy, terms, params, chosen, dof, share):
    chains, frames = x.shape[0], x.shape[1]
    energy, gradient = np.zeros((chains, frames)), np.zeros((chains, frames, 3))
    curvature, excess = np.zeros((chains, frames, 3, 3)), np.zeros((1, frames, 3, 3))
    for m in range(chains):
        j = chosen[m]
        excess[:] = 0.0
        for v in range(len(params)):
            camera = params[v]
            for t in range(frames):
                y0, y1 = xy[j, t, v, 0], xy[j, t, v, 1]
                if not (np.isfinite(y0) and np.isfinite(y1)):
                    continue
                u0, u1, a0, a1, a2, b0, b1, b2, valid = project_point(
                    camera, x[m, t, 0], x[m, t, 1], x[m, t, 2]
                )
                r0, r1 = (y0 - u0, y1 - u1) if valid else (FAR, 0.0)
                base, odds = terms[j, t, v, 0], terms[j, t, v, 1]
                tight, loose = terms[j, t, v, 2], terms[j, t, v, 3]
                e, w, _, c = _density(r0 * r0 + r1 * r1, base, odds, tight, loose, dof)
                energy[m, t] += e
                if not valid:
                    continue
                g0, g1, g2 = a0 * r0 + b0 * r1, a1 * r0 + b1 * r1, a2 * r0 + b2 * r1
                gradient[m, t, 0] -= w * g0
                gradient[m, t, 1] -= w * g1
                gradient[m, t, 2] -= w * g2
                _add(curvature, m, t, w, a0, a1, a2)
                _add(curvature, m, t, w, b0, b1, b2)
                _add(excess, 0, t, c, g0, g1, g2)
        for t in range(frames):
            _sharpen(curvature[m, t], excess[0, t], share, curvature[m, t])
    return energy, gradient, curvature


@numba.njit(cache=True, nogil=True)
@no_type_check
def _sharpen(a, e, share, out):
    """Fill out with `sharpened` of the lower halves of majoriser and excess."""
    # adjugate and determinant of a, made a little rounder
    r = 1e-9 * (a[0, 0] + a[1, 1] + a[2, 2])
    p, q, s = a[0, 0] + r, a[1, 1] + r, a[2, 2] + r
    x, y, z = a[1, 0], a[2, 0], a[2, 1]
    c0, c1, c2 = q * s - z * z, y * z - x * s, x * z - y * q
    det = p * c0 + x * c1 + y * c2
    trace = c0 * e[0, 0] + (p * s - y * y) * e[1, 1] + (p * q - x * x) * e[2, 2]
    trace += 2 * (c1 * e[1, 0] + c2 * e[2, 0] + (x * y - p * z) * e[2, 1])
    part = 0.0
    if det > 0 and trace > 0:
        part = min(1.0, share * det / trace)
    for k in range(3):  # out may be a
        for m in range(k + 1):
            out[k, m] = a[k, m] - part * e[k, m]
            out[m, k] = out[k, m]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _sharpened(blocks, excess, share):
    out = np.empty_like(blocks)
    for t in range(blocks.shape[0]):
        for j in range(blocks.shape[1]):
            _sharpen(blocks[t, j], excess[t, j], share, out[t, j])
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _spread(x, covariance, params):
    frames, points, views = x.shape[0], x.shape[1], len(params)
    out = np.zeros((frames, views, points, 2, 2))
    for v in range(views):
        camera = params[v]
        for t in range(frames):
            for j in range(points):
                _, _, a0, a1, a2, b0, b1, b2, valid = project_point(
                    camera, x[t, j, 0], x[t, j, 1], x[t, j, 2]
                )
                if not valid:
                    continue
                p, q, s = covariance[t, j, 0, 0], covariance[t, j, 1, 1], covariance[t, j, 2, 2]
                k, m, n = covariance[t, j, 0, 1], covariance[t, j, 0, 2], covariance[t, j, 1, 2]
                c0, c1, c2 = (
                    p * a0 + k * a1 + m * a2,
                    k * a0 + q * a1 + n * a2,
                    m * a0 + n * a1 + s * a2,
                )
                out[t, v, j, 0, 0] = a0 * c0 + a1 * c1 + a2 * c2
                out[t, v, j, 0, 1] = out[t, v, j, 1, 0] = b0 * c0 + b1 * c1 + b2 * c2
                c0, c1, c2 = (
                    p * b0 + k * b1 + m * b2,
                    k * b0 + q * b1 + n * b2,
                    m * b0 + n * b1 + s * b2,
                )
                out[t, v, j, 1, 1] = b0 * c0 + b1 * c1 + b2 * c2
    return out
