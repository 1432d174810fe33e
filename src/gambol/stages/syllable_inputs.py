"""What syllables are made of: poses, cleaned where that is right, or series that are given.

Outliers, spikes and lost places are taken out; nothing is smoothed, bridged or dropped for its
confidence, for the model weighs every keypoint by its noise. What `gambol clean` bridged is
absent again: a bridge is no sighting.
"""

import glob
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from gambol.behavior import clean as cleaning
from gambol.behavior.clean import CleanSettings
from gambol.behavior.syllables import one_rate
from gambol.core import poses as core_poses
from gambol.core import tracks as core_tracks
from gambol.core.errors import InputError
from gambol.core.tracks import Track
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

    tracks: dict[str, Track]
    series: dict[str, np.ndarray]
    fps: float
    origins: dict[str, Origin]
    times: dict[str, np.ndarray]  # s
    remarks: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Names of the recordings, sorted."""
        return sorted(self.origins)

    @property
    def frames(self) -> dict[str, int]:
        """Frames of each recording."""
        return {name: len(self.times[name]) for name in self.names}


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
    tracks: dict[str, Track] = {}
    origins: dict[str, Origin] = {}
    remarks: list[str] = []
    for path in expand(sources, _suffixes(False)):
        poses = unbridged(io_poses.read(path))
        if clean is not None:
            done = cleaning.clean(poses, path.stem, clean)
            poses = done.poses
            remarks += [f"{name}: a keypoint is mostly absent" for name in done.sparse]
            poses = unbridged(poses)
        if _made_up(poses):
            poses = poses.drop_vars("covariance")
            remarks.append(
                f"{path.name}: every covariance is 1, which says nothing; noise is told by "
                "confidence"
            )
        animals = [str(animal) for animal in poses["individuals"].values]
        for animal, track in zip(animals, core_tracks.tracks(poses, path.stem), strict=True):
            alone = len(animals) == 1
            name = track.name.replace("/", ".")
            _taken(name, path, origins)
            tracks[name] = track._replace(name=name)
            video = str(poses.attrs.get("source_file", path.stem))
            origins[name] = Origin(path, path.stem, "" if alone else animal, video)
    times = {name: track.times for name, track in tracks.items()}
    rate = one_rate({name: track.fps for name, track in tracks.items()})
    return Inputs(tracks, {}, rate, origins, times, tuple(remarks))


def read_series(sources: list[Path], variable: str, fps: float | None) -> Inputs:
    """Read series that are given; `fps` where the files do not say it."""
    series: dict[str, np.ndarray] = {}
    origins: dict[str, Origin] = {}
    rates: dict[str, float] = {}
    for path in expand(sources, _suffixes(True)):
        for given in io_series.read(path, variable):
            _taken(given.name, path, origins)
            rate = fps if given.fps is None else given.fps
            if rate is None:
                raise InputError(f"{path} does not say its frames a second; give fps")
            series[given.name], rates[given.name] = given.values, rate
            origins[given.name] = Origin(path, given.name, "", "")
    rate = one_rate(rates)
    times = {name: np.arange(len(values)) / rate for name, values in series.items()}
    return Inputs({}, series, rate, origins, times, ())


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
    tracks, series = {}, {}
    for name, (start, stop) in spans.items():
        own = slice(start, stop)
        if name in inputs.series:
            series[name] = inputs.series[name][own]
            continue
        track = inputs.tracks[name]
        held = {
            key: getattr(track, key)[own] for key in ("xy", "confidence", "variance", "times")
        }
        tracks[name] = track._replace(**held)
    return inputs._replace(
        tracks=tracks, series=series, origins={name: inputs.origins[name] for name in spans},
        times={name: inputs.times[name][slice(*span)] for name, span in spans.items()},
    )  # fmt: skip


def _made_up(poses: xr.Dataset) -> bool:
    """Tell whether covariances are what stands where another program gave none: 1 for all."""
    if "covariance" not in poses:
        return False
    spread = np.diagonal(core_poses.covariance(poses), axis1=-2, axis2=-1)
    return bool((spread[np.isfinite(spread)] == 1.0).all())


def _suffixes(given: bool) -> tuple[str, ...]:
    return (".nc", *io_series.HDF5, *io_series.TEXT) if given else (".nc",)


def _taken(name: str, path: Path, origins: dict[str, Origin]) -> None:
    if name in origins:
        raise InputError(
            f"{origins[name].source} and {path} both hold a recording {name!r}; rename one"
        )
