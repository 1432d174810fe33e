"""Pose series in the formats of other tools, from the datasets of `core.poses`.

Frames without animals are kept, and detections that belong to nobody go along: as rows or
instances without an individual (CSV, SLEAP), as further arrays (analysis HDF5), as tracks
`unknown 1` and so on (NWB), or as a CSV file beside a format that has no place for them
(DeepLabCut).
"""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from gambol.core import poses
from gambol.core.errors import InputError, did_you_mean
from gambol.core.instances import Detections
from gambol.core.labels import UNKNOWN, Labels, Origin, Visibility, from_positions
from gambol.io import store
from gambol.io.labels import analysis, dlc_project, sleap
from gambol.io.labels.frames import all_named
from gambol.io.labels.nwb import write_objects
from gambol.io.poses import DRAWN

FORMATS = ("csv", "analysis", "dlc", "slp", "nwb")
_WHO = ("frame", "time_s", "individual", "keypoint")
CSV_COLUMNS = (*_WHO, "x", "y", "confidence", "cov_xx", "cov_xy", "cov_yy")
TRACK_COLUMNS = (*CSV_COLUMNS, "identity_confidence", "untracked")  # of tracks: 1, 2 … a frame


def write(
    series: xr.Dataset, path: Path, format: str, untracked: Detections | None = None
) -> list[Path]:
    """Write 2D poses; return the paths written.

    Args:
        series: as `core.poses` describes it.
        path: the file; `dlc` writes a CSV and an HDF5 file of this name.
        format: one of `FORMATS`.
        untracked: detections that belong to no individual.
    """
    if format not in FORMATS:
        choices = did_you_mean(format, FORMATS) or f"; there are {', '.join(FORMATS)}"
        raise InputError(f"no format {format!r} for poses{choices}")
    if series.sizes["space"] != 2:
        raise InputError(f"{path}: only 2D poses go into {format}; keep 3D poses as netCDF")
    if not series.sizes["time"]:
        raise InputError(f"there are no poses to write to {path}; predict the video again")
    if format == "csv":
        return _write_csv(series, path, untracked)
    series = _seen(series)
    if format == "analysis":
        return _write_analysis(series, path, untracked)
    if format == "dlc":
        return _write_dlc(series, path, untracked)
    labels, scores = _labels(series, untracked)
    if format == "nwb":  # which has no frames without animals, but a time for each that has
        scores, labels = scores._replace(lengths=()), all_named(labels)
        source = sleap.objects(labels, scores, open_videos=True)
        return write_objects(source, path, series["time"].values)
    return sleap.write_objects(sleap.objects(labels, scores), path)


def losses(series: xr.Dataset, format: str) -> list[str]:
    """Say what a format cannot hold."""
    many = int(_drawn(series).sum())
    if not many or format == "csv":
        return []
    return [f"{many} interpolated poses are left out; of these formats csv can mark them"]


def _drawn(series: xr.Dataset) -> Bool[np.ndarray, "T N"]:
    """Tell which poses nobody saw: lines across gaps of tracks."""
    if DRAWN not in series:
        return np.zeros((series.sizes["time"], series.sizes["individuals"]), bool)
    there = series[DRAWN].transpose("time", "individuals").values
    return np.nan_to_num(there).astype(bool)


def _seen(series: xr.Dataset) -> xr.Dataset:
    """Leave out what nobody saw."""
    if DRAWN not in series:
        return series
    there = xr.DataArray(_drawn(series), dims=("time", "individuals"))
    names = ("position", "covariance", "confidence", "identity_confidence", "instance_score")
    nothing = {name: np.nan if name in names[:2] else 0.0 for name in names if name in series}
    new = {
        name: series[name].where(~there, value).transpose(*series[name].dims)
        for name, value in nothing.items()
    }
    return series.drop_vars(DRAWN).assign(new)


def _names(series: xr.Dataset) -> tuple[str, ...]:
    return tuple(str(name) for name in series["individuals"].values)


def _video(series: xr.Dataset) -> str:
    return str(series.attrs.get("source_file", ""))


def _write_csv(series: xr.Dataset, path: Path, untracked: Detections | None) -> list[Path]:
    """Write one line a frame, animal and keypoint: position, confidence, covariance (px²).

    Tracks have two more columns, and lines without individual for what belongs to nobody. Where
    gaps were bridged there is one more, which is 1 for what nobody saw.
    """
    drawn = _drawn(series)
    tracked = "identity_confidence" in series or untracked is not None
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    some = bool(drawn.any())
    table.writerow([*(TRACK_COLUMNS if tracked else CSV_COLUMNS), *[DRAWN] * some])
    xy, confidence = poses.xy(series), poses.points(series, "confidence")
    known = "covariance" in series
    cov = poses.covariance(series) if known else np.full((*xy.shape, 2), np.nan)
    numbers = _numbers(xy, confidence, cov)
    keypoints, who = poses.skeleton(series).keypoints, _names(series)
    sure = _sure(series).tolist()
    groups = [] if untracked is None else _by_frame(untracked, len(xy))
    for t, time in enumerate(series["time"].values.tolist()):
        for n, name in enumerate(who):
            more = (repr(sure[t][n]), "") if tracked else ()
            more = (*more, int(drawn[t, n])) if some else more
            _lines(table, (t, repr(time), name), keypoints, numbers[t, n], more)
        for k, row in enumerate(groups[t] if groups else [], start=1):
            _lines(table, (t, repr(time), ""), keypoints, row, ("", k, *[0] * some))
    store.write_text(text.getvalue(), path)
    return [path]


def _numbers(xy: np.ndarray, confidence: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """Put x, y, confidence and the three covariances of every keypoint side by side."""
    parts = [xy, confidence[..., None], cov[..., [0, 0, 1], [0, 1, 1]]]
    return np.concatenate(parts, axis=-1)


def _lines(
    table: Any,
    head: tuple[Any, ...],
    keypoints: tuple[str, ...],
    numbers: Float[np.ndarray, "J 6"],
    more: tuple[Any, ...],
) -> None:
    """Write the lines of one animal in one frame."""
    for keypoint, values in zip(keypoints, numbers.tolist(), strict=True):
        cells = ["" if np.isnan(v) else repr(v) for v in values]
        table.writerow([*head, keypoint, *cells, *more])


def _by_frame(found: Detections, frames: int) -> list[np.ndarray]:
    """Return the numbers (K, J, 6) of the detections of each frame."""
    numbers = _numbers(found.xy, found.confidence, found.cov)
    return np.split(numbers, np.searchsorted(found.frame, np.arange(1, frames)))


def _sure(series: xr.Dataset) -> Float[np.ndarray, "T N"]:
    """Return P(this is that animal); poses without it are what their names say."""
    if "identity_confidence" in series:
        return series["identity_confidence"].transpose("time", "individuals").values
    return np.ones((series.sizes["time"], series.sizes["individuals"]))


def _instance_score(series: xr.Dataset) -> Float[np.ndarray, "T N"]:
    """Return P(this is a real animal), else the mean confidence of the keypoints found."""
    if "instance_score" in series:
        return series["instance_score"].transpose("time", "individuals").values.astype(float)
    there = np.isfinite(poses.xy(series)).all(axis=-1)
    sure = np.where(there, poses.points(series, "confidence"), 0.0).sum(axis=-1)
    return sure / np.maximum(there.sum(axis=-1), 1)


def _write_analysis(series: xr.Dataset, path: Path, untracked: Detections | None) -> list[Path]:
    xy, score = poses.xy(series).astype(np.float64), poses.points(series, "confidence")
    more = {}
    if untracked is not None and len(untracked.frame):
        more = {
            "untracked_frames": untracked.frame,
            "untracked_points": untracked.xy,
            "untracked_point_scores": untracked.confidence,
            "untracked_instance_scores": untracked.score,
        }
    analysis.write_tracks(
        path,
        xy,
        score.astype(np.float64),
        poses.skeleton(series),
        _names(series),
        video=_video(series),
        instance_score=_instance_score(series),
        tracking_score=_tracking(series),
        more=more,
    )
    return [path]


def _tracking(series: xr.Dataset) -> Float[np.ndarray, "T N"]:
    """Return identity confidences; 0, as SLEAP does, where nothing was tracked."""
    return _sure(series).astype(np.float64) * ("identity_confidence" in series)


def _write_dlc(series: xr.Dataset, path: Path, untracked: Detections | None) -> list[Path]:
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
    written = dlc_project.write_table(
        stem, list(range(len(values))), columns, values.reshape(len(values), -1)
    )
    if untracked is not None and len(untracked.frame):
        beside = stem.with_name(f"{stem.name}_untracked.csv")
        written += _write_csv(series.isel(individuals=slice(0, 0)), beside, untracked)
    return written


def _labels(series: xr.Dataset, untracked: Detections | None) -> tuple[Labels, sleap.Scores]:
    """Return everything found as a model's labels, and their scores."""
    xy = poses.xy(series).astype(np.float64)
    frame, who = np.nonzero(np.isfinite(xy).all(axis=-1).any(axis=-1))
    parts = [
        (frame, who, xy[frame, who], poses.points(series, "confidence")[frame, who],
         _instance_score(series)[frame, who], _tracking(series)[frame, who])
    ]  # fmt: skip
    if untracked is not None:
        nobody = np.full(len(untracked.frame), UNKNOWN)
        none = np.zeros(len(nobody))
        parts.append(
            (untracked.frame, nobody, untracked.xy, untracked.confidence, untracked.score, none)
        )
    frame, who, xy, points, instances, tracking = (
        np.concatenate(p) for p in zip(*parts, strict=True)
    )
    labels = from_positions(
        poses.skeleton(series),
        (_video(series) or "video",),
        np.zeros_like(frame),
        frame,
        xy,
        nan_means=Visibility.ABSENT,
        origin=Origin.MODEL,
        individual=who,
        individuals=_names(series),
    )
    lengths = (series.sizes["time"],)
    return labels, sleap.Scores(points.astype(np.float64), instances, tracking, lengths)
