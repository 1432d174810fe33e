"""Stage `report`: one HTML page about a training run, all runs of a project, or 3D poses.

reads   run/            the folder of a finished training, or a file of 3D poses
        poses           poses, detections or tracks, and their videos where they are at hand
writes  out             RUN/report.html if not said otherwise; needs no other file
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import poses as io_poses
from gambol.io import run as io_run
from gambol.io import store
from gambol.io.video import DamagedFrame, open_video
from gambol.pose import calibrate
from gambol.stages import matching, report_3d, structure
from gambol.stages import report_many as stage_many
from gambol.stages.footage import find_video, regions
from gambol.viz import films, frames, overlay, project, report, report_many
from gambol.viz.html import Markup

DOUBTFUL = 0.5  # confidence under which a keypoint is counted
EXAMPLES = 3  # frames spread over a video, and as many of the least confident


def run(
    folder: Path,
    out: Path | None = None,
    *,
    poses: list[Path] | None = None,
    views: Mapping[str, Path] | None = None,
    truth: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> Path:
    """Write the page and return its path.

    Args:
        folder: a training run, a project whose runs are listed, or a file of 3D poses.
        out: the page; FOLDER/report.html if left out.
        poses: pose files to show as well.
        views: videos of the cameras of 3D poses, by name.
        truth: scores against the truth of a simulated film that training never saw, as
            `Evaluation.summary` gives.
        progress: hears of every pose file.
    """
    in_3d = folder.suffix == ".nc" and matching.kind(store.require_file(folder)) == "poses3d"
    own = folder.with_suffix(".report.html") if in_3d else folder / "report.html"
    target = own if out is None else out
    if target.is_dir():
        raise InputError(f"{target} is a folder; give --out the name of an HTML file")
    if target.exists() and target.suffix.lower() not in (".html", ".htm"):
        raise InputError(
            f"{target} exists and is no page; give --out another name, such as report.html"
        )
    if in_3d:
        store.write_text(report_3d.page(folder, views or {}), target)
        return target
    if not io_run.is_finished(folder) and (folder / "project.db").is_file():
        store.write_text(_project(folder, target), target)
        return target
    watched = []
    for done, path in enumerate(poses or [], start=1):
        watched.append(_watch(path))
        progress(Step("report", done, len(poses or []), path.name))
    trained = io_run.load(folder)
    held = io_run.read_heldout(folder)
    run = _run(trained, held)
    if trained.model.many is None:
        text = report.build(run, watched, truth)
    else:
        text = report_many.build(run, stage_many.of_run(trained, held), watched)
    store.write_text(text, target)
    return target


def _watch(path: Path) -> Markup:
    """Return the section about a file of poses, detections or tracks."""
    if matching.kind(store.require_file(path)) == "poses":
        return films.describe(_film(path))
    return stage_many.section(path)


def _run(trained: io_run.Trained, held: io_run.Heldout) -> report.Run:
    folder, model = trained.folder, trained.model
    calibration = structure.calibration(trained)
    labelled = np.isfinite(held.truth).all(axis=-1)
    if model.many is not None:  # what was missed has no region
        labelled &= np.isfinite(held.xy).all(axis=-1).any(axis=-1, keepdims=True)
    levels = [float(level) for level in calibration.levels]
    inside = [
        calibrate.inside(calibration, held.xy - held.truth, held.cov, level) for level in levels
    ]
    names = [
        f"{Path(str(video)).name}, frame {frame}"
        for video, frame in zip(held.video, held.frame, strict=True)
    ]
    return report.Run(
        folder.resolve().name,
        store.read_json(folder / "metrics.json"),
        store.read_json(folder / "provenance.json"),
        store.read_text(folder / "config.yaml"),
        io_run.read_log(folder),
        io_run.read_split(folder),
        model.bones,
        model.body_px,
        calibration.radius,
        levels,
        [float(i[labelled].mean()) if labelled.any() else np.nan for i in inside],
        report.Seen(held.images, held.to_video, held.truth, held.xy, held.confidence, names),
    )


def _film(path: Path) -> films.Film:
    """Read the poses of the first animal, and look at some frames if the video is there."""
    series = io_poses.read(path)
    if not series.sizes["time"]:
        raise InputError(f"{path} holds no frame; predict the video again")
    xy = core_poses.xy(series)[:, 0].astype(np.float64)
    confidence = core_poses.points(series, "confidence")[:, 0].astype(np.float64)
    try:
        examples, note = _examples(path, series, xy, confidence), ""
    except InputError as error:
        examples, note = [], f"No pictures: {error}"
    speed = series.attrs.get("speed")
    return films.Film(
        path.stem,
        core_poses.skeleton(series),
        series["time"].values.astype(np.float64),
        xy,
        confidence,
        DOUBTFUL,
        json.loads(speed) if speed else None,
        examples,
        note,
    )


def _examples(
    path: Path, series: xr.Dataset, xy: np.ndarray, confidence: np.ndarray
) -> list[films.Example]:
    """Frames spread over the video, then the least confident, apart from each other."""
    source = find_video(path, series.attrs)
    total = len(xy)
    spread = [round(total * (2 * k + 1) / (2 * EXAMPLES)) for k in range(EXAMPLES)]
    chosen = list(dict.fromkeys(min(t, total - 1) for t in spread))
    low = _least(np.nan_to_num(confidence).mean(axis=1), max(total // 20, 1))
    pen = overlay.pen(
        core_poses.skeleton(series),
        overlay.animal_size(xy),
        region=regions(series.attrs, series.sizes["keypoints"]),
    )
    covariance = _covariance(series)
    video = open_video(source)
    examples = []
    try:
        if len(video) != total:
            raise InputError(f"{source} has {len(video)} frames, {path} has {total}")
        for t in [*chosen, *(t for t in low if t not in chosen)]:
            try:
                frame = video.read([t])[0]
            except DamagedFrame:
                continue
            rgb = frames.predicted(frame, xy[t], pen, confidence[t], covariance[t])
            sure = float(np.nan_to_num(confidence[t]).mean())
            kind = "" if t in chosen else "least confident: "
            examples.append(films.Example(rgb, f"{kind}frame {t}, mean confidence {sure:.2f}"))
    finally:
        video.close()
    return examples


def _covariance(series: xr.Dataset) -> np.ndarray:
    """Covariances of the first animal; NaN where the file has none."""
    if "covariance" in series:
        return core_poses.covariance(series)[:, 0].astype(np.float64)
    return np.full((series.sizes["time"], series.sizes["keypoints"], 2, 2), np.nan)


def _least(values: np.ndarray, apart: int) -> list[int]:
    """The smallest values, no two of them nearer than `apart`."""
    found: list[int] = []
    for t in np.argsort(values, kind="stable").tolist():
        if len(found) == EXAMPLES:
            break
        if all(abs(t - other) >= apart for other in found):
            found.append(t)
    return found


def _link(page: Path, folder: Path) -> str:
    """Return how a page in a folder refers to another file."""
    try:
        return os.path.relpath(page, folder).replace(os.sep, "/")
    except ValueError:  # another drive of Windows
        return page.resolve().as_uri()


def _project(folder: Path, target: Path) -> str:
    """List the finished runs of a project, with links to their pages where they have one."""
    rows = []
    runs = folder / "runs"
    for path in sorted(runs.iterdir()) if runs.is_dir() else []:
        if not (path.is_dir() and io_run.is_finished(path)):
            continue
        page = path / "report.html"
        where = page if page.exists() else path
        link = _link(where, target.parent)
        metrics = store.read_json(path / "metrics.json")
        origin = store.read_json(path / "provenance.json")
        counts = [part for part, *_ in io_run.read_split(path)]
        rows.append(project.Row(path.name, link, metrics, origin, counts.count("train")))
    return project.build(folder.resolve().name, rows)
