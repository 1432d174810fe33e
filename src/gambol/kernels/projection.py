"""Cameras as arrays: points to pixels with derivatives, pixels back to rays.

A camera is a row of 24 numbers, `core.cameras.Camera.params()`:

    0      kind: 0 pinhole, 1 fisheye, 2 affine
    1-5    fx fy cx cy skew, px
    6-10   k1 k2 p1 p2 k3 (pinhole, OpenCV's order) or k1 k2 k3 k4 0 (fisheye)
    11     largest q = a² + b² (pinhole) or θ² (fisheye) before distortion folds back; inf: none
    12-20  R, row by row; of an affine camera the first six are B
    21-23  t; of an affine camera the first two are m

x_c = R x + t, a = X/Z, b = Y/Z; x right, y down, z forward. A projection is valid if Z > 0 and
the point lies before the fold. Source: OpenCV's camera models; Kannala & Brandt (2006).
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float

PINHOLE, FISHEYE, AFFINE = 0, 1, 2
WIDTH = 24
TOLERANCE = 1e-10  # px, of the inversion of distortion


class Projected(NamedTuple):
    """Image points of V cameras."""

    uv: Float[np.ndarray, "V N 2"]  # px; NaN where not valid
    jac: Float[np.ndarray, "V N 2 3"]  # d uv / d point
    valid: Bool[np.ndarray, "V N"]


def project(points: Float[np.ndarray, "N 3"], params: Float[np.ndarray, "V 24"]) -> Projected:
    """Project points into every camera.

    Args:
        points: world units; NaN gives an invalid projection.
        params: one row a camera.
    """
    uv, jac, valid = _project(np.ascontiguousarray(points, np.float64), params)
    return Projected(uv, jac, valid)


def undistort(
    uv: Float[np.ndarray, "N 2"], params: Float[np.ndarray, " 24"]
) -> Float[np.ndarray, "N 2"]:
    """Return (a, b) = (X/Z, Y/Z) of pixels, to 1e-10 px; NaN where no point projects there."""
    return _undistort(np.ascontiguousarray(uv, np.float64), params)


def equations(
    uv: Float[np.ndarray, "V N 2"], params: Float[np.ndarray, "V 24"]
) -> Float[np.ndarray, "V N 2 4"]:
    """Return the linear equations (row · (x, 1) = 0) of pixels, every row of length 1.

    NaN where a point is missing or cannot be undistorted.
    """
    out = np.full((*uv.shape, 4), np.nan)
    for view, camera in enumerate(params):
        rotation, shift = camera[12:21].reshape(3, 3), camera[21:24]
        full = np.column_stack([rotation, shift])
        if camera[0] == AFFINE:
            rows = np.zeros((uv.shape[1], 2, 4))
            rows[:] = full[:2]
            rows[..., 3] -= uv[view]
        else:
            ab = undistort(uv[view], camera)
            rows = ab[..., None] * full[2] - full[:2]
        out[view] = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    return out


def rays(
    uv: Float[np.ndarray, "N 2"], params: Float[np.ndarray, " 24"]
) -> tuple[Float[np.ndarray, "N 3"], Float[np.ndarray, "N 3"]]:
    """Return a point and the direction (length 1, forward) of the line that each pixel sees."""
    rotation, shift = params[12:21].reshape(3, 3), params[21:24]
    if params[0] == AFFINE:
        linear = rotation[:2]
        forward = np.cross(linear[0], linear[1])
        origin = (uv - shift[:2]) @ np.linalg.pinv(linear).T
        return origin, np.broadcast_to(forward / np.linalg.norm(forward), origin.shape).copy()
    ab = undistort(uv, params)
    along = np.column_stack([ab, np.ones(len(ab))]) @ rotation
    origin = np.broadcast_to(-rotation.T @ shift, along.shape).copy()
    return origin, along / np.linalg.norm(along, axis=1, keepdims=True)


@numba.njit(cache=True)
@no_type_check
def distort(p, a, b):
    """Distort (a, b) of a pinhole or fisheye camera: x, y, their four derivatives, valid."""
    q = a * a + b * b
    if p[0] == PINHOLE:
        k1, k2, p1, p2, k3 = p[6], p[7], p[8], p[9], p[10]
        d = 1 + q * (k1 + q * (k2 + q * k3))
        d1 = k1 + q * (2 * k2 + 3 * k3 * q)
        x = a * d + 2 * p1 * a * b + p2 * (q + 2 * a * a)
        y = b * d + p1 * (q + 2 * b * b) + 2 * p2 * a * b
        xa = d + 2 * a * a * d1 + 2 * p1 * b + 6 * p2 * a
        xb = 2 * a * b * d1 + 2 * p1 * a + 2 * p2 * b
        yb = d + 2 * b * b * d1 + 6 * p1 * b + 2 * p2 * a
        return x, y, xa, xb, xb, yb, q < p[11]
    r = np.sqrt(q)
    if r < 1e-9:
        return a, b, 1.0, 0.0, 0.0, 1.0, True
    th = np.arctan(r)
    s = th * th
    td = th * (1 + s * (p[6] + s * (p[7] + s * (p[8] + s * p[9]))))
    slope = 1 + s * (3 * p[6] + s * (5 * p[7] + s * (7 * p[8] + s * 9 * p[9])))
    g = td / r
    h = (slope / (1 + q) - g) / q  # dg/dr / r
    return a * g, b * g, g + a * a * h, a * b * h, a * b * h, g + b * b * h, s < p[11]


@numba.njit(cache=True)
@no_type_check
def project_point(p, x, y, z):
    """Project one point: u, v, the six derivatives row by row, valid. For other kernels."""
    if p[0] == AFFINE:
        u = p[12] * x + p[13] * y + p[14] * z + p[21]
        v = p[15] * x + p[16] * y + p[17] * z + p[22]
        return u, v, p[12], p[13], p[14], p[15], p[16], p[17], np.isfinite(u + v)
    cx = p[12] * x + p[13] * y + p[14] * z + p[21]
    cy = p[15] * x + p[16] * y + p[17] * z + p[22]
    cz = p[18] * x + p[19] * y + p[20] * z + p[23]
    if not cz > 0:
        return np.nan, np.nan, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, False
    a, b = cx / cz, cy / cz
    dx, dy, xa, xb, ya, yb, valid = distort(p, a, b)
    if not valid:
        return np.nan, np.nan, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, False
    u = p[1] * dx + p[5] * dy + p[3]
    v = p[2] * dy + p[4]
    ua, ub = (p[1] * xa + p[5] * ya) / cz, (p[1] * xb + p[5] * yb) / cz
    va, vb = p[2] * ya / cz, p[2] * yb / cz
    ud, vd = -(ua * a + ub * b), -(va * a + vb * b)
    return (
        u,
        v,
        ua * p[12] + ub * p[15] + ud * p[18],
        ua * p[13] + ub * p[16] + ud * p[19],
        ua * p[14] + ub * p[17] + ud * p[20],
        va * p[12] + vb * p[15] + vd * p[18],
        va * p[13] + vb * p[16] + vd * p[19],
        va * p[14] + vb * p[17] + vd * p[20],
        True,
    )


@numba.njit(cache=True)
@no_type_check
def _project(points, params):
    views, count = len(params), len(points)
    uv = np.empty((views, count, 2))
    jac = np.zeros((views, count, 2, 3))
    valid = np.zeros((views, count), np.bool_)
    for v in range(views):
        for n in range(count):
            x, y, z = points[n, 0], points[n, 1], points[n, 2]
            got = project_point(params[v], x, y, z)
            uv[v, n, 0], uv[v, n, 1] = got[0], got[1]
            jac[v, n, 0, 0], jac[v, n, 0, 1], jac[v, n, 0, 2] = got[2], got[3], got[4]
            jac[v, n, 1, 0], jac[v, n, 1, 1], jac[v, n, 1, 2] = got[5], got[6], got[7]
            valid[v, n] = got[8]
    return uv, jac, valid


@numba.njit(cache=True)
@no_type_check
def _undistort(uv, p):
    out = np.full(uv.shape, np.nan)
    if p[0] == AFFINE:
        return out
    for n in range(len(uv)):
        y = (uv[n, 1] - p[4]) / p[2]
        x = (uv[n, 0] - p[3] - p[5] * y) / p[1]
        a, b, found = _straighten(p, x, y)
        if found:
            out[n, 0], out[n, 1] = a, b
    return out


@numba.njit(cache=True)
@no_type_check
def _straighten(p, x, y):
    """Newton's method on the 2 x 2 block, halving steps that do not come nearer."""
    a, b = x, y
    scale = max(p[1], p[2])
    if p[0] == FISHEYE:  # from the ideal lens, r = tan θ
        r = np.sqrt(x * x + y * y)
        if 1e-9 < r < 1.5:
            a, b = x * np.tan(r) / r, y * np.tan(r) / r
    while p[0] == PINHOLE and a * a + b * b >= p[11]:
        a, b = a / 2, b / 2
    dx, dy, xa, xb, ya, yb, valid = distort(p, a, b)
    off = np.hypot(dx - x, dy - y)
    for _ in range(50):
        if not np.isfinite(off):
            return a, b, False
        if off * scale < TOLERANCE:
            return a, b, valid
        det = xa * yb - xb * ya
        sa = (yb * (dx - x) - xb * (dy - y)) / det
        sb = (xa * (dy - y) - ya * (dx - x)) / det
        step, better = 1.0, False
        while step > 1e-6:
            na, nb = a - step * sa, b - step * sb
            got = distort(p, na, nb)
            far = np.hypot(got[0] - x, got[1] - y)
            if got[6] and far < off:
                better = True
                break
            step /= 2
        if not better:
            return a, b, valid and off * scale < 1e3 * TOLERANCE
        a, b, off = na, nb, far
        dx, dy, xa, xb, ya, yb, valid = got
    return a, b, False
