"""What a result holds, and which labels speak of it."""

from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from gambol.core.errors import InputError
from gambol.core.labels import Labels
from gambol.io import detections as io_detections
from gambol.io.labels.places import name_of

Kind = Literal["poses", "detections", "tracks", "poses3d"]


def kind(path: Path) -> Kind:
    """Return what a file holds: one animal, animals without names or with names, or 3D poses.

    Files of other tools are tracks: they may name who is who.
    """
    if path.suffix != ".nc":
        return "tracks"
    with io_detections.open_file(path) as file:
        if file.attrs.get("ds_type") == "detections":
            return "detections"
        space = file.dimensions.get("space")
        if space is not None and space.size == 3:
            return "poses3d"
        axis = file.dimensions.get("individuals")
        several = axis is not None and axis.size > 1
        return "tracks" if several or "identity_confidence" in file.variables else "poses"


def files(result: Path) -> tuple[Kind, list[Path]]:
    """Return the files of a result, a file or a folder of pose files, which are of one kind."""
    paths = sorted(result.glob("*.nc")) if result.is_dir() else [result]
    kinds = [kind(path) for path in paths]
    if len(set(kinds)) > 1:
        said = " and ".join(f"{k} ({paths[kinds.index(k)].name})" for k in sorted(set(kinds)))
        raise InputError(
            f"{result} holds {said}; give one of the files, or a folder of files of one kind"
        )
    return (kinds[0] if kinds else "poses"), paths


def rows_of(labels: Labels, source: str) -> Int[np.ndarray, " n"]:
    """Return the rows about the video at that path, or of that name where folders moved."""
    return np.flatnonzero(_same(labels, source)[labels.video])


def video_of(labels: Labels, source: str) -> int | None:
    """Return the number of that video in the labels; None where they do not speak of it."""
    found = np.flatnonzero(_same(labels, source))
    return int(found[0]) if len(found) else None


def check_names(names: tuple[str, ...], labels: Labels) -> None:
    """Refuse labels of another skeleton."""
    theirs = labels.skeleton.keypoints
    if names != theirs:
        raise InputError(
            f"the run knows the keypoints {', '.join(names)}, the labels "
            f"{', '.join(theirs)}; give labels of the same skeleton"
        )


def check_length(path: Path, frames: int, labelled: Int[np.ndarray, " n"]) -> None:
    """Refuse a file that is shorter than its labels."""
    if labelled.max(initial=-1) >= frames:
        raise InputError(f"{path} has {frames} frames, but frame {labelled.max()} is labelled")


def nothing_of(result: Path, labels: Labels) -> InputError:
    """The error that a result and labels are about different videos."""
    names = ", ".join(name_of(v) for v in labels.videos)
    return InputError(
        f"{result} holds no poses of the labelled videos {names}; predict one of them"
    )


def _same(labels: Labels, source: str) -> Bool[np.ndarray, " V"]:
    same = [v == str(Path(source).resolve()) for v in labels.videos]
    named = [name_of(v) == name_of(source) for v in labels.videos]
    return np.array(same if any(same) else named, bool)
