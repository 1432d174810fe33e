"""Stage `synchronize`: how far cameras are out of step, and their 2D poses on one clock.

reads   poses         one 2D pose file a camera
        calibration   the rig
writes  out/CAMERA.nc    the poses of each camera, on the clock of the reference
        out/lags.json    lag, drift and lost frames of every camera, and the curves they rest on
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gambol.core import poses as core_poses
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.views import Views
from gambol.io import calibration, provenance, store
from gambol.io import views as io_views
from gambol.multiview import synchronize
from gambol.multiview.lags import Search, check


class SynchronizeConfig(Config):
    """Settings of the stage."""

    reference: str = ""  # the camera whose clock counts; empty: the first of the rig
    search: Search = Search()
    animal: str | None = None  # which of several tells the lags; null: the first
    unseen: tuple[tuple[float, float], ...] = ()  # px; positions that mean: not seen
    fps: float | None = None  # where the 2D files do not know it


class Synchronized(NamedTuple):
    """What was found."""

    out: Path
    reference: str
    lags: dict[str, float]  # frames by which each camera is late at the first frame
    sd: dict[str, float]
    drift: dict[str, float]  # frames a frame
    dropped: list[dict[str, Any]]  # frames that cameras lost
    remarks: tuple[str, ...]


def run(
    cfg: SynchronizeConfig,
    sources: list[Path],
    rig_path: Path,
    out: Path,
    *,
    assign: Mapping[str, Path] | None = None,
    progress: Progress = silent,
) -> Synchronized:
    """Find lags and write poses on one clock; lags that are not sure are refused.

    Args:
        cfg: settings.
        sources: 2D pose files, or folders of them.
        rig_path: the calibration.
        out: folder.
        assign: camera name to file, where names do not tell.
        progress: told of every camera.
    """
    read = calibration.load(rig_path)
    seen = io_views.read_views(sources, read.rig, assign, unseen=cfg.unseen, fps=cfg.fps)
    animals = dict(seen.animals)
    name = cfg.animal or next(iter(animals))
    if name not in animals:
        raise InputError(f"no animal {name!r}; there are {', '.join(animals)}")
    views = animals[name]
    if len(views.cameras) < 2:
        raise InputError("only one camera has poses; two or more can be out of step")
    params = read.rig.select(list(views.cameras)).params()
    found = synchronize.synchronize(
        views.xy, params, views.cameras, cfg.search, reference=cfg.reference
    )
    check(found)
    lags = {lag.view: lag for lag in found.lags}
    result = Synchronized(
        out,
        found.reference,
        {n: lags[n].frames if n in lags else 0.0 for n in views.cameras},
        {n: lags[n].sd if n in lags else 0.0 for n in views.cameras},
        {n: lags[n].drift if n in lags else 0.0 for n in views.cameras},
        [drop._asdict() for drop in found.drops],
        (*read.remarks, *seen.remarks),
    )
    _write(animals, found.tau, out, progress)
    curves = {
        lag.view: {"offsets": lag.offsets.tolist(), "cost": lag.curve.tolist()}
        for lag in found.lags
    }
    told = {**result._asdict(), "out": str(out), "curves": curves}
    told |= {"provenance": provenance.record(stage="synchronize"), "settings": cfg.model_dump()}
    store.write_json(store.nulls(told), out / "lags.json")
    return result


def describe(values: dict[str, Any]) -> str:
    """Say how far every camera is out of step."""
    rows = [f"on the clock of {values['reference']}:"]
    for name, lag in values["lags"].items():
        if name == values["reference"]:
            continue
        drift = values["drift"][name]
        more = f", {drift * 1e4:+.2f} frames in 10,000" if drift else ""
        rows.append(f"  {name}: {lag:+.2f} frames (sd {values['sd'][name]:.3f}){more}")
    rows += [
        f"  {one['view']} lost {one['frames']} frame(s) near frame {one['frame']}"
        for one in values["dropped"]
    ]
    rows.append(f"poses in step: {values['out']}")
    return "\n".join(rows + [f"note: {remark}" for remark in values["remarks"]])


def _write(animals: dict[str, Views], tau: np.ndarray, out: Path, progress: Progress) -> None:
    """Write the poses of every camera, interpolated at the frames of the reference."""
    first = next(iter(animals.values()))
    moved = {
        name: synchronize.aligned(one.xy, np.nan_to_num(one.variance), tau)
        for name, one in animals.items()
    }
    for v, camera in enumerate(first.cameras):
        xy = np.stack([moved[name][0][:, v] for name in animals], axis=1)
        wide = np.stack([moved[name][1][:, v] for name in animals], axis=1)
        at = np.clip(np.rint(np.arange(len(tau)) + tau[:, v]), 0, len(tau) - 1).astype(int)
        sure = np.stack([one.confidence[at, v] for one in animals.values()], axis=1)
        sure = np.where(np.isfinite(xy).all(-1), sure, 0.0)
        steps = np.diff(first.times)
        made = core_poses.build(
            xy, sure, wide[..., None, None] * np.eye(2), first.times, first.skeleton,
            fps=float(1 / np.median(steps)) if len(steps) else 1.0, individuals=tuple(animals),
            attrs={"synchronized": True},
        )  # fmt: skip
        store.write_dataset(made, out / f"{camera}.nc")
        progress(Step("synchronize", v + 1, len(first.cameras), camera))
