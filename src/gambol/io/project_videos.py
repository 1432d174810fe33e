"""The videos of a project: what is known of one, and how a moved one is found again."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gambol.core.errors import InputError
from gambol.io import fence
from gambol.io.labels.places import joined
from gambol.io.video.open import fingerprint, open_video, split_ref

_OURS = ("runs", "backups", "thumbs")  # folders of a project that hold no videos of a person
_DEPTH = 4  # folders below the one searched; keeps the search of a home folder short


class VideoRow(NamedTuple):
    """A video of a project."""

    id: int
    path: str  # relative to the project, forward slashes; `file::dataset` inside HDF5
    hash: str
    bytes: int | None  # None for a folder of images
    width: int
    height: int
    frames: int
    fps: float


def describe(ref: str, folder: Path) -> dict[str, Any]:
    """Open a video and return the values of its row, its path relative to `folder`."""
    path, dataset = split_ref(ref)
    fence.require(path, "the project")
    fence.require_closed(path, ["*"])
    if not path.exists():
        raise InputError(
            f"the video {path} does not exist; put it there, or name its folder (--videos DIR)"
        )
    video = open_video(ref)
    try:
        width, height = video.size
        frames, fps = len(video), float(video.fps)
    finally:
        video.close()
    return {
        "path": relative(joined(path.resolve(), dataset), folder),
        "hash": fingerprint(ref),
        "bytes": path.stat().st_size if path.is_file() else None,
        "width": width,
        "height": height,
        "frames": frames,
        "fps": fps,
    }


def relative(ref: str, folder: Path) -> str:
    """Return a reference relative to a folder; absolute where it lies on another drive."""
    path, dataset = split_ref(ref)
    try:
        near = Path(os.path.relpath(path.resolve(), folder.resolve()))
    except ValueError:
        near = path.resolve()
    return near.as_posix() + ("" if dataset is None else f"::{dataset}")


def expected(video: VideoRow, folder: Path) -> str:
    """Return the absolute reference of where a video should lie."""
    name, colons, dataset = video.path.partition("::")
    path = Path(os.path.normpath(folder.resolve() / name))
    return joined(path, dataset if colons else None)


def exists(ref: str) -> bool:
    """Tell whether the file or folder of a reference is there."""
    return split_ref(ref)[0].exists()


def search(video: VideoRow, folders: list[Path]) -> str | None:
    """Find a video by its content; files of the same name are looked at first.

    Args:
        video: the row of the database.
        folders: searched in this order, down to `_DEPTH` folders.
    """
    place, colons, inside = video.path.partition("::")
    name, dataset = Path(place).name, inside if colons else None
    found = [path for folder in folders for path in _candidates(folder, video, name)]
    for path in sorted(dict.fromkeys(found), key=lambda p: p.name != name):
        ref = joined(path.resolve(), dataset)
        try:
            if fingerprint(ref) == video.hash:
                return ref
        except InputError:
            continue  # a file of the same size that is no video
    return None


def _candidates(folder: Path, video: VideoRow, name: str) -> Iterator[Path]:
    """Yield files of the same size, or folders of the same name."""
    top = len(folder.resolve().parts)
    for here, folders, files in os.walk(folder):
        deep = len(Path(here).resolve().parts) - top >= _DEPTH
        hidden = [f for f in folders if f.startswith(".") or f in _OURS]
        folders[:] = [] if deep else sorted(set(folders) - set(hidden))
        if video.bytes is None:
            yield from (Path(here) / entry for entry in folders if entry == name)
        else:
            paths = (Path(here) / entry for entry in sorted(files))
            yield from (path for path in paths if _size(path) == video.bytes)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
