"""What one camera saw, a stretch of frames at a time: our own files, and other programs'.

Of our own netCDF files only the frames that are asked for are read. Files of other programs
cannot be cut: they are read whole, once, and kept as arrays in memory or in a scratch file.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED
from gambol.core.skeleton import Skeleton
from gambol.io import stored, tracks
from gambol.io.detections import axis_names, open_file
from gambol.io.labels.predictions import Tracked
from gambol.io.poses import CANDIDATES, SCORES

ANIMAL = "animal"  # the name of an animal that nobody named
Places = Sequence[tuple[float, float]]


class Look(NamedTuple):
    """One animal in one camera."""

    xy: Float[np.ndarray, "T J 2"]  # px; NaN where not seen
    confidence: Float[np.ndarray, "T J"]  # 0 where not seen
    variance: Float[np.ndarray, "T J"]  # px²; NaN where not known
    candidates: Float[np.ndarray, "T J C 2"] | None = None  # px; xy first; NaN: fewer
    score: Float[np.ndarray, "T J C"] | None = None  # of those; 0 where there are fewer


class About(NamedTuple):
    """What a file holds."""

    path: Path
    skeleton: Skeleton
    times: Float[np.ndarray, " T"] | None
    frames: int
    names: tuple[str, ...]  # of the animals
    nobody: int  # detections that belong to none of them
    candidates: int = 0  # peaks of every keypoint, where it knows several


class File(Protocol):
    """One camera's file."""

    about: About

    def looks(self, first: int, last: int) -> dict[str, Look]:
        """Return what was seen of every animal in frames first <= t < last."""
        ...


def open_looks(path: Path, unseen: Places = (), scratch: Path | None = None) -> File:
    """Open a camera's file.

    Args:
        path: of our own, or in any format of `io.labels`.
        unseen: positions (x, y), px, that mean that a keypoint was not seen.
        scratch: folder of the disk for what cannot be cut; None: memory.
    """
    if path.suffix == ".nc" and (about := _about(path)).names:
        return Ours(about, unseen)
    return Whole(path, unseen, scratch)


class Ours:
    """A pose or track file of ours."""

    def __init__(self, about: About, unseen: Places) -> None:
        self.about, self.unseen = about, unseen

    def looks(self, first: int, last: int) -> dict[str, Look]:
        """Read frames first <= t < last."""
        where, path = slice(first, min(last, self.about.frames)), self.about.path
        with open_file(path) as file:
            v = file.variables
            try:
                xy = np.moveaxis(v["position"][where], (1, 2, 3), (3, 2, 1)).astype(np.float64)
                sure = np.swapaxes(v["confidence"][where], 1, 2).astype(np.float64)
                half = np.full(sure.shape, np.nan)
                if "covariance" in v:
                    wide = v["covariance"][where].astype(np.float64)
                    half = np.swapaxes(wide[:, 0, 0] + wide[:, 1, 1], 1, 2) / 2
                absent = v["row"][where] < 0 if "row" in v else np.zeros(sure.shape[:2], bool)
                xy[absent] = np.nan
                several = self._several(v, where, absent)
            except OSError as error:
                reason = " ".join(str(error).split())[:200]
                raise InputError(f"{path} is damaged ({reason}); make it again") from error
        lost = _lose(xy, self.unseen)
        sure = np.where(lost, 0.0, np.nan_to_num(sure))
        half = np.where(lost, np.nan, half)
        return {
            name: Look(xy[:, n], sure[:, n], half[:, n], *(part[:, n] for part in several))
            for n, name in enumerate(self.about.names)
        }

    def _several(self, v: Any, where: slice, absent: np.ndarray) -> tuple[np.ndarray, ...]:
        """Read candidates (T, N, J, C, 2) and their scores (T, N, J, C), if there are any."""
        if not self.about.candidates:
            return ()
        places = np.moveaxis(v[CANDIDATES][where], (1, 2, 3, 4), (4, 2, 1, 3))
        places = places.astype(np.float64)
        places[absent] = np.nan
        lost = _lose(places, self.unseen)
        score = np.swapaxes(v[SCORES][where], 1, 2).astype(np.float64)
        return places, np.where(lost, 0.0, np.nan_to_num(score))


class Whole:
    """A file of another program, read whole."""

    def __init__(self, path: Path, unseen: Places, scratch: Path | None) -> None:
        held = tracks.load(path)
        if held.found.xy.shape[-1] != 2:
            raise InputError(f"{path} holds poses in 3D; give those of one camera")
        ids, names = _individuals(path, held)
        nobody = int((ids == UNTRACKED).sum())
        self.about = About(path, held.skeleton, held.times, held.frames, names, nobody)
        shape = (len(names), held.frames, len(held.skeleton), 3)
        self._all = np.zeros(shape) if scratch is None else stored.scratch(shape, scratch)
        self._all[..., :2] = np.nan
        for n in range(len(names)):
            rows = np.flatnonzero(ids == n)
            there = held.found.xy[rows].copy()
            lost = _lose(there, unseen)
            frame = held.found.frame[rows]
            self._all[n, frame, :, :2] = there
            self._all[n, frame, :, 2] = np.where(lost, 0.0, held.found.confidence[rows])
        stored.release([self._all])

    def looks(self, first: int, last: int) -> dict[str, Look]:
        """Return frames first <= t < last; the file does not say how certain positions are."""
        part = np.array(self._all[:, first:last])
        stored.release([self._all])
        unknown = np.full(part.shape[1:3], np.nan)
        return {
            name: Look(part[n, ..., :2], part[n, ..., 2], unknown)
            for n, name in enumerate(self.about.names)
        }


def _about(path: Path) -> About:
    """Read what one of our files holds, but no poses."""
    with open_file(path) as file:
        needed = ("position", "confidence", "individuals")
        if missing := [name for name in needed if name not in file]:
            raise InputError(f"{path} is no pose file: it lacks {' and '.join(missing)}")
        if file.variables["position"].shape[1] != 2:
            raise InputError(f"{path} holds poses in 3D; give those of one camera")
        times, said = file.variables["time"][:].astype(np.float64), file.attrs.get("skeleton")
        names, keypoints = axis_names(file, "individuals"), axis_names(file, "keypoints")
        group = file.groups.get(tracks.UNTRACKED_GROUP)
        nobody = 0 if group is None else int(group.dimensions["detection"].size)
        several = file.variables[SCORES].shape[-1] if SCORES in file.variables else 0
    skeleton = Skeleton.from_dict(json.loads(said)) if said else Skeleton(keypoints)
    return About(path, skeleton, times, len(times), names, nobody, several)


def _individuals(path: Path, held: Tracked) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return whose each detection is; one animal without a name needs none."""
    if (held.id != UNTRACKED).any() or held.names:
        return held.id, held.names
    if len(np.unique(held.found.frame)) < len(held.found.frame):
        raise InputError(
            f"{path} holds several animals without names; run gambol track on it first"
        )
    return np.zeros(len(held.id), np.int64), (ANIMAL,)


def _lose(xy: np.ndarray, unseen: Places) -> np.ndarray:
    """Make missing what was not seen, in place; tell which those are."""
    for place in unseen:
        xy[(xy == np.array(place, float)).all(axis=-1)] = np.nan
    lost = ~np.isfinite(xy).all(axis=-1)
    xy[lost] = np.nan
    return lost
