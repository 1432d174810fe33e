"""Tracks: the poses of one animal in one recording, as plain arrays on the file's own clock.

What behaviour is computed from. A dataset of poses (`core.poses`) with N individuals becomes N
tracks; several recordings become a list of them, in an order that never matters.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar, cast

import numpy as np
import xarray as xr
from jaxtyping import Float

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton

PIECE = 16_384  # frames that are read together

Value = TypeVar("Value")


class Read(Mapping[str, Value]):
    """Recordings by name, each read when it is asked for, and not kept.

    Args:
        names: of the recordings.
        get: reads one.
    """

    def __init__(self, names: Sequence[str], get: Callable[[str], Value]):
        self._names, self._get = dict.fromkeys(sorted(names)), get

    def __getitem__(self, name: str) -> Value:
        if name not in self._names:
            raise KeyError(name)
        return self._get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names  # a file is not opened for that

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Track(NamedTuple):
    """One animal, T frames, J keypoints, d = 2 or 3 coordinates."""

    name: str  # id of the recording, or recording/individual where there are several animals
    xy: Float[np.ndarray, "T J d"]  # in `unit`, x first; NaN where the keypoint is absent
    confidence: Float[np.ndarray, "T J"]  # 0 to 1; NaN where the file has none
    variance: Float[np.ndarray, "T J"]  # mean over coordinates, unit²; NaN where not known
    times: Float[np.ndarray, " T"]  # s, strictly increasing
    fps: float  # frames a second
    skeleton: Skeleton
    unit: str = "pixels"  # of the coordinates: pixels or world units, as they came


def tracks(dataset: xr.Dataset, name: str) -> list[Track]:
    """Return the track of every individual of a recording.

    Args:
        dataset: poses in the schema of `core.poses`; `covariance` may be missing.
        name: id of the recording, in errors and in the names of the tracks.

    A position with a coordinate that is not finite is absent as a whole, all NaN.
    """
    poses.validate(dataset, name)
    times = _clock(dataset, name)
    fps = frame_rate(dataset.attrs, times, name)
    xy = poses.xy(dataset).astype(np.float64)  # (T, N, J, d)
    xy[~np.isfinite(xy).all(axis=-1)] = np.nan
    confidence = poses.points(dataset, "confidence").astype(np.float64)
    variance = np.full(confidence.shape, np.nan)
    if "covariance" in dataset:
        spread = np.diagonal(poses.covariance(dataset), axis1=-2, axis2=-1)
        variance = spread.astype(np.float64).mean(axis=-1)
    skeleton, unit = poses.skeleton(dataset), str(dataset.attrs.get("space_unit", "pixels"))
    animals = [str(animal) for animal in dataset["individuals"].values]
    names = [name] if len(animals) == 1 else [f"{name}/{animal}" for animal in animals]
    alone = np.ascontiguousarray
    return [
        Track(
            called,
            xy=alone(xy[:, n]),
            confidence=alone(confidence[:, n]),
            variance=alone(variance[:, n]),
            times=times,
            fps=fps,
            skeleton=skeleton,
            unit=unit,
        )
        for n, called in enumerate(names)
    ]


def placed(
    dataset: xr.Dataset, name: str, animal: int, called: str, least: float = 0.0
) -> Track:
    """Return the positions of one individual in single precision, and no more.

    Args:
        dataset: poses in the schema of `core.poses`.
        name: id of the recording, in errors.
        animal: place among the individuals.
        called: name of the track.
        least: confidence below which a position is absent.
    """
    poses.validate(dataset, name)
    times = _clock(dataset, name)
    own = dataset["position"].isel(individuals=animal).transpose("time", "keypoints", "space")
    sure = dataset["confidence"].isel(individuals=animal).transpose("time", "keypoints")
    xy = np.empty(own.shape, np.float32)
    for first in range(0, len(xy), PIECE):  # a file that is read at once takes many times that
        here = slice(first, first + PIECE)
        part = own.isel(time=here).values
        known = np.isfinite(part).all(axis=-1)
        if least > 0.0:
            known &= ~(sure.isel(time=here).values < least)
        xy[here] = np.where(known[..., None], part, np.nan)
    nothing = np.broadcast_to(np.nan, xy.shape[:2])
    unit = str(dataset.attrs.get("space_unit", "pixels"))
    fps = frame_rate(dataset.attrs, times, name)
    return Track(called, xy, nothing, nothing, times, fps, poses.skeleton(dataset), unit)


def dataset(animals: Sequence[Track], like: xr.Dataset) -> xr.Dataset:
    """Return poses with the positions of tracks in place of those of `like`.

    Args:
        animals: a track of every individual of `like`, in its order.
        like: what the tracks were made of; all but `position` is kept.
    """
    xy = np.stack([track.xy for track in animals], axis=-1)  # (T, J, d, N)
    position = xr.DataArray(xy, dims=("time", "keypoints", "space", "individuals"))
    made = like.position.copy(data=position.transpose(*like.position.dims).values)
    return like.assign(position=made)


def by_name(
    recordings: xr.Dataset | Iterable[xr.Dataset] | Mapping[str, xr.Dataset],
) -> dict[str, xr.Dataset]:
    """Return recordings by name; those without one are called by their number, from 1.

    Args:
        recordings: one, several, or several by name; `attrs["recording"]` is a name, too.
    """
    if not isinstance(recordings, xr.Dataset) and isinstance(recordings, Mapping):
        known = cast(Mapping[str, xr.Dataset], recordings)
        return {str(name): one for name, one in known.items()}
    several = [recordings] if isinstance(recordings, xr.Dataset) else list(recordings)
    found: dict[str, xr.Dataset] = {}
    for number, one in enumerate(several, start=1):
        name = str(one.attrs.get("recording") or f"recording {number}")
        if name in found:
            raise InputError(f"two recordings are named {name!r}; give each its own name")
        found[name] = one
    return found


def gather(recordings: Mapping[str, xr.Dataset]) -> list[Track]:
    """Return the tracks of several recordings by name, sorted: input order changes nothing."""
    return [track for name in sorted(recordings) for track in tracks(recordings[name], name)]


def frame_rate(attrs: Mapping[str, object], times: Float[np.ndarray, " T"], name: str) -> float:
    """Return the frames a second that the file states, else those of its clock.

    Args:
        attrs: of the dataset.
        times: s.
        name: of the recording, for the error.
    """
    said = attrs.get("fps")
    if said is None and len(times) > 1:
        said = 1.0 / float(np.median(np.diff(times)))
    try:
        fps = float(str(said))
    except ValueError:
        fps = np.nan
    if not (np.isfinite(fps) and fps > 0.0):
        raise InputError(f"{name}: fps is {said}; give the frames a second of the recording")
    return fps


def _clock(dataset: xr.Dataset, name: str) -> Float[np.ndarray, " T"]:
    """Return the times of the frames, s, after a look at whether they rise."""
    times = np.asarray(dataset["time"].values, dtype=np.float64)
    if dataset.attrs.get("time_unit") == "frames":
        times = times / frame_rate(dataset.attrs, times[:0], name)
    late = np.flatnonzero(~(np.diff(times) > 0.0))
    if len(late):
        t = int(late[0])
        raise InputError(
            f"{name}: frame {t + 1} is at {times[t + 1]:g} s, not after {times[t]:g} s of the "
            "frame before; give strictly increasing times"
        )
    return times
