"""2D poses of several cameras, put on one clock: what each camera saw of each animal.

Read are our own pose and track files and what other programs predicted (`io.labels`), one file
a camera. Files belong to cameras by name: the file's name, else that of its folder, holds the
name of exactly one camera of the rig as a word. Frames are matched by index, keypoints and
individuals by name.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED
from gambol.core.skeleton import Skeleton, guess_swap
from gambol.core.views import Views, of_points
from gambol.io import tracks
from gambol.io.calibration import deepfly3d
from gambol.io.labels.predictions import Tracked

ANIMAL = "animal"  # the name of an animal that nobody named
SUFFIXES = (".nc", ".slp", ".h5", ".csv")
_OFTEN = 0.02  # of a camera's points at one and the same place, before it is remarked
_CLOCKS = 1e-3  # relative difference of frame rates that are the same


class Seen(NamedTuple):
    """The animals of a recording, and what a person should know about how they were read."""

    animals: list[tuple[str, Views]]  # by name
    remarks: tuple[str, ...]


class _Look(NamedTuple):
    """One animal in one camera."""

    xy: Float[np.ndarray, "T J 2"]  # px; NaN where not seen
    confidence: Float[np.ndarray, "T J"]  # 0 where not seen
    variance: Float[np.ndarray, "T J"]  # px²; NaN where not known


class _File(NamedTuple):
    """One camera's file."""

    path: Path
    skeleton: Skeleton
    times: Float[np.ndarray, " T"] | None
    frames: int
    looks: dict[str, _Look]  # by animal
    nobody: int  # detections that belong to none of them


def read_views(
    paths: Iterable[Path],
    rig: Rig,
    assign: Mapping[str, Path] | None = None,
    *,
    unseen: Sequence[tuple[float, float]] = (),
    fps: float | None = None,
) -> Seen:
    """Read the 2D poses of a recording, one file after another.

    Args:
        paths: files, or folders of files, that are given to cameras by their names.
        rig: the cameras; those without a file are left out, with a remark.
        assign: files of cameras, where names do not tell.
        unseen: positions (x, y), px, that mean that a keypoint was not seen, such as (0, 0).
        fps: frames a second, where the files do not know them.
    """
    given = {**matched(files_in(paths), rig), **_checked(assign or {}, rig)}
    cameras = tuple(name for name in rig if name in given)
    if not cameras:
        raise InputError("no file of 2D poses was given; name at least one for each camera")
    notes = [f"camera {name} has no file and is left out" for name in rig if name not in given]
    files = []
    for name in cameras:
        files.append(_read(given[name], unseen))
        notes += [f"camera {name}: {note}" for note in _strange(files[-1])]
    frames = max(file.frames for file in files)
    notes += [
        f"camera {name}: {file.path} has {file.frames} frames of {frames}; the rest is unseen"
        for name, file in zip(cameras, files, strict=True)
        if file.frames < frames
    ]
    times, note = _clock(files, frames, fps)
    skeleton = joint_skeleton([file.skeleton for file in files])
    animals, more = _animals(cameras, files)
    notes += note + more + _partial(cameras, files, skeleton)
    seen = []
    for name, names in animals.items():
        seen.append((name, _views(cameras, files, names, skeleton, times)))
    return Seen(seen, tuple(notes))


def read_deepfly3d(
    path: Path, size: tuple[int, int], skeleton: Skeleton | None = None, fps: float = 1.0
) -> Views:
    """Read the 2D points of a result of DeepFly3D: all cameras, unseen keypoints NaN.

    Args:
        path: the pickle, read without running anything of it.
        size: width and height of the images, px.
        skeleton: names of the keypoints, which the file does not say.
        fps: frames a second.
    """
    points = deepfly3d.read_points(path, size)
    count = points.xy.shape[2]
    names = skeleton or Skeleton(tuple(f"keypoint_{j}" for j in range(count)))
    if len(names) != count:
        raise InputError(f"{path} has {count} keypoints, the skeleton {len(names)}")
    return of_points(points.xy, points.cameras, names, fps=fps)


def files_in(paths: Iterable[Path]) -> list[Path]:
    """Put the files of folders in their place: pose files, or those of other programs."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(p for p in path.iterdir() if p.suffix in SUFFIXES and p.is_file())
        ours = [p for p in inside if p.suffix == ".nc"]
        if not inside:
            raise InputError(f"{path} holds no poses ({', '.join(SUFFIXES)}); give the files")
        found += ours or inside
    return found


def matched(paths: Iterable[Path], rig: Rig) -> dict[str, Path]:
    """Give files to cameras by their names; a sentence where they do not tell."""
    found: dict[str, Path] = {}
    for path in paths:
        name = camera_of(path, rig)
        if name in found:
            raise InputError(
                f"{found[name]} and {path} are both of camera {name}; give one of the two"
            )
        found[name] = path
    return found


def camera_of(path: Path, rig: Rig) -> str:
    """Return the one camera that a file's name, or else its folder's name, says."""
    for word in (path.stem, path.absolute().parent.name):
        names = _named(word, list(rig))
        if len(names) == 1:
            return names[0]
        if names:
            raise InputError(
                f"{path} could be of camera {' or '.join(names)}; rename it or say which"
            )
    raise InputError(
        f"{path} names no camera of the rig, which has {', '.join(rig)}; rename it or say which"
    )


def joint_skeleton(skeletons: Sequence[Skeleton]) -> Skeleton:
    """Return a skeleton with the keypoints of all, those of the first in their order."""
    names = tuple(dict.fromkeys(name for one in skeletons for name in one.keypoints))
    for one in skeletons:
        if one.keypoints == names:
            return one
    lines = {
        (names.index(one.keypoints[a]), names.index(one.keypoints[b])): None
        for one in skeletons
        for a, b in one.drawn
    }
    return Skeleton(names, swap=guess_swap(names), edges=tuple(lines), name=skeletons[0].name)


def _named(word: str, names: list[str]) -> list[str]:
    """Return the names that a text holds as words; cam-1 hides cam."""
    for flags in (0, re.IGNORECASE):
        spans = {
            name: hit.span()
            for name in names
            if (hit := re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", word, flags))
        }
        whole = [
            name
            for name, (start, stop) in spans.items()
            if not any(
                a <= start and stop <= b and b - a > stop - start for a, b in spans.values()
            )
        ]
        if whole:
            return whole
    return []


def _checked(assign: Mapping[str, Path], rig: Rig) -> dict[str, Path]:
    for name in assign:
        if name not in list(rig):
            raise InputError(f"the rig has no camera {name!r}; it has {', '.join(rig)}")
    return {name: Path(path) for name, path in assign.items()}


def _read(path: Path, unseen: Sequence[tuple[float, float]]) -> _File:
    """Read one file into one dense array an animal."""
    held = tracks.load(path)
    if held.found.xy.shape[-1] != 2:
        raise InputError(f"{path} holds poses in 3D; give those of one camera")
    ids, names = _individuals(path, held)
    looks = {}
    for number, name in enumerate(names):
        rows = np.flatnonzero(ids == number)
        looks[name] = _look(held, rows, path.suffix == ".nc", unseen)
    nobody = int((ids == UNTRACKED).sum())
    return _File(path, held.skeleton, held.times, held.frames, looks, nobody)


def _individuals(path: Path, held: Tracked) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return whose each detection is; one animal without a name needs none."""
    if (held.id != UNTRACKED).any() or held.names:
        return held.id, held.names
    if len(np.unique(held.found.frame)) < len(held.found.frame):
        raise InputError(
            f"{path} holds several animals without names; run gambol track on it first"
        )
    return np.zeros(len(held.id), np.int64), (ANIMAL,)


def _look(
    held: Tracked, rows: np.ndarray, ours: bool, unseen: Sequence[tuple[float, float]]
) -> _Look:
    shape = (held.frames, len(held.skeleton))
    xy, confidence = np.full((*shape, 2), np.nan), np.zeros(shape)
    variance = np.full(shape, np.nan)
    found = held.found
    frame = found.frame[rows]
    there = found.xy[rows].copy()
    for place in unseen:
        there[(there == np.array(place, float)).all(axis=-1)] = np.nan
    there[~np.isfinite(there).all(axis=-1)] = np.nan
    lost = np.isnan(there[..., 0])
    xy[frame] = there
    confidence[frame] = np.where(lost, 0.0, found.confidence[rows])
    if ours:  # other files do not say how certain a position is
        half = np.trace(found.cov[rows], axis1=-2, axis2=-1) / 2
        variance[frame] = np.where(lost, np.nan, half)
    return _Look(xy, confidence, variance)


def _strange(file: _File) -> list[str]:
    """Remark what is left out, and that many points lie where unseen ones are often put."""
    points = [look.xy.reshape(-1, 2) for look in file.looks.values()]
    there = np.concatenate(points) if points else np.zeros((0, 2))
    there = there[np.isfinite(there).all(axis=-1)]
    found = []
    if file.nobody:
        found.append(f"{file.nobody} detections of {file.path} belong to no animal: left out")
    for place in ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (-1.0, -1.0)):
        share = float((there == place).all(axis=-1).mean()) if len(there) else 0.0
        if share > _OFTEN:
            found.append(
                f"{share:.0%} of the points of {file.path} lie at exactly {place}, which often "
                f"means not seen; say unseen {place} if it does"
            )
    return found


def _clock(
    files: list[_File], frames: int, fps: float | None
) -> tuple[Float[np.ndarray, " T"], list[str]]:
    """Return the seconds of all frames, from the longest file that knows them."""
    known = [(f.path, f.times) for f in files if f.times is not None and len(f.times) > 1]
    rates = [(path, 1 / float(np.median(np.diff(times)))) for path, times in known]
    if rates and fps is None:
        (slow, low), (fast, high) = (pick(rates, key=lambda r: r[1]) for pick in (min, max))
        if high - low > _CLOCKS * high:
            raise InputError(
                f"{slow} has {low:.4g} frames a second and {fast} {high:.4g}; "
                "make videos of one frame rate"
            )
        times = max((t for _, t in known), key=len)
        more = times[-1] + np.arange(1, frames - len(times) + 1) / high
        return np.concatenate([times, more]), []
    note = [] if fps else ["no file knows its frame rate; times are numbers of frames"]
    return np.arange(frames) / (fps or 1.0), note


def _animals(
    cameras: tuple[str, ...], files: list[_File]
) -> tuple[dict[str, list[str | None]], list[str]]:
    """Return, for each animal, its name in every file; None where a file lacks it."""
    names = [list(file.looks) for file in files]
    if all(len(one) == 1 for one in names):
        called = [one[0] for one in names]
        return {called[0]: [*called]}, []
    every = list(dict.fromkeys(name for one in names for name in one))
    notes = ["several animals: the same name in two cameras is taken for the same animal"]
    notes += [
        f"camera {camera} does not know the animal {name}"
        for name in every
        for camera, one in zip(cameras, names, strict=True)
        if name not in one
    ]
    return {name: [name if name in one else None for one in names] for name in every}, notes


def _partial(cameras: tuple[str, ...], files: list[_File], skeleton: Skeleton) -> list[str]:
    found = []
    for camera, file in zip(cameras, files, strict=True):
        lacking = [name for name in skeleton.keypoints if name not in file.skeleton.keypoints]
        if lacking:
            found.append(f"camera {camera} has no keypoint {', '.join(lacking)}")
    return found


def _views(
    cameras: tuple[str, ...],
    files: list[_File],
    names: list[str | None],
    skeleton: Skeleton,
    times: Float[np.ndarray, " T"],
) -> Views:
    """Put what the cameras saw of one animal side by side; what was put is forgotten."""
    shape = (len(times), len(cameras), len(skeleton))
    xy, confidence = np.full((*shape, 2), np.nan), np.zeros(shape)
    variance = np.full(shape, np.nan)
    for v, (file, name) in enumerate(zip(files, names, strict=True)):
        look = None if name is None else file.looks.pop(name)
        if look is None:
            continue
        place = [skeleton.index(word) for word in file.skeleton.keypoints]
        xy[: file.frames, v, place] = look.xy
        confidence[: file.frames, v, place] = look.confidence
        variance[: file.frames, v, place] = look.variance
    return Views(cameras, xy, confidence, variance, times, skeleton)
