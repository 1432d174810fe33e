"""Sticks that walk: trajectories of N animals for tests of tracking, without pictures.

An animal is a stick of J keypoints from snout to tail that turns where it walks and bends where
it turns. Lengths are px, angles rad with y downwards, time is counted in frames.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline

_COAST = 0.35  # s over which a walking animal forgets its speed and its turning rate
_WANDER = 1.3  # rad/s, sd of the turning rate
_BEND = 0.35  # rad from snout to tail for every rad/s of turning


class Roamed(NamedTuple):
    """Where the middles of N animals were, and how they lay."""

    xy: Float[np.ndarray, "T N 2"]  # px
    heading: Float[np.ndarray, "T N"]  # rad
    bend: Float[np.ndarray, "T N"]  # rad from snout to tail


def roam(
    rng: np.random.Generator,
    n_frames: int,
    n_animals: int,
    fps: float,
    *,
    size: tuple[int, int],
    speed: float,
    clear: float,
) -> Roamed:
    """Let animals wander in a box so that no two middles ever come closer than `clear`.

    Args:
        rng: draws starts, speeds and turns.
        n_frames: T.
        n_animals: N; they start on a grid, so the box must hold N squares of side 1.2 `clear`.
        fps: frames per second.
        size: width and height of the box, px.
        speed: mean, px/s.
        clear: least distance of two animals, and twice the least distance from a wall, px.
    """
    keep = float(np.exp(-1.0 / (_COAST * fps)))
    kicks = rng.standard_normal((n_frames, n_animals, 2)) * np.sqrt(1.0 - keep**2)
    start = _grid(rng, n_animals, np.array(size), clear)
    heading = rng.uniform(-np.pi, np.pi, n_animals)
    box = np.array(size)
    xy, headings, turning = _roam(kicks, start, heading, keep, fps, speed, clear, box)
    return Roamed(xy, headings, _BEND * turning)


def _grid(
    rng: np.random.Generator, n_animals: int, size: np.ndarray, clear: float
) -> Float[np.ndarray, "N 2"]:
    """Starts in distinct cells of a grid, at random within 0.05 `clear` of their middles."""
    room = size - clear
    columns = max(1, int(np.ceil(np.sqrt(n_animals * room[0] / room[1]))))
    rows = -(-n_animals // columns)
    cell = rng.permutation(rows * columns)[:n_animals]
    middle = np.stack([cell % columns, cell // columns], axis=1) + 1 / 2
    shift = rng.uniform(-0.05, 0.05, (n_animals, 2)) * clear
    starts: np.ndarray = clear / 2 + middle / [columns, rows] * room + shift
    return starts


@numba.njit(cache=True)
@no_type_check
def _roam(kicks, start, heading, keep, fps, speed, clear, size):
    n_frames, n = kicks.shape[:2]
    xy = np.empty((n_frames, n, 2))
    headings, turnings = np.empty((n_frames, n)), np.empty((n_frames, n))
    here, facing = start.copy(), heading.copy()
    pace, turn, hand = np.zeros(n), np.zeros(n), np.ones(n)
    for frame in range(n_frames):
        for i in range(n):
            pace[i] = keep * pace[i] + kicks[frame, i, 0]
            turn[i] = keep * turn[i] + kicks[frame, i, 1]
            step = speed * max(0.0, 1.0 + 0.6 * pace[i]) / fps
            turning = _WANDER * turn[i]
            there = here[i] + step * np.array([np.cos(facing[i]), np.sin(facing[i])])
            if _free(there, here, i, clear, size):
                here[i] = there
                hand[i] = 1.0 if turn[i] > 0.0 else -1.0
            else:  # stands and turns, always to the side it began with
                turning = 4.0 * hand[i]
            turnings[frame, i] = turning
            facing[i] += turning / fps
            xy[frame, i], headings[frame, i] = here[i], facing[i]
    return xy, headings, turnings


@numba.njit(cache=True)
@no_type_check
def _free(there, here, i, clear, size):
    for axis in range(2):
        if not clear / 2 <= there[axis] <= size[axis] - clear / 2:
            return False
    for k in range(len(here)):
        if k != i and np.hypot(there[0] - here[k, 0], there[1] - here[k, 1]) < clear:
            return False
    return True


def tour(
    rng: np.random.Generator,
    n_frames: int,
    fps: float,
    stops: Float[np.ndarray, "K 2"],
    speed: float,
) -> Roamed:
    """Let one animal walk smoothly through `stops` and stay at the last; N is 1.

    The way between two stops takes its length by `speed`, give or take a fifth.
    """
    gaps = np.linalg.norm(np.diff(stops, axis=0), axis=1) / speed
    arrival = np.r_[0.0, np.cumsum(np.maximum(gaps * rng.uniform(0.8, 1.2, len(gaps)), 0.05))]
    way = CubicSpline(arrival, stops, bc_type="clamped")
    clock = np.minimum(np.arange(n_frames) / fps, arrival[-1])
    xy = way(clock)
    # at the last stop there is no velocity left to look along
    velocity = way(np.clip(clock, 0.02, max(0.02, arrival[-1] - 0.02)), 1)
    heading = np.unwrap(np.arctan2(velocity[:, 1], velocity[:, 0]))
    turning = np.gradient(heading) * fps if n_frames > 1 else np.zeros(n_frames)
    bend = _BEND * np.clip(turning, -3.0, 3.0)
    return Roamed(xy[:, None], heading[:, None], bend[:, None])


def stick(where: Roamed, length: float, n_keypoints: int) -> Float[np.ndarray, "T N J 2"]:
    """Lay J keypoints evenly along every body, from snout to tail, bent into an arc.

    Seen from the middle, the arc turns by `bend` over the whole `length`; one keypoint is the
    middle itself.
    """
    if n_keypoints == 1:
        return where.xy[:, :, None]
    along = np.linspace(0.5, -0.5, n_keypoints)
    curve = np.where(np.abs(where.bend) < 1e-6, 1e-6, where.bend)[..., None]
    # the arc through the middle: x = sin(c s) / c, y = (1 - cos(c s)) / c
    ahead, aside = np.sin(curve * along) / curve, (1.0 - np.cos(curve * along)) / curve
    cos, sin = np.cos(where.heading)[..., None], np.sin(where.heading)[..., None]
    offset = np.stack([cos * ahead - sin * aside, sin * ahead + cos * aside], axis=-1)
    points: np.ndarray = where.xy[:, :, None] + length * offset
    return points
