"""Files of detections of animals whose names are known, for tests of tracking and review."""

import numpy as np
from meetings import BODY, FPS, SKELETON, meeting, walkers

from gambol.core.instances import Detections
from gambol.core.skeleton import Skeleton
from gambol.io import detections as io_detections

JOINTS = Skeleton(tuple("abcde"), (-1, 0, 1, 2, 3))
assert len(SKELETON) == len(JOINTS)


def write(path, found, times, *, readable=None, classes=(), **attrs):
    """Write a file of `gambol predict`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fine = np.ones(len(times), bool) if readable is None else readable
    kept = io_detections.Pieces(path, "key")
    kept.write(0, io_detections.Piece(0, fine, found))
    attrs = {"made_from": "key", "source_file": "film.mp4", "body_px": BODY, **attrs}
    io_detections.assemble(kept, 1, times, JOINTS, FPS, attrs, classes)
    return path


def crossing(path, seed=1, hidden=0.7):
    """Two animals that meet, hide and part anywhere: one doubtful event."""
    scene = meeting(np.random.default_rng(seed), hidden, before=3.0, after=3.0)
    return write(path, scene.detections, scene.times, most=2), scene


def apart(path, n=2, seconds=3.0, seed=0, **attrs):
    """Animals that walk about on their own."""
    scene = walkers(np.random.default_rng(seed), n, seconds)
    return write(path, scene.detections, scene.times, **{"most": n, **attrs}), scene


def nothing():
    """No detection at all."""
    j = len(JOINTS)
    return Detections(
        np.zeros(0, np.int64), np.zeros((0, j, 2)), np.zeros((0, j, 2, 2)), np.zeros((0, j)),
        np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0)),
    )  # fmt: skip
