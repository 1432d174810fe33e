"""Stage `movies`: poses drawn on the video that they were found in.

reads   poses           pose files; their attribute `source_file` names the video
writes  out/NAME.mp4    one film for each pose file
"""

import json
from pathlib import Path

import numpy as np
import xarray as xr
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat

from gambol.core import pixels
from gambol.core import poses as core_poses
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.video import Video
from gambol.io import poses as io_poses
from gambol.io.video import VideoWriter, open_video, read_ahead
from gambol.io.video.open import split_ref
from gambol.pose import calibrate
from gambol.viz import overlay
from gambol.viz.frames import resize

CHUNK_BYTES = 16e6  # of decoded video that travel together


class MoviesConfig(Config):
    """Settings of the stage."""

    start: NonNegativeFloat = 0.0  # s
    stop: PositiveFloat | None = None  # s; the end of the video
    threshold: float = Field(default=0.1, ge=0.0, le=1.0)  # confidence that is drawn
    ellipses: bool = True  # 90 % regions
    trail: NonNegativeInt = 0  # frames of the past
    scale: PositiveFloat = 1.0  # of the film's size


def run(
    cfg: MoviesConfig,
    poses: list[Path],
    out: Path,
    *,
    video: Path | None = None,
    progress: Progress = silent,
) -> list[Path]:
    """Write one film for each pose file and return their paths.

    Args:
        cfg: settings.
        poses: pose files.
        out: folder.
        video: the video of the one pose file, where it is not where it was.
        progress: hears of every piece that is written.
    """
    if video is not None and len(poses) > 1:
        raise InputError(f"--video {video} is one video for {len(poses)} pose files; give one")
    targets = [out / f"{path.stem}.mp4" for path in poses]
    for target in targets:
        if targets.count(target) > 1:
            raise InputError(
                f"two pose files are named {target.stem}; draw them into two folders"
            )
    for path, target in zip(poses, targets, strict=True):
        _film(cfg, path, target, video, progress)
    return targets


def find_video(path: Path, attrs: dict[str, str]) -> Path:
    """Return the video of a pose file: where it was, or else beside the poses.

    Raises:
        InputError: if it is at neither place.
    """
    source = Path(str(attrs.get("source_file", "")))
    for place in (source, path.parent / source, path.parent / source.name):
        if source.name and split_ref(place)[0].exists():
            return place
    said = f"its video {source} is not there" if source.name else "it names no video"
    raise InputError(f"{path}: {said}; say where it is with --video")


def regions(poses: xr.Dataset) -> np.ndarray:
    """Return the Mahalanobis radius of the 90 % region of every keypoint."""
    if "calibration" not in poses.attrs:
        return np.full(poses.sizes["keypoints"], overlay.GAUSSIAN_90)
    learned = calibrate.Calibration.from_dict(json.loads(poses.attrs["calibration"]))
    return calibrate.region_radius(learned, 0.9)


def _film(
    cfg: MoviesConfig, path: Path, target: Path, given: Path | None, progress: Progress
) -> None:
    series = io_poses.read(path)
    source = given or find_video(path, series.attrs)
    if split_ref(source)[0].resolve() == target.resolve():
        raise InputError(f"{target} is the video itself; choose another --out")
    video = open_video(source)
    try:
        if len(video) != series.sizes["time"]:
            raise InputError(
                f"{path} has poses of {series.sizes['time']} frames, {source} has "
                f"{len(video)}; give the video that was predicted with --video"
            )
        _draw(cfg, series, video, _range(cfg, video, source), target, progress)
    finally:
        video.close()


def _range(cfg: MoviesConfig, video: Video, source: Path) -> np.ndarray:
    """Frames from start to before stop, in seconds of the video's own clock."""
    times = video.times - video.times[0]
    stop = np.inf if cfg.stop is None else cfg.stop
    chosen = np.flatnonzero((times >= cfg.start - 1e-9) & (times < stop - 1e-9))
    if not chosen.size:
        raise InputError(
            f"{source} has no frame from {cfg.start:g} s to {stop:g} s; it lasts "
            f"{times[-1]:.1f} s, so set start and stop within"
        )
    return chosen


def _draw(
    cfg: MoviesConfig,
    series: xr.Dataset,
    video: Video,
    chosen: np.ndarray,
    target: Path,
    progress: Progress,
) -> None:
    matrix = pixels.resize(cfg.scale)
    xy = pixels.apply(matrix, core_poses.xy(series).astype(np.float64))
    confidence = core_poses.points(series, "confidence").astype(np.float64)
    covariance = None
    if cfg.ellipses and "covariance" in series:
        covariance = pixels.apply_covariance(matrix, core_poses.covariance(series))
    size = overlay.animal_size(xy.reshape(-1, *xy.shape[2:]))
    pen = overlay.pen(
        core_poses.skeleton(series), size, threshold=cfg.threshold, region=regions(series)
    )
    width, height = (max(round(side * cfg.scale), 1) for side in video.size)
    chunk = max(int(CHUNK_BYTES // (3 * video.size[0] * video.size[1])), 1)
    done = 0
    with VideoWriter(target, video.fps, (width, height)) as writer:
        for piece in read_ahead(video, chosen.tolist(), chunk=chunk):
            for t, frame, readable in zip(*piece, strict=True):
                picture = resize(frame, matrix, (width, height))
                for n in range(xy.shape[1] if readable else 0):
                    overlay.draw(
                        picture,
                        xy[t, n],
                        pen,
                        confidence=confidence[t, n],
                        covariance=None if covariance is None else covariance[t, n],
                        trail=xy[max(t - cfg.trail, 0) : t, n] if cfg.trail else None,
                    )
                writer.write(picture)
            done += len(piece.frames)
            progress(Step("movies", done, len(chosen), target.name))
