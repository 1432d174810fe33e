"""Stage `clean`: poses without what cannot be true, and a table of what was changed.

reads   poses                  pose files
writes  out/NAME.nc            the same poses: outliers, spikes and lost places missing, short
                               gaps bridged (confidence 0)
        out/report.csv         shares flagged by step, keypoint and recording
"""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from gambol.behavior import clean as cleaning
from gambol.behavior.clean import CleanSettings
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import poses as io_poses
from gambol.io import state_courses, store


class Cleaned(NamedTuple):
    """What was changed."""

    files: tuple[Path, ...]
    report: Path
    sparse: tuple[str, ...]  # recordings with keypoints that are mostly absent
    lost: tuple[str, ...]  # places at which the tracker puts what it has lost


def run(
    cfg: CleanSettings, sources: list[Path], out: Path, *, progress: Progress = silent
) -> Cleaned:
    """Clean every file, on its own: what else is cleaned beside it changes nothing.

    Args:
        cfg: settings.
        sources: pose files.
        out: folder.
        progress: told of every file.
    """
    names = [path.stem for path in sources]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"two pose files are named {twice[0]}; clean them into two folders")
    out.mkdir(parents=True, exist_ok=True)
    files, reports, sparse, lost = [], [], [], []
    for n, path in enumerate(sources):
        target = out / f"{path.stem}.nc"
        if target.exists() and target.resolve() == path.resolve():
            raise InputError(f"{target} is the file that is read; choose another --out")
        made = cleaning.clean(io_poses.read(path), path.stem, cfg)
        store.write_dataset(made.poses, target)
        files.append(target)
        reports.append(made.report)
        sparse += [str(name) for name in made.sparse]
        lost += [str(place) for place in made.lost]
        progress(Step("clean", n + 1, len(sources), path.name))
    state_courses.write_table(pd.concat(reports, ignore_index=True), out / "report.csv")
    return Cleaned(tuple(files), out / "report.csv", tuple(sparse), tuple(lost))


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what was changed."""
    rows = [f"{len(values['files'])} files; what was changed: {values['report']}"]
    rows += [f"mostly absent: {name}" for name in values["sparse"]]
    return "\n".join(
        rows + [f"the tracker's place for what it lost: {p}" for p in values["lost"]]
    )
