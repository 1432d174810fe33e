"""Rings of cameras around the origin, for tests of calibration."""

from dataclasses import replace

import numpy as np

from gambol.core.cameras import Camera, Rig
from gambol.kernels import projection, rotation

SIZE = (1280, 1024)


def ring(count=6, distance=1000.0, f=900.0, lens=(-0.1, 0.02, 0.0, 0.0, 0.0)):
    """Cameras on a circle, looking at the origin from alternating heights."""
    cameras = []
    matrix = np.array([[f, 0.0, 640.0], [0.0, f, 512.0], [0.0, 0.0, 1.0]])
    for view in range(count):
        angle = 2 * np.pi * view / count
        height = distance * (0.4 + 0.1 * (view % 2))
        centre = np.array([distance * np.cos(angle), distance * np.sin(angle), height])
        turn = looking(-centre)
        cameras.append(
            Camera(
                f"c{view}",
                matrix,
                rotation.log(turn),
                -turn @ centre,
                np.array(lens),
                size=SIZE,
            )
        )
    return Rig(tuple(cameras), units="mm")


def looking(forward):
    """The rotation of an upright camera that looks along `forward`."""
    z = forward / np.linalg.norm(forward)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


def jolted(rig, rng, angle=0.02, shift=20.0):
    """The rig with every camera but the first turned and moved at random."""
    cameras = [rig.cameras[0]]
    for camera in rig.cameras[1:]:
        turn = rotation.exp(rng.normal(0, angle, 3)) @ camera.turn
        moved = camera.translation + rng.normal(0, shift, 3)
        cameras.append(replace(camera, rotation=rotation.log(turn), translation=moved))
    return replace(rig, cameras=tuple(cameras))


def seen(rig, points, rng=None, noise=0.0):
    """(N, V, 2) pixels of points."""
    uv = projection.project(points, rig.params()).uv.transpose(1, 0, 2)
    return uv if rng is None else uv + rng.normal(0, noise, uv.shape)


def centres(rig):
    return np.array([camera.centre for camera in rig.cameras])
