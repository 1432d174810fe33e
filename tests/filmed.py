"""A small world that several cameras film: a ring of cameras, a walking stick figure."""

import numpy as np

from gambol.core.cameras import Camera, Rig
from gambol.core.skeleton import Skeleton
from gambol.core.views import Views, of_points
from gambol.kernels import projection

SKELETON = Skeleton(
    ("hip", "spine", "head", "left", "right"), (-1, 0, 1, 0, 0), swap=(-1, -1, -1, 4, 3)
)
LENGTHS = np.array([0.0, 40.0, 30.0, 25.0, 25.0])  # mm, of the bone to the parent


def ring(views: int = 4, radius: float = 800.0, lens: float = -0.1) -> Rig:
    """Cameras on a circle that look at the middle from above, mm."""
    cameras = []
    for i in range(views):
        angle = 2 * np.pi * i / views + 0.2
        centre = np.array([radius * np.cos(angle), radius * np.sin(angle), 500.0 + 40 * i])
        forward = -centre / np.linalg.norm(centre)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        turn = np.stack([right, np.cross(forward, right), forward])
        bare = np.column_stack([turn, -turn @ centre])
        matrix = np.array([[900.0 + 10 * i, 0, 320], [0, 900.0 + 10 * i, 240], [0, 0, 1]])
        from gambol.core.cameras import from_projection

        made = from_projection(f"cam{i}", matrix @ bare, (640, 480))
        cameras.append(
            Camera(made.name, matrix, made.rotation, made.translation, np.array([lens]),
                   size=(640, 480))
        )  # fmt: skip
    return Rig(tuple(cameras), "mm")


def walk(frames: int, seed: int = 0) -> np.ndarray:
    """A figure (T, J, 3) of constant bones that wanders and turns, mm."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames) / 30
    way = np.stack([60 * np.sin(time), 50 * np.cos(0.7 * time), 40 + 5 * np.sin(3 * time)], -1)
    xyz = np.zeros((frames, 5, 3))
    xyz[:, 0] = way
    for j, parent in enumerate(SKELETON.parent):
        if parent < 0:
            continue
        a, b = rng.uniform(0, 6, 2)
        turn, lift = time + a, 0.5 * np.sin(2 * time + b)
        along = np.stack(
            [np.cos(turn) * np.cos(lift), np.sin(turn) * np.cos(lift), np.sin(lift)], -1
        )
        xyz[:, j] = xyz[:, parent] + LENGTHS[j] * along
    return xyz


def see(xyz: np.ndarray, rig: Rig, noise: float = 1.0, missing: float = 0.0, seed: int = 0):
    """Project (T, J, 3) into every camera with noise: (T, V, J, 2)."""
    rng = np.random.default_rng(seed)
    frames, keypoints = xyz.shape[:2]
    uv = projection.project(xyz.reshape(-1, 3), rig.params()).uv
    uv = np.moveaxis(uv.reshape(len(rig), frames, keypoints, 2), 0, 1)
    uv = uv + rng.normal(0, noise, uv.shape)
    uv[rng.random(uv.shape[:3]) < missing] = np.nan
    return uv


def views(uv: np.ndarray, rig: Rig) -> Views:
    return of_points(uv, tuple(rig), SKELETON, fps=30.0)
