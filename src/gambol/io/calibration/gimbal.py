"""Cameras of GIMBAL: bare 3 x 4 matrices (.npz, .npy, .csv), or parts of them in HDF5.

.npz and .npy hold (V, 3, 4), in .npz as camera_matrices; a CSV has one row of 12 numbers a
camera, its name before them, or three rows of 4. HDF5 has a group camera_parameters with
camera_names, intrinsic, dist_coefs, rotation (3 x 3) and translation.
"""

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Rig, from_projection
from gambol.core.errors import InputError
from gambol.io import store
from gambol.io.calibration.common import (
    Read,
    Said,
    assemble,
    naming,
    numbers,
    pinholes,
    size_of,
)

GROUP = "camera_parameters"
MATRICES = "camera_matrices"


def read(path: Path) -> Read:
    """Read the parts of cameras from HDF5."""
    import h5py

    try:
        with h5py.File(store.require_file(path), "r") as file:
            group = file[GROUP]
            words = ("camera_names", "intrinsic", "dist_coefs", "rotation", "translation")
            names, matrix, distortion, rotation, shift = (group[word][()] for word in words)
            vectors = group["rotation_vector"][()] if "rotation_vector" in group else None
            sizes = group["size"][()] if "size" in group else None
            notes = {k: v for k, v in group.attrs.items()}
    except (OSError, KeyError) as error:
        raise InputError(f"{path} is no calibration of GIMBAL ({error}); export it") from error
    flips = np.ravel(notes.get("flip", np.zeros(len(names))))
    said = [
        Said(
            name.decode() if isinstance(name, bytes) else str(name),
            matrix[v],
            rotation[v],
            shift[v],
            distortion[v],
            None if sizes is None else size_of(sizes[v], f"camera {v}: its size"),
            flip=bool(flips[v]),
            vector=None if vectors is None else vectors[v],
        )
        for v, name in enumerate(names)
    ]
    return assemble(
        path,
        said,
        units=str(notes.get("units", "unknown")),
        up=notes.get("up", (0.0, 0.0, 1.0)),
        origin=str(notes.get("origin", "")),
    )


def write(rig: Rig, path: Path) -> list[Path]:
    """Write the parts of cameras as HDF5."""
    import h5py

    pinholes(rig, "gimbal")
    cameras = rig.cameras
    arrays: dict[str, Any] = {
        "camera_names": np.array([camera.name.encode() for camera in cameras]),
        "intrinsic": np.array([camera.matrix for camera in cameras]),
        "dist_coefs": np.array([camera.distortion for camera in cameras]),
        "rotation": np.array([camera.turn for camera in cameras]),
        "translation": np.array([camera.translation for camera in cameras]),
        "rotation_vector": np.array([camera.rotation for camera in cameras]),
        "size": np.array([camera.size or (0, 0) for camera in cameras]),
    }
    flips = [int(camera.flip) for camera in cameras]
    with store.atomic(path, store.SLACK) as partial, h5py.File(partial, "w") as file:
        group = file.create_group(GROUP)
        for name, values in arrays.items():
            group[name] = values
        group.attrs.update(units=rig.units, up=rig.up, origin=rig.origin, flip=flips)
    return [path]


def read_matrices(path: Path) -> Read:
    """Read bare 3 x 4 matrices and split them; distortion is none."""
    names, matrices = _rows(path) if path.suffix.lower() == ".csv" else _arrays(path)
    said = []
    with naming(path):
        for name, matrix in zip(names, matrices, strict=True):
            one = from_projection(name, numbers(matrix, f"camera {name}", 12).reshape(3, 4))
            kind = one.kind
            said.append(Said(name, one.matrix, one.rotation, one.translation, kind=kind))
    return assemble(path, said)


def _arrays(path: Path) -> tuple[list[str], Float[np.ndarray, "V 3 4"]]:
    try:
        with store.require_file(path).open("rb") as stream:
            file = np.load(stream, allow_pickle=False)
            if isinstance(file, np.ndarray):
                return _named(path, file, None)
            if MATRICES not in file:
                raise InputError(
                    f"{path} holds no {MATRICES}; it holds {', '.join(file.files) or 'nothing'}"
                )
            names = file.get("camera_names")
            return _named(path, file[MATRICES], names)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} holds no plain arrays ({error}); save it again") from error


def _named(path: Path, values: np.ndarray, names: Any) -> tuple[list[str], np.ndarray]:
    matrices = values[None] if values.ndim == 2 else values
    if matrices.ndim != 3 or matrices.shape[1:] != (3, 4):
        raise InputError(f"{path} holds an array of shape {values.shape}, not (cameras, 3, 4)")
    words = [f"cam_{v}" for v in range(len(matrices))] if names is None else map(str, names)
    return list(words), matrices


def _rows(path: Path) -> tuple[list[str], np.ndarray]:
    rows = [row for row in csv.reader(io.StringIO(store.read_text(path))) if any(row)]
    if rows and not _numeric(rows[0][1:]):
        rows = rows[1:]
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise InputError(f"{path} holds no rows of equal length; write 12 numbers a camera")
    named = not _numeric(rows[0][:1])
    cells = [row[named:] for row in rows]
    if not all(map(_numeric, cells)):
        raise InputError(f"{path} holds what is no number; write 12 numbers a camera")
    values = np.array(cells, np.float64)
    if values.shape[1] == 12:
        names = np.array([row[0] for row in rows]) if named else None
        return _named(path, values.reshape(-1, 3, 4), names)
    if values.shape[1] == 4 and len(values) % 3 == 0:
        names = np.array([row[0] for row in rows[::3]]) if named else None
        return _named(path, values.reshape(-1, 3, 4), names)
    raise InputError(
        f"{path} has {len(values)} rows of {values.shape[1]} numbers; write 12 numbers a "
        "camera, or three rows of 4"
    )


def _numeric(cells: list[str]) -> bool:
    try:
        return all(np.isfinite(float(cell)) for cell in cells)
    except ValueError:
        return False
