"""Two animals: how the target lies, faces and moves as the focal animal meets it.

With more than two animals, targets are ranked by their distance in each frame, so that other
names for the animals, or another order, change nothing. Bearings and headings are given as
cosine and sine: they have no jump.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float

from gambol.behavior.align import Aligned, plane
from gambol.behavior.columns import Column
from gambol.behavior.kinematics import Motion, derivative
from gambol.core.tracks import Track

LAGS = (-1.0, -0.5, 0.0, 0.5, 1.0)  # s, by which the target's speed comes after the focal's
_PAIR = ("closest own keypoint", "closest keypoint of target")
NAMES = {
    "distance": "unit",
    "keypoint distance": "unit",
    **dict.fromkeys(_PAIR, "index"),
    **dict.fromkeys(("bearing cos", "bearing sin", "heading cos", "heading sin"), "1"),
    "approach velocity": "unit/s",
    "in cone": "0/1",
    "contact": "0/1",
    "chase": "unit^2/s^2",
    **{f"speed correlation at {lag:+g} s": "1" for lag in LAGS},
}


class Animal(NamedTuple):
    """What pairs are computed of."""

    world: Track
    aligned: Aligned
    motion: Motion
    body_length: float  # unit


def dyadic(
    focal: int,
    animals: Sequence[Animal],
    window_s: float,
    *,
    cone: float,
    contact: float,
) -> Iterator[Column]:
    """Yield the features of one animal towards all others, the nearest first.

    Args:
        focal: its place among the animals.
        animals: of one recording, on one clock.
        window_s: of the derivatives, s.
        cone: half of its opening, rad; a target in it is before the focal animal.
        contact: body lengths of the focal animal, below which keypoints touch.
    """
    others = [n for n in range(len(animals)) if n != focal]
    pairs = np.stack(
        [pair(animals[focal], animals[n], window_s, cone=cone, contact=contact) for n in others]
    )  # (N - 1, T, F)
    # a target whose distance is not known comes last
    order = np.argsort(pairs[:, :, 0], axis=0, kind="stable")
    ranked = np.take_along_axis(pairs, order[..., None], axis=0)
    unit = animals[focal].world.unit
    for rank, values in enumerate(ranked, start=1):
        lead = "" if len(others) == 1 else f"target {rank}: "
        for (name, kind), column in zip(NAMES.items(), values.T, strict=True):
            yield Column(f"{lead}{name}", column, kind.replace("unit", unit))


def pair(
    focal: Animal, target: Animal, window_s: float, *, cone: float, contact: float
) -> Float[np.ndarray, "T F"]:
    """Return the features `NAMES` of one animal towards another; NaN where not known."""
    axes = plane(focal.world.xy.shape[2], focal.aligned.up)
    way = target.aligned.centroid - focal.aligned.centroid
    distance = np.linalg.norm(way, axis=1)
    nearest = np.full((len(way), 3), np.nan)
    _nearest(focal.world.xy, target.world.xy, nearest)
    bearing = np.arctan2(way[:, axes[1]], way[:, axes[0]]) - focal.aligned.heading
    facing = target.aligned.heading - focal.aligned.heading
    approach = -derivative(distance[:, None], focal.world, 1, window_s)[:, 0]
    columns = [distance, *nearest.T]
    columns += [np.cos(bearing), np.sin(bearing), np.cos(facing), np.sin(facing), approach]
    columns.append(_flag(np.cos(bearing) > np.cos(cone), bearing))
    columns.append(_flag(nearest[:, 0] < contact * focal.body_length, nearest[:, 0]))
    columns.append(chase(focal, target, way, distance))
    lagged = [
        lagged_correlation(
            focal.motion.speed, target.motion.speed, round(lag * focal.world.fps),
            max(1, round(focal.world.fps)),
        )
        for lag in LAGS
    ]  # fmt: skip
    return np.stack([*columns, *lagged], axis=1)


def chase(
    focal: Animal,
    target: Animal,
    way: Float[np.ndarray, "T d"],
    distance: Float[np.ndarray, " T"],
) -> Float[np.ndarray, " T"]:
    """Return the focal's velocity along the target's, times that towards the target.

    Each is cut off at 0. In a chase at constant distance, where nothing approaches, it is the
    square of the speed.
    """
    v, w = focal.motion.velocity, target.motion.velocity
    with np.errstate(invalid="ignore", divide="ignore"):
        along = (v * w).sum(axis=1) / target.motion.speed
        towards = (v * way).sum(axis=1) / distance
    still = target.motion.speed == 0.0
    return np.where(still, 0.0, np.maximum(along, 0.0) * np.maximum(towards, 0.0))


def lagged_correlation(
    a: Float[np.ndarray, " T"], b: Float[np.ndarray, " T"], lag: int, half: int
) -> Float[np.ndarray, " T"]:
    """Return the correlation of a, about each frame, with b `lag` frames later.

    Args:
        a: NaN where not known.
        b: of the same length.
        lag: frames.
        half: frames on either side; half of the window must be known in both.
    """
    moved = np.full(len(b), np.nan)
    if abs(lag) < len(b):
        source = slice(max(0, lag), len(b) + min(0, lag))
        moved[max(0, -lag) : len(b) - max(0, lag)] = b[source]
    known = ~(np.isnan(a) | np.isnan(moved))
    if not known.any():
        return np.full(len(a), np.nan)
    x = np.where(known, a - a[known].mean(), 0.0)
    y = np.where(known, moved - moved[known].mean(), 0.0)
    n, sx, sy, sxx, syy, sxy = (
        _window_sum(series, half) for series in (known * 1.0, x, y, x * x, y * y, x * y)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        vx, vy = sxx - sx**2 / n, syy - sy**2 / n
        r = (sxy - sx * sy / n) / np.sqrt(vx * vy)
    flat = (vx <= 1e-12 * sxx.max()) | (vy <= 1e-12 * syy.max())
    return np.where((n > half) & ~flat, np.clip(r, -1.0, 1.0), np.nan)


def _window_sum(series: Float[np.ndarray, " T"], half: int) -> Float[np.ndarray, " T"]:
    """Sum over a centred window, cut at the ends."""
    run = np.r_[0.0, np.cumsum(series)]
    frames = np.arange(len(series))
    last = np.minimum(frames + half + 1, len(series))
    return run[last] - run[np.maximum(frames - half, 0)]


def _flag(is_so: np.ndarray, known: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
    return np.where(np.isnan(known), np.nan, is_so * 1.0)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _nearest(a, b, out):
    """Smallest distance of a keypoint of a and one of b, and which two."""
    for t in range(len(a)):
        best = np.inf
        for i in range(a.shape[1]):
            for j in range(b.shape[1]):
                square = 0.0
                for k in range(a.shape[2]):
                    square += (a[t, i, k] - b[t, j, k]) ** 2
                if square < best:  # never where one of the two is absent
                    best = square
                    out[t, 1], out[t, 2] = i, j
        if best < np.inf:
            out[t, 0] = np.sqrt(best)
