"""Bundle adjustment as arrays: derivatives, robust weights and the reduced camera system.

Unknowns are cameras, blocks and, optionally, bends. A block is a free point (D = 3) or the pose
of a board (D = 6: turn and shift); a bend is how far a corner lies out of its board's plane,
the same in all poses. A camera is a row, and moves by 16 numbers, as `kernels.camera_slopes`
says.

With normal matrix [[U, W], [Wᵀ, Y]] and Y block-diagonal, cameras solve
(U - W Y⁻¹ Wᵀ) d = g - W Y⁻¹ h; blocks follow by substitution. Jacobians are computed twice, so
that W is never stored. Source: Triggs et al. (2000), Bundle adjustment: a modern synthesis.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

from gambol.kernels.camera_slopes import TANGENT, observe
from gambol.kernels.rotation import exp

SOFT_L1, CAUCHY = 0, 1
FARTHEST = 1e8  # squared residual over scale² that an invalid projection is charged with


class Seen(NamedTuple):
    """M observations, sorted by block."""

    start: Int[np.ndarray, " N_plus_1"]  # of block n, observations start[n] to start[n + 1]
    view: Int[np.ndarray, " M"]
    corner: Int[np.ndarray, " M"]  # row of `local`; 0 for free points
    xy: Float[np.ndarray, "M 2"]  # px
    local: Float[np.ndarray, "C 3"]  # corners in the board's axes; empty for free points


class State(NamedTuple):
    """Where the unknowns are."""

    rows: Float[np.ndarray, "V 24"]
    blocks: Float[np.ndarray, "N E"]  # E = 3: a point; E = 12: R row by row, then t
    bend: Float[np.ndarray, " C"]  # world units


class Loss(NamedTuple):
    """ϱ(‖r‖²/scale²) · (scale/sigma)²/2: quadratic, 1/2 ‖r‖²/sigma², where r is small."""

    kind: int  # SOFT_L1 or CAUCHY
    scale: float  # px
    sigma: float  # of the noise of a coordinate, px


class Reduced(NamedTuple):
    """The normal equations of the G global unknowns, without blocks."""

    matrix: Float[np.ndarray, "G G"]  # symmetric
    gradient: Float[np.ndarray, " G"]  # of -cost
    diagonal: Float[np.ndarray, " G"]  # of U, before damping


def residuals(state: State, seen: Seen) -> Float[np.ndarray, "M 2"]:
    """Return seen - projected, px; NaN where the projection is not valid."""
    return _residuals(*state, *seen)


def cost(state: State, seen: Seen, loss: Loss) -> float:
    """Return the robust cost of all observations, nats up to a constant."""
    r = _residuals(*state, *seen)
    return float(_cost(r, *loss))


def weights(residual: Float[np.ndarray, "M 2"], loss: Loss) -> Float[np.ndarray, " M"]:
    """Return what the loss leaves of every observation, 0 to 1; 0 where not valid.

    >>> weights(np.array([[0.0, 0.0], [3.0, 4.0]]), Loss(CAUCHY, 5.0, 1.0)).tolist()
    [1.0, 0.5]
    """
    squared = (residual**2).sum(1) / loss.scale**2
    falls = 1 / (1 + squared) if loss.kind == CAUCHY else 1 / np.sqrt(1 + squared)
    return np.nan_to_num(falls, nan=0.0)


def reduce(
    state: State,
    seen: Seen,
    loss: Loss,
    columns: Int[np.ndarray, "V 16"],
    count: int,
    damping: float,
) -> Reduced:
    """Return the reduced camera system, blocks damped by Marquardt's rule.

    Args:
        state: where to linearise.
        seen: the observations.
        loss: robust loss.
        columns: global unknown of every number of every camera, -1 where held. With bends,
            they follow the cameras': corner c is unknown count - C + c.
        count: global unknowns, G; more than the columns name exactly if bends are free.
        damping: Y's diagonal grows by this factor; cameras are for the caller to damp.
    """
    matrix, gradient, diagonal = _reduce(*state, *seen, *loss, columns, count, damping)
    return Reduced(np.triu(matrix) + np.triu(matrix, 1).T, gradient, diagonal)


def substitute(
    state: State,
    seen: Seen,
    loss: Loss,
    columns: Int[np.ndarray, "V 16"],
    step: Float[np.ndarray, " G"],
    damping: float,
) -> Float[np.ndarray, "N E"]:
    """Return the blocks moved by what `step` of the global unknowns asks of them."""
    return _substitute(*state, *seen, *loss, columns, step, damping)


@numba.njit(cache=True)
@no_type_check
def _place(block, corner, local, bend, at):
    """Where an observation's point is in the world: `at`; in the board's turned axes: q."""
    if len(block) == 3:
        at[:] = block
        return 0.0, 0.0, 0.0
    x, y, z = local[corner, 0], local[corner, 1], local[corner, 2] + bend[corner]
    qx = block[0] * x + block[1] * y + block[2] * z
    qy = block[3] * x + block[4] * y + block[5] * z
    qz = block[6] * x + block[7] * y + block[8] * z
    at[0], at[1], at[2] = qx + block[9], qy + block[10], qz + block[11]
    return qx, qy, qz


@numba.njit(cache=True)
@no_type_check
def _block_slopes(block, q, jp, jb):
    """D (u, v) / d block: of a point, or of a board's turn and shift."""
    if len(block) == 3:
        jb[:] = jp
        return
    for i in range(2):
        c0, c1, c2 = jp[i, 0], jp[i, 1], jp[i, 2]
        jb[i, 0] = q[1] * c2 - q[2] * c1
        jb[i, 1] = q[2] * c0 - q[0] * c2
        jb[i, 2] = q[0] * c1 - q[1] * c0
        jb[i, 3], jb[i, 4], jb[i, 5] = c0, c1, c2


@numba.njit(cache=True)
@no_type_check
def _residuals(rows, blocks, bend, start, view, corner, xy, local):
    out = np.empty((len(view), 2))
    jc, jp, at = np.empty((2, TANGENT)), np.empty((2, 3)), np.empty(3)
    for n in range(len(blocks)):
        for m in range(start[n], start[n + 1]):
            _place(blocks[n], corner[m], local, bend, at)
            u, v, _ = observe(rows[view[m]], at[0], at[1], at[2], jc, jp)
            out[m, 0], out[m, 1] = xy[m, 0] - u, xy[m, 1] - v
    return out


@numba.njit(cache=True)
@no_type_check
def _cost(residual, kind, scale, sigma):
    total = 0.0
    for m in range(len(residual)):
        z = (residual[m, 0] ** 2 + residual[m, 1] ** 2) / scale**2
        if not z < FARTHEST:
            z = FARTHEST
        total += np.log1p(z) if kind == CAUCHY else 2 * (np.sqrt(1 + z) - 1)
    return total * (scale / sigma) ** 2 / 2


@numba.njit(cache=True)
@no_type_check
def _weight(r0, r1, kind, scale, sigma):
    z = (r0 * r0 + r1 * r1) / scale**2
    return (1 / (1 + z) if kind == CAUCHY else 1 / np.sqrt(1 + z)) / sigma**2


@numba.njit(cache=True)
@no_type_check
def _linearise(m, block, problem, loss, columns, bends, scratch):
    """Residual and weight of observation m, and its global unknowns; their number, -1 if none.

    Fills jb, which global unknowns it has, and their derivatives.
    """
    rows, bend, view, corner, xy, local = problem
    jc, jp, jb, at, where, slopes = scratch
    q = _place(block, corner[m], local, bend, at)
    u, v, valid = observe(rows[view[m]], at[0], at[1], at[2], jc, jp)
    if not valid:
        return 0.0, 0.0, 0.0, -1
    _block_slopes(block, q, jp, jb)
    r0, r1 = xy[m, 0] - u, xy[m, 1] - v
    n = 0
    for k in range(TANGENT):
        if columns[view[m], k] >= 0:
            where[n], slopes[0, n], slopes[1, n] = columns[view[m], k], jc[0, k], jc[1, k]
            n += 1
    if bends >= 0:
        for i in range(2):
            slopes[i, n] = jp[i, 0] * block[2] + jp[i, 1] * block[5] + jp[i, 2] * block[8]
        where[n] = bends + corner[m]
        n += 1
    return r0, r1, _weight(r0, r1, *loss), n


@numba.njit(cache=True)
@no_type_check
def _scratch(size):
    """Room for the derivatives of one observation: jc, jp, jb, at, where, slopes."""
    jc, jp, jb = np.empty((2, TANGENT)), np.empty((2, 3)), np.empty((2, size))
    where, slopes = np.empty(TANGENT + 1, np.int64), np.empty((2, TANGENT + 1))
    return jc, jp, jb, np.empty(3), where, slopes


@numba.njit(cache=True)
@no_type_check
def _first_bend(columns, count):
    """Global unknown of the first corner's bend; -1 if bends are held."""
    first = columns.max() + 1
    return first if count > first else -1


@numba.njit(cache=True)
@no_type_check
def _reduce(
    rows,
    blocks,
    bend,
    start,
    view,
    corner,
    xy,
    local,
    kind,
    scale,
    sigma,
    columns,
    count,
    damping,
):
    matrix, gradient, diagonal = np.zeros((count, count)), np.zeros(count), np.zeros(count)
    size = 3 if blocks.shape[1] == 3 else 6
    problem, loss = (rows, bend, view, corner, xy, local), (kind, scale, sigma)
    bends, scratch = _first_bend(columns, count), _scratch(size)
    jb, where, slopes = scratch[2], scratch[4], scratch[5]
    slot, touched = np.full(count, -1), np.empty(count, np.int64)
    cross, y, h = np.empty((count, size)), np.empty((size, size)), np.empty(size)
    for n in range(len(blocks)):
        y[:], h[:] = 0, 0
        n_touched = 0
        for m in range(start[n], start[n + 1]):
            r0, r1, w, active = _linearise(m, blocks[n], problem, loss, columns, bends, scratch)
            if active < 0:
                continue
            for i in range(active):
                g, s0, s1 = where[i], w * slopes[0, i], w * slopes[1, i]
                gradient[g] += s0 * r0 + s1 * r1
                diagonal[g] += s0 * slopes[0, i] + s1 * slopes[1, i]
                for j in range(i, active):
                    matrix[g, where[j]] += s0 * slopes[0, j] + s1 * slopes[1, j]
                if slot[g] < 0:
                    slot[g], touched[n_touched] = n_touched, g
                    cross[n_touched] = 0
                    n_touched += 1
                for d in range(size):
                    cross[slot[g], d] += s0 * jb[0, d] + s1 * jb[1, d]
            _gather(y, h, w, jb, r0, r1)
        if _factor(y, damping):
            _eliminate(matrix, gradient, y, h, cross, touched, n_touched)
        for i in range(n_touched):
            slot[touched[i]] = -1
    return matrix, gradient, diagonal


@numba.njit(cache=True)
@no_type_check
def _gather(y, h, w, jb, r0, r1):
    """Add one observation to its block's normal equations."""
    size = len(h)
    for d in range(size):
        s0, s1 = w * jb[0, d], w * jb[1, d]
        h[d] += s0 * r0 + s1 * r1
        for e in range(d + 1):
            y[d, e] += s0 * jb[0, e] + s1 * jb[1, e]


@numba.njit(cache=True)
@no_type_check
def _factor(y, damping):
    """Damp, then turn the lower triangle into its Cholesky factor; False where singular."""
    size = len(y)
    for d in range(size):
        whole = y[d, d]
        y[d, d] *= 1 + damping
        for e in range(d):
            y[d, d] -= y[d, e] ** 2
        if not y[d, d] > 1e-14 * whole:
            return False
        y[d, d] = np.sqrt(y[d, d])
        for f in range(d + 1, size):
            for e in range(d):
                y[f, d] -= y[f, e] * y[d, e]
            y[f, d] /= y[d, d]
    return True


@numba.njit(cache=True)
@no_type_check
def _forward(y, x):
    """Solve L x' = x in place."""
    for d in range(len(x)):
        for e in range(d):
            x[d] -= y[d, e] * x[e]
        x[d] /= y[d, d]


@numba.njit(cache=True)
@no_type_check
def _eliminate(matrix, gradient, y, h, cross, touched, n_touched):
    """Subtract W Y⁻¹ Wᵀ and W Y⁻¹ h of one block, Y by its Cholesky factor."""
    _forward(y, h)
    size = len(h)
    for i in range(n_touched):
        _forward(y, cross[i])
        g = touched[i]
        for d in range(size):
            gradient[g] -= cross[i, d] * h[d]
        for j in range(i + 1):
            total = 0.0
            for d in range(size):
                total += cross[i, d] * cross[j, d]
            other = touched[j]
            if g < other:
                matrix[g, other] -= total
            else:
                matrix[other, g] -= total


@numba.njit(cache=True)
@no_type_check
def _substitute(
    rows,
    blocks,
    bend,
    start,
    view,
    corner,
    xy,
    local,
    kind,
    scale,
    sigma,
    columns,
    step,
    damping,
):
    out = blocks.copy()
    size = 3 if blocks.shape[1] == 3 else 6
    problem, loss = (rows, bend, view, corner, xy, local), (kind, scale, sigma)
    bends, scratch = _first_bend(columns, len(step)), _scratch(size)
    jb, where, slopes = scratch[2], scratch[4], scratch[5]
    y, h = np.empty((size, size)), np.empty(size)
    for n in range(len(blocks)):
        y[:], h[:] = 0, 0
        for m in range(start[n], start[n + 1]):
            r0, r1, w, active = _linearise(m, blocks[n], problem, loss, columns, bends, scratch)
            for i in range(active):
                r0 -= slopes[0, i] * step[where[i]]
                r1 -= slopes[1, i] * step[where[i]]
            if active >= 0:
                _gather(y, h, w, jb, r0, r1)
        if _factor(y, damping):
            _forward(y, h)
            for d in range(size - 1, -1, -1):  # solve Lᵀ x' = x in place
                for e in range(d + 1, size):
                    h[d] -= y[e, d] * h[e]
                h[d] /= y[d, d]
            _shift_block(out[n], h)
    return out


@numba.njit(cache=True)
@no_type_check
def _shift_block(block, step):
    """Move a point, or turn and shift a board."""
    if len(block) == 3:
        block += step
        return
    block[:9] = (exp(step[:3]) @ block[:9].copy().reshape(3, 3)).ravel()
    block[9:] += step[3:]
