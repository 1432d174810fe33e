"""2D poses of several cameras, put on one clock: what each camera saw of each animal.

Read are our own pose and track files and what other programs predicted (`io.labels`), one file
a camera. Files belong to cameras by name: the file's name, else that of its folder, holds the
name of exactly one camera of the rig as a word. Frames are matched by index, keypoints and
individuals by name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton, guess_swap
from gambol.core.views import Views, of_points
from gambol.io.calibration import deepfly3d
from gambol.io.views_files import About, File, Look, open_looks

SUFFIXES = (".nc", ".slp", ".h5", ".csv")
_OFTEN = 0.02  # of a camera's points at one and the same place, before it is remarked
_SUSPECT = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (-1.0, -1.0))
_CLOCKS = 1e-3  # relative difference of frame rates that are the same


class Seen(NamedTuple):
    """The animals of a recording, and what a person should know about how they were read."""

    animals: list[tuple[str, Views]]  # by name
    remarks: tuple[str, ...]


class _Tally(NamedTuple):
    """How many points of a camera lie where unseen ones are often put."""

    points: int
    there: tuple[int, ...]  # by place of `_SUSPECT`


class Recording:
    """The 2D poses of a recording, which can be read a stretch of frames at a time."""

    def __init__(
        self, rig: Rig, cameras: tuple[str, ...], files: list[File], fps: float | None
    ) -> None:
        self.cameras, self._files = cameras, files
        self._lacking = [name for name in rig if name not in cameras]
        self.frames = max(file.about.frames for file in files)
        abouts = [file.about for file in files]
        self.times, self._clock = _clock(abouts, self.frames, fps)
        self.skeleton = joint_skeleton([about.skeleton for about in abouts])
        self._animals, self._names = _animals(cameras, abouts)
        self._tallies = [_Tally(0, (0,) * len(_SUSPECT))] * len(files)

    @property
    def animals(self) -> tuple[str, ...]:
        """Return the names of all animals."""
        return tuple(self._animals)

    def parts(self, size: int) -> Iterator[dict[str, Views]]:
        """Yield so many frames after another: what was seen of every animal."""
        tallies = [_Tally(0, (0,) * len(_SUSPECT))] * len(self._files)
        for first in range(0, max(self.frames, 1), size):
            last = min(first + size, self.frames)
            views = {name: self._empty(first, last) for name in self._animals}
            for v, file in enumerate(self._files):
                looks = file.looks(first, last)
                tallies[v] = _counted(tallies[v], looks)
                for name, names in self._animals.items():
                    if (own := names[v]) is not None:
                        self._put(views[name], looks.pop(own), v)
            yield views
        self._tallies = tallies

    def remarks(self) -> tuple[str, ...]:
        """Return what a person should know; of positions, once all parts were read."""
        notes = [f"camera {name} has no file and is left out" for name in self._lacking]
        abouts = [file.about for file in self._files]
        for name, about, tally in zip(self.cameras, abouts, self._tallies, strict=True):
            notes += [f"camera {name}: {note}" for note in _strange(about, tally)]
        notes += [
            f"camera {name}: {about.path} has {about.frames} frames of {self.frames}; "
            "the rest is unseen"
            for name, about in zip(self.cameras, abouts, strict=True)
            if about.frames < self.frames
        ]
        notes += self._clock + self._names
        return tuple(notes + _partial(self.cameras, abouts, self.skeleton))

    def _empty(self, first: int, last: int) -> Views:
        shape = (last - first, len(self.cameras), len(self.skeleton))
        xy, variance = np.full((*shape, 2), np.nan), np.full(shape, np.nan)
        times, most = self.times[first:last], max(f.about.candidates for f in self._files)
        bare = Views(self.cameras, xy, np.zeros(shape), variance, times, self.skeleton)
        if most < 2:
            return bare
        candidates = np.full((*shape, most, 2), np.nan)
        return bare._replace(candidates=candidates, candidate_score=np.zeros((*shape, most)))

    def _put(self, views: Views, look: Look, v: int) -> None:
        """Put what a camera saw in its place."""
        about, frames = self._files[v].about, len(look.xy)
        place = [self.skeleton.index(word) for word in about.skeleton.keypoints]
        views.xy[:frames, v, place] = look.xy
        views.confidence[:frames, v, place] = look.confidence
        views.variance[:frames, v, place] = look.variance
        if views.candidates is None or views.candidate_score is None:
            return
        several = look.xy[..., None, :] if look.candidates is None else look.candidates
        score = look.confidence[..., None] if look.score is None else look.score
        count = several.shape[2]
        views.candidates[:frames, v, place, :count] = several
        views.candidate_score[:frames, v, place, :count] = score


def read_views(
    paths: Iterable[Path],
    rig: Rig,
    assign: Mapping[str, Path] | None = None,
    *,
    unseen: Sequence[tuple[float, float]] = (),
    fps: float | None = None,
) -> Seen:
    """Read the 2D poses of a recording into memory: see `open_views`."""
    recording = open_views(paths, rig, assign, unseen=unseen, fps=fps)
    (animals,) = recording.parts(max(recording.frames, 1))
    return Seen(list(animals.items()), recording.remarks())


def open_views(
    paths: Iterable[Path],
    rig: Rig,
    assign: Mapping[str, Path] | None = None,
    *,
    unseen: Sequence[tuple[float, float]] = (),
    fps: float | None = None,
    scratch: Path | None = None,
) -> Recording:
    """Open the 2D poses of a recording.

    Args:
        paths: files, or folders of files, that are given to cameras by their names.
        rig: the cameras; those without a file are left out, with a remark.
        assign: files of cameras, where names do not tell.
        unseen: positions (x, y), px, that mean that a keypoint was not seen, such as (0, 0).
        fps: frames a second, where the files do not know them.
        scratch: folder of the disk for files that can be read only whole; None: memory.
    """
    given = {**matched(files_in(paths), rig), **_checked(assign or {}, rig)}
    cameras = tuple(name for name in rig if name in given)
    if not cameras:
        raise InputError("no file of 2D poses was given; name at least one for each camera")
    files = [open_looks(given[name], unseen, scratch) for name in cameras]
    return Recording(rig, cameras, files, fps)


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


def _counted(tally: _Tally, looks: Mapping[str, Look]) -> _Tally:
    """Count the points of some frames."""
    points, there = tally.points, np.array(tally.there)
    for look in looks.values():
        points += int(np.isfinite(look.xy).all(axis=-1).sum())
        there += [int((look.xy == place).all(axis=-1).sum()) for place in _SUSPECT]
    return _Tally(points, tuple(there.tolist()))


def _strange(about: About, tally: _Tally) -> list[str]:
    """Remark what is left out, and that many points lie where unseen ones are often put."""
    found = []
    if about.nobody:
        found.append(f"{about.nobody} detections of {about.path} belong to no animal: left out")
    for place, count in zip(_SUSPECT, tally.there, strict=True):
        share = count / max(tally.points, 1)
        if share > _OFTEN:
            found.append(
                f"{share:.0%} of the points of {about.path} lie at exactly {place}, which "
                f"often means not seen; say unseen {place} if it does"
            )
    return found


def _clock(
    files: list[About], frames: int, fps: float | None
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
    cameras: tuple[str, ...], files: list[About]
) -> tuple[dict[str, list[str | None]], list[str]]:
    """Return, for each animal, its name in every file; None where a file lacks it."""
    names = [list(file.names) for file in files]
    if all(len(one) == 1 for one in names):
        called = [one[0] for one in names]
        return {called[0]: [*called]}, []
    every = list(dict.fromkeys(name for one in names for name in one))
    notes = [
        f"camera {camera} does not know the animal {name}"
        for name in every
        for camera, one in zip(cameras, names, strict=True)
        if name not in one
    ]
    return {name: [name if name in one else None for one in names] for name in every}, notes


def _partial(cameras: tuple[str, ...], files: list[About], skeleton: Skeleton) -> list[str]:
    found = []
    for camera, file in zip(cameras, files, strict=True):
        lacking = [name for name in skeleton.keypoints if name not in file.skeleton.keypoints]
        if lacking:
            found.append(f"camera {camera} has no keypoint {', '.join(lacking)}")
    return found
