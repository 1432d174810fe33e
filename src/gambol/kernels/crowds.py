"""Instances of several animals in several views at one moment: who could be whom.

Costs are medians over keypoints of squared distances in units of the noise, each cut at a cap,
so that a few wrong keypoints change nothing; NaN where fewer than 3 keypoints can be compared.
Every cost is also computed with left and right exchanged.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.kernels.projection import project_point

LEAST = 3  # shared keypoints


class Moment(NamedTuple):
    """What V views saw of at most I instances each."""

    uv: Float[np.ndarray, "V I J 2"]  # px; NaN where missing
    straight: Float[np.ndarray, "V I J 2"]  # epipolar.straighten
    slope: Float[np.ndarray, "V I J 2 2"]
    origin: Float[np.ndarray, "V I J 3"]  # projection.rays
    along: Float[np.ndarray, "V I J 3"]


class Geometry(NamedTuple):
    """What does not change from moment to moment."""

    params: Float[np.ndarray, "V 24"]
    matrix: Float[
        np.ndarray, "V V 3 3"
    ]  # epipolar.fundamental from the first view to the second
    swap: Int[np.ndarray, " J"]  # the keypoint that each becomes in a mirror, maybe itself


def pair_costs(
    moment: Moment, geometry: Geometry, square: float, cap: float, exchange: float
) -> Float[np.ndarray, "V I V I"]:
    """Return squared Sampson distances between instances of different views.

    Args:
        moment: what was seen.
        geometry: of the cameras.
        square: px², the noise's variance.
        cap: of one keypoint, in units of it.
        exchange: what it costs to exchange left and right in one of the two.
    """
    seen = (moment.straight, moment.slope)
    return np.asarray(_pair_costs(*seen, geometry.matrix, geometry.swap, square, cap, exchange))


def pose(
    moment: Moment, who: Int[np.ndarray, " V"], flip: Bool[np.ndarray, " V"], swap: np.ndarray
) -> Float[np.ndarray, "J 3"]:
    """Return the points nearest to the rays of one instance a view (-1: none); NaN: one ray."""
    return np.asarray(_pose(moment.origin, moment.along, who, flip, swap))


def misfits(
    xyz: Float[np.ndarray, "J 3"],
    uv: Float[np.ndarray, "I J 2"],
    camera: Float[np.ndarray, " 24"],
    swap: Int[np.ndarray, " J"],
    square: float,
    cap: float,
) -> Float[np.ndarray, "2 I"]:
    """Return medians of squared reprojection distances: as named, and sides exchanged."""
    return np.asarray(_misfits(xyz, uv, camera, swap, square, cap))


def sides(
    xyz: Float[np.ndarray, "J 3"],
    uv: Float[np.ndarray, "J 2"],
    camera: Float[np.ndarray, " 24"],
    swap: Int[np.ndarray, " J"],
    square: float,
    cap: float,
) -> tuple[float, float]:
    """Return mean capped distances of the keypoints that have a side: as named, exchanged."""
    named, exchanged = _sides(xyz, uv, camera, swap, square, cap)
    return float(named), float(exchanged)


@numba.njit(cache=True)
@no_type_check
def _pair_costs(straight, slope, matrix, swap, square, cap, exchange):
    views, slots, points = straight.shape[:3]
    out = np.full((views, slots, views, slots), np.nan)
    found = np.empty(points)
    for v in range(views):
        for w in range(v + 1, views):
            f = matrix[v, w]
            for i in range(slots):
                for k in range(slots):
                    best = np.nan
                    for side in range(2):
                        n = 0
                        for j in range(points):
                            m = swap[j] if side else j
                            x, y = straight[v, i, j, 0], straight[v, i, j, 1]
                            a, b = straight[w, k, m, 0], straight[w, k, m, 1]
                            if not np.isfinite(x + y + a + b):
                                continue
                            hx = f[0, 0] * x + f[0, 1] * y + f[0, 2]
                            hy = f[1, 0] * x + f[1, 1] * y + f[1, 2]
                            gx = f[0, 0] * a + f[1, 0] * b + f[2, 0]
                            gy = f[0, 1] * a + f[1, 1] * b + f[2, 1]
                            form = gx * x + gy * y + f[0, 2] * a + f[1, 2] * b + f[2, 2]
                            s, r = slope[v, i, j], slope[w, k, m]
                            p, q = gx * s[0, 0] + gy * s[1, 0], gx * s[0, 1] + gy * s[1, 1]
                            c, d = hx * r[0, 0] + hy * r[1, 0], hx * r[0, 1] + hy * r[1, 1]
                            steep = p * p + q * q + c * c + d * d
                            found[n] = min(form * form / steep / square, cap)
                            n += 1
                        if n >= LEAST:
                            cost = np.median(found[:n]) + side * exchange
                            if not best <= cost:
                                best = cost
                    out[v, i, w, k] = best
                    out[w, k, v, i] = best
    return out


@numba.njit(cache=True)
@no_type_check
def _pose(origin, along, who, flip, swap):
    points = origin.shape[2]
    out = np.full((points, 3), np.nan)
    normal, right = np.zeros((3, 3)), np.zeros(3)
    for j in range(points):
        normal[:], right[:], n = 0.0, 0.0, 0
        for v in range(len(who)):
            if who[v] < 0:
                continue
            m = swap[j] if flip[v] else j
            d, o = along[v, who[v], m], origin[v, who[v], m]
            if not np.isfinite(d[0] + o[0]):
                continue
            n += 1
            down = d[0] * o[0] + d[1] * o[1] + d[2] * o[2]
            for a in range(3):
                right[a] += o[a] - d[a] * down
                for b in range(3):
                    normal[a, b] += (1.0 if a == b else 0.0) - d[a] * d[b]
        if n >= 2 and np.linalg.det(normal) > 1e-8:
            out[j] = np.linalg.solve(normal, right)
    return out


@numba.njit(cache=True)
@no_type_check
def _misfits(xyz, uv, camera, swap, square, cap):
    slots, points = uv.shape[:2]
    out = np.full((2, slots), np.nan)
    place = np.empty((points, 2))
    for j in range(points):
        got = project_point(camera, xyz[j, 0], xyz[j, 1], xyz[j, 2])
        place[j, 0], place[j, 1] = got[0], got[1]
    found = np.empty(points)
    for i in range(slots):
        for side in range(2):
            n = 0
            for j in range(points):
                m = swap[j] if side else j
                x, y = uv[i, m, 0] - place[j, 0], uv[i, m, 1] - place[j, 1]
                if np.isfinite(x + y):
                    found[n] = min((x * x + y * y) / square, cap)
                    n += 1
            if n >= LEAST:
                out[side, i] = np.median(found[:n])
    return out


@numba.njit(cache=True)
@no_type_check
def _sides(xyz, uv, camera, swap, square, cap):
    total, n = np.zeros(2), 0
    for j in range(len(uv)):
        m = swap[j]
        if m == j:
            continue
        got = project_point(camera, xyz[j, 0], xyz[j, 1], xyz[j, 2])
        named = (uv[j, 0] - got[0]) ** 2 + (uv[j, 1] - got[1]) ** 2
        other = (uv[m, 0] - got[0]) ** 2 + (uv[m, 1] - got[1]) ** 2
        if np.isfinite(named + other):
            total[0] += min(named / square, cap)
            total[1] += min(other / square, cap)
            n += 1
    return total[0] / max(n, 1), total[1] / max(n, 1)
