"""Stage `align`: poses in the frame of their animal, and where the tracker swapped its ends.

reads   poses             pose files, cleaned or raw, 2D or 3D
writes  out/NAME.nc       the same poses with `aligned` (time, space, keypoints, individuals:
                          ahead first, then to the left), `centroid` in the units of the file,
                          `heading` (rad) and `turned` beside `position`, which stays as it was
        out/flips.csv     stretches in which head and tail were exchanged, undone in `heading`
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from gambol.behavior import align
from gambol.behavior.align import AlignSettings
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import poses as io_poses
from gambol.io import state_courses, store

COLUMNS = ("recording", "individual", "start_s", "stop_s")


class Egocentric(NamedTuple):
    """What was made."""

    files: tuple[Path, ...]
    flips: Path
    frames: int  # of all animals of all files
    turned: int  # of them with head and tail exchanged
    unknown: int  # of them without a centroid or a heading


def run(
    cfg: AlignSettings, sources: list[Path], out: Path, *, progress: Progress = silent
) -> Egocentric:
    """Align every file, on its own: what else is aligned beside it changes nothing.

    Args:
        cfg: which keypoints are ahead, behind and in the middle.
        sources: pose files.
        out: folder.
        progress: told of every file.
    """
    names = [path.stem for path in sources]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"two pose files are named {twice[0]}; align them into two folders")
    out.mkdir(parents=True, exist_ok=True)
    files, rows, counts = [], [], np.zeros(3, int)
    for n, path in enumerate(sources):
        target = out / f"{path.stem}.nc"
        if target.exists() and target.resolve() == path.resolve():
            raise InputError(f"{target} is the file that is read; choose another --out")
        made = align.egocentric(io_poses.read(path), name=path.stem, **dict(cfg))
        store.write_dataset(made.assign_attrs(aligned_from=str(path)), target)
        files.append(target)
        rows += _flips(made, path.stem)
        unknown = made["heading"].isnull() | made["centroid"].isnull().any("space")
        counts += [made["heading"].size, int(made["turned"].sum()), int(unknown.sum())]
        progress(Step("align", n + 1, len(sources), path.name))
    state_courses.write_table(pd.DataFrame(rows, columns=list(COLUMNS)), out / "flips.csv")
    return Egocentric(tuple(files), out / "flips.csv", *map(int, counts))


def describe(values: dict[str, Any]) -> str:
    """Say what was made."""
    frames = max(values["frames"], 1)
    return (
        f"{len(values['files'])} files, {values['frames']} frames of an animal: head and tail "
        f"exchanged in {values['turned'] / frames:.1%} ({values['flips']}), centroid or "
        f"heading unknown in {values['unknown'] / frames:.1%}"
    )


def _flips(made: xr.Dataset, recording: str) -> list[tuple[str, str, float, float]]:
    """Return the stretches of a file in which head and tail were exchanged."""
    animals = [str(name) for name in made["individuals"].values]
    done = align.aligned(made, recording)
    return [
        (recording, animal, *stretch)
        for animal, one in zip(animals, done, strict=True)
        for stretch in align.flips(one)
    ]
