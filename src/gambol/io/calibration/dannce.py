"""Calibrations of DANNCE and Label3D (.mat): K and r transposed, t and distortion as rows.

A row of the world p becomes (p r + t) K there. RDistort is k1 k2 (k3), TDistort p1 p2; K has a
skew, which many programs drop. Image points and principal points share one origin in these
files, MATLAB's (1, 1) or not: if the images show that it is, both move by -1, never one alone.
What MATLAB's programs skip stands in `gambol`: units, up, sizes and exact rotations.
"""

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.io import store
from gambol.io.calibration import orientation
from gambol.io.calibration.common import (
    Read,
    Said,
    assemble,
    naming,
    numbers,
    pinholes,
    size_of,
)

_PARTS = ("K", "r", "t", "RDistort", "TDistort")


def is_dannce(values: dict[str, Any]) -> bool:
    """Tell whether the variables of a file are such a calibration."""
    return "params" in values or set(_PARTS) <= set(values)


def variables(path: Path) -> dict[str, Any]:
    """Read the variables of a file."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    data = store.require_file(path).read_bytes()
    if data[:10] == b"MATLAB 7.3" or data[512:516] == b"\x89HDF":
        raise InputError(f"{path} was saved with -v7.3; save it in MATLAB with -v7")
    try:
        found = loadmat(io.BytesIO(data))
    except (
        *(ValueError, TypeError, OSError, NotImplementedError, KeyError, IndexError),
        *(EOFError, OverflowError, MemoryError, MatReadError, zlib.error),
    ) as error:
        raise InputError(f"{path} is no MATLAB file ({error}); save it again") from error
    return {name: value for name, value in found.items() if not name.startswith("__")}


def read(path: Path) -> Read:
    """Read all cameras of a file; labels in it tell which way round K and r are."""
    values = variables(path)
    if not is_dannce(values):
        raise InputError(f"{path} holds no params with K, r, t; export it from Label3D again")
    with naming(path):
        ours = _ours(values)
        if "params" in values:
            structs = [_struct(cell) for cell in values["params"].ravel()]
            names = _names(values, len(structs))
        else:
            structs, names = [{part: values[part] for part in _PARTS}], [path.stem]
        said = [
            _said(name, struct, ours, v)
            for v, (name, struct) in enumerate(zip(names, structs, strict=True))
        ]
    made = assemble(
        path,
        said,
        units=ours.get("units", "unknown"),
        up=ours.get("up", (0.0, 0.0, 1.0)),
        origin=ours.get("origin", ""),
    )
    judged = _judged(values, made.rig)
    return made._replace(remarks=(*made.remarks, *(f"{path}: {text}" for text in judged)))


def write(rig: Rig, path: Path) -> list[Path]:
    """Write params, camnames, and what is ours."""
    from scipy.io import savemat

    pinholes(rig, "dannce")
    cameras = rig.cameras
    params, names = np.empty((len(cameras), 1), object), np.empty((1, len(cameras)), object)
    for v, camera in enumerate(cameras):
        k1, k2, p1, p2, k3 = camera.distortion
        params[v, 0] = {
            "K": camera.matrix.T,
            "RDistort": np.array([[k1, k2, k3]]),
            "TDistort": np.array([[p1, p2]]),
            "r": camera.turn.T,
            "t": camera.translation[None],
        }
        names[0, v] = camera.name
    ours = {
        "units": rig.units,
        "up": np.array([rig.up]),
        "origin": rig.origin,
        "size": np.array([camera.size or (0, 0) for camera in cameras], float),
        "flip": np.array([[float(camera.flip) for camera in cameras]]),
        "rotation_vector": np.array([camera.rotation for camera in cameras]),
    }
    stream = io.BytesIO()
    savemat(stream, {"params": params, "camnames": names, "gambol": ours})
    store.write_bytes(stream.getvalue(), path)
    return [path]


def _said(name: str, struct: dict[str, Any], ours: dict[str, Any], v: int) -> Said:
    missing = [part for part in _PARTS if part not in struct]
    if missing:
        raise InputError(f"camera {name} lacks {' and '.join(missing)}; export it again")
    what = f"camera {name}: its"
    radial = numbers(struct["RDistort"], f"{what} RDistort").ravel()
    tangential = numbers(struct["TDistort"], f"{what} TDistort", 2)
    if len(radial) not in (2, 3):
        raise InputError(f"{what} RDistort has {len(radial)} values, not 2 or 3")
    k1, k2, k3 = [*radial, 0.0][:3]
    return Said(
        name,
        numbers(struct["K"], f"{what} K", 9).reshape(3, 3).T,
        numbers(struct["r"], f"{what} r", 9).reshape(3, 3).T,
        struct["t"],
        (k1, k2, *tangential, k3),
        size_of(ours["size"][v], f"{what} size") if "size" in ours else None,
        flip=bool(ours["flip"][v]) if "flip" in ours else False,
        vector=ours["rotation_vector"][v] if "rotation_vector" in ours else None,
    )


def _struct(cell: Any) -> dict[str, Any]:
    """Return the fields of a MATLAB struct, whatever it is wrapped in."""
    while isinstance(cell, np.ndarray) and cell.dtype == object and cell.size == 1:
        cell = cell.ravel()[0]
    if isinstance(cell, np.ndarray) and cell.dtype.names and cell.size == 1:
        return {name: cell[name].ravel()[0] for name in cell.dtype.names}
    raise InputError("params holds what is no struct; export it from Label3D again")


def _names(values: dict[str, Any], count: int) -> list[str]:
    cells = values["camnames"].ravel() if "camnames" in values else []
    names = [str(np.ravel(cell)[0]).strip() for cell in cells]
    if names and len(names) != count:
        raise InputError(f"camnames has {len(names)} names for {count} cameras")
    return names or [f"Camera{v + 1}" for v in range(count)]


def _ours(values: dict[str, Any]) -> dict[str, Any]:
    if "gambol" not in values:
        return {}
    struct = _struct(values["gambol"])
    return {
        "units": _word(struct["units"]),
        "origin": _word(struct["origin"]),
        "up": struct["up"].ravel(),
        "size": struct["size"],
        "flip": struct["flip"].ravel(),
        "rotation_vector": struct["rotation_vector"],
    }


def _word(text: np.ndarray) -> str:
    return str(text.ravel()[0]) if text.size else ""


def _judged(values: dict[str, Any], rig: Rig) -> list[str]:
    """Compare the labelled image points with the labelled points, where there are both."""
    cells = values.get("labelData")
    if cells is None or cells.size != len(rig):
        return []
    labels = [_struct(cell) for cell in cells.ravel()]
    if not all({"data_2d", "data_3d"} <= set(one) for one in labels):
        return []
    uv = np.array([np.asarray(one["data_2d"], np.float64).reshape(-1, 2) for one in labels])
    points = np.asarray(labels[0]["data_3d"], np.float64).reshape(-1, 3)
    if uv.shape[1] != len(points):
        return []
    return [one.remark for one in orientation.transposed(rig, points, uv) if one.remark]
