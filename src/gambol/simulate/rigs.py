"""Rigs that were never built: calibrated cameras in a ring or a dome around an arena, in mm."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Camera, Kind, Rig
from gambol.core.errors import InputError
from gambol.kernels import rotation


class Lens(NamedTuple):
    """What a camera looks through, whatever its size in px."""

    kind: Kind = "pinhole"
    distance: float = 3.0  # of the camera from what it films, in radii of that
    barrel: float = 0.08  # share by which distortion draws the image's corners in


ORDINARY = Lens()
WIDE = Lens(distance=1.7, barrel=0.15)
LONG = Lens(distance=60.0, barrel=0.01)  # focal lengths above 20 widths of the image
FISHEYE = Lens("fisheye", distance=1.15, barrel=0.1)  # sees 60 degrees to each side
TELECENTRIC = Lens("affine", distance=20.0, barrel=0.0)


def ring(
    rng: np.random.Generator,
    n_cameras: int,
    reach: float,
    lens: Lens = ORDINARY,
    *,
    height: float = 35.0,
    target: tuple[float, float, float] = (0.0, 0.0, 0.0),
    size: tuple[int, int] = (1280, 1024),
    jitter: float = 0.05,
) -> Rig:
    """Stand cameras around an arena, evenly and at one height.

    Args:
        rng: draws how far each camera is from where it was meant to be, and its lens.
        n_cameras: V.
        reach: radius of the ball about the target that every image holds, mm.
        lens: what the cameras look through.
        height: elevation of the cameras as seen from the target, degrees.
        target: the middle of what is filmed, mm.
        size: width and height of the images, px.
        jitter: sd of every direction in rad, and of distances and focal lengths as shares.

    >>> rig = ring(np.random.default_rng(0), 4, 200.0)
    >>> list(rig), rig.units
    (['cam_0', 'cam_1', 'cam_2', 'cam_3'], 'mm')
    """
    around = 2 * np.pi * np.arange(n_cameras) / max(1, n_cameras)
    up = np.full(n_cameras, np.radians(height))
    return _stand(rng, around, up, reach, lens, target, size, jitter)


def dome(
    rng: np.random.Generator,
    n_cameras: int,
    reach: float,
    lens: Lens = ORDINARY,
    *,
    heights: tuple[float, float] = (15.0, 75.0),
    target: tuple[float, float, float] = (0.0, 0.0, 0.0),
    size: tuple[int, int] = (1280, 1024),
    jitter: float = 0.05,
) -> Rig:
    """Spread cameras over the sky of an arena, from the lowest to the highest of `heights`.

    Heights are even in area and azimuths go on by the golden angle, so no two cameras see the
    animal from nearly the same side. Arguments as in `ring`.
    """
    low, high = np.sin(np.radians(heights))
    share = (np.arange(n_cameras) + 1 / 2) / max(1, n_cameras)
    up = np.arcsin(low + share * (high - low))
    around = np.pi * (3 - np.sqrt(5)) * np.arange(n_cameras)
    return _stand(rng, around, up, reach, lens, target, size, jitter)


def _stand(
    rng: np.random.Generator,
    around: Float[np.ndarray, " V"],
    up: Float[np.ndarray, " V"],
    reach: float,
    lens: Lens,
    target: tuple[float, float, float],
    size: tuple[int, int],
    jitter: float,
) -> Rig:
    if len(around) < 1:
        raise InputError(f"a rig of {len(around)} cameras films nothing; ask for 1 or more")
    if not lens.distance > 1:
        raise InputError(
            f"lens distance {lens.distance:g} is inside what is filmed; use more than 1"
        )
    cameras = []
    for view in range(len(around)):
        azimuth = around[view] + jitter * rng.standard_normal()
        elevation = np.clip(up[view] + jitter * rng.standard_normal(), -np.pi / 2, np.pi / 2)
        distance = lens.distance * reach * np.exp(jitter * abs(rng.standard_normal()))
        out = np.array(
            [
                np.cos(elevation) * np.cos(azimuth),
                np.cos(elevation) * np.sin(azimuth),
                np.sin(elevation),
            ]
        )
        turn = rotation.exp(0.3 * jitter / lens.distance * rng.standard_normal(3)) @ _look(-out)
        roll = rotation.exp(np.array([0.0, 0.0, jitter * rng.standard_normal()]))
        centre = np.array(target) + distance * out
        cameras.append(
            _camera(rng, f"cam_{view}", roll @ turn, centre, distance, reach, lens, size)
        )
    return Rig(tuple(cameras), units="mm", origin="middle of the simulated floor")


def _look(forward: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "3 3"]:
    """R of a camera that looks along `forward` with the sky (+z) towards its image's top."""
    right = np.cross(forward, [0.0, 0.0, 1.0])
    if np.linalg.norm(right) < 1e-9:
        right = np.array([1.0, 0.0, 0.0])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])


def _camera(
    rng: np.random.Generator,
    name: str,
    turn: Float[np.ndarray, "3 3"],
    centre: Float[np.ndarray, " 3"],
    distance: float,
    reach: float,
    lens: Lens,
    size: tuple[int, int],
) -> Camera:
    """A camera whose image just holds the ball of radius `reach` at `distance`."""
    width, height = size
    half = 0.95 * min(size) / 2
    middle = np.array([(width - 1) / 2, (height - 1) / 2]) + 0.01 * width * rng.normal(size=2)
    if lens.kind == "affine":
        linear = np.vstack([half / reach * turn[:2], np.zeros(3)])
        shift = np.array([*(middle - linear[:2] @ (centre + distance * turn[2])), 0.0])
        return Camera(name, linear, np.zeros(3), shift, kind="affine", size=size)
    angle = np.arcsin(reach / distance)  # of the ball's edge
    focal = half / (angle if lens.kind == "fisheye" else np.tan(angle))
    corner = np.hypot(width, height) / 2 / focal  # of the image, in focal lengths
    k1 = -lens.barrel / corner**2 * np.exp(0.2 * rng.standard_normal())
    aside = 0.02 * lens.barrel / corner * rng.standard_normal(2)
    second = 0.1 * lens.barrel / corner**4 * rng.standard_normal()
    pinhole = np.array([k1, second, *aside, 0.0])
    distortion = np.array([k1, second, 0.0, 0.0]) if lens.kind == "fisheye" else pinhole
    ratio = 1 + 0.002 * rng.standard_normal()  # of the pixels' height to their width
    matrix = np.array([[focal, 0, middle[0]], [0, ratio * focal, middle[1]], [0, 0, 1.0]])
    return Camera(name, matrix, rotation.log(turn), -turn @ centre, distortion, lens.kind, size)
