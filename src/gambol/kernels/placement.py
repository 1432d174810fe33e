"""New points on a finished map: where the neighbours' pull and the map's push are in balance.

    f(y) = Σ_j q_j log(1 + r_j²) + log Σ_j 1 / (1 + r_j²),     r_j = ‖y - y_j‖,

the divergence of t-SNE for one point alone, up to a constant, over its neighbours j on the map.
Newton's method from three starts: f has several valleys. Source: Berman et al. (2014), J. R.
Soc. Interface 11:20140672, supplement, of the idea; the Hessian is our own derivation.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

from gambol.kernels.affinity import calibrate

_ROUNDS = 50  # Newton steps; some 6 are enough
_LONGEST = 5.0  # map units of a step
_SHORTEST = 1e-7  # map units; a shorter one is the last


class Placed(NamedTuple):
    """Where T points went."""

    y: Float[np.ndarray, "T 2"]  # map units
    objective: Float[np.ndarray, " T"]  # f there, nats
    distance: Float[np.ndarray, " T"]  # Σ_j q_j D_j: how unlike its neighbours it is, nats


class Slopes(NamedTuple):
    """f and its derivatives at a place."""

    value: float
    gradient: Float[np.ndarray, " 2"]
    hessian: Float[np.ndarray, "2 2"]


def place(
    index: Int[np.ndarray, "T k"],
    near: Float[np.ndarray, "T k"],
    at: Float[np.ndarray, "N 2"],
    perplexity: float,
) -> Placed:
    """Return the best place of each point.

    Args:
        index: its neighbours on the map, in any order.
        near: divergences to them, nats.
        at: places of the map's own points.
        perplexity: of the pull of the neighbours.
    """
    y, value, far = np.empty((len(index), 2)), np.empty(len(index)), np.empty(len(index))
    _place(index, near, at, np.log(perplexity), y, value, far)
    return Placed(y, value, far)


def slopes(
    y: Float[np.ndarray, " 2"], q: Float[np.ndarray, " k"], at: Float[np.ndarray, "k 2"]
) -> Slopes:
    """Return f with its gradient and Hessian.

    Args:
        y: a place.
        q: pull of each neighbour; sums to 1.
        at: places of the neighbours.
    """
    room = _room(len(q))
    made = np.empty(6)
    _slopes(y[0], y[1], q, at[:, 0].copy(), at[:, 1].copy(), len(q), room, made)
    f, gx, gy, hxx, hxy, hyy = made
    return Slopes(float(f), np.array([gx, gy]), np.array([[hxx, hxy], [hxy, hyy]]))


@numba.njit(cache=True, nogil=True)
@no_type_check
def _room(n):
    """Room for what `_slopes` computes of each neighbour."""
    return np.empty((4, n))


@numba.njit(cache=True, nogil=True)
@no_type_check
def _place(index, near, at, entropy, y, value, far):
    n = index.shape[1]
    squared, q, ax, ay = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    room, made, spare, found = _room(n), np.empty(6), np.empty(6), np.empty(3)
    for t in range(len(index)):
        first, second = 0, 0
        for j in range(n):
            squared[j] = near[t, j] * near[t, j]
            ax[j], ay[j] = at[index[t, j], 0], at[index[t, j], 1]
            if near[t, j] < near[t, first]:
                first, second = j, first
            elif j != first and (second == first or near[t, j] < near[t, second]):
                second = j
        calibrate(squared, n, entropy, q)
        mx, my, far[t] = 0.0, 0.0, 0.0
        for j in range(n):
            far[t] += q[j] * near[t, j]
            mx += q[j] * ax[j]
            my += q[j] * ay[j]
        value[t] = np.inf
        for start in range(3):
            if start == 1:
                mx, my = ax[first], ay[first]
            elif start == 2:
                mx, my = ax[second], ay[second]
            _descend(mx, my, q, ax, ay, n, room, made, spare, found)
            if found[0] < value[t]:
                value[t], y[t, 0], y[t, 1] = found[0], found[1], found[2]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _descend(x, y, q, ax, ay, n, room, made, spare, found):
    """Write the value and place of the valley that a place leads to."""
    _slopes(x, y, q, ax, ay, n, room, made)
    for _ in range(_ROUNDS):
        f, gx, gy, hxx, hxy, hyy = made[0], made[1], made[2], made[3], made[4], made[5]
        # eigenvalues of the Hessian; both are shifted until the lower is positive
        middle, apart = (hxx + hyy) / 2, np.hypot((hxx - hyy) / 2, hxy)
        lower = middle - apart
        least = 0.1 * (abs(middle) + apart) + 1e-12
        shift = 0.0 if lower > 0.0 and lower > 1e-3 * least else least - lower
        hxx, hyy = hxx + shift, hyy + shift
        det = hxx * hyy - hxy * hxy
        sx, sy = -(hyy * gx - hxy * gy) / det, -(hxx * gy - hxy * gx) / det
        size = np.hypot(sx, sy)
        if size > _LONGEST:
            sx, sy = sx * _LONGEST / size, sy * _LONGEST / size
        if size < _SHORTEST:
            break
        slope = gx * sx + gy * sy
        scale, fell = 1.0, False
        while scale > 1e-6:
            _slopes(x + scale * sx, y + scale * sy, q, ax, ay, n, room, spare)
            if spare[0] <= f + 1e-4 * scale * slope:  # Armijo
                fell = True
                break
            scale *= 0.5
        if not fell:
            break
        x, y = x + scale * sx, y + scale * sy
        made[:] = spare
    found[0], found[1], found[2] = made[0], x, y


@numba.njit(cache=True, nogil=True)
@no_type_check
def _slopes(x, y, q, ax, ay, n, room, out):
    """Write f, its gradient (x, y) and its Hessian (xx, xy, yy)."""
    near, logs, dx, dy = room[0], room[1], room[2], room[3]
    for j in range(n):
        dx[j], dy[j] = x - ax[j], y - ay[j]
        logs[j] = 1.0 + dx[j] * dx[j] + dy[j] * dy[j]
        near[j] = 1.0 / logs[j]
    for j in range(n):
        logs[j] = np.log(logs[j])
    f, mass = 0.0, 0.0
    gx, gy, hxx, hxy, hyy = 0.0, 0.0, 0.0, 0.0, 0.0
    kx, ky, kxx, kxy, kyy = 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(n):
        w = near[j]
        a, b = q[j] * w, w * w
        c, d = a * w, b * w
        f += q[j] * logs[j]
        mass += w
        gx += a * dx[j]
        gy += a * dy[j]
        kx += b * dx[j]
        ky += b * dy[j]
        hxx += 2.0 * a - 4.0 * c * dx[j] * dx[j]
        hyy += 2.0 * a - 4.0 * c * dy[j] * dy[j]
        hxy -= 4.0 * c * dx[j] * dy[j]
        kxx += 8.0 * d * dx[j] * dx[j] - 2.0 * b
        kyy += 8.0 * d * dy[j] * dy[j] - 2.0 * b
        kxy += 8.0 * d * dx[j] * dy[j]
    px, py = 2.0 * kx / mass, 2.0 * ky / mass
    out[0] = f + np.log(mass)
    out[1], out[2] = 2.0 * gx - px, 2.0 * gy - py
    out[3] = hxx + kxx / mass - px * px
    out[4] = hxy + kxy / mass - px * py
    out[5] = hyy + kyy / mass - py * py
