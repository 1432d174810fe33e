"""Pose series in the formats of other tools, from the datasets of `core.poses`."""

import csv
import io
from pathlib import Path

import numpy as np
import xarray as xr

from gambol.core import poses
from gambol.core.errors import InputError, did_you_mean
from gambol.core.labels import Labels, Origin, Visibility, from_positions
from gambol.io import store
from gambol.io.labels import analysis, dlc_project, sleap
from gambol.io.labels.nwb import write_objects

FORMATS = ("csv", "analysis", "dlc", "slp", "nwb")
_WHO = ("frame", "time_s", "individual", "keypoint")
CSV_COLUMNS = (*_WHO, "x", "y", "confidence", "cov_xx", "cov_xy", "cov_yy")


def write(series: xr.Dataset, path: Path, format: str) -> list[Path]:
    """Write 2D poses; return the paths written.

    Args:
        series: as `core.poses` describes it.
        path: the file; `dlc` writes a CSV and an HDF5 file of this name.
        format: one of `FORMATS`.
    """
    if format not in FORMATS:
        choices = did_you_mean(format, FORMATS) or f"; there are {', '.join(FORMATS)}"
        raise InputError(f"no format {format!r} for poses{choices}")
    if series.sizes["space"] != 2:
        raise InputError(f"{path}: only 2D poses go into {format}; keep 3D poses as netCDF")
    if not series.sizes["time"]:
        raise InputError(f"there are no poses to write to {path}; predict the video again")
    if format == "csv":
        return _write_csv(series, path)
    if format == "analysis":
        return _write_analysis(series, path)
    if format == "dlc":
        return _write_dlc(series, path)
    objects = sleap.objects(*_labels(series), open_videos=format == "nwb")
    if format == "nwb":
        return write_objects(objects, path)
    return sleap.write_objects(objects, path)


def _names(series: xr.Dataset) -> tuple[str, ...]:
    return tuple(str(name) for name in series["individuals"].values)


def _video(series: xr.Dataset) -> str:
    return str(series.attrs.get("source_file", ""))


def _write_csv(series: xr.Dataset, path: Path) -> list[Path]:
    """Write one line a frame, animal and keypoint: position, confidence, covariance (px²)."""
    xy, confidence = poses.xy(series), poses.points(series, "confidence")
    known = "covariance" in series
    cov = poses.covariance(series) if known else np.full((*xy.shape, 2), np.nan)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(CSV_COLUMNS)
    numbers = np.concatenate(
        [xy, confidence[..., None], cov[..., [0, 0, 1], [0, 1, 1]]], axis=-1
    )
    names = poses.skeleton(series).keypoints
    for t, time in enumerate(series["time"].values.tolist()):
        for n, who in enumerate(_names(series)):
            for j, keypoint in enumerate(names):
                cells = ["" if np.isnan(v) else repr(v) for v in numbers[t, n, j].tolist()]
                table.writerow([t, repr(time), who, keypoint, *cells])
    store.write_text(text.getvalue(), path)
    return [path]


def _write_analysis(series: xr.Dataset, path: Path) -> list[Path]:
    skeleton = poses.skeleton(series)
    xy, score = poses.xy(series).astype(np.float64), poses.points(series, "confidence")
    analysis.write_tracks(
        path, xy, score.astype(np.float64), skeleton, _names(series), video=_video(series)
    )
    return [path]


def _write_dlc(series: xr.Dataset, path: Path) -> list[Path]:
    """Write x, y, likelihood of every frame; likelihood is our calibrated confidence."""
    xy, score = poses.xy(series), poses.points(series, "confidence")
    values = np.concatenate([xy, score[..., None]], axis=-1).astype(np.float64)
    who, names = _names(series), poses.skeleton(series).keypoints
    columns = [
        (dlc_project.SCORER, *([one] if len(who) > 1 else []), name, axis)
        for one in who
        for name in names
        for axis in ("x", "y", "likelihood")
    ]
    stem = path.with_suffix("") if path.suffix in (".csv", ".h5") else path
    return dlc_project.write_table(
        stem, list(range(len(values))), columns, values.reshape(len(values), -1)
    )


def _labels(series: xr.Dataset) -> tuple[Labels, np.ndarray]:
    """Return frames with at least one keypoint as a model's labels, and their scores (N, J)."""
    xy = poses.xy(series).astype(np.float64)
    frame, who = np.nonzero(np.isfinite(xy).all(axis=-1).any(axis=-1))
    labels = from_positions(
        poses.skeleton(series),
        (_video(series) or "video",),
        np.zeros_like(frame),
        frame,
        xy[frame, who],
        nan_means=Visibility.ABSENT,
        origin=Origin.MODEL,
        individual=who,
        individuals=_names(series),
    )
    return labels, poses.points(series, "confidence")[frame, who].astype(np.float64)
