"""Stage `export`: labels or poses in the format of another tool.

reads   source   a project, a label file, a foreign project, or a pose file (.nc), which may
                 hold one animal, tracks, detections without names, or 3D poses
writes  out      a file; for labels as `dlc` a new project folder
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.io import detections as io_detections
from gambol.io import labels as io_labels
from gambol.io import poses as io_poses
from gambol.io import poses3d_export, poses_export, tracks
from gambol.io.labels.formats import SUFFIX
from gambol.io.project import Project
from gambol.stages import identities, matching, review

NAMELESS = ("csv", "slp")  # formats that have a place for animals without a name


class Exported(NamedTuple):
    """What was written, and what the format could not hold."""

    paths: list[Path]
    losses: list[str]


def run(source: Path, format: str, out: Path, images: bool = True) -> Exported:
    """Write labels or poses.

    Args:
        source: where they are.
        format: one of `io.labels.SUFFIX` for labels, of `io.poses_export.FORMATS` for poses, of
            `io.poses3d_export.FORMATS` for 3D poses.
        out: where they go.
        images: whether `dlc` and `coco` get the labelled frames as images.
    """
    if source.resolve() == out.resolve():
        raise InputError(f"{out} is the source itself; choose another name")
    ends = SUFFIX.get(format)
    if ends and out.is_file() and out.suffix.lower() != ends:
        raise InputError(
            f"{out} exists and is no {ends} file, so it is not overwritten; choose another name"
        )
    if source.suffix == ".nc" and matching.kind(source) == "poses3d":
        made = io_poses.read(source)
        paths = poses3d_export.write(made, out, format)
        return Exported(paths, poses3d_export.losses(made, format))
    if source.suffix == ".nc":
        if "track_settings" in identities.attributes(source, any_poses=True):
            review.settle(source)  # what people said since it was written
        named = matching.kind(source) != "detections"
        series = tracks.read(source) if named else _nameless(source, format)
        paths = poses_export.write(series.poses, out, format, series.untracked)
        return Exported(paths, poses_export.losses(series.poses, format))
    unfinished = 0
    if io_labels.detect(source) == "project":
        with Project.open(source if source.is_dir() else source.parent) as project:
            labels, unfinished = project.labels(), project.unfinished()
    else:
        labels = io_labels.read(source)
    losses = io_labels.losses(labels, format)
    if unfinished:
        losses.append(f"{unfinished} unfinished frames are left out; gambol studio ends them")
    return Exported(io_labels.write(labels, out, format, images=images), losses)


def _nameless(source: Path, format: str) -> tracks.Series:
    """Return detections as a series of no individual, to whom nothing belongs."""
    if format in poses_export.FORMATS and format not in NAMELESS:
        raise InputError(
            f"{source} holds animals without names, which {format} cannot; run gambol track "
            f"first and export its tracks, or export to {' or '.join(NAMELESS)}"
        )
    about, found = io_detections.read(source)
    points = np.zeros((len(about.times), 0, len(about.skeleton)))
    series = poses.build(
        np.zeros((*points.shape, 2)), points, np.zeros((*points.shape, 2, 2)), about.times,
        about.skeleton, fps=about.fps, individuals=(),
        attrs={"source_file": about.attrs.get("source_file", "")},
    )  # fmt: skip
    return tracks.Series(series, found)
