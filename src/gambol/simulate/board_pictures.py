"""Pictures of a calibration board that moves before cameras, ray by ray, lenses and all."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from gambol.core import pixels
from gambol.core.cameras import Camera, Rig
from gambol.kernels import projection, rotation

SHADES = (40.0, 215.0)  # of black and white on film
GROUND = 110.0  # of what is behind the board
FOOTPRINT = (
    0.6  # sd of what a pixel sees, of the distance between pixels: its area, and the lens
)


class Print(NamedTuple):
    """A printed board: its picture, and how large that is in the world."""

    image: UInt8[np.ndarray, "H W"]  # white paper, black squares
    scale: float  # px a world unit
    corner: Float[np.ndarray, " 2"]  # of the board, from the outer edge of the picture, px


class Pose(NamedTuple):
    """Where a board is: x_world = turn · corner + shift."""

    turn: Float[np.ndarray, "3 3"]
    shift: Float[np.ndarray, " 3"]


def poses(
    rng: np.random.Generator, rig: Rig, count: int, size: tuple[float, float], reach: float
) -> list[Pose]:
    """Return places of a board that is carried through a scene and tilted.

    First it lies on the floor, so that its axes are the world's: x along x, its first corner
    at the origin.

    Args:
        rng: draws them.
        rig: cameras, which the board faces in turn, about a floor z = 0.
        count: how many.
        size: of the board, world units.
        reach: radius of the scene, world units.
    """
    above = np.mean([_towards(camera) for camera in rig.cameras], axis=0)
    above = above / max(float(np.linalg.norm(above)), 1e-9)
    found = [Pose(np.diag([1.0, -1.0, -1.0]), np.zeros(3))]
    for k in range(count - 1):
        camera = rig.cameras[k % len(rig)]
        along = _towards(camera) + above  # so that others see it, too
        along = along / np.linalg.norm(along)
        down = -np.array(rig.up, float)
        right = np.cross(down, -along)
        right = right / np.linalg.norm(right) if np.linalg.norm(right) > 0.1 else np.eye(3)[0]
        facing = np.stack([right, np.cross(-along, right), -along], axis=1)
        tilt = rotation.exp(rng.normal(0, 0.3, 3))
        turn = rotation.nearest(tilt @ facing)
        middle = rng.uniform(-0.45, 0.45, 3) * reach
        found.append(Pose(turn, middle - turn @ np.array([size[0] / 2, size[1] / 2, 0.0])))
    return found


def _towards(camera: Camera) -> Float[np.ndarray, " 3"]:
    """The direction from the middle of the scene to a camera."""
    if camera.kind == "affine":
        return -camera.forward
    return camera.centre / np.linalg.norm(camera.centre)


def picture(
    rng: np.random.Generator, page: Print, pose: Pose, camera: Camera, noise: float = 2.0
) -> UInt8[np.ndarray, "h w"]:
    """Return what a camera sees of the board.

    Args:
        rng: of the sensor's noise.
        page: the board.
        pose: where it is.
        camera: with the size of its image.
        noise: sd of a pixel, of 255.
    """
    if camera.size is None:
        raise ValueError(f"camera {camera.name} has no image size")
    width, height = camera.size
    x, y = np.meshgrid(np.arange(width, dtype=float), np.arange(height, dtype=float))
    uv = np.column_stack([x.ravel(), y.ravel()])
    origin, along = projection.rays(uv, camera.params())
    normal = pose.turn[:, 2]
    with np.errstate(invalid="ignore", divide="ignore"):
        far = ((pose.shift - origin) @ normal) / (along @ normal)
    hit = (origin + far[:, None] * along - pose.shift) @ pose.turn
    from_edge = hit[:, :2] * page.scale + page.corner  # of the picture's first pixel
    there = pixels.apply(pixels.invert(pixels.from_corner()), from_edge)
    there[~(far > 0)] = -1e6
    where = np.nan_to_num(there, nan=-1e6).astype(np.float32).reshape(height, width, 2)
    dark, light = SHADES
    shade = dark + (light - dark) * page.image.astype(np.float32) / 255
    # what one pixel sees is a patch of the page, not a point: else edges would be jagged
    patch = max(FOOTPRINT * _step(where, page.image.shape), 0.1)
    drawn = cv2.remap(
        cv2.GaussianBlur(shade, (0, 0), patch), where[..., 0], where[..., 1],
        cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=GROUND,
    )  # fmt: skip
    drawn = drawn + rng.normal(0, noise, drawn.shape)
    return np.clip(np.rint(drawn), 0, 255).astype(np.uint8)


def _step(where: Float[np.ndarray, "h w 2"], shape: tuple[int, ...]) -> float:
    """Px of the page from one pixel of the camera to the next, in the median; 1 if unseen."""
    inside = np.asarray(((where >= 0) & (where < [shape[1], shape[0]])).all(-1), bool)
    both = inside[:, 1:] & inside[:, :-1]
    if not both.any():
        return 1.0
    return float(np.median(np.linalg.norm(np.diff(where, axis=1)[both], axis=-1)))
