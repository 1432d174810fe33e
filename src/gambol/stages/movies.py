"""Stage `movies`: poses drawn on the video that they were found in.

reads   poses           files of poses, detections or tracks, which name their video; or of 3D
                        poses
writes  out/NAME.mp4    one film for each pose file
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from pydantic import NonNegativeFloat, PositiveFloat

from gambol.core import pixels
from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.video import Video
from gambol.io import poses as io_poses
from gambol.io import store
from gambol.io.video import VideoWriter, open_video, read_ahead
from gambol.io.video.open import split_ref
from gambol.stages import crowd, footage, matching, movies_3d, movies_many
from gambol.viz import overlay
from gambol.viz.frames import resize

CHUNK_BYTES = 16e6  # of decoded video that travel together


class MoviesConfig(movies_many.Drawing):
    """Settings of the stage."""

    start: NonNegativeFloat = 0.0  # s
    stop: PositiveFloat | None = None  # s; the end of the video
    turn: float = 0.0  # degrees a second that the eye goes round 3D poses; 10 is slow


def run(
    cfg: MoviesConfig,
    poses: list[Path],
    out: Path,
    *,
    video: Path | None = None,
    views: Mapping[str, Path] | None = None,
    progress: Progress = silent,
) -> list[Path]:
    """Write one film for each pose file and return their paths.

    Args:
        cfg: settings.
        poses: pose files, or folders of them.
        out: folder.
        video: the video of the one pose file, where it is not where it was.
        views: videos of the cameras of 3D poses, by name.
        progress: hears of every piece that is written.
    """
    poses = _files(poses)
    if video is not None and len(poses) > 1:
        raise InputError(f"--video {video} is one video for {len(poses)} pose files; give one")
    targets = [out / f"{path.stem}.mp4" for path in poses]
    for target in targets:
        if targets.count(target) > 1:
            raise InputError(
                f"two pose files are named {target.stem}; draw them into two folders"
            )
    for path, target in zip(poses, targets, strict=True):
        if matching.kind(store.require_file(path)) == "poses3d":
            if video is not None:
                raise InputError(f"{path} has several views; say --view CAMERA={video}")
            movies_3d.draw(
                path, target, start=cfg.start, stop=cfg.stop, turn=cfg.turn,
                videos=views or {}, progress=progress,
            )  # fmt: skip
        else:
            _film(cfg, path, target, video, progress)
    return targets


def _files(paths: list[Path]) -> list[Path]:
    """Replace folders by the pose files in them."""
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("[!.]*.nc")) if path.is_dir() else [path]
        if not inside:
            raise InputError(
                f"{path} holds no file *.nc; give poses of gambol predict, track or triangulate"
            )
        files += inside
    return files


def _film(
    cfg: MoviesConfig, path: Path, target: Path, given: Path | None, progress: Progress
) -> None:
    several = matching.kind(store.require_file(path)) != "poses"
    series = None if several else io_poses.read(path)
    if series is None:
        head = crowd.header(path)
        attrs, length = head.attrs, head.frames
    else:
        attrs, length = series.attrs, series.sizes["time"]
    source = given or footage.find_video(path, attrs)
    if split_ref(source)[0].resolve() == target.resolve():
        raise InputError(f"{target} is the video itself; choose another --out")
    video = open_video(source)
    try:
        footage.check_length(path, length, source, video)
        chosen = footage.between(video, source, cfg.start, cfg.stop)
        if series is None:
            chunk = _chunk(video)
            movies_many.draw(cfg, path, video, chosen, target, chunk, progress)
        else:
            _draw(cfg, series, video, chosen, target, progress)
    finally:
        video.close()


def _chunk(video: Video) -> int:
    """Frames that travel together."""
    return max(int(CHUNK_BYTES // (3 * video.size[0] * video.size[1])), 1)


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
        core_poses.skeleton(series),
        size,
        threshold=cfg.threshold,
        region=footage.regions(series.attrs, series.sizes["keypoints"]),
    )
    width, height = (max(round(side * cfg.scale), 1) for side in video.size)
    done = 0
    with VideoWriter(target, video.fps, (width, height)) as writer:
        for piece in read_ahead(video, chosen.tolist(), chunk=_chunk(video)):
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
