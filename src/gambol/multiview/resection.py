"""Where one camera stands, by points whose places are known, some of them wrong.

Source: Terzakis & Lourakis (2020), ECCV, for the pose of least squares (SQPnP) of a sample;
Fischler & Bolles (1981), Commun ACM 24(6):381-395, for samples.
"""

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.core.cameras import Camera
from gambol.kernels import projection, rotation
from gambol.multiview import superpose

LIMIT = 8.0  # px from its place up to which a point may be right
RESAMPLES = 100


class Resected(NamedTuple):
    """A camera where points want it."""

    camera: Camera
    agree: Bool[np.ndarray, " N"]  # points that it rests on
    error: float  # median distance of these from their places, px
    angle_sd: float  # root mean square angle of turns from resampled blocks, degrees


class Placed(NamedTuple):
    """Where a camera stands, in numbers."""

    turn: Float[np.ndarray, " 3"]  # Rodrigues vector, world to camera
    shift: Float[np.ndarray, " 3"]  # world units
    agree: Bool[np.ndarray, " N"]


def place(
    ab: Float[np.ndarray, "N 2"], points: Float[np.ndarray, "N 3"], limit: float
) -> Placed | None:
    """Return the pose that most points agree on; None where no pose is found.

    Args:
        ab: normalised coordinates, without distortion.
        points: world units.
        limit: distance in normalised coordinates within which a point agrees.
    """
    cv2.setRNGSeed(0)
    found, turn, shift, rows = cv2.solvePnPRansac(
        points, ab, np.eye(3), None, iterationsCount=500, reprojectionError=limit,
        flags=cv2.SOLVEPNP_SQPNP,
    )  # fmt: skip
    if not found:
        return None
    agree = np.zeros(len(ab), bool)
    agree[np.ravel(rows)] = True
    return Placed(turn.ravel(), shift.ravel(), agree)


def resect(
    rng: np.random.Generator,
    camera: Camera,
    xy: Float[np.ndarray, "N 2"],
    points: Float[np.ndarray, "N 3"],
    frame: Int[np.ndarray, " N"],
) -> Resected | None:
    """Place a camera, and say how sure its direction is; None where no place is found.

    Args:
        rng: of the resamples.
        camera: with its lens; its pose is not looked at. Not affine.
        xy: px.
        points: world units.
        frame: when each was seen; points of neighbouring frames err alike.
    """
    ab = projection.undistort(xy, camera.params())
    there = np.isfinite(ab).all(1)
    if there.sum() < 6:
        return None
    start = place(ab[there], points[there], LIMIT / camera.matrix[0, 0])
    if start is None or start.agree.sum() < 6:
        return None
    agree = np.zeros(len(ab), bool)
    agree[there] = start.agree
    seen, known, at = ab[agree], points[agree], superpose.blocks(frame[agree])
    turn, shift = _refined(seen, known, start.turn, start.shift)
    placed = replace(camera, rotation=turn, translation=shift)
    far = projection.project(known, placed.params()[None]).uv[0] - xy[agree]
    count = int(at.max()) + 1
    angle = []
    for _ in range(RESAMPLES if count > 1 else 0):
        drawn = np.bincount(rng.integers(count, size=count), minlength=count)[at]
        rows = np.repeat(np.arange(len(at)), drawn)
        other = _refined(seen[rows], known[rows], turn, shift)[0]
        angle.append(float(rotation.degrees(rotation.exp(turn), rotation.exp(other))))
    sd = float(np.sqrt(np.mean(np.square(angle)) * count / (count - 1))) if angle else np.inf
    return Resected(placed, agree, float(np.median(np.linalg.norm(far, axis=1))), sd)


def _refined(
    ab: Float[np.ndarray, "N 2"],
    points: Float[np.ndarray, "N 3"],
    turn: np.ndarray,
    shift: np.ndarray,
) -> tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]]:
    """Return the pose of least squares near another."""
    better = cv2.solvePnPRefineLM(
        points, ab, np.eye(3), None, turn.reshape(3, 1).copy(), shift.reshape(3, 1).copy()
    )
    return better[0].ravel(), better[1].ravel()
