"""Films of 3D poses: the skeleton in space, beside what a camera saw where its video is there.

Called by `stages.movies`.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step
from gambol.core.video import Video
from gambol.io import poses as io_poses
from gambol.io.video import VideoWriter
from gambol.stages import seen_3d
from gambol.viz import movie3d, views


def draw(
    path: Path,
    target: Path,
    *,
    start: float,
    stop: float | None,
    turn: float,
    videos: Mapping[str, Path],
    progress: Progress,
) -> None:
    """Write the film of one recording.

    Args:
        path: 3D poses.
        target: the film.
        start: s.
        stop: s; None: the end.
        turn: degrees a second by which the eye goes round.
        videos: of views, by name, where they moved.
        progress: told of frames.
    """
    made = io_poses.read(path)
    times = np.asarray(made["time"].values, float)
    end = np.inf if stop is None else stop
    since = times - times[0] if len(times) else times
    chosen = np.flatnonzero((since >= start - 1e-9) & (since < end - 1e-9))
    if not len(chosen):
        raise InputError(f"{path} has no frame from {start:g} s on before {end:g} s")
    film = movie3d.prepare(
        core_poses.xy(made).astype(float),
        times,
        core_poses.skeleton(made),
        up=np.array(json.loads(made.attrs.get("up", "[0, 0, 1]")), float),
        units=str(made.attrs.get("units", "unknown")),
        names=[str(name) for name in made["individuals"].values],
        confidence=core_poses.points(made, "confidence").astype(float),
        look=movie3d.Look(turn=turn, follow=1.0, zoom=0.95),  # tails stay in
    )
    seen = seen_3d.behind(path, made, videos) if "view" in made else None
    opened = {} if seen is None else seen_3d.opened(seen)
    name = _clearest(made, opened)
    try:
        _write(made, film, seen, opened, name, chosen, target, progress)
    finally:
        for video in opened.values():
            video.close()


def _write(
    made: xr.Dataset,
    film: movie3d.Film,
    seen: seen_3d.Behind | None,
    opened: dict[str, Video],
    name: str | None,
    chosen: np.ndarray,
    target: Path,
    progress: Progress,
) -> None:
    skeleton = core_poses.skeleton(made)

    def picture(frame: int) -> np.ndarray:
        drawn = movie3d.picture(film, frame)
        if seen is None or name is None:
            return drawn
        sight = seen_3d.sights(made, seen, {name: opened[name]}, frame).get(name)
        left = views.draw(sight, skeleton) if sight is not None else _nothing(opened[name])
        return movie3d.beside(left, drawn, name)

    height, width = picture(int(chosen[0])).shape[:2]
    with VideoWriter(target, float(made.attrs.get("fps", 30.0)), (width, height)) as writer:
        for done, frame in enumerate(chosen, start=1):
            writer.write(picture(int(frame)))
            progress(Step("movies", done, len(chosen), target.name))


def _nothing(video: Video) -> np.ndarray:
    """The picture of a frame that a video has no more."""
    return np.zeros((video.size[1], video.size[0], 3), np.uint8)


def _clearest(made: xr.Dataset, opened: dict[str, Video]) -> str | None:
    """The view with a video in which most is seen."""
    if not opened or "reprojection_error" not in made:
        return None
    error = made["reprojection_error"]
    return max(opened, key=lambda name: int(np.isfinite(error.sel(view=name).values).sum()))
