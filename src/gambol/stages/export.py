"""Stage `export`: labels or poses in the format of another tool.

reads   source   a project, a label file, a foreign project, or a pose file (.nc)
writes  out      a file; for labels as `dlc` a new project folder
"""

from pathlib import Path
from typing import NamedTuple

from gambol.core.errors import InputError
from gambol.io import labels as io_labels
from gambol.io import poses_export, tracks
from gambol.io.project import Project


class Exported(NamedTuple):
    """What was written, and what the format could not hold."""

    paths: list[Path]
    losses: list[str]


def run(source: Path, format: str, out: Path, images: bool = True) -> Exported:
    """Write labels or poses.

    Args:
        source: where they are.
        format: one of `io.labels.SUFFIX` for labels, of `io.poses_export.FORMATS` for poses.
        out: where they go.
        images: whether `dlc` and `coco` get the labelled frames as images.
    """
    if source.resolve() == out.resolve():
        raise InputError(f"{out} is the source itself; choose another name")
    if source.suffix == ".nc":
        series = tracks.read(source)
        return Exported(poses_export.write(series.poses, out, format, series.untracked), [])
    if io_labels.detect(source) == "project":
        with Project.open(source if source.is_dir() else source.parent) as project:
            labels = project.labels()
    else:
        labels = io_labels.read(source)
    return Exported(
        io_labels.write(labels, out, format, images=images), io_labels.losses(labels, format)
    )
