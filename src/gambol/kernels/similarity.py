"""How alike two poses are: object keypoint similarity (OKS), and whether two are one animal.

OKS(truth, pose) = mean over the labelled keypoints k of exp(-d_k² / (2 A (2 σ_k)²)), with the
distance d_k and the area A of the labelled animal; a keypoint that the pose lacks adds 0, one
that was not labelled does not count. Source: Ronchi & Perona (2017), ICCV, section 2.
"""

from typing import Literal, NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int

_NOTHING = 500.0  # exp of less is below 1e-217, and slow

AreaOf = Literal["box", "length"]


class Pairs(NamedTuple):
    """Row `one[p]` of the first poses meets row `two[p]` of the second."""

    one: Int[np.ndarray, " P"]
    two: Int[np.ndarray, " P"]


def pairs_within(frame: Int[np.ndarray, " N"], other: Int[np.ndarray, " M"]) -> Pairs:
    """Return all pairs of rows in the same frame, ordered by the first, then the second row.

    >>> pairs_within(np.array([4, 7]), np.array([7, 4, 7]))
    Pairs(one=array([0, 1, 1]), two=array([1, 0, 2]))
    """
    order = np.argsort(other, kind="stable")
    ascending = other[order]
    first = np.searchsorted(ascending, frame, side="left")
    counts = np.searchsorted(ascending, frame, side="right") - first
    one = np.repeat(np.arange(len(frame)), counts)
    start = np.repeat(counts.cumsum() - counts, counts)
    return Pairs(one, order[np.repeat(first, counts) + np.arange(len(one)) - start])


def areas(
    truth: Float[np.ndarray, "N J 2"],
    length: float,
    *,
    of: AreaOf = "box",
    margin: float = 0.0,
    mask: Float[np.ndarray, " N"] | None = None,
) -> Float[np.ndarray, " N"]:
    """Return the area A of every animal, px².

    Where fewer than two labels lie apart, or A < (0.1 L)² (an animal seen end on, or all its
    labels in one line), A is (0.3 L)²: a tiny area would make OKS a test of equality.

    Args:
        truth: labelled keypoints in px; NaN where there is none.
        length: median body length L of the recording, px.
        of: the box around the labelled keypoints, or L² for every animal.
        margin: by how much the box is widened on every side, px.
        mask: areas from segmentation, px², where they are finite.
    """
    known = np.isfinite(truth).all(axis=-1, keepdims=True)
    low = np.where(known, truth, np.inf).min(axis=1, initial=np.inf)
    high = np.where(known, truth, -np.inf).max(axis=1, initial=-np.inf)
    sides = np.where(known.any(axis=1), high - low, 0.0)
    if of == "length":
        return np.full(len(truth), length**2)
    area = (sides + 2.0 * margin).prod(axis=1)
    if mask is not None:
        area = np.where(np.isfinite(mask), mask, area)
    tiny = (area < (0.1 * length) ** 2) | ~(sides > 0).any(axis=1)
    return np.where(tiny, (0.3 * length) ** 2, area)


def oks(
    truth: Float[np.ndarray, "N J 2"],
    xy: Float[np.ndarray, "M J 2"],
    area: Float[np.ndarray, " N"],
    sigma: Float[np.ndarray, " J"],
    *,
    pairs: Pairs | None = None,
    swap: Int[np.ndarray, " J"] | None = None,
) -> Float[np.ndarray, " P"]:
    """Return the OKS of pairs of a labelled animal and a pose, in [0, 1].

    Args:
        truth: labelled keypoints in px; NaN where there is none.
        xy: poses in px; NaN where a keypoint was not found.
        area: of the labelled animals, px²; from `areas`.
        sigma: tolerance of every keypoint as a share of the animal's size.
        pairs: which pairs; all N M of them (row by row of the truth) when left out.
        swap: for every keypoint its mirror image, -1 for none; a pair of keypoints whose sides
            were exchanged is then forgiven (an option of DeepLabCut; name it with the score).
    """
    if pairs is None:
        pairs = Pairs(*(index.ravel() for index in np.indices((len(truth), len(xy)))))
    itself = np.arange(truth.shape[1])
    mirror = itself if swap is None else np.where(swap < 0, itself, swap)
    width = 1.0 / (2.0 * (2.0 * sigma.astype(np.float64)) ** 2)
    return _oks(
        np.ascontiguousarray(truth, np.float64), np.ascontiguousarray(xy, np.float64),
        area.astype(np.float64), width, mirror.astype(np.int64),
        pairs.one.astype(np.int64), pairs.two.astype(np.int64),
    )  # fmt: skip


def same_animal(
    xy: Float[np.ndarray, "N J 2"],
    length: float,
    pairs: Pairs,
    *,
    sigma: float = 0.1,
    alike: float = 0.7,
    near: float = 0.05,
    shared: int = 3,
) -> Bool[np.ndarray, " P"]:
    """Return which pairs of poses of one frame show one animal twice.

    They do if OKS exceeds `alike` with either of the two as the truth (a part of an animal
    equals the whole one), or if `shared` or more common keypoints lie within `near` body
    lengths.
    """
    area = areas(xy, length)
    sigmas = np.full(xy.shape[1], sigma)
    there = oks(xy, xy, area, sigmas, pairs=pairs)
    back = oks(xy, xy, area, sigmas, pairs=Pairs(pairs.two, pairs.one))
    touching = count_near(xy, near * length, pairs)
    return (np.maximum(there, back) > alike) | (touching >= shared)


def count_near(
    xy: Float[np.ndarray, "N J 2"], radius: float, pairs: Pairs
) -> Int[np.ndarray, " P"]:
    """Return how many keypoints two poses share within a radius in px."""
    return _count_near(
        np.ascontiguousarray(xy, np.float64), radius,
        pairs.one.astype(np.int64), pairs.two.astype(np.int64),
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
@no_type_check
def _alike(point, other, scale):
    """Similarity of two points; 0 where one is missing."""
    dx, dy = other[0] - point[0], other[1] - point[1]
    exponent = (dx * dx + dy * dy) * scale
    return np.exp(-exponent) if exponent < _NOTHING else 0.0  # false for NaN


@numba.njit(cache=True, nogil=True)
@no_type_check
def _oks(truth, xy, area, width, mirror, one, two):
    n_keypoints = truth.shape[1]
    result = np.zeros(len(one))
    straight, crossed = np.zeros(n_keypoints), np.zeros(n_keypoints)
    for p in range(len(one)):
        n, m = one[p], two[p]
        labelled = 0
        for k in range(n_keypoints):
            straight[k] = crossed[k] = 0.0
            if not np.isfinite(truth[n, k, 0] + truth[n, k, 1]):
                continue
            labelled += 1
            scale = width[k] / area[n]
            straight[k] = _alike(truth[n, k], xy[m, k], scale)
            other = mirror[k]
            crossed[k] = straight[k] if other == k else _alike(truth[n, k], xy[m, other], scale)
        total = 0.0
        for k in range(n_keypoints):
            other = mirror[k]
            better = crossed[k] + crossed[other] > straight[k] + straight[other]
            total += crossed[k] if better else straight[k]
        if labelled:
            result[p] = total / labelled
    return result


@numba.njit(cache=True, nogil=True)
@no_type_check
def _count_near(xy, radius, one, two):
    result = np.zeros(len(one), np.int64)
    for p in range(len(one)):
        for k in range(xy.shape[1]):
            dx = xy[one[p], k, 0] - xy[two[p], k, 0]
            dy = xy[one[p], k, 1] - xy[two[p], k, 1]
            if dx * dx + dy * dy <= radius * radius:  # false for NaN
                result[p] += 1
    return result
