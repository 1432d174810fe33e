"""Labels of a file into a project, or into a copy of it that is thrown away.

A dry import really imports: what it says is what will happen. An archive (.zip) is unpacked
first, beside the project where its pictures stay, and its one file or folder of labels is read.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gambol.app.web import packed
from gambol.app.web.models_files import Transferred
from gambol.core.labels import Labels
from gambol.core.skeleton import Skeleton
from gambol.io import labels as io_labels
from gambol.io.project import Merged, Project, fresh
from gambol.io.project_schema import NAME
from gambol.io.video.open import fingerprint
from gambol.stages import imports


def bring(folder: Path, source: Path, roots: list[Path], dry: bool, by: str) -> Transferred:
    """Merge labels into a project, which is made if the folder is none.

    Args:
        folder: of the project.
        source: a file of labels, a project of another tool, or an archive of either.
        roots: folders in which videos may lie; what else the source names is refused.
        dry: change nothing.
        by: author.

    Raises:
        InputError: the source cannot be read, or does not fit the project.
    """
    with (
        _opened(source, folder, dry) as (inside, top),
        imports.fenced(inside, folder, [*roots, top]),
    ):
        return _merge(folder, inside, source, roots, dry, by)


def skeleton(folder: Path, source: Path, roots: list[Path]) -> Skeleton:
    """Return the skeleton of a file of labels, for a project that is to be.

    Raises:
        InputError: the source cannot be read.
    """
    with (
        _opened(source, folder, dry=True) as (inside, top),
        imports.fenced(inside, folder, [*roots, top]),
    ):
        return io_labels.read(inside).skeleton


@contextmanager
def _opened(source: Path, folder: Path, dry: bool) -> Iterator[tuple[Path, Path]]:
    """Give labels, and the folder into which their archive was unpacked, if it is one.

    What an archive held stays only if the import comes to its end.
    """
    if source.suffix.lower() != ".zip":
        yield source, source
        return
    place = folder / "imports" / f"{source.stem}-{fingerprint(source)[:8]}"
    if not dry and place.is_dir():  # of an import before
        yield packed.labels_in(place, source), place
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unpacked-") as away:
        unpacked = Path(away) / place.name
        packed.unpack(source, unpacked)
        if dry:
            yield packed.labels_in(unpacked, source), unpacked
            return
        packed.labels_in(unpacked, source)  # or nothing moves
        place.parent.mkdir(exist_ok=True)
        shutil.move(unpacked, place)
    try:
        yield packed.labels_in(place, source), place
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _merge(
    project: Path, inside: Path, source: Path, roots: list[Path], dry: bool, by: str
) -> Transferred:
    kind = io_labels.detect(inside)
    places = [project / "videos", source.parent, *roots]
    folders = [place for place in dict.fromkeys(places) if place.is_dir()]
    labels = imports.read(imports.ImportConfig(), inside, kind, folders)
    with tempfile.TemporaryDirectory() as away:
        folder = Path(away) if dry else project
        if dry and (project / NAME).exists():
            _copy(project / NAME, folder / NAME)
        new = not (folder / NAME).exists()
        before = set() if new else _names(folder)
        with fresh(folder):
            opened = Project.create(folder, labels.skeleton) if new else Project.open(folder)
            with opened as target:
                merged = target.put_labels(labels, f"import {source.name}", by)
        more = _names(folder) - before
    kept = f"{merged.kept} animals of a model do not replace a person's"
    return Transferred(
        format=kind,
        frames=len(labels.frames),
        animals=len(labels),
        changes=_changes(merged, labels, new, more),
        lost=[kept] * bool(merged.kept) + list(labels.extras.lost),
    )


def _copy(path: Path, to: Path) -> None:
    with closing(sqlite3.connect(path)) as here, closing(sqlite3.connect(to)) as there:
        here.backup(there)


def _names(folder: Path) -> set[tuple[str, str]]:
    """Return what has a name in a project: videos and animals."""
    with Project.open(folder) as project:
        videos = {("video", (folder / row.path).resolve().name) for row in project.videos()}
        return videos | {("animal", name) for name in project.individuals().values()}


def _changes(
    merged: Merged, labels: Labels, new: bool, more: set[tuple[str, str]]
) -> list[str]:
    said = []
    if new:
        said.append(f"the folder becomes a project with {len(labels.skeleton)} keypoints")
    if merged.added:
        said.append(f"{merged.added} animals are added")
    if merged.replaced:
        said.append(f"{merged.replaced} animals are replaced")
    for kind in ("video", "animal"):
        if names := sorted(name for what, name in more if what == kind):
            rest = f" and {len(names) - 5} more" * (len(names) > 5)
            said.append(f"new {kind}s: {', '.join(names[:5])}{rest}")
    return said or ["nothing changes"]
