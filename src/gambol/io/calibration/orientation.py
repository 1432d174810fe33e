"""Which way round K and R are: told by points that were seen, or by where cameras look.

A file may hold K or R transposed, or the camera's pose in the world in place of the world's in
the camera. What fits better is reported and left for a person to decide.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Camera, Rig
from gambol.core.errors import InputError
from gambol.kernels import projection

GIVEN = "as given"
BETTER = 3.0  # times less error, before another reading is believed
TOGETHER = 20.0  # degrees: cameras that look at one place
ALIKE = 20.0  # degrees between cameras that look the same way, as a stereo pair does


class Turned(NamedTuple):
    """How one camera fits what it saw."""

    camera: str
    best: str  # the reading that fits best, `GIVEN` unless another is much better
    pixels: float  # median distance with it
    given: float  # median distance with the camera as it is; inf if all points lie behind it

    @property
    def remark(self) -> str:
        """Say it in a sentence; empty where the camera fits as it is."""
        if self.best == GIVEN:
            return ""
        return (
            f"camera {self.camera}: with {self.best} its points come out within "
            f"{self.pixels:.3g} px, as it is within {self.given:.3g} px"
        )


def transposed(
    rig: Rig, points: Float[np.ndarray, "N 3"], uv: Float[np.ndarray, "V N 2"]
) -> list[Turned]:
    """Judge which of K, Kᵀ and of R, Rᵀ makes known points come out, camera by camera.

    Args:
        rig: V cameras.
        points: world units.
        uv: where each camera saw them, px; NaN where it did not.
    """
    if uv.shape != (len(rig), len(points), 2):
        raise InputError(
            f"{len(rig)} cameras and {len(points)} points need image points of shape "
            f"{(len(rig), len(points), 2)}, not {uv.shape}"
        )
    found = []
    for camera, seen in zip(rig.cameras, uv, strict=True):
        errors = {name: _error(one, points, seen) for name, one in _readings(camera).items()}
        best = min(errors, key=lambda name: errors[name])
        if not errors[best] * BETTER < errors[GIVEN]:
            best = GIVEN
        found.append(Turned(camera.name, best, errors[best], errors[GIVEN]))
    return found


def apart(rig: Rig) -> list[str]:
    """Remark that the cameras look at one place only if R is read another way.

    Nothing is said where they look at one place as they are, or see none either way. Cameras in
    a ring look all the same way once R is transposed, so that this is judged as well.
    """
    cameras = [camera for camera in rig.cameras if camera.kind != "affine"]
    if len(cameras) < 3:  # two cameras always have a point near both axes
        return []
    given = _gaze(cameras)
    if given.spread >= ALIKE and given.miss < 2 * TOGETHER:
        return []
    ways = {
        "R transposed": [_turned(camera) for camera in cameras],
        "R and t read as the camera's pose in the world": [_inverse(c) for c in cameras],
    }
    gazes = {name: _gaze(others) for name, others in ways.items()}
    best = min(gazes, key=lambda name: (gazes[name].spread < ALIKE, gazes[name].miss))
    if gazes[best].spread < ALIKE or gazes[best].miss > TOGETHER:
        return []
    return [
        f"the cameras look at one place with {best} (within {gazes[best].miss:.0f}°), not as "
        "they are; nothing was changed, check a known point"
    ]


def together(rig: Rig) -> bool:
    """Tell whether three cameras or more look at one place, from different directions."""
    cameras = [camera for camera in rig.cameras if camera.kind != "affine"]
    if len(cameras) < 3:
        return False
    gaze = _gaze(cameras)
    return gaze.spread >= ALIKE and gaze.miss <= TOGETHER


class _Gaze(NamedTuple):
    """Where cameras look, in degrees."""

    miss: float  # by which the worst camera misses the place nearest to all axes
    spread: float  # between the two directions of view that differ most


def _readings(camera: Camera) -> dict[str, Camera]:
    ways = {
        "": camera,
        "R transposed": _turned(camera),
        "R and t as the camera's pose in the world": _inverse(camera),
    }
    found = {}
    for name, one in ways.items():
        found[name or GIVEN] = one
        flipped = one.matrix.T
        if camera.kind == "pinhole" and not np.array_equal(flipped, one.matrix):
            found["K transposed" + (f" and {name}" if name else "")] = replace(
                one, matrix=flipped
            )
    return found


def _turned(camera: Camera) -> Camera:
    return replace(camera, rotation=-camera.rotation)


def _inverse(camera: Camera) -> Camera:
    return replace(
        camera,
        rotation=-camera.rotation,
        translation=-camera.turn.T @ camera.translation,
    )


def _error(
    camera: Camera, points: Float[np.ndarray, "N 3"], seen: Float[np.ndarray, "N 2"]
) -> float:
    """Return the median distance, px; a point behind the camera is infinitely off."""
    there = np.isfinite(seen).all(axis=-1) & np.isfinite(points).all(axis=-1)
    if not there.any():
        return 0.0
    shown = projection.project(points[there], camera.params()[None])
    off = np.linalg.norm(shown.uv[0] - seen[there], axis=-1)
    return float(np.median(np.where(shown.valid[0], off, np.inf)))


def _gaze(cameras: list[Camera]) -> _Gaze:
    ahead = np.array([camera.forward for camera in cameras])
    spread = float(np.rad2deg(np.arccos(np.clip(ahead @ ahead.T, -1, 1))).max())
    centres = np.array([camera.centre for camera in cameras])
    across = np.eye(3) - ahead[:, :, None] * ahead[:, None]  # (V, 3, 3), off each axis
    place = np.linalg.lstsq(
        across.sum(axis=0), (across @ centres[..., None]).sum(axis=0)[:, 0], rcond=None
    )[0]
    to = place - centres
    lengths = np.maximum(np.linalg.norm(to, axis=1), 1e-300)
    cosine = (to * ahead).sum(axis=1) / lengths
    return _Gaze(float(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))).max()), spread)
