"""Predictions of other programs: the animals they found, and who they say those are.

Read are SLEAP files (.slp), SLEAP analysis files and the tables of DeepLabCut (CSV, HDF5).
Their scores stand in for our calibrated probabilities, and every position counts as equally
certain, since none of these files says how certain it is.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Detections, from_positions
from gambol.core.labels import UNKNOWN, Visibility
from gambol.core.skeleton import Skeleton
from gambol.io.labels import analysis, sleap
from gambol.io.labels.anatomy import skeleton_of
from gambol.io.labels.deeplabcut import SINGLE, video_of
from gambol.io.labels.formats import detect
from gambol.io.labels.table import read_table


class Tracked(NamedTuple):
    """Detections of one recording, and who they are said to be."""

    found: Detections
    id: Int[np.ndarray, " D"]  # index into names, or UNTRACKED
    confidence: Float[np.ndarray, " D"]  # P(this identity is right); 0 where untracked
    names: tuple[str, ...]
    skeleton: Skeleton
    frames: int  # of the recording, as far as the file knows
    times: Float[np.ndarray, " T"] | None  # seconds; None where the file knows no clock
    video: str  # where the video is, or was


def read(path: Path, video: str | None = None) -> Tracked:
    """Read a file of another program.

    Args:
        path: the file.
        video: name of the video, where a SLEAP file holds several.
    """
    kind = detect(path)
    if kind == "slp":
        return _sleap(path, video)
    if kind == "analysis":
        return _analysis(path)
    if kind in ("dlc-table", "lightning"):
        return _table(path)
    raise InputError(
        f"{path} holds no predictions known here; known are .nc, .slp, analysis .h5 files of "
        "SLEAP and .h5 or .csv tables of DeepLabCut"
    )


def _sleap(path: Path, video: str | None) -> Tracked:
    labels, scores = sleap.read_scored(path, Visibility.ABSENT)
    v = _chosen(path, labels.videos, np.unique(labels.video).tolist(), video)
    rows = np.flatnonzero((labels.video == v) & labels.labelled.any(axis=1))
    used = [i for i in np.unique(labels.individual[rows]).tolist() if i != UNKNOWN]
    number = np.full(len(labels.individuals) + 1, UNTRACKED)  # the last one, for UNKNOWN
    number[used] = np.arange(len(used))
    found = _detections(
        labels.frame[rows], labels.xy[rows], scores.points[rows], scores.instances[rows]
    )
    ids = number[labels.individual[rows]]
    names = tuple(labels.individuals[i] for i in used)
    return _tracked(found, ids, names, labels.skeleton, scores.lengths[v], labels.videos[v])


def _chosen(path: Path, videos: tuple[str, ...], used: list[int], video: str | None) -> int:
    """Return the one video that is meant."""
    if video is not None:
        same = [v for v, ref in enumerate(videos) if Path(ref).name == Path(video).name]
        if len(same) != 1:
            there = ", ".join(Path(ref).name for ref in videos)
            raise InputError(f"{path} holds no one video {Path(video).name}; it holds {there}")
        return same[0]
    if len(used) > 1:
        there = ", ".join(Path(videos[v]).name for v in used)
        raise InputError(f"{path} holds predictions of {there}; say of which video")
    if not videos:
        raise InputError(f"{path} holds no video; save it again with SLEAP")
    return used[0] if used else 0


def _analysis(path: Path) -> Tracked:
    file = analysis.read_tracks(path)
    frame, track = np.nonzero(np.isfinite(file.xy).all(axis=-1).any(axis=-1))
    points, whole = file.scores.get("point_scores"), file.scores.get("instance_scores")
    xy = file.xy[frame, track]
    found = _detections(
        frame,
        xy,
        np.ones(xy.shape[:2]) if points is None else points[track, :, frame],
        np.ones(len(xy)) if whole is None else whole[track, frame],
    )
    names = tuple(name for name in file.names if name not in file.nobody)
    ids = [UNTRACKED if name in file.nobody else names.index(name) for name in file.names]
    ids_of_rows = np.array(ids, np.int64)[track]
    return _tracked(found, ids_of_rows, names, file.skeleton, len(file.xy), file.video)


def _table(path: Path) -> Tracked:
    """Read all individuals but what belongs to no animal (`single`, its keypoints)."""
    table = read_table(path)
    if not all(row.isdigit() for row in table.rows):
        raise InputError(
            f"{path} names images, not frames of a video; give a table of predictions"
        )
    who = [k for k, name in enumerate(table.individuals) if name != SINGLE]
    parts = np.flatnonzero(table.asked[who].any(axis=0))
    keypoints = [table.keypoints[j] for j in parts]
    xy = table.xy[:, who][:, :, parts]
    score = table.likelihood[:, who][:, :, parts]
    row, column = np.nonzero(np.isfinite(xy).all(axis=-1).any(axis=-1))
    score = np.where(np.isfinite(score), score, 1.0)[row, column]
    seen = np.isfinite(xy[row, column]).all(axis=-1)
    whole = np.where(seen, score, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    number = np.array([int(row) for row in table.rows], np.int64)
    found = _detections(number[row], xy[row, column], score, whole)
    names = tuple(table.individuals[k] or "animal" for k in who)
    length = int(number.max()) + 1 if len(number) else 0
    skeleton = skeleton_of(keypoints, source=path)
    return _tracked(found, column, names, skeleton, length, video_of(path))


def _detections(
    frame: Int[np.ndarray, " D"],
    xy: Float[np.ndarray, "D J 2"],
    points: Float[np.ndarray, "D J"],
    whole: Float[np.ndarray, " D"],
) -> Detections:
    """Make detections with scores; rows are sorted by frame already."""
    found = from_positions(frame, xy)
    return found._replace(
        confidence=found.confidence * np.clip(np.nan_to_num(points), 0.0, 1.0),
        score=np.clip(np.nan_to_num(whole), 0.0, 1.0),
    )


def _tracked(
    found: Detections,
    ids: Int[np.ndarray, " D"],
    names: tuple[str, ...],
    skeleton: Skeleton,
    frames: int,
    video: str,
) -> Tracked:
    sure = (ids != UNTRACKED).astype(np.float64)
    return Tracked(found, ids.astype(np.int64), sure, names, skeleton, frames, None, video)
