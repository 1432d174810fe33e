"""Stage `clean`: poses without what cannot be true, and a table of what was changed.

reads   poses                  pose files
writes  out/NAME.nc            the same poses: outliers, spikes and lost places missing, short
                               gaps bridged (confidence 0)
        out/report.csv         shares flagged by step, keypoint and recording
        out/report.html        the same, and series before and after
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from gambol.behavior import clean as cleaning
from gambol.behavior.clean import CleanSettings
from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import poses as io_poses
from gambol.io import state_courses, store
from gambol.viz.report_clean import CleanPage, Stretch, clean_page

SHOWN, SECONDS = 6, 10.0  # recordings whose series are drawn, and how much of each


class Cleaned(NamedTuple):
    """What was changed."""

    files: tuple[Path, ...]
    report: Path
    page: Path
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
    values = 0
    worst: list[tuple[int, Stretch]] = []
    for n, path in enumerate(sources):
        target = out / f"{path.stem}.nc"
        if target.exists() and target.resolve() == path.resolve():
            raise InputError(f"{target} is the file that is read; choose another --out")
        read = io_poses.read(path)
        made = cleaning.clean(read, path.stem, cfg)
        store.write_dataset(made.poses, target)
        worst = _worst([*worst, *clean_stretch(path.stem, read, made.poses)])
        files.append(target)
        reports.append(made.report)
        values += made.mask.size
        sparse += [str(name) for name in made.sparse]
        lost += [str(place) for place in made.lost]
        progress(Step("clean", n + 1, len(sources), path.name))
    table, page = pd.concat(reports, ignore_index=True), out / "report.html"
    state_courses.write_table(table, out / "report.csv")
    shown = [stretch for _, stretch in worst]
    about = CleanPage(out.name, table, values, shown, sparse, lost, cfg.yaml())
    store.write_text(clean_page(about), page)
    return Cleaned(tuple(files), out / "report.csv", page, tuple(sparse), tuple(lost))


def _worst(found: list[tuple[int, Stretch]]) -> list[tuple[int, Stretch]]:
    """Return the stretches with the most faults, the worst first."""
    return sorted(found, key=lambda one: -one[0])[:SHOWN]


def clean_stretch(name: str, read: xr.Dataset, made: xr.Dataset) -> list[tuple[int, Stretch]]:
    """Return the stretch of a recording in which most faults begin, if there is a fault."""
    order = ("time", "keypoints", "individuals")
    bad = made["cause"].transpose(*order).values != cleaning.SEEN
    if not bad.any():
        return []
    begins = bad.copy()
    begins[1:] &= ~bad[:-1]
    times = made["time"].values
    frames = int(np.searchsorted(times, times[0] + SECONDS, side="right"))
    total = np.concatenate(
        [np.zeros((1, *bad.shape[1:]), np.int32), begins.cumsum(axis=0, dtype=np.int32)]
    )
    seen = total[frames:] - total[: len(total) - frames]
    start, j, n = (int(i) for i in np.unravel_index(seen.argmax(), seen.shape))
    own = slice(start, start + frames)
    before, after = (
        core_poses.xy(one.isel(time=own))[:, n, j].astype(np.float64) for one in (read, made)
    )
    animals = [str(animal) for animal in made["individuals"].values]
    called = name if len(animals) == 1 else f"{name}/{animals[n]}"
    keypoint, unit = str(made["keypoints"].values[j]), str(made.attrs.get("space_unit", "px"))
    stretch = Stretch(called, keypoint, times[own].astype(np.float64), before, after, unit)
    return [(int(seen[start, j, n]), stretch)]


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what was changed."""
    count = len(values["files"])
    rows = [f"{count} file{'' if count == 1 else 's'}; what was changed: {values['page']}"]
    rows += [f"mostly absent: {name}" for name in values["sparse"]]
    return "\n".join(
        rows + [f"the tracker's place for what it lost: {p}" for p in values["lost"]]
    )
