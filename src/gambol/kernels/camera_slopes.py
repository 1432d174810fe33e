"""How a pixel moves when its camera does: derivatives for bundle adjustment.

A camera is a row as in `kernels.projection`, except an affine one, which holds B as
[[fx, skew], [0, fy]] · (first two rows of R): fx, fy, skew in 1, 2, 5, all of R in 12-20. It
moves by 16 numbers, R perturbed on the left (R <- exp(d) R):

    0-2  d        3-5  t (affine: m)    6  log f, of fx, fy and skew    7  log fy/fx
    8-9  cx cy    10   skew             11-15  distortion
"""

from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float

from gambol.kernels.projection import AFFINE, FISHEYE, distort
from gambol.kernels.rotation import exp

TANGENT = 16  # numbers of a camera


def moved(row: Float[np.ndarray, " 24"], step: Float[np.ndarray, " 16"]) -> np.ndarray:
    """Return a camera moved by a tangent step; where its distortion folds is left as it was."""
    out = row.copy()
    out[12:21] = (exp(step[:3]) @ row[12:21].reshape(3, 3)).ravel()
    out[21:24] += step[3:6]
    out[1] *= np.exp(step[6])
    out[2] *= np.exp(step[6] + step[7])
    out[5] *= np.exp(step[6])
    out[3:6] += step[8:11]
    out[6:11] += step[11:16]
    return out


@numba.njit(cache=True)
@no_type_check
def observe(p, x, y, z, jc, jp):
    """One projection: u, v, valid. Fills d (u, v) / d camera (2, 16) and / d point (2, 3)."""
    jc[:] = 0
    qx = p[12] * x + p[13] * y + p[14] * z
    qy = p[15] * x + p[16] * y + p[17] * z
    qz = p[18] * x + p[19] * y + p[20] * z
    fx, fy, skew = p[1], p[2], p[5]
    if p[0] == AFFINE:
        xd, yd = qx, qy
        u, v = fx * xd + skew * yd + p[21], fy * yd + p[22]
        c = (fx, skew, 0.0, 0.0, fy, 0.0)
        jc[0, 3], jc[1, 4] = 1, 1
    else:
        depth = qz + p[23]
        if not depth > 0:
            return np.nan, np.nan, False
        a, b = (qx + p[21]) / depth, (qy + p[22]) / depth
        xd, yd, xa, xb, ya, yb, valid = distort(p, a, b)
        if not valid:
            return np.nan, np.nan, False
        u, v = fx * xd + skew * yd + p[3], fy * yd + p[4]
        ua, ub = (fx * xa + skew * ya) / depth, (fx * xb + skew * yb) / depth
        va, vb = fy * ya / depth, fy * yb / depth
        c = (ua, ub, -(ua * a + ub * b), va, vb, -(va * a + vb * b))
        for k in range(3):
            jc[0, 3 + k], jc[1, 3 + k] = c[k], c[3 + k]
        jc[0, 8], jc[1, 9] = 1, 1
        _lens(p, a, b, jc)
    for i in range(2):
        c0, c1, c2 = c[3 * i], c[3 * i + 1], c[3 * i + 2]
        jc[i, 0] = qy * c2 - qz * c1  # c · (d × q) = d · (q × c)
        jc[i, 1] = qz * c0 - qx * c2
        jc[i, 2] = qx * c1 - qy * c0
        for k in range(3):
            jp[i, k] = c0 * p[12 + k] + c1 * p[15 + k] + c2 * p[18 + k]
    jc[0, 6], jc[1, 6], jc[1, 7] = fx * xd + skew * yd, fy * yd, fy * yd
    jc[0, 10] = yd
    return u, v, True


@numba.njit(cache=True)
@no_type_check
def _lens(p, a, b, jc):
    """Derivatives of the pixel with respect to the distortion of a pinhole or fisheye lens."""
    fx, fy, skew = p[1], p[2], p[5]
    q = a * a + b * b
    if p[0] == FISHEYE:
        r = np.sqrt(q)
        th = np.arctan(r)
        g = 1.0 if r < 1e-9 else th / r
        for k in range(4):
            g *= th * th
            jc[0, 11 + k], jc[1, 11 + k] = (fx * a + skew * b) * g, fy * b * g
        return
    dx = (a * q, a * q * q, 2 * a * b, q + 2 * a * a, a * q * q * q)
    dy = (b * q, b * q * q, q + 2 * b * b, 2 * a * b, b * q * q * q)
    for k in range(5):
        jc[0, 11 + k], jc[1, 11 + k] = fx * dx[k] + skew * dy[k], fy * dy[k]
