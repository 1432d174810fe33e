"""Whole trajectories drawn from the posterior of 3D poses, written one by one."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import xarray as xr
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.io import store

TEXT = h5py.string_dtype()
Keep = Callable[[int, int, Float[np.ndarray, "T J 3"]], None]  # draw, animal, world units


@contextmanager
def writing(like: xr.Dataset, draws: int, path: Path) -> Iterator[tuple[Keep, dict[str, Any]]]:
    """Give a function that keeps a draw of an animal, and attributes to fill.

    Memory holds one draw. The file appears when the block ends without an error.

    Args:
        like: the 3D poses that are drawn around: names, times, units.
        draws: D.
        path: a .nc file, `position (draw, time, space, keypoints, individuals)`.
    """
    sizes = {name: like.sizes[name] for name in ("time", "space", "keypoints", "individuals")}
    about: dict[str, Any] = {"ds_type": "pose draws", "units": str(like.attrs["units"])}
    room = 4 * draws * int(np.prod(list(sizes.values()))) + store.SLACK
    with store.atomic(path, room=room) as partial, h5netcdf.File(partial, "w") as file:
        file.dimensions = {"draw": draws, **sizes}
        for name in sizes:
            labels = like[name].values
            kind = labels.dtype if labels.dtype.kind == "f" else TEXT
            own = file.create_variable(name, (name,), kind)
            own[...] = labels if labels.dtype.kind == "f" else labels.astype(object)
        place = file.create_variable(
            "position", ("draw", *sizes), np.float32, chunks=(1, *sizes.values())
        )

        def keep(draw: int, animal: int, xyz: Float[np.ndarray, "T J 3"]) -> None:
            place[draw, :, :, :, animal] = np.asarray(xyz, np.float32).swapaxes(1, 2)

        yield keep, about
        for name, value in about.items():
            plain = isinstance(value, str | int | float)
            file.attrs[name] = value if plain else json.dumps(value)


def read(path: Path) -> xr.Dataset:
    """Read draws."""
    made = store.read_dataset(path)
    if made.attrs.get("ds_type") != "pose draws":
        raise InputError(f"{path} holds no draws; make them with gambol draw-poses")
    return made


def about(path: Path) -> Mapping[str, Any] | None:
    """Return the attributes of a file of draws; None where it is something else."""
    try:
        with h5netcdf.File(path, "r") as file:
            told = dict(file.attrs)
    except OSError:
        return None
    return told if told.get("ds_type") == "pose draws" else None
