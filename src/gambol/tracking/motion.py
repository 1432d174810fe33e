"""Where the tracks are expected: Kalman prediction, optical flow, or where they were."""

from collections.abc import Callable
from typing import Literal, NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float

from gambol.core.registry import Registry, Spec
from gambol.kernels import kalman
from gambol.tracking.features import Animals

FLOOR = 0.02  # body lengths; a body centre is never known better, since bodies bend
Image = np.ndarray  # grey uint8 (H, W)


class View(NamedTuple):
    """The previous and the present image, where a recording comes with images."""

    before: Image | None
    now: Image | None


class Past(NamedTuple):
    """M tracks when each was last seen."""

    beliefs: kalman.Beliefs
    centre: Float[np.ndarray, "M 2"]  # px, of the pose as it was measured
    poses: Float[np.ndarray, "M W J 2"]  # px; the latest first
    seconds: Float[np.ndarray, " M"]  # since then
    fresh: Bool[np.ndarray, " M"]  # seen in the frame before this one


class Moved(NamedTuple):
    """M tracks at the time of the present frame."""

    beliefs: kalman.Beliefs  # predicted
    centre: Float[np.ndarray, "M 2"]  # px, of the poses below; shifts are measured from here
    poses: Float[np.ndarray, "M W J 2"]  # px


class Motion(NamedTuple):
    """How tracks move on, and whether their position is evidence of its own."""

    move: Callable[[Past, kalman.Dynamics, View], Moved]
    weighs: bool  # adds the likelihood of the position, and forbids what the gate excludes
    moves: bool  # expects animals elsewhere than where they were
    sees: bool  # wants images


motions = Registry[Motion]("motion")


class KalmanSpec(Spec):
    """Constant velocity of the body centre; the pose moves along."""

    kind: Literal["kalman"] = "kalman"
    weighs: bool = True  # False: moves the pose, but adds no cost of its own


class FlowSpec(Spec):
    """Optical flow of the keypoints (pyramidal Lucas-Kanade), Kalman where it fails."""

    kind: Literal["flow"] = "flow"
    window: int = 21  # px around a keypoint that is found again
    levels: int = 3  # of the pyramid, each half as large
    tolerance: float = 2.0  # px between a keypoint and its way there and back


class NoneSpec(Spec):
    """Where they were."""

    kind: Literal["none"] = "none"


@motions.register
def constant_velocity(spec: KalmanSpec) -> Motion:
    """Build the Kalman motion."""
    return Motion(_kalman, weighs=spec.weighs, moves=True, sees=False)


@motions.register
def optical_flow(spec: FlowSpec) -> Motion:
    """Build the flow motion."""

    def move(past: Past, dynamics: kalman.Dynamics, view: View) -> Moved:
        moved, fresh = _kalman(past, dynamics, view), past.fresh
        if view.before is None or view.now is None or not fresh.any():
            return moved
        shift, sure = flow(spec, view.before, view.now, past.poses[fresh, 0])
        centre, poses = moved.centre.copy(), moved.poses.copy()
        for row, by, good in zip(np.flatnonzero(fresh), shift, sure, strict=True):
            if 2 * good.sum() < max(np.isfinite(past.poses[row, 0, :, 0]).sum(), 1):
                continue
            whole = np.median(by[good], axis=0)
            centre[row] = past.centre[row] + whole
            poses[row] = past.poses[row] + whole
            poses[row, 0, good] = past.poses[row, 0, good] + by[good]
        return Moved(moved.beliefs, centre, poses)

    return Motion(move, weighs=True, moves=True, sees=True)


@motions.register
def stay(spec: NoneSpec) -> Motion:
    """Build the motion of those that stay where they were."""

    def move(past: Past, dynamics: kalman.Dynamics, view: View) -> Moved:
        return Moved(_kalman(past, dynamics, view).beliefs, past.centre, past.poses)

    return Motion(move, weighs=False, moves=False, sees=False)


def flow(
    spec: FlowSpec, before: Image, now: Image, points: Float[np.ndarray, "*points 2"]
) -> tuple[Float[np.ndarray, "*points 2"], Bool[np.ndarray, "*points"]]:
    """Follow points from the image before to the one now, and back.

    Returns:
        How far each went, px, and whether the way back leads to where it came from.
    """
    import cv2

    flat = points.reshape(-1, 2)
    known = np.isfinite(flat).all(axis=1)
    shift, sure = np.zeros_like(flat), np.zeros(len(flat), dtype=bool)
    if known.any():
        start = flat[known].astype(np.float32)[:, None]
        window = (spec.window, spec.window)
        room = np.empty_like(start), np.empty_like(start)  # that OpenCV writes into
        end, there, _ = cv2.calcOpticalFlowPyrLK(
            before, now, start, room[0], winSize=window, maxLevel=spec.levels
        )
        back, here, _ = cv2.calcOpticalFlowPyrLK(
            now, before, end, room[1], winSize=window, maxLevel=spec.levels
        )
        loop = np.linalg.norm((back - start)[:, 0], axis=1)
        sure[known] = (there[:, 0] == 1) & (here[:, 0] == 1) & (loop <= spec.tolerance)
        shift[known] = (end - start)[:, 0]
    return shift.reshape(points.shape), sure.reshape(points.shape[:-1])


def _kalman(past: Past, dynamics: kalman.Dynamics, view: View) -> Moved:
    ahead = kalman.predict(past.beliefs, past.seconds, dynamics.q, dynamics.memory)
    centre = ahead.mean[:, :2]
    return Moved(ahead, centre, past.poses + (centre - past.centre)[:, None, None])


class Shifts(NamedTuple):
    """How far n detections are from where m tracks could be.

    An animal goes on as it went; or it starts anew, with no velocity to speak of, from where it
    was.
    """

    xy: Float[np.ndarray, "n m 2"]  # px from where it would be, going on; NaN: nothing shared
    noise: Float[np.ndarray, "n m 2 2"]  # px², of the measurement alone
    squared: Float[np.ndarray, "n m"]  # Mahalanobis² from the nearer of the two, for the gate


def shifts(
    found: Animals,
    cov: Float[np.ndarray, "n J 2 2"],
    past: Past,
    moved: Moved,
    trust: Float[np.ndarray, "m J"],
    dynamics: kalman.Dynamics,
    length: float,
) -> Shifts:
    """Compare body centres through the keypoints that detection and track share.

    A keypoint that comes or goes does not move the centre, as it would a plain mean.

    Args:
        found: detections.
        cov: of their keypoints, px².
        past: tracks as they were last seen.
        moved: and as they are expected.
        trust: in the expected keypoints.
        dynamics: of body centres.
        length: body length, px; the gate leaves room for a jump of as much.
    """
    about = kalman.wander(past.seconds, dynamics)
    compared = _shifts(
        found.xy, found.weight, cov, moved.poses[:, 0], trust, moved.beliefs.cov,
        moved.centre - past.centre, about, (FLOOR * length) ** 2, length**2,
    )  # fmt: skip
    return Shifts(*compared)


def reach(
    past: Past, moved: Moved, dynamics: kalman.Dynamics, step: float, room: float
) -> tuple[Float[np.ndarray, " M"], Float[np.ndarray, " M"]]:
    """Say how much farther than in a usual step tracks may be: going on, and starting anew.

    Args:
        past: tracks as they were last seen.
        moved: and as they are expected.
        dynamics: of body centres.
        step: usual time between frames, s.
        room: usual variance of an expected place, px².
    """
    tiny = 1e-12 * (dynamics.speed * step) ** 2
    about = kalman.wander(past.seconds, dynamics) + tiny
    usual = kalman.wander(np.array([step]), dynamics) + tiny
    cov = moved.beliefs.cov
    ahead = (cov[:, 0, 0] + cov[:, 1, 1]) / (2 * room)
    return np.sqrt(np.maximum(ahead, 1.0)), np.sqrt(np.maximum(about / usual, 1.0))


@numba.njit(cache=True, nogil=True)
@no_type_check
def _shifts(xy, weight, cov, poses, trust, spread, gone, about, floor, jump):
    n, m = len(xy), len(poses)
    shift, noise = np.full((n, m, 2), np.nan), np.zeros((n, m, 2, 2))
    squared = np.full((n, m), np.nan)
    for i in range(n):
        for j in range(m):
            if not _shift(
                xy[i], weight[i], cov[i], poses[j], trust[j], shift[i, j], noise[i, j]
            ):
                continue
            r, p = noise[i, j], spread[j]
            r[0, 0] += floor
            r[1, 1] += floor
            x, y = shift[i, j, 0], shift[i, j, 1]
            near = _mahalanobis(x, y, p[0, 0] + r[0, 0], p[0, 1] + r[0, 1], p[1, 1] + r[1, 1])
            x, y, room = x + gone[j, 0], y + gone[j, 1], about[j] + jump
            far = _mahalanobis(x, y, r[0, 0] + room, r[0, 1], r[1, 1] + room)
            squared[i, j] = min(near, far)
    return shift, noise, squared


@numba.njit(cache=True, nogil=True)
@no_type_check
def _shift(xy, weight, cov, pose, trust, shift, noise):
    """Fill the mean shift of shared keypoints and its covariance; false without any."""
    mass, x, y, xx, xy_, yy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(len(xy)):
        w = weight[k] * trust[k]
        if w > 0:
            mass += w
            x += w * (xy[k, 0] - pose[k, 0])
            y += w * (xy[k, 1] - pose[k, 1])
            if np.isfinite(cov[k, 0, 0]):
                xx += w * w * cov[k, 0, 0]
                xy_ += w * w * cov[k, 0, 1]
                yy += w * w * cov[k, 1, 1]
    if not mass > 0:
        return False
    shift[0], shift[1] = x / mass, y / mass
    noise[0, 0], noise[1, 1] = xx / (mass * mass), yy / (mass * mass)
    noise[0, 1] = noise[1, 0] = xy_ / (mass * mass)
    return True


@numba.njit(cache=True, nogil=True)
@no_type_check
def _mahalanobis(x, y, a, b, d):
    """Squared distance of (x, y) in units of the covariance [[a, b], [b, d]]."""
    return (d * x * x - 2 * b * x * y + a * y * y) / (a * d - b * b)
