"""Stage `import-poses`: pose files from what other programs found, 2D or 3D, without a video.

reads   sources       files of DeepLabCut, SLEAP, Lightning Pose, Anipose, DANNCE; arrays
        skeleton      optional: names and structure of the keypoints, YAML
writes  out/NAME.nc   the same poses as pose files, which every other command takes
"""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from gambol.core import poses as core_poses
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import poses_foreign, provenance, skeleton_file, store
from gambol.io.poses_arrays import Axis
from gambol.io.poses_foreign import Said
from gambol.stages import syllable_inputs

SUFFIXES = (".h5", ".hdf5", ".slp", ".csv", ".mat", ".npz", ".npy")  # in folders


class ImportPosesConfig(Config):
    """What files do not say themselves."""

    fps: float | None = Field(default=None, gt=0)
    # frames a second; null: by the file's own clock, or by the video that lies beside it
    keypoints: tuple[str, ...] = ()  # names in order, where a file has none (arrays)
    unit: str | None = None  # of 3D poses, such as mm
    up: Literal["x", "y", "z", "-x", "-y", "-z"] = "z"  # of 3D poses
    dataset: str | None = None  # array of the positions; null: the one that can be meant
    scores: str | None = None  # array of the confidences; null: 1 where there is a position
    axes: tuple[Axis, ...] = ()  # of the array, in order; none: by its shape
    video: str | None = None  # of a SLEAP file that holds several


class ImportedPoses(NamedTuple):
    """What was made."""

    files: tuple[Path, ...]
    frames: int  # of all files
    animals: tuple[str, ...]
    keypoints: tuple[str, ...]
    dimensions: int
    fps: float
    remarks: tuple[str, ...]


def run(
    cfg: ImportPosesConfig,
    sources: list[Path],
    out: Path,
    *,
    skeleton: Path | None = None,
    progress: Progress = silent,
) -> ImportedPoses:
    """Write a pose file for every source, each on its own.

    Args:
        cfg: what the files do not say.
        sources: files, folders or patterns.
        out: folder.
        skeleton: names and structure of the keypoints.
        progress: told of every file.
    """
    paths = syllable_inputs.expand(sources, SUFFIXES)
    names = [poses_foreign.name_of(path) for path in paths]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"two files would become {twice[0]}.nc; import them into two folders")
    said = _said(cfg, skeleton)
    files, frames, remarks = [], 0, []
    animals: dict[str, None] = {}
    for n, (path, name) in enumerate(zip(paths, names, strict=True), start=1):
        made = poses_foreign.read(path, said)
        facts = provenance.record(stage="import-poses", source=str(path))
        made.attrs |= {"provenance": _text(facts)}
        store.write_dataset(made, out / f"{name}.nc")
        files.append(out / f"{name}.nc")
        frames += made.sizes["time"]
        animals |= dict.fromkeys(str(who) for who in made["individuals"].values)
        remarks += _remarks(path, made)
        progress(Step("import-poses", n, len(paths), path.name))
    keypoints = tuple(str(part) for part in made["keypoints"].values)
    return ImportedPoses(
        tuple(files), frames, tuple(animals), keypoints, made.sizes["space"],
        float(made.attrs["fps"]), tuple(remarks),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say what was made, and what may be done with it."""
    who = ", ".join(values["animals"])
    rows = [
        f"{values['files'][0].parent}: {len(values['files'])} files, {values['frames']} frames "
        f"at {values['fps']:g} frames/s in {values['dimensions']}D; animals: {who}",
        f"keypoints: {', '.join(values['keypoints'])}",
    ]
    return "\n".join(rows + [f"note: {sentence}" for sentence in values["remarks"]])


def _said(cfg: ImportPosesConfig, skeleton: Path | None) -> Said:
    sign = -1.0 if cfg.up.startswith("-") else 1.0
    up = [sign if axis == cfg.up[-1] else 0.0 for axis in "xyz"]
    known = None if skeleton is None else skeleton_file.read_skeleton(skeleton)
    return Said(
        cfg.fps, cfg.keypoints, known, cfg.dataset, cfg.scores, cfg.axes, cfg.unit,
        (up[0], up[1], up[2]), cfg.video,
    )  # fmt: skip


def _remarks(path: Path, made: Any) -> list[str]:
    """Say what was left out, and which keypoints are never there."""
    told = []
    if count := made.attrs.get("left_out"):
        told.append(
            f"{path.name}: {count} detections that belong to no animal are left out; `gambol "
            "track` finds whose they are"
        )
    here = np.isfinite(core_poses.xy(made)).all(axis=-1).any(axis=(0, 1))
    never = [str(n) for n, seen in zip(made["keypoints"].values, here, strict=True) if not seen]
    if never:
        told.append(f"{path.name}: never there: {', '.join(never)}")
    if made.sizes["space"] == 3 and made.attrs["units"] == "unknown":
        told.append(f"{path.name}: nobody said the unit of these 3D poses (--unit mm)")
    return told


def _text(facts: dict[str, Any]) -> str:
    return json.dumps({key: facts[key] for key in ("stage", "source", "command", "versions")})
