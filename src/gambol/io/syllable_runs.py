"""Syllables of recordings on disk: one netCDF a recording, a table, HDF5 for other programs."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import xarray as xr

from gambol.core.errors import InputError
from gambol.core.sequences import MISSING
from gambol.io import store

VARIABLES = ("syllable", "probability", "latent")
_DIGITS = 5  # after the point, of numbers in the table


def build(
    found: xr.Dataset,
    probability: np.ndarray,
    sample: np.ndarray | None,
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    """Put together what is known of T frames of a recording.

    Args:
        found: `syllable (time)`, the most probable ones, -1 where there is none, `latent
            (time, latent)` and, of poses, `centroid (time, space)` and `heading (time)`, rad.
        probability: (T, N) P(syllable | all of the recording), kept as float16.
        sample: (T,) syllables of the last sweep of the sampler; none for new recordings.
        attrs: what made them, and whose they are.
    """
    label = found["syllable"].values.astype(np.int16)
    drawn = np.full(len(label), MISSING) if sample is None else sample
    kept = {
        name: (found[name].dims, found[name].values.astype(np.float32))
        for name in ("latent", "centroid", "heading")
        if name in found
    }
    variables = {
        "syllable": ("time", label),
        "syllable_sample": ("time", drawn.astype(np.int16)),
        "probability": (("time", "syllable_index"), probability.astype(np.float16)),
        **kept,
    }
    coords: dict[str, Any] = {"time": ("time", found["time"].values, {"units": "s"})}
    if "space" in found.coords:
        coords["space"] = found["space"].values
    return xr.Dataset(variables, coords, {**attrs, "fps": float(found.attrs["fps"])})


def write(course: xr.Dataset, path: Path) -> None:
    """Write the syllables of one recording as netCDF4."""
    store.write_dataset(course, path)


def read(path: Path) -> xr.Dataset:
    """Read the syllables of one recording; equal, bit for bit, to what was written."""
    course = store.read_dataset(path)
    if lacking := [name for name in VARIABLES if name not in course]:
        raise InputError(
            f"{path} holds no syllables: it lacks {', '.join(lacking)}; give a file that "
            "fit-syllables or apply-syllables wrote"
        )
    return course


def write_table(courses: Iterable[tuple[str, xr.Dataset]], path: Path) -> None:
    """Write a row a frame of all recordings as CSV, one recording in memory at a time.

    Columns: recording, frame, time_s, syllable, probability (of this syllable), centroid_x …,
    heading, latent_0 …; -1 and nothing stand where there is no label or value.
    """
    with store.atomic(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        for number, (name, course) in enumerate(courses):
            frame_table(name, course).to_csv(
                file, index=False, header=number == 0, lineterminator="\n"
            )


def frame_table(name: str, course: xr.Dataset) -> pd.DataFrame:
    """Return the rows of one recording."""
    label = course["syllable"].values.astype(np.int64)
    chance = course["probability"].values
    own = chance[np.arange(len(label)), np.maximum(label, 0)].astype(np.float64)
    columns: dict[str, Any] = {
        "recording": name,
        "frame": np.arange(len(label)),
        "time_s": course["time"].values.round(6),
        "syllable": label,
        "probability": np.where(label >= 0, own, np.nan).round(4),
    }
    if "centroid" in course:
        place = course["centroid"].values.astype(np.float64).round(_DIGITS)
        columns |= {
            f"centroid_{axis}": place[:, k] for k, axis in enumerate("xyz"[: place.shape[1]])
        }
        columns["heading"] = course["heading"].values.astype(np.float64).round(_DIGITS)
    latent = course["latent"].values.astype(np.float64).round(_DIGITS)
    columns |= {f"latent_{k}": latent[:, k] for k in range(latent.shape[1])}
    return pd.DataFrame(columns)


def write_exchange(courses: Iterable[tuple[str, xr.Dataset]], fps: float, path: Path) -> None:
    """Write HDF5 groups /NAME/{syllable,latent_state,centroid,heading}, one a recording."""
    names = {"syllable": "syllable", "latent": "latent_state", "centroid": "centroid"}
    names |= {"heading": "heading"}
    with store.atomic(path) as partial, h5py.File(partial, "w") as file:
        file.attrs["fps"] = float(fps)
        for name, course in courses:
            group = file.create_group(name)
            group.attrs["fps"] = float(fps)
            for ours, theirs in names.items():
                if ours in course:
                    group.create_dataset(theirs, data=course[ours].values, compression=1)
