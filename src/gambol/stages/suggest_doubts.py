"""Frames of a predicted video that are worth a label, strategy by strategy.

Files are read in pieces; what is kept is a few numbers a frame.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from gambol.core.errors import InputError
from gambol.io.poses_frames import FramePoses
from gambol.pose import doubts, suggest
from gambol.pose.doubts import Doubt

Strategy = Literal["unsure", "jump", "structure", "crowd", "disagree"]
STRATEGIES: tuple[Strategy, ...] = ("unsure", "jump", "structure", "crowd", "disagree")
_PIECE = 2048  # frames
_LEARN = 2000  # frames from which the lengths of edges are learned
_LOOKS = 128  # frames that are looked at together
_DENSE = 8  # frames a look, up to which all between them are read at once
_SAME = 0.1  # body lengths; poses that are nearer than this show nothing new


class Film(NamedTuple):
    """A video and what is predicted of it."""

    number: int  # place among the videos
    labelled: np.ndarray  # frames
    poses: FramePoses
    other: FramePoses | None = None  # of the model before
    body_px: float | None = None  # in place of what the file says
    looks: int = 2000  # frames that are looked at, where a look is dear

    @property
    def body(self) -> float:
        """Length of an animal, px; where nobody says it, the usual extent of its keypoints."""
        return self.body_px or self.poses.body_px or _extent(self.poses)


class Skipped(InputError):
    """A strategy has nothing to look at, for a reason that `mixed` passes over."""


def rank(strategy: Strategy, film: Film, count: int) -> list[suggest.Suggestion]:
    """Rank the frames of a video.

    Args:
        strategy: by what.
        film: the video.
        count: suggestions at most.

    Raises:
        Skipped: the file lacks what the strategy looks at.
    """
    total = film.poses.frames
    frame = np.arange(total)
    candidates = suggest.Candidates(
        np.full(total, film.number), frame, film.poses.times, np.isin(frame, film.labelled)
    )
    if strategy == "jump":
        return _jumps(film, candidates, count)
    found = _SCORES[strategy](film)
    value = np.where(film.poses.looked, found.value, doubts.NEVER)

    def reason(row: int) -> str:
        name = film.poses.keypoints[found.keypoint[row]]
        return _words(strategy, name, float(found.value[row]), film)

    return suggest.worst(candidates, value, reason, count)


def near(a: np.ndarray, b: np.ndarray, body: float) -> bool:
    """Whether two poses (N, J, 2) are nearly equal: half of their keypoints within a tenth.

    Animals are compared from left to right.
    """
    if len(a) != len(b) or not len(a):
        return False
    first, second = (x[np.argsort(np.nanmedian(x[..., 0], axis=1))] for x in (a, b))
    away = np.linalg.norm(first - second, axis=-1)
    away = away[np.isfinite(away)]
    return bool(len(away)) and float(np.median(away)) < _SAME * body


def _extent(poses: FramePoses) -> float:
    xy = poses.block(0, min(poses.frames, _LEARN))[..., :2]
    xy = xy[np.isfinite(xy).all(-1).sum(-1) > 1]  # (A, J, 2)
    if not len(xy):
        return 1.0
    extent = np.nanmax(xy, axis=1) - np.nanmin(xy, axis=1)
    return max(float(np.median(np.linalg.norm(extent, axis=-1))), 1.0)


def _words(strategy: Strategy, name: str, value: float, film: Film) -> str:
    if strategy == "unsure":
        return f"{name} is right with {1 - value:.0%}"
    if strategy == "structure":
        sure = 1 / (1 + np.exp(value))  # value: minus the margin, in log odds
        other = "in two places" if film.poses.margin(0, 1) is None else "elsewhere or absent"
        return f"{name} may be {other}, {sure:.0%} to {1 - sure:.0%}"
    if strategy == "crowd":
        return f"two animals are {-value:.0f} px apart"
    return f"{name} differs by {value:.0f} px between the last two models"


def _unsure(film: Film) -> Doubt:
    def piece(first: int, stop: int) -> Doubt:
        sure = film.poses.block(first, stop)[..., 2].astype(np.float64)
        presence = film.poses.presence(first, stop) if film.poses.tracked else None
        return doubts.unsure(sure, None if presence is None else presence.astype(np.float64))

    return _in_pieces(film, piece)


def _structure(film: Film) -> Doubt:
    if film.poses.margin(0, 1) is not None:  # prediction knew best how bones lie
        return _in_pieces(film, lambda first, stop: _margins(film, first, stop))
    if film.poses.peaks(0, 1) is None:
        raise Skipped(
            f"{film.poses.path} keeps one place a keypoint; predict with candidates set to 4, "
            "or choose another strategy"
        )
    total = film.poses.frames
    some = film.poses.block(0, min(total, _LEARN))[..., :2].astype(np.float64)
    known = doubts.lengths(some, film.poses.parent)
    if known is None:
        raise Skipped(
            f"{film.poses.path}: no keypoint has a parent, so places cannot be weighed; choose "
            "another strategy"
        )

    def piece(first: int, stop: int) -> Doubt:
        found = film.poses.peaks(first, stop)
        assert found is not None
        peaks, score = (part.astype(np.float64) for part in found)
        return doubts.structure(peaks, score, known, film.body / 20)

    return _in_pieces(film, piece)


def _margins(film: Film, first: int, stop: int) -> Doubt:
    margin = film.poses.margin(first, stop)
    assert margin is not None
    return doubts.margins(margin.astype(np.float64))


def _crowd(film: Film) -> Doubt:
    def look(frames: np.ndarray) -> Doubt:
        return doubts.crowd(_xy(film.poses, frames))

    return _here_and_there(film, look)


def _disagree(film: Film) -> Doubt:
    other = film.other
    if other is None:
        raise Skipped(
            f"{film.poses.path} is the only prediction of its video; predict it with the next "
            "model, too"
        )
    names = other.keypoints
    same = [names.index(k) if k in names else -1 for k in film.poses.keypoints]

    def look(frames: np.ndarray) -> Doubt:
        xy = _xy(other, frames)[:, :, same]
        xy[:, :, np.array(same) < 0] = np.nan
        return doubts.disagree(_xy(film.poses, frames), xy)

    return _here_and_there(film, look)


_SCORES: dict[str, Callable[[Film], Doubt]] = {
    "unsure": _unsure, "structure": _structure, "crowd": _crowd, "disagree": _disagree,
}  # fmt: skip


def _jumps(film: Film, candidates: suggest.Candidates, count: int) -> list[suggest.Suggestion]:
    if not film.poses.tracked:
        raise Skipped(
            f"{film.poses.path} does not say who is who; track it, or choose another strategy"
        )
    total = film.poses.frames
    step, bend, far = (np.zeros(total) for _ in range(3))
    who = np.zeros(total, np.int64)
    for first in range(0, total, _PIECE):
        stop = min(first + _PIECE, total)
        start, end = max(first - 1, 0), min(stop + 1, total)
        xy = film.poses.block(start, end)[..., :2].astype(np.float64)
        parts = [part[first - start :][: stop - first] for part in doubts.steps(xy, film.body)]
        step[first:stop], bend[first:stop] = (part.max(axis=(1, 2)) for part in parts)
        moved = np.maximum(parts[0], parts[1] / 2)  # a glitch of one frame bends twice its step
        flat = moved.reshape(stop - first, -1)
        who[first:stop] = flat.argmax(axis=1) % moved.shape[2]
        far[first:stop] = flat.max(axis=1)

    def reason(row: int) -> str:
        return f"{film.poses.keypoints[who[row]]} jumps {far[row]:.2f} body lengths"

    return suggest.jump(candidates, step, bend, reason, count)


def _in_pieces(film: Film, look: Callable[[int, int], Doubt]) -> Doubt:
    total = film.poses.frames
    parts = [look(k, min(k + _PIECE, total)) for k in range(0, total, _PIECE)]
    return Doubt(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _here_and_there(film: Film, look: Callable[[np.ndarray], Doubt]) -> Doubt:
    """Look at frames spread evenly over the video; the others say nothing."""
    total = film.poses.frames
    found = Doubt(np.full(total, doubts.NEVER), *np.zeros((2, total), np.int64))
    frames = np.unique(np.linspace(0, total - 1, min(film.looks, total)).round().astype(int))
    for start in range(0, len(frames), _LOOKS):
        part = frames[start : start + _LOOKS]
        for whole, some in zip(found, look(part), strict=True):
            whole[part] = some
    return found


def _xy(poses: FramePoses, frames: np.ndarray) -> np.ndarray:
    """Animals in increasing frames, (T, N, J, 2); none behind the end of the file."""
    inside = frames[frames < poses.frames]
    if len(inside) and inside[-1] - inside[0] < _DENSE * len(inside):
        block = poses.block(int(inside[0]), int(inside[-1]) + 1)
        parts = list(block[inside - inside[0], ..., :2])
    else:
        parts = [poses.block(int(f), int(f) + 1)[0, ..., :2] for f in inside]
    most = max((len(part) for part in parts), default=0)
    xy = np.full((len(frames), most, len(poses.keypoints), 2), np.nan)
    for row, part in zip(xy, parts, strict=False):
        row[: len(part)] = part
    return xy


def opened(path: Path, folder: Path) -> FramePoses:
    """Open a pose file; that of another program is first written as ours into `folder`."""
    if path.suffix == ".nc":
        return FramePoses(path)
    from gambol.io import poses as io_poses
    from gambol.io import store

    copy = folder / f"{path.name}.nc"
    poses = io_poses.read(path)
    store.write_dataset(poses.assign_attrs(ds_type="poses"), copy)
    return FramePoses(copy)
