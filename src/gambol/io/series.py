"""Series of numbers that are given: latents, principal components or depth scores, by name."""

from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd

from gambol.core.errors import InputError
from gambol.io import store

TEXT, HDF5 = (".csv", ".tsv"), (".h5", ".hdf5")
_CLOCKS = {"frame", "time", "time_s", "index"}  # columns that are no scores


class Given(NamedTuple):
    """One recording."""

    name: str  # the file's stem, or the group's name
    path: Path
    values: np.ndarray  # (T, D) float64
    fps: float | None  # as the file says


def read(path: Path, variable: str = "latent") -> list[Given]:
    """Read the series of a file.

    Args:
        path: netCDF with a variable (time, …), HDF5 with a dataset of this name in every
            group, or a table whose columns are this name and a number, such as `latent_0`;
            without such columns, all of its columns that are no clock.
        variable: name of the variable, dataset or columns.
    """
    kind = store.require_file(path).suffix.lower()
    if kind == ".nc":
        return [_netcdf(path, variable)]
    if kind in HDF5:
        return _hdf5(path, variable)
    if kind in TEXT:
        return [_table(path, variable)]
    raise InputError(f"{path} is none of .nc, {', '.join(HDF5 + TEXT)}; export it as CSV")


def _netcdf(path: Path, variable: str) -> Given:
    held = store.read_dataset(path)
    if variable not in held:
        names = ", ".join(map(str, held.data_vars))
        raise InputError(f"{path} has no variable {variable!r}; it has {names}")
    fps = held.attrs.get("fps")
    values = held[variable]
    if "time" not in values.dims:
        raise InputError(f"{path}: {variable} has no dimension `time`; give a series")
    rest = [dim for dim in values.dims if dim != "time"]
    flat = values.transpose("time", *rest).values.reshape(values.sizes["time"], -1)
    return Given(path.stem, path, _numbers(flat, path), None if fps is None else float(fps))


def _hdf5(path: Path, variable: str) -> list[Given]:
    found = []
    try:
        with h5py.File(path, "r") as file:
            for name, group in file.items():
                held = isinstance(group, h5py.Group)
                # what we write for exchange calls latents by the name that others use
                inside = [k for k in (variable, f"{variable}_state") if held and k in group]
                if not inside:
                    continue
                fps = group.attrs.get("fps", file.attrs.get("fps"))
                values = _numbers(group[inside[0]][()], path)
                found.append(Given(name, path, values, None if fps is None else float(fps)))
    except OSError as error:
        raise InputError(f"{path} is no complete HDF5 file; copy it again") from error
    if not found:
        raise InputError(f"{path} has no group with a dataset {variable!r}; name the dataset")
    return found


def _table(path: Path, variable: str) -> Given:
    try:
        table = pd.read_csv(path, sep="\t" if path.suffix.lower() == ".tsv" else ",")
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path} is no table with a header; export it as CSV") from error
    names = [str(name) for name in table.columns]
    chosen = [
        n for n in names if n.startswith(f"{variable}_") and n[len(variable) + 1 :].isdigit()
    ]
    chosen = chosen or [n for n in names if n.strip().lower() not in _CLOCKS]
    wrong = [n for n in chosen if not pd.api.types.is_numeric_dtype(table[n])]
    if wrong or not chosen:
        said = f"column {wrong[0]!r} is no number" if wrong else "it has no columns of numbers"
        raise InputError(
            f"{path}: {said}; name the columns {variable}_0, {variable}_1 and so on"
        )
    return Given(path.stem, path, _numbers(table[chosen].to_numpy(), path), None)


def _numbers(values: Any, path: Path) -> np.ndarray:
    made = np.asarray(values)
    if made.dtype.kind not in "iuf" or made.ndim not in (1, 2) or not len(made):
        raise InputError(f"{path}: a series is {made.dtype} of shape {made.shape}, not (T, D)")
    return np.ascontiguousarray(made.reshape(len(made), -1), np.float64)
