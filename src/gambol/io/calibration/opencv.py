"""Calibrations in files of OpenCV: one a camera in a folder, or a stereo pair in one file.

Names of the values differ from program to program; `_NAMES` lists those that are understood.
The second camera of a stereo pair has x2 = R x1 + T: the world is the first camera.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gambol.core.cameras import Camera, Rig
from gambol.core.errors import InputError
from gambol.io import store
from gambol.io.calibration import storage
from gambol.io.calibration.common import (
    Read,
    Said,
    assemble,
    naming,
    numbers,
    pinholes,
    size_of,
)
from gambol.io.video.images import natural_key

SUFFIXES = (".yaml", ".yml", ".xml")
_NAMES = {
    "matrix": ("camera_matrix", "cameraMatrix", "Camera_Matrix", "K", "intrinsics", "mtx"),
    "distortion": (
        *("distortion_coefficients", "Distortion_Coefficients", "dist_coeffs", "distCoeffs"),
        *("dist", "D", "distortion"),
    ),
    "rotation": ("R", "rotation_matrix", "rotation", "rvec"),
    "translation": ("T", "t", "translation", "tvec", "translation_vector"),
}
_PAIR = (  # of a stereo pair: matrices and distortions of the first and of the second camera
    ("M1", "D1", "M2", "D2"),
    ("K1", "D1", "K2", "D2"),
    ("cameraMatrix1", "distCoeffs1", "cameraMatrix2", "distCoeffs2"),
    ("camera_matrix_left", "dist_coeffs_left", "camera_matrix_right", "dist_coeffs_right"),
)


def files_of(path: Path) -> list[Path]:
    """Return the files of a folder, cam_10 after cam_2; of a file, itself."""
    if not path.is_dir():
        return [path]
    inside = [p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file()]
    return sorted(inside, key=lambda p: natural_key(p.name))


def is_opencv(values: Mapping[str, Any]) -> bool:
    """Tell whether a file holds cameras that are understood here."""
    return bool(_pair(values)) or _get(values, "matrix") is not None or bool(_inside(values))


def read(path: Path) -> Read:
    """Read a file, or a folder with one file a camera named after it."""
    said: list[Said] = []
    notes: dict[str, Any] = {}
    for file in files_of(path):
        values = storage.read(file)
        with naming(file):
            said += _said(file, values)
        notes |= {word: values[word] for word in ("units", "up", "origin") if word in values}
    up = notes.get("up", np.array([0.0, 0.0, 1.0]))
    return assemble(
        path,
        said,
        units=str(notes.get("units", "unknown")),
        up=np.ravel(up),
        origin=str(notes.get("origin", "")),
    )


def write(rig: Rig, path: Path) -> list[Path]:
    """Write one file a camera into a folder: K, distortion, R and T, and what we add."""
    pinholes(rig, "opencv")
    written = []
    for camera in rig.cameras:
        values: dict[str, Any] = {"camera_name": camera.name}
        if camera.size is not None:
            values |= {"image_width": camera.size[0], "image_height": camera.size[1]}
        values |= {
            "camera_matrix": camera.matrix,
            "distortion_coefficients": camera.distortion[None],
            "R": camera.turn,
            "T": camera.translation[:, None],
        }
        values |= ours(rig, camera)
        file = path / f"{camera.name}.yaml"
        store.write_text(storage.yaml_text(values), file)
        written.append(file)
    return written


def ours(rig: Rig, camera: Camera) -> dict[str, Any]:
    """Return what other readers skip, and we need to read a rig as it was."""
    more = {"rotation_vector": camera.rotation[:, None], "flip": int(camera.flip)}
    return more | {"units": rig.units, "up": np.array([rig.up]), "origin": rig.origin}


def _said(file: Path, values: Mapping[str, Any]) -> list[Said]:
    if pair := _pair(values):
        return _said_of_pair(values, pair)
    if _get(values, "matrix") is not None:
        return [_said_of_one(str(values.get("camera_name", file.stem)), values)]
    if inside := _inside(values):
        return [_said_of_one(name, values[name]) for name in inside]
    raise InputError(
        f"it holds no camera matrix; looked for {', '.join(_NAMES['matrix'])} and for pairs "
        f"such as {_PAIR[0][0]} and {_PAIR[0][2]}"
    )


def _said_of_one(name: str, values: Mapping[str, Any]) -> Said:
    rotation, translation = _get(values, "rotation"), _get(values, "translation")
    if rotation is None or translation is None:
        raise InputError(
            f"camera {name} has no rotation and translation; calibrate all cameras together"
        )
    distortion = _get(values, "distortion")
    return Said(
        name,
        _get(values, "matrix"),
        rotation,
        translation,
        () if distortion is None else distortion,
        size(name, values),
        flip=bool(values.get("flip", 0)),
        vector=values.get("rotation_vector"),
    )


def _said_of_pair(values: Mapping[str, Any], names: tuple[str, ...]) -> list[Said]:
    if "R" not in values or "T" not in values:
        raise InputError("the stereo pair has no R and T; save them into the same file")
    m1, d1, m2, d2 = (values.get(name, ()) for name in names)
    shape = size("1", values)
    still = np.zeros(3)
    return [
        Said("cam_1", m1, still, still, d1, shape),
        Said("cam_2", m2, values["R"], values["T"], d2, shape),
    ]


def size(name: str, values: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return width and height, where a file says them."""
    if "image_width" in values and "image_height" in values:
        return size_of((values["image_width"], values["image_height"]), f"camera {name}: size")
    if "image_size" in values and np.size(values["image_size"]) == 2:
        return size_of(
            numbers(values["image_size"], f"camera {name}: its size"), f"camera {name}: size"
        )
    return None


def _get(values: Mapping[str, Any], what: str) -> Any:
    return next((values[name] for name in _NAMES[what] if name in values), None)


def _pair(values: Mapping[str, Any]) -> tuple[str, ...]:
    there = (names for names in _PAIR if names[0] in values and names[2] in values)
    return next(there, ())


def _inside(values: Mapping[str, Any]) -> list[str]:
    """Return the names of maps that describe a camera each."""
    maps = {name: value for name, value in values.items() if isinstance(value, Mapping)}
    return [name for name, value in maps.items() if _get(value, "matrix") is not None]
