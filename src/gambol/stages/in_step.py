"""Stage `in_step`: 2D poses of several cameras on one clock whose lags are known.

reads   poses         one 2D pose file a camera
        clocks        which frame of each film belongs to a moment
writes  out/CAMERA.nc    the poses of each camera, on the clock
        out/clock.json   the lags, as `multiview.clocks.Timing` has them

`gambol synchronize` finds lags; this one is told them. Frames are read in pieces.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import store
from gambol.io.poses import Shard, Shards, assemble
from gambol.io.views_files import File, Look, open_looks
from gambol.kernels import lagged
from gambol.multiview.clocks import Timing

MADE = "synchronize"  # `made_from` of our files, like those of `gambol synchronize`
PIECE = 4096  # frames that are read together
NAME = "clock.json"


def run(
    poses: Mapping[str, Path],
    clocks: Mapping[str, Timing],
    out: Path,
    progress: Progress = silent,
) -> dict[str, Path]:
    """Write poses on one clock; return the files by camera.

    Args:
        poses: 2D pose file of each camera.
        clocks: of cameras; of one that is not named, the clock is its own.
        out: folder.
        progress: told of every piece.
    """
    files = {camera: open_looks(path) for camera, path in poses.items()}
    times = _times(files)
    made = {}
    for camera, file in files.items():
        made[camera] = out / f"{camera}.nc"
        _one(file, clocks.get(camera, Timing()), times, made[camera], progress)
    told = {camera: clocks.get(camera, Timing())._asdict() for camera in files}
    store.write_json(told, out / NAME)
    return made


def read(path: Path) -> dict[str, Timing]:
    """Return the clocks of `clock.json`.

    Raises:
        InputError: it is damaged.
    """
    try:
        return {
            str(camera): Timing(
                float(one["lag"]), float(one["drift"]), _gaps(one["drops"]), _gaps(one["skips"])
            )
            for camera, one in store.read_json(path).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged; triangulate again") from error


def _gaps(said: list[list[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((int(start), int(lost)) for start, lost in said)


def _times(files: Mapping[str, File]) -> Float[np.ndarray, " T"]:
    """Return the clock: times of the longest file, which all have at the same rate."""
    longest = max(files.values(), key=lambda file: file.about.frames)
    if longest.about.times is None:
        raise InputError(f"{longest.about.path} says no times; predict its film again")
    rates = {
        c: core_poses.rate(f.about.times) for c, f in files.items() if f.about.times is not None
    }
    fps = core_poses.rate(longest.about.times)
    for camera, other in rates.items():
        if abs(other / fps - 1) > 1e-3:
            raise InputError(
                f"camera {camera} has {other:g} frames a second, another {fps:g}; offsets need "
                "one rate, so use gambol synchronize --timestamps"
            )
    return longest.about.times


def _one(
    file: File, clock: Timing, times: Float[np.ndarray, " T"], target: Path, progress: Progress
) -> None:
    """Write the poses of one camera."""
    names, skeleton = file.about.names, file.about.skeleton
    key = f"{file.about.path} {file.about.path.stat().st_mtime_ns} {clock}"
    shards, count = Shards(target, key), -(-len(times) // PIECE)
    for number in range(count):
        moments = np.arange(number * PIECE, min((number + 1) * PIECE, len(times)), dtype=float)
        if shards.read(number) is None:
            shards.write(number, _piece(file, clock.frames(moments)))
        progress(Step("in step", number + 1, count, target.stem))
    attrs = {"synchronized": True, "made_from": MADE}
    fps = core_poses.rate(times)
    assemble(shards, count, times, skeleton, fps, attrs, names)


def _piece(file: File, at: Float[np.ndarray, " F"]) -> Shard:
    """Return what a camera saw at fractional frames."""
    shape = (len(at), len(file.about.names), len(file.about.skeleton))
    xy, sure, wide = np.full((*shape, 2), np.nan), np.zeros(shape), np.full(shape, np.nan)
    there = at[np.isfinite(at) & (at >= 0) & (at <= file.about.frames - 1)]
    if len(there):
        first, stop = int(np.floor(there.min())), int(np.ceil(there.max())) + 1
        looks = file.looks(first, stop)
        for n, name in enumerate(file.about.names):
            xy[:, n], sure[:, n], wide[:, n] = _moved(looks[name], at - first)
    covariance = wide[..., None, None] * np.eye(2)
    return Shard(xy, sure, covariance, sure, np.ones(shape), np.ones(len(at), bool))


def _moved(
    look: Look, at: Float[np.ndarray, " F"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Interpolate one animal; where one of two frames lacks a point, it is missing."""
    known = np.isfinite(at)
    place = np.where(known, at, -1.0)
    xy = lagged.between(look.xy, place)
    near = np.clip(np.rint(place), 0, len(look.xy) - 1).astype(int)
    seen = np.isfinite(xy).all(-1)
    sure = np.where(seen, look.confidence[near], 0.0)
    return xy, sure, np.where(seen, look.variance[near], np.nan)
