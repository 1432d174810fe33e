"""Which runs with labels lie below a project, and which of its videos they are about.

Runs of the studio lie in `runs/<stage>-<n>/out`, those of the command line wherever somebody
put them; a folder that holds `places`, `syllables` or `states` is one, nothing inside of it is.
"""

import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import h5py
import numpy as np

from gambol.core.errors import InputError
from gambol.io import poses_runs, project_videos, store
from gambol.io.labels.places import name_of
from gambol.io.project import Project
from gambol.io.video.open import fingerprint

Kind = Literal["map", "syllables", "states"]
INSIDE: dict[str, Kind] = {"places": "map", "syllables": "syllables", "states": "states"}
LABEL = {"map": "stay", "syllables": "syllable", "states": "state"}
LOOK_S = 2.0  # for which a look at the disk is believed
_DEEP = 6  # folders below the project
_SKIPPED = ("backups", "thumbs", "uploads", "trash")
_SIGNS = re.compile(r"[^0-9a-z]+")


class Found(NamedTuple):
    """A folder with labels."""

    run: str  # stable name for addresses
    folder: Path
    kind: Kind
    files: tuple[Path, ...]
    touch: tuple[int, ...]  # times of change, of the files and of the decisions


class Head(NamedTuple):
    """What a file of labels says of itself."""

    name: str
    frames: int
    fps: float
    film: str  # path of the video when it was made
    recording: str  # that its poses are called
    animal: str
    poses: str


class Film(NamedTuple):
    """A video of the project."""

    id: int
    ref: str
    hash: str
    alone: bool  # no other has its name


class Finder:
    """Looks for runs, and remembers the heads of their files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._looked, self._found = -LOOK_S, list[Found]()
        self._heads: dict[tuple[Path, int], Head] = {}
        self._prints: dict[str, str | None] = {}

    def runs(self, *, now: bool = False) -> list[Found]:
        """Return all runs, the newest first."""
        with self._lock:
            if now or time.monotonic() - self._looked >= LOOK_S:
                found = [_found(self._folder, *one) for one in _walk(self._folder, _DEEP)]
                self._found = sorted(found, key=lambda run: (-max(run.touch), run.run))
                self._looked = time.monotonic()
            return self._found

    def get(self, run: str) -> Found | None:
        """Return a run as it is on disk now; None: there is none of the name."""
        known = next((one for one in self.runs() if one.run == run), None)
        if known is None:
            return next((one for one in self.runs(now=True) if one.run == run), None)
        if not known.folder.is_dir():
            return None
        return _found(self._folder, known.folder, known.kind)

    def head(self, path: Path, kind: Kind) -> Head:
        """Return what a file says of itself.

        Raises:
            InputError: it is damaged.
        """
        key = (path, _changed(path))
        known = self._heads.get(key)
        if known is None:
            known = self._heads[key] = _head(path, LABEL[kind])
        return known

    def video(self, head: Head, films: list[Film]) -> int | None:
        """Return the video of the project that a recording is of; None: it is not in it."""
        for film in films:
            if head.film and poses_runs.is_of(head.film, film.ref, film.alone):
                return film.id
        if head.film:
            if head.film not in self._prints:
                self._prints[head.film] = _print(head.film)
            same = self._prints[head.film]
            for film in films:
                if same is not None and film.hash == same:
                    return film.id
        return _by_name(head, films)

    def poses(self, head: Head) -> Path | None:
        """Return the file of poses that labels were made of, where it still is."""
        if not head.poses:
            return None
        said = Path(head.poses)
        places = [said, self._folder.parent / said, self._folder / said]
        if self._folder.name in said.parts:  # the project was moved
            at = said.parts.index(self._folder.name)
            places.append(self._folder.joinpath(*said.parts[at + 1 :]))
        return next((place for place in places if place.is_file()), None)


def films(project: Project) -> list[Film]:
    """Return the videos of a project."""
    rows = project.videos()
    names = [name_of(row.path) for row in rows]
    return [
        Film(row.id, project_videos.expected(row, project.folder), row.hash,
             names.count(name) == 1)
        for row, name in zip(rows, names, strict=True)
    ]  # fmt: skip


def run_of(folder: Path, inside: Path) -> str:
    """Return the name that a folder has in addresses."""
    place = inside.relative_to(folder).as_posix()
    return "b" + hashlib.sha256(place.encode()).hexdigest()[:12]


def _walk(folder: Path, deep: int) -> Iterator[tuple[Path, Kind]]:
    """Yield folders of labels; nothing below them, and no link is followed."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
    except OSError:
        return
    for name, kind in INSIDE.items():
        if name in names and _holds_labels(folder / name):
            yield folder, kind
            return
    for name in names if deep else ():
        if not name.startswith(".") and name not in _SKIPPED:
            yield from _walk(folder / name, deep - 1)


def _holds_labels(inside: Path) -> bool:
    """Tell labels of a run from a run that somebody called `syllables`."""
    itself = any((inside / name).is_dir() for name in INSIDE)
    return not itself and any(inside.glob("*.nc"))


def _found(project: Path, folder: Path, kind: Kind) -> Found:
    inside = next(name for name, one in INSIDE.items() if one == kind)
    files = tuple(sorted((folder / inside).glob("*.nc")))
    touch = tuple(_changed(path) for path in (*files, folder / "label_map.json"))
    return Found(run_of(project, folder), folder, kind, files, touch or (0,))


def _head(path: Path, label: str) -> Head:
    try:
        with h5py.File(store.require_file(path), "r") as file:
            if label not in file:
                raise InputError(f"{path} has no {label}; run the stage again")
            held = {name: str(file.attrs.get(name, "")) for name in
                    ("source_file", "recording", "individual", "poses")}  # fmt: skip
            fps = float(np.asarray(file.attrs.get("fps", 0.0)).item())
            frames = int(file[label].shape[0])
    except OSError as error:
        raise InputError(f"{path} is no complete netCDF4 file; run the stage again") from error
    return Head(
        path.stem, frames, fps, held["source_file"], held["recording"], held["individual"],
        held["poses"],
    )  # fmt: skip


def _by_name(head: Head, films: list[Film]) -> int | None:
    """Return the one video with the longest name that the recording's begins with."""
    best: list[tuple[int, int]] = []
    for film in films:
        stem = _plain(Path(name_of(film.ref)).stem)
        if any(stem and _plain(name).startswith(stem) for name in (head.name, head.recording)):
            best.append((len(stem), film.id))
    most = max(best, default=(0, 0))[0]
    chosen = [video for length, video in best if length == most]
    return chosen[0] if len(chosen) == 1 else None


def _plain(name: str) -> str:
    return _SIGNS.sub("-", name.casefold()).strip("-")


def _print(path: str) -> str | None:
    try:
        return fingerprint(path)
    except (OSError, InputError):
        return None


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
