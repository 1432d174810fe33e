"""Calibrations of JARVIS: a folder with one YAML of OpenCV a camera, K and R transposed.

A row of the world p becomes (p R + T) K there, so that intrinsicMatrix has the principal point
in its last row and R is the transpose of ours. Its programs use k1 and k2 alone.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.io import store
from gambol.io.calibration import opencv, storage
from gambol.io.calibration.common import Read, Said, assemble, naming, numbers, pinholes


def is_jarvis(values: Mapping[str, Any]) -> bool:
    """Tell whether the values of a file are a camera of JARVIS."""
    return "intrinsicMatrix" in values


def read(path: Path) -> Read:
    """Read a file, or a folder with one file a camera named after it."""
    said: list[Said] = []
    notes: dict[str, Any] = {}
    for file in opencv.files_of(path):
        values = storage.read(file)
        if not is_jarvis(values):
            continue
        with naming(file):
            said.append(_said(file.stem, values))
        notes |= {word: values[word] for word in ("units", "up", "origin") if word in values}
    return assemble(
        path,
        said,
        units=str(notes.get("units", "unknown")),
        up=np.ravel(notes.get("up", np.array([0.0, 0.0, 1.0]))),
        origin=str(notes.get("origin", "")),
    )


def write(rig: Rig, path: Path) -> list[Path]:
    """Write one file a camera into a folder."""
    pinholes(rig, "jarvis")
    written = []
    for camera in rig.cameras:
        values: dict[str, Any] = {
            "intrinsicMatrix": camera.matrix.T,
            "distortionCoefficients": camera.distortion[None],
            "R": camera.turn.T,
            "T": camera.translation[:, None],
        }
        if camera.size is not None:
            values |= {"image_width": camera.size[0], "image_height": camera.size[1]}
        file = path / f"{camera.name}.yaml"
        store.write_text(storage.yaml_text(values | opencv.ours(rig, camera)), file)
        written.append(file)
    return written


def _said(name: str, values: Mapping[str, Any]) -> Said:
    missing = [word for word in ("R", "T", "distortionCoefficients") if word not in values]
    if missing:
        raise InputError(f"camera {name} lacks {' and '.join(missing)}; export it again")
    matrix = numbers(values["intrinsicMatrix"], f"camera {name}: its camera matrix", 9)
    turn = numbers(values["R"], f"camera {name}: its rotation", 9)
    return Said(
        name,
        matrix.reshape(3, 3).T,
        turn.reshape(3, 3).T,
        values["T"],
        values["distortionCoefficients"],
        opencv.size(name, values),
        flip=bool(values.get("flip", 0)),
        vector=values.get("rotation_vector"),
    )
