"""Results of DeepFly3D (.pkl): cameras and 2D points of one file, read without unpickling.

Under 0, 1 … a camera has R, tvec, intr and distort. points2d (cameras, frames, keypoints, 2) is
(row, column) as a share of the image's height and width; a keypoint that a camera did not see
is stored as (0, 0), or as (0, 1) by cameras whose image was mirrored.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.io.calibration import plain_pickle
from gambol.io.calibration.common import Read, Said, assemble, naming, numbers

_PARTS = ("R", "tvec", "intr")
UNSEEN = ((0.0, 0.0), (0.0, 1.0))  # (row, column)


class Points(NamedTuple):
    """Image points of a recording."""

    cameras: tuple[str, ...]
    xy: Float[np.ndarray, "T V J 2"]  # px; NaN where a camera did not see a keypoint


def is_result(values: Any) -> bool:
    """Tell whether what a pickle holds is such a result."""
    return isinstance(values, dict) and any(_is_camera(one) for one in values.values())


def read(path: Path) -> Read:
    """Read the cameras, named cam_0, cam_1 and so on."""
    values = plain_pickle.read(path)
    if not is_result(values):
        raise InputError(f"{path} holds no cameras with R, tvec and intr")
    said = [
        Said(f"cam_{key}", one["intr"], one["R"], one["tvec"], one.get("distort", ()))
        for key, one in values.items()
        if _is_camera(one)
    ]
    return assemble(path, said)


def read_points(path: Path, size: tuple[int, int]) -> Points:
    """Read the image points.

    Args:
        path: the file.
        size: width and height of the images, px; the file does not say them.
    """
    values = plain_pickle.read(path)
    if not isinstance(values, dict) or "points2d" not in values:
        raise InputError(f"{path} holds no points2d; run DeepFly3D again")
    with naming(path):
        shares = numbers(values["points2d"], "points2d")
    if shares.ndim != 4 or shares.shape[-1] != 2:
        raise InputError(
            f"{path}: points2d is {shares.shape}, not (cameras, frames, keypoints, 2)"
        )
    xy = shares[..., ::-1] * np.array(size, float)
    unseen = np.any([np.all(shares == at, axis=-1) for at in UNSEEN], axis=0)
    xy[unseen] = np.nan
    names = tuple(f"cam_{v}" for v in range(len(xy)))
    return Points(names, np.moveaxis(xy, 0, 1))


def _is_camera(one: Any) -> bool:
    return isinstance(one, dict) and all(part in one for part in _PARTS)
