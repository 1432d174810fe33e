"""Cameras of every kind that stand around the origin, and points that they see."""

import numpy as np
from scipy.spatial.transform import Rotation

from gambol.core.cameras import Camera, Rig
from gambol.kernels import projection


def looking(name, centre, target=(0.0, 0.0, 0.0), kind="pinhole", barrel=-0.2):
    """A camera at `centre` that looks at `target`."""
    centre = np.asarray(centre, float)
    forward = np.asarray(target) - centre
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(forward, right), forward])
    if kind == "affine":
        linear = np.vstack([1.5 * turn[:2], np.zeros(3)])
        return Camera(name, linear, np.zeros(3), np.array([600.0, 500, 0]), kind="affine")
    matrix = np.array([[1000.0, 1.5, 640], [0, 1020, 510], [0, 0, 1]])
    lens = [barrel, 0.05, 0.001, -0.001, 0] if kind == "pinhole" else [0.05, -0.01, 0, 0]
    rotation = Rotation.from_matrix(turn).as_rotvec()
    return Camera(name, matrix, rotation, -turn @ centre, np.array(lens), kind=kind)


def ring(count=6, kind="pinhole"):
    angles = 2 * np.pi * np.arange(count) / count
    places = [(800 * np.cos(a), 800 * np.sin(a), 350.0) for a in angles]
    return Rig(tuple(looking(f"c{i}", p, kind=kind) for i, p in enumerate(places)), units="mm")


def film(rig, count=200, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-150, 150, (count, 3))
    uv = projection.project(points, rig.params()).uv.transpose(1, 0, 2)
    return points, uv + rng.normal(0, noise, uv.shape)


def everyone(xy):
    return np.ones(xy.shape[:2])


def spoiled(rig, count=500, share=0.1, noise=2.0):
    points, xy = film(rig, count, noise)
    rng = np.random.default_rng(1)
    wrong = rng.random(xy.shape[:2]) < share
    xy[wrong] += rng.choice([-1, 1], (wrong.sum(), 2)) * rng.uniform(60, 400, (wrong.sum(), 2))
    return points, xy, wrong
