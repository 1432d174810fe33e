"""An animal whose two sides are seen by cameras of their own: no camera sees both.

Cameras c0 to c2 find the keypoints of the left, c3 to c5 those of the right. Points on the
middle line are found by both, each under a name of its own.
"""

import numpy as np
from rings import ring, seen

from gambol.core.skeleton import Skeleton
from gambol.core.views import of_points
from gambol.kernels import rotation

SIDE = {
    "eye": (50.0, 12.0, 5.0),
    "shoulder": (30.0, 18.0, 0.0),
    "elbow": (25.0, 25.0, -15.0),
    "hip": (-30.0, 20.0, 0.0),
    "knee": (-30.0, 28.0, -15.0),
}
MIDDLE = {"nose": (60.0, 0.0, 0.0), "neck": (35.0, 0.0, 12.0), "tail": (-60.0, 0.0, 5.0)}
SHAPE = {
    **{f"{name}_l": at for name, at in SIDE.items()},
    **{f"{name}_r": (x, -y, z) for name, (x, y, z) in SIDE.items()},
    **{f"{name}_{side}": at for side in "lr" for name, at in MIDDLE.items()},
}
NAMES = tuple(SHAPE)
LEFT, RIGHT = ("c0", "c1", "c2"), ("c3", "c4", "c5")
PAIRS = tuple((f"{name}_l", f"{name}_r") for name in MIDDLE)


def filmed(seed, *, frames=80, walk=60.0, tilt=0.2, bend=0.0, noise=0.5, wrong=0.02):
    """The rig, and what its cameras found; lengths in mm, tilt in radians, noise in px."""
    rng, rig = np.random.default_rng(seed), ring(6)
    yaw = rotation.about(np.array([0.0, 0.0, 1.0]), np.cumsum(rng.normal(0, 0.4, frames)))
    lean = np.array([rotation.exp(v) for v in rng.normal(0, tilt, (frames, 3))])
    rest = np.array([*SHAPE.values()])
    xyz = np.einsum("tij,kj->tki", yaw @ lean, rest) + rng.normal(0, walk, (frames, 1, 3))
    xyz += rng.normal(0, bend, xyz.shape)
    xyz[:, -3:] = xyz[:, -6:-3]  # two names of one point
    uv = seen(rig, xyz.reshape(-1, 3), rng, noise).reshape(frames, len(NAMES), 6, 2)
    uv = uv.transpose(0, 2, 1, 3).copy()
    bad = rng.random(uv.shape[:3]) < wrong
    uv[bad] = rng.uniform(0, 1000, (bad.sum(), 2))
    left = np.array([name.endswith("_l") for name in NAMES])
    uv[:, :3, ~left], uv[:, 3:, left] = np.nan, np.nan
    return rig, of_points(uv, tuple(rig), Skeleton(NAMES))


def between(rig, truth, one=LEFT, other=RIGHT):
    """How far off the angle between two sides is, degrees."""
    turns = [
        rotation.nearest(sum(rig[name].turn.T @ truth[name].turn for name in side))
        for side in (one, other)
    ]
    return float(rotation.degrees(*turns))
