"""What several peaks a view say of a point: the observation model when one of them is right.

A keypoint of which a view shows C peaks y_c has, with r_c = y_c - f(x), the density
    (1 - β) Σ_c π_c N(r_c; 0, ω₀² I) + β N(r_1; 0, ω₁² I),
π_c being the shares that the detector gives the peaks, the first its choice: one component for
each peak, and one for all being wrong. Every component k has its responsibility q_k and
precision τ_k, and with w = Σ q_k τ_k, g = Σ q_k τ_k r_k and J = ∂f/∂x
    gradient of -log p    -Jᵀg
    majoriser             w JᵀJ
    observed information  w JᵀJ - Jᵀ(Σ q_k τ_k² r_k r_kᵀ - g gᵀ)J, but for second derivatives.
With one peak a view all of it is `kernels.observation`. A point that a camera cannot see though
it is said to has the energy of residuals of `FAR` px and no gradient.
Source: Dempster, Laird and Rubin (1977) for mixtures; Louis (1982) for observed information.
"""

from typing import Any, NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

from gambol.kernels.observation import FAR, SHARE, Linear, Pulls, sharpened
from gambol.kernels.projection import project_point


class Seen(NamedTuple):
    """Observations by keypoint, with what of their densities does not depend on residuals."""

    peaks: Float[np.ndarray, "J T V C 2"]  # px; NaN where there are fewer; first NaN: not seen
    base: Float[np.ndarray, "J T V C"]  # log (1 - β) π_c / 2π ω₀²; -inf where there is no peak
    terms: Float[np.ndarray, "J T V 3"]  # log β / 2π ω₁², 1/ω₀², 1/ω₁²
    params: Float[np.ndarray, "V 24"]

    def of_frames(self, chosen: Int[np.ndarray, " F"]) -> "Seen":
        """Return the observations of some frames."""
        return self._replace(
            peaks=self.peaks[:, chosen], base=self.base[:, chosen], terms=self.terms[:, chosen]
        )

    def pulls(
        self, x: Float[np.ndarray, "M T 3"], chosen: Int[np.ndarray, " M"], share: float = SHARE
    ) -> Pulls:
        """Return what descent needs around some keypoints' points; see `observation.pulls`."""
        got = _linearise(np.ascontiguousarray(x), *self, chosen)
        linear = Linear(0.0, *got[:7])
        return Pulls(linear.energies, linear.gradient, sharpened(linear, share))


def seen(
    peaks: Float[np.ndarray, "T V J C 2"],
    share: Float[np.ndarray, "T V J C"],
    params: Float[np.ndarray, "V 24"],
    inlier: Float[np.ndarray, "T V J"],
    outlier: Float[np.ndarray, "V J"],
    prior: Float[np.ndarray, "T V J"],
) -> Seen:
    """Prepare observations.

    Args:
        peaks: px; NaN where there are fewer. Where the first is NaN nothing was seen.
        share: π; of those that are there they sum to 1.
        params: cameras, `kernels.projection`.
        inlier: ω₀² of each coordinate, px².
        outlier: ω₁², px².
        prior: β, that no peak is the point's.
    """
    there = np.isfinite(peaks).all(-1)
    with np.errstate(divide="ignore"):  # log 0: no such component
        base = np.log(np.where(there, share, 0.0)) + np.log1p(-prior)[..., None]
        wild = np.log(prior) - np.log(2 * np.pi * outlier)
    base -= np.log(2 * np.pi * inlier)[..., None]
    wide = np.broadcast_to(1 / outlier, inlier.shape)
    terms = np.stack([wild, 1 / inlier, wide], axis=-1)
    first, second, third = (
        np.ascontiguousarray(np.moveaxis(part, 2, 0)) for part in (peaks, base, terms)
    )
    return Seen(first, second, third, params)


def linearise(x: Float[np.ndarray, "T J 3"], data: Seen) -> Linear:
    """Linearise around points, as `observation.linearise` does.

    `residual` and `pull` are the first peak's, `square` is Σ q_c ‖r_c‖² / Σ q_c over peaks, and
    0 where not valid.

    Args:
        x: points, world units; all finite.
        data: the observations, of the same keypoints and frames.
    """
    got = _by_frame(x, data)
    points = (np.ascontiguousarray(np.moveaxis(part, 0, 1)) for part in got[:4])
    views = (np.ascontiguousarray(np.moveaxis(part, 0, 2)) for part in got[4:8])
    return Linear(float(got[0].sum()), *points, *views)


def responsibilities(x: Float[np.ndarray, "T J 3"], data: Seen) -> Float[np.ndarray, "T V J C"]:
    """Return the probability that each peak is the point's; 0 where there is none.

    Args:
        x: points, world units; all finite.
        data: the observations, of the same keypoints and frames.
    """
    return np.ascontiguousarray(np.moveaxis(_by_frame(x, data)[8], 0, 2))


def _by_frame(x: Float[np.ndarray, "T J 3"], data: Seen) -> Any:
    by_keypoint = np.ascontiguousarray(x.transpose(1, 0, 2))
    return _linearise(by_keypoint, *data, np.arange(x.shape[1]))


@numba.njit(cache=True, nogil=True)
@no_type_check
def _linearise(x, peaks, base, terms, params, chosen):
    """Energies, gradients, majorisers and excess (M, T); the rest (M, T, V)."""
    chains, frames, views, count = x.shape[0], x.shape[1], len(params), peaks.shape[3]
    energies, gradient = np.zeros((chains, frames)), np.zeros((chains, frames, 3))
    blocks, excess = np.zeros((chains, frames, 3, 3)), np.zeros((chains, frames, 3, 3))
    lost = np.full((chains, frames, views), np.nan)
    residual, pull = np.zeros((chains, frames, views, 2)), np.zeros((chains, frames, views, 3))
    shares = np.zeros((chains, frames, views, count))
    mean = np.zeros((chains, frames, views))
    r, q, sums = np.empty((count, 2)), np.empty(count + 1), np.empty(6)
    for m in range(chains):
        j = chosen[m]
        for v in range(views):
            camera = params[v]
            for t in range(frames):
                y = peaks[j, t, v]
                if not (np.isfinite(y[0, 0]) and np.isfinite(y[0, 1])):
                    continue
                u0, u1, a0, a1, a2, b0, b1, b2, valid = project_point(
                    camera, x[m, t, 0], x[m, t, 1], x[m, t, 2]
                )
                _residuals(y, u0, u1, valid, r)
                energies[m, t] += _responsible(r, base[j, t, v], terms[j, t, v], q)
                lost[m, t, v], shares[m, t, v] = q[count], q[:count]
                if not valid:
                    lost[m, t, v], shares[m, t, v] = 1.0, 0.0
                    continue
                mean[m, t, v] = _moments(r, q, terms[j, t, v], sums)
                w, g0, g1 = sums[0], sums[1], sums[2]
                jac = ((a0, b0), (a1, b1), (a2, b2))
                for k in range(3):
                    a, b = jac[k]
                    gradient[m, t, k] -= a * g0 + b * g1
                    pull[m, t, v, k] = a * r[0, 0] + b * r[0, 1]
                    for n in range(3):
                        c, d = jac[n]
                        blocks[m, t, k, n] += w * (a * c + b * d)
                        mixed = sums[4] * (a * d + b * c)
                        excess[m, t, k, n] += sums[3] * a * c + mixed + sums[5] * b * d
                residual[m, t, v] = r[0]
    return energies, gradient, blocks, excess, lost, residual, pull, mean, shares


@numba.njit(cache=True, nogil=True)
@no_type_check
def _residuals(y, u0, u1, valid, r):
    """Fill the residuals of all peaks; 0 of those that are not there."""
    for c in range(len(y)):
        r[c, 0], r[c, 1] = y[c, 0] - u0, y[c, 1] - u1
        if not valid:
            r[c, 0], r[c, 1] = FAR, 0.0
        if not (np.isfinite(r[c, 0]) and np.isfinite(r[c, 1])):
            r[c, 0] = r[c, 1] = 0.0


@numba.njit(cache=True, nogil=True)
@no_type_check
def _responsible(r, base, term, q):
    """Fill the responsibilities of peaks and, last, of none; return -log p."""
    count = len(r)
    top = -np.inf
    for c in range(count + 1):
        k = 0 if c == count else c
        square = r[k, 0] * r[k, 0] + r[k, 1] * r[k, 1]
        q[c] = term[0] - square * term[2] / 2 if c == count else base[c] - square * term[1] / 2
        top = max(top, q[c])
    total = 0.0
    for c in range(count + 1):
        q[c] = np.exp(q[c] - top)
        total += q[c]
    q /= total
    return -top - np.log(total)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _moments(r, q, term, sums):
    """Fill w, g and the three numbers of Σ q τ² r rᵀ - g gᵀ; return the peaks' mean ‖r‖²."""
    count, square = len(r), 0.0
    sums[:] = 0.0
    for c in range(count + 1):
        k, tau = (0, term[2]) if c == count else (c, term[1])
        w, r0, r1 = q[c] * tau, r[k, 0], r[k, 1]
        sums[0] += w
        sums[1] += w * r0
        sums[2] += w * r1
        sums[3] += w * tau * r0 * r0
        sums[4] += w * tau * r0 * r1
        sums[5] += w * tau * r1 * r1
        if c < count:
            square += q[c] * (r0 * r0 + r1 * r1)
    sums[3] -= sums[1] * sums[1]
    sums[4] -= sums[1] * sums[2]
    sums[5] -= sums[2] * sums[2]
    own = 1 - q[count]
    return square / own if own > 0 else 0.0
