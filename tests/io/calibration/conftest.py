import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gambol.core.cameras import Camera, Rig


def around(count, seed=0, names=None):
    """Cameras on a circle that look at the origin from 300 mm, with skew and distortion."""
    rng = np.random.default_rng(seed)
    cameras = []
    for k in range(count):
        angle = 2 * np.pi * k / count
        centre = 300 * np.array([np.cos(angle), np.sin(angle), 0.4])
        ahead = -centre / np.linalg.norm(centre)
        right = np.cross(ahead, [0.0, 0, 1])
        right /= np.linalg.norm(right)
        turn = np.stack([right, np.cross(ahead, right), ahead])
        matrix = np.array([[900, 1.5, 320.25], [0, 880, 240.75], [0, 0, 1]])
        cameras.append(
            Camera(
                names[k] if names else f"cam_{k}",
                matrix + np.triu(rng.normal(size=(3, 3))) * [[1], [1], [0]],
                Rotation.from_matrix(turn).as_rotvec(),
                -turn @ centre,
                rng.normal(0, [0.1, 0.05, 1e-3, 1e-3, 0.02]),
                size=(640, 480),
            )
        )
    return Rig(tuple(cameras), "mm", (0.0, 0.0, 1.0))


@pytest.fixture
def rig():
    return around(3)


@pytest.fixture
def twelve():
    return around(12)
