"""Points of space moved to where the images make them most likely, outliers and all.

An observation is y = f(x) + e, and e is normal, of a small variance or, for a share of the
observations, of a large one. With z the probability of the large one at r = y - f(x), the
weight of an observation is w = (1 - z) / small + z / large, and each step of Gauss-Newton is
one of expectation-maximisation. The covariance is the inverse of the observed information,
    sum over views of w JᵀJ - z (1 - z) (1 / small - 1 / large)² (Jᵀr)(Jᵀr)ᵀ,
second derivatives of the projection left out, or of its first term where that has no inverse.

Source: Louis (1982), JRSS B 44:226-233 (information under missing data).
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float

from gambol.kernels.projection import project_point
from gambol.kernels.triangulation import add_row, solve

STEPS = 50  # of Gauss-Newton at most
SHORTEST = 1e-3  # of a step, before it is given up
ENOUGH = 1e-10  # nats that a step has to promise


class Refined(NamedTuple):
    """Points of greatest likelihood."""

    points: Float[np.ndarray, "N 3"]
    covariance: Float[np.ndarray, "N 3 3"]  # squared world units; NaN where the point is
    outlier: Float[np.ndarray, "N V"]  # z; NaN where there is no observation


def refine(
    points: Float[np.ndarray, "N 3"],
    xy: Float[np.ndarray, "N V 2"],
    small: Float[np.ndarray, "N V"],
    large: Float[np.ndarray, " V"],
    share: Float[np.ndarray, " V"],
    params: np.ndarray,
) -> Refined:
    """Move points to the nearest greatest likelihood; steps are halved until it rises.

    Args:
        points: to start from; NaN stays NaN.
        xy: px; NaN where not seen.
        small: variance of each coordinate, px²; an observation of infinite or NaN variance is
            not used.
        large: variance of an outlier's coordinates, px².
        share: of outliers; 0 for least squares.
        params: (V, 24), one row a camera.
    """
    there = np.isfinite(xy).all(axis=-1) & np.isfinite(small)
    tight = np.where(there, 1 / np.where(there, small, 1.0), 0.0)
    made = _refine(
        np.array(points, float), np.ascontiguousarray(xy), tight, 1 / large, share, params
    )
    return Refined(made[0], made[1], np.where(there, made[2], np.nan))


def covariances(
    points: Float[np.ndarray, "N 3"], precision: Float[np.ndarray, "N V"], params: np.ndarray
) -> Float[np.ndarray, "N 3 3"]:
    """Return (sum of precision · JᵀJ)⁻¹ at points; NaN where the sum has no inverse.

    Args:
        points: world units.
        precision: 1 / px², of the observations used; 0 of the others.
        params: (V, 24), one row a camera.
    """
    return _covariances(np.ascontiguousarray(points), np.nan_to_num(precision), params)


@numba.njit(cache=True)
@no_type_check
def _look(x, uv, tight, wide, share, params, a, b, g, outlier):
    """Fill sum w JᵀJ, the observed information, sum w Jᵀr and z; return -log p and views.

    A view in which the point has no image says nothing.
    """
    a[:] = b[:] = 0.0
    g[:] = 0.0
    misfit, seen = 0.0, 0
    row, pull, nothing = np.empty(3), np.empty(3), np.zeros(3)
    for v in range(len(tight)):
        outlier[v] = 1.0
        if not tight[v] > 0:
            continue
        got = project_point(params[v], x[0], x[1], x[2])
        if not got[8]:
            continue
        seen += 1
        ru, rv = uv[v, 0] - got[0], uv[v, 1] - got[1]
        r2 = ru * ru + rv * rv
        broad = min(wide[v], tight[v])
        good, bad = (1 - share[v]) * tight[v], share[v] * broad
        near = good * np.exp(r2 * (broad - tight[v]) / 2)  # both over exp(-r² broad / 2)
        z = bad / (near + bad) if bad > 0 else 0.0
        misfit += r2 * tight[v] / 2 if bad == 0 else r2 * broad / 2 - np.log(near + bad)
        w = (1 - z) * tight[v] + z * broad
        outlier[v] = z
        row[0], row[1], row[2] = got[2], got[3], got[4]
        add_row(a, g, w, row, ru)
        pull[0], pull[1], pull[2] = ru * got[2], ru * got[3], ru * got[4]
        row[0], row[1], row[2] = got[5], got[6], got[7]
        add_row(a, g, w, row, rv)
        pull[0] += rv * got[5]
        pull[1] += rv * got[6]
        pull[2] += rv * got[7]
        add_row(b, nothing, -z * (1 - z) * (tight[v] - broad) ** 2, pull, 0.0)
    for c in range(6):
        b[c] += a[c]
    return (misfit if seen > 1 else np.inf), seen


@numba.njit(cache=True)
@no_type_check
def _refine(points, xy, tight, wide, share, params):
    count, views = tight.shape
    outlier, covariance = np.ones((count, views)), np.full((count, 3, 3), np.nan)
    a, b, g, trial = np.empty(6), np.empty(6), np.empty(3), np.empty(3)
    for n in range(count):
        x, z = points[n], outlier[n]
        misfit, seen = _look(x, xy[n], tight[n], wide, share, params, a, b, g, z)
        for _ in range(STEPS):
            solved, dx, dy, dz = solve(a, g)
            gain = g[0] * dx + g[1] * dy + g[2] * dz
            if not (solved and np.isfinite(misfit) and gain > ENOUGH):
                break
            step, before = 1.0, misfit
            while step > SHORTEST:
                trial[0], trial[1] = x[0] + step * dx, x[1] + step * dy
                trial[2] = x[2] + step * dz
                now, found = _look(trial, xy[n], tight[n], wide, share, params, a, b, g, z)
                if found >= seen and now < misfit:
                    misfit, seen = now, found
                    x[:] = trial
                    break
                step /= 2
            if not misfit < before:
                break
        if np.isfinite(misfit):
            _look(x, xy[n], tight[n], wide, share, params, a, b, g, z)
            if not _inverse(b, covariance[n]):
                _inverse(a, covariance[n])
    return points, covariance, outlier


@numba.njit(cache=True)
@no_type_check
def _inverse(a, out):
    """Fill the inverse of a symmetric matrix; False, and nothing, if it has none."""
    unit = np.zeros(3)
    for c in range(3):
        unit[:] = 0.0
        unit[c] = 1.0
        solved, x, y, z = solve(a, unit)
        if not solved:
            return False
        out[0, c], out[1, c], out[2, c] = x, y, z
    return True


@numba.njit(cache=True)
@no_type_check
def _covariances(points, precision, params):
    views = len(params)
    out = np.full((len(points), 3, 3), np.nan)
    a, b, g, z = np.empty(6), np.empty(6), np.empty(3), np.empty(views)
    nowhere, none = np.zeros((views, 2)), np.zeros(views)
    for n in range(len(points)):
        if np.isfinite(points[n, 0]):
            _look(points[n], nowhere, precision[n], none, none, params, a, b, g, z)
            _inverse(a, out[n])
    return out
