"""Stage `info`: what a path holds, as plain values for people (`lines`) and machines (JSON)."""

from pathlib import Path
from typing import Any

import numpy as np

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.labels import Labels, Visibility
from gambol.io import labels as io_labels
from gambol.io import poses, store
from gambol.io.project import Project
from gambol.io.project_videos import exists
from gambol.io.video import is_video, open_video


def run(path: Path) -> dict[str, Any]:
    """Return what a project, label file, run, pose file or video holds."""
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path")
    if path.is_dir() and (path / "model.json").is_file():
        return _run_folder(path)
    if path.suffix == ".nc":
        return _poses(path)
    try:
        kind = io_labels.detect(path)
    except InputError:
        if is_video(path):
            return _video(path)
        raise
    if kind == "project":
        with Project.open(path if path.is_dir() else path.parent) as project:
            return project.info()
    return {"kind": "labels", "format": kind, "path": str(path)} | _labels(io_labels.read(path))


def lines(values: dict[str, Any], indent: str = "") -> list[str]:
    """Lay the values out as `key: value` lines, blocks indented."""
    out: list[str] = []
    for key, value in values.items():
        if isinstance(value, dict):
            out += [f"{indent}{key}:", *lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            out.append(f"{indent}{key}:")
            out += [
                f"{indent}  - " + ", ".join(f"{k} {v}" for k, v in v_.items()) for v_ in value
            ]
        else:
            text = ", ".join(str(v) for v in value) if isinstance(value, list) else value
            out.append(f"{indent}{key}: {text}")
    return out


def _labels(labels: Labels) -> dict[str, Any]:
    states = {
        name: {s.name.lower(): int((labels.visibility[:, j] == s).sum()) for s in Visibility}
        for j, name in enumerate(labels.skeleton.keypoints)
    }
    pairs = labels.frames
    return {
        "skeleton": labels.skeleton.to_dict(),
        "individuals": list(labels.individuals),
        "videos": [
            {"path": ref, "labelled": int((pairs[:, 0] == v).sum()), "found": exists(ref)}
            for v, ref in enumerate(labels.videos)
        ],
        "frames": len(pairs),
        "animals": len(labels),
        "keypoints": states,
    }


def _video(path: Path) -> dict[str, Any]:
    video = open_video(path)
    try:
        width, height = video.size
        times = video.times
        damage = getattr(video, "damage", None)  # as far as known without decoding
        return {
            "kind": "video",
            "path": str(path),
            "width": width,
            "height": height,
            "channels": video.channels,
            "frames": len(video),
            "fps": float(video.fps),
            "seconds": float(times[-1] - times[0]) if len(times) else 0.0,
        } | ({"damage": damage} if damage else {})
    finally:
        video.close()


def _poses(path: Path) -> dict[str, Any]:
    series = poses.read(path)
    xy = core_poses.xy(series)
    found = np.isfinite(xy).all(axis=-1)
    names = [str(name) for name in series["keypoints"].values]
    share = found.mean(axis=(0, 1)) if len(xy) else np.zeros(len(names))
    return {
        "kind": "poses",
        "path": str(path),
        "frames": len(xy),
        "dimensions": xy.shape[-1],
        "fps": float(series.attrs["fps"]) if "fps" in series.attrs else None,
        "individuals": [str(name) for name in series["individuals"].values],
        "found": dict(zip(names, share.round(4).tolist(), strict=True)),
        "video": str(series.attrs.get("source_file", "")),
    }


def _run_folder(path: Path) -> dict[str, Any]:
    """Return what a finished training run says of itself."""
    metrics = path / "metrics.json"
    return {
        "kind": "run",
        "path": str(path),
        "model": store.read_json(path / "model.json"),
        "metrics": store.read_json(metrics) if metrics.is_file() else {},
    }
