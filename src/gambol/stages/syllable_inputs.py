"""What syllables are made of: poses, cleaned where that is right, or series that are given.

Outliers, spikes and lost places are taken out; nothing is smoothed, bridged or dropped for its
confidence, for the model weighs every keypoint by its noise. What `gambol clean` bridged is
absent again: a bridge is no sighting. Every file is looked through once, and read again when
its recording is asked for, so that not all of them are in memory together.
"""

import glob
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from gambol.behavior import clean as cleaning
from gambol.behavior.clean import CleanSettings
from gambol.behavior.syllables import one_rate
from gambol.core import poses as core_poses
from gambol.core import tracks as core_tracks
from gambol.core.errors import InputError
from gambol.core.tracks import Read, Track
from gambol.io import poses as io_poses
from gambol.io import series as io_series
from gambol.io import store


class Origin(NamedTuple):
    """Where a recording comes from."""

    source: Path
    recording: str  # stem of the file, or name of the group
    individual: str  # in a file of several animals, else empty
    video: str  # that the poses were found in, as the file says


class Inputs(NamedTuple):
    """Recordings by name: either poses or series."""

    tracks: Read[Track]
    series: Read[np.ndarray]
    fps: float
    origins: dict[str, Origin]
    frames: dict[str, int]
    remarks: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Names of the recordings, sorted."""
        return sorted(self.origins)


class _Place(NamedTuple):
    """Which animal of a file a recording is."""

    path: Path
    animal: int
    made_up: bool  # its covariances say nothing


def expand(sources: list[Path], suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files that files, folders and patterns stand for, sorted, each once."""
    found: set[Path] = set()
    for source in sources:
        if source.is_dir():
            inside = [p for p in source.iterdir() if p.suffix.lower() in suffixes]
            own = [p for p in inside if not p.name.startswith(".")]
            if not own:
                raise InputError(f"{source} holds no files {', '.join(suffixes)}")
        elif source.exists() or not glob.has_magic(str(source)):
            own = [source]
        else:
            own = [Path(p) for p in glob.glob(str(source))]
            if not own:
                raise InputError(f"no file matches {str(source)!r}; check the pattern")
        found |= set(own)
    if not found:
        raise InputError("no recordings were given; give files, a folder or a pattern")
    return sorted(found)


def hashes(sources: list[Path], given: bool) -> dict[str, str]:
    """Return the hash of every file; their order is of no effect."""
    return {str(path): store.file_hash(path) for path in expand(sources, _suffixes(given))}


def read_poses(sources: list[Path], clean: CleanSettings | None) -> Inputs:
    """Read poses of one or more animals a file.

    Args:
        sources: pose files, 2D or 3D.
        clean: what counts as no sighting; none: what the files say is believed.
    """
    origins: dict[str, Origin] = {}
    frames: dict[str, int] = {}
    rates: dict[str, float] = {}
    places: dict[str, _Place] = {}
    remarks: list[str] = []
    for path in expand(sources, _suffixes(False)):
        poses = unbridged(io_poses.read(path))
        _checked(poses, path)
        poses, sparse = _cleaned(poses, path, clean)
        remarks += [f"{name}: a keypoint is mostly absent" for name in sparse]
        if made_up := _made_up(poses):
            remarks.append(
                f"{path.name}: every covariance is 1, which says nothing; noise is told by "
                "confidence"
            )
        animals = [str(animal) for animal in poses["individuals"].values]
        for n, track in enumerate(core_tracks.tracks(poses, path.stem)):
            name = track.name.replace("/", ".")
            if np.isnan(track.xy[..., 0]).all():
                remarks.append(f"{name}: no keypoint in any frame; it is left out")
                continue
            _taken(name, path, origins)
            places[name] = _Place(path, n, made_up)
            frames[name], rates[name] = len(track.xy), track.fps
            video = str(poses.attrs.get("source_file", path.stem))
            individual = "" if len(animals) == 1 else animals[n]
            origins[name] = Origin(path, path.stem, individual, video)
    if not places:
        raise InputError(
            f"{', '.join(map(str, sources))}: no recording has a keypoint in any frame; check "
            "the poses"
        )
    tracks = Read(list(places), lambda name: _track(places[name], name, clean))
    return Inputs(tracks, Read((), _none), one_rate(rates), origins, frames, tuple(remarks))


def read_series(sources: list[Path], variable: str, fps: float | None) -> Inputs:
    """Read series that are given; `fps` where the files do not say it."""
    origins: dict[str, Origin] = {}
    frames: dict[str, int] = {}
    rates: dict[str, float] = {}
    for path in expand(sources, _suffixes(True)):
        for given in io_series.read(path, variable):
            _taken(given.name, path, origins)
            rate = fps if given.fps is None else given.fps
            if rate is None:
                raise InputError(f"{path} does not say its frames a second; give fps")
            frames[given.name], rates[given.name] = len(given.values), rate
            origins[given.name] = Origin(path, given.name, "", "")

    def series(name: str) -> np.ndarray:
        found = io_series.read(origins[name].source, variable)
        return next(given.values for given in found if given.name == name)

    held = Read(list(origins), series)
    return Inputs(Read((), _none), held, one_rate(rates), origins, frames, ())


def alone(inputs: Inputs, name: str) -> Inputs:
    """Return one recording by itself, in memory."""
    tracks: dict[str, Track] = {name: inputs.tracks[name]} if name in inputs.tracks else {}
    series = {name: inputs.series[name]} if name in inputs.series else {}
    return inputs._replace(
        tracks=Read(list(tracks), tracks.__getitem__),
        series=Read(list(series), series.__getitem__),
        origins={name: inputs.origins[name]}, frames={name: inputs.frames[name]},
    )  # fmt: skip


def unbridged(poses: xr.Dataset) -> xr.Dataset:
    """Return poses in which bridged places are absent, and nothing that was taken out."""
    if "filled" not in poses:
        return poses
    seen = poses["filled"] == 0
    made = poses.assign(position=poses["position"].where(seen))
    if "covariance" in made:
        made["covariance"] = made["covariance"].where(seen)
    return made


def parts(inputs: Inputs, spans: dict[str, tuple[int, int]]) -> Inputs:
    """Return frames [start, stop) of some recordings."""

    def track(name: str) -> Track:
        found, own = inputs.tracks[name], slice(*spans[name])
        held = {
            key: getattr(found, key)[own] for key in ("xy", "confidence", "variance", "times")
        }
        return found._replace(**held)

    def series(name: str) -> np.ndarray:
        return inputs.series[name][slice(*spans[name])]

    return inputs._replace(
        tracks=Read([name for name in spans if name in inputs.tracks], track),
        series=Read([name for name in spans if name in inputs.series], series),
        origins={name: inputs.origins[name] for name in spans},
        frames={
            name: len(range(inputs.frames[name])[slice(*span)]) for name, span in spans.items()
        },
    )  # fmt: skip


def _cleaned(
    poses: xr.Dataset, path: Path, clean: CleanSettings | None
) -> tuple[xr.Dataset, tuple[str, ...]]:
    """Return poses without what was no sighting, and tracks with hardly any of a keypoint."""
    if clean is None:
        return poses, ()
    done = cleaning.clean(poses, path.stem, clean)
    return unbridged(done.poses), done.sparse


def _track(place: _Place, name: str, clean: CleanSettings | None) -> Track:
    """Read one animal, as it was when its file was looked through."""
    poses = unbridged(io_poses.read(place.path).isel(individuals=[place.animal]))
    poses, _ = _cleaned(poses, place.path, clean)
    if place.made_up:
        poses = poses.drop_vars("covariance")
    return core_tracks.tracks(poses, place.path.stem)[0]._replace(name=name)


def _none(name: str) -> Any:
    raise KeyError(name)


def _checked(poses: xr.Dataset, path: Path) -> None:
    """Refuse poses that are of no frame, or not of their skeleton."""
    if not poses.sizes["time"]:
        raise InputError(f"{path} has no frames; leave it out")
    named = [str(name) for name in poses["keypoints"].values]
    known = core_poses.skeleton(poses).keypoints
    if named != list(known):
        raise InputError(
            f"{path} has the keypoints {', '.join(named)}, its skeleton {', '.join(known)}; "
            "export it again"
        )


def _made_up(poses: xr.Dataset) -> bool:
    """Tell whether covariances are what stands where another program gave none: 1 for all."""
    if "covariance" not in poses:
        return False
    spread = np.diagonal(core_poses.covariance(poses), axis1=-2, axis2=-1)
    known = spread[np.isfinite(spread)]
    return bool(known.size and (known == 1.0).all())


def _suffixes(given: bool) -> tuple[str, ...]:
    return (".nc", *io_series.HDF5, *io_series.TEXT) if given else (".nc",)


def _taken(name: str, path: Path, origins: dict[str, Origin]) -> None:
    if name in origins:
        raise InputError(
            f"{origins[name].source} and {path} both hold a recording {name!r}; rename one"
        )
