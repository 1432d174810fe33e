"""Stage `ensemble`: predictions of several networks to one, smoothed by how they disagree.

reads   sources        folders of pose files, one a network; or files of one recording
writes  out/NAME.nc    poses of each recording (`core.poses`), with the ensemble's covariance

Every file is written whole or not at all; one that is there and was made from the same things
is kept, so that the same command goes on where it was. Memory holds one block of frames.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from pydantic import Field, PositiveInt

import gambol
from gambol.core import poses as core_poses
from gambol.core.config import Config
from gambol.core.errors import InputError, did_you_mean
from gambol.core.progress import Progress, Step, silent
from gambol.io import poses as io_poses
from gambol.io import poses_pieces, provenance, store
from gambol.io.poses_stretches import Stretches
from gambol.kernels import walks
from gambol.pose import eks
from gambol.pose.ensemble import Combined, combine, regular

BLOCK = 4096  # frames in memory
STRETCHES, LENGTH = 4, 512  # parts of a recording that steps and noise are learnt from
SUFFIXES = (".nc", ".csv", ".h5", ".slp")  # of pose files in a folder


class EnsembleConfig(Config):
    """Settings of the stage."""

    combine: Literal["mean", "median"] = "mean"  # mean: weighted by the covariances
    smooth: bool = True  # by the ensemble Kalman smoother
    groups: tuple[tuple[str, ...], ...] = ()
    # keypoints that share a subspace: one point in several mirrors, the rim of a pupil
    views: tuple[str, ...] = ()
    # cameras, as file names have them: a keypoint shares a subspace with itself in the others
    dims: PositiveInt = 3  # of a subspace that keypoints share
    scale: float | None = Field(None, gt=0)
    # variance of the noise against that of the ensemble; null: the most likely
    fps: float | None = Field(None, gt=0)  # of files of other programs that do not say it


class Made(NamedTuple):
    """What became of one recording of one camera."""

    name: str
    poses: Path
    networks: int
    frames: int
    fresh: bool  # False: it was there already
    scale: float | None  # median over keypoints; None: not smoothed, or there already
    rough: tuple[str, ...] = ()  # keypoints that are not smoothed, though the others are


def run(
    cfg: EnsembleConfig, sources: list[Path], out: Path, *, progress: Progress = silent
) -> list[Made]:
    """Combine, and smooth, every recording.

    Args:
        cfg: settings.
        sources: folders, one a network; or files, one a network, of one recording.
        out: folder; not one that is read.
        progress: told of every block.
    """
    recordings = _recordings(sources, cfg.views)
    for names in recordings:
        for name, paths in names.items():
            if (target := out / f"{name}.nc").resolve() in {p.resolve() for p in paths}:
                raise InputError(f"{target} is a file that is read; choose another --out")
    return [made for one in recordings for made in _recording(cfg, one, out, progress)]


def describe(values: dict[str, Any]) -> str:
    """Say in a line a recording what became of it."""
    rows = []
    for one in values["recordings"]:
        told = f"{one['poses']}: {one['frames']} frames, {one['networks']} networks"
        if not one["fresh"]:
            told += ", there already"
        elif one["scale"] is not None:
            told += f", smoothed; noise {one['scale']:.2g} of the ensemble's variance"
        if one["rough"]:
            told += (
                f"; {', '.join(one['rough'])} left as combined, as no stretch that motion is "
                "learnt from shows it"
            )
        rows.append(told)
    return "\n".join(rows)


def _recordings(sources: list[Path], views: tuple[str, ...]) -> list[dict[str, list[Path]]]:
    """The files of every recording: those of its cameras by name, a list of networks each."""
    missing = [path for path in sources if not path.exists()]
    if missing:
        raise InputError(f"{missing[0]} does not exist; give folders or files of poses")
    folders = [path.is_dir() for path in sources]
    if any(folders) and not all(folders):
        raise InputError("give folders, one a network, or files of one recording; not both")
    if all(folders):
        found = _in_folders(sources)
    else:
        found = {}
        for path in sources:
            camera = _camera(path.name, views) if views else ""
            found.setdefault(camera, []).append(path)
        found = {paths[0].stem: paths for paths in found.values()}
    few = next((name for name, paths in found.items() if len(paths) < 2), None)
    if few is not None:
        raise InputError(f"one network predicted {few}; an ensemble needs two or more")
    if not views:
        return [{name: paths} for name, paths in found.items()]
    return _by_recording(found, views, several=all(folders))


def _by_recording(
    found: dict[str, list[Path]], views: tuple[str, ...], several: bool
) -> list[dict[str, list[Path]]]:
    """Put the cameras of a recording together: names that differ by the camera alone."""
    joined: dict[str, dict[str, list[Path]]] = {}
    for name, paths in found.items():
        whole = name.replace(_camera(name, views), "*") if several else ""
        joined.setdefault(whole, {})[name] = paths
    for names in joined.values():
        if len(names) != len(views):
            raise InputError(
                f"{next(iter(names))}: {len(names)} of {len(views)} views are there "
                f"({', '.join(sorted(names))}); give all, or change views"
            )
    return list(joined.values())


def _in_folders(folders: list[Path]) -> dict[str, list[Path]]:
    """The files of every name, one a folder."""
    by_folder = []
    for folder in folders:
        files = sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES)
        files = [p for p in files if not p.name.startswith(".")]
        if not files:
            raise InputError(f"{folder} holds no pose files; give what gambol predict wrote")
        by_folder.append({path.stem: path for path in files})
    names = sorted(set().union(*by_folder))
    for name in names:
        for folder, known in zip(folders, by_folder, strict=True):
            if name not in known:
                raise InputError(
                    f"{folder} has no poses of {name}, which another network predicted; "
                    "predict it, too"
                )
    return {name: [known[name] for known in by_folder] for name in names}


def _camera(name: str, views: tuple[str, ...]) -> str:
    said = [view for view in views if view in name]
    if len(said) != 1:
        told = f"several of views ({', '.join(said)})" if said else "none of views"
        raise InputError(f"{name} names {told}; cameras are told from the names of files")
    return said[0]


def _recording(
    cfg: EnsembleConfig, names: dict[str, list[Path]], out: Path, progress: Progress
) -> list[Made]:
    """Make the files of one recording, one a camera."""
    key = _key(cfg, [path for paths in names.values() for path in paths])
    with ExitStack() as stack:
        cameras = [
            [stack.enter_context(Stretches(path, cfg.fps)) for path in paths]
            for paths in names.values()
        ]
        _check(cameras)
        sight = _Sight(cfg, cameras)
        targets = [out / f"{name}.nc" for name in names]
        missing = [io_poses.made_from(target) != key for target in targets]
        courses = sight.learn() if cfg.smooth and any(missing) else None
        after = None if courses is None else sight.listen(courses)
        made = []
        for camera, (name, target) in enumerate(zip(names, targets, strict=True)):
            if missing[camera]:
                _write(cfg, sight, camera, key, target, courses, after, progress)
            fresh = missing[camera]
            count, frames = len(cameras[camera]), sight.frames
            scale, rough = _smoothed(sight, camera, courses if fresh else None)
            made.append(Made(name, target, count, frames, fresh, scale, rough))
        return made


def _smoothed(
    sight: "_Sight", camera: int, courses: list[eks.Course] | None
) -> tuple[float | None, tuple[str, ...]]:
    """Scale of the noise over the keypoints that were learnt, and names of the others."""
    scales = [course.scale for course in courses or () if course.learnt]
    columns = {int(k) for c in courses or () if not c.learnt for k in c.keypoints}
    first = camera * len(sight.keypoints)
    rough = [name for k, name in enumerate(sight.keypoints, first) if k in columns]
    return float(np.median(scales)) if scales else None, tuple(rough)


def _key(cfg: EnsembleConfig, paths: list[Path]) -> str:
    """Hash of what the result depends on."""
    parts = [gambol.__version__, cfg.fingerprint(), *map(store.file_hash, paths)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _check(cameras: list[list[Stretches]]) -> None:
    """Refuse files that are not of one recording."""
    first = cameras[0][0]
    for one in (member for members in cameras for member in members):
        if one.frames != first.frames:
            raise InputError(
                f"{one.path} has {one.frames} frames, {first.path} has {first.frames}; give "
                "predictions of one recording"
            )
        if set(one.skeleton.keypoints) != set(first.skeleton.keypoints):
            odd = sorted(set(one.skeleton.keypoints) ^ set(first.skeleton.keypoints))
            raise InputError(
                f"{one.path} and {first.path} do not have the same keypoints ({odd[0]}); give "
                "predictions of networks that learnt the same ones"
            )


class _Sight:
    """All cameras of a recording, each seen by several networks; V J columns of keypoints."""

    def __init__(self, cfg: EnsembleConfig, cameras: list[list[Stretches]]) -> None:
        self.cfg, self.cameras = cfg, cameras
        self.frames = cameras[0][0].frames
        self.skeleton = cameras[0][0].skeleton
        self.keypoints = self.skeleton.keypoints
        self.starts = list(range(0, self.frames, BLOCK))
        self.groups = self._groups()

    def _groups(self) -> list[tuple[int, ...]]:
        j, views = len(self.keypoints), range(len(self.cameras))
        joined = []
        for group in self.cfg.groups:
            for name in group:
                if name not in self.keypoints:
                    hint = did_you_mean(name, self.keypoints)
                    raise InputError(f"groups: there is no keypoint {name!r}{hint}")
            joined.append(tuple(self.keypoints.index(name) for name in group))
        flat = [k for group in joined for k in group]
        if twice := next((k for k in flat if flat.count(k) > 1), None):
            raise InputError(f"groups: {self.keypoints[twice]} is named twice")
        joined += [(k,) for k in range(j) if k not in flat]
        return [tuple(v * j + k for v in views for k in group) for group in joined]

    def read(self, first: int, stop: int) -> Combined:
        """Combine some frames; columns are those of the first camera, then of the next."""
        parts = []
        for members in self.cameras:
            said = [one.read(first, stop, self.keypoints) for one in members]
            xy, cov, sure = (np.stack(part) for part in zip(*said, strict=True))
            parts.append(combine(xy, cov, sure, self.cfg.combine))
        return Combined(*(np.concatenate(x, axis=1) for x in zip(*parts, strict=True)))

    def block(self, first: int) -> Combined:
        """Combine the frames of one block."""
        return self.read(first, min(first + BLOCK, self.frames))

    def learn(self) -> list[eks.Course]:
        """Learn steps and noise from some stretches, spread over the recording."""
        room = max(self.frames - LENGTH, 0)
        firsts = np.unique(np.linspace(0, room, STRETCHES).astype(int)).tolist()
        if self.frames <= STRETCHES * LENGTH:
            firsts, length = [0], self.frames
        else:
            length = LENGTH
        stretches = [self.read(first, first + length) for first in firsts]
        return eks.fit(stretches, self.groups, self.cfg.dims, self.cfg.scale)

    def listen(self, courses: Sequence[eks.Course]) -> list[list[walks.Message]]:
        """Return what lies behind every block, for every group: from the last to the first."""
        after = [eks.end(courses)]
        for first in self.starts[:0:-1]:
            seen = self.block(first)
            after.append(
                [
                    walks.back(eks.observe(course, seen), course.step, message)
                    for course, message in zip(courses, after[-1], strict=True)
                ]
            )
        return after[::-1]

    def told(
        self,
        courses: list[eks.Course] | None,
        after: list[list[walks.Message]] | None,
        heard: Callable[[int], None],
    ) -> Iterator[Combined]:
        """Yield the result, block after block."""
        before = eks.begin(courses or ())
        for n, first in enumerate(self.starts):
            seen = self.block(first)
            if courses is not None and after is not None:
                seen, before = eks.smooth(courses, seen, before, after[n])
            heard(first + len(seen.xy))
            yield seen


def _write(
    cfg: EnsembleConfig,
    sight: _Sight,
    camera: int,
    key: str,
    target: Path,
    courses: list[eks.Course] | None,
    after: list[list[walks.Message]] | None,
    progress: Progress,
) -> None:
    members = sight.cameras[camera]
    attrs = _attrs(cfg, key, members, courses)
    own = slice(camera * len(sight.keypoints), (camera + 1) * len(sight.keypoints))
    times = members[0].times
    fps = float(attrs.pop("fps", core_poses.rate(times)))

    def dataset(seen: Combined, at: np.ndarray) -> xr.Dataset:
        spread = np.sqrt(np.trace(seen.between[:, own], axis1=-2, axis2=-1) / 2)
        parts = (seen.xy[:, own], seen.confidence[:, own], regular(seen.covariance[:, own]))
        xy, sure, cov, off = (part[:, None].astype(np.float32) for part in (*parts, spread))
        more = {"disagreement": off}
        return core_poses.build(
            xy, sure, cov, at, sight.skeleton, fps=fps, attrs=attrs, extra=more
        )

    def heard(done: int) -> None:
        progress(Step("ensemble", done, sight.frames, target.stem))

    def blocks() -> Iterator[xr.Dataset]:
        start = 0
        for seen in sight.told(courses, after, heard):
            yield dataset(seen, times[start : start + len(seen.xy)])
            start += len(seen.xy)

    like = dataset(sight.read(0, min(1, sight.frames)), times[:1])
    room = 40 * len(sight.keypoints) * sight.frames + store.SLACK
    poses_pieces.write(target, like, times, blocks(), room)


def _attrs(
    cfg: EnsembleConfig, key: str, members: list[Stretches], courses: list[eks.Course] | None
) -> dict[str, Any]:
    """Where a result is from."""
    kept: dict[str, Any] = {
        name: members[0].attrs[name]
        for name in ("fps", "source_file", "confidence_radius_px")
        if name in members[0].attrs
    }
    learnt = [
        {"keypoints": c.keypoints.tolist(), "step": c.step.tolist(), "scale": c.scale}
        for c in courses or ()
        if c.learnt
    ]
    notes = provenance.record(
        stage="ensemble",
        settings=cfg.model_dump(mode="json"),
        inputs=[str(one.path.resolve()) for one in members],
        courses=learnt,
    )
    return {**kept, "made_from": key, "provenance": notes}
