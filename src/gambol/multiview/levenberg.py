"""Levenberg-Marquardt on the reduced camera system, the noise re-estimated on the way.

The scale of the robust loss follows the median residual until it settles; then it is fixed, so
that the cost falls with every step. Source: Marquardt (1963), J SIAM 11(2):431-441.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import linalg

from gambol.core.cameras import first_root
from gambol.kernels import bundle, camera_slopes, projection
from gambol.kernels.bundle import Loss, Seen, State

SD_OF_MEDIAN = 1.4826  # sd of a Gaussian over the median of its absolute values
QUIETEST = 0.01  # px, least sd of the noise: finer than any detector
SETTLED = 1e-3  # fall of the cost, relative, at which the noise is measured again
DONE = 1e-12  # fall of the cost, relative, at which nothing is left to gain
STILL = 1e-6  # squared step of the cameras, in sds, at which only stray points still move
STIFFEST = 1e10  # damping at which no step can help any more
MEASUREMENTS = 8  # of the noise, at most


class Unknowns(NamedTuple):
    """What may move, and what is known of it."""

    columns: Int[np.ndarray, "V 16"]  # global unknown of every number of a camera; -1: held
    precision: Float[np.ndarray, " G"]  # of the prior of each; 0: none
    rows: Callable[[State], Float[np.ndarray, "Q G"]]  # directions that nothing determines
    kind: int  # of the loss
    tuning: float  # its scale, in sds of the noise


class Solution(NamedTuple):
    """Where the cost is least."""

    state: State
    value: Float[np.ndarray, " G"]  # how far every unknown is from its prior
    residual: Float[np.ndarray, "M 2"]  # px
    weight: Float[np.ndarray, " M"]
    covariance: Float[np.ndarray, "G G"]  # of the global unknowns, blocks integrated out
    sigma: float  # px
    cost: float
    steps: int
    converged: bool


def solve(
    state: State,
    seen: Seen,
    unknowns: Unknowns,
    steps: int,
    value: Float[np.ndarray, " G"] | None = None,
) -> Solution:
    """Move cameras, blocks and bends to where the cost is least.

    Args:
        state: where to start.
        seen: the observations.
        unknowns: what may move.
        steps: at most.
        value: how far every unknown is from its prior at the start; None: nowhere.
    """
    value = np.zeros(len(unknowns.precision)) if value is None else value
    loss = _measure(state, seen, unknowns)
    now = bundle.cost(state, seen, loss) + _prior(value, unknowns)
    damping, measured, taken, done = 1e-4, 1, 0, False
    while taken < steps and not done:
        taken += 1
        found = _step(state, value, seen, loss, unknowns, now, damping)
        settled = done = found is None
        if found is not None:
            gain = now - found.cost
            done = gain <= DONE * now or (found.moved < STILL and damping < 1e-3)
            settled = done or gain <= SETTLED * now
            state, value, now, damping = found[:4]
        if settled and measured < MEASUREMENTS:
            before, loss = loss, _measure(state, seen, unknowns)
            steady = abs(loss.sigma / before.sigma - 1) < 0.01
            measured = MEASUREMENTS if steady else measured + 1
            loss = before if steady else loss
            now = bundle.cost(state, seen, loss) + _prior(value, unknowns)
            damping, done = min(damping, 1e-4), done and steady
    residual = bundle.residuals(state, seen)
    weight = bundle.weights(residual, loss)
    covariance = _covariance(state, seen, loss, unknowns)
    return Solution(state, value, residual, weight, covariance, loss.sigma, now, taken, done)


class _Moved(NamedTuple):
    state: State
    value: Float[np.ndarray, " G"]  # how far every unknown is from its prior
    cost: float
    damping: float
    moved: float  # squared length of the cameras' step, in sds


def _step(
    state: State,
    value: Float[np.ndarray, " G"],
    seen: Seen,
    loss: Loss,
    unknowns: Unknowns,
    now: float,
    damping: float,
) -> _Moved | None:
    """Take the longest step that lowers the cost; None if there is none."""
    columns, precision = unknowns.columns, unknowns.precision
    while damping < STIFFEST:
        system = bundle.reduce(state, seen, loss, columns, len(value), damping)
        matrix = system.matrix + np.diag(precision + damping * (system.diagonal + precision))
        step = _solved(
            matrix, system.gradient - precision * value, system.diagonal, unknowns.rows(state)
        )
        if step is not None:
            blocks = bundle.substitute(state, seen, loss, columns, step, damping)
            trial = apply(State(state.rows, blocks, state.bend), columns, step)
            ahead = value + step
            cost = bundle.cost(trial, seen, loss) + _prior(ahead, unknowns)
            if cost < now:
                moved = float(step @ matrix @ step)
                return _Moved(trial, ahead, cost, max(damping / 10, 1e-12), moved)
        damping *= 5
    return None


def apply(
    state: State, columns: Int[np.ndarray, "V 16"], step: Float[np.ndarray, " G"]
) -> State:
    """Move cameras and bends by a step of the global unknowns; blocks stay."""
    rows = state.rows.copy()
    for view, at in enumerate(columns):
        free = at >= 0
        if not free.any():
            continue
        tangent = np.zeros(camera_slopes.TANGENT)
        tangent[free] = step[at[free]]
        rows[view] = camera_slopes.moved(state.rows[view], tangent)
        if free[11:].any():
            rows[view, 11] = _fold(rows[view])
    bends = step[columns.max() + 1 :]
    return State(rows, state.blocks, state.bend + bends if len(bends) else state.bend)


def _fold(row: Float[np.ndarray, " 24"]) -> float:
    """Return where a lens folds the image back; `core.cameras.Camera.fold` of a row."""
    k = row[6:11]
    if row[0] == projection.FISHEYE:
        return first_root(np.array([1.0, *(k[:4] * [3, 5, 7, 9])]))
    return first_root(np.array([1.0, 3 * k[0], 5 * k[1], 7 * k[4]]))


def _measure(state: State, seen: Seen, unknowns: Unknowns) -> Loss:
    """Return the loss whose scale fits the median residual.

    Fitted unknowns take their share of the noise, so the median is raised to make up for it.
    """
    r = np.abs(bundle.residuals(state, seen))
    r = r[np.isfinite(r)]
    size = 3 if state.blocks.shape[1] == 3 else 6
    taken = size * len(state.blocks) + len(unknowns.precision)
    share = max((r.size - taken) / max(r.size, 1), 0.1)
    sigma = SD_OF_MEDIAN * float(np.median(r)) / np.sqrt(share) if r.size else QUIETEST
    sigma = max(sigma, QUIETEST)
    return Loss(unknowns.kind, unknowns.tuning * sigma, sigma)


def _prior(value: Float[np.ndarray, " G"], unknowns: Unknowns) -> float:
    return float(unknowns.precision @ value**2) / 2


def _solved(
    matrix: Float[np.ndarray, "G G"],
    right: Float[np.ndarray, " G"],
    diagonal: Float[np.ndarray, " G"],
    undetermined: Float[np.ndarray, "Q G"],
) -> Float[np.ndarray, " G"] | None:
    """Solve with unknowns scaled alike and undetermined directions held; None if singular."""
    try:
        scale, factor = _factored(matrix, diagonal, undetermined, 1.0)
    except linalg.LinAlgError:
        return None
    return scale * linalg.cho_solve((factor, True), scale * right)


def _factored(
    matrix: Float[np.ndarray, "G G"],
    diagonal: Float[np.ndarray, " G"],
    undetermined: Float[np.ndarray, "Q G"],
    hold: float,
) -> tuple[Float[np.ndarray, " G"], Float[np.ndarray, "G G"]]:
    """Scale so that the diagonal is about 1, add the held directions and factor."""
    largest = max(float(diagonal.max(initial=0)), 1e-300)
    scale = 1 / np.sqrt(np.maximum(np.maximum(diagonal, np.diag(matrix)), 1e-16 * largest))
    scaled = scale[:, None] * matrix * scale
    blind = ~seen_by_any(diagonal, matrix)
    scaled[blind, blind] = 1
    for row in undetermined * scale:
        row = row / max(float(np.linalg.norm(row)), 1e-300)
        scaled += hold * np.outer(row, row)
    return scale, linalg.cholesky(scaled, lower=True)


def seen_by_any(
    diagonal: Float[np.ndarray, " G"], matrix: Float[np.ndarray, "G G"]
) -> Bool[np.ndarray, " G"]:
    """Return which unknowns any observation or prior speaks of."""
    return (diagonal > 0) | (np.diag(matrix) > 0)


def _covariance(
    state: State, seen: Seen, loss: Loss, unknowns: Unknowns
) -> Float[np.ndarray, "G G"]:
    """Invert the reduced matrix; NaN where it is singular, or of what nothing speaks of."""
    count = len(unknowns.precision)
    system = bundle.reduce(state, seen, loss, unknowns.columns, count, 0.0)
    matrix = system.matrix + np.diag(unknowns.precision)
    try:
        scale, factor = _factored(matrix, system.diagonal, unknowns.rows(state), 1e6)
    except linalg.LinAlgError:
        return np.full((count, count), np.nan)
    half = linalg.solve_triangular(factor, np.diag(scale), lower=True)
    out = half.T @ half
    blind = ~seen_by_any(system.diagonal, matrix)
    out[blind], out[:, blind] = np.nan, np.nan
    return out
