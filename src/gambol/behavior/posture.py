"""Posture: angles at joints, lengths of segments, and how long and wide the animal is.

In 2D an angle is signed, atan2(a × b, a · b) of the bones before and after the joint: 0 where
they go straight on, positive where the second turns from x towards y. In 3D it has no sign, and
the dihedral of three bones in a row says how they are twisted. Angles are unwrapped.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float

from gambol.behavior import align
from gambol.behavior.columns import Column
from gambol.behavior.kinematics import derivative, unwrapped
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Track


def posture(
    track: Track,
    head: Sequence[str],
    tail: Sequence[str],
    window_s: float,
    *,
    up: str = "z",
) -> Iterator[Column]:
    """Yield the features of one animal.

    Args:
        track: 2D or 3D; in the world or aligned, which changes nothing but rounding.
        head: keypoints whose mean is one end of the body.
        tail: those of the other end.
        window_s: of the velocities of angles, s.
        up: axis across the floor, in 3D; area and elongation are those of the shade on it.
    """
    names = track.skeleton.keypoints
    for p, j, c in joints(track.skeleton):
        a, b = track.xy[:, j] - track.xy[:, p], track.xy[:, c] - track.xy[:, j]
        label = f"{names[p]}-{names[j]}-{names[c]}"
        yield from _with_rate(f"angle {label}", angle(a, b), track, window_s, names[j])
    if track.xy.shape[2] == 3:
        for chain in chains(track.skeleton):
            bones = [track.xy[:, k] - track.xy[:, i] for i, k in pairwise(chain)]
            label = "-".join(names[k] for k in chain)
            twist = dihedral(*bones)
            yield from _with_rate(f"dihedral {label}", twist, track, window_s, names[chain[1]])
    for p, c in track.skeleton.bones:
        length = np.linalg.norm(track.xy[:, c] - track.xy[:, p], axis=1)
        yield Column(f"length {names[p]}-{names[c]}", length, track.unit, names[c])
    yield Column("body length", body_lengths(track, head, tail), track.unit)
    shade = track.xy[..., align.plane(track.xy.shape[2], up)]
    yield Column("hull area", hull_area(shade), f"{track.unit}^2")
    yield Column("elongation", elongation(shade), "1")


def joints(skeleton: Skeleton) -> list[tuple[int, int, int]]:
    """Return (parent, joint, child) of every two bones in a row."""
    return [(p, j, c) for p, j in skeleton.bones for k, c in skeleton.bones if k == j]


def chains(skeleton: Skeleton) -> list[tuple[int, int, int, int]]:
    """Return the four keypoints of every three bones in a row."""
    found = joints(skeleton)
    return [(*three, c) for three in found for k, c in skeleton.bones if k == three[2]]


def angle(a: Float[np.ndarray, "T d"], b: Float[np.ndarray, "T d"]) -> Float[np.ndarray, " T"]:
    """Return the angle from a to b, rad; signed in 2D.

    >>> angle(np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]])).round(3).tolist()
    [1.571]
    """
    cross = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    if a.shape[1] == 3:
        cross = np.linalg.norm(np.cross(a, b), axis=1)
    return np.arctan2(cross, (a * b).sum(axis=1))


def dihedral(
    a: Float[np.ndarray, "T 3"], b: Float[np.ndarray, "T 3"], c: Float[np.ndarray, "T 3"]
) -> Float[np.ndarray, " T"]:
    """Return the twist about b from the plane of a, b to that of b, c, rad."""
    first, second = np.cross(a, b), np.cross(b, c)
    sine = np.linalg.norm(b, axis=1) * (a * second).sum(axis=1)
    return np.arctan2(sine, (first * second).sum(axis=1))


def body_lengths(
    track: Track, head: Sequence[str], tail: Sequence[str]
) -> Float[np.ndarray, " T"]:
    """Return the distance of the ends of the body, frame by frame."""
    return np.linalg.norm(align.middle(track, head) - align.middle(track, tail), axis=1)


def elongation(xy: Float[np.ndarray, "T J 2"]) -> Float[np.ndarray, " T"]:
    """Return 1 - the ratio of the small to the large sd of the keypoints; 1 is a line."""
    centred = xy - xy.mean(axis=1, keepdims=True)  # NaN where any keypoint is absent
    cov = np.einsum("tja,tjb->tab", centred, centred)
    half, difference = (cov[:, 0, 0] + cov[:, 1, 1]) / 2, (cov[:, 0, 0] - cov[:, 1, 1]) / 2
    root = np.hypot(difference, cov[:, 0, 1])
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1.0 - np.sqrt(np.maximum(half - root, 0.0) / (half + root))


def hull_area(xy: Float[np.ndarray, "T J 2"]) -> Float[np.ndarray, " T"]:
    """Return the area of the convex hull; NaN where any keypoint is absent."""
    out = np.full(len(xy), np.nan)
    _hull_areas(np.ascontiguousarray(xy), out)
    return out


def _with_rate(
    name: str, values: Float[np.ndarray, " T"], track: Track, window_s: float, part: str
) -> Iterator[Column]:
    smooth = unwrapped(values)
    yield Column(name, smooth, "rad", part)
    rate = derivative(smooth[:, None], track, 1, window_s)[:, 0]
    yield Column(f"velocity of {name}", rate, "rad/s", part)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _hull_areas(xy, out):
    """Monotone chains. Source: Andrew (1979), Information Processing Letters 9:216."""
    n_points = xy.shape[1]
    hull = np.empty((2 * n_points + 1, 2))
    for t in range(len(xy)):
        if np.isnan(xy[t]).any():
            continue
        by_y = np.argsort(xy[t, :, 1], kind="mergesort")
        order = by_y[np.argsort(xy[t, by_y, 0], kind="mergesort")]
        size = 0
        for way in range(2):
            least = size + 1
            for i in range(n_points):
                p = xy[t, order[i if way == 0 else n_points - 1 - i]]
                while size > least:
                    a, b = hull[size - 2], hull[size - 1]
                    if (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) > 0.0:
                        break
                    size -= 1
                hull[size] = p
                size += 1
            size -= 1  # the last point of a way is the first of the next
        area = 0.0
        for i in range(size):
            a, b = hull[i], hull[(i + 1) % size]
            area += a[0] * b[1] - a[1] * b[0]
        out[t] = abs(area) / 2.0
