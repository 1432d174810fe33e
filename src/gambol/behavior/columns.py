"""Columns: features of an animal frame by frame, each with name, unit, body part, frequency."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float


class Columns(NamedTuple):
    """F features over T frames."""

    values: Float[np.ndarray, "T F"]  # NaN where not known
    names: tuple[str, ...]
    units: tuple[str, ...]
    parts: tuple[str, ...]  # of the body; "" for the whole animal or a pair
    frequencies: Float[np.ndarray, " F"]  # Hz; NaN for features without one


class Column(NamedTuple):
    """One feature."""

    name: str
    values: Float[np.ndarray, " T"]
    unit: str
    part: str = ""


def gather(columns: Iterable[Column], n_frames: int) -> Columns:
    """Put columns side by side."""
    found = list(columns)
    values = np.empty((n_frames, len(found)))
    for f, column in enumerate(found):
        values[:, f] = column.values
    return Columns(
        values,
        tuple(column.name for column in found),
        tuple(column.unit for column in found),
        tuple(column.part for column in found),
        np.full(len(found), np.nan),
    )


def join(tables: Sequence[Columns]) -> Columns:
    """Put tables of the same frames side by side."""
    return Columns(
        np.concatenate([table.values for table in tables], axis=1),
        tuple(name for table in tables for name in table.names),
        tuple(unit for table in tables for unit in table.units),
        tuple(part for table in tables for part in table.parts),
        np.concatenate([table.frequencies for table in tables]),
    )


def to_array(table: Columns, times: Float[np.ndarray, " T"], name: str) -> xr.DataArray:
    """Name the axes: (time, feature) with unit, part and frequency of each feature."""
    return xr.DataArray(
        table.values,
        dims=("time", "feature"),
        coords={
            "time": times,
            "feature": list(table.names),
            "unit": ("feature", list(table.units)),
            "part": ("feature", list(table.parts)),
            "frequency": ("feature", table.frequencies),
        },
        name=name,
    )


def from_array(array: xr.DataArray) -> Columns:
    """Undo `to_array`."""
    made = array.transpose("time", "feature")
    names, units, parts = (
        tuple(str(text) for text in made[key].values) for key in ("feature", "unit", "part")
    )
    return Columns(made.values, names, units, parts, made["frequency"].values)
