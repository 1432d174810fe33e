"""A run of syllables as `fit-syllables` writes it, of poses whose movements are planted."""

from pathlib import Path

import numpy as np
import xarray as xr

from gambol.core import poses
from gambol.io import store, syllable_runs
from gambol.simulate import behaviors

MOVES = (
    behaviors.Movement("rest"),
    behaviors.Movement("walk", speed=150.0),
    behaviors.Movement("left", turning=2.5, speed=30.0),
    behaviors.Movement("right", turning=-2.5, speed=30.0),
    behaviors.Movement("back", speed=-90.0),
)
FPS = 30.0


def write(folder: Path, recordings: int = 3, frames: int = 900, space: int = 2) -> Path:
    """Write poses and a run in which the label of rest is two labels, 0 and 5.

    Returns:
        The run; poses are in the folder beside it.
    """
    rng = np.random.default_rng(0)
    for r in range(recordings):
        done = behaviors.perform(
            rng, frames, movements=MOVES, fps=FPS, bout_s=0.6, space=space, roam=0.0
        )
        xy = done.xy + rng.normal(0, 0.5, done.xy.shape)
        path = folder / "poses" / f"day{r}.nc"
        store.write_dataset(_poses(xy, done), path)
        run = folder / "run" / "syllables"
        run.mkdir(parents=True, exist_ok=True)
        label = np.where((done.label == 0) & (np.arange(frames) > frames // 2), 5, done.label)
        syllable_runs.write(_course(label, done, path), run / f"day{r}.nc")
    store.write_json({"made_from": "fit-syllables 1"}, folder / "run" / "provenance.json")
    return folder / "run"


def _poses(xy: np.ndarray, done: behaviors.Performed) -> xr.Dataset:
    count, joints, space = xy.shape
    sure = np.full((count, 1, joints), 0.9)
    spread = np.broadcast_to(np.eye(space), (count, 1, joints, space, space))
    made = poses.build(xy[:, None], sure, spread, done.times, done.body.skeleton, fps=FPS)
    return made.assign_attrs(space_unit="mm")


def _course(label: np.ndarray, done: behaviors.Performed, path: Path) -> xr.Dataset:
    space = done.centroid.shape[1]
    found = xr.Dataset(
        {
            "syllable": ("time", label),
            "latent": (("time", "latent"), np.zeros((len(label), 2))),
            "centroid": (("time", "space"), done.centroid),
            "heading": ("time", done.heading),
        },
        {"time": done.times, "space": ["x", "y", "z"][:space]},
        {"fps": FPS},
    )
    chance = np.eye(8)[label]
    about = {"recording": path.stem, "individual": "", "poses": str(path), "source_file": ""}
    return syllable_runs.build(found, chance, None, about)


def write_map(folder: Path, **sizes: int) -> Path:
    """Write the same as a run of a map: labels from 1, and 0 on the way from one to another.

    Rest is two labels, 1 and 6.
    """
    run = write(folder, **sizes)
    (run / "places").mkdir()
    for path in sorted((run / "syllables").glob("*.nc")):
        course = syllable_runs.read(path)
        label = course["syllable"].values + 1
        edges = np.flatnonzero(np.diff(label)) + 1
        for late in range(2):
            label[np.minimum(edges + late, len(label) - 1)] = 0
        held = course[["centroid", "heading"]].assign(
            stay=("time", label), syllable=("time", label)
        )
        store.write_dataset(held, run / "places" / path.name)
        path.unlink()
    (run / "syllables").rmdir()
    return run
