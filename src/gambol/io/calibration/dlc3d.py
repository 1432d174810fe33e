"""Stereo calibrations of DeepLabCut 3D (stereo_params.pickle), read without unpickling.

A file holds cameraMatrix1, distCoeffs1, R, T … for a pair of cameras, under a key that joins
their names by "-". The world here is the first camera, x2 = R x1 + T; DeepLabCut's own 3D
points stand in that camera's rectified axes (R1).
"""

from pathlib import Path
from typing import Any

import numpy as np

from gambol.core.errors import InputError
from gambol.io.calibration import plain_pickle
from gambol.io.calibration.common import Read, Said, assemble, naming, size_of

_NEEDED = ("cameraMatrix1", "distCoeffs1", "cameraMatrix2", "distCoeffs2", "R", "T")


def is_stereo(values: Any) -> bool:
    """Tell whether what a pickle holds is such a calibration."""
    return isinstance(values, dict) and bool(_pairs(values))


def read(path: Path) -> Read:
    """Read the one pair of a file."""
    values = plain_pickle.read(path)
    pairs = _pairs(values) if isinstance(values, dict) else []
    if len(pairs) != 1:
        raise InputError(
            f"{path} holds {len(pairs)} pairs of cameras, not one; give the file of one pair"
        )
    pair = values[pairs[0]]
    if missing := [word for word in _NEEDED if word not in pair]:
        raise InputError(f"{path} lacks {' and '.join(missing)}; calibrate the cameras again")
    names = _names(str(pairs[0]))
    shapes = pair.get("image_shape") or (None, None)
    still = np.zeros(3)
    with naming(path):
        sizes = [size_of(shape, f"camera {n}") for n, shape in zip(names, shapes, strict=True)]
    second = (pair["cameraMatrix2"], pair["R"], pair["T"], pair["distCoeffs2"])
    said = [
        Said(names[0], pair["cameraMatrix1"], still, still, pair["distCoeffs1"], sizes[0]),
        Said(names[1], *second, sizes[1]),
    ]
    note = (
        f"{path}: the world is camera {names[0]}; 3D points of DeepLabCut stand in its "
        "rectified axes, turned by R1"
    )
    return assemble(path, said, up=(0.0, -1.0, 0.0), remarks=[note])


def _pairs(values: dict[Any, Any]) -> list[Any]:
    return [
        key for key, one in values.items() if isinstance(one, dict) and "cameraMatrix1" in one
    ]


def _names(key: str) -> tuple[str, str]:
    """Split camera-1-camera-2 in its middle; names have as many dashes as each other."""
    parts = key.split("-")
    half = len(parts) // 2
    first, second = "-".join(parts[:half]), "-".join(parts[half:])
    return (first, second) if len(parts) % 2 == 0 else (f"{key} 1", f"{key} 2")
