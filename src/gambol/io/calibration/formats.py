"""Which format a calibration has, judged by its content, and who reads and writes it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gambol.core.cameras import Rig
from gambol.core.errors import InputError, did_you_mean
from gambol.io import store
from gambol.io.calibration import (
    anipose,
    caliscope,
    dannce,
    deepfly3d,
    dlc3d,
    gimbal,
    jarvis,
    markup,
    multicam,
    opencv,
    openmonkey,
    optitrack,
    plain_pickle,
    qualisys,
    storage,
    toml,
    vicon,
)
from gambol.io.calibration.common import Read

READABLE = {
    "anipose": "anipose or freemocap (.toml)",
    "caliscope": "caliscope (.toml)",
    "opencv": "OpenCV (.yaml, .xml, or a folder with one a camera)",
    "jarvis": "JARVIS (.yaml, or a folder with one a camera)",
    "multicam": "multicam-calibration (.json)",
    "gimbal": "GIMBAL (.h5)",
    "matrices": "3 x 4 matrices (.npz, .npy, .csv)",
    "dlc3d": "DeepLabCut 3D (stereo_params.pickle)",
    "deepfly3d": "DeepFly3D (.pkl)",
    "dannce": "DANNCE or Label3D (.mat)",
    "qualisys": "Qualisys (.qca.txt)",
    "vicon": "Vicon (.xcp)",
    "optitrack": "OptiTrack Motive (.mcal)",
    "openmonkey": "OpenMonkeyStudio (a folder with camera.txt and intrinsic.txt)",
}
SUFFIX = {  # of what is written; a folder where there is none
    "anipose": ".toml",
    "opencv": "",
    "jarvis": "",
    "multicam": ".json",
    "gimbal": ".h5",
    "dannce": ".mat",
}
_READERS: dict[str, Callable[[Path], Read]] = {
    "anipose": anipose.read,
    "caliscope": caliscope.read,
    "opencv": opencv.read,
    "jarvis": jarvis.read,
    "multicam": multicam.read,
    "gimbal": gimbal.read,
    "matrices": gimbal.read_matrices,
    "dlc3d": dlc3d.read,
    "deepfly3d": deepfly3d.read,
    "dannce": dannce.read,
    "qualisys": qualisys.read,
    "vicon": vicon.read,
    "optitrack": optitrack.read,
    "openmonkey": openmonkey.read,
}
_BINARY = {  # what the makers of calibrations keep for themselves, and what to export instead
    ".qca": "Qualisys Track Manager; export the calibration as .qca.txt",
    ".cal": "OptiTrack Motive; export the calibration as .mcal from Motive 3.2 or newer",
}
_WRITERS: dict[str, Callable[[Rig, Path], list[Path]]] = {
    "anipose": anipose.write,
    "opencv": opencv.write,
    "jarvis": jarvis.write,
    "multicam": multicam.write,
    "gimbal": gimbal.write,
    "dannce": dannce.write,
}


def read(path: Path | str) -> Rig:
    """Read the cameras of any format of `READABLE`; `load` says what there is to remark."""
    return load(path).rig


def load(path: Path | str) -> Read:
    """Read cameras, and what a person should know about how they were read.

    Args:
        path: a file, or a folder with one file a camera.
    """
    where = Path(path)
    return _READERS[detect(where)](where)


def write(rig: Rig, path: Path | str, format: str = "anipose") -> list[Path]:
    """Write a rig in a format of `SUFFIX`; return the paths written.

    Args:
        rig: the cameras.
        path: a file; for `opencv` and `jarvis` a folder, which gets one file a camera.
        format: one of `SUFFIX`.
    """
    where = Path(path)
    if format not in SUFFIX:
        hint = did_you_mean(format, SUFFIX) or f"; there are {', '.join(SUFFIX)}"
        raise InputError(f"no format {format!r} to write cameras{hint}")
    if not len(rig):
        raise InputError(f"there is no camera to write to {where}")
    if SUFFIX[format] and where.is_dir():
        raise InputError(f"{where} is a folder; give the name of a {SUFFIX[format]} file")
    if not SUFFIX[format] and where.is_file():
        raise InputError(f"{where} is a file; {format} needs the name of a folder")
    if not SUFFIX[format] and where.is_dir() and any(where.iterdir()):
        raise InputError(f"{where} is not empty; give a new folder, as every file in it counts")
    return _WRITERS[format](rig, where)


def losses(rig: Rig, format: str) -> list[str]:
    """Say what other programs will not find in a file of a format, one sentence each."""
    if format == "anipose":
        kinds = sorted({camera.kind for camera in rig.cameras} - {"pinhole", "fisheye"})
        return [f"anipose itself takes {kind} cameras for pinholes" for kind in kinds]
    found = []
    if any(camera.extra for camera in rig.cameras) or rig.extra.get("metadata"):
        found.append("what the file said besides the cameras is not kept")
    if any(camera.flip for camera in rig.cameras):
        found.append("other programs do not know that a camera's image is flipped")
    if format == "jarvis" and any(camera.distortion[2:].any() for camera in rig.cameras):
        found.append("JARVIS itself uses k1 and k2 alone")
    skewed = any(camera.matrix[0, 1] for camera in rig.cameras)
    if skewed and format in ("opencv", "multicam", "gimbal"):
        found.append("programs that use OpenCV leave out the skew")
    return found


def detect(path: Path) -> str:
    """Return the format of a file or folder: a key of `READABLE`."""
    if path.is_dir():
        return _detect_folder(path)
    with store.require_file(path).open("rb") as file:
        head = file.read(1024)
    if format := _of_head(path, head):
        return format
    suffix = path.suffix.lower()
    if suffix in _BINARY:
        raise InputError(f"{path} is a file that only its maker reads, of {_BINARY[suffix]}")
    if path.name in openmonkey.FILES and openmonkey.is_folder(path.parent):
        return "openmonkey"
    if suffix == ".toml":
        return "caliscope" if caliscope.is_array(toml.read(path)) else "anipose"
    if suffix in (".pickle", ".pkl"):
        return _of_pickle(path)
    if suffix == ".json":
        return _of_json(path)
    if suffix in opencv.SUFFIXES:
        return _of_storage(path, storage.read(path))
    raise _unknown(path)


def _of_head(path: Path, head: bytes) -> str:
    """Return the format of what begins in a way of its own; empty where nothing does."""
    suffix = path.suffix.lower()
    if head.startswith(b"\x89HDF") and suffix != ".mat":
        return _of_hdf5(path)
    if head.startswith((b"\x93NUMPY", b"PK\x03\x04")) or suffix == ".csv":
        return "matrices"
    if suffix == ".mat" or head.startswith(b"MATLAB"):
        return "dannce"
    name = markup.opening(head)
    if name == qualisys.ROOT or name.startswith(qualisys.WRAPPED):
        return "qualisys"
    return {vicon.ROOT: "vicon", optitrack.ROOT: "optitrack"}.get(name, "")


def _detect_folder(path: Path) -> str:
    files = opencv.files_of(path)
    for file in files:
        values = storage.read(file)
        if jarvis.is_jarvis(values) or opencv.is_opencv(values):
            return _of_storage(file, values)
    if openmonkey.is_folder(path):
        return "openmonkey"
    if stereo := next(iter(path.glob("stereo_params.pickle")), None):
        raise InputError(f"{path} is a folder of DeepLabCut 3D; give {stereo}")
    raise InputError(
        f"{path} holds no camera files ({', '.join(opencv.SUFFIXES)}); give a file"
    )


def _of_hdf5(path: Path) -> str:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            if gimbal.GROUP in file:
                return "gimbal"
    except OSError as error:
        raise InputError(f"{path} is damaged ({error}); copy or export it again") from error
    raise _unknown(path)


def _of_pickle(path: Path) -> str:
    values = plain_pickle.read(path)
    if dlc3d.is_stereo(values):
        return "dlc3d"
    if deepfly3d.is_result(values):
        return "deepfly3d"
    raise _unknown(path)


def _of_json(path: Path) -> str:
    try:
        values: Any = store.read_json(path)
    except RecursionError as error:
        raise _unknown(path) from error
    if multicam.is_multicam(values):
        return "multicam"
    raise _unknown(path)


def _of_storage(path: Path, values: dict[str, Any]) -> str:
    if jarvis.is_jarvis(values):
        return "jarvis"
    if opencv.is_opencv(values):
        return "opencv"
    raise _unknown(path)


def _unknown(path: Path) -> InputError:
    return InputError(
        f"{path} is no calibration known here; known are {', '.join(READABLE.values())}"
    )
