"""NWB files with the extension ndx-pose, through sleap-io; needs the extra `nwb`."""

import importlib.util
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.core.labels import Labels, Origin, Visibility
from gambol.io import store
from gambol.io.labels import sleap
from gambol.io.labels.frames import all_named
from gambol.io.video.open import split_ref

_LABEL_BYTES = 16_384  # of an animal that a person labelled; a group of data sets each


def write(labels: Labels, path: Path) -> list[Path]:
    """Write labels of people as PoseTraining, predictions alone as PoseEstimation."""
    if lost := [ref for ref in labels.videos if not split_ref(ref)[0].exists()]:
        raise InputError(
            f"{path}: NWB describes the video {lost[0]}, which does not exist; put it there"
        )
    # sleap-io leaves out what is not visible; better kept than lost
    seen = np.where(labels.labelled, Visibility.VISIBLE, labels.visibility).astype(np.uint8)
    labels = replace(labels, visibility=seen, negatives=labels.negatives[:0])
    source = sleap.objects(all_named(labels), open_videos=True)
    predicted = bool((labels.origin == Origin.MODEL).all())
    return write_objects(
        source, path, np.arange(labels.frame.max() + 1.0) if predicted else None
    )


def write_objects(
    source: Any, path: Path, times: Float[np.ndarray, " T"] | None = None
) -> list[Path]:
    """Write an object of sleap-io.

    Args:
        source: labels of people, or predictions alone.
        path: the file.
        times: of each frame of the video, seconds; for predictions, and only for those.
    """
    missing = [name for name in ("pynwb", "ndx_pose") if not importlib.util.find_spec(name)]
    if missing:
        raise InputError(f"{path} needs {missing[0]}; install it with pip install gambol[nwb]")
    from sleap_io.io import nwb, nwb_predictions

    instances = sum(len(frame.instances) for frame in source.labeled_frames)
    each = _LABEL_BYTES if times is None else 64 * len(source.skeletons[0].nodes)
    room = instances * each + store.SLACK
    with warnings.catch_warnings(), store.atomic(path, room) as partial:
        warnings.simplefilter("ignore")  # of hdmf, pynwb and their extensions, about themselves
        if times is None:
            _check_videos(source, path)
            nwb.save_nwb(source, str(partial))
        else:  # without times sleap-io fails where frames are missing
            notes = {"video_timestamps": times}
            nwb_predictions.write_nwb(source, str(partial), pose_estimation_metadata=notes)
    return [path]


def _check_videos(source: Any, path: Path) -> None:
    """Refuse pictures inside HDF5 or TIFF, which sleap-io cannot describe beside labels."""
    for video in source.videos:
        if type(video.backend).__name__ not in ("MediaVideo", "ImageVideo"):
            raise InputError(
                f"{path}: NWB cannot refer to the pictures inside {video.filename}; export "
                "--to dlc, which writes them as files, import that and export it"
            )
