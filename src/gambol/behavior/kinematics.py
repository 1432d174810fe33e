"""Kinematics: speed, acceleration, jerk, velocities in the body's frame, bends of the path.

Derivatives are those of local polynomials (Savitzky–Golay), per second on the file's own clock;
frames without a whole window about them have none.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.behavior.align import Aligned, Placed, plane, rotate
from gambol.behavior.clean import odd_frames
from gambol.behavior.columns import Column
from gambol.core.tracks import Track
from gambol.kernels import holes

TORTUOSITY_MOST = 100.0  # of a path that ends where it began
_NAMES = ("speed", "acceleration", "jerk")


class Motion(NamedTuple):
    """Of the middle of an animal."""

    velocity: Float[np.ndarray, "T d"]  # unit/s, in the world
    speed: Float[np.ndarray, " T"]  # unit/s
    turning: Float[np.ndarray, " T"]  # rad/s


def derivative(
    values: Float[np.ndarray, "T C"],
    track: Track,
    order: int,
    window_s: float,
) -> Float[np.ndarray, "T C"]:
    """Return a derivative, per second to the power of its order, of polynomials of 2 or 3."""
    degree = max(2, order)
    window = odd_frames(window_s, track.fps, degree + 2)
    clock = (track.times, track.fps, window, degree)
    return holes.polynomial(values, *clock, order, inside=True)


def motion(aligned: Aligned | Placed, window_s: float) -> Motion:
    """Return the velocities of an animal."""
    track = aligned.track
    velocity = derivative(aligned.centroid, track, 1, window_s)
    turning = derivative(unwrapped(aligned.heading)[:, None], track, 1, window_s)[:, 0]
    return Motion(velocity, np.linalg.norm(velocity, axis=1), turning)


def unwrapped(angle: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
    """Return an angle without jumps of 2π, also across what is not known."""
    out, seen = angle.copy(), ~np.isnan(angle)
    out[seen] = np.unwrap(angle[seen])
    return out


def kinematics(
    aligned: Aligned, world: Track, window_s: float, body_length: float
) -> Iterator[Column]:
    """Yield the features of one animal.

    Args:
        aligned: what `align` gives.
        world: the same track in the world.
        window_s: of the derivatives, s.
        body_length: unit of the track; slower than a tenth of it a second has no curvature.
    """
    unit = world.unit
    places = {"": aligned.centroid}
    places |= {name: world.xy[:, j] for j, name in enumerate(world.skeleton.keypoints)}
    for part, place in places.items():
        for order, name in enumerate(_NAMES, start=1):
            rate = np.linalg.norm(derivative(place, world, order, window_s), axis=1)
            power = "" if order == 1 else f"^{order}"
            yield Column(f"{part or 'body'} {name}", rate, f"{unit}/s{power}", part)
    moved = motion(aligned, window_s)
    axes = plane(world.xy.shape[2], aligned.up)
    own = rotate(moved.velocity[:, None], -aligned.heading, axes)[:, 0]
    yield Column("forward velocity", own[:, axes[0]], f"{unit}/s")
    yield Column("sideways velocity", own[:, axes[1]], f"{unit}/s")
    yield Column("turning velocity", moved.turning, "rad/s")
    bend = curvature(aligned, moved.velocity, axes, window_s)
    bend[~(moved.speed > 0.1 * body_length)] = np.nan
    yield Column("path curvature", bend, f"rad/{unit}")
    yield Column("tortuosity", tortuosity(aligned.centroid, world, 1.0), "1")


def curvature(
    aligned: Aligned, velocity: Float[np.ndarray, "T d"], axes: list[int], window_s: float
) -> Float[np.ndarray, " T"]:
    """Return (x'y'' - y'x'') / (x'² + y'²)^1.5 of the path on the floor, rad/unit."""
    bend = derivative(aligned.centroid, aligned.track, 2, window_s)
    (vx, vy), (ax, ay) = velocity[:, axes].T, bend[:, axes].T
    with np.errstate(invalid="ignore", divide="ignore"):
        return (vx * ay - vy * ax) / np.hypot(vx, vy) ** 3


def tortuosity(
    place: Float[np.ndarray, "T d"], track: Track, seconds: float
) -> Float[np.ndarray, " T"]:
    """Return the length of the path about each frame over the distance of its ends, 1 to 100.

    NaN where the path leaves the recording or a gap, and where nothing moved at all.
    """
    half = max(1, round(seconds * track.fps / 2))
    out = np.full(len(place), np.nan)
    if len(place) <= 2 * half:
        return out
    steps = np.linalg.norm(np.diff(place, axis=0), axis=1)
    known = np.r_[0, np.cumsum(np.isnan(steps))]
    run = np.r_[0.0, np.cumsum(np.nan_to_num(steps))]
    path = run[2 * half :] - run[: -2 * half]
    chord = np.linalg.norm(place[2 * half :] - place[: -2 * half], axis=1)
    whole = (known[2 * half :] == known[: -2 * half]) & (path > 0)
    ratio = path / np.maximum(chord, path / TORTUOSITY_MOST + 1e-300)
    out[half:-half] = np.where(whole, np.maximum(ratio, 1.0), np.nan)
    return out
