"""3D poses in the formats of other tools: CSV tables, TRC of OpenSim, C3D of motion capture."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import xarray as xr

from gambol.core import poses
from gambol.core.errors import InputError, did_you_mean
from gambol.io import c3d, store

FORMATS = ("csv", "trc", "c3d")
_WHO = ("frame", "time_s", "individual", "keypoint")
_COVARIANCE = ("cov_xx", "cov_xy", "cov_xz", "cov_yy", "cov_yz", "cov_zz")
CSV_COLUMNS = (*_WHO, "x", "y", "z", "confidence", *_COVARIANCE, "n_views")
_UPPER = np.triu_indices(3)
_THOUSANDTH = {"um": "mm"}  # of what OpenSim has no name for


def write(series: xr.Dataset, path: Path, format: str) -> list[Path]:
    """Write 3D poses; return the paths written.

    Args:
        series: as `core.poses` describes it, in three dimensions.
        path: the file.
        format: one of `FORMATS`.
    """
    if format not in FORMATS:
        hint = did_you_mean(format, FORMATS) or f"; there are {', '.join(FORMATS)}"
        raise InputError(f"no format {format!r} for 3D poses{hint}")
    if series.sizes["space"] != 3:
        raise InputError(f"{path}: {format} holds poses in 3D, these are in 2D")
    if not series.sizes["time"]:
        raise InputError(f"there are no poses to write to {path}; triangulate them again")
    if format == "c3d":
        store.write_bytes(c3d.encode(_points(series)), path)
    else:
        store.write_text(_csv(series) if format == "csv" else _trc(series, path.name), path)
    return [path]


def losses(series: xr.Dataset, format: str) -> list[str]:
    """Say what a format cannot hold of these poses, one sentence each."""
    if format == "csv":
        return []
    found = ["covariances and confidences are not kept"]
    if _units(series) == "unknown":
        found.append("the world's units are unknown, which OpenSim does not take")
    if format == "trc" and _screen(series) not in (None, ("+X", "+Y")):
        found.append("OpenSim takes y for up; these poses are not turned")
    return found


def _csv(series: xr.Dataset) -> str:
    """Return one line a frame, animal and keypoint; empty cells where nothing is known."""
    xyz = poses.xy(series).astype(np.float64)
    shape = xyz.shape[:-1]
    cov = np.full((*shape, 6), np.nan)
    if "covariance" in series:
        cov = poses.covariance(series)[..., _UPPER[0], _UPPER[1]]
    parts = [xyz, poses.points(series, "confidence")[..., None], cov]
    views = np.full(shape, np.nan)
    if "n_views" in series:
        views = poses.points(series, "n_views")
    numbers = np.concatenate([*parts, views[..., None]], axis=-1).astype(np.float64)
    who = [str(name) for name in series["individuals"].values]
    keypoints = [str(name) for name in series["keypoints"].values]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(CSV_COLUMNS)
    for t, time in enumerate(series["time"].values.tolist()):
        for n, name in enumerate(who):
            for keypoint, row in zip(keypoints, numbers[t, n].tolist(), strict=True):
                table.writerow([t, repr(time), name, keypoint, *map(_cell, row)])
    return text.getvalue()


def _trc(series: xr.Dataset, name: str) -> str:
    """Return the table of OpenSim: five rows of header, then a row a frame."""
    units, xyz = _units(series), _markers(series)
    if units in _THOUSANDTH:
        units, xyz = _THOUSANDTH[units], xyz / 1000
    frames, count = xyz.shape[:2]
    rate = repr(_rate(series))
    said = (rate, rate, frames, count, units, rate, 1, frames)
    axes = [f"{axis}{m}" for m in range(1, count + 1) for axis in "XYZ"]
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame"
        "\tOrigNumFrames",
        "\t".join(map(str, said)),
        "Frame#\tTime\t" + "\t".join(f"{label}\t\t" for label in _labels(series, "_")),
        "\t\t" + "\t".join(axes),
        "",
    ]
    rows = xyz.reshape(frames, -1).tolist()
    for t, (time, row) in enumerate(zip(series["time"].values.tolist(), rows, strict=True)):
        lines.append("\t".join([str(t + 1), repr(time), *map(_cell, row)]))
    return "\n".join(lines) + "\n"


def _points(series: xr.Dataset) -> c3d.Points:
    labels = tuple(_labels(series, ":"))
    return c3d.Points(_markers(series), labels, _rate(series), _units(series), _screen(series))


def _markers(series: xr.Dataset) -> np.ndarray:
    """Return (T, N·J, 3), the keypoints of one animal after those of another."""
    xyz = poses.xy(series).astype(np.float64)
    xyz = np.where(np.isfinite(xyz).all(axis=-1, keepdims=True), xyz, np.nan)
    return xyz.reshape(len(xyz), -1, 3)


def _labels(series: xr.Dataset, between: str) -> list[str]:
    """Return names of the markers; the animal is said where there are several."""
    who = [str(name) for name in series["individuals"].values]
    keypoints = [str(name) for name in series["keypoints"].values]
    if len(who) == 1:
        return keypoints
    return [f"{name}{between}{keypoint}" for name in who for keypoint in keypoints]


def _units(series: xr.Dataset) -> str:
    return str(series.attrs.get("units", "unknown"))


def _rate(series: xr.Dataset) -> float:
    return float(series.attrs.get("fps", 1.0))


def _screen(series: xr.Dataset) -> tuple[str, str] | None:
    """Return the axes to the right and up; None where up lies along no axis."""
    said = series.attrs.get("up")
    if said is None:
        return None
    up = np.array(json.loads(said) if isinstance(said, str) else said, float)
    axis = int(np.abs(up).argmax())
    if np.count_nonzero(up) != 1:
        return None
    right = "X" if axis else "Y"
    return f"+{right}", f"{'+' if up[axis] > 0 else '-'}{'XYZ'[axis]}"


def _cell(value: float) -> str:
    return "" if np.isnan(value) else repr(value)
