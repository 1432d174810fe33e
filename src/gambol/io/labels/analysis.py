"""SLEAP analysis HDF5: the tracks of one video as plain arrays, without the video.

`tracks (individuals, 2, keypoints, frames)` in pixels with integer centres, NaN where there is
nothing; `track_occupancy (frames, individuals)`, names, scores. What is read is a model's. In
files of ours the tracks that `provenance` calls unknown are nobody's: they hold the animals
without a name, so that none is left out.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.core.labels import UNKNOWN, Labels, Origin, Visibility, from_positions
from gambol.core.skeleton import Skeleton
from gambol.io import store
from gambol.io.labels import places
from gambol.io.labels.anatomy import skeleton_of
from gambol.io.labels.frames import columns, folder_names

SCORES = ("point_scores", "instance_scores", "tracking_scores")  # (N, J, T), (N, T), (N, T)


class Tracks(NamedTuple):
    """What a file holds."""

    xy: Float[np.ndarray, "T N J 2"]  # pixels; NaN where there is nothing
    scores: dict[str, np.ndarray]  # of `SCORES`, as in the file
    skeleton: Skeleton
    names: tuple[str, ...]
    nobody: tuple[str, ...]  # names of tracks that belong to no animal
    video: str


def read(path: Path, nan_means: Visibility) -> Labels:
    """Read the frames in which an animal has at least one keypoint."""
    file = read_tracks(path)
    frame, track = np.nonzero(np.isfinite(file.xy).all(axis=-1).any(axis=-1))
    names = tuple(name for name in file.names if name not in file.nobody)
    who = np.array([UNKNOWN if n in file.nobody else names.index(n) for n in file.names])
    return from_positions(
        file.skeleton,
        (file.video,),
        np.zeros_like(frame),
        frame,
        file.xy[frame, track],
        nan_means=nan_means,
        origin=Origin.MODEL,
        individual=who[track],
        individuals=names or ("animal",),
    )


def read_tracks(path: Path) -> Tracks:
    """Read everything."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            names = [_text(name) for name in file["node_names"][()]]
            who = (
                [_text(name) for name in file["track_names"][()]]
                if "track_names" in file
                else []
            )
            pairs = file["edge_inds"][()].tolist() if "edge_inds" in file else []
            video = _text(file["video_path"][()]) if "video_path" in file else ""
            nobody = _nobody(_text(file["provenance"][()]) if "provenance" in file else "")
            tracks = file["tracks"][()]  # (N, 2, J, T)
            scores = {name: file[name][()] for name in SCORES if name in file}
    except (OSError, KeyError) as error:
        raise InputError(
            f"{path} is no SLEAP analysis file ({error}); export it again"
        ) from error
    if tracks.ndim != 4 or tracks.shape[1:3] != (2, len(names)):
        raise InputError(
            f"{path}: tracks of shape {tracks.shape} for {len(names)} keypoints; "
            "export it again"
        )
    skeleton = skeleton_of(names, [(int(a), int(b)) for a, b in pairs], source=path)
    xy = tracks.transpose(3, 0, 2, 1)
    xy = np.where(np.isfinite(xy).all(axis=-1, keepdims=True), xy, np.nan)
    known = _names(who, xy.shape[1])
    return Tracks(xy, scores, skeleton, known, nobody, _video(video, path))


def _nobody(notes: str) -> tuple[str, ...]:
    """Return which tracks of a file of ours belong to no animal."""
    try:
        said = json.loads(notes).get("gambol", {}).get("unknown", [])
    except (ValueError, AttributeError):
        return ()
    return tuple(str(name) for name in said)


def _names(who: list[str], count: int) -> tuple[str, ...]:
    """Return names of individuals; animal, animal 2 … where the file has none."""
    if len(who) == count and len(set(who)) == count:
        return tuple(who)
    return tuple("animal" if k == 0 else f"animal {k + 1}" for k in range(count))


def _video(written: str, path: Path) -> str:
    here = path.resolve().parent
    return places.find(written, here) if written else places.only_video(here) or path.stem


def write(labels: Labels, path: Path) -> list[Path]:
    """Write one file a labelled video; with several, the video's name is put into the name."""
    used = np.unique(labels.video).tolist() or list(range(min(1, len(labels.videos))))
    names = folder_names(labels)
    written = []
    for v in used:
        target = (
            path if len(used) == 1 else path.with_name(f"{path.stem}.{names[v]}{path.suffix}")
        )
        xy, who = dense(labels, v)
        score = np.isfinite(xy).all(axis=-1).astype(np.float64)
        video, nobody = labels.videos[v], [n for n in who if n not in labels.individuals]
        write_tracks(
            target, xy, score, labels.skeleton, who, video=video, notes={"unknown": nobody}
        )
        written.append(target)
    return written


def dense(labels: Labels, video: int) -> tuple[Float[np.ndarray, "T N J 2"], tuple[str, ...]]:
    """Spread the labels of one video over all frames up to the last labelled one.

    Returns:
        Positions, and the names of the N tracks: individuals, then those of nobody.
    """
    labels = labels.select(labels.video == video)
    names, column = columns(labels)
    frames = labels.frames[labels.frames[:, 0] == video, 1]
    length = int(frames.max()) + 1 if len(frames) else 0
    xy = np.full((length, len(names), len(labels.skeleton), 2), np.nan)
    xy[labels.frame, column] = labels.xy
    return xy, names


def write_tracks(
    path: Path,
    xy: Float[np.ndarray, "T N J 2"],
    score: Float[np.ndarray, "T N J"],
    skeleton: Skeleton,
    individuals: tuple[str, ...],
    *,
    video: str = "",
    instance_score: Float[np.ndarray, "T N"] | None = None,
    tracking_score: Float[np.ndarray, "T N"] | None = None,
    more: dict[str, np.ndarray] | None = None,
    notes: dict[str, Any] | None = None,
) -> None:
    """Write the arrays of one video.

    Args:
        path: the file.
        xy: pixels, NaN where there is nothing.
        score: one number a keypoint, 0 to 1.
        skeleton: names and lines.
        individuals: N names.
        video: path of the video, kept as text.
        instance_score: one number an animal; the mean of `score` where it is not given.
        tracking_score: one number an animal, 0 where it is not given.
        more: further arrays, which other programs skip.
        notes: of ours, kept in `provenance`.
    """
    import h5py

    present = np.isfinite(xy).all(axis=-1)  # (T, N, J)
    if instance_score is None:
        count = np.maximum(present.sum(axis=-1), 1)
        instance_score = np.where(present, score, 0.0).sum(axis=-1) / count
    if tracking_score is None:
        tracking_score = np.zeros(xy.shape[:2])
    arrays: dict[str, Any] = {
        "tracks": xy.transpose(1, 3, 2, 0),
        "track_occupancy": present.any(axis=-1).astype(np.uint8),
        "point_scores": score.transpose(1, 2, 0),
        "instance_scores": instance_score.T,
        "tracking_scores": tracking_score.T,
        "node_names": np.array([name.encode() for name in skeleton.keypoints]),
        "track_names": np.array([name.encode() for name in individuals]),
        "edge_inds": np.array(skeleton.drawn, np.int64).reshape(-1, 2),
        "edge_names": np.array(
            [[skeleton.keypoints[k].encode() for k in pair] for pair in skeleton.drawn]
        ),
    }
    arrays |= more or {}
    room = sum(values.nbytes for values in arrays.values()) + store.SLACK
    with store.atomic(path, room) as partial, h5py.File(partial, "w") as file:
        for name, values in arrays.items():
            packed = "gzip" if values.ndim > 1 and values.size else None
            file.create_dataset(
                name, data=values if values.size else np.zeros((0, 2)), compression=packed
            )
        file["video_path"] = video
        file["video_ind"] = 0
        file["labels_path"] = ""
        file["provenance"] = json.dumps({"gambol": notes} if notes else {})


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
