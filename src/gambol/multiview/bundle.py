"""Bundle adjustment: cameras and what they saw, refined together until the images agree."""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from gambol.core.cameras import Rig
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.kernels import triangulation
from gambol.kernels.bundle import CAUCHY, SOFT_L1, Seen, State
from gambol.multiview import levenberg, unknowns
from gambol.multiview.unknowns import Free

FEW = 2000  # points of a first, cheap refinement of cameras that are far off
PASSES = 6  # of it, at most


class Bundle(Config):
    """How cameras are refined. Priors hold what is free near the values of the given rig."""

    loss: Literal["soft_l1", "cauchy"] = "soft_l1"  # cauchy gives more outliers up
    tuning: PositiveFloat = 2.0  # residuals beyond so many sds of the noise count less
    f_sd: PositiveFloat = 0.05  # of log f and of log aspect
    centre_sd: PositiveFloat = 0.05  # of the principal point, in widths of the image
    distortion_sd: PositiveFloat = 0.3  # of radial terms; a tenth of it for tangential ones
    plane_sd: NonNegativeFloat = 0.0  # of corners out of a board's plane, world units; 0: flat
    steps: PositiveInt = 100  # Levenberg-Marquardt steps, at most
    most: PositiveInt = 20000  # free points; of more, evenly spread ones: cameras need no more


class Fit(NamedTuple):
    """How well refined cameras explain the images."""

    sd: dict[str, unknowns.CameraSd]
    sigma: float  # of the noise of one coordinate, px, from the median
    cost: float  # in nats, up to a constant
    steps: int
    converged: bool


class AdjustedPoints(NamedTuple):
    """A rig refined from free points."""

    rig: Rig
    points: Float[np.ndarray, "N 3"]  # world units; NaN where fewer than two cameras saw it
    residual: Float[np.ndarray, "N V 2"]  # seen - projected, px; NaN where not seen
    weight: Float[np.ndarray, "N V"]  # 0 to 1, what the loss left of each observation
    fit: Fit


class AdjustedBoards(NamedTuple):
    """A rig refined from views of one board: x_world = turn · corner + shift."""

    rig: Rig
    turns: Float[np.ndarray, "F 3 3"]
    shifts: Float[np.ndarray, "F 3"]  # world units
    offset: Float[np.ndarray, " C"]  # of every corner out of the board's plane, world units
    residual: Float[np.ndarray, "F V C 2"]  # seen - projected, px; NaN where not seen
    weight: Float[np.ndarray, "F V C"]  # 0 to 1
    fit: Fit


def adjust_points(
    rig: Rig,
    xy: Float[np.ndarray, "N V 2"],
    spec: Bundle = Bundle(),  # noqa: B008 - frozen
    *,
    points: Float[np.ndarray, "N 3"] | None = None,
    free: Free = ("pose",),
) -> AdjustedPoints:
    """Refine cameras and free points; the first camera and the scale of the start are kept.

    Args:
        rig: where to start; its cameras in the order of the views.
        xy: px; NaN where not seen.
        spec: settings.
        points: where to start, world units; None: triangulated by the rig.
        free: what of every camera may move, for all or by name (others: only "pose").
    """
    _check(rig, xy.shape[1])
    usable = np.flatnonzero(np.isfinite(xy).all(-1).sum(1) >= 2)
    if points is not None:
        usable = usable[np.isfinite(points[usable]).all(1)]
    columns, near, value = unknowns.columns_of(rig, free), rig, None
    if points is None:
        near, value = _nearer(rig, xy[_evenly(usable, FEW)], columns, spec)
    chosen = _evenly(usable, spec.most)
    start = None if points is None else points[chosen]
    kept, view, found = _from_points(near, xy[chosen], start, columns, value, spec)
    positions = np.full((len(xy), 3), np.nan)
    positions[chosen[np.unique(kept)]] = found.state.blocks
    index = (chosen[kept], view)
    return AdjustedPoints(
        unknowns.rig_of(rig, found.state.rows, columns),
        positions,
        _spread(found.residual, index, xy.shape, np.nan),
        _spread(found.weight, index, xy.shape[:2], 0.0),
        _fit(rig, found, columns),
    )


def adjust_boards(
    rig: Rig,
    corners: Float[np.ndarray, "C 3"],
    xy: Float[np.ndarray, "F V C 2"],
    turns: Float[np.ndarray, "F 3 3"],
    shifts: Float[np.ndarray, "F 3"],
    spec: Bundle = Bundle(),  # noqa: B008 - frozen
    *,
    free: Free = ("pose",),
) -> AdjustedBoards:
    """Refine cameras and the poses of a board; the first camera is kept where it is.

    Args:
        rig: where to start; its cameras in the order of the views.
        corners: in the board's own axes, world units.
        xy: px; NaN where not seen. Every frame must have been seen by some camera.
        turns: where the board is at the start, from its axes to the world's.
        shifts: the board's origin at the start, world units.
        spec: settings.
        free: what of every camera may move, for all or by name (others: only "pose").
    """
    _check(rig, xy.shape[1])
    there = np.isfinite(xy).all(-1)
    if (unseen := ~there.any((1, 2))).any():
        raise InputError(f"no camera saw the board in frame {unseen.argmax()}; leave it out")
    index = np.nonzero(there)
    seen = Seen(
        np.concatenate([[0], np.cumsum(there.sum((1, 2)))]),
        index[1],
        index[2],
        np.ascontiguousarray(xy[there], np.float64),
        np.ascontiguousarray(corners, np.float64),
    )
    blocks = np.column_stack([turns.reshape(-1, 9), shifts]).astype(np.float64)
    columns = unknowns.columns_of(rig, free)
    precision = unknowns.precisions(rig, columns, _priors(spec))
    if spec.plane_sd > 0:
        precision = np.append(precision, np.full(len(corners), spec.plane_sd**-2.0))
    state = State(unknowns.rows_of(rig), blocks, np.zeros(len(corners)))
    question = _question(columns, precision, spec, points=False)
    found = levenberg.solve(state, seen, question, spec.steps)
    return AdjustedBoards(
        unknowns.rig_of(rig, found.state.rows, columns),
        found.state.blocks[:, :9].reshape(-1, 3, 3),
        found.state.blocks[:, 9:],
        found.state.bend,
        _spread(found.residual, index, (*there.shape, 2), np.nan),
        _spread(found.weight, index, there.shape, 0.0),
        _fit(rig, found, columns),
    )


def _check(rig: Rig, views: int) -> None:
    if len(rig) != views:
        raise InputError(f"{views} views and {len(rig)} cameras; each view needs its camera")


def _nearer(
    rig: Rig, xy: Float[np.ndarray, "N V 2"], columns: Int[np.ndarray, "V 16"], spec: Bundle
) -> tuple[Rig, Float[np.ndarray, " G"]]:
    """Refine from a few points, until better cameras no longer change which points agree."""
    value, before = None, None
    for _ in range(PASSES):
        point, view, found = _from_points(rig, xy, None, columns, value, spec)
        rig, value = unknowns.rig_of(rig, found.state.rows, columns), found.value
        agree = (point.tolist(), view.tolist())
        if agree == before:
            break
        before = agree
    return rig, found.value


class _Found(NamedTuple):
    point: Int[np.ndarray, " M"]  # of every observation
    view: Int[np.ndarray, " M"]
    found: levenberg.Solution


def _from_points(
    rig: Rig,
    xy: Float[np.ndarray, "N V 2"],
    points: Float[np.ndarray, "N 3"] | None,
    columns: Int[np.ndarray, "V 16"],
    value: Float[np.ndarray, " G"] | None,
    spec: Bundle,
) -> _Found:
    """Solve from points; None: triangulated, without observations that agree with no other."""
    there = np.isfinite(xy).all(-1)
    start, agree = _triangulated(xy, rig.params()) if points is None else (points, there)
    there = agree & (agree.sum(1) >= 2)[:, None] & np.isfinite(start).all(1)[:, None]
    if not there.any():
        raise InputError("no point was seen alike by two cameras; nothing joins them")
    kept = there.any(1)
    point, view = np.nonzero(there)
    seen = Seen(
        np.concatenate([[0], np.cumsum(there.sum(1)[kept])]),
        view,
        np.zeros(len(view), np.int64),
        np.ascontiguousarray(xy[there], np.float64),
        np.zeros((0, 3)),
    )
    blocks = np.ascontiguousarray(start[kept], np.float64)
    state = State(unknowns.rows_of(rig), blocks, np.zeros(0))
    precision = unknowns.precisions(rig, columns, _priors(spec))
    question = _question(columns, precision, spec, points=True)
    return _Found(point, view, levenberg.solve(state, seen, question, spec.steps, value))


def _priors(spec: Bundle) -> unknowns.Priors:
    return unknowns.Priors(spec.f_sd, spec.centre_sd, spec.distortion_sd)


def _question(
    columns: Int[np.ndarray, "V 16"],
    precision: Float[np.ndarray, " G"],
    spec: Bundle,
    *,
    points: bool,
) -> levenberg.Unknowns:
    return levenberg.Unknowns(
        columns,
        precision,
        unknowns.gauge(columns, len(precision), points),
        CAUCHY if spec.loss == "cauchy" else SOFT_L1,
        spec.tuning,
    )


def _evenly(index: Int[np.ndarray, " n"], most: int) -> Int[np.ndarray, " k"]:
    if len(index) <= most:
        return index
    return index[np.linspace(0, len(index) - 1, most).round().astype(np.int64)]


def _triangulated(
    xy: Float[np.ndarray, "N V 2"], params: Float[np.ndarray, "V 24"]
) -> triangulation.Agreed:
    """Triangulate from the views that agree as well as such cameras let them."""
    everyone = np.isfinite(xy).all(-1).astype(np.float64)
    first = triangulation.dlt(xy, everyone, params)
    error = triangulation.squared_errors(first, xy, params)
    error = error[np.isfinite(error)]
    typical = float(np.sqrt(np.median(error))) if error.size else 0.0
    return triangulation.msac(xy, everyone, params, max(triangulation.THRESHOLD, 3 * typical))


def _spread(
    values: Float[np.ndarray, "M ..."],
    index: tuple[Int[np.ndarray, " M"], ...],
    shape: tuple[int, ...],
    empty: float,
) -> np.ndarray:
    out = np.full(shape, empty)
    out[index] = values
    return out


def _fit(rig: Rig, found: levenberg.Solution, columns: Int[np.ndarray, "V 16"]) -> Fit:
    sd = unknowns.deviations(rig, found.state.rows, columns, found.covariance)
    return Fit(sd, found.sigma, found.cost, found.steps, found.converged)
