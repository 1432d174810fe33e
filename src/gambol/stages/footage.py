"""The video behind a file of poses, and which part of it is asked for."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from gambol.core.errors import InputError
from gambol.core.video import Video
from gambol.io.labels.places import name_of
from gambol.io.video.open import split_ref
from gambol.pose import calibrate
from gambol.viz import overlay


def find_video(path: Path, attrs: dict[str, Any]) -> Path:
    """Return the video of a pose file: where it was, or else beside the poses.

    Raises:
        InputError: if it is at neither place.
    """
    source = str(attrs.get("source_file", ""))
    name = name_of(source)
    for place in (Path(source), path.parent / source, path.parent / name):
        if name and split_ref(place)[0].exists():
            return place
    said = f"its video {source} is not there" if name else "it names no video"
    raise InputError(f"{path}: {said}; say where it is with --video")


def regions(attrs: dict[str, Any], keypoints: int) -> np.ndarray:
    """Return the Mahalanobis radius of the 90 % region of every keypoint, (J,)."""
    if "calibration" not in attrs:
        return np.full(keypoints, overlay.GAUSSIAN_90)
    learned = calibrate.Calibration.from_dict(json.loads(attrs["calibration"]))
    return calibrate.region_radius(learned, 0.9)


def check_length(path: Path, frames: int, source: Path, video: Video) -> None:
    """Refuse poses of another video."""
    if len(video) != frames:
        raise InputError(
            f"{path} has poses of {frames} frames, {source} has {len(video)}; give the video "
            "that was predicted with --video"
        )


def between(video: Video, source: Path, start: float, stop: float | None) -> np.ndarray:
    """Frames from start to before stop, in seconds of the video's own clock."""
    times = video.times - video.times[0]
    end = np.inf if stop is None else stop
    chosen = np.flatnonzero((times >= start - 1e-9) & (times < end - 1e-9))
    if not chosen.size:
        part = f"from {start:g} s" + ("" if stop is None else f" to {stop:g} s")
        raise InputError(
            f"{source} has no frame {part}; it lasts {times[-1]:.1f} s, so set start and stop "
            "within"
        )
    return chosen
