"""Stage `synchronize`: how far cameras are out of step, and their 2D poses on one clock.

reads   poses         one 2D pose file a camera
        calibration   the rig
        timestamps    when each camera recorded its frames
        led           the brightness of a lamp that all cameras see, as tables or in videos
writes  out/CAMERA.nc        the poses of each camera, on the clock of the reference
        out/brightness.csv   of the lamp, where it was read from videos
        out/lags.json        lag, drift and lost frames of every camera, and the curves they
                             rest on

The best evidence that is given counts: times, else the lamp, else the poses with the
calibration, else how fast keypoints move.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core import poses as core_poses
from gambol.core.cameras import Camera, Rig
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.views import Views
from gambol.io import brightness, calibration, provenance, store
from gambol.io import poses as io_poses
from gambol.io import traces as io_traces
from gambol.io import views as io_views
from gambol.multiview import flashes, lags, stamps, synchronize, traces
from gambol.stages import individuals

MADE = "synchronize"  # `made_from` of our files
Method = Literal["best", "times", "lamp", "poses", "speed"]
_BY = {
    "times": "the times of the frames",
    "lamp": "a lamp that all see",
    "poses": "where rays of the poses meet",
    "speed": "how fast keypoints move: to half a frame, no lost frames",
}
_UNTOLD = 0.1  # share of the frames in which lost ones would not show, before it is remarked


class SynchronizeConfig(Config):
    """Settings of the stage."""

    method: Method = "best"  # of what is given: times, lamp, poses with calibration, speed
    reference: str = ""  # the camera whose clock counts; empty: the first of the rig
    search: lags.Search = lags.Search()
    animal: str | None = None  # which of several tells the lags; null: the first
    unseen: tuple[tuple[float, float], ...] = ()  # px; positions that mean: not seen
    fps: float | None = None  # where the 2D files do not know it


class Evidence(NamedTuple):
    """What tells the lags besides poses."""

    timestamps: Sequence[Path] = ()  # tables of times, or folders of them
    led: Sequence[Path] = ()  # tables of brightness
    led_video: Sequence[str] = ()  # CAMERA=VIDEO:x,y,width,height


class Synchronized(NamedTuple):
    """What was found."""

    out: Path
    reference: str
    method: str
    lags: dict[str, float]  # frames by which each camera is late at the first frame
    sd: dict[str, float]
    drift: dict[str, float]  # frames a frame
    dropped: list[dict[str, Any]]  # frames that cameras lost
    known: dict[str, tuple[int, int]]  # between these frames lost ones would show
    poses: bool  # whether there were any to put in step
    remarks: tuple[str, ...]


def run(
    cfg: SynchronizeConfig,
    sources: list[Path],
    rig_path: Path | None,
    out: Path,
    *,
    assign: Mapping[str, Path] | None = None,
    evidence: Evidence | None = None,
    progress: Progress = silent,
) -> Synchronized:
    """Find lags and write poses on one clock; lags that are not sure are refused.

    Args:
        cfg: settings.
        sources: 2D pose files, or folders of them.
        rig_path: the calibration; only `poses` needs one, else cameras are called by files.
        out: folder.
        assign: camera name to file, where names do not tell.
        evidence: times or a lamp.
        progress: told of every camera.
    """
    evidence = evidence or Evidence()
    rig, remarks = _rig(rig_path, sources, assign or {}, evidence)
    animals: dict[str, Views] = {}
    if sources or assign or not any(evidence):
        seen = io_views.read_views(sources, rig, assign, unseen=cfg.unseen, fps=cfg.fps)
        animals, remarks = dict(seen.animals), (*remarks, *seen.remarks)
        remarks += (individuals.BY_NAME,) * (len(animals) > 1)
        _spare([out / f"{name}.nc" for name in rig], sources, assign or {})
    method = _method(cfg.method, evidence, bool(animals), rig_path is not None)
    views = _chosen(animals, cfg.animal) if animals else None
    if method in ("times", "lamp"):
        known = _traces(method, evidence, rig, out, progress)
        names, table = _table(known, rig, views, method)
        found = (
            stamps.by_times(table, names, reference=cfg.reference)
            if method == "times"
            else flashes.by_flashes(table, names, cfg.search, reference=cfg.reference)
        )
    elif views is not None:
        names, found = views.cameras, _by_animal(method, views, rig, cfg)
    lags.check(found)
    if method in ("times", "lamp") and views is not None and rig_path is not None:
        remarks += _contradicted(found, _by_animal("poses", views, rig, cfg), names)
    remarks += _blind(found)
    result = _result(out, method, found, names, bool(animals), remarks)
    _write(animals, found, out, progress)
    curves = {
        lag.view: {"offsets": lag.offsets.tolist(), "cost": lag.curve.tolist()}
        for lag in found.lags
    }
    told = {**result._asdict(), "out": str(out), "curves": curves}
    told |= {"rivals": {lag.view: lag.rival for lag in found.lags}}
    told |= {"provenance": provenance.record(stage="synchronize"), "settings": cfg.model_dump()}
    store.write_json(store.nulls(told), out / "lags.json")
    return result


def describe(values: dict[str, Any]) -> str:
    """Say how far every camera is out of step."""
    rows = [f"on the clock of {values['reference']}, by {_BY[values['method']]}:"]
    for name, lag in values["lags"].items():
        if name == values["reference"]:
            continue
        drift = values["drift"][name]
        more = f", {drift * 1e4:+.2f} frames in 10,000" if drift else ""
        rows.append(f"  {name}: {lag:+.2f} frames (sd {values['sd'][name]:.3f}){more}")
    for one in values["dropped"]:
        first, last = one["span"]
        near = f"near frame {one['frame']}"
        where = near if first == last else f"{near} ({first} to {last})"
        rows.append(f"  {one['view']} lost {one['frames']} frame(s) {where}")
    rows.append(f"{'poses in step' if values['poses'] else 'lags'}: {values['out']}")
    return "\n".join(rows + [f"note: {remark}" for remark in values["remarks"]])


# ---- what is given ---------------------------------------------------------------------------


def _rig(
    path: Path | None, sources: list[Path], assign: Mapping[str, Path], evidence: Evidence
) -> tuple[Rig, tuple[str, ...]]:
    """Return the rig, or one of cameras called by their files, which says nothing but names."""
    if path is not None:
        read = calibration.load(path)
        return read.rig, tuple(read.remarks)
    names = [*assign, *(file.stem for file in io_views.files_in(sources))]
    if not names:
        names = [text.partition("=")[0] for text in evidence.led_video]
    if not names:
        files = io_traces.files_in([*evidence.timestamps, *evidence.led])
        alone = list(io_traces.read_table(files[0])) if len(files) == 1 else []
        names = alone if len(alone) > 1 else [file.stem for file in files]
    none = np.zeros(3)
    cameras = [Camera(name, np.eye(3), none, none) for name in dict.fromkeys(names)]
    return Rig(tuple(cameras)), ()


def _method(method: Method, evidence: Evidence, poses: bool, calibrated: bool) -> str:
    """Return the best method that what is given allows, or the one asked for."""
    given = {
        "times": bool(evidence.timestamps),
        "lamp": bool(evidence.led or evidence.led_video),
        "poses": poses and calibrated,
        "speed": poses,
    }
    if method == "best":
        return next(name for name, there in given.items() if there)
    if not given[method]:
        needs = {
            "times": "--timestamps",
            "lamp": "--led or --led-video",
            "poses": "2D poses and --calibration",
            "speed": "2D poses",
        }
        raise InputError(f"method {method} needs {needs[method]}; give them")
    return method


def _chosen(animals: dict[str, Views], name: str | None) -> Views:
    name = name or next(iter(animals))
    if name not in animals:
        raise InputError(f"no animal {name!r}; there are {', '.join(animals)}")
    if len(animals[name].cameras) < 2:
        raise InputError("only one camera has poses; two or more can be out of step")
    return animals[name]


def _traces(
    method: str, evidence: Evidence, rig: Rig, out: Path, progress: Progress
) -> dict[str, Float[np.ndarray, " T"]]:
    """Return the times or the brightness of every camera."""
    if method == "times":
        return io_traces.read(evidence.timestamps, rig)
    found = io_traces.read(evidence.led, rig)
    shown = {}
    for text in evidence.led_video:
        name, equals, place = text.partition("=")
        if not equals or name not in list(rig):
            raise InputError(
                f"--led-video {text}: write CAMERA=VIDEO:x,y,width,height, of {', '.join(rig)}"
            )
        video, rectangle = brightness.split(place)
        shown[name] = brightness.read(video, rectangle, partial(_told, progress, name))
    if shown:
        store.write_text(io_traces.table(shown), out / "brightness.csv")
    return found | shown


def _told(progress: Progress, name: str, done: int, total: int) -> None:
    progress(Step("lamp", done, total, name))


def _table(
    known: dict[str, Float[np.ndarray, " T"]], rig: Rig, views: Views | None, method: str
) -> tuple[tuple[str, ...], Float[np.ndarray, "T V"]]:
    """Put columns side by side, NaN after their ends."""
    names = views.cameras if views else tuple(name for name in rig if name in known)
    what = "times" if method == "times" else "brightness"
    missing = [name for name in names if name not in known]
    if missing:
        raise InputError(f"camera {missing[0]} has no {what}; give that of every camera")
    if len(names) < 2:
        raise InputError(f"only one camera has {what}; two or more can be out of step")
    frames = len(views.xy) if views else max(len(known[name]) for name in names)
    for name in names:
        if len(known[name]) > frames:
            raise InputError(
                f"camera {name} has {what} of {len(known[name])} frames, but its poses have "
                f"{frames}; give those of the same recording"
            )
    columns = [
        np.pad(known[n], (0, frames - len(known[n])), constant_values=np.nan) for n in names
    ]
    return names, np.stack(columns, axis=1)


# ---- what it tells ---------------------------------------------------------------------------


def _by_animal(
    method: str, views: Views, rig: Rig, cfg: SynchronizeConfig
) -> lags.Synchronized:
    if method == "speed":
        return traces.by_speed(views.xy, views.cameras, cfg.search, reference=cfg.reference)
    params = rig.select(list(views.cameras)).params()
    return synchronize.synchronize(
        views.xy, params, views.cameras, cfg.search, reference=cfg.reference
    )


def _contradicted(
    found: lags.Synchronized, poses: lags.Synchronized, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Remark where poses, in frames that tell, are sure of another lag."""
    out = []
    for lag, other in zip(found.lags, poses.lags, strict=True):
        v = names.index(lag.view)
        frames = slice(other.known[0], other.known[1] + 1)
        off = float(np.median((poses.tau - found.tau)[frames, v]))
        if not other.refused and abs(off) > max(0.5, 3 * np.hypot(lag.sd, other.sd)):
            out.append(
                f"camera {lag.view}: by its poses it is {off:+.2f} frames later than that; is "
                "the evidence of this recording?"
            )
    return tuple(out)


def _blind(found: lags.Synchronized) -> tuple[str, ...]:
    """Remark where lost frames would not show."""
    notes = []
    for lag in found.lags:
        first, last = lag.known
        if first == last:
            notes.append(f"camera {lag.view}: lost frames would not show anywhere")
        elif last - first < (1 - _UNTOLD) * len(found.tau):
            notes.append(
                f"camera {lag.view}: frames lost before frame {first} or after frame {last} "
                "would not show"
            )
    return tuple(notes)


def _spare(targets: list[Path], sources: list[Path], assign: Mapping[str, Path]) -> None:
    """Refuse to write over poses that are read, or that were not made here."""
    read = {path.resolve() for path in (*io_views.files_in(sources), *assign.values())}
    for path in targets:
        if path.resolve() in read:
            raise InputError(f"{path} is read and would be written over; choose another --out")
        if path.exists() and io_poses.made_from(path) != MADE:
            raise InputError(
                f"{path} exists and was not made by gambol synchronize; choose another --out"
            )


def _result(
    out: Path,
    method: str,
    found: lags.Synchronized,
    names: tuple[str, ...],
    poses: bool,
    remarks: tuple[str, ...],
) -> Synchronized:
    told = {lag.view: lag for lag in found.lags}
    return Synchronized(
        out,
        found.reference,
        method,
        {n: told[n].frames if n in told else 0.0 for n in names},
        {n: told[n].sd if n in told else 0.0 for n in names},
        {n: told[n].drift if n in told else 0.0 for n in names},
        [drop._asdict() for drop in found.drops],
        {n: lag.known for n, lag in told.items()},
        poses,
        remarks,
    )


def _write(
    animals: dict[str, Views], found: lags.Synchronized, out: Path, progress: Progress
) -> None:
    """Write the poses of every camera, interpolated at the frames of the reference."""
    if not animals:
        return
    first = next(iter(animals.values()))
    tau, doubt = found.tau, lags.doubt(found, first.cameras)
    moved = {
        name: synchronize.aligned(one.xy, np.nan_to_num(one.variance), tau, doubt)
        for name, one in animals.items()
    }
    for v, camera in enumerate(first.cameras):
        xy = np.stack([moved[name][0][:, v] for name in animals], axis=1)
        wide = np.stack([moved[name][1][:, v] for name in animals], axis=1)
        at = np.clip(np.rint(np.arange(len(tau)) + tau[:, v]), 0, len(tau) - 1).astype(int)
        sure = np.stack([one.confidence[at, v] for one in animals.values()], axis=1)
        sure = np.where(np.isfinite(xy).all(-1), sure, 0.0)
        made = core_poses.build(
            xy, sure, wide[..., None, None] * np.eye(2), first.times, first.skeleton,
            fps=core_poses.rate(first.times), individuals=tuple(animals),
            attrs={"synchronized": True, "made_from": MADE},
        )  # fmt: skip
        store.write_dataset(made, out / f"{camera}.nc")
        progress(Step("synchronize", v + 1, len(first.cameras), camera))
