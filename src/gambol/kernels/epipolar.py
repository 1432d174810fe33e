"""Two views of one point: fundamental matrices and the distance from agreement, in px.

Pixels are first straightened: freed of distortion and brought to a camera of one focal length,
(X/Z, Y/Z) times f (affine cameras are straight as they are). Between straight pixels p, q of
two views (q, 1)ᵀ F (p, 1) = 0 holds. The squared Sampson distance divides the square of that
form by the squared length of its gradient with respect to the original pixels, so it is in
px² of the images whatever the lens; for pixels with noise of variance s² it is s² chi²(1).
Source: Hartley & Zisserman (2004), 11.4.3 and 17.1.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float

from gambol.kernels.projection import AFFINE, distort, undistort


class Straight(NamedTuple):
    """Pixels without distortion."""

    xy: Float[np.ndarray, "*batch 2"]  # px; NaN where missing or where no point projects
    slope: Float[np.ndarray, "*batch 2 2"]  # d straight / d original pixel


def straighten(uv: Float[np.ndarray, "*batch 2"], params: Float[np.ndarray, " 24"]) -> Straight:
    """Straighten pixels of one camera (a row of `kernels.projection`)."""
    flat = np.ascontiguousarray(uv, np.float64).reshape(-1, 2)
    if params[0] == AFFINE:
        slope = np.broadcast_to(np.eye(2), (*uv.shape, 2)).copy()
        return Straight(flat.reshape(uv.shape).copy(), slope)
    ab = undistort(flat, params)
    slope = _slopes(ab, params)
    focal = focal_length(params)
    return Straight((focal * ab).reshape(uv.shape), (focal * slope).reshape(*uv.shape, 2))


def focal_length(params: Float[np.ndarray, " 24"]) -> float:
    """Return the geometric mean of a camera's two focal lengths, px; 1 for an affine one."""
    return 1.0 if params[0] == AFFINE else float(np.sqrt(params[1] * params[2]))


def fundamental(
    one: Float[np.ndarray, " 24"], other: Float[np.ndarray, " 24"]
) -> Float[np.ndarray, "3 3"]:
    """Return F with (q, 1)ᵀ F (p, 1) = 0 for straight pixels p of `one`, q of `other`.

    Every entry is a determinant of two rows of each camera's matrix, so that affine cameras
    need no case of their own; F has length 1.
    """
    a, b = straight_matrix(one), straight_matrix(other)
    out = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            rows = np.vstack([np.delete(a, i, axis=0), np.delete(b, j, axis=0)])
            out[j, i] = (-1) ** (i + j) * np.linalg.det(rows)
    length = np.linalg.norm(out)
    return out / length if length > 0 else out


def straight_matrix(params: Float[np.ndarray, " 24"]) -> Float[np.ndarray, "3 4"]:
    """Return the 3 x 4 matrix from the world to straight pixels."""
    full = np.column_stack([params[12:21].reshape(3, 3), params[21:24]])
    if params[0] == AFFINE:
        return np.vstack([full[:2], [0.0, 0.0, 0.0, 1.0]])
    focal = focal_length(params)
    scaled: np.ndarray = np.diag([focal, focal, 1.0]) @ full
    return scaled


def sampson(
    one: Straight, other: Straight, matrix: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "*batch"]:
    """Return squared Sampson distances of pixels that might be of the same points, px².

    Args:
        one: of the first view; shapes are alike.
        other: of the second.
        matrix: F of the two, in this order.
    """
    shape = one.xy.shape[:-1]
    p, q = ((v.xy.reshape(-1, 2), v.slope.reshape(-1, 2, 2)) for v in (one, other))
    return np.asarray(_sampson(*p, *q, matrix)).reshape(shape)


@numba.njit(cache=True, inline="always")
@no_type_check
def sampson_point(x, y, s, u, v, r, f):
    """Squared distance of straight (x, y), slope s, from (u, v), slope r; for kernels."""
    gx = f[0, 0] * u + f[1, 0] * v + f[2, 0]
    gy = f[0, 1] * u + f[1, 1] * v + f[2, 1]
    hx = f[0, 0] * x + f[0, 1] * y + f[0, 2]
    hy = f[1, 0] * x + f[1, 1] * y + f[1, 2]
    form = gx * x + gy * y + f[0, 2] * u + f[1, 2] * v + f[2, 2]
    a = s[0, 0] * gx + s[1, 0] * gy
    b = s[0, 1] * gx + s[1, 1] * gy
    c = r[0, 0] * hx + r[1, 0] * hy
    d = r[0, 1] * hx + r[1, 1] * hy
    steep = a * a + b * b + c * c + d * d
    return form * form / steep if steep > 0.0 else 0.0


@numba.njit(cache=True)
@no_type_check
def _sampson(xy, slope, other_xy, other_slope, f):
    out = np.empty(len(xy))
    for n in range(len(xy)):
        x, y, u, v = xy[n, 0], xy[n, 1], other_xy[n, 0], other_xy[n, 1]
        out[n] = np.nan
        if np.isfinite(x + y + u + v):
            out[n] = sampson_point(x, y, slope[n], u, v, other_slope[n], f)
    return out


@numba.njit(cache=True)
@no_type_check
def _slopes(ab, p):
    """Derivatives of (a, b) by the pixel: the inverse of those of the pixel."""
    out = np.full((len(ab), 2, 2), np.nan)
    for n in range(len(ab)):
        if not np.isfinite(ab[n, 0]):
            continue
        _, _, xa, xb, ya, yb, _ = distort(p, ab[n, 0], ab[n, 1])
        ua, ub = p[1] * xa + p[5] * ya, p[1] * xb + p[5] * yb
        va, vb = p[2] * ya, p[2] * yb
        det = ua * vb - ub * va
        out[n, 0, 0], out[n, 0, 1] = vb / det, -ub / det
        out[n, 1, 0], out[n, 1, 1] = -va / det, ua / det
    return out
