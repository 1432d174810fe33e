"""3D poses of a long recording, written piece by piece and read a stretch of frames at a time.

Pieces lie beside the result in a hidden folder, one file for each stretch and animal; a killed
run finds those that are finished. At the end they are put together, some frames in memory at a
time, and the folder vanishes.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import xarray as xr
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.io import store
from gambol.io.detections import name_axis, open_file

BLOCK = 2048  # frames that are read and written together
_CHUNK = 1024  # frames that are compressed together


class Pieces:
    """The finished pieces of one recording."""

    def __init__(self, target: Path, key: str, starts: Sequence[int], animals: int) -> None:
        """Find them; those of other settings or inputs are removed.

        Args:
            target: the file that they will be.
            key: of settings and inputs.
            starts: the first frame of every piece, and the number of all frames.
            animals: N.
        """
        self.target, self.starts, self.animals = target, list(starts), animals
        self.folder = folder_of(target, key)

    def finished(self, piece: int, animal: int) -> bool:
        """Tell whether a piece is there, of the right length."""
        try:
            with h5netcdf.File(self._path(piece, animal), "r") as file:
                wanted = self.starts[piece + 1] - self.starts[piece]
                return bool(file.dimensions["time"].size == wanted)
        except (OSError, KeyError, ValueError):
            return False

    def write(self, piece: int, animal: int, made: xr.Dataset) -> None:
        """Keep a piece, whole or not at all."""
        path = self._path(piece, animal)
        with store.atomic(path, room=made.nbytes + store.SLACK) as partial:
            made.to_netcdf(partial, engine="h5netcdf")

    def like(self) -> xr.Dataset:
        """Return names and attributes of the pieces, without a frame."""
        with xr.open_dataset(self._path(0, 0), engine="h5netcdf") as made:
            return made.isel(time=slice(0)).load()

    def attrs(self, animal: int, name: str) -> list[str]:
        """Return an attribute of every piece."""
        found = []
        for piece in range(len(self.starts) - 1):
            with open_file(self._path(piece, animal)) as file:
                found.append(str(file.attrs[name]))
        return found

    def read(self, animal: int, first: int, last: int, names: Sequence[str] = ()) -> xr.Dataset:
        """Return what is said of an animal in frames first <= t < last, of several pieces.

        Args:
            animal: its number.
            first: frame.
            last: frame.
            names: of variables; none: all.
        """
        parts: dict[str, list[np.ndarray]] = {}
        dims: dict[str, tuple[str, ...]] = {}
        for piece, begin in enumerate(self.starts[:-1]):
            where = slice(max(first, begin) - begin, min(last, self.starts[piece + 1]) - begin)
            if where.start >= where.stop:
                continue
            path = self._path(piece, animal)
            try:
                with h5netcdf.File(path, "r") as file:
                    for name in names or [
                        n for n in file.variables if n not in file.dimensions
                    ]:
                        dims[name] = file.variables[name].dimensions
                        parts.setdefault(name, []).append(file.variables[name][where])
            except (OSError, KeyError, ValueError) as error:
                path.unlink(missing_ok=True)
                raise InputError(f"{path} was damaged; run the command again") from error
        return xr.Dataset(
            {name: (dims[name], np.concatenate(some)) for name, some in parts.items()}
        )

    def bytes(self) -> int:
        """Return how much the pieces hold, more than what they make after packing."""
        return sum(path.stat().st_size for path in self.folder.glob("*.nc"))

    def remove(self) -> None:
        """Delete them once the result is written."""
        forget(self.target)

    def _path(self, piece: int, animal: int) -> Path:
        return self.folder / f"{piece:06d}-{animal:03d}.nc"


def found(target: Path, key: str) -> Path | None:
    """Return the folder of a result's pieces if there are any of this key."""
    folder = _folder(target) / key
    return folder if folder.is_dir() else None


def folder_of(target: Path, key: str) -> Path:
    """Return the folder of a result's pieces; what is there of another key is removed.

    Several processes may fill it: what each does to begin leaves the others' pieces alone.
    """
    folder = _folder(target) / key
    with store.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for other in folder.parent.iterdir():
        if other.name != key:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def forget(target: Path) -> None:
    """Remove what is kept of a result."""
    shutil.rmtree(_folder(target), ignore_errors=True)


def _folder(target: Path) -> Path:
    return target.with_name(f".{target.stem}.part")


def write(
    target: Path,
    like: xr.Dataset,
    times: Float[np.ndarray, " T"],
    blocks: Iterable[xr.Dataset],
    room: int,
) -> None:
    """Write a pose series, one block in memory at a time; it appears whole or not at all.

    Args:
        target: the file.
        like: variables, names and attributes, with any number of frames.
        times: of all frames, seconds.
        blocks: all frames in order.
        room: bytes that the disk must have.
    """
    with store.atomic(target, room) as partial, h5netcdf.File(partial, "w") as file:
        _declare(file, like, times)
        start = 0
        for block in blocks:
            stop = start + block.sizes["time"]
            for name, values in block.data_vars.items():
                file.variables[str(name)][start:stop] = values.values
            start = stop
        if start != len(times):
            raise InputError(f"{target}: {start} frames for {len(times)} times")


def blocks(path: Path, names: Sequence[str], size: int = BLOCK) -> Iterator[xr.Dataset]:
    """Yield some variables of a pose file, so many frames after another."""
    store.require_file(path)
    try:
        with xr.open_dataset(path, engine="h5netcdf") as made:
            for first in range(0, max(made.sizes["time"], 1), size):
                yield made[list(names)].isel(time=slice(first, first + size)).load()
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} is no complete file of 3D poses ({reason}); make it again"
        ) from error


def _declare(file: Any, like: xr.Dataset, times: Float[np.ndarray, " T"]) -> None:
    """Write names, times and attributes, with the variables still empty."""
    file.dimensions["time"] = len(times)
    file.create_variable("time", ("time",), "f8", data=times)
    for axis in (str(dim) for dim in like.dims if dim != "time"):
        if axis in like.coords:
            name_axis(file, axis, tuple(str(word) for word in like[axis].values))
        else:
            file.dimensions[axis] = like.sizes[axis]
    for name, values in like.data_vars.items():
        sizes = [min(len(times), _CHUNK), *(like.sizes[d] for d in values.dims[1:])]
        file.create_variable(
            str(name), values.dims, values.dtype, fillvalue=values.dtype.type(np.nan),
            chunks=tuple(sizes), compression="gzip", compression_opts=1, shuffle=True,
        )  # fmt: skip
    file.attrs.update(like.attrs)
