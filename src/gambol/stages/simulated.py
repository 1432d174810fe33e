"""What stages that simulate have in common: labels, truth and behaviour as files."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float, Int, UInt8

from gambol.core import ethogram, poses
from gambol.core.labels import Labels, Origin, Visibility
from gambol.core.skeleton import Skeleton
from gambol.io.ethogram import formats
from gambol.kernels import runs
from gambol.stages import imports

PROJECT = "project.db"
BEHAVIOUR, STATE = "behaviour", "state"  # categories of the bouts that are written


class View(NamedTuple):
    """What one film shows of N animals."""

    video: Path
    xy: Float[np.ndarray, "T N J 2"]  # px, NaN where absent
    visibility: UInt8[np.ndarray, "T N J"]


class Did(NamedTuple):
    """What N animals did."""

    state: Int[np.ndarray, "T N"]  # index into `states`
    states: tuple[str, ...]
    mood: Int[np.ndarray, "T N"]  # index into `moods`; they are states above behaviour
    moods: tuple[str, ...]


def kept(skeleton: Skeleton, names: tuple[str, ...] | None) -> list[int]:
    """Places of the keypoints that are kept."""
    return [skeleton.index(name) for name in names or skeleton.keypoints]


def part(skeleton: Skeleton, places: list[int]) -> Skeleton:
    """The skeleton of some keypoints; what hung on a dropped one hangs on its ancestor."""

    def place(j: int) -> int:
        while j >= 0 and j not in places:
            j = skeleton.parent[j]
        return places.index(j) if j >= 0 else -1

    swap = [places.index(k) if (k := skeleton.swap[j]) in places else -1 for j in places]
    parent = tuple(place(skeleton.parent[j]) for j in places)
    names = tuple(skeleton.keypoints[j] for j in places)
    return Skeleton(names, parent, tuple(swap), name=skeleton.name)


def truth(
    xy: Float[np.ndarray, "T N J 2"],
    visibility: UInt8[np.ndarray, "T N J"],
    times: Float[np.ndarray, " T"],
    skeleton: Skeleton,
    fps: float,
) -> xr.Dataset:
    """True poses in the schema of predictions: sure where there is a position, covariance 0."""
    known = np.isfinite(xy).all(axis=-1)
    return poses.build(
        xy,
        known.astype(np.float64),
        np.zeros((*xy.shape, 2)),
        times,
        skeleton,
        fps=fps,
        individuals=names(xy.shape[1]),
        extra={"visibility": visibility.astype(np.float64)},
    )


def names(animals: int) -> tuple[str, ...]:
    """Names of the animals, as tracks have them."""
    return tuple(f"animal{i + 1}" for i in range(animals)) if animals > 1 else ("animal",)


def labels(skeleton: Skeleton, views: Sequence[View], count: int) -> Labels:
    """Label moments spread evenly over the recording, in every view.

    An animal of which no keypoint is in the picture has no row; a frame that shows no animal
    at all is a negative one.
    """
    total = len(views[0].xy)
    chosen = np.unique(np.linspace(0, total - 1, min(count, total)).round()).astype(np.int64)
    rows, empty = [], []
    for number, view in enumerate(views):
        seen = view.visibility[chosen]  # (F, N, J)
        there = (seen != Visibility.ABSENT).any(axis=-1)
        place, animal = np.nonzero(there)
        rows.append((np.full(len(place), number), chosen[place], animal,
                     view.xy[chosen][place, animal], seen[place, animal]))  # fmt: skip
        none = chosen[~there.any(axis=1)]
        empty.append(np.stack([np.full_like(none, number), none], axis=1))
    video, frame, individual, xy, visibility = map(np.concatenate, zip(*rows, strict=True))
    return Labels(
        skeleton,
        tuple(str(view.video.resolve()) for view in views),
        video.astype(np.int64),
        frame,
        individual.astype(np.int64),
        xy,
        visibility,
        np.full(len(frame), Origin.PERSON, np.uint8),
        names(views[0].xy.shape[1]),
        negatives=np.concatenate(empty),
    )


def make_project(source: Path, folder: Path) -> None:
    """Put labels into a project of their own, unless there is one."""
    if not (folder / PROJECT).exists():
        imports.run(imports.ImportConfig(), source, folder)


def write_behaviour(did: Did, recording: str, fps: float, path: Path) -> None:
    """Write bouts of behaviour, and of the states above it, as a table."""
    rows, scheme, everywhere = [], [], np.ones(len(did.state), bool)
    levels = (("", BEHAVIOUR, did.state, did.states), ("state: ", STATE, did.mood, did.moods))
    for said, category, course, known in levels:
        scheme += [(said + name, category, True) for name in known]
        for n, name in enumerate(names(course.shape[1]) if known else ()):
            for label, start, stop in zip(*runs.runs(course[:, n], everywhere), strict=True):
                what = said + known[label]
                rows.append((recording, name, what, category, start, stop, "manual"))
    columns = [
        "recording",
        "subject",
        "label",
        "category",
        "start_frame",
        "stop_frame",
        "source",
    ]
    clock = pd.DataFrame(
        {"recording": [recording], "fps": [fps], "frames": [len(did.state)], "media": [""]}
    )
    made = ethogram.build(
        pd.DataFrame(rows, columns=columns),
        pd.DataFrame(scheme, columns=["label", "category", "exclusive"]),
        recordings=clock,
    )
    formats.write(made, path, "bouts")
