"""What networks saw: the newest poses of a video among the runs, frame by frame.

Files stay open while they are looked at.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from gambol.app.web.desk import Desk
from gambol.app.web.models import PredictedAnimal, Prediction
from gambol.core.errors import InputError
from gambol.io import poses_runs
from gambol.io.labels.places import name_of
from gambol.io.poses_frames import Animals, FramePoses
from gambol.io.project import Project
from gambol.io.project_videos import expected

OPEN = 4  # files at once
LOOK_S = 1.0  # between looks for new files


class _Head(NamedTuple):
    """What a file says of itself."""

    video: str
    frames: int


class _About(NamedTuple):
    """What the project says."""

    ref: str  # of the video
    frames: int
    alone: bool  # no other video has this name
    individuals: dict[str, int]
    keypoints: tuple[str, ...]


class Seen(NamedTuple):
    """An animal as people named it, where the file does not say so yet."""

    name: str
    points: Float32[np.ndarray, "J 3"]  # x, y, px, NaN where not found; P(right)


class RunPredictions:
    """Predictions of the runs of a project; from any thread."""

    def __init__(
        self,
        folder: Path,
        desk: Desk,
        renamed: Callable[[Path, int], list[Seen] | None] = lambda file, frame: None,
    ) -> None:
        """Take a function that knows frames of track files better than these do."""
        self._runs, self._desk, self._renamed = folder / "runs", desk, renamed
        self._lock = threading.Lock()
        self._files: list[tuple[Path, int]] = []  # and times of change, the newest first
        self._looked = -LOOK_S
        self._heads: dict[tuple[Path, int], _Head | None] = {}
        self._open: OrderedDict[tuple[Path, int], FramePoses] = OrderedDict()

    def at(self, video: int, frame: int) -> Prediction | None:
        """Return the newest prediction of a frame; None where nothing was predicted."""
        about = self._desk.ask_now(lambda project: _about(project, video))
        if about is None:
            return None
        with self._lock:
            for file in self._list():
                if not _is_of(self._head(file), about):
                    continue
                try:
                    poses = self._poses(file)
                    if not poses.speaks_of(frame):
                        continue  # an older one may have looked at it
                    found = poses.at(frame)
                    if (said := self._renamed(file[0], frame)) is not None:
                        found = _called(found, said)
                    animals = _animals(found, poses, about)
                except (InputError, OSError):
                    continue  # deleted, or damaged: an older one is shown
                return Prediction(run=self._run_of(file[0]), animals=animals)
        return None

    def newest(self, video: int) -> Path | None:
        """Return the file that `at` reads for a video."""
        about = self._desk.ask_now(lambda project: _about(project, video))
        with self._lock:
            of_it = (f for f, t in self._list() if about and _is_of(self._head((f, t)), about))
            return next(of_it, None)

    def of_run(self, run: str, video: int | None = None) -> Path | None:
        """Return the newest file of a run; of a video, where one is said."""
        about = None
        if video is not None:
            about = self._desk.ask_now(lambda project: _about(project, video))
            if about is None:
                return None
        with self._lock:
            for file in self._list():
                head = self._head(file) if self._run_of(file[0]) == run else None
                if head is not None and (about is None or _is_of(head, about)):
                    return file[0]
        return None

    def block(self, path: Path, first: int, stop: int) -> np.ndarray:
        """Return x, y, confidence (T, N, J, 3) of a file that `of_run` returned.

        Raises:
            InputError: the file is gone or damaged.
            IndexError: frames beyond its end.
        """
        with self._lock:
            poses = self._poses((path, _changed(path)))
            if not 0 <= first < stop <= poses.frames:
                raise IndexError(f"frames {first} to {stop - 1} of {poses.frames}")
            return poses.block(first, stop)

    def look_again(self) -> None:
        """Look for new files at the next question, as something was written."""
        with self._lock:
            self._looked = -LOOK_S

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()

    def _list(self) -> list[tuple[Path, int]]:
        if time.monotonic() - self._looked >= LOOK_S:
            self._files = poses_runs.files(self._runs.parent)
            self._looked = time.monotonic()
            known = set(self._files)
            self._heads = {key: head for key, head in self._heads.items() if key in known}
            for key in [key for key in self._open if key not in known]:
                self._open.pop(key).close()
        return self._files

    def _head(self, file: tuple[Path, int]) -> _Head | None:
        """Return what a file says of itself; None: it holds no poses."""
        if file not in self._heads:
            try:
                with FramePoses(file[0]) as poses:
                    self._heads[file] = _Head(poses.video, poses.frames)
            except InputError:
                self._heads[file] = None
        return self._heads[file]

    def _poses(self, file: tuple[Path, int]) -> FramePoses:
        if file not in self._open:
            self._open[file] = FramePoses(file[0])
            if len(self._open) > OPEN:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(file)
        return self._open[file]

    def _run_of(self, path: Path) -> str:
        return path.relative_to(self._runs).parts[0]


def _about(project: Project, video: int) -> _About | None:
    rows = project.videos()
    row = next((row for row in rows if row.id == video), None)
    if row is None:
        return None
    ref = expected(row, project.folder)
    same = [other for other in rows if name_of(other.path) == name_of(row.path)]
    individuals = {name: key for key, name in project.individuals().items()}
    return _About(ref, row.frames, len(same) == 1, individuals, project.skeleton.keypoints)


def _is_of(head: _Head | None, about: _About) -> bool:
    """Whether a file is of a video: its path, or its name if it is the only one of the name."""
    if head is None or head.frames > about.frames:
        return False
    return poses_runs.is_of(head.video, about.ref, about.alone)


def _called(found: Animals, said: list[Seen]) -> Animals:
    """Put names that people gave in the place of those of the file."""
    xy = np.array([one.points[:, :2] for one in said], np.float64)
    xy = xy.reshape(len(said), *found.xy.shape[1:])
    sure = np.array([one.points[:, 2] for one in said], np.float64).reshape(xy.shape[:2])
    spread, score = np.full((*xy.shape, 2), np.nan), np.nan_to_num(sure).mean(axis=1)
    for n, place in enumerate(xy):  # who was nobody in the file has no more than its places
        same = (found.xy == place) | (np.isnan(found.xy) & np.isnan(place))
        for k in np.flatnonzero(same.all(axis=(1, 2)))[:1]:
            spread[n], score[n] = found.covariance[k], found.score[k]
    names = tuple(one.name for one in said)
    return Animals(names, xy, np.nan_to_num(sure), spread, score)


def _animals(found: Animals, poses: FramePoses, about: _About) -> list[PredictedAnimal]:
    """Put keypoints in the order of the project, and numbers to names that it knows."""
    order = {name: place for place, name in enumerate(poses.keypoints)}
    places = [order.get(name, -1) for name in about.keypoints]
    numbers = dict(about.individuals)
    single = poses.names or found.names
    if len(single) == len(numbers) == 1:  # the animal, whatever its name
        numbers[single[0]] = next(iter(numbers.values()))
    animals = []
    for n, name in enumerate(found.names):
        points, spreads = [], []
        for place in places:
            x, y = found.xy[n, place].tolist() if place >= 0 else (np.nan, np.nan)
            there = bool(np.isfinite(x) and np.isfinite(y))
            sure = float(found.confidence[n, place]) if there else 0.0
            points.append(
                (round(x, 3) if there else None, round(y, 3) if there else None, round(sure, 4))
            )
            xx, xy, yy = found.covariance[n, place][[0, 0, 1], [0, 1, 1]].tolist()
            known = there and bool(np.isfinite([xx, xy, yy]).all())
            spreads.append((xx, xy, yy) if known else (0.0, 0.0, 0.0))
        animals.append(
            PredictedAnimal(
                animal=numbers.get(name),
                name=name,
                score=round(float(found.score[n]), 4),
                points=points,
                covariance=spreads,
            )  # fmt: skip
        )
    return animals


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
