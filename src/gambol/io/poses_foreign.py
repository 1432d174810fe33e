"""Pose series of other programs, as the datasets of `core.poses`.

Tables and SLEAP files are those of `io.labels.predictions`, 3D poses those of `poses_tables`
and `poses_arrays`. Nothing is made up: none of them says how certain a place is, so there is no
covariance, except in our own tables; without scores, confidence is 1 where there is a place.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED
from gambol.core.skeleton import Skeleton
from gambol.io import poses_arrays, poses_tables, store
from gambol.io.labels import anatomy, formats, predictions
from gambol.io.labels.places import video_named
from gambol.io.poses_arrays import Axis
from gambol.io.video import open_video

PROGRAMS = (
    "DeepLabCut (.csv, .h5), SLEAP (.slp, analysis .h5), Lightning Pose and Anipose (.csv)"
)
_KINDS = ("slp", "analysis", "dlc-table", "lightning")


class Said(NamedTuple):
    """What a person says of a file that does not say it itself."""

    fps: float | None = None  # frames a second; None: of the file's clock, or of its video
    keypoints: tuple[str, ...] = ()  # names, of arrays
    skeleton: Skeleton | None = None  # names and structure, instead of the file's
    dataset: str | None = None  # array that holds positions
    scores: str | None = None  # array that holds confidences
    axes: tuple[Axis, ...] = ()  # of the array
    unit: str | None = None  # of positions in 3D; None: not known
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)  # in 3D
    video: str | None = None  # of a SLEAP file that holds several


class _Held(NamedTuple):
    xy: Float[np.ndarray, "T N J d"]
    confidence: Float[np.ndarray, "T N J"]
    covariance: Float[np.ndarray, "T N J d d"] | None
    skeleton: Skeleton
    individuals: tuple[str, ...]
    times: Float[np.ndarray, " T"] | None = None
    video: str = ""  # where it is, or was


def read(path: Path, said: Said | None = None) -> xr.Dataset:
    """Read a pose series of another program.

    Args:
        path: the file.
        said: what it does not say itself; a rate above all.

    Returns:
        Poses, without `covariance` where nobody knows it. What belongs to no animal is left out
        and counted in the attribute `left_out`.

    Raises:
        InputError: if the file cannot be read, or something has to be said about it.
    """
    said = said or Said()
    store.require_file(path)
    held, left = _held(path, said)
    skeleton = _named(path, held.skeleton, said.skeleton)
    clock, fps, film = _clock(path, held, said.fps)
    space = held.xy.shape[-1]
    here = np.isfinite(held.xy).all(axis=-1)
    sure = np.where(here, np.clip(np.nan_to_num(held.confidence), 0.0, 1.0), 0.0)
    attrs: dict[str, Any] = {"source_file": film, "imported_from": str(path.resolve())}
    attrs |= {"left_out": left} if left else {}
    if space == 3:
        unit = said.unit or "unknown"
        attrs |= {"units": unit, "space_unit": unit, "up": list(said.up)}
    nothing = np.full((*held.xy.shape, space), np.nan, np.float32)
    made = core_poses.build(
        held.xy.astype(np.float32), sure.astype(np.float32),
        nothing if held.covariance is None else held.covariance.astype(np.float32),
        clock, skeleton, fps=fps, individuals=held.individuals, attrs=attrs,
    )  # fmt: skip
    return made if held.covariance is not None else made.drop_vars(["covariance", "space_b"])


def name_of(path: Path) -> str:
    """Return the name of the recording; DeepLabCut hangs that of its network on it."""
    return (path.stem.partition("DLC_")[0] or path.stem).removesuffix(".analysis")


def _held(path: Path, said: Said) -> tuple[_Held, int]:
    """Read a file of any kind; also return how many detections nobody owns."""
    if path.suffix.lower() == ".nc":
        raise InputError(f"{path} is a pose file already; use it as it is")
    if said.dataset is None and (kind := _kind(path)) is not None:
        if kind == "table":
            return _table(path), 0
        return _tracked(path, said)
    if not poses_arrays.is_array(path):
        raise InputError(
            f"{path} holds no poses known here; known are files of {PROGRAMS}, tables of "
            "`gambol export`, and arrays (.h5, .mat, .npz, .npy)"
        )
    return _arrays(path, said), 0


def _kind(path: Path) -> str | None:
    """Return what a file is; None if it may hold arrays."""
    if path.suffix.lower() in poses_arrays.SUFFIXES:
        return None
    if not poses_arrays.is_array(path) and poses_tables.is_table(path):
        return "table"
    try:
        kind = formats.detect(path)
    except InputError:
        return None
    return kind if kind in _KINDS else None


def _table(path: Path) -> _Held:
    found = poses_tables.read(path)
    skeleton = anatomy.skeleton_of(found.keypoints, source=path)
    video = video_named(path.stem, path.resolve().parent) or ""
    return _Held(
        found.xy, found.confidence, found.covariance, skeleton, found.individuals,
        found.times, video,
    )  # fmt: skip


def _arrays(path: Path, said: Said) -> _Held:
    found = poses_arrays.read(path, said.dataset, said.scores, said.axes)
    frames, animals, points = found.xy.shape[:3]
    names = found.keypoints or said.keypoints
    if said.skeleton is not None:
        names = said.skeleton.keypoints
    if len(names) != points:
        told = f"{len(names)} names were given" if names else "does not name them"
        raise InputError(
            f"{path} has {points} keypoints and {told}; give all in order (--keypoints "
            "nose,tail,…, or a file with one a line)"
        )
    who = tuple("animal" if n == 0 else f"animal {n + 1}" for n in range(animals))
    score = np.ones((frames, animals, points)) if found.scores is None else found.scores
    skeleton = said.skeleton or anatomy.skeleton_of(names, source=path)
    return _Held(found.xy, score, None, skeleton, who)


def _tracked(path: Path, said: Said) -> tuple[_Held, int]:
    """Bring detections with identities into one array."""
    made = predictions.read(path, said.video)
    frame, who, names = made.found.frame, made.id, made.names
    nobody = who == UNTRACKED
    if len(frame) and nobody.all() and not (np.bincount(frame) > 1).any():
        who, names, nobody = np.zeros_like(who), ("animal",), np.zeros(len(who), bool)
    if nobody.all():
        raise InputError(
            f"{path} holds no animal whose identity is known; run `gambol track` on it first"
            if len(frame) else f"{path} holds no poses; predict the video again"
        )  # fmt: skip
    film, own = made.video if Path(made.video).is_file() else "", ~nobody
    frames = max(made.frames, int(frame.max()) + 1)
    shape = (frames, len(names), len(made.skeleton))
    xy, confidence = np.full((*shape, 2), np.nan), np.zeros(shape)
    xy[frame[own], who[own]] = made.found.xy[own]
    confidence[frame[own], who[own]] = made.found.confidence[own]
    held = _Held(xy, confidence, None, made.skeleton, names, made.times, film)
    return held, int(nobody.sum())


def _named(path: Path, found: Skeleton, said: Skeleton | None) -> Skeleton:
    """Return the structure that a person gave, if it is of these keypoints."""
    if said is None:
        return found
    if said.keypoints != found.keypoints:
        raise InputError(
            f"{path} has the keypoints {', '.join(found.keypoints)}; the skeleton that is "
            f"given has {', '.join(said.keypoints)}; name the same in the same order"
        )
    return said


def _clock(
    path: Path, held: _Held, fps: float | None
) -> tuple[Float[np.ndarray, " T"], float, str]:
    """Times, their rate, and the video: by the file's clock, a person, or the video."""
    frames = len(held.xy)
    if held.times is not None and fps is None:
        return held.times, core_poses.rate(held.times), held.video
    if fps is not None:
        return np.arange(frames) / fps, fps, held.video
    if not held.video:
        raise InputError(
            f"{path} does not say its frames a second, and no video lies beside it; give them "
            "(gambol import-poses --fps)"
        )
    film = open_video(Path(held.video), grey=True)
    times, rate = np.asarray(film.times, np.float64), float(film.fps)
    film.close()
    if len(times) < frames:
        raise InputError(
            f"{path} has {frames} frames but {held.video} has {len(times)}; put the right "
            "video beside it, or give --fps"
        )
    return times[:frames], rate, held.video
