"""Movies of trajectories: the median movement of every label, side by side, in slow motion."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from gambol.behavior import trajectories
from gambol.behavior.align import Placed
from gambol.behavior.trajectories import Trajectories
from gambol.core.progress import Progress, Step
from gambol.core.sequences import Sequences, pack, select
from gambol.core.skeleton import Skeleton
from gambol.io import state_courses
from gambol.stages import movie_plans, movie_scenes, movie_tiles
from gambol.stages.movie_scenes import Scene
from gambol.stages.movie_settings import SyllableMovieConfig
from gambol.stages.movie_sources import Material
from gambol.stages.movie_tiles import Style, Tile
from gambol.viz import trajectory_movie
from gambol.viz.pose_tiles import Stage

RATE = 30.0  # pictures a second
NONE = "no trajectories: they need poses and headings; give poses, anterior and posterior"


def make(
    cfg: SyllableMovieConfig,
    material: Material,
    labels: list[int],
    side: float,
    out: Path,
    progress: Progress,
) -> tuple[list[str], list[str]]:
    """Make the movies that are not there; return their names, and what there is to say.

    Args:
        cfg: settings.
        material: where everything is.
        labels: that are shown.
        side: px or world units that tiles show, at most.
        out: folder.
        progress: told of every movie.
    """
    animals = _Animals(cfg, material)
    if animals.skeleton is None:
        return [], [NONE]
    found = _found(cfg, material, labels, animals)
    shown = [k for k, label in enumerate(found.labels.tolist()) if label in labels]
    names, page = [], cfg.rows * cfg.columns
    clock = trajectory_movie.clock(found.lag_s, RATE, cfg.slow)
    width = _extent(found.median)
    for n, first in enumerate(range(0, len(shown), page), start=1):
        path = out / f"trajectories-{n}.mp4"
        names.append(path.name)
        if movie_tiles.is_there(path):
            continue
        tiles = []
        for k in shown[first : first + page]:
            name = f"{material.names[int(found.labels[k])]} ({found.used[k]})"
            course, window = trajectory_movie.slowed(
                found.median[k], found.lag_s, animals.skeleton, name, clock
            )
            tiles.append(
                Tile(course, min(side, width), None, window, animals.stage, trail=True)
            )
        own_labels = found.labels[shown[first : first + page]]
        rows = found.chosen[found.chosen["label"].isin(own_labels)]
        state_courses.write_table(rows, path.with_suffix(".csv"))
        movie_tiles.write(path, tiles, clock, Style(cfg.size, cfg.columns, RATE, 1.0))
        progress(Step("syllable-movies", n, -(-len(shown) // page), path.stem))
    lacking = [material.names[k] for k in labels if k not in found.labels]
    return names, [f"too few onsets for a trajectory: {', '.join(lacking)}"] if lacking else []


class _Animals:
    """All that have poses and headings; read when they are walked through, one at a time."""

    def __init__(self, cfg: SyllableMovieConfig, material: Material) -> None:
        self._cfg, self._material = cfg, material
        self.frames: dict[str, int] = {}  # of every animal
        self.skeleton: Skeleton | None = None  # None: there is no animal
        self.stage: Stage | None = None  # of 3D poses
        for scene, own in self._each():
            self.frames[own.track.name] = len(own.heading)
            if self.skeleton is None and scene.posed is not None:
                self.skeleton = own.track.skeleton
                self.stage = movie_scenes.stage(scene.posed, cfg.views, cfg.orbit)

    def __iter__(self) -> Iterator[Placed]:
        return (own for _, own in self._each())

    def _each(self) -> Iterator[tuple[Scene, Placed]]:
        for _, scene in movie_plans.visited(self._cfg, self._material):
            own = movie_scenes.placed(scene)
            if own is not None:
                yield scene, own


def _found(
    cfg: SyllableMovieConfig, material: Material, labels: list[int], animals: _Animals
) -> Trajectories:
    """Return the median movement of labels; of an ethogram's, which overlap, one by one."""
    if material.sequences is not None:
        seq = select(material.sequences, list(animals.frames))
        return trajectories.trajectories(seq, animals, cfg.trajectory, random_state=cfg.seed)
    settings = cfg.trajectory.model_copy(update={"min_usage": 0.0})
    parts = []
    for label in labels:
        seq = _one(material, label, animals)
        made = trajectories.trajectories(seq, animals, settings, random_state=cfg.seed)
        at = np.flatnonzero(made.labels == 1)
        chosen = made.chosen[made.chosen["label"] == 1].assign(label=label)
        parts.append(made._replace(
            labels=np.full(len(at), label), median=made.median[at], onsets=made.onsets[at],
            used=made.used[at], chosen=chosen,
        ))  # fmt: skip
    joined = [
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("labels", "median", "onsets", "used")
    ]
    return parts[0]._replace(
        labels=joined[0], median=joined[1], onsets=joined[2], used=joined[3],
        chosen=pd.concat([part.chosen for part in parts], ignore_index=True),
    )  # fmt: skip


def _one(material: Material, label: int, animals: _Animals) -> Sequences:
    """Return 1 where a behaviour is shown, else 0."""
    place = {subject.name: r for r, subject in enumerate(material.subjects)}
    found, rows = material.pool.bouts, []
    for name, frames in animals.frames.items():
        shown = np.zeros(frames, np.int64)
        mine = (found.recording == place[name]) & (found.label == label)
        for start, stop in zip(found.start[mine], found.stop[mine], strict=True):
            shown[start:stop] = 1
        rows.append(shown)
    fps = material.subjects[place[next(iter(animals.frames))]].fps
    return pack(rows, list(animals.frames), fps, 2)


def _extent(median: np.ndarray) -> float:
    """Return how much a tile has to show to hold all of these movements."""
    far = np.linalg.norm(median, axis=-1)
    far = far[np.isfinite(far)]
    return 2.2 * float(far.max()) if len(far) else np.inf
