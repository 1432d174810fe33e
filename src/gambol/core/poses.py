"""Pose series: an `xr.Dataset` in the schema of the `movement` package, with our uncertainty.

`position (time, space, keypoints, individuals)` in video pixels, `confidence (time,
keypoints, individuals)`, plus `covariance (time, space, space_b, keypoints, individuals)` in
px². Where a network was asked for several peaks per keypoint there are `candidate_position`
and `candidate_score` with one dimension more, `candidate`; the first is the position and its
confidence, and where there are fewer is NaN. Dimension names follow movement 0.15, whose
validator checks them in our tests.
"""

import json
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton

DIMS = ("time", "space", "keypoints", "individuals")
POINT_DIMS = ("time", "keypoints", "individuals")
CANDIDATE_DIMS, SCORE_DIMS = (*DIMS, "candidate"), (*POINT_DIMS, "candidate")
COVARIANCE_DIMS = ("time", "space", "space_b", "keypoints", "individuals")
AXES = ["x", "y", "z"]


def build(
    xy: Float[np.ndarray, "T N J S"],
    confidence: Float[np.ndarray, "T N J"],
    covariance: Float[np.ndarray, "T N J S S"],
    times: Float[np.ndarray, " T"],
    skeleton: Skeleton,
    *,
    fps: float,
    individuals: tuple[str, ...] = ("animal",),
    extra: dict[str, Float[np.ndarray, "T N J"]] | None = None,
    attrs: dict[str, Any] | None = None,
) -> xr.Dataset:
    """Name the axes of a pose series.

    Args:
        xy: positions in video pixels (S = 2) or world units (S = 3); NaN where there is none.
        confidence: P(error <= the radius in `attrs`), calibrated; 0 to 1.
        covariance: of the position, squared units of `xy`.
        times: seconds, strictly increasing.
        skeleton: names and structure, kept in the attributes.
        fps: nominal frames a second.
        individuals: one name per animal.
        extra: further values per keypoint, such as the raw height of the peak.
        attrs: provenance; values are stored as JSON text where they are not plain.
    """
    space = AXES[: xy.shape[-1]]
    data: dict[str, Any] = {
        "position": (DIMS, np.moveaxis(xy, (1, 2, 3), (3, 2, 1))),
        "confidence": (POINT_DIMS, np.swapaxes(confidence, 1, 2)),
        "covariance": (COVARIANCE_DIMS, np.moveaxis(covariance, (1, 2, 3, 4), (4, 3, 1, 2))),
    }
    for name, values in (extra or {}).items():
        data[name] = (POINT_DIMS, np.swapaxes(values, 1, 2))
    coords = {
        "time": times,
        "space": space,
        "space_b": space,
        "keypoints": list(skeleton.keypoints),
        "individuals": list(individuals),
    }
    notes = {
        "ds_type": "poses",
        "source_software": "gambol",
        "fps": fps,
        "time_unit": "seconds",
        "space_unit": "pixels" if len(space) == 2 else "world",
        "skeleton": skeleton.to_dict(),
        **(attrs or {}),
    }
    return xr.Dataset(data, coords, {k: _plain(v) for k, v in notes.items()})


def xy(poses: xr.Dataset) -> Float[np.ndarray, "T N J S"]:
    """Return positions as an array, individual and keypoint before space."""
    return poses.position.transpose("time", "individuals", "keypoints", "space").values


def points(poses: xr.Dataset, name: str) -> Float[np.ndarray, "T N J"]:
    """Return one value per keypoint (`confidence`, `peak`, …) as an array."""
    return poses[name].transpose("time", "individuals", "keypoints").values


def covariance(poses: xr.Dataset) -> Float[np.ndarray, "T N J S S"]:
    """Return covariances as an array, in squared units of the positions."""
    dims = ("time", "individuals", "keypoints", "space", "space_b")
    return poses["covariance"].transpose(*dims).values


def rate(times: Float[np.ndarray, " T"]) -> float:
    """Return frames a second of a clock, without the rounding errors of its times."""
    steps = np.diff(times)
    return float(f"{1 / np.median(steps):.12g}") if len(steps) else 1.0


def skeleton(poses: xr.Dataset) -> Skeleton:
    """Return the skeleton of a pose series; names alone where the file holds no more."""
    if "skeleton" in poses.attrs:
        return Skeleton.from_dict(json.loads(poses.attrs["skeleton"]))
    return Skeleton(tuple(str(name) for name in poses["keypoints"].values))


def validate(poses: xr.Dataset, source: str) -> xr.Dataset:
    """Return the dataset if it is a pose series, else say what is missing."""
    if missing := [name for name in ("position", "confidence") if name not in poses]:
        raise InputError(f"{source} is no pose file: it lacks {' and '.join(missing)}")
    if missing := [dim for dim in DIMS if dim not in poses.position.dims]:
        raise InputError(f"{source} is no pose file: position lacks {', '.join(missing)}")
    return poses


def _plain(value: Any) -> Any:
    """Netcdf attributes hold numbers and text; the rest becomes JSON text."""
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return value if plain else json.dumps(value)
