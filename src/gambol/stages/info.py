"""Stage `info`: what a path holds, as plain values for people (`lines`) and machines (JSON).

Machines get all of it; people are spared the inner numbers of a run.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED
from gambol.core.labels import Labels, Visibility
from gambol.io import calibration, pose_prior, poses, store
from gambol.io import detections as io_detections
from gambol.io import labels as io_labels
from gambol.io.project import Project
from gambol.io.project_videos import exists
from gambol.io.video import is_video, open_video
from gambol.stages import crowd, matching, rig

_INNER = ("model", "metrics", "comparison")  # of a run, not shown to people as they are


def run(path: Path) -> dict[str, Any]:
    """Return what a project, label file, run, pose file or video holds."""
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path")
    if path.is_dir() and (path / "model.json").is_file():
        return _run_folder(path)
    if path.is_dir() and (path / "config.yaml").is_file() and (path / "split.csv").is_file():
        return _unfinished(path)
    if path.suffix == ".toml":
        return {"kind": "calibration", "path": str(path), **rig.told(calibration.read(path))}
    if path.suffix == ".nc":
        return _netcdf(path)
    try:
        kind = io_labels.detect(path)
    except InputError:
        if is_video(path):
            return _video(path)
        if path.is_dir() and (files := sorted(path.glob("*.nc"))):
            return {
                "kind": "results",
                "path": str(path),
                "files": [run(file) for file in files],
            }
        raise
    if kind == "project":
        with Project.open(path if path.is_dir() else path.parent) as project:
            return project.info()
    return {"kind": "labels", "format": kind, "path": str(path)} | _labels(io_labels.read(path))


def _netcdf(path: Path) -> dict[str, Any]:
    """Return what a file of poses of any kind, or a prior of poses, holds."""
    if (prior := _prior(path)) is not None:
        return prior
    tell = {
        "poses": _poses, "detections": _detections, "tracks": _tracks, "poses3d": _poses3d,
    }  # fmt: skip
    return tell[matching.kind(path)](path)


def lines(values: dict[str, Any], indent: str = "") -> list[str]:
    """Lay the values out as `key: value` lines, blocks indented."""
    out: list[str] = []
    for key, value in values.items():
        if key in _INNER:
            continue
        if isinstance(value, dict):
            out += [f"{indent}{key}:", *lines(value, indent + "  ")]
        elif key == "files":
            for file in value:
                out += ["", *lines(file, indent + "  ")]
        elif key == "chosen":
            out += [f"{indent}{key}:", *(f"{indent}  - {reason}" for reason in value)]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            out.append(f"{indent}{key}:")
            out += [
                f"{indent}  - " + ", ".join(f"{k} {v}" for k, v in v_.items()) for v_ in value
            ]
        else:
            text = ", ".join(str(v) for v in value) if isinstance(value, list) else value
            out.append(f"{indent}{key}: {'–' if text is None else text}")
    if "comparison" in values:
        from gambol.stages import compare  # which needs seconds, for torch

        shown = compare.describe(values["comparison"]).splitlines()
        out += ["comparison:", *(f"  {row}" for row in shown)]
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
            "seconds": _duration(times, float(video.fps)),
        } | ({"damage": damage} if damage else {})
    finally:
        video.close()


def _duration(times: np.ndarray, fps: float) -> float:
    """How long a film is shown: its last frame, too, stays for a while."""
    return round(float(times[-1] - times[0]) + 1 / fps, 6) if len(times) else 0.0


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


def _poses3d(path: Path) -> dict[str, Any]:
    """Return what 3D poses hold, and from how many views."""
    series = poses.read(path)
    told = _poses(path)
    return {
        **{key: value for key, value in told.items() if key != "video"},
        "kind": "poses in 3D",
        "units": str(series.attrs.get("units", "unknown")),
        "tier": str(series.attrs.get("tier", "")),
        "views": [str(name) for name in series["view"].values] if "view" in series else [],
        "median reprojection error px": _median(series, "reprojection_error"),
    }


def _prior(path: Path) -> dict[str, Any] | None:
    """Return what a pose prior holds; None where the file is none."""
    with io_detections.open_file(path) as file:
        if file.attrs.get("ds_type") != "pose prior":
            return None
    held = pose_prior.read(path)
    return {
        "kind": "pose prior",
        "path": str(path),
        "poses": len(held["weights"]),
        "keypoints": list(held["keypoints"]),
        "heading": " to ".join(held["body_axis"]),
        "learned in": held["units"],
    }


def _median(series: Any, name: str) -> float | None:
    values = series[name].values if name in series else np.zeros(0)
    known = values[np.isfinite(values)]
    return round(float(np.median(known)), 3) if len(known) else None


def _detections(path: Path) -> dict[str, Any]:
    """Return what was found in a video, still without names."""
    about = io_detections.header(path)
    counts = np.bincount(about.counts) if len(about.counts) else np.zeros(1, int)
    score: list[float] = []
    for piece in io_detections.pieces(path):
        score += piece.found.score.tolist()
    return {
        "kind": "detections",
        "path": str(path),
        "frames": len(about.times),
        "unreadable": int((~about.readable).sum()),
        "fps": about.fps,
        "animals": int(about.counts.sum()),
        "animals a frame": {str(n): int(c) for n, c in enumerate(counts) if c},
        "median probability": float(np.median(score)) if score else None,
        "keypoints": list(about.skeleton.keypoints),
        "known by looks": list(about.classes),
        "video": str(about.attrs.get("source_file", "")),
    }


def _tracks(path: Path) -> dict[str, Any]:
    """Return who is when in a video, how sure that is, and what waits for a look."""
    head = crowd.header(path)
    names, frames, readable, untracked = head.names, 0, 0, 0
    count, sure = np.zeros(len(names), int), np.zeros(len(names))
    for piece in crowd.pieces(path):
        mine = piece.id != UNTRACKED
        np.add.at(count, piece.id[mine], 1)
        np.add.at(sure, piece.id[mine], piece.confidence[mine])
        frames, readable = frames + len(piece.readable), readable + int(piece.readable.sum())
        untracked += int((~mine).sum())
    found = {
        name: {"found in": round(n / max(frames, 1), 4), "mean identity confidence": mean}
        for name, n, mean in zip(
            names, count.tolist(), np.round(sure / np.maximum(count, 1), 4).tolist(),
            strict=True,
        )
    }  # fmt: skip
    from gambol.stages import identities  # which is slow to come

    queue = identities.queue_file(path)
    waiting = store.read_json(queue) if queue.is_file() else {}
    return {
        "kind": "tracks",
        "path": str(path),
        "frames": frames,
        "unreadable": frames - readable,
        "individuals": found,
        "untracked": untracked,
        **({"to review": len(waiting["events"])} if "events" in waiting else {}),
        **({"edits": waiting["edits"]} if "edits" in waiting else {}),
        "keypoints": list(head.skeleton.keypoints),
        "video": str(head.attrs.get("source_file", "")),
    }


def _run_folder(path: Path) -> dict[str, Any]:
    """Return what a finished training run says of itself."""
    model, metrics, origin = (
        store.read_json(file) if (file := path / name).is_file() else {}
        for name in ("model.json", "metrics.json", "provenance.json")
    )
    many = model.get("many") or {}
    told = {
        "approach": model.get("approach"),
        "date": origin.get("date"),
        "labels": origin.get("labels"),
        "keypoints": (model.get("spec") or {}).get("keypoints"),
        "individuals": many.get("individuals"),
        "known by looks": many.get("classes"),
        "chosen": origin.get("chosen"),
        "validation": _headline(metrics),
    }
    compared = path / "comparison.json"
    return {
        "kind": "run",
        "path": str(path),
        **{key: value for key, value in told.items() if value},
        **({"comparison": store.read_json(compared)} if compared.is_file() else {}),
        "model": model,
        "metrics": metrics,
    }


def _unfinished(path: Path) -> dict[str, Any]:
    """Return how far a training came that was interrupted, or still goes on."""
    told = {"kind": "unfinished run", "path": str(path)}
    log = [p for p in (path / "log.jsonl", path / "centroid" / "log.jsonl") if p.is_file()]
    rows = store.read_text(log[0]).splitlines() if log and log[0].stat().st_size else []
    if rows:
        last = json.loads(rows[-1])
        told |= {name: round(last[name], 3) for name in ("step", "minutes", "val_px")}
    return told | {"remedy": "run the same `gambol train` command again to go on"}


def _headline(metrics: dict[str, Any]) -> dict[str, Any]:
    """The few scores that say how good a run is."""
    distances = ("mean_px", "median_px", "p95_px")
    animals = metrics.get("animals")
    if not animals:
        return _some(metrics, ("n_frames", *distances))
    names = ("n_frames", "n_animals", "oks_map", "oks_map_01", "precision", "recall")
    looks = metrics.get("identity")
    return {
        **_some(animals, names),
        "of animals found": _some(animals["matched"], distances),
        **({"named rightly by looks": _some(looks, ("rank1", "chance"))} if looks else {}),
    }


def _some(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Pick numbers, rounded as people read them."""
    picked = {name: values[name] for name in names if name in values}
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in picked.items()}
