"""Stage `triangulate`: 2D poses of several cameras and a calibration to 3D poses.

reads   poses         one 2D pose file a camera: of `gambol predict` or `track`, SLEAP,
                      DeepLabCut
        calibration   a rig, in any format of `io.calibration`
        prior         optional: a pose prior of `gambol fit-pose-prior`
        skeleton      optional: bones, where the 2D files know none
writes  out           3D poses with covariance, and what became of every view's observations
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool
from pydantic import Field, PositiveInt

import gambol
from gambol.core import poses as core_poses
from gambol.core.cameras import Rig
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.skeleton import Skeleton
from gambol.core.views import Views
from gambol.io import calibration, provenance, store
from gambol.io import pose_prior as io_prior
from gambol.io import poses as io_poses
from gambol.io import views as io_views
from gambol.io.skeleton_file import read_skeleton
from gambol.multiview import associate, filters, reconstruct
from gambol.multiview.pose_prior import PosePrior
from gambol.multiview.tiers import auto, base, gimbal
from gambol.multiview.tiers.base import tiers
from gambol.stages import individuals

MADE = "triangulate "  # how `made_from` of our files begins


class TriangulateConfig(Config):
    """Settings of the stage."""

    tier: base.TierSpec = auto.Auto()
    match: individuals.Match = "auto"
    # who is who in the other views: by name, track by track or frame by frame by where rays
    # meet; auto: frame by frame if there are several animals, as tracks may exchange names
    crowd: associate.Associate = associate.Associate()  # how that is found
    unseen: tuple[tuple[float, float], ...] = ()  # px; positions that mean: not seen
    fps: float | None = Field(default=None, gt=0)  # where the 2D files do not know it
    ensemble: bool = (
        False  # every folder given holds one network's poses: their mean and spread
    )
    median_2d: PositiveInt | None = None  # frames; odd window of a median over 2D points first
    median_3d: PositiveInt | None = None  # frames; odd window of a median over 3D points last
    max_gap: PositiveInt | None = None
    # frames; what no view saw for longer becomes missing; null: the tier's guess stays
    min_views: int = Field(default=0, ge=0)  # points that fewer views saw become missing


class Triangulated(NamedTuple):
    """What was made."""

    poses: Path
    frames: int
    cameras: tuple[str, ...]
    individuals: tuple[str, ...]
    tier: str
    units: str
    found: float  # share of keypoints that have a position
    reprojection_px: float  # median distance of an observation from its point
    outliers: float  # share of observations that are none of their point
    remarks: tuple[str, ...]


def run(
    cfg: TriangulateConfig,
    sources: list[Path],
    rig_path: Path,
    out: Path,
    *,
    prior: Path | None = None,
    skeleton: Path | None = None,
    assign: Mapping[str, Path] | None = None,
    progress: Progress = silent,
) -> Triangulated:
    """Reconstruct one recording, unless `out` was made from just this.

    Args:
        cfg: settings.
        sources: 2D pose files, or folders of them, that are given to cameras by their names.
        rig_path: the calibration.
        out: the 3D pose file (.nc).
        prior: pose prior for the tier `gimbal`.
        skeleton: a YAML file with bones.
        assign: camera name to file, where names do not tell.
        progress: told of every animal.
    """
    if out.suffix != ".nc":
        raise InputError(f"{out} is no pose file; let its name end in .nc")
    files = [*io_views.files_in(sources), *(assign or {}).values()]
    inputs = [*files, rig_path, *(p for p in (prior, skeleton) if p is not None)]
    key = _key(cfg, inputs)
    if out.exists() and _made_from(out) == key:
        progress(Step("triangulate", 1, 1, out.name))
        return summary(out, io_poses.read(out))
    read = calibration.load(rig_path)
    seen, views = _seen(cfg, sources, read.rig, assign)
    if skeleton is not None:
        views = _hung(views, read_skeleton(skeleton), skeleton)
    views, told = individuals.match(cfg.match, cfg.crowd, views, read.rig)
    if cfg.median_2d is not None:
        views = {n: filters.median_2d(v, cfg.median_2d) for n, v in views.items()}
    made = reconstruct.reconstruct(
        views,
        read.rig,
        _tier(cfg, prior),
        fps=_rate(next(iter(views.values()))),
        progress=_counting(progress, out.name, len(views)),
        attrs={
            "tier": cfg.tier.kind,
            "remarks": [*read.remarks, *seen.remarks, *told],
            "made_from": key,
            "settings": cfg.model_dump(mode="json"),
            "calibration_file": str(rig_path.resolve()),
            "calibration": calibration.text(read.rig),
            "view_files": {} if cfg.ensemble else _files(files, assign, read.rig),
            "provenance": provenance.record(
                stage="triangulate", inputs={str(p): _hash(p) for p in inputs}
            ),
        },
    )
    made = _finished(cfg, made)
    store.write_dataset(made, out)
    return summary(out, made)


def _seen(
    cfg: TriangulateConfig, sources: list[Path], rig: Rig, assign: Mapping[str, Path] | None
) -> tuple[io_views.Seen, dict[str, Views]]:
    """Read what the cameras saw: by one network, or by several as one."""
    if not cfg.ensemble:
        seen = io_views.read_views(sources, rig, assign, unseen=cfg.unseen, fps=cfg.fps)
        return seen, dict(seen.animals)
    if len(sources) < 2 or assign or not all(source.is_dir() for source in sources):
        raise InputError("ensemble: give two folders or more, each with one network's poses")
    members = [
        io_views.read_views([source], rig, unseen=cfg.unseen, fps=cfg.fps) for source in sources
    ]
    every = [dict(member.animals) for member in members]
    for source, one in zip(sources, every, strict=True):
        if set(one) != set(every[0]):
            raise InputError(
                f"{source} knows the animals {', '.join(one)}, {sources[0]} "
                f"{', '.join(every[0])}; an ensemble needs the same"
            )
    joined = {name: filters.ensemble([one[name] for one in every]) for name in every[0]}
    return members[0]._replace(animals=list(joined.items())), joined


def summary(path: Path, made: xr.Dataset) -> Triangulated:
    """Say what a file of 3D poses holds."""
    placed = np.isfinite(core_poses.xy(made)).all(-1)
    wrong = made["outlier_probability"].values
    far = made["reprojection_error"].values
    return Triangulated(
        path,
        made.sizes["time"],
        tuple(str(name) for name in made["view"].values),
        tuple(str(name) for name in made["individuals"].values),
        _chosen(made),
        str(made.attrs["units"]),
        float(placed.mean()) if placed.size else 0.0,
        _over(far, np.median),
        _over(wrong, np.mean),
        tuple(json.loads(made.attrs["remarks"])),
    )


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what became of the recording."""
    units = values["units"]
    rows = [
        f"{values['poses']}: {len(values['individuals'])} animals in {values['frames']} frames "
        f"from {len(values['cameras'])} cameras by the tier {values['tier']}"
        if len(values["individuals"]) > 1
        else f"{values['poses']}: {values['frames']} frames from {len(values['cameras'])} "
        f"cameras by the tier {values['tier']}",
        f"{values['found']:.1%} of the keypoints have a position; median reprojection error "
        f"{values['reprojection_px']:.2f} px; {values['outliers']:.1%} of the observations "
        "taken for wrong",
        "the calibration does not say its unit, so lengths have none"
        if units == "unknown"
        else f"lengths in {units}",
    ]
    return "\n".join(rows + [f"note: {remark}" for remark in values["remarks"]])


def _chosen(made: xr.Dataset) -> str:
    """The tier, and which one `auto` took for each animal."""
    kind = str(made.attrs["tier"])
    taken = {str(one["tier"]) for one in reconstruct.learned(made).values() if "tier" in one}
    return f"{kind} ({', '.join(sorted(taken))})" if taken else kind


def _over(values: np.ndarray, statistic: Any) -> float:
    known = values[np.isfinite(values)]
    return float(statistic(known)) if len(known) else float("nan")


def _tier(cfg: TriangulateConfig, prior: Path | None) -> base.Tier:
    if prior is None:
        return tiers.build(cfg.tier)
    if isinstance(cfg.tier, auto.Auto):
        return auto.with_prior(cfg.tier, _prior(prior))
    if not isinstance(cfg.tier, gimbal.Gimbal):
        raise InputError(
            f"{prior}: the tier {cfg.tier.kind} takes no pose prior; use --tier gimbal"
        )
    return gimbal.with_prior(cfg.tier, _prior(prior))


def _prior(path: Path) -> PosePrior:
    return PosePrior(**io_prior.read(path))


def _hung(views: dict[str, Views], bones: Skeleton, path: Path) -> dict[str, Views]:
    """Give the views the skeleton of a file, keypoints in its order."""
    known = next(iter(views.values())).skeleton.keypoints
    if lost := [name for name in bones.keypoints if name not in known]:
        raise InputError(
            f"{path}: the 2D poses have no keypoint {lost[0]!r}; they have {', '.join(known)}"
        )
    place = [known.index(name) for name in bones.keypoints]
    return {
        name: one._replace(
            xy=one.xy[:, :, place],
            confidence=one.confidence[:, :, place],
            variance=one.variance[:, :, place],
            skeleton=bones,
        )
        for name, one in views.items()
    }


def _finished(cfg: TriangulateConfig, made: xr.Dataset) -> xr.Dataset:
    """Smooth and blank what the settings ask for; a blanked point has no confidence."""
    xyz = core_poses.xy(made).copy()
    seen = core_poses.points(made, "n_views")
    if cfg.median_3d is not None:
        far = (
            made["reprojection_error"]
            .mean("view")
            .transpose("time", "individuals", "keypoints")
            .values
        )
        for i in range(xyz.shape[1]):
            xyz[:, i] = filters.median_3d(
                xyz[:, i], np.asarray(far[:, i], float), cfg.median_3d
            )
    lost = seen < cfg.min_views
    if cfg.max_gap is not None:
        lost |= _long_gaps(seen <= 0, cfg.max_gap)
    xyz[lost] = np.nan
    gone = ~np.isfinite(xyz).all(-1)
    made["position"] = (core_poses.DIMS, np.moveaxis(xyz, (1, 2, 3), (3, 2, 1)))
    sure = np.where(gone, 0.0, core_poses.points(made, "confidence"))
    made["confidence"] = (core_poses.POINT_DIMS, np.swapaxes(sure, 1, 2))
    return made


def _long_gaps(unseen: Bool[np.ndarray, "T N J"], most: int) -> Bool[np.ndarray, "T N J"]:
    """Tell which frames lie in runs of unseen ones that are longer than `most`."""
    out = np.zeros_like(unseen)
    for place in np.ndindex(unseen.shape[1:]):
        track = np.concatenate([[False], unseen[(slice(None), *place)], [False]])
        begins, ends = (np.flatnonzero(np.diff(track.astype(int)) == way) for way in (1, -1))
        for begin, end in zip(begins, ends, strict=True):
            out[(slice(begin, end), *place)] = end - begin > most
    return out


def _rate(views: Views) -> float:
    steps = np.diff(views.times)
    return float(1 / np.median(steps)) if len(steps) else 1.0


def _counting(progress: Progress, name: str, animals: int) -> Progress:
    """Tell of a tier's steps under the name of the file."""
    return lambda step: progress(Step("triangulate", step.done, step.total * animals, name))


def _files(files: list[Path], assign: Mapping[str, Path] | None, rig: Rig) -> dict[str, str]:
    """Which file each camera's points came from."""
    named = {name: path for name, path in (assign or {}).items()}
    own = io_views.matched([f for f in files if f not in named.values()], rig)
    return {name: str(path.resolve()) for name, path in {**own, **named}.items()}


def _made_from(out: Path) -> str:
    """What our file was made from; a foreign file is not written over."""
    told = io_poses.made_from(out)
    if told is None or not told.startswith(MADE):
        raise InputError(f"{out} exists and holds no 3D poses of gambol; choose another --out")
    return told


def _hash(path: Path) -> str:
    """Of a file, or of all files of a folder."""
    if not path.is_dir():
        return store.file_hash(path)
    parts = [store.file_hash(file) for file in sorted(path.rglob("*")) if file.is_file()]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _key(cfg: TriangulateConfig, inputs: list[Path]) -> str:
    parts = [gambol.__version__, cfg.fingerprint(), *map(_hash, inputs), *map(str, inputs)]
    return MADE + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
