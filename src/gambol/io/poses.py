"""Pose files, written piece by piece: netCDF4 that xarray, movement and MATLAB open.

A long prediction writes shards (`.npz`, one a fixed number of frames) and puts them together
at the end, so memory stays bounded and a killed run finds its finished shards again.
"""

import contextlib
import glob
import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h5netcdf
import numpy as np
import xarray as xr

from gambol.core import poses as core_poses
from gambol.core import tracks as core_tracks
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Track
from gambol.io import store

CANDIDATES, SCORES = "candidate_position", "candidate_score"  # of several peaks per keypoint
POSED = ("posterior", "absent", "margin")  # of poses that were chosen by how bones lie
DRAWN = "interpolated"  # (time, individuals): 1 where a person had a gap of tracks bridged


class Shard(NamedTuple):
    """Poses of consecutive frames; axes as in `core.poses.build`."""

    xy: np.ndarray  # (T, N, J, 2)
    confidence: np.ndarray  # (T, N, J)
    covariance: np.ndarray  # (T, N, J, 2, 2)
    height: np.ndarray  # (T, N, J) of the peak, before calibration
    presence: np.ndarray  # (T, N, J)
    searched: np.ndarray  # (T,) bool: the whole frame was searched
    candidate_xy: np.ndarray | None = None  # (T, N, J, C, 2), where several peaks are kept
    candidate_score: np.ndarray | None = None  # (T, N, J, C)
    posterior: np.ndarray | None = None  # (T, N, J) of the place, where bones were weighed
    absent: np.ndarray | None = None  # (T, N, J) posterior of being absent
    margin: np.ndarray | None = None  # (T, N, J) nats to the best other choice


def shards_of(target: Path) -> Path:
    """Return the folder of the pieces of a result that is not finished."""
    return target.with_name(f".{target.stem}.shards")


def finished(folder: Path) -> list[Path]:
    """Return the pieces in such a folder, and not what is just being written."""
    return list(folder.glob("[0-9]*.npz"))


class Shards:
    """The finished pieces of one prediction, in a folder beside its result."""

    def __init__(self, target: Path, key: str) -> None:
        """Keep pieces that `key` made, delete others."""
        self.folder = shards_of(target)
        self.target = target
        # several processes may fill it: what each does to begin leaves the others' pieces alone
        self._ending = f"-{hashlib.sha256(key.encode()).hexdigest()[:8]}.npz"
        for path in finished(self.folder):
            if not path.name.endswith(self._ending):
                with contextlib.suppress(OSError):
                    path.unlink()

    def path(self, number: int) -> Path:
        """Return where a piece lies or will lie."""
        return self.folder / f"{number:06d}{self._ending}"

    def write(self, number: int, shard: Shard) -> None:
        """Keep a piece, whole or not at all."""
        with store.atomic(self.path(number)) as partial, partial.open("wb") as file:
            np.savez(file, **{k: v for k, v in shard._asdict().items() if v is not None})

    def read(self, number: int) -> Shard | None:
        """Return a piece; None if it is missing or damaged and has to be made again."""
        path = self.path(number)
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                return Shard(**{name: file[name] for name in file.files})
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return None

    def bytes(self) -> int:
        """Return how much the pieces hold, more than what they make after packing."""
        return sum(path.stat().st_size for path in finished(self.folder))

    def remove(self) -> None:
        """Delete the pieces once the result is written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def assemble(
    shards: Shards,
    count: int,
    times: np.ndarray,
    skeleton: Skeleton,
    fps: float,
    attrs: dict[str, Any],
    individuals: tuple[str, ...] = ("animal",),
    candidates: int = 1,
    posed: bool = False,
) -> None:
    """Put all pieces together into the pose file, one piece in memory at a time.

    Args:
        shards: the pieces; removed at the end.
        count: how many there are.
        times: seconds of each frame.
        skeleton: names and structure.
        fps: nominal frames a second.
        attrs: provenance.
        individuals: one name per animal.
        candidates: peaks per keypoint that the pieces hold; of one, none but the position.
        posed: they also say how sure the choice of peaks is.
    """
    empty = np.zeros((0, len(individuals), len(skeleton)), np.float32)
    frame = core_poses.build(
        np.zeros((*empty.shape, 2), np.float32),
        empty,
        np.zeros((*empty.shape, 2, 2), np.float32),
        np.zeros(0),
        skeleton,
        fps=fps,
        individuals=individuals,
        extra=dict.fromkeys(("height", "presence", *(POSED if posed else ())), empty),
        attrs=attrs,
    )
    if candidates > 1:
        places = np.zeros((0, 2, len(skeleton), len(individuals), candidates), np.float32)
        frame[CANDIDATES] = (core_poses.CANDIDATE_DIMS, places)
        frame[SCORES] = (core_poses.SCORE_DIMS, places[:, 0])
    with store.atomic(shards.target, room=shards.bytes() + store.SLACK) as partial:
        _declare(frame, partial, len(times))
        with h5netcdf.File(partial, "a") as file:
            file.resize_dimension("time", len(times))
            file.variables["time"][:] = times
            start = 0
            for number in range(count):
                shard = shards.read(number)
                if shard is None:
                    raise InputError(f"{shards.path(number)} is damaged; run the command again")
                _fill(file, shard, start)
                start += len(shard.xy)
    shards.remove()


def made_from(path: Path) -> str | None:
    """Return what a pose file was made from; None if it is missing or damaged."""
    try:
        with h5netcdf.File(path, "r") as file:
            return str(file.attrs.get("made_from", ""))
    except (OSError, KeyError, ValueError):
        return None


def read(path: Path | str, fps: float | None = None) -> xr.Dataset:
    """Read poses into memory.

    Args:
        path: a pose file, or what another program found (`poses_foreign`); or a pattern such
            as `poses/*.h5` that one file matches (of several: `read_all`).
        fps: frames a second of such a file, where it does not say them.
    """
    path = _only(path)
    if path.suffix == ".nc":
        return core_poses.validate(store.read_dataset(path), str(path))
    from gambol.io import poses_foreign  # brings readers of many formats

    return poses_foreign.read(path, poses_foreign.Said(fps))


def _only(path: Path | str) -> Path:
    """Return the one file that a path or a pattern means."""
    text = str(path)
    if Path(path).exists() or not glob.has_magic(text):
        return Path(path)
    found = sorted(glob.glob(text))
    if len(found) > 1:
        raise InputError(
            f"{len(found)} files match {text!r}; read them by name with read_all, or name one"
        )
    return Path(found[0]) if found else Path(path)


def read_all(pattern: str, fps: float | None = None) -> dict[str, xr.Dataset]:
    """Read all files of a pattern, by the name of the recording: what estimators take.

    Args:
        pattern: such as `poses/*.h5`.
        fps: frames a second, where files do not say them.
    """
    from gambol.io import poses_foreign

    found = sorted(Path(path) for path in glob.glob(pattern))
    if not found:
        raise InputError(f"no file matches {pattern!r}; check the pattern")
    made = {poses_foreign.name_of(path): read(path, fps) for path in found}
    if len(made) < len(found):
        raise InputError(f"two files of {pattern!r} have one name; rename one of them")
    return made


def read_positions(path: Path) -> xr.Dataset:
    """Read positions and confidences alone, in single precision."""
    with _opened(path) as file:
        # a variable that is read at once takes many times the memory that it fills
        held = {name: _in_pieces(file[name]) for name in ("position", "confidence")}
        rest = file.drop_vars(list(file.data_vars)).load()
        return rest.assign(held)


def _in_pieces(values: xr.DataArray) -> xr.DataArray:
    """Read a series, in single precision."""
    whole = np.empty(values.shape, np.float32)
    axis, frames = values.dims.index("time"), values.sizes["time"]
    for first in range(0, frames, core_tracks.PIECE):
        where = slice(first, first + core_tracks.PIECE)
        whole[(slice(None),) * axis + (where,)] = values.isel(time=where).values
    return values.copy(data=whole)


@contextmanager
def _opened(path: Path) -> Iterator[xr.Dataset]:
    """Open a pose file, of which nothing is read yet."""
    store.require_file(path)
    try:
        with xr.open_dataset(path, engine="h5netcdf", cache=False) as file:
            yield core_poses.validate(file, str(path))
    except InputError:
        raise
    except (OSError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} is no complete netCDF4 file ({reason}); make it again"
        ) from error


def read_track(path: Path, animal: int, name: str, least: float = 0.0) -> Track:
    """Read where the keypoints of one individual are, and nothing else.

    Args:
        path: a pose file.
        animal: place among the individuals.
        name: of the track.
        least: confidence below which a position is absent.
    """
    with _opened(path) as file:
        return core_tracks.placed(file, path.stem, animal, name, least)


def names_of_animals(path: Path) -> list[str]:
    """Return the names that `core.tracks` gives the animals of a pose file."""
    with _opened(path) as file:
        who = [str(name) for name in file["individuals"].values]
    return [path.stem] if len(who) == 1 else [f"{path.stem}/{name}" for name in who]


def _declare(frame: xr.Dataset, path: Path, frames: int) -> None:
    """Write names, coordinates and attributes, with no frame yet."""
    encoding: dict[str, Any] = {}
    for name, values in frame.data_vars.items():
        chunks = [min(frames, 1024) if d == "time" else frame.sizes[d] for d in values.dims]
        encoding[str(name)] = {
            "dtype": "float32", "zlib": True, "complevel": 1, "shuffle": True,
            "chunksizes": tuple(chunks), "_FillValue": np.float32(np.nan),
        }  # fmt: skip
    frame["searched"] = ("time", np.zeros(0, np.int8))
    encoding["searched"] = {"dtype": "int8", "chunksizes": (min(frames, 4096),)}
    encoding["time"] = {"dtype": "float64", "chunksizes": (min(frames, 4096),)}
    frame.to_netcdf(path, engine="h5netcdf", unlimited_dims=["time"], encoding=encoding)


def _fill(file: h5netcdf.File, shard: Shard, start: int) -> None:
    where = slice(start, start + len(shard.xy))
    v = file.variables
    v["position"][where] = np.moveaxis(shard.xy, (1, 2, 3), (3, 2, 1))
    v["confidence"][where] = np.swapaxes(shard.confidence, 1, 2)
    v["covariance"][where] = np.moveaxis(shard.covariance, (1, 2, 3, 4), (4, 3, 1, 2))
    v["height"][where] = np.swapaxes(shard.height, 1, 2)
    v["presence"][where] = np.swapaxes(shard.presence, 1, 2)
    v["searched"][where] = shard.searched
    for name in POSED:
        if (values := getattr(shard, name)) is not None:
            v[name][where] = np.swapaxes(values, 1, 2)
    if shard.candidate_xy is not None and shard.candidate_score is not None:
        v[CANDIDATES][where] = np.moveaxis(shard.candidate_xy, (1, 2, 3, 4), (3, 2, 4, 1))
        v[SCORES][where] = np.swapaxes(shard.candidate_score, 1, 2)
