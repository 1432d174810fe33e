"""Files of poses and of detections, full of random numbers."""

import numpy as np

from gambol.core import poses as core_poses
from gambol.core.instances import Candidates, Detections
from gambol.core.skeleton import Skeleton
from gambol.io import detections

SKELETON = Skeleton(("nose", "tail", "wing"), (-1, 0, 0))
N = 2500  # frames: more than are packed together


def some(rng, *shape, lost=0.2):
    """Numbers that float32 holds, some of them missing."""
    values = rng.uniform(0, 900, shape).astype(np.float32)
    values[rng.random(shape[:-1]) < lost] = np.nan
    return values


def pose_file(path, n=N, animals=2, names=("ann", "bob"), seed=0, video="/films/a.mp4"):
    rng = np.random.default_rng(seed)
    shape = (n, animals, len(SKELETON))
    dataset = core_poses.build(
        some(rng, *shape, 2), rng.random(shape).astype(np.float32),
        rng.random((*shape, 2, 2)).astype(np.float32), np.arange(n) / 30, SKELETON, fps=30.0,
        individuals=names[:animals], attrs={"source_file": video},
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.to_netcdf(path, engine="h5netcdf")
    return path


def detection_file(path, n=300, classes=(), seed=0, weighed=False):
    rng = np.random.default_rng(seed)
    count = rng.integers(0, 4, n)
    frame = np.repeat(np.arange(n), count)
    d = len(frame)
    log = np.log(rng.dirichlet(np.full(max(len(classes), 1), 0.2), d))
    found = Detections(
        frame, some(rng, d, 3, 2).astype(float), rng.random((d, 3, 2, 2)), rng.random((d, 3)),
        rng.random(d), np.zeros((d, 0)), log[:, : len(classes)],
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = detections.Pieces(path, "key")
    several = margin = None
    if weighed:
        xy = np.stack([found.xy, some(rng, d, 3, 2).astype(float)], axis=2)
        score = np.where(np.isfinite(xy[..., 0]), rng.random((d, 3, 2)), np.nan)
        several, margin = Candidates(xy, score), some(rng, d, 3, 1)[..., 0]
    kept.write(0, detections.Piece(0, np.ones(n, bool), found, several, margin))
    attrs = {"source_file": "/films/a.mp4"}
    detections.assemble(kept, 1, np.arange(n) / 30, SKELETON, 30.0, attrs, classes)
    return path
