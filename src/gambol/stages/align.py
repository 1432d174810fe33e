"""Stage `rig align`: a calibration in a world that people mean, by what is known of it.

reads   calibration   any format of `io.calibration`
        poses         3D poses made with it: their feet, or keypoints whose places are known
writes  out           the calibration in the new axes (.toml)
        moved         optional: the poses in the new axes
"""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from pydantic import PositiveFloat

from gambol.core import poses as core_poses
from gambol.core.cameras import Rig
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.io import calibration, store
from gambol.io import poses as io_poses
from gambol.multiview import align
from gambol.multiview.reconstruct import fingerprint
from gambol.stages import matching

Point = tuple[float, float, float]


class AlignConfig(Config):
    """What is known of the world: one of gravity, feet and points, and perhaps a length."""

    gravity: Point | None = None  # where things fall, in the calibration's axes
    feet: tuple[str, ...] = ()  # keypoints whose lowest places are the floor
    points: dict[str, Point] = {}  # three keypoints or more that stay at known places
    length: tuple[str, str, PositiveFloat] | None = None  # two keypoints, how far apart
    units: Literal["mm", "um", "cm", "m"] | None = None  # of the new world


class Aligned(NamedTuple):
    """What was made."""

    calibration: Path
    poses: Path | None
    origin: str
    scale: float  # new units an old one
    error: float  # of what was fitted, new units
    units: str


def run(
    cfg: AlignConfig,
    path: Path,
    out: Path,
    *,
    poses: Path | None = None,
    moved: Path | None = None,
) -> Aligned:
    """Move a rig, and poses if they are to be.

    Args:
        cfg: what is known.
        path: the calibration.
        out: the calibration in the new axes (.toml).
        poses: 3D poses made with it.
        moved: file for the poses in the new axes (.nc).
    """
    if sum((cfg.gravity is not None, bool(cfg.feet), bool(cfg.points))) != 1:
        raise InputError(
            'say one of gravity, feet and points, such as --set "feet=[left_paw,right_paw]"'
        )
    if poses is None and (cfg.feet or cfg.points or cfg.length or moved):
        raise InputError(
            "feet, points and lengths are found in 3D poses; give them with --poses"
        )
    if out.suffix != ".toml":
        raise InputError(f"{out} is no calibration; let its name end in .toml")
    for target, source in ((out, path), (moved, poses)):
        if target is not None and source is not None and target.resolve() == source.resolve():
            raise InputError(f"{target} would be written over itself; choose another name")
    rig = calibration.read(path)
    made = None if poses is None else _poses(poses, rig)
    way = _way(cfg, rig, made)
    if cfg.length is not None and made is not None:
        way = _scaled(way, *cfg.length, made)
    units = cfg.units or (rig.units if way.scale == 1 else "unknown")
    turned = way.rig(rig, units)
    calibration.write(turned, out)
    if moved is not None and made is not None:
        store.write_dataset(_moved(made, way, turned), moved)
    return Aligned(out, moved, way.origin, way.scale, way.error, units)


def describe(values: dict[str, Any]) -> str:
    """Say where the axes are now."""
    scale = "" if values["scale"] == 1 else f", lengths times {values['scale']:.6g}"
    rows = [f"{values['calibration']}: axes by {values['origin']}{scale}"]
    rows.append(f"what was fitted is {values['error']:.3g} {values['units']} off")
    return "\n".join([*rows, *([f"poses: {values['poses']}"] if values["poses"] else [])])


def _poses(path: Path, rig: Rig) -> xr.Dataset:
    if matching.kind(store.require_file(path)) != "poses3d":
        raise InputError(f"{path} holds no 3D poses; give a file of gambol triangulate")
    made = io_poses.read(path)
    names = [str(name) for name in made["view"].values] if "view" in made else []
    if names and made.attrs.get("rig") != fingerprint(rig.select(names)):
        raise InputError(f"{path} was made with another calibration; triangulate it again")
    return made


def _way(cfg: AlignConfig, rig: Rig, made: xr.Dataset | None) -> align.Transform:
    if cfg.gravity is not None:
        return align.by_gravity(np.array(cfg.gravity))
    assert made is not None
    if cfg.feet:
        return align.by_feet(rig, np.concatenate([_of(made, name) for name in cfg.feet]))
    found = {name: np.nanmedian(_of(made, name), axis=0) for name in cfg.points}
    known = {name: np.array(place) for name, place in cfg.points.items()}
    return align.by_points(found, known)


def _of(made: xr.Dataset, name: str) -> np.ndarray:
    """All places of a keypoint, (T·N, 3)."""
    names = [str(one) for one in made["keypoints"].values]
    if name not in names:
        raise InputError(f"the poses have no keypoint {name!r}; they have {', '.join(names)}")
    return core_poses.xy(made)[:, :, names.index(name)].reshape(-1, 3).astype(float)


def _scaled(
    way: align.Transform, first: str, second: str, length: float, made: xr.Dataset
) -> align.Transform:
    """Make two keypoints that far apart, in the median."""
    apart = np.linalg.norm(_of(made, first) - _of(made, second), axis=-1)
    usual = float(np.nanmedian(apart))
    if not usual > 0:
        raise InputError(f"{first} and {second} are nowhere apart; name two other keypoints")
    more = length / (usual * way.scale)
    return way._replace(
        scale=way.scale * more, shift=way.shift * more, error=way.error * more,
        origin=f"{way.origin}, {first} to {second} {length:g}",
    )  # fmt: skip


def _moved(made: xr.Dataset, way: align.Transform, rig: Rig) -> xr.Dataset:
    xyz = way.points(core_poses.xy(made).astype(float))
    spread = way.covariances(core_poses.covariance(made).astype(float))
    out = made.copy()
    out["position"] = (core_poses.DIMS, np.moveaxis(xyz, (1, 2, 3), (3, 2, 1)))
    out["covariance"] = (
        core_poses.COVARIANCE_DIMS, np.moveaxis(spread, (1, 2, 3, 4), (4, 3, 1, 2)),
    )  # fmt: skip
    if "heading" in out:  # it counts from axes that are no more
        out = out.drop_vars("heading")
    out.attrs |= {
        "units": rig.units, "space_unit": rig.units, "up": json.dumps(list(rig.up)),
        "calibration": calibration.text(rig), "rig": fingerprint(rig),
    }  # fmt: skip
    return out
