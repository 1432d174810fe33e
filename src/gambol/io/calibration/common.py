"""What a file said of its cameras, made into a rig; and what there is to remark about it.

A matrix K that can only be one way round is turned, and a remark says so. A rotation R and its
transpose are both rotations: it is left as the format has it, and `orientation` judges it.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Camera, Kind, Rig
from gambol.core.errors import InputError
from gambol.io.calibration import orientation

_SAME = 1e-9  # rotations as a vector and as a matrix that say the same
_ROTATION = 1e-3  # of R Rᵀ from 1, for files that round


class Read(NamedTuple):
    """A rig, and what a person should know about how it was read."""

    rig: Rig
    remarks: tuple[str, ...]


class Said(NamedTuple):
    """What a file says of one camera, in our convention unless it errs."""

    name: str
    matrix: Any  # 3 x 3, or nested lists
    rotation: Any  # 3 x 3, or a Rodrigues vector; world to camera
    translation: Any
    distortion: Any = ()
    size: tuple[int, int] | None = None
    kind: Kind = "pinhole"
    flip: bool = False
    extra: Mapping[str, Any] = {}
    vector: Any = None  # the rotation again, exactly, where we wrote the file


def assemble(
    path: Path,
    said: Iterable[Said],
    *,
    units: str = "unknown",
    up: Any = (0.0, 0.0, 1.0),
    origin: str = "",
    extra: Mapping[str, Any] | None = None,
    remarks: Iterable[str] = (),
) -> Read:
    """Make a rig of what a file says; errors and remarks name the file."""
    notes = list(remarks)
    cameras = []
    with naming(path):
        for one in said:
            matrix, note = upright(one)
            notes += [f"{path}: {note}"] if note else []
            cameras.append(_camera(one, matrix))
        if not cameras:
            raise InputError("it holds no camera")
        x, y, z = numbers(up, "up", 3).tolist()
        rig = Rig(tuple(cameras), units, (x, y, z), origin, extra or {})
    notes += [f"{path}: {note}" for note in orientation.apart(rig)]
    return Read(rig, tuple(notes))


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of a file before what is wrong with it."""
    try:
        yield
    except InputError as error:
        text = str(error)
        raise InputError(text if str(path) in text else f"{path}: {text}") from error


def upright(said: Said) -> tuple[Float[np.ndarray, "3 3"], str]:
    """Return K with the principal point in its last column, and a remark if it was turned."""
    matrix = numbers(said.matrix, f"camera {said.name}: its camera matrix", 9).reshape(3, 3)
    if said.kind == "affine":
        return matrix, ""
    tiny = 1e-9 * np.abs(matrix).max()
    lower = np.abs(np.tril(matrix, -1)).max() > tiny
    upper = np.abs(np.triu(matrix, 1)).max() > tiny
    if (lower and upper) or not abs(matrix[2, 2]) > 0:
        raise InputError(
            f"camera {said.name}: {matrix.tolist()} is no camera matrix; "
            "its last row is 0 0 1 and below the diagonal there are zeros"
        )
    note = f"camera {said.name}: K was transposed (0 0 1 in its last column) and is turned here"
    matrix = matrix.T if lower else matrix
    return (matrix if matrix[2, 2] == 1 else matrix / matrix[2, 2]), note if lower else ""


def rotation_vector(value: Any, what: str, exact: Any = None) -> Float[np.ndarray, " 3"]:
    """Return a rotation as a vector: of 3 x 3 numbers, or of a vector as it is.

    Args:
        value: the rotation.
        what: of which camera, for errors.
        exact: the vector that the matrix was made of, where the file holds it too.
    """
    from scipy.spatial.transform import Rotation

    given = numbers(value, what)
    if given.size == 3:
        return given.ravel()
    if given.size != 9:
        raise InputError(f"{what} has {given.size} values, not 9 or 3")
    turn = given.reshape(3, 3)
    if np.abs(turn @ turn.T - np.eye(3)).max() > _ROTATION:
        raise InputError(f"{what} is no rotation: its rows are not of length 1 and square")
    if np.linalg.det(turn) < 0:
        raise InputError(
            f"{what} mirrors; flip the video left to right and calibrate the flipped one"
        )
    if exact is not None and np.size(exact) == 3:
        vector = numbers(exact, what, 3)
        if np.abs(Rotation.from_rotvec(vector).as_matrix() - turn).max() < _SAME:
            return vector
    return Rotation.from_matrix(turn).as_rotvec()


def numbers(value: Any, what: str, count: int | None = None) -> np.ndarray:
    """Return finite numbers as an array; of `count` numbers, as a row."""
    try:
        given = np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} holds what is no number") from error
    if not np.isfinite(given).all():
        raise InputError(f"{what} holds a value that is not finite")
    if count is None:
        return given
    if given.size != count:
        raise InputError(f"{what} has {given.size} values, not {count}")
    return given.ravel()


def size_of(value: Any, what: str) -> tuple[int, int] | None:
    """Return width and height in pixels; None where a file says nothing or 0."""
    if value is None or np.size(value) == 0:
        return None
    width, height = numbers(value, what, 2).tolist()
    if width <= 0 or height <= 0:
        return None
    if width != round(width) or height != round(height):
        raise InputError(f"{what} is {width} x {height}, which are no whole pixels")
    return int(width), int(height)


def pinholes(rig: Rig, format: str) -> None:
    """Refuse cameras that a format has no place for."""
    for camera in rig.cameras:
        if camera.kind != "pinhole":
            raise InputError(
                f"camera {camera.name} is {camera.kind}, which {format} cannot hold; "
                "write anipose instead"
            )


def _camera(said: Said, matrix: Float[np.ndarray, "3 3"]) -> Camera:
    what = f"camera {said.name}"
    return Camera(
        said.name,
        matrix,
        rotation_vector(said.rotation, f"{what}: its rotation", said.vector),
        numbers(said.translation, f"{what}: its translation", 3),
        numbers(said.distortion, f"{what}: its distortion").ravel(),
        said.kind,
        said.size,
        said.flip,
        dict(said.extra),
    )
