"""Runs that saw what is easily computed."""

import os
import time

import numpy as np
from labelled import FRAMES, MOUSE

from gambol.core import poses as core_poses


def poses_of(folder, run, video, value, names=("animal",), skeleton=MOUSE, age=0.0, n=FRAMES):
    """A run that saw every keypoint j of animal a in frame f at (value + f, 10 a + j)."""
    path = folder / "runs" / run / "out" / f"{os.path.basename(video)}.nc"
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (n, len(names), len(skeleton))
    frame, animal, keypoint = np.indices(shape)
    xy = np.stack([value + frame, 10 * animal + keypoint], -1).astype(np.float64)
    xy[3, :, 1] = np.nan
    cov = np.broadcast_to(np.array([[4.0, 1.0], [1.0, 9.0]]), (*shape, 2, 2))
    made = core_poses.build(
        xy, np.full(shape, 0.75), cov.copy(), np.arange(n) / 30, skeleton, fps=30.0,
        individuals=names, attrs={"source_file": str(video)},
    )  # fmt: skip
    made.to_netcdf(path, engine="h5netcdf")
    then = time.time() - age
    os.utime(path, (then, then))
    return path
