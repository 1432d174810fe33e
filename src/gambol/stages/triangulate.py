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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from pydantic import Field, PositiveInt

import gambol
from gambol.core import poses as core_poses
from gambol.core.cameras import Rig
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.shares import Share
from gambol.io import calibration, poses_pieces, provenance, store, views_kept
from gambol.io import pose_prior as io_prior
from gambol.io import poses as io_poses
from gambol.io import views as io_views
from gambol.multiview import associate, filters, finishing, reconstruct
from gambol.multiview.finishing import Touches
from gambol.multiview.pose_prior import PosePrior
from gambol.multiview.tiers import auto, base, gimbal
from gambol.multiview.tiers.base import tiers
from gambol.stages import individuals, triangulate_pieces, triangulate_views
from gambol.stages.triangulate_pieces import Work

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
    filter_2d: Literal["median", "viterbi"] | None = None
    # of each camera's points by themselves: a median with gaps bridged, or the path over
    # candidate peaks that scores and steps of some 30 px make the cheapest
    median_2d: PositiveInt = 13  # frames; odd window of that median
    median_3d: PositiveInt | None = None  # frames; odd window of a median over 3D points last
    max_gap: PositiveInt | None = None
    # frames; what no view saw for longer becomes missing; null: the tier's guess stays
    min_views: int = Field(default=0, ge=0)  # points that fewer views saw become missing
    piece: PositiveInt = 10_000
    # frames solved together and learned from; half a gigabyte for 20 keypoints in 6 views


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
    outliers: float  # share of observations that are none of their point, or alone
    remarks: tuple[str, ...]


class _Asked(NamedTuple):
    """What a recording is made of, and where it goes."""

    sources: list[Path]
    rig: Path
    out: Path
    prior: Path | None
    skeleton: Path | None
    assign: Mapping[str, Path]

    def files(self) -> list[Path]:
        return [*io_views.files_in(self.sources), *self.assign.values()]

    def inputs(self) -> list[Path]:
        more = (path for path in (self.prior, self.skeleton) if path is not None)
        return [*self.files(), self.rig, *more]


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
        progress: told of frames, those of all animals together.
    """
    asked = _Asked(sources, rig_path, out, prior, skeleton, assign or {})
    key = _checked(cfg, asked)
    if _is_made(out, key):
        progress(Step("triangulate", 1, 1, out.name))
        return summary(out)
    store.remove_partials([out])
    progress = _naming(progress, out.name)
    work = _opened(cfg, asked, key, progress)
    if work is not None:
        pieces = work.pieces(out, key)
        triangulate_pieces.solve(work, pieces, progress)
        triangulate_pieces.join(work, pieces, _touches(cfg), progress)
        pieces.remove()
    return summary(out)


def solve(
    cfg: TriangulateConfig,
    sources: list[Path],
    rig_path: Path,
    out: Path,
    share: Share,
    *,
    prior: Path | None = None,
    skeleton: Path | None = None,
    assign: Mapping[str, Path] | None = None,
    progress: Progress = silent,
) -> Path | None:
    """Do a share of the pieces of one recording, and leave them for `run` to join.

    A recording of one piece is left to `run`, too.

    Args:
        cfg: settings.
        sources: 2D pose files, or folders of them, that are given to cameras by their names.
        rig_path: the calibration.
        out: the 3D pose file (.nc) that `run` will write.
        share: which pieces.
        prior: pose prior for the tier `gimbal`.
        skeleton: a YAML file with bones.
        assign: camera name to file, where names do not tell.
        progress: told of frames, those of all animals together.

    Returns:
        The folder of the pieces; None where there is nothing to be done.
    """
    asked = _Asked(sources, rig_path, out, prior, skeleton, assign or {})
    key = _checked(cfg, asked)
    progress = _naming(progress, out.name)
    work = None if _is_made(out, key) else _opened(cfg, asked, key, progress, small=False)
    if work is None:
        return None
    pieces = work.pieces(out, key)
    triangulate_pieces.solve(work, pieces, progress, share)
    return pieces.folder


def _checked(cfg: TriangulateConfig, asked: _Asked) -> str:
    """Refuse a result that is no pose file; return the hash of what it is made from."""
    if asked.out.suffix != ".nc":
        raise InputError(f"{asked.out} is no pose file; let its name end in .nc")
    return _key(cfg, asked.inputs())


def _is_made(out: Path, key: str) -> bool:
    return out.exists() and _made_from(out) == key


def _opened(
    cfg: TriangulateConfig, asked: _Asked, key: str, progress: Progress, small: bool = True
) -> Work | None:
    """Make a long recording ready on disk.

    A short one, which fits into memory, becomes its result; not without `small`.
    """
    read, out = calibration.load(asked.rig), asked.out
    tier = _tier(cfg, asked.prior)
    told = {
        "tier": cfg.tier.kind,
        "made_from": key,
        "settings": cfg.model_dump(mode="json"),
        "calibration_file": str(asked.rig.resolve()),
        "calibration": calibration.text(read.rig),
        "view_files": _networks(asked.sources, read.rig)
        if cfg.ensemble
        else _files(asked.files(), asked.assign, read.rig),
        "provenance": provenance.record(
            stage="triangulate", inputs={str(p): _hash(p) for p in asked.inputs()}
        ),
    }
    kept = views_kept.opened(folder) if (folder := poses_pieces.found(out, key)) else None
    if kept is None:
        sight = triangulate_views.open_sight(
            asked.sources, read.rig, asked.assign, unseen=cfg.unseen, fps=cfg.fps,
            ensemble=cfg.ensemble, skeleton=asked.skeleton, scratch=out.parent,
        )  # fmt: skip
        matching = _matching(cfg, sight, read.rig)
        if sight.frames <= cfg.piece:
            if small:
                _whole(cfg, sight, matching, read, tier, told, out, progress)
            return None
        folder = poses_pieces.folder_of(out, key)
        kept = triangulate_views.keep(sight, matching, _filter(cfg), folder, progress)
    told["remarks"] = [*read.remarks, *kept.remarks]
    return Work(kept, read.rig, tier, cfg.piece, core_poses.rate(kept.times), told)


def _whole(
    cfg: TriangulateConfig,
    sight: triangulate_views.Sight,
    matching: individuals.Matching,
    read: calibration.Read,
    tier: base.Tier,
    told: dict[str, Any],
    out: Path,
    progress: Progress,
) -> None:
    """Reconstruct a recording that fits into memory."""
    (found,) = triangulate_views.ready(matching, _filter(cfg))
    remarks = [*read.remarks, *sight.remarks(), *matching.told()]
    made = reconstruct.reconstruct(
        dict(zip(matching.names(), found, strict=True)),
        read.rig,
        tier,
        fps=core_poses.rate(sight.times),
        progress=progress,
        attrs={**told, "remarks": remarks},
    )
    store.write_dataset(finishing.finished(_touches(cfg), made), out)
    poses_pieces.forget(out)


def _matching(
    cfg: TriangulateConfig, sight: triangulate_views.Sight, rig: Rig
) -> individuals.Matching:
    """Who is who, in parts that memory holds."""
    size = max(sight.frames, 1) if sight.frames <= cfg.piece else triangulate_views.READ
    return individuals.Matching(
        cfg.match,
        cfg.crowd,
        lambda: sight.parts(size),
        sight.animals,
        reconstruct.cameras(rig, sight.cameras).params(),
        sight.skeleton,
    )


def _filter(cfg: TriangulateConfig) -> triangulate_views.Filter | None:
    """What is done to 2D points first."""
    return filters.of_kind(cfg.filter_2d, cfg.median_2d)


def _touches(cfg: TriangulateConfig) -> Touches:
    return Touches(cfg.median_3d, cfg.max_gap, cfg.min_views)


def summary(path: Path) -> Triangulated:
    """Say what a file of 3D poses holds."""
    names = ("position", "outlier_probability", "reprojection_error")
    frames = points = placed = 0
    wrong, seen = 0.0, 0
    for made in poses_pieces.blocks(path, names):
        there = np.isfinite(core_poses.xy(made)).all(-1)
        frames, points = frames + len(there), points + there.size
        placed += int(there.sum())
        doubt = made["outlier_probability"].values
        wrong, seen = wrong + float(np.nansum(doubt)), seen + int(np.isfinite(doubt).sum())
    return Triangulated(
        path,
        frames,
        tuple(str(name) for name in made["view"].values),
        tuple(str(name) for name in made["individuals"].values),
        _chosen(made),
        str(made.attrs["units"]),
        placed / points if points else 0.0,
        _median(path, "reprojection_error"),
        wrong / seen if seen else float("nan"),
        tuple(json.loads(made.attrs["remarks"])),
    )


def _median(path: Path, name: str) -> float:
    """The median of a variable that is not negative, without all of it in memory.

    Bits of such numbers are in the order of the numbers: the upper half is counted first, then
    the lower half of those in the middle.
    """

    def bits() -> Iterator[np.ndarray]:
        for made in poses_pieces.blocks(path, (name,)):
            values = made[name].values.astype(np.float32).ravel()
            yield values[np.isfinite(values)].view(np.uint32)

    upper = np.zeros(1 << 16, np.int64)
    for some in bits():
        upper += np.bincount(some >> 16, minlength=1 << 16)
    total = int(upper.sum())
    if not total:
        return float("nan")
    ranks = np.array([(total - 1) // 2, total // 2])  # the two in the middle
    below = np.cumsum(upper)
    high = np.searchsorted(below, ranks, side="right")
    lower = np.zeros((2, 1 << 16), np.int64)
    for some in bits():
        for k in range(2):
            inside = some[some >> 16 == high[k]] & 0xFFFF
            lower[k] += np.bincount(inside, minlength=1 << 16)
    ranks -= below[high] - upper[high]
    low = [np.searchsorted(np.cumsum(lower[k]), ranks[k], side="right") for k in range(2)]
    middle = ((high << 16) + low).astype(np.uint32).view(np.float32)
    return float(middle.mean())


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
        "left out",
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


def _tier(cfg: TriangulateConfig, prior: Path | None) -> base.Learner:
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


def _naming(progress: Progress, name: str) -> Progress:
    """Tell of a tier's steps under the name of the file."""
    return lambda step: progress(step._replace(item=name))


def _files(files: list[Path], assign: Mapping[str, Path] | None, rig: Rig) -> dict[str, str]:
    """Which file each camera's points came from."""
    named = {name: path for name, path in (assign or {}).items()}
    own = io_views.matched([f for f in files if f not in named.values()], rig)
    return {name: str(path.resolve()) for name, path in {**own, **named}.items()}


def _networks(sources: list[Path], rig: Rig) -> dict[str, list[str]]:
    """Which files each camera's points came from, one a network."""
    each = [_files(io_views.files_in([source]), None, rig) for source in sources]
    return {name: [one[name] for one in each if name in one] for name in each[0]}


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
