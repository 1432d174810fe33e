"""Cleaning detections: what is no animal, is one animal twice, or is one animal too many.

No detection is deleted. Every row gets a verdict, and what is not kept goes through tracking as
`untracked`, so that a person can see it and bring it back. All lengths are in body lengths L of
the recording, all sizes are compared on a log scale.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.instances import Detections, body_length
from gambol.kernels.similarity import Pairs, count_near, pairs_within, same_animal

_LEAST_SPREAD = (
    0.05  # of log sizes: animals that hold still may still stretch by a few per cent
)


class Verdict(IntEnum):
    """What became of a detection."""

    KEPT = 0
    INCOMPLETE = 1  # too few keypoints that are probably right
    MISSHAPEN = 2  # of a size or shape that no animal of the recording has
    OUTSIDE = 3  # its centre lies outside the arena
    DUPLICATE = 4  # shows an animal that a better detection shows
    SURPLUS = 5  # beyond the number of animals


class Cleaning(Config):
    """Settings of the filters."""

    same_oks: NonNegativeFloat = 0.7  # more alike is one animal twice
    same_sigma: PositiveFloat = 0.1  # σ of that similarity
    same_near: NonNegativeFloat = 0.05  # L; or if keypoints lie so close …
    same_keypoints: PositiveInt = 3  # … and at least so many of them
    min_keypoints: NonNegativeInt = 2  # that an animal shows
    min_share: NonNegativeFloat = 0.2  # of the keypoints, with P(correct) above min_confidence
    min_confidence: NonNegativeFloat = 0.5  # of these keypoints
    max_z: PositiveFloat = 6.0  # robust: real animals reach 5.6 on four fly recordings
    arena: tuple[tuple[float, float], ...] | None = None  # polygon, video px
    n_animals: PositiveInt | None = None  # at most so many are kept in a frame


class Cleaned(NamedTuple):
    """The detections as they came, row by row, and a verdict on each."""

    detections: Detections  # positions changed only where a duplicate completed an animal
    verdict: Int[np.ndarray, " D"]  # codes of Verdict
    duplicate_of: Int[np.ndarray, " D"]  # row that shows the same animal; -1 for none

    @property
    def kept(self) -> Bool[np.ndarray, " D"]:
        """Which detections may become part of a track."""
        return np.asarray(self.verdict == Verdict.KEPT)

    def summary(self) -> dict[str, int]:
        """Return how many detections met which verdict."""
        counts = np.bincount(self.verdict, minlength=len(Verdict))
        return {v.name.lower(): int(counts[v]) for v in Verdict}


class Usual(NamedTuple):
    """Log sizes of the animals of a recording, as `sizes` measures them."""

    middle: Float[np.ndarray, " S"]  # median
    spread: Float[np.ndarray, " S"]  # robust standard deviation


def clean(
    detections: Detections,
    edges: Sequence[tuple[int, int]] = (),
    cfg: Cleaning = Cleaning(),  # noqa: B008 - settings are frozen
    *,
    length: float | None = None,
    usual: Usual | None = None,
) -> Cleaned:
    """Judge the detections of one recording.

    Filters of single detections come first, so that no spurious one suppresses an animal;
    then one animal shown twice; then the number of animals. Given `length` and `usual` of a
    recording, whole frames of it are judged as they are among all.

    Args:
        detections: of a recording, sorted by frame.
        edges: bones, as pairs of keypoint indices; without them only the size is judged.
        cfg: settings.
        length: body length L in px; of these detections when left out.
        usual: sizes of the animals; of these detections when left out.
    """
    rows = len(detections.frame)
    size = body_length(detections.xy) if length is None else length
    z = shape_z(detections.xy, edges, usual)
    verdict = np.full(rows, int(Verdict.KEPT))
    verdict[z >= cfg.max_z] = Verdict.MISSHAPEN
    verdict[~_complete(detections, cfg)] = Verdict.INCOMPLETE
    if cfg.arena is not None:
        verdict[~_inside(centres(detections.xy), cfg.arena)] = Verdict.OUTSIDE
    order = _best_first(detections, z)
    duplicate_of = _duplicates(detections, order[verdict[order] == Verdict.KEPT], size, cfg)
    verdict[duplicate_of >= 0] = Verdict.DUPLICATE
    if cfg.n_animals is not None:
        left = order[verdict[order] == Verdict.KEPT]
        verdict[left[_rank(detections.frame[left]) >= cfg.n_animals]] = Verdict.SURPLUS
    return Cleaned(_merged(detections, duplicate_of, size, cfg), verdict, duplicate_of)


def shape_z(
    xy: Float[np.ndarray, "D J 2"],
    edges: Sequence[tuple[int, int]] = (),
    usual: Usual | None = None,
) -> Float[np.ndarray, " D"]:
    """Return how unusual size and shape are, in robust standard deviations of the recording.

    The larger of two numbers: of the box diagonal (too small counts only where no keypoint is
    missing, since part of an animal has a small box) and the median over the bones (one
    keypoint on a wrong place does not make an animal misshapen; most of them do).
    """
    measured = sizes(xy, edges)
    usual = usual or usual_of(measured.T)
    z = (_log(measured) - usual.middle) / np.fmax(usual.spread, _LEAST_SPREAD)
    whole = np.isfinite(xy).all(axis=(1, 2))
    box = np.where(whole, np.abs(z[:, 0]), np.maximum(z[:, 0], 0.0))
    return np.fmax(np.nan_to_num(box), _row_medians(np.abs(z[:, 1:])))


def sizes(
    xy: Float[np.ndarray, "D J 2"], edges: Sequence[tuple[int, int]]
) -> Float[np.ndarray, "D S"]:
    """Return the diagonal of the box, then the length of every bone, px; NaN where unknown."""
    seen = np.isfinite(xy).all(axis=-1)
    low = np.where(seen[..., None], xy, np.inf).min(axis=1, initial=np.inf)
    high = np.where(seen[..., None], xy, -np.inf).max(axis=1, initial=-np.inf)
    several = seen.sum(axis=1, keepdims=True) > 1
    sides = np.where(several, high, np.nan) - np.where(several, low, np.nan)
    ends = np.array(edges, np.int64).reshape(-1, 2)
    bones = np.linalg.norm(xy[:, ends[:, 0]] - xy[:, ends[:, 1]], axis=-1)  # (D, edges)
    return np.concatenate([np.linalg.norm(sides, axis=-1)[:, None], bones], axis=1)


def usual_of(columns: Iterable[Float[np.ndarray, " D"]]) -> Usual:
    """Return the usual sizes of a recording; columns are those of `sizes`, one at a time."""
    middle, spread = [], []
    for column in columns:
        logs = _log(column)[None]
        middle.append(float(_row_medians(logs)[0]))
        spread.append(1.4826 * float(_row_medians(np.abs(logs - middle[-1]))[0]))
    return Usual(np.array(middle), np.array(spread))


def centres(xy: Float[np.ndarray, "D J 2"]) -> Float[np.ndarray, "D 2"]:
    """Return the mean of the found keypoints of every detection; NaN where none was found."""
    seen = np.isfinite(xy).all(axis=-1, keepdims=True)
    count = seen.sum(axis=1).astype(np.float64)
    total = np.where(seen, xy, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1.0), np.nan)


def _log(sizes: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    return np.log(np.where(sizes > 0, sizes, np.nan))


def _row_medians(values: Float[np.ndarray, "R S"]) -> Float[np.ndarray, " R"]:
    """Median of the known values of every row; NaN where none is known."""
    ascending = np.sort(values, axis=1)  # NaN last
    known = np.isfinite(values).sum(axis=1)
    padded = np.concatenate([ascending, np.full((len(values), 1), np.nan)], axis=1)
    rows = np.arange(len(values))
    middle = padded[rows, np.maximum(known - 1, 0) // 2] + padded[rows, known // 2]
    return np.where(known > 0, middle / 2.0, np.nan)


def _complete(detections: Detections, cfg: Cleaning) -> Bool[np.ndarray, " D"]:
    seen = np.isfinite(detections.xy).all(axis=-1)
    right = seen & (detections.confidence > cfg.min_confidence)
    count, n_keypoints = right.sum(axis=1), seen.shape[1]
    enough = count >= min(cfg.min_keypoints, n_keypoints)
    return np.asarray(enough & (count >= cfg.min_share * n_keypoints - 1e-9))


def _inside(
    points: Float[np.ndarray, "D 2"], arena: Sequence[tuple[float, float]]
) -> Bool[np.ndarray, " D"]:
    """Which points a polygon holds: a ray to the right crosses its sides an odd time."""
    if len(arena) < 3:
        raise InputError(f"arena has {len(arena)} corners; a polygon needs at least 3")
    here = np.array(arena, np.float64)
    there = np.roll(here, -1, axis=0)
    x, y = points[:, :1], points[:, 1:]
    spans = (here[:, 1] > y) != (there[:, 1] > y)  # (D, sides)
    rise = np.where(there[:, 1] == here[:, 1], 1.0, there[:, 1] - here[:, 1])
    at = here[:, 0] + (y - here[:, 1]) / rise * (there[:, 0] - here[:, 0])
    return np.asarray((spans & (x < at)).sum(axis=1) % 2 == 1)


def _best_first(detections: Detections, z: Float[np.ndarray, " D"]) -> Int[np.ndarray, " D"]:
    """Rows by frame, then score; of equal scores the more complete, then the more usual one."""
    sure = np.where(np.isfinite(detections.xy).all(axis=-1), detections.confidence, 0.0)
    score = np.nan_to_num(detections.score, nan=-np.inf)
    usual = np.nan_to_num(z, nan=np.inf)
    keys = (usual, -sure.sum(axis=1), -score, detections.frame)
    return np.lexsort(keys).astype(np.int64)


def _rank(frame: Int[np.ndarray, " R"]) -> Int[np.ndarray, " R"]:
    """Place of every row among those of its frame; equal frames stand together."""
    starts = np.flatnonzero(np.diff(frame, prepend=-1))
    return np.arange(len(frame)) - np.repeat(starts, np.diff(starts, append=len(frame)))


def _duplicates(
    detections: Detections, order: Int[np.ndarray, " R"], length: float, cfg: Cleaning
) -> Int[np.ndarray, " D"]:
    """For every row the better row that shows the same animal, else -1."""
    frame = detections.frame[order]
    met = pairs_within(frame, frame)
    better = met.one < met.two
    one, two = order[met.one[better]], order[met.two[better]]
    same = same_animal(
        detections.xy, length, Pairs(one, two), sigma=cfg.same_sigma, alike=cfg.same_oks,
        near=cfg.same_near, shared=cfg.same_keypoints,
    )  # fmt: skip
    result = np.full(len(detections.frame), -1)
    for best, other in zip(one[same].tolist(), two[same].tolist(), strict=True):
        if result[best] < 0 and result[other] < 0:  # a suppressed one suppresses no other
            result[other] = best
    return result


def _merged(
    detections: Detections, duplicate_of: Int[np.ndarray, " D"], length: float, cfg: Cleaning
) -> Detections:
    """Give an animal the keypoints that only its duplicate has.

    Only if the two complete each other: each has a keypoint that the other lacks, and what
    both have lies together.
    """
    other = np.flatnonzero(duplicate_of >= 0)
    if not len(other):
        return detections
    best = duplicate_of[other]
    seen = np.isfinite(detections.xy).all(axis=-1)
    near = count_near(detections.xy, cfg.same_near * length, Pairs(best, other))
    shared = (seen[best] & seen[other]).sum(axis=1)
    lacks, surplus = (seen[other] & ~seen[best]), (seen[best] & ~seen[other])
    complete = (near == shared) & lacks.any(axis=1) & surplus.any(axis=1)
    xy, cov = detections.xy.copy(), detections.cov.copy()
    confidence = detections.confidence.copy()
    for n in np.flatnonzero(complete)[::-1]:  # the best of several duplicates has the last word
        new = lacks[n]
        for part in (xy, cov, confidence):
            part[best[n], new] = part[other[n], new]
    return detections._replace(xy=xy, cov=cov, confidence=confidence)
