"""A small animal that walks in a ring of cameras, for tests of what is drawn in 3D."""

import numpy as np
from scipy.spatial.transform import Rotation

from gambol.core.cameras import Camera, Rig
from gambol.core.skeleton import Skeleton

BONES = Skeleton(("hip", "neck", "nose", "pawL", "pawR"), (-1, 0, 1, 1, 1), (-1, -1, -1, 4, 3))
BODY = np.array([[0, 0, 30], [40, 0, 32], [60, 0, 28], [38, 14, 0], [38, -14, 0.0]])
SIZE = (320, 240)


def camera(name, at, focal=300.0):
    """A camera at a place, that looks at the origin with its image upright."""
    forward = -np.array(at, float) / np.linalg.norm(at)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(forward, right), forward])
    matrix = np.array([[focal, 0, 159.5], [0, focal, 119.5], [0, 0, 1]])
    return Camera(
        name, matrix, Rotation.from_matrix(turn).as_rotvec(), -turn @ np.array(at, float),
        size=SIZE,
    )  # fmt: skip


def rig(views=4):
    angles = 2 * np.pi * np.arange(views) / views + 0.3
    places = [(500 * np.cos(a), 500 * np.sin(a), 200.0) for a in angles]
    return Rig(tuple(camera(f"cam{v}", at) for v, at in enumerate(places)), units="mm")


def walk(frames=30, animals=1, fps=10.0):
    """Times (T,) and positions (T, N, 5, 3) of animals on a circle, facing along it."""
    times = np.arange(frames) / fps
    out = []
    for n in range(animals):
        angle = 0.8 * times + 2.5 * n
        turns = Rotation.from_rotvec(np.outer(angle + np.pi / 2, [0, 0, 1])).as_matrix()
        middle = np.stack([90 * np.cos(angle), 90 * np.sin(angle), 0 * angle], 1)
        out.append(np.einsum("tik,jk->tji", turns, BODY) + middle[:, None])
    return times, np.stack(out, 1)
