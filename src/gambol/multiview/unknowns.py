"""Which numbers of a rig's cameras may move, how far, and how sure they came out.

The bridge between cameras by name and the columns of `kernels.bundle`.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core.cameras import Camera, Kind, Rig
from gambol.core.errors import InputError
from gambol.kernels import projection, rotation
from gambol.kernels.bundle import State
from gambol.kernels.camera_slopes import TANGENT

# Numbers of a camera that may move. "f" scales both focal lengths, "aspect" the second alone.
Term = Literal["pose", "f", "aspect", "cx", "cy", "skew", "k1", "k2", "p1", "p2", "k3", "k4"]
Free = Collection[str] | Mapping[str, Collection[str]]  # `Term`s of all cameras, or by name

_SHAPE = {"f": 6, "aspect": 7, "skew": 10}
_MIDDLE = {"cx": 8, "cy": 9}
_PLACES: dict[Kind, dict[str, int]] = {
    "pinhole": _SHAPE | _MIDDLE | {"k1": 11, "k2": 12, "p1": 13, "p2": 14, "k3": 15},
    "fisheye": _SHAPE | _MIDDLE | {"k1": 11, "k2": 12, "k3": 13, "k4": 14},
    "affine": _SHAPE,
}


class Priors(NamedTuple):
    """How far numbers are thought to be from where they start, one sd."""

    f: float  # of log f and of log aspect
    centre: float  # in widths of the image
    distortion: float  # of radial terms; a tenth of it of tangential ones


class CameraSd(NamedTuple):
    """Standard deviations of one camera's numbers; 0 where held, NaN where unknown."""

    f: float  # relative
    centre_px: Float[np.ndarray, " 2"]  # of the principal point, px
    position: Float[np.ndarray, " 3"]  # of the camera's centre, world units; NaN if affine
    direction: float  # of the direction of view, degrees


def rows_of(rig: Rig) -> Float[np.ndarray, "V 24"]:
    """Return the cameras as `kernels.bundle` reads them."""
    return np.array([_row(camera) for camera in rig.cameras]).reshape(-1, 24)


def _row(camera: Camera) -> Float[np.ndarray, " 24"]:
    """Return a camera's row; an affine one's B split into [[fx, skew], [0, fy]] · R."""
    row = camera.params()
    if camera.kind != "affine":
        return row
    first, second = camera.matrix[0], camera.matrix[1]
    row[2] = np.linalg.norm(second)
    across = second / row[2]
    row[5] = first @ across
    along = first - row[5] * across
    row[1] = np.linalg.norm(along)
    along = along / row[1]
    row[12:21] = np.concatenate([along, across, np.cross(along, across)])
    return row


def rig_of(rig: Rig, rows: Float[np.ndarray, "V 24"], columns: Int[np.ndarray, "V 16"]) -> Rig:
    """Return the rig with the cameras that could move as the rows say; others bit for bit."""
    cameras = [
        _camera(camera, row) if (at >= 0).any() else camera
        for camera, row, at in zip(rig.cameras, rows, columns, strict=True)
    ]
    return replace(rig, cameras=tuple(cameras))


def _camera(camera: Camera, row: Float[np.ndarray, " 24"]) -> Camera:
    turn, shift = row[12:21].reshape(3, 3), row[21:24]
    matrix = np.array([[row[1], row[5], row[3]], [0.0, row[2], row[4]], [0.0, 0.0, 1.0]])
    if camera.kind == "affine":
        linear = np.zeros((3, 3))
        linear[:2] = matrix[:2, :2] @ turn[:2]
        return replace(camera, matrix=linear, translation=np.append(shift[:2], 0.0))
    return replace(
        camera,
        matrix=matrix,
        rotation=rotation.log(turn),
        translation=shift,
        distortion=row[6 : 6 + len(camera.distortion)],
    )


def columns_of(rig: Rig, free: Free) -> Int[np.ndarray, "V 16"]:
    """Number what may move; the first camera's pose is held, whatever `free` says of it."""
    columns = np.full((len(rig), TANGENT), -1)
    count = 0
    for view, camera in enumerate(rig.cameras):
        terms = free.get(camera.name, ("pose",)) if isinstance(free, Mapping) else free
        places = sorted(_place(camera, term) for term in terms if term != "pose")
        if "pose" in terms and view > 0:
            places = list(range(5 if camera.kind == "affine" else 6)) + places
        columns[view, places] = np.arange(count, count + len(places))
        count += len(places)
    return columns


def _place(camera: Camera, term: str) -> int:
    known = _PLACES[camera.kind]
    if term not in known:
        raise InputError(
            f"camera {camera.name} is {camera.kind}, which has no {term!r} to be free; "
            f"there are pose, {', '.join(known)}"
        )
    return known[term]


def precisions(
    rig: Rig, columns: Int[np.ndarray, "V 16"], priors: Priors
) -> Float[np.ndarray, " G"]:
    """Return 1 / sd² of the prior of every number that may move; 0 for poses."""
    out = np.zeros(columns.max(initial=-1) + 1)
    for camera, at in zip(rig.cameras, columns, strict=True):
        width = camera.size[0] if camera.size else 2 * camera.matrix[0, 2] + 1
        sd = np.full(TANGENT, np.inf)
        sd[6:8] = priors.f
        sd[8:10] = priors.centre * abs(width)
        sd[10] = priors.f * camera.params()[1] if camera.kind != "affine" else np.inf
        sd[11:16] = priors.distortion
        if camera.kind == "pinhole":
            sd[13:15] = priors.distortion / 10
        if camera.kind == "affine":
            sd[10] = priors.f * np.linalg.norm(camera.matrix[0])
        out[at[at >= 0]] = 1 / sd[at >= 0] ** 2
    return out


def gauge(
    columns: Int[np.ndarray, "V 16"], count: int, points: bool
) -> Callable[[State], Float[np.ndarray, "Q G"]]:
    """Return the directions that no image determines, beyond the first camera's pose.

    Free points have no scale, unless an affine camera's focal length is held, and only affine
    cameras do not tell where along the first one's view the world is.
    """

    def rows(state: State) -> Float[np.ndarray, "Q G"]:
        if not points:
            return np.zeros((0, count))
        affine = state.rows[:, 0] == projection.AFFINE
        held = []
        if not (affine & (columns[:, 6] < 0)).any():
            held.append(_direction(state.rows, columns, count, _scaled))
        if affine.all():
            held.append(_direction(state.rows, columns, count, _pushed))
        return np.array(held).reshape(-1, count)

    return rows


def _direction(
    rows: Float[np.ndarray, "V 24"],
    columns: Int[np.ndarray, "V 16"],
    count: int,
    motion: Callable[
        [Float[np.ndarray, " 24"], Float[np.ndarray, " 24"]], Float[np.ndarray, " 16"]
    ],
) -> Float[np.ndarray, " G"]:
    out = np.zeros(count)
    for row, at in zip(rows, columns, strict=True):
        out[at[at >= 0]] = motion(row, rows[0])[at >= 0]
    return out


def _scaled(row: Float[np.ndarray, " 24"], first: Float[np.ndarray, " 24"]) -> np.ndarray:
    """Return how a camera moves if the world grows about the first camera's centre."""
    out = np.zeros(TANGENT)
    turn = row[12:21].reshape(3, 3)
    centre = -first[12:21].reshape(3, 3).T @ first[21:24]
    if first[0] == projection.AFFINE:  # it has no centre; the world's origin does as well
        centre = np.zeros(3)
    if row[0] == projection.AFFINE:
        out[6] = -1
        linear = np.array([[row[1], row[5]], [0.0, row[2]]]) @ turn[:2]
        out[3:5] = linear @ centre
        return out
    out[3:6] = row[21:24] + turn @ centre  # t = -R c; c grows from the first centre
    return out


def _pushed(row: Float[np.ndarray, " 24"], first: Float[np.ndarray, " 24"]) -> np.ndarray:
    """Return how an affine camera moves if the world is pushed along the first one's view."""
    out = np.zeros(TANGENT)
    linear = np.array([[row[1], row[5]], [0.0, row[2]]]) @ row[12:18].reshape(2, 3)
    out[3:5] = linear @ first[18:21]
    return out


def deviations(
    rig: Rig,
    rows: Float[np.ndarray, "V 24"],
    columns: Int[np.ndarray, "V 16"],
    covariance: Float[np.ndarray, "G G"],
) -> dict[str, CameraSd]:
    """Return how sure every camera's numbers are."""
    return {
        camera.name: _deviation(row, at, covariance)
        for camera, row, at in zip(rig.cameras, rows, columns, strict=True)
    }


def _deviation(
    row: Float[np.ndarray, " 24"],
    at: Int[np.ndarray, " 16"],
    covariance: Float[np.ndarray, "G G"],
) -> CameraSd:
    free = np.flatnonzero(at >= 0)
    full = np.zeros((TANGENT, TANGENT))
    full[np.ix_(free, free)] = covariance[np.ix_(at[free], at[free])]
    var = np.diag(full)
    direction = float(np.degrees(np.sqrt(var[0] + var[1])))
    position = np.full(3, np.nan)
    if row[0] != projection.AFFINE:
        back = row[12:21].reshape(3, 3).T
        # c = -Rᵀ t, R <- exp(d) R: dc = Rᵀ (d × t) - Rᵀ dt = -Rᵀ [t]ₓ d - Rᵀ dt
        slopes = -np.hstack([back @ rotation.cross(row[21:24]), back])
        position = np.sqrt(np.diag(slopes @ full[:6, :6] @ slopes.T))
    return CameraSd(float(np.sqrt(var[6])), np.sqrt(var[8:10]), position, direction)
