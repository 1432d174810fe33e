"""Stage `suggest`: which frames to label next, with the reason for each.

reads   source    a project (all its videos) or one video
        poses     pose files of these videos, for the methods that look at predictions
writes  source/project.db, where source is a project: its list of suggestions
"""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from gambol.core import poses as core_poses
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.labels import Labels
from gambol.core.progress import Progress, Step, silent
from gambol.io import poses as io_poses
from gambol.io.labels.places import name_of
from gambol.io.project import Project
from gambol.io.project_rows import Suggestion
from gambol.io.video.open import open_video
from gambol.pose import suggest

SIDE = 64  # of the longer side of the pictures that are compared
CHUNK = 16  # frames read at once


class SuggestConfig(Config):
    """Settings of the stage."""

    method: Literal["kmeans", "uniform", "random", "low-confidence", "jumps"] = "kmeans"
    count: PositiveInt = 20
    candidates: PositiveInt = 2000  # frames that are looked at, spread over all videos
    body_px: PositiveFloat | None = None  # for jumps; null: from the poses
    seed: NonNegativeInt = 0


class Suggested(NamedTuple):
    """A frame worth labelling."""

    video: str
    frame: int
    reason: str
    score: float


class _Film(NamedTuple):
    """One video to choose from."""

    number: int  # of the video in the project; 0 outside
    ref: str
    labelled: np.ndarray  # frames


def run(
    cfg: SuggestConfig,
    source: Path,
    *,
    poses: list[Path] | None = None,
    progress: Progress = silent,
) -> list[Suggested]:
    """Rank frames; a project remembers them in place of its earlier suggestions."""
    if not source.exists():
        raise InputError(f"{source} does not exist; give a project or a video")
    if not (source / "project.db").exists():
        film = _Film(0, str(source), np.zeros(0, np.int64))
        return _named(_choose(cfg, [film], poses or [], progress), [film])
    with Project.open(source) as project:
        films = _films(project)
        if not films:
            raise InputError(f"{source} has no videos; add one with `gambol import`")
        found = _choose(cfg, films, poses or [], progress)
        rows = [Suggestion(films[s.video].number, s.frame, s.reason, s.score) for s in found]
        project.set_suggestions(rows)
    return _named(found, films)


def describe(values: dict[str, Any]) -> str:
    """Say which frames, and why."""
    rows = [
        f"{Path(s['video']).name} frame {s['frame']}: {s['reason']}"
        for s in values["suggestions"]
    ]
    return (
        "\n".join(rows)
        or "no frame is left that stands out and is half a second from every label"
    )


def _named(found: list[suggest.Suggestion], films: list[_Film]) -> list[Suggested]:
    return [Suggested(films[s.video].ref, s.frame, s.reason, s.score) for s in found]


def _films(project: Project) -> list[_Film]:
    labels: Labels = project.labels()
    known = {Path(ref).resolve(): i for i, ref in enumerate(labels.videos)}
    films = []
    for row in project.videos():
        ref = str(project.locate(row.id))
        at = known.get(Path(ref).resolve())
        frames = labels.frame[labels.video == at] if at is not None else np.zeros(0, np.int64)
        films.append(_Film(row.id, ref, frames))
    return films


def _choose(
    cfg: SuggestConfig, films: list[_Film], poses: list[Path], progress: Progress
) -> list[suggest.Suggestion]:
    rng = np.random.default_rng(cfg.seed)
    looks_at_poses = cfg.method in ("low-confidence", "jumps")
    if poses and not looks_at_poses:
        raise InputError(
            f"--method {cfg.method} looks at no predictions; leave --poses {poses[0]} out, or "
            "choose low-confidence or jumps"
        )
    if looks_at_poses:
        return _from_poses(cfg, films, poses, rng, progress)
    candidates = _candidates(cfg, films)
    if cfg.method == "uniform":
        return suggest.uniform(candidates, cfg.count)
    if cfg.method == "random":
        return suggest.random(candidates, cfg.count, rng)
    pictures = _pictures(candidates.video, candidates.frame, films, progress)
    return suggest.kmeans(candidates, pictures, cfg.count, rng)


def _candidates(cfg: SuggestConfig, films: list[_Film]) -> suggest.Candidates:
    """Frames spread evenly over every video, and all that are labelled."""
    share = max(cfg.candidates // len(films), 1)
    parts = []
    for i, film in enumerate(films):
        video = open_video(film.ref, grey=True)
        total, times = len(video), video.times
        video.close()
        even = np.linspace(0, total - 1, min(share, total)).round().astype(np.int64)
        frame = np.union1d(even, film.labelled[film.labelled < total]).astype(np.int64)
        labelled = np.isin(frame, film.labelled)
        parts.append((np.full(len(frame), i), frame, times[frame], labelled))
    return suggest.Candidates(*(np.concatenate(p) for p in zip(*parts, strict=True)))


def _pictures(
    video: np.ndarray, frame: np.ndarray, films: list[_Film], progress: Progress
) -> np.ndarray:
    """Small grey pictures of frames, all of one size."""
    out: np.ndarray | None = None
    done = 0
    for i in np.unique(video):
        reader = open_video(films[int(i)].ref, grey=True)
        rows = np.flatnonzero(video == i)
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            images = reader.read(frame[part].tolist())
            if out is None:
                shape = _picture_size(*reader.size)
                out = np.zeros((len(frame), shape[1], shape[0]), np.float32)
            size = out.shape[2], out.shape[1]
            for row, image in zip(part, images, strict=True):
                out[row] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            done += len(part)
            progress(Step("suggest", done, len(frame), Path(films[int(i)].ref).name))
        reader.close()
    return np.zeros((0, 1, 1), np.float32) if out is None else out


def _picture_size(width: int, height: int) -> tuple[int, int]:
    scale = min(SIDE / max(width, height), 1.0)
    return max(round(width * scale), 1), max(round(height * scale), 1)


def _from_poses(
    cfg: SuggestConfig,
    films: list[_Film],
    poses: list[Path],
    rng: np.random.Generator,
    progress: Progress,
) -> list[suggest.Suggestion]:
    """Rank the frames of every pose file and keep those that look different."""
    if not poses:
        raise InputError(f"--method {cfg.method} looks at predictions; give --poses FILE.nc")
    wanted = cfg.count * suggest.POOL
    found = [s for path in poses for s in _of_file(cfg, path, films, wanted)]
    found = sorted(found, key=lambda s: -s.score)[:wanted]
    if not found:
        return []
    video = np.array([s.video for s in found])
    frame = np.array([s.frame for s in found])
    pictures = _pictures(video, frame, films, progress)
    return suggest.distinct(found, pictures, cfg.count, rng)


def _of_file(
    cfg: SuggestConfig, path: Path, films: list[_Film], wanted: int
) -> list[suggest.Suggestion]:
    poses = io_poses.read(path)
    name = name_of(str(poses.attrs.get("source_file", path.stem)))
    places = [i for i, film in enumerate(films) if name_of(film.ref) == name]
    if not places:
        names = ", ".join(name_of(film.ref) for film in films)
        raise InputError(
            f"{path} holds poses of {name}, which is none of {names}; give poses of these"
        )
    frame = np.arange(poses.sizes["time"])
    labelled = np.isin(frame, films[places[0]].labelled)
    video = np.full(len(frame), places[0])
    candidates = suggest.Candidates(video, frame, poses.time.values, labelled)
    keypoints = core_poses.skeleton(poses).keypoints
    if cfg.method == "low-confidence":
        confidence = core_poses.points(poses, "confidence")[:, 0]
        return suggest.low_confidence(candidates, confidence, keypoints, wanted)
    xy = core_poses.xy(poses)[:, 0].astype(np.float64)
    radius = float(poses.attrs.get("confidence_radius_px", 5.0))  # 5 % of the body
    return suggest.jumps(candidates, xy, cfg.body_px or 20 * radius, keypoints, wanted)
