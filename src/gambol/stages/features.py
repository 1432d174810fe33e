"""Stage `features`: poses to what behaviour is told apart by.

reads   poses             pose files, cleaned or raw, 2D or 3D
writes  out/NAME.nc       (time, feature) for every animal: kinematics, posture, dyadic, arena,
                          wavelets, with unit, body part and frequency of every feature
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from gambol.behavior import features as computing
from gambol.behavior.features import Features
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import poses as io_poses
from gambol.io import store


class Featured(NamedTuple):
    """What was made."""

    files: tuple[Path, ...]
    features: int  # of an animal
    frames: int  # of all files


def run(
    cfg: Features, sources: list[Path], out: Path, *, progress: Progress = silent
) -> Featured:
    """Compute the features of every file."""
    names = [path.stem for path in sources]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"two pose files are named {twice[0]}; write them into two folders")
    out.mkdir(parents=True, exist_ok=True)
    files, count, frames = [], 0, 0
    for n, path in enumerate(sources):
        target = out / f"{path.stem}.nc"
        if target.exists() and target.resolve() == path.resolve():
            raise InputError(f"{target} is the file that is read; choose another --out")
        poses = io_poses.read(path)
        every = computing.features(poses, cfg, path.stem, dtype=np.float32)
        animals = [str(name) for name in poses["individuals"].values]
        joined = xr.concat(
            every,
            xr.DataArray(animals, dims="individuals", name="individuals"),
        )
        made = joined.to_dataset(name="feature_values").assign_attrs(
            settings=cfg.model_dump_json(), source=str(path)
        )
        store.write_dataset(made, target)
        files.append(target)
        count, frames = joined.sizes["feature"], frames + joined.sizes["time"]
        progress(Step("features", n + 1, len(sources), path.name))
    return Featured(tuple(files), count, frames)


def describe(values: dict[str, Any]) -> str:
    """Say what was made."""
    return (
        f"{len(values['files'])} files, {values['features']} features of {values['frames']} "
        "frames"
    )
