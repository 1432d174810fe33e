"""What a behaviour map is made of: poses, cleaned and aligned to their animals, or features.

Recordings are prepared when they are needed. As many as fit in a little memory are kept until
they are needed again, the last one always.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from gambol.behavior import align
from gambol.behavior import clean as cleaning
from gambol.behavior.align import Aligned, AlignSettings
from gambol.behavior.clean import CleanSettings, SmoothSettings
from gambol.behavior.syllables import one_rate
from gambol.core import poses as core_poses
from gambol.core import tracks as core_tracks
from gambol.core.config import Config
from gambol.core.errors import InputError, did_you_mean
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Track, frame_rate
from gambol.io import store
from gambol.stages import body_ends, syllable_files, syllable_inputs
from gambol.stages.body_ends import Ends
from gambol.stages.syllable_inputs import Origin

FEATURES = "feature_values"  # variable of a file of features
_KEPT = 2**28  # bytes of prepared recordings, beside the last one
_PIECE = 8192  # frames that are cleaned or turned at a time
_SPARSE = 0.1  # share of the frames without a keypoint that is worth a word


class PrepareSettings(Config):
    """How poses become series in the frame of their animal; of features nothing is changed."""

    anterior: tuple[str, ...] = ()  # keypoints at the front; empty: guessed from their names
    posterior: tuple[str, ...] = ()  # keypoints at the back, likewise
    up: Literal["x", "y", "z"] = "z"  # axis that headings turn about, in 3D
    leave_out: tuple[str, ...] = ()  # keypoints that are not on the map, as they are often lost
    clean: CleanSettings | None = CleanSettings()  # of raw poses; null: all is believed
    smooth: SmoothSettings | None = None  # before spectra; they smooth by themselves


class Inputs(NamedTuple):
    """Recordings by name, sorted; each animal of a file is one."""

    recordings: dict[str, Callable[[], Aligned | xr.DataArray]]  # each prepared when called
    fps: float
    origins: dict[str, Origin]
    prepared: PrepareSettings  # with the keypoints that were guessed
    swings: bool  # recordings are series of which spectra are computed
    unit: str  # of poses
    remarks: tuple[str, ...]
    absent: tuple[str, ...]  # those of them that name keypoints which are often lost

    @property
    def names(self) -> list[str]:
        """Names of the recordings, sorted."""
        return sorted(self.recordings)


class _Animal(NamedTuple):
    """One animal of a file."""

    origin: Origin
    fps: float
    recording: Aligned | xr.DataArray


class _Shelf:
    """Prepared files: the last, and before it as many as there is room for."""

    def __init__(self, settings: PrepareSettings) -> None:
        self.settings = settings
        self._held: dict[Path, list[_Animal]] = {}

    def animals(self, path: Path) -> list[_Animal]:
        """Return the animals of a file."""
        found = self._held.pop(path, None)
        self.put(path, _prepared(path, self.settings)[0] if found is None else found)
        return self._held[path]

    def put(self, path: Path, animals: list[_Animal]) -> None:
        """Keep the animals of a file, and let go what there is no room for beside them."""
        self._held[path] = animals
        sizes = {own: sum(map(_bytes, held)) for own, held in self._held.items()}
        for own in list(self._held)[:-1]:
            if sum(sizes.values()) - sizes[path] > _KEPT:
                del self._held[own], sizes[own]

    def recording(self, path: Path, number: int) -> Aligned | xr.DataArray:
        """Return one animal of a file."""
        return self.animals(path)[number].recording


def hashes(sources: list[Path], more: Path | None = None) -> dict[str, str]:
    """Return the hash of every file; their order is of no effect."""
    found = syllable_inputs.hashes(sources, False)
    return found if more is None else found | {str(more): store.file_hash(more)}


def read(sources: list[Path], settings: PrepareSettings) -> Inputs:
    """Read poses or features of one or more animals a file.

    Args:
        sources: files, folders or patterns, all of poses or all of features.
        settings: how poses are prepared.
    """
    recordings: dict[str, Callable[[], Aligned | xr.DataArray]] = {}
    origins: dict[str, Origin] = {}
    rates: dict[str, float] = {}
    kinds: dict[str, tuple[bool, bool]] = {}  # whether poses, whether spectra are computed
    remarks: list[str] = []
    absent: list[str] = []
    unit, shelf = "", _Shelf(settings)
    for path in syllable_inputs.expand(sources, (".nc",)):
        shelf.settings, told = _looked(path, shelf.settings)
        animals, said = _prepared(path, shelf.settings)
        remarks, absent = [*remarks, *told, *said], [*absent, *said]
        shelf.put(path, animals)
        for number, (origin, fps, recording) in enumerate(animals):
            whose = origin.individual.replace("/", ".")  # a name of a file, too
            name = origin.recording + (f".{whose}" if whose else "")
            if name in recordings:
                raise InputError(
                    f"{origins[name].source} and {path} both hold a recording {name!r}; rename "
                    "one"
                )
            recordings[name] = partial(shelf.recording, path, number)
            origins[name], rates[name] = origin, fps
            kinds[name] = isinstance(recording, Aligned), _swings(recording)
            unit = recording.track.unit if isinstance(recording, Aligned) else unit
    _one_kind(kinds)
    names = sorted(recordings)
    return Inputs(
        {name: recordings[name] for name in names}, one_rate(rates), origins, shelf.settings,
        kinds[names[0]][1], unit, tuple(dict.fromkeys(remarks)), tuple(absent),
    )  # fmt: skip


def _one_kind(kinds: dict[str, tuple[bool, bool]]) -> None:
    """Refuse recordings that do not go together."""
    first = next(iter(kinds))
    for name, kind in kinds.items():
        if kind[0] != kinds[first][0]:
            raise InputError("some files hold poses and some features; give one kind")
        if kind != kinds[first]:
            one, other = (name, first) if kind[1] else (first, name)
            raise InputError(
                f"the features of {one} are series, those of {other} hold spectra; make all "
                "with the same settings"
            )


def _swings(recording: Aligned | xr.DataArray) -> bool:
    """Tell whether a recording is series of which spectra are computed."""
    if isinstance(recording, Aligned):
        return True
    return not np.isfinite(recording["frequency"].values).any()


def _bytes(animal: _Animal) -> int:
    """Memory that a recording takes; features with frequencies stay in their file."""
    one = animal.recording
    if isinstance(one, Aligned):
        return int(one.track.xy.nbytes + one.centroid.nbytes + one.heading.nbytes)
    return int(one.nbytes) if _swings(one) else 0


@contextmanager
def _opened(path: Path) -> Iterator[xr.Dataset]:
    """Open a file without reading it."""
    with _lazily(path) as held:
        yield held


def _lazily(path: Path) -> xr.Dataset:
    store.require_file(path)
    try:
        return xr.open_dataset(path, engine="h5netcdf")
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} is no complete netCDF4 file ({reason}); make it again"
        ) from error


def _looked(path: Path, settings: PrepareSettings) -> tuple[PrepareSettings, list[str]]:
    """Look into a file: are the keypoints there that are asked for, or can they be guessed?"""
    with _opened(path) as held:
        if FEATURES in held:
            return settings, []
        core_poses.validate(held, str(path))
        names = [str(name) for name in held["keypoints"].values]
        if not held.sizes["time"]:
            raise InputError(f"{path} has no frames; leave it out")
        if (skeleton := core_poses.skeleton(held).keypoints) != tuple(names):
            raise InputError(
                f"{path}: its skeleton has {len(skeleton)} keypoints, its positions are of "
                f"{', '.join(names)}; write the skeleton of these, or none"
            )
        return _ends(settings, names)


def _prepared(path: Path, settings: PrepareSettings) -> tuple[list[_Animal], list[str]]:
    """Read a file and prepare its animals; also return what has to be said of it."""
    with _opened(path) as held:
        if FEATURES not in held:
            # covariances are most of a file, and few ask for them
            kalman = settings.smooth is not None and settings.smooth.kind == "kalman"
            used = ["position", "confidence", *(["covariance"] if kalman else [])]
            done = settings.clean is None or "filled" in held
            poses = held[[name for name in used if name in held]].load()
            return _poses(poses, path, done, settings)
    return _features(_lazily(path), path), []


def _ends(settings: PrepareSettings, keypoints: list[str]) -> tuple[PrepareSettings, list[str]]:
    """Guess which keypoints are ahead and behind, where that is not said."""
    for name in settings.leave_out:
        if name not in keypoints:
            hint = did_you_mean(name, keypoints) or f"; there are {', '.join(keypoints)}"
            raise InputError(f"leave_out: no keypoint {name!r}{hint}")
    if settings.anterior and settings.posterior:
        return settings, []
    found = body_ends.guess(keypoints)
    ends = Ends(settings.anterior or found.anterior, settings.posterior or found.posterior)
    return settings.model_copy(update=ends._asdict()), [body_ends.told(ends)]


def _poses(
    poses: xr.Dataset, path: Path, done: bool, settings: PrepareSettings
) -> tuple[list[_Animal], list[str]]:
    """Clean poses, unless somebody has, and align each animal."""
    ends = AlignSettings(
        anterior=settings.anterior, posterior=settings.posterior, up=settings.up
    )
    animals = [str(animal) for animal in poses["individuals"].values]
    film = str(poses.attrs.get("source_file", path.stem))
    tracks = core_tracks.tracks(poses, path.stem)
    found, lost = [], []
    for animal in animals:
        track = tracks.pop(0)
        if settings.clean is not None and not done:
            track = _cleaned(track, settings.clean)
        lost.append(np.isnan(track.xy).any(axis=2).mean(axis=0))
        if settings.smooth is not None:
            track = cleaning.smooth(track, settings.smooth)
        own = _kept(align.align(track, ends), settings)
        whose = "" if len(animals) == 1 else animal
        found.append(_Animal(Origin(path, path.stem, whose, film), track.fps, own))
    names = [str(name) for name in poses["keypoints"].values]
    return found, _often_absent(path, names, np.mean(lost, axis=0).tolist(), settings)


def _cleaned(track: Track, settings: CleanSettings) -> Track:
    """Clean a track piece by piece, which changes no bit; confidence has been used then."""
    nothing = np.broadcast_to(np.nan, track.confidence.shape)
    xy, start = np.empty_like(track.xy), 0
    known = bool(np.isfinite(track.variance).any())
    variance = np.empty_like(track.variance) if known else nothing
    for piece in cleaning.pieces(track, settings, _PIECE):
        part = slice(start, start := start + len(piece.track.xy))
        xy[part] = piece.track.xy
        if known:
            variance[part] = piece.track.variance
    return track._replace(xy=xy, confidence=nothing, variance=variance)


def _often_absent(
    path: Path, keypoints: list[str], lost: list[float], settings: PrepareSettings
) -> list[str]:
    """Name the keypoints that are often lost."""
    often = [
        f"{name} ({share:.0%})"
        for name, share in zip(keypoints, lost, strict=True)
        if share > _SPARSE and name not in settings.leave_out
    ]
    if not often:
        return []
    return [
        f"{path.name}: absent after cleaning in many frames: {', '.join(often)}; frames near "
        "are off the map, unless these keypoints are left out (leave_out)"
    ]


def _kept(own: Aligned, settings: PrepareSettings) -> Aligned:
    """Return the keypoints that are on the map, and no memory for what is not used."""
    track = own.track
    names = tuple(n for n in track.skeleton.keypoints if n not in settings.leave_out)
    place = [track.skeleton.index(name) for name in names]
    nothing = np.broadcast_to(np.nan, (len(track.xy), len(names)))
    return own._replace(
        track=track._replace(
            xy=np.ascontiguousarray(track.xy[:, place]), confidence=nothing, variance=nothing,
            skeleton=Skeleton(names),
        )
    )  # fmt: skip


def _features(held: xr.Dataset, path: Path) -> list[_Animal]:
    """Return the features of each animal: those with a frequency, if there are any."""
    values = held[FEATURES]
    swings = np.isfinite(values["frequency"].values)
    if swings.any():
        values = values.isel(feature=np.flatnonzero(swings))
    else:
        values = values.load()
        held.close()
    fps = frame_rate(held.attrs, values["time"].values.astype(np.float64), str(path))
    animals = [str(animal) for animal in values["individuals"].values]
    return [
        _Animal(
            Origin(path, path.stem, "" if len(animals) == 1 else animal, path.stem),
            fps,
            values.isel(individuals=n, drop=True).transpose("time", "feature"),
        )
        for n, animal in enumerate(animals)
    ]


def pose_files(sources: list[Path]) -> list[Path]:
    """Return the files that hold poses."""
    found = []
    for path in syllable_inputs.expand(sources, (".nc",)):
        with _opened(path) as file:
            if "position" in file:
                found.append(path)
    return found


@contextmanager
def nothing_left(folder: Path) -> Iterator[None]:
    """Remove a folder that was begun, if an error stops the work before anything is made."""
    try:
        yield
    except InputError:
        if folder.is_dir() and {path.name for path in folder.iterdir()} <= syllable_files.EMPTY:
            shutil.rmtree(folder)
        raise
