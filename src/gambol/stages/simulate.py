"""Stage `simulate`: a simulated recording with its labels and truth on disk.

writes  out/videos/sim-SEED.mp4    the film
        out/truth-SEED.nc          true poses of every frame (`core.poses`, no uncertainty);
                                   individuals are the same animals throughout
        out/labels.slp             labels of a few dozen frames, as a person would have made
        out/simulate.yaml          the settings
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from pydantic import PositiveInt

from gambol.core import poses
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.labels import Labels, Origin, Visibility
from gambol.core.progress import Progress, Step, silent
from gambol.core.skeleton import Skeleton
from gambol.io import labels as io_labels
from gambol.io import store
from gambol.io.video.write import VideoWriter
from gambol.simulate.world import SimulateConfig, Simulation, simulate

CHUNK = 32  # frames drawn at once


class FilmConfig(Config):
    """What to film, and how many of its frames are labelled."""

    world: SimulateConfig = SimulateConfig()
    labelled: PositiveInt = 40
    keypoints: tuple[str, ...] | None = None  # those that are kept; null: all of the animal


class Filmed(NamedTuple):
    """Where the recording lies."""

    video: Path
    truth: Path
    labels: Path


def run(cfg: FilmConfig, out: Path, progress: Progress = silent) -> Filmed:
    """Film, unless the same film is there already."""
    seed = cfg.world.seed
    made = Filmed(
        out / "videos" / f"sim-{seed}.mp4", out / f"truth-{seed}.nc", out / "labels.slp"
    )
    settings = out / "simulate.yaml"
    if (
        settings.exists()
        and settings.read_text(encoding="utf-8") == cfg.yaml()
        and made.labels.exists()
    ):
        progress(Step("simulate", 1, 1, made.video.name))
        return made
    if made.labels.exists() and not settings.exists():
        raise InputError(
            f"{made.labels} was not simulated, so it is not overwritten; choose another folder"
        )
    world = simulate(cfg.world)
    kept = _kept(world.skeleton, cfg.keypoints)
    _film(world, made.video, progress)
    store.write_dataset(_truth(world, kept), made.truth)
    io_labels.write(_labels(world, kept, made.video, cfg.labelled), made.labels, "slp")
    store.write_text(cfg.yaml(), settings)
    return made


def _film(world: Simulation, path: Path, progress: Progress) -> None:
    total = len(world)
    with VideoWriter(path, world.fps, world.size) as writer:
        for start in range(0, total, CHUNK):
            stop = min(start + CHUNK, total)
            for frame in world.read(list(range(start, stop))):
                writer.write(frame)
            progress(Step("simulate", stop, total, path.name))


def _kept(skeleton: Skeleton, names: tuple[str, ...] | None) -> list[int]:
    """Places of the keypoints that are kept."""
    return [skeleton.index(name) for name in names or skeleton.keypoints]


def _part(skeleton: Skeleton, kept: list[int]) -> Skeleton:
    """The skeleton of some keypoints; what hung on a dropped one hangs on its ancestor."""

    def place(j: int) -> int:
        while j >= 0 and j not in kept:
            j = skeleton.parent[j]
        return kept.index(j) if j >= 0 else -1

    swap = [kept.index(k) if (k := skeleton.swap[j]) in kept else -1 for j in kept]
    parent = tuple(place(skeleton.parent[j]) for j in kept)
    names = tuple(skeleton.keypoints[j] for j in kept)
    return Skeleton(names, parent, tuple(swap), name=skeleton.name)


def _truth(world: Simulation, kept: list[int]) -> xr.Dataset:
    """True poses in the schema of predictions: sure where there is a position, covariance 0."""
    xy = world.truth.xy[:, :, kept]
    known = np.isfinite(xy).all(axis=-1)
    return poses.build(
        xy,
        known.astype(np.float64),
        np.zeros((*xy.shape, 2)),
        world.times,
        _part(world.skeleton, kept),
        fps=world.fps,
        individuals=_names(xy.shape[1]),
        extra={"visibility": world.truth.visibility[:, :, kept].astype(np.float64)},
    )


def _names(animals: int) -> tuple[str, ...]:
    """Names of the animals, as tracks have them."""
    return tuple(f"animal{i + 1}" for i in range(animals)) if animals > 1 else ("animal",)


def _labels(world: Simulation, kept: list[int], video: Path, count: int) -> Labels:
    """Label frames spread evenly over the recording.

    An animal of which no keypoint is in the picture has no row; a frame that shows no animal
    at all is a negative one.
    """
    chosen = np.unique(np.linspace(0, len(world) - 1, min(count, len(world))).round())
    chosen = chosen.astype(np.int64)
    visibility = world.truth.visibility[chosen][:, :, kept]  # (F, N, J)
    there = (visibility != Visibility.ABSENT).any(axis=-1)
    place, animal = np.nonzero(there)
    xy = world.truth.xy[chosen][:, :, kept][place, animal]
    empty = chosen[~there.any(axis=1)]
    return Labels(
        _part(world.skeleton, kept),
        (str(video.resolve()),),
        np.zeros(len(place), np.int64),
        chosen[place],
        animal.astype(np.int64),
        xy,
        visibility[place, animal],
        np.full(len(place), Origin.PERSON, np.uint8),
        _names(there.shape[1]),
        negatives=np.stack([np.zeros_like(empty), empty], axis=1),
    )
