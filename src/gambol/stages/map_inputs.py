"""What a behaviour map is made of: poses, cleaned and aligned to their animals, or features.

Poses are light, spectrograms are not: all poses are held, and never more than one spectrogram.
"""

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
from gambol.core.tracks import frame_rate
from gambol.io import store
from gambol.stages import map_ends, syllable_inputs
from gambol.stages.map_ends import Ends
from gambol.stages.syllable_inputs import Origin

FEATURES = "feature_values"  # variable of a file of features
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

    recordings: dict[str, Aligned | xr.DataArray]
    fps: float
    origins: dict[str, Origin]
    prepared: PrepareSettings  # with the keypoints that were guessed
    remarks: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Names of the recordings, sorted."""
        return sorted(self.recordings)

    @property
    def swings(self) -> bool:
        """Whether recordings are series of which spectra are computed."""
        first = self.recordings[self.names[0]]
        return isinstance(first, Aligned) or not np.isfinite(first["frequency"].values).any()


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
    recordings: dict[str, Aligned | xr.DataArray] = {}
    origins: dict[str, Origin] = {}
    rates: dict[str, float] = {}
    remarks: list[str] = []
    for path in syllable_inputs.expand(sources, (".nc",)):
        held = store.read_dataset(path)
        if FEATURES in held:
            found = _features(held, path)
        else:
            core_poses.validate(held, str(path))
            settings, told = _ends(settings, [str(k) for k in held["keypoints"].values])
            remarks += told
            held, said = _cleaned(held, path, settings)
            remarks += said
            found = _poses(held, path, settings)
        for origin, fps, recording in found:
            name = origin.recording + (f".{origin.individual}" if origin.individual else "")
            if name in recordings:
                raise InputError(
                    f"{origins[name].source} and {path} both hold a recording {name!r}; rename "
                    "one"
                )
            recordings[name], origins[name], rates[name] = recording, origin, fps
    kinds = {type(one) for one in recordings.values()}
    if len(kinds) > 1:
        raise InputError("some files hold poses and some features; give one kind")
    ordered = {name: recordings[name] for name in sorted(recordings)}
    return Inputs(ordered, one_rate(rates), origins, settings, tuple(dict.fromkeys(remarks)))


def _ends(settings: PrepareSettings, keypoints: list[str]) -> tuple[PrepareSettings, list[str]]:
    """Guess which keypoints are ahead and behind, where that is not said."""
    for name in settings.leave_out:
        if name not in keypoints:
            hint = did_you_mean(name, keypoints) or f"; there are {', '.join(keypoints)}"
            raise InputError(f"leave_out: no keypoint {name!r}{hint}")
    if settings.anterior and settings.posterior:
        return settings, []
    found = map_ends.guess(keypoints)
    ends = Ends(settings.anterior or found.anterior, settings.posterior or found.posterior)
    told = (
        f"by their names, {' and '.join(ends.anterior)} was taken for the front and "
        f"{' and '.join(ends.posterior)} for the back; say it with --anterior and --posterior "
        "if that is wrong"
    )
    return settings.model_copy(update=ends._asdict()), [told]


def _cleaned(
    poses: xr.Dataset, path: Path, settings: PrepareSettings
) -> tuple[xr.Dataset, list[str]]:
    """Clean poses, unless somebody has; name the keypoints that are often lost."""
    if settings.clean is not None and "filled" not in poses:
        poses = cleaning.clean(poses, path.stem, settings.clean).poses
    position = poses["position"]
    lost = position.isnull().any("space").mean(("time", "individuals"))
    often = [
        f"{name} ({share:.0%})"
        for name, share in zip(lost["keypoints"].values, lost.values.tolist(), strict=True)
        if share > _SPARSE and name not in settings.leave_out
    ]
    if not often:
        return poses, []
    return poses, [
        f"{path.name}: absent after cleaning in many frames: {', '.join(often)}; frames near "
        "are off the map, unless these keypoints are left out (leave_out)"
    ]


def _poses(
    poses: xr.Dataset, path: Path, settings: PrepareSettings
) -> list[tuple[Origin, float, Aligned | xr.DataArray]]:
    """Align each animal."""
    ends = AlignSettings(
        anterior=settings.anterior, posterior=settings.posterior, up=settings.up
    )
    animals = [str(animal) for animal in poses["individuals"].values]
    film = str(poses.attrs.get("source_file", path.stem))
    found: list[tuple[Origin, float, Aligned | xr.DataArray]] = []
    for animal, track in zip(animals, core_tracks.tracks(poses, path.stem), strict=True):
        smooth = track if settings.smooth is None else cleaning.smooth(track, settings.smooth)
        own = align.align(smooth, ends)
        whose = "" if len(animals) == 1 else animal
        found.append((Origin(path, path.stem, whose, film), track.fps, _kept(own, settings)))
    return found


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


def _features(
    held: xr.Dataset, path: Path
) -> list[tuple[Origin, float, Aligned | xr.DataArray]]:
    """Return the features of each animal: those with a frequency, if there are any."""
    values = held[FEATURES]
    swings = np.isfinite(values["frequency"].values)
    if swings.any():
        values = values.isel(feature=np.flatnonzero(swings))
    fps = frame_rate(held.attrs, values["time"].values.astype(np.float64), str(path))
    animals = [str(animal) for animal in values["individuals"].values]
    return [
        (
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
        with xr.open_dataset(path, engine="h5netcdf") as file:
            if "position" in file:
                found.append(path)
    return found
