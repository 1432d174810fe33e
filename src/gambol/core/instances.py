"""Detections: animals found in frames, before and after they have names."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

UNTRACKED = -1  # the id of a detection that belongs to no animal


class Detections(NamedTuple):
    """D animals found in a recording; row d is one animal in one frame.

    Rows are sorted by frame; within a frame their order means nothing.
    """

    frame: Int[np.ndarray, " D"]  # index into the recording, not decreasing
    xy: Float[np.ndarray, "D J 2"]  # video pixels; NaN where a keypoint was not found
    cov: Float[np.ndarray, "D J 2 2"]  # px²; NaN where xy is
    confidence: Float[np.ndarray, "D J"]  # P(keypoint is right), calibrated; 0 where missing
    score: Float[np.ndarray, " D"]  # P(this is a real animal), calibrated
    embedding: Float[np.ndarray, "D E"]  # looks, of length 1; E = 0 where nothing was learned
    identity: Float[np.ndarray, "D A"]  # log P(this is animal a); A = 0 without classes

    def select(self, rows: np.ndarray) -> "Detections":
        """Return the rows that an index or a mask picks."""
        return Detections(*(part[rows] for part in self))


def join(parts: Sequence[Detections]) -> Detections:
    """Put detections one below the other, in the order of their parts."""
    return Detections(*(np.concatenate(part) for part in zip(*parts, strict=True)))


class Candidates(NamedTuple):
    """Up to C peaks of every keypoint of D animals, the first being the position."""

    xy: Float[np.ndarray, "D J C 2"]  # video pixels; NaN where there are fewer
    score: Float[np.ndarray, "D J C"]  # what each is worth alone, 0 to 1; NaN where xy is


class Tracks(NamedTuple):
    """Who the detections of a recording are."""

    id: Int[np.ndarray, " D"]  # 0 … n_animals - 1, or UNTRACKED; distinct within a frame
    confidence: Float[np.ndarray, " D"]  # P(this identity is right); 0 where untracked
    n_animals: int


def from_positions(
    frame: Int[np.ndarray, " D"],
    xy: Float[np.ndarray, "D J 2"],
    *,
    sd: float = 1.0,
) -> Detections:
    """Make detections of positions alone, each equally certain.

    Args:
        frame: index into the recording; rows are sorted by it here.
        xy: video pixels; NaN where a keypoint was not found.
        sd: standard deviation of every coordinate, px.
    """
    order = np.argsort(frame, kind="stable")
    frame, xy = frame[order].astype(np.int64), xy[order].astype(np.float64)
    found = np.isfinite(xy).all(axis=-1)
    cov = np.where(found[..., None, None], sd**2 * np.eye(2), np.nan)
    empty = np.zeros((len(frame), 0))
    return Detections(
        frame, xy, cov, found.astype(np.float64), np.ones(len(frame)), empty, empty.copy()
    )


def body_length(xy: Float[np.ndarray, "D J 2"]) -> float:
    """Median diagonal of the box of the keypoints of an animal, px; all lengths are in it.

    Animals with fewer than two keypoints do not count; 1 when there is no other.
    """
    seen = np.isfinite(xy).all(axis=-1)
    several = seen.sum(axis=1) >= 2
    if not several.any():
        return 1.0
    boxes = np.nanmax(xy[several], axis=1) - np.nanmin(xy[several], axis=1)
    diagonal = float(np.median(np.linalg.norm(boxes, axis=1)))
    return diagonal if diagonal > 0 else 1.0
