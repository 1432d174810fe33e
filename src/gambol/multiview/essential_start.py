"""Where ordinary cameras stand, from points that pairs of them share.

The pair with the most agreeing points gives two cameras and points; every further one is placed
by points already known, most first, and refined with all. Source: Hartley & Zisserman (2004),
9.6 and 18.
"""

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Bool, Float

from gambol.core.cameras import Camera, Rig
from gambol.core.errors import InputError
from gambol.kernels import projection, rotation, triangulation
from gambol.multiview import resection
from gambol.multiview.bundle import Bundle, adjust_points

LIMIT = 4.0  # px: how far a point may be from where a pair's geometry wants it
LEAST_ANGLE = 2.0  # degrees between rays, below which a pair's points have no depth
QUICK = Bundle(loss="cauchy", most=1000, steps=30)


def start(rig: Rig, xy: Float[np.ndarray, "N V 2"], least: int) -> Rig:
    """Return the cameras in the axes of the first; the first pair's baseline is 1.

    Args:
        rig: intrinsics; poses are not looked at.
        xy: px; NaN where not seen.
        least: points that a camera must share with those already placed.
    """
    if wrong := [camera.name for camera in rig.cameras if camera.kind == "affine"]:
        raise InputError(f"camera {wrong[0]} is affine; use `start: affine`")
    params = rig.params()
    ab = np.stack(
        [projection.undistort(xy[:, view], row) for view, row in enumerate(params)], axis=1
    )
    first, second, turn, shift = _first_pair(rig, ab, least)
    cameras = {
        first: replace(rig.cameras[first], rotation=np.zeros(3), translation=np.zeros(3)),
        second: _posed(rig.cameras[second], turn, shift),
    }
    while len(cameras) < len(rig):
        order = list(cameras)
        sub = adjust_points(replace(rig, cameras=tuple(cameras.values())), xy[:, order], QUICK)
        cameras = dict(zip(order, sub.rig.cameras, strict=True))
        points = triangulation.msac(
            xy[:, order], np.isfinite(xy[:, order]).all(-1) * 1.0, sub.rig.params()
        )
        solid = np.where(points.inlier.sum(1, keepdims=True) >= 2, points.points, np.nan)
        view = _best_known(ab, solid, cameras)
        cameras[view] = _by_points(rig.cameras[view], ab[:, view], solid, least)
    ordered = replace(rig, cameras=tuple(cameras[view] for view in range(len(rig))))
    home = ordered.cameras[0]
    return ordered.moved(home.turn, home.translation)


def _posed(camera: Camera, turn: np.ndarray, shift: np.ndarray) -> Camera:
    return replace(camera, rotation=rotation.log(turn), translation=shift.ravel())


def _first_pair(
    rig: Rig, ab: Float[np.ndarray, "N V 2"], least: int
) -> tuple[int, int, Float[np.ndarray, "3 3"], Float[np.ndarray, " 3"]]:
    """Return the two cameras with most points that agree and have depth."""
    best, count = None, 0.0
    for i in range(len(rig)):
        for j in range(i + 1, len(rig)):
            got = _pair(rig, ab, i, j, least)
            if got is not None and got[2] > count:
                best, count = (i, j, got[0], got[1]), got[2]
    if best is None:
        raise InputError(
            "no two cameras see points from angles that differ enough to give depth; "
            "start from a template of viewing directions"
        )
    return best


def _pair(
    rig: Rig, ab: Float[np.ndarray, "N V 2"], i: int, j: int, least: int
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, " 3"], float] | None:
    """Return turn and direction from camera i to j, and what the pair is worth."""
    both = np.isfinite(ab[:, [i, j]]).all((1, 2))
    if both.sum() < least:
        return None
    one, two = ab[both, i], ab[both, j]
    f = min(rig.cameras[k].matrix[0, 0] for k in (i, j))
    cv2.setRNGSeed(0)
    essential, _ = cv2.findEssentialMat(
        one, two, np.eye(3), method=cv2.RANSAC, prob=0.9999, threshold=LIMIT / f
    )
    if essential is None or essential.shape != (3, 3):
        return None
    agree = _sampson(essential, one, two) < (LIMIT / f) ** 2
    if agree.sum() < 8:
        return None
    count, turn, shift, _ = cv2.recoverPose(essential, one[agree], two[agree], np.eye(3))
    rays = [np.column_stack([x[agree], np.ones(agree.sum())]) for x in (one, two)]
    rays = [r / np.linalg.norm(r, axis=1, keepdims=True) for r in rays]
    cosine = np.clip(((rays[0] @ turn.T) * rays[1]).sum(1), -1, 1)
    angle = float(np.degrees(np.median(np.arccos(cosine))))
    if angle < LEAST_ANGLE or count < 8 or _only_turned(*rays) < LIMIT / f:
        return None
    # a right angle is best: both what a pair agrees on and how well it sees depth count
    return turn, shift.ravel(), count * float(np.sin(np.radians(angle)))


def _only_turned(one: Float[np.ndarray, "N 3"], two: Float[np.ndarray, "N 3"]) -> float:
    """Return the median distance of two sets of rays after the turn that fits them best."""
    turn = rotation.nearest(two.T @ one)
    return float(np.median(np.linalg.norm(one @ turn.T - two, axis=1)))


def _sampson(
    essential: Float[np.ndarray, "3 3"],
    one: Float[np.ndarray, "N 2"],
    two: Float[np.ndarray, "N 2"],
) -> Float[np.ndarray, " N"]:
    """Return the squared distance from the epipolar lines, to first order."""
    a = np.column_stack([one, np.ones(len(one))])
    b = np.column_stack([two, np.ones(len(two))])
    line_b, line_a = a @ essential.T, b @ essential
    slopes = (line_b[:, :2] ** 2).sum(1) + (line_a[:, :2] ** 2).sum(1)
    return (b * line_b).sum(1) ** 2 / slopes


def _best_known(
    ab: Float[np.ndarray, "N V 2"],
    points: Float[np.ndarray, "N 3"],
    cameras: dict[int, Camera],
) -> int:
    """Return the camera not yet placed that sees most of the known points."""
    known = _known(ab, points).sum(0)
    known[list(cameras)] = -1
    return int(known.argmax())


def _known(
    ab: Float[np.ndarray, "N V 2"], points: Float[np.ndarray, "N 3"]
) -> Bool[np.ndarray, "N V"]:
    return np.isfinite(ab).all(-1) & np.isfinite(points).all(1)[:, None]


def _by_points(
    camera: Camera, ab: Float[np.ndarray, "N 2"], points: Float[np.ndarray, "N 3"], least: int
) -> Camera:
    """Place a camera by points of known position."""
    both = _known(ab[:, None], points)[:, 0]
    if both.sum() < least:
        raise InputError(
            f"camera {camera.name} shares {both.sum()} points with two others at once, so its "
            f"distance is not known; {least} are needed, or start from a template"
        )
    found = resection.place(ab[both], points[both], 2 * LIMIT / camera.matrix[0, 0])
    if found is None:
        raise InputError(
            f"camera {camera.name} fits no place from the points it shares; check its focal "
            "length, or start from a template"
        )
    return replace(camera, rotation=found.turn, translation=found.shift)
