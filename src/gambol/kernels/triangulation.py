"""Points of space from their images in several cameras, each point by itself.

Every image point, freed of distortion once, is two planes through the camera's centre; a
triangulated point is nearest to its planes. First all planes count by the distance from them in
the world, then by that distance as the image shows it (pixels, at the depth just found), which
is what Hartley & Sturm call the iterated linear method, here as 3 x 3 normal equations: unlike
the homogeneous 4 x 4 problem it moves, turns and scales with the rig. An observation is not
there where its position is NaN or its weight is not above 0; two are enough for a point.

Sources: Hartley & Sturm (1997), Triangulation, CVIU 68(2):146-157; Torr & Zisserman (2000),
MLESAC, CVIU 78:138-156 (truncated squares).
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float

from gambol.kernels import projection
from gambol.kernels.projection import AFFINE, project_point

THRESHOLD = 15.0  # px, beyond which an observation is none of the point
FLAT = 1e-12  # least pivot over largest of planes that do not meet in one point
MANY = 66  # pairs tried for a point: all of 12 views
ROUNDS = 5  # of taking in what the inliers explain


class Agreed(NamedTuple):
    """Points and the observations that agree on them."""

    points: Float[np.ndarray, "N 3"]  # world units; NaN with fewer than two observations
    inlier: Bool[np.ndarray, "N V"]


def dlt(
    xy: Float[np.ndarray, "N V 2"], weight: Float[np.ndarray, "N V"], params: np.ndarray
) -> Float[np.ndarray, "N 3"]:
    """Triangulate from all observations; NaN with fewer than two, or if lines are parallel.

    Args:
        xy: px; NaN where not seen.
        weight: of the observations, such as their confidences.
        params: (V, 24), one row a camera.
    """
    straight, used = _prepare(xy, weight, params)
    return _dlt(straight, used, params)


def msac(
    xy: Float[np.ndarray, "N V 2"],
    weight: Float[np.ndarray, "N V"],
    params: np.ndarray,
    threshold: float = THRESHOLD,
) -> Agreed:
    """Triangulate from the observations that agree.

    The point of every pair of views, and of all together, is judged by the sum of weight times
    min(r², threshold²) over all views; the best is triangulated anew from its inliers while
    that lowers the sum. Of more than 66 pairs as many are tried, evenly spread. A point on
    which no two observations agree is the best of the pairs' all the same, without inliers.

    Args:
        xy: px; NaN where not seen.
        weight: of the observations.
        params: (V, 24), one row a camera.
        threshold: px.
    """
    straight, used = _prepare(xy, weight, params)
    points, inlier = _msac(np.ascontiguousarray(xy), straight, used, params, float(threshold))
    return Agreed(points, inlier)


def pairs_median(
    xy: Float[np.ndarray, "N V 2"], weight: Float[np.ndarray, "N V"], params: np.ndarray
) -> Float[np.ndarray, "N 3"]:
    """Return the component-wise median of the points of all pairs of views."""
    straight, used = _prepare(xy, weight, params)
    return _pairs_median(straight, used, params)


def squared_errors(
    points: Float[np.ndarray, "N 3"], xy: Float[np.ndarray, "N V 2"], params: np.ndarray
) -> Float[np.ndarray, "N V"]:
    """Return r², px²; NaN where not seen, infinite where the point has no image."""
    return _squared_errors(np.ascontiguousarray(points), np.ascontiguousarray(xy), params)


def straighten(
    xy: Float[np.ndarray, "N V 2"], params: np.ndarray
) -> Float[np.ndarray, "N V 2"]:
    """Return (X/Z, Y/Z) of every image point; of an affine camera the pixels themselves."""
    out = np.array(xy, float)
    for view, camera in enumerate(params):
        if camera[0] != AFFINE:
            out[:, view] = projection.undistort(xy[:, view], camera)
    return out


def _prepare(
    xy: Float[np.ndarray, "N V 2"], weight: Float[np.ndarray, "N V"], params: np.ndarray
) -> tuple[Float[np.ndarray, "N V 2"], Float[np.ndarray, "N V"]]:
    """What is used: freed of distortion, and with its weight, 0 where it is not there."""
    straight = straighten(xy, params)
    there = np.isfinite(straight).all(axis=-1) & (weight > 0)
    return straight, np.where(there, weight, 0.0)


@numba.njit(cache=True)
@no_type_check
def planes(straight, used, params, rows):
    """Fill the planes (V, 2, 4) of a point: row · (x, 1) is Z times the error in pixels."""
    for v in range(len(params)):
        if not used[v] > 0:
            continue
        p = params[v]
        for k in range(2):
            r = 12 + 3 * k
            if p[0] == AFFINE:
                rows[v, k, 0], rows[v, k, 1], rows[v, k, 2] = p[r], p[r + 1], p[r + 2]
                rows[v, k, 3] = p[21 + k] - straight[v, k]
                continue
            f, s = p[1 + k], straight[v, k]
            rows[v, k, 0] = f * (p[r] - s * p[18])
            rows[v, k, 1] = f * (p[r + 1] - s * p[19])
            rows[v, k, 2] = f * (p[r + 2] - s * p[20])
            rows[v, k, 3] = f * (p[21 + k] - s * p[23])


@numba.njit(cache=True)
@no_type_check
def _depth(p, x):
    if p[0] == AFFINE:
        return 1.0
    return p[18] * x[0] + p[19] * x[1] + p[20] * x[2] + p[23]


@numba.njit(cache=True)
@no_type_check
def meet(rows, used, params, point):
    """Move `point` to where the planes meet; False if they do not, or fewer than two views."""
    views = 0
    for v in range(len(used)):
        views += used[v] > 0
    point[:] = 0.0
    if views < 2 or not _step(rows, used, params, point, False):
        point[:] = np.nan
        return False
    for v in range(len(used)):
        if used[v] > 0 and not _depth(params[v], point) > 0:
            return True  # behind a camera: no error in pixels to be least
    return _step(rows, used, params, point, True)


@numba.njit(cache=True)
@no_type_check
def _step(rows, used, params, point, in_image):
    """Move `point` by weighted least squares; False if the planes do not fix it."""
    a = np.zeros(6)
    g = np.zeros(3)
    for v in range(len(used)):
        if not used[v] > 0:
            continue
        z = _depth(params[v], point)
        for k in range(2):
            n = rows[v, k]
            if in_image:
                w = used[v] / (z * z)
            else:
                w = used[v] / (n[0] * n[0] + n[1] * n[1] + n[2] * n[2])
            add_row(a, g, w, n, n[0] * point[0] + n[1] * point[1] + n[2] * point[2] + n[3])
    solved, x, y, z = solve(a, g)
    if not solved:
        return False
    point[0] -= x
    point[1] -= y
    point[2] -= z
    return True


@numba.njit(cache=True)
@no_type_check
def add_row(a, g, w, n, error):
    """Add w n nᵀ to a symmetric matrix (xx, xy, xz, yy, yz, zz) and w n · error to a vector."""
    a[0] += w * n[0] * n[0]
    a[1] += w * n[0] * n[1]
    a[2] += w * n[0] * n[2]
    a[3] += w * n[1] * n[1]
    a[4] += w * n[1] * n[2]
    a[5] += w * n[2] * n[2]
    for i in range(3):
        g[i] += w * n[i] * error


@numba.njit(cache=True)
@no_type_check
def solve(a, g):
    """Return A⁻¹g of a symmetric (xx, xy, xz, yy, yz, zz), by LDLᵀ; False if it is flat."""
    least = FLAT * (a[0] + a[3] + a[5])
    if not a[0] > least:
        return False, 0.0, 0.0, 0.0
    l1, l2 = a[1] / a[0], a[2] / a[0]
    d = a[3] - l1 * a[1]
    if not d > least:
        return False, 0.0, 0.0, 0.0
    m = (a[4] - l1 * a[2]) / d
    e = a[5] - l2 * a[2] - m * m * d
    if not e > least:
        return False, 0.0, 0.0, 0.0
    y0 = g[1] - l1 * g[0]
    z = (g[2] - l2 * g[0] - m * y0) / e
    y = y0 / d - m * z
    return True, g[0] / a[0] - l1 * y - l2 * z, y, z


@numba.njit(cache=True)
@no_type_check
def _dlt(straight, used, params):
    out = np.full((len(straight), 3), np.nan)
    rows = np.empty((len(params), 2, 4))
    for n in range(len(straight)):
        planes(straight[n], used[n], params, rows)
        meet(rows, used[n], params, out[n])
    return out


@numba.njit(cache=True)
@no_type_check
def _msac(xy, straight, used, params, threshold):
    count, views = used.shape
    points, inlier = np.full((count, 3), np.nan), np.zeros((count, views), np.bool_)
    rows, trial = np.empty((views, 2, 4)), np.empty(3)
    some = np.zeros(views)
    square = threshold * threshold
    for n in range(count):
        planes(straight[n], used[n], params, rows)
        best = np.inf
        if meet(rows, used[n], params, trial):
            best = _cost(trial, xy[n], used[n], params, square, best)
            points[n] = trial
        there = np.flatnonzero(used[n] > 0)
        pairs = len(there) * (len(there) - 1) / 2
        k = 0
        for i in range(len(there)):
            for j in range(i):
                k += 1
                if pairs > MANY and k * 0.6180339887 % 1 > MANY / pairs:
                    continue
                some[there[i]] = some[there[j]] = 1.0
                if meet(rows, some, params, trial):
                    cost = _cost(trial, xy[n], used[n], params, square, best)
                    if cost < best:
                        best = cost
                        points[n] = trial
                some[there[i]] = some[there[j]] = 0.0
        _grow(points[n], best, rows, xy[n], used[n], params, square)
        for v in there:
            inlier[n, v] = squared_error(points[n], xy[n, v], params[v]) < square
    return points, inlier


@numba.njit(cache=True)
@no_type_check
def _grow(point, best, rows, xy, used, params, square):
    """Triangulate from the inliers of the point while that lowers its cost."""
    some, trial = np.zeros(len(used)), np.empty(3)
    for _ in range(ROUNDS):
        for v in range(len(used)):
            near = used[v] > 0 and squared_error(point, xy[v], params[v]) < square
            some[v] = used[v] if near else 0.0
        if not meet(rows, some, params, trial):
            return
        cost = _cost(trial, xy, used, params, square, best)
        if not cost < best:
            return
        best = cost
        point[:] = trial


@numba.njit(cache=True)
@no_type_check
def squared_error(x, uv, p):
    """Return r², px²; infinite where the point has no image."""
    got = project_point(p, x[0], x[1], x[2])
    if not got[8]:
        return np.inf
    return (uv[0] - got[0]) ** 2 + (uv[1] - got[1]) ** 2


@numba.njit(cache=True)
@no_type_check
def _cost(x, uv, used, params, square, bound):
    """Sum of weight · min(r², threshold²); left off where it reaches the bound."""
    total = 0.0
    for v in range(len(used)):
        if used[v] > 0:
            total += used[v] * min(squared_error(x, uv[v], params[v]), square)
            if total >= bound:
                break
    return total


@numba.njit(cache=True)
@no_type_check
def _pairs_median(straight, used, params):
    count, views = used.shape
    out = np.full((count, 3), np.nan)
    rows, some = np.empty((views, 2, 4)), np.zeros(views)
    met = np.empty((views * (views - 1) // 2, 3))
    for n in range(count):
        planes(straight[n], used[n], params, rows)
        there = np.flatnonzero(used[n] > 0)
        k = 0
        for i in range(len(there)):
            for j in range(i):
                some[there[i]] = some[there[j]] = 1.0
                k += meet(rows, some, params, met[k])
                some[there[i]] = some[there[j]] = 0.0
        if k > 0:
            for c in range(3):
                out[n, c] = np.median(met[:k, c])
    return out


@numba.njit(cache=True)
@no_type_check
def _squared_errors(points, xy, params):
    count, views = xy.shape[:2]
    out = np.full((count, views), np.nan)
    for n in range(count):
        for v in range(views):
            if np.isfinite(xy[n, v, 0] + xy[n, v, 1] + points[n, 0]):
                out[n, v] = squared_error(points[n], xy[n, v], params[v])
    return out
