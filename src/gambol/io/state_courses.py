"""States of recordings on disk: one netCDF a recording, text tables for other programs."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from gambol.core.errors import InputError
from gambol.core.sequences import MISSING
from gambol.io import store

VARIABLES = ("state_sample", "state", "probability", "syllable", "mask")


def build(
    syllable: np.ndarray,
    state_sample: np.ndarray,
    state: np.ndarray,
    probability: np.ndarray,
    fps: float,
    attrs: dict[str, Any] | None = None,
) -> xr.Dataset:
    """Put together what is known of T frames of a recording.

    Args:
        syllable: (T,) labels, -1 where there is none.
        state_sample: (T,) states of the last sweep of the sampler, or -1 where it had none.
        state: (T,) states of the most probable path.
        probability: (T, K) P(state of the frame | all frames), kept as float16.
        fps: frames a second.
        attrs: what made it: model, settings, versions.
    """
    kind = np.int16 if syllable.max(initial=0) <= np.iinfo(np.int16).max else np.int32
    variables = {
        "state_sample": ("time", state_sample.astype(np.int16)),
        "state": ("time", state.astype(np.int16)),
        "probability": (("time", "state_index"), probability.astype(np.float16)),
        "syllable": ("time", syllable.astype(kind)),
        "mask": ("time", syllable != MISSING),
    }
    coords = {"time": ("time", np.arange(len(syllable)) / fps, {"units": "s"})}
    return xr.Dataset(variables, coords, {**(attrs or {}), "fps": float(fps)})


def write(course: xr.Dataset, path: Path) -> None:
    """Write the states of one recording as netCDF4."""
    store.write_dataset(course, path)


def read(path: Path) -> xr.Dataset:
    """Read the states of one recording; equal, bit for bit, to what was written."""
    course = store.read_dataset(path)
    if lacking := [name for name in VARIABLES if name not in course]:
        raise InputError(
            f"{path} holds no states: it lacks {', '.join(lacking)}; give a file that "
            "fit-states or apply-states wrote"
        )
    return course


def write_frames(course: xr.Dataset, path: Path) -> None:
    """Write one row a frame as CSV: frame, time_s, syllable, state, state_sample, probability.

    The probability is that of `state`; -1 stands where there is no label.
    """
    state = course["state"].to_numpy()
    chosen = np.take_along_axis(course["probability"].to_numpy(), state[:, None], axis=1)
    table = pd.DataFrame(
        {
            "frame": np.arange(len(state)),
            "time_s": course["time"].to_numpy().round(6),
            "syllable": course["syllable"].to_numpy(),
            "state": state,
            "state_sample": course["state_sample"].to_numpy(),
            "probability": chosen[:, 0].astype(np.float64).round(4),
        }
    )
    write_table(table, path)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table (of bouts, durations, …) as CSV."""
    with store.atomic(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")


def read_bouts(path: Path) -> pd.DataFrame:
    """Read a table of bouts; recordings are names, whatever they look like."""
    store.require_file(path)
    table = pd.read_csv(path, dtype={"recording": str}, keep_default_na=False)
    wanted = ("recording", "label", "start", "stop", "left_censored", "right_censored")
    if lacking := [name for name in wanted if name not in table]:
        raise InputError(f"{path} is no table of bouts: it lacks {', '.join(lacking)}")
    return table


def write_syllables(labels: np.ndarray, path: Path, centroid: np.ndarray | None = None) -> None:
    """Write a recording as `io.syllables` reads it: syllable, centroid x, centroid y.

    Args:
        labels: (T,), -1 where there is none.
        path: of the CSV file; its stem names the recording.
        centroid: (T, 2) video pixels.
    """
    columns: dict[str, np.ndarray] = {"syllable": labels}
    if centroid is not None:
        columns |= {"centroid x": centroid[:, 0], "centroid y": centroid[:, 1]}
    write_table(pd.DataFrame(columns), path)
