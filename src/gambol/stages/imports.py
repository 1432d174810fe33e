"""Stage `import`: labels of any tool into a project, in one transaction.

reads   source               a label file, the project folder of another tool, or a video
writes  project/project.db   made if it is missing; a copy of it goes to project/backups/ first

What went wrong leaves the project as it was; a project made for the import is removed again.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.labels import Labels, Visibility
from gambol.core.progress import Progress, Step, silent
from gambol.io import fence, project_videos
from gambol.io import labels as io_labels
from gambol.io.project import Merged, Project, fresh
from gambol.io.project_schema import NAME
from gambol.io.video import is_video
from gambol.io.video.open import split_ref

_READ = (  # beside videos, in the folders of other tools
    "project.db", "config.yaml", "skeleton.csv", "labeled-data", "labeled-data/*",
    "labeled-data/*/*",
)  # fmt: skip


class ImportConfig(Config):
    """Settings of the stage."""

    nan_means: Literal["absent", "unlabelled"] | None = None  # null: what the format means
    repair_swap: bool = False  # take left and right from the names (DeepPoseKit)


class Imported(NamedTuple):
    """What was imported."""

    project: Path
    format: str
    frames: int
    merged: Merged
    lost: tuple[str, ...] = ()  # what the source said and a project cannot hold


def run(
    cfg: ImportConfig,
    source: Path,
    folder: Path,
    videos: list[Path] | None = None,
    progress: Progress = silent,
) -> Imported:
    """Merge labels into a project; an animal that is labelled in a frame is replaced.

    A video without labels is added to a project that is there already.

    Args:
        cfg: how to read.
        source: what to import.
        folder: of the project.
        videos: folders in which videos lie that the source no longer finds.
        progress: told after reading and after writing.
    """
    for place in videos or []:
        if not place.is_dir():
            raise InputError(f"{place} is no folder; give --videos a folder that holds videos")
    try:
        kind = io_labels.detect(source)
    except InputError:
        if not is_video(source):
            raise
        return _add_video(source, folder, progress)
    labels = read(cfg, source, kind, videos or [])
    progress(Step("import", 1, 2, f"read {source.name}"))
    if (folder / "project.db").exists():
        with Project.open(folder) as project:
            merged = project.put_labels(labels)
    else:
        with fresh(folder), Project.create(folder, labels.skeleton) as project:
            merged = project.put_labels(labels)
    progress(Step("import", 2, 2, f"wrote {folder.name}"))
    return Imported(folder.resolve(), kind, len(labels.frames), merged, labels.extras.lost)


def _add_video(source: Path, folder: Path, progress: Progress) -> Imported:
    with Project.open(folder) as project:
        project.add_video(source)
    progress(Step("import", 1, 1, f"added {source.name}"))
    return Imported(folder.resolve(), "video", 0, Merged(0, 0, 0))


@contextmanager
def fenced(source: Path, project: Path, folders: Iterable[Path]) -> Iterator[None]:
    """Let a stranger's source name only what the project may show.

    Args:
        source: what will be imported.
        project: its folder, whose own videos may lie anywhere.
        folders: further ones that may be looked into.

    Raises:
        InputError: the source itself is a link that leads out, or holds one.
    """
    own = []
    if (project / NAME).exists():
        with Project.open(project) as opened:
            refs = [project_videos.expected(row, opened.folder) for row in opened.videos()]
        own = [split_ref(ref)[0] for ref in refs]
    with fence.within([project, *folders, *own]):
        fence.require(source, "the import")
        fence.require_closed(source if source.is_dir() else source.parent, _READ)
        yield


def read(cfg: ImportConfig, source: Path, kind: str, videos: list[Path]) -> Labels:
    """Read labels and find their videos."""
    if kind == "project":
        return io_labels.load(source)
    unsaid = Visibility[cfg.nan_means.upper()] if cfg.nan_means else None
    labels = io_labels.read(source, nan_means=unsaid, repair_swap=cfg.repair_swap)
    return io_labels.found_only(io_labels.sought(labels, videos), source)
