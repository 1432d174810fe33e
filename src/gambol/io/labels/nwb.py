"""NWB files with the extension ndx-pose, through sleap-io; needs the extra `nwb`."""

import importlib.util
import warnings
from pathlib import Path

from gambol.core.errors import InputError
from gambol.core.labels import Labels
from gambol.io import store


def write(labels: Labels, path: Path) -> list[Path]:
    """Write labels of people as PoseTraining, predictions alone as PoseEstimation."""
    missing = [name for name in ("pynwb", "ndx_pose") if not importlib.util.find_spec(name)]
    if missing:
        raise InputError(
            f"{path}: NWB needs {missing[0]}; install it with pip install gambol[nwb]"
        )
    import sleap_io

    from gambol.io.labels import sleap

    with warnings.catch_warnings(), store.atomic(path) as partial:
        warnings.simplefilter("ignore")  # of hdmf, pynwb and their extensions, about themselves
        sleap_io.save_nwb(sleap.objects(labels), str(partial))
    return [path]
