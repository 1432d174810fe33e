"""Which format a file of labels has, judged by its content, and who reads and writes it."""

from pathlib import Path

from gambol.core import extras, regions
from gambol.core.errors import InputError, did_you_mean
from gambol.core.labels import Labels, Visibility
from gambol.io import store
from gambol.io.hdf5 import require_closed
from gambol.io.labels import (
    analysis,
    coco,
    deeplabcut,
    deepposekit,
    dlc_project,
    nwb,
    sleap,
    tidy,
)

READABLE = {
    "slp": "SLEAP (.slp, .pkg.slp)",
    "dlc": "DeepLabCut project folder",
    "dlc-table": "DeepLabCut table (.csv, .h5)",
    "lightning": "Lightning Pose table (.csv)",
    "coco": "COCO keypoints (.json)",
    "dpk": "DeepPoseKit annotation set (.h5)",
    "analysis": "SLEAP analysis (.h5)",
    "csv": "gambol table (.csv)",
}
SUFFIX = {
    "slp": ".slp",
    "dlc": "",
    "coco": ".json",
    "analysis": ".h5",
    "csv": ".csv",
    "nwb": ".nwb",
}
# SLEAP, DeepLabCut and DeepPoseKit train a missing position as an empty map; Lightning Pose
# masks it; 0 in COCO means that nobody labelled it
_NAN_MEANS = {"lightning": Visibility.UNLABELLED, "coco": Visibility.UNLABELLED}


def detect(path: Path) -> str:
    """Return the format of a file or folder: a key of `READABLE`, or "project" for ours."""
    if path.is_dir():
        return _detect_folder(path)
    with store.require_file(path).open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"\x89HDF"):
        return _detect_hdf5(path)
    if head.startswith(b"SQLite format 3"):
        return "project"
    if path.name == "config.yaml":
        return "dlc"
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
        return "coco"
    first = head.decode("utf-8-sig", "replace").split("\n")[0].strip()
    if first.startswith(",".join(tidy.COLUMNS[:7])):
        return "csv"
    if first.split(",")[0] in ("scorer", "bodyparts"):
        inside = path.resolve().parent.parent.name == "labeled-data"
        theirs = inside or path.name.startswith("CollectedData_") or "DLC" in path.name
        return "dlc-table" if theirs else "lightning"
    raise _unknown(path)


def read(
    path: Path, *, nan_means: Visibility | None = None, repair_swap: bool = False
) -> Labels:
    """Read labels of any format.

    Args:
        path: a file, or the folder of a DeepLabCut project.
        nan_means: what a keypoint without a position is, instead of what the format means.
        repair_swap: take left and right from the names where the file's table contradicts
            itself (DeepPoseKit).

    Returns:
        Labels; videos that were found have absolute references, others those of the file.
    """
    kind = detect(path)
    unsaid = _NAN_MEANS.get(kind, Visibility.ABSENT) if nan_means is None else nan_means
    if unsaid not in (Visibility.ABSENT, Visibility.UNLABELLED):
        raise InputError(
            f"a missing position cannot be {unsaid.name.lower()}; say absent or unlabelled"
        )
    if kind == "project":
        raise InputError(f"{path} is a project of gambol; give its folder to load it")
    if kind == "dpk":
        return deepposekit.read(path, unsaid, repair_swap)
    readers = {
        "slp": sleap.read,
        "dlc": deeplabcut.read_project,
        "dlc-table": deeplabcut.read_single,
        "lightning": deeplabcut.read_single,
        "coco": coco.read,
        "analysis": analysis.read,
        "csv": tidy.read,
    }
    return readers[kind](path, unsaid)


def write(labels: Labels, path: Path, format: str, *, images: bool = True) -> list[Path]:
    """Write labels in a format of `SUFFIX`; return the paths written.

    Args:
        labels: what to write.
        path: a file; for `dlc` a new folder.
        format: one of `SUFFIX`.
        images: whether `dlc` and `coco`, which label images, get the labelled frames too.
    """
    if format not in SUFFIX:
        hint = did_you_mean(format, SUFFIX) or f"; there are {', '.join(SUFFIX)}"
        raise InputError(f"no format {format!r} to write{hint}")
    if not len(labels):
        raise InputError(f"there are no labels to write to {path}; label some frames first")
    if path.is_dir() and format != "dlc":
        raise InputError(f"{path} is a folder; give the name of a {SUFFIX[format]} file")
    if format in ("dlc", "coco"):
        writer = dlc_project.write if format == "dlc" else coco.write
        return writer(labels, path, images)
    writers = {"slp": sleap.write, "analysis": analysis.write, "csv": tidy.write}
    return (writers | {"nwb": nwb.write})[format](labels, path)


def losses(labels: Labels, format: str) -> list[str]:
    """Say what a format cannot hold of these labels, one sentence each."""
    has = {state: bool((labels.visibility == state).any()) for state in Visibility}
    kept_states = {"slp", "coco", "csv"}
    found = []
    if format not in kept_states and has[Visibility.OCCLUDED]:
        found.append("occluded keypoints become visible ones")
    if format not in kept_states and has[Visibility.UNLABELLED]:
        found.append("unlabelled keypoints are empty, which is read as absent")
    if format in ("dlc", "analysis", "nwb") and len(set(labels.origin.tolist())) > 1:
        found.append("who made a label is not kept")
    if format == "slp" and 2 in labels.origin:
        found.append("corrected labels become a person's")
    found += _losses_of_frames(labels, format)
    found += [
        f"what came with {READABLE[other]} besides labels is left out"
        for other in extras.formats(labels.extras)
        if other != format
    ]
    bare = format in ("csv", "analysis")
    if bare and (any(k >= 0 for k in labels.skeleton.swap) or labels.skeleton.drawn):
        found.append(
            "of the skeleton only names" + (" and lines" * (format == "analysis")) + " are kept"
        )
    return found


def _losses_of_frames(labels: Labels, format: str) -> list[str]:
    """Say what a format cannot hold of what was said of frames and of parts of them."""
    if format == "coco":
        unseen = [
            not any(regions.at([region], v, f) for v, f in labels.frames.tolist())
            for region in labels.regions
        ]
        return ["regions in frames that nobody labelled are left out"] if any(unseen) else []
    said = {
        "frames without animals are left out": len(labels.negatives),
        "which frames are labelled in part is not kept": len(labels.incomplete),
        "regions without loss and score are left out": len(labels.regions),
    }
    return [loss for loss, n in said.items() if n and format in ("dlc", "analysis", "nwb")]


def _detect_folder(path: Path) -> str:
    if (path / "project.db").exists():
        return "project"
    if (path / "config.yaml").is_file() and (path / "labeled-data").is_dir():
        return "dlc"
    raise InputError(
        f"{path} is no project: it holds neither project.db nor config.yaml with labeled-data; "
        "give the folder of a project or a label file"
    )


def _detect_hdf5(path: Path) -> str:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            require_closed(file, path)
            keys = set(file)
            if {"metadata", "instances", "frames"} <= keys:
                return "slp"
            if {"tracks", "node_names"} <= keys:
                return "analysis"
            if {"annotations", "skeleton", "images"} <= keys:
                return "dpk"
            if any("pandas_type" in file[key].attrs for key in keys):
                return "dlc-table"
    except OSError as error:
        raise InputError(f"{path} is damaged ({error}); copy or export it again") from error
    raise _unknown(path)


def _unknown(path: Path) -> InputError:
    return InputError(
        f"{path} is no label file known here; known are {', '.join(READABLE.values())}"
    )
