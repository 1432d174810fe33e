"""A stick figure that cameras of a ring film, written as 2D pose files and a calibration."""

from pathlib import Path

import numpy as np
from filmed import SKELETON, ring, see, walk

from gambol.core import poses as core_poses
from gambol.io import calibration, store


def write(folder: Path, uv: np.ndarray, rig, fps: float = 30.0, names=("animal",)) -> Path:
    """Write (T, V, N, J, 2) as one pose file a camera; return the calibration."""
    calibration.write(rig, folder / "rig.toml")
    for v, camera in enumerate(rig):
        xy = uv[:, v]
        sure = np.where(np.isfinite(xy[..., 0]), 0.9, 0.0)
        wide = np.full((*xy.shape, 2), np.nan)
        times = np.arange(len(xy)) / fps
        made = core_poses.build(
            xy, sure, wide, times, SKELETON, fps=fps, individuals=tuple(names)
        )
        store.write_dataset(made, folder / "views" / f"{camera}.nc")
    return folder / "rig.toml"


def film(folder: Path, frames: int = 650, views: int = 3, hole: bool = False, seed: int = 0):
    """One figure; with a hole, one keypoint is seen by nobody for 100 frames across a cut."""
    rig, xyz = ring(views), walk(frames, seed)
    uv = see(xyz, rig, noise=1.0, missing=0.05, seed=seed)
    if hole:
        uv[150:250, :, 2] = np.nan
    return write(folder, uv[:, :, None], rig), xyz


def two(folder: Path, frames: int = 300):
    """Two figures, whose names the last camera exchanges half-way."""
    rig = ring(3)
    every = [walk(frames, seed) + [200.0 * seed, 0, 0] for seed in (0, 1)]
    uv = np.stack([see(x, rig, noise=1.0, seed=k) for k, x in enumerate(every)], axis=2)
    uv[frames // 2 :, 2] = uv[frames // 2 :, 2, ::-1]
    return write(folder, uv, rig, names=("ann", "bob")), every
