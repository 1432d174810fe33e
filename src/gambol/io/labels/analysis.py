"""SLEAP analysis HDF5: the tracks of one video as plain arrays, without the video.

`tracks (individuals, 2, keypoints, frames)` in pixels with integer centres, NaN where there is
nothing; `track_occupancy (frames, individuals)`, names, scores. What is read is a model's.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.core.labels import Labels, Origin, Visibility, from_positions
from gambol.core.skeleton import Skeleton
from gambol.io import store
from gambol.io.labels import places
from gambol.io.labels.anatomy import skeleton_of
from gambol.io.labels.frames import folder_names


def read(path: Path, nan_means: Visibility) -> Labels:
    """Read the frames in which an animal has at least one keypoint."""
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
            tracks = file["tracks"][()]  # (N, 2, J, T)
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
    xy = tracks.transpose(3, 0, 2, 1)  # (T, N, J, 2)
    frame, individual = np.nonzero(np.isfinite(xy).all(axis=-1).any(axis=-1))
    return from_positions(
        skeleton,
        (_video(video, path),),
        np.zeros_like(frame),
        frame,
        xy[frame, individual],
        nan_means=nan_means,
        origin=Origin.MODEL,
        individual=individual,
        individuals=_names(who, xy.shape[1]),
    )


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
        xy = dense(labels, v)
        score = np.isfinite(xy).all(axis=-1).astype(np.float64)
        write_tracks(
            target, xy, score, labels.skeleton, labels.individuals, video=labels.videos[v]
        )
        written.append(target)
    return written


def dense(labels: Labels, video: int) -> Float[np.ndarray, "T N J 2"]:
    """Spread the labels of one video over all frames up to the last labelled one."""
    rows = labels.video == video
    length = int(labels.frame[rows].max()) + 1 if rows.any() else 0
    xy = np.full((length, len(labels.individuals), len(labels.skeleton), 2), np.nan)
    xy[labels.frame[rows], labels.individual[rows]] = labels.xy[rows]
    return xy


def write_tracks(
    path: Path,
    xy: Float[np.ndarray, "T N J 2"],
    score: Float[np.ndarray, "T N J"],
    skeleton: Skeleton,
    individuals: tuple[str, ...],
    *,
    video: str = "",
) -> None:
    """Write the arrays of one video.

    Args:
        path: the file.
        xy: pixels, NaN where there is nothing.
        score: one number a keypoint, 0 to 1.
        skeleton: names and lines.
        individuals: N names.
        video: path of the video, kept as text.
    """
    import h5py

    present = np.isfinite(xy).all(axis=-1)  # (T, N, J)
    count = np.maximum(present.sum(axis=-1), 1)
    arrays: dict[str, Any] = {
        "tracks": xy.transpose(1, 3, 2, 0),
        "track_occupancy": present.any(axis=-1).astype(np.uint8),
        "point_scores": score.transpose(1, 2, 0),
        "instance_scores": (np.where(present, score, 0.0).sum(axis=-1) / count).T,
        "tracking_scores": np.zeros(xy.shape[1::-1]),
        "node_names": np.array([name.encode() for name in skeleton.keypoints]),
        "track_names": np.array([name.encode() for name in individuals]),
        "edge_inds": np.array(skeleton.drawn, np.int64).reshape(-1, 2),
        "edge_names": np.array(
            [[skeleton.keypoints[k].encode() for k in pair] for pair in skeleton.drawn]
        ),
    }
    with store.atomic(path) as partial, h5py.File(partial, "w") as file:
        for name, values in arrays.items():
            packed = "gzip" if values.ndim > 1 and values.size else None
            file.create_dataset(
                name, data=values if values.size else np.zeros((0, 2)), compression=packed
            )
        file["video_path"] = video
        file["video_ind"] = 0
        file["labels_path"] = ""
        file["provenance"] = "{}"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
