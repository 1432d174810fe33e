"""Recordings of syllables or states, read from files of other programs and of our own."""

import glob
import importlib.util
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
import xarray as xr

from gambol.core import sequences
from gambol.core.errors import InputError
from gambol.core.sequences import MISSING, Sequences
from gambol.io import store, syllable_csv

TEXT = (".csv", ".tsv", ".txt")
HDF5 = (".h5", ".hdf5")
SUFFIXES = (*TEXT, *HDF5, ".nc", ".parquet")
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".m4v", ".mpg", ".mpeg", ".wmv", ".webm")


class Source(NamedTuple):
    """Where a recording comes from."""

    name: str  # stem of the file, or name of the group
    path: Path
    group: str  # in an HDF5 file, else empty
    video: Path | None  # of the same name


class Recordings(NamedTuple):
    """What was read, and where each recording came from, in the same order."""

    sequences: Sequences
    sources: tuple[Source, ...]


class _Found(NamedTuple):
    source: Source
    labels: np.ndarray  # (T,) int16 or int32, -1 where missing
    fps: float | None  # as the file says


def read(
    paths: str | Path | Iterable[str | Path],
    fps: float | None = None,
    *,
    label: str = "syllable",
    size: int | None = None,
    videos: Path | None = None,
) -> Recordings:
    """Read recordings, each under its file's stem or its group's name.

    Text tables, HDF5 (`/{recording}/{syllable,centroid}`), our netCDF and Parquet are read.
    Labels are whole numbers from 0 on; -1, NA or nothing where a frame has none.

    Args:
        paths: files, a folder of them, or a pattern such as `"data/*.csv"`.
        fps: frames a second; needed where the files do not say it.
        label: column, dataset or variable that holds the labels.
        size: number of labels; without it one more than the largest.
        videos: folder of videos of the same names; without it they lie beside the files.
    """
    files = expand(paths)
    # parsing lets go of the interpreter; one core reads while another parses
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        found = [f for part in pool.map(lambda path: _read(path, label), files) for f in part]
    if not found:
        raise InputError("no recordings were given; give files, a folder or a pattern")
    taken: dict[str, Path] = {}
    for source, *_ in found:
        if source.name in taken:
            raise InputError(
                f"{taken[source.name]} and {source.path} both hold a recording "
                f"{source.name!r}; rename one of them"
            )
        taken[source.name] = source.path
    packed = sequences.pack([f.labels for f in found], taken, _rate(found, fps), size)
    return Recordings(packed, tuple(_with_video(f.source, videos) for f in found))


def read_centroid(source: Source) -> np.ndarray | None:
    """Return where the animal is, (T, 2) float32 video pixels; None where no one wrote it."""
    path = source.path
    if path.suffix.lower() in TEXT:
        return syllable_csv.read_centroid(path)
    if path.suffix.lower() == ".parquet":
        table = _parquet(path)
        pairs = [p for p in syllable_csv.CENTROIDS if set(p) <= set(table.columns)]
        return table[list(pairs[0])].to_numpy(np.float32) if pairs else None
    with h5py.File(store.require_file(path), "r") as file:
        group = file[source.group] if source.group else file
        if "centroid" in group:
            return group["centroid"][:, :2].astype(np.float32)
        if not {"x", "y"} <= set(group):
            return None
        return np.stack([group["x"][:], group["y"][:]], axis=1).astype(np.float32)


def expand(paths: str | Path | Iterable[str | Path]) -> list[Path]:
    """Return the files that a list, a folder or a pattern stands for."""
    if not isinstance(paths, str | Path):
        return [file for path in paths for file in expand(path)]
    path = Path(paths).expanduser()
    for inner in ("syllables", "places"):  # of a run or a map, whose tables are no recordings
        if path.is_dir() and (path / inner).is_dir():
            path = path / inner
    if path.is_dir():
        inside = [p for p in sorted(path.iterdir()) if p.suffix.lower() in SUFFIXES]
        files = [p for p in inside if not p.name.startswith(".")]
        if not files:
            raise InputError(f"{path} holds no recordings ({', '.join(SUFFIXES)})")
        return files
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    files = [Path(p) for p in sorted(glob.glob(str(path)))]
    if not files:
        raise InputError(f"no file matches {str(paths)!r}; check the pattern")
    return files


def _read(path: Path, label: str) -> list[_Found]:
    """Read one file, which may hold several recordings."""
    kind = store.require_file(path).suffix.lower()
    if kind in HDF5:
        return _read_hdf5(path, label)
    if kind in TEXT:
        labels, fps = syllable_csv.read_labels(path, label), None
    elif kind == ".nc":
        labels, fps = _read_netcdf(path, label)
    elif kind == ".parquet":
        labels, fps = _read_parquet(path, label), None
    else:
        raise InputError(f"{path} is none of {', '.join(SUFFIXES)}; export it as CSV")
    return [_Found(Source(path.stem, path, "", None), labels, fps)]


def _read_hdf5(path: Path, label: str) -> list[_Found]:
    """Read the groups that hold labels."""
    found = []
    try:
        with h5py.File(path, "r") as file:
            for name, group in file.items():
                if not isinstance(group, h5py.Group) or label not in group:
                    continue
                labels = _series(group[label][()], f"{path}: {name}", label)
                fps = _attribute(group.attrs) or _attribute(file.attrs)
                found.append(_Found(Source(name, path, name, None), labels, fps))
    except OSError as error:
        raise InputError(f"{path} is no complete HDF5 file; copy it again") from error
    if not found:
        raise InputError(
            f"{path} has no group with a dataset {label!r}; name the dataset of labels"
        )
    return found


def _read_netcdf(path: Path, label: str) -> tuple[np.ndarray, float | None]:
    """Read one variable; syllables are missing where `mask` is false."""
    try:
        with xr.open_dataset(path, engine="h5netcdf") as file:
            if label not in file:
                names = tuple(map(str, file.data_vars))
                raise syllable_csv.no_column(path, label, names)
            labels = _series(file[label].to_numpy(), str(path), label)
            if label == "syllable" and "mask" in file:
                labels[~file["mask"].to_numpy().astype(bool)] = MISSING
            return labels, _attribute(file.attrs)
    except OSError as error:
        raise InputError(f"{path} is no complete netCDF4 file; copy it again") from error


def _read_parquet(path: Path, label: str) -> np.ndarray:
    """Read one column."""
    table = _parquet(path)
    names = tuple(map(str, table.columns))
    k = syllable_csv.find(names, label)
    if k is None:
        raise syllable_csv.no_column(path, label, names)
    values = pd.to_numeric(table.iloc[:, k], errors="coerce").to_numpy(
        np.float64, na_value=np.nan
    )
    return _series(values, str(path), label)


def _parquet(path: Path) -> pd.DataFrame:
    if importlib.util.find_spec("pyarrow") is None:
        raise InputError(
            f"{path} is Parquet, which needs pyarrow; install it or save the table as CSV"
        )
    try:
        return pd.read_parquet(path, engine="pyarrow")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no complete Parquet file; copy it again") from error


def _series(values: np.ndarray, place: str, label: str) -> np.ndarray:
    """Return labels of one recording, after a look at their shape."""
    if values.ndim != 1 or values.dtype.kind not in "iuf" or not len(values):
        raise InputError(
            f"{place}: {label} is {values.dtype} of shape {values.shape}, not one whole "
            "number a frame; write it again"
        )
    return syllable_csv.as_labels(values, lambda t: f"{place}: frame {t} has {label}")


def _attribute(attrs: Any) -> float | None:
    """Return the frame rate that a file states."""
    return float(np.asarray(attrs["fps"]).item()) if "fps" in attrs else None


def _rate(found: list[_Found], given: float | None) -> float:
    """Return the one frame rate that is given or stated."""
    rate, by = given, "you gave"
    for source, _, stated in found:
        if stated is None:
            continue
        if rate is not None and abs(stated - rate) > 1e-6 * rate:
            raise InputError(
                f"{source.path} says {stated:g} frames a second but {by} {rate:g}; "
                "read recordings of one rate together"
            )
        rate, by = (stated, f"{source.path} says") if rate is None else (rate, by)
    silent = [source.path for source, _, stated in found if stated is None]
    if rate is None or (given is None and silent):
        raise InputError(f"{silent[0]} does not say its frames a second; give fps")
    return rate


def _with_video(source: Source, folder: Path | None) -> Source:
    """Add the video of the same name; of several the first in the order of `VIDEOS`."""
    for suffix in VIDEOS:
        for spelled in (suffix, suffix.upper()):
            video = (folder or source.path.parent) / f"{source.name}{spelled}"
            if video.is_file():
                return source._replace(video=video)
    return source
