"""How unlike two animals are: distances between detections and tracks, one part each.

A distance is 0 for equal poses; a pair at or beyond the feature's `cut` is no pair, and neither
is one that shares no keypoint. Lengths are in body lengths, so that nothing depends on the
resolution, and every distance is bounded, so that none drowns the other terms.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float

from gambol.core.registry import Registry, Spec
from gambol.kernels import similarity

FAR = 3.0  # body lengths; farther is all the same
NEAR = 0.1  # L: closer keypoints of two animals are a contact
IOU = 0.3  # of the boxes of two animals in contact


class Animals(NamedTuple):
    """N poses that can be compared."""

    xy: Float[np.ndarray, "N J 2"]  # px; anything where the weight is 0
    weight: Float[np.ndarray, "N J"]  # trust in each keypoint; 0 where not seen


class Feature(NamedTuple):
    """A distance and where it stops to mean anything."""

    distance: Callable[[Animals, Animals, float], np.ndarray]  # (n), (m), L -> (n, m) or NaN
    cut: float  # pairs this far apart are forbidden


features = Registry[Feature]("feature")


class KeypointsSpec(Spec):
    """Mean distance of shared keypoints in body lengths, each at most 3."""

    kind: Literal["keypoints"] = "keypoints"


class CentroidSpec(Spec):
    """Distance of the mean keypoints in body lengths."""

    kind: Literal["centroid"] = "centroid"


class IouSpec(Spec):
    """1 - intersection over union of the boxes of the keypoints."""

    kind: Literal["iou"] = "iou"


class EllipseSpec(Spec):
    """1 - (0.8 c + 0.2 c |cos Δθ|), c = 1 - distance / long axis, of fitted ellipses."""

    kind: Literal["ellipse"] = "ellipse"
    cut: float = 0.4  # distance from which a pair is forbidden: similarity .6


class OksSpec(Spec):
    """1 - object keypoint similarity: nearly 1 for all but the smallest steps."""

    kind: Literal["oks"] = "oks"
    sigma: float = 0.1  # tolerance of every keypoint
    cut: float = 1.0  # distance from which a pair is forbidden; above 1: none is


@features.register
def keypoints(spec: KeypointsSpec) -> Feature:
    """Build the body-size distance."""
    return Feature(lambda a, b, length: _keypoints(*a, *b, length), FAR)


@features.register
def centroid(spec: CentroidSpec) -> Feature:
    """Build the centroid distance."""
    return Feature(_centroid, FAR)


@features.register
def iou(spec: IouSpec) -> Feature:
    """Build the box overlap."""
    return Feature(lambda a, b, length: 1 - box_iou(a, b), 1.0)


@features.register
def ellipse(spec: EllipseSpec) -> Feature:
    """Build the ellipse similarity."""
    return Feature(_ellipse, spec.cut)


@features.register
def oks(spec: OksSpec) -> Feature:
    """Build the object keypoint similarity."""
    return Feature(lambda a, b, length: _oks(a, b, length, spec.sigma), spec.cut)


def boxes(animals: Animals) -> Float[np.ndarray, "N 4"]:
    """Return left, top, right, bottom of the seen keypoints, px; NaN without any."""
    seen = (animals.weight > 0)[..., None]
    low = np.where(seen, animals.xy, np.inf).min(axis=1, initial=np.inf)
    high = np.where(seen, animals.xy, -np.inf).max(axis=1, initial=-np.inf)
    box = np.concatenate([low, high], axis=1)
    box[~np.isfinite(box).all(axis=1)] = np.nan
    return box


def box_iou(a: Animals, b: Animals) -> Float[np.ndarray, "n m"]:
    """Intersection over union of boxes; 0 for boxes without area, NaN without keypoints."""
    one, two = boxes(a)[:, None], boxes(b)[None]
    sides = np.minimum(one[..., 2:], two[..., 2:]) - np.maximum(one[..., :2], two[..., :2])
    shared = np.maximum(sides, 0).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (one, two)]
    union = areas[0] + areas[1] - shared
    return shared / np.where(union > 0, union, 1.0)


def touching(animals: Animals, length: float) -> Bool[np.ndarray, " N"]:
    """Say who overlaps another: keypoints < 0.1 L apart, or boxes with IoU > 0.3."""
    gaps = _nearest(*animals, length)
    overlaps = np.nan_to_num(box_iou(animals, animals)) > IOU
    np.fill_diagonal(overlaps, False)
    return (gaps < NEAR) | overlaps.any(axis=1)


def _centroid(a: Animals, b: Animals, length: float) -> np.ndarray:
    """Distances of weighted means."""
    one, two = _means(a), _means(b)
    return np.minimum(np.linalg.norm(one[:, None] - two[None], axis=-1) / length, FAR)


def _means(animals: Animals) -> np.ndarray:
    """Weighted mean keypoint (N, 2); NaN where nothing is seen."""
    weight = animals.weight / _positive(animals.weight.sum(axis=1, keepdims=True))
    return (weight[..., None] * np.where(weight[..., None] > 0, animals.xy, 0.0)).sum(axis=1)


def _positive(total: np.ndarray) -> np.ndarray:
    return np.where(total > 0, total, np.nan)


def _ellipse(a: Animals, b: Animals, length: float) -> np.ndarray:
    """Compare centres and axes of the ellipses that hold 95 % of Gaussian keypoints."""
    (centre_a, axis_a, angle_a), (centre_b, axis_b, angle_b) = (_fit(x, length) for x in (a, b))
    gap = np.linalg.norm(centre_a[:, None] - centre_b[None], axis=-1)
    close = np.maximum(1 - gap / np.maximum(axis_a[:, None], axis_b[None]), 0)
    return 1 - close * (0.8 + 0.2 * np.abs(np.cos(angle_a[:, None] - angle_b[None])))


def _fit(animals: Animals, length: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centre (N, 2), long axis (N,) in px and its angle (N,) of each animal."""
    centre = _means(animals)
    weight = animals.weight / _positive(animals.weight.sum(axis=1, keepdims=True))
    away = np.where(weight[..., None] > 0, animals.xy - centre[:, None], 0.0)
    xx, xy, yy = (
        (weight * away[..., i] * away[..., j]).sum(axis=1) for i, j in ((0, 0), (0, 1), (1, 1))
    )
    largest = (xx + yy) / 2 + np.sqrt((xx - yy) ** 2 / 4 + xy**2)
    axis = np.maximum(2 * np.sqrt(5.991 * largest), 0.1 * length)  # χ², 2 d.o.f., 0.95
    return centre, axis, np.arctan2(2 * xy, xx - yy) / 2


def _oks(a: Animals, b: Animals, length: float, sigma: float) -> np.ndarray:
    """Take the track for the truth; NaN for pairs that share no keypoint."""
    seen_a, seen_b = a.weight > 0, b.weight > 0
    here = np.where(seen_a[..., None], a.xy, np.nan)
    there = np.where(seen_b[..., None], b.xy, np.nan)
    sigmas = np.full(a.xy.shape[1], sigma)
    alike = similarity.oks(there, here, similarity.areas(there, length), sigmas)
    shared = seen_a.astype(int) @ seen_b.T.astype(int)
    return np.where(shared > 0, 1 - alike.reshape(len(b.xy), len(a.xy)).T, np.nan)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _keypoints(xy, weight, other, trust, length):
    n, m, joints = len(xy), len(other), xy.shape[1]
    distance = np.full((n, m), np.nan)
    for i in range(n):
        for j in range(m):
            total, mass = 0.0, 0.0
            for k in range(joints):
                w = weight[i, k] * trust[j, k]
                if w > 0:
                    dx, dy = xy[i, k, 0] - other[j, k, 0], xy[i, k, 1] - other[j, k, 1]
                    total += w * min(np.sqrt(dx * dx + dy * dy) / length, FAR)
                    mass += w
            if mass > 0:
                distance[i, j] = total / mass
    return distance


@numba.njit(cache=True, nogil=True)
@no_type_check
def _nearest(xy, weight, length):
    """Gap to the nearest keypoint of another animal, in body lengths (N,)."""
    n, joints = weight.shape
    gap = np.full(n, np.inf)
    for i in range(n):
        for j in range(i):
            for k in range(joints):
                for m in range(joints):
                    if weight[i, k] > 0 and weight[j, m] > 0:
                        dx, dy = xy[i, k, 0] - xy[j, m, 0], xy[i, k, 1] - xy[j, m, 1]
                        far = np.sqrt(dx * dx + dy * dy) / length
                        gap[i], gap[j] = min(gap[i], far), min(gap[j], far)
    return gap
