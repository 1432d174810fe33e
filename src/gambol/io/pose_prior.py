"""Pose priors on disk: netCDF4 with the skeleton, the units and S typical poses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from gambol.core.errors import InputError
from gambol.io import store


def write(values: dict[str, Any], path: Path) -> None:
    """Write a prior.

    Args:
        values: the fields of `multiview.pose_prior.PosePrior`.
        path: a .nc file.
    """
    arrays = {
        "weights": ("state",),
        "directions": ("state", "keypoints", "space"),
        "concentration": ("state", "keypoints"),
        "transition": ("state", "state_next"),
        "up": ("space",),
    }
    data = {
        name: (dims, np.asarray(values[name], float))
        for name, dims in arrays.items()
        if values[name] is not None
    }
    plain = {k: v for k, v in values.items() if k not in arrays}
    coords = {"keypoints": list(values["keypoints"]), "space": ["x", "y", "z"]}
    made = xr.Dataset(data, coords, {"ds_type": "pose prior", "prior": json.dumps(plain)})
    store.write_dataset(made, path)


def read(path: Path) -> dict[str, Any]:
    """Return the fields of a prior."""
    held = store.read_dataset(path)
    if held.attrs.get("ds_type") != "pose prior":
        raise InputError(f"{path} is no pose prior; make one with gambol fit-pose-prior")
    plain = json.loads(held.attrs["prior"])
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in plain.items()
    }
    for name in ("weights", "directions", "concentration", "up"):
        values[name] = held[name].values
    values["transition"] = held["transition"].values if "transition" in held else None
    return values
