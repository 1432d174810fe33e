"""Stage `evaluate`, 3D poses: distances to a truth, in its units, raw and after alignment.

Called by `stages.evaluate`. Returns values, writes nothing.
"""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.io import poses as io_poses
from gambol.io import store
from gambol.multiview import metrics
from gambol.stages import matching


def of_poses(result: Path, truth: Path, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """Score 3D poses against others of the same frames, keypoints and individuals.

    Args:
        result: a 3D pose file.
        truth: another one, such as motion capture or the truth of a simulation.
        skip: keypoints whose distances do not count; alignment still uses them.
    """
    whole = io_poses.read(result)
    made, true = _shared(result, whole, truth, skip)
    both = tuple(str(name) for name in made["keypoints"].values)
    who = _pairs(result, made, truth, true)
    each = [_of(made, mine) for mine, _ in who]
    xyz = np.concatenate(each)
    goals = [_of(true, theirs) for _, theirs in who]
    goal = np.concatenate(goals)
    counted = np.array([name not in skip for name in both])
    scores = metrics.distances(xyz, goal, both, score=counted)
    covariance = np.concatenate(
        [core_poses.covariance(made.sel(individuals=[mine]))[:, 0] for mine, _ in who]
    )
    inside = metrics.coverage(
        xyz[:, counted], np.asarray(covariance[:, counted], float), goal[:, counted]
    )
    return {
        "part": "poses in 3D",
        "units": _units(result, made, truth, true),
        "frames": made.sizes["time"],
        "n": scores.n,
        "n_missing": scores.missing,
        "mpe": scores.mpe,
        "median": scores.median,
        "p95": scores.p95,
        "mpe_rpa": scores.mpe_rpa,
        "mean_of_keypoints": scores.mean_of_keypoints,
        "intervals": {
            "mpe": list(scores.mpe_interval),
            "mpe_rpa": list(scores.mpe_rpa_interval),
        },
        "coverage50": inside[0.5],
        "coverage95": inside[0.95],
        "jitter": _jitter(each, float(made.attrs.get("fps", 1.0))),
        "bones": _bones(xyz, whole) if len(both) == whole.sizes["keypoints"] else {},
        "keypoints": {
            name: {"mpe": far, "mpe_rpa": scores.keypoints_rpa[name]}
            for name, far in scores.keypoints.items()
        },
        "skipped": list(skip),
        **_whoever(np.stack(each), np.stack(goals), counted),
    }


def errors(result: Path, truth: Path) -> Float[np.ndarray, "M J"]:
    """Return how far keypoints are from those of the nearest animal, whoever it is.

    A row is an animal of the truth in a frame; infinite where nothing was found, NaN where the
    truth has nothing.
    """
    made, true = _shared(result, io_poses.read(result), truth, ())
    xyz, goal = (
        np.stack([_of(poses, str(name)) for name in poses["individuals"].values])
        for poses in (made, true)
    )
    far = np.linalg.norm(xyz[:, None] - goal[None], axis=-1)  # (A, N, T, J)
    found = np.full(goal.shape[:3], np.inf)
    for t, (rows, columns) in enumerate(_nearest(far)):
        found[columns, t] = far[rows, columns, t]
    known = np.isfinite(goal).all(axis=-1)
    found = np.where(known, np.where(np.isfinite(found), found, np.inf), np.nan)
    return found.transpose(1, 0, 2).reshape(-1, goal.shape[2])


def _nearest(
    far: Float[np.ndarray, "A N T J"],
) -> list[tuple[Int[np.ndarray, " K"], Int[np.ndarray, " K"]]]:
    """Match animals frame by frame, by the mean distance of what both have."""
    seen = np.isfinite(far)
    count = seen.sum(axis=-1)
    mean = np.where(seen, far, 0.0).sum(axis=-1) / np.maximum(count, 1)
    cost = np.where(count, mean, 1e12)  # of an animal that is not there
    return [linear_sum_assignment(one) for one in np.moveaxis(cost, 2, 0)]


def _whoever(
    xyz: Float[np.ndarray, "N T J 3"],
    goal: Float[np.ndarray, "N T J 3"],
    counted: Bool[np.ndarray, " J"],
) -> dict[str, Any]:
    """Score several animals whatever their names: in each frame against the nearest."""
    if len(xyz) < 2:
        return {}
    far = np.linalg.norm(xyz[:, None] - goal[None], axis=-1)[..., counted]  # (N, N, T, J)
    each = _nearest(far)
    right = np.concatenate([far[rows, columns, t] for t, (rows, columns) in enumerate(each)])
    names = np.mean([rows == columns for rows, columns in each])
    known = right[np.isfinite(right)]
    told = (np.mean(known), np.median(known)) if len(known) else (np.nan, np.nan)
    return {
        "names_kept": float(names),
        "whoever": {"mpe": float(told[0]), "median": float(told[1])},
    }


def individuals(result: Path, truth: Path) -> list[tuple[str, str]]:
    """Return which animal of 3D poses is which of the truth."""
    made, true = _shared(result, io_poses.read(result), truth, ())
    return _pairs(result, made, truth, true)


def _shared(
    result: Path, made: xr.Dataset, truth: Path, skip: tuple[str, ...]
) -> tuple[xr.Dataset, xr.Dataset]:
    """Both files, of the keypoints that both have; other frames are refused."""
    true = _truth(truth)
    both = [str(name) for name in made["keypoints"].values if name in true["keypoints"].values]
    if not both:
        raise InputError(
            f"{result} and {truth} share no keypoint; give a truth of the same skeleton"
        )
    if lost := [name for name in skip if name not in both]:
        raise InputError(f"skip: {truth} and {result} share no keypoint {lost[0]!r}")
    if made.sizes["time"] != true.sizes["time"]:
        raise InputError(
            f"{result} has {made.sizes['time']} frames, {truth} {true.sizes['time']}; give a "
            "truth of the same frames"
        )
    return made.sel(keypoints=both), true.sel(keypoints=both)


def _jitter(each: list[Float[np.ndarray, "T J 3"]], fps: float) -> float:
    """The root mean square over animals, none of which goes on where another ends."""
    return float(np.sqrt(np.mean([metrics.jitter(one, fps) ** 2 for one in each])))


def _bones(xyz: Float[np.ndarray, "T J 3"], made: xr.Dataset) -> dict[str, dict[str, float]]:
    skeleton = core_poses.skeleton(made)
    return {
        name: {"length": mean, "variation": share}
        for name, (mean, share) in metrics.bone_variation(xyz, skeleton).items()
    }


def _truth(path: Path) -> xr.Dataset:
    if path.suffix != ".nc" or matching.kind(path) != "poses3d":
        raise InputError(
            f"{path} holds no 3D poses; score 3D poses against a 3D pose file (.nc)"
        )
    return core_poses.validate(store.read_dataset(path), str(path))


def _of(poses: xr.Dataset, individual: str) -> Float[np.ndarray, "T J 3"]:
    one = core_poses.xy(poses.sel(individuals=[individual]))[:, 0]
    return np.asarray(one, np.float64)


def _units(result: Path, made: xr.Dataset, truth: Path, true: xr.Dataset) -> str:
    """The common unit; two that differ are refused, an unknown one is said."""
    here, there = (str(d.attrs.get("units", "unknown")) for d in (made, true))
    if "unknown" not in (here, there) and here != there:
        raise InputError(f"{result} is in {here}, {truth} in {there}; give both in one unit")
    return here if here == there else "unknown"


def _pairs(
    result: Path, made: xr.Dataset, truth: Path, true: xr.Dataset
) -> list[tuple[str, str]]:
    """Individuals of both files: by names that people gave, else those that are nearest."""
    mine, theirs = ([str(n) for n in d["individuals"].values] for d in (made, true))
    if set(theirs) <= set(mine) and not all(map(_numbered, theirs)):
        return [(name, name) for name in theirs]
    if len(theirs) > len(mine):
        raise InputError(f"{result} has {len(mine)} animals, {truth} {len(theirs)}")
    far = np.array([[_apart(_of(made, a), _of(true, b)) for a in mine] for b in theirs])
    rows, columns = linear_sum_assignment(np.nan_to_num(far, nan=1e12))
    return [(mine[c], theirs[r]) for r, c in zip(rows, columns, strict=True)]


def _numbered(name: str) -> bool:
    """Tell whether trackers give that name to any animal, as it comes."""
    return name.rstrip("0123456789") == "animal"


def _apart(a: Float[np.ndarray, "T J 3"], b: Float[np.ndarray, "T J 3"]) -> float:
    far = np.linalg.norm(a - b, axis=-1)
    known = far[np.isfinite(far)]
    return float(np.median(known)) if len(known) else float("nan")
