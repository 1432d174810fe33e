"""NWB files with the extension ndx-pose, through sleap-io; needs the extra `nwb`."""

import importlib.util
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gambol.core.errors import InputError
from gambol.core.labels import Labels, Visibility
from gambol.io import store
from gambol.io.labels import sleap
from gambol.io.video.open import split_ref


def write(labels: Labels, path: Path) -> list[Path]:
    """Write labels of people as PoseTraining, predictions alone as PoseEstimation."""
    if lost := [ref for ref in labels.videos if not split_ref(ref)[0].exists()]:
        raise InputError(
            f"{path}: NWB describes the video {lost[0]}, which does not exist; put it there"
        )
    # sleap-io leaves out what is not visible; better kept than lost
    seen = np.where(labels.labelled, Visibility.VISIBLE, labels.visibility).astype(np.uint8)
    labels = replace(labels, visibility=seen)
    return write_objects(sleap.objects(labels, open_videos=True), path)


def write_objects(source: Any, path: Path) -> list[Path]:
    """Write an object of sleap-io."""
    missing = [name for name in ("pynwb", "ndx_pose") if not importlib.util.find_spec(name)]
    if missing:
        raise InputError(f"{path} needs {missing[0]}; install it with pip install gambol[nwb]")
    import sleap_io

    with warnings.catch_warnings(), store.atomic(path) as partial:
        warnings.simplefilter("ignore")  # of hdmf, pynwb and their extensions, about themselves
        sleap_io.save_nwb(source, str(partial))
    return [path]
