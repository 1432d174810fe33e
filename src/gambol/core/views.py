"""What several cameras saw of one animal, before it has a place in the world."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core.skeleton import Skeleton


class Views(NamedTuple):
    """2D detections of one animal in V cameras, on one clock; matched to cameras by name."""

    cameras: tuple[str, ...]  # V names
    xy: Float[np.ndarray, "T V J 2"]  # px; NaN where a camera did not see it
    confidence: Float[np.ndarray, "T V J"]  # 0 to 1; 1 where nothing is known
    variance: Float[np.ndarray, "T V J"]  # px² of each coordinate; NaN where not known
    times: Float[np.ndarray, " T"]  # seconds
    skeleton: Skeleton
    # where a detector names several peaks, the first being xy; px, NaN where there are fewer
    candidates: Float[np.ndarray, "T V J C 2"] | None = None
    candidate_score: Float[np.ndarray, "T V J C"] | None = None  # 0 to 1; that of xy first

    def of_frames(self, chosen: slice | Int[np.ndarray, " F"]) -> "Views":
        """Return some frames."""
        several, score = self.candidates, self.candidate_score
        return self._replace(
            xy=self.xy[chosen],
            confidence=self.confidence[chosen],
            variance=self.variance[chosen],
            times=self.times[chosen],
            candidates=None if several is None else several[chosen],
            candidate_score=None if score is None else score[chosen],
        )

    def hung(self, skeleton: Skeleton) -> "Views":
        """Return the keypoints of a skeleton, in its order; all of them are known."""
        place = [self.skeleton.keypoints.index(name) for name in skeleton.keypoints]
        several, score = self.candidates, self.candidate_score
        return self._replace(
            xy=self.xy[:, :, place],
            confidence=self.confidence[:, :, place],
            variance=self.variance[:, :, place],
            skeleton=skeleton,
            candidates=None if several is None else several[:, :, place],
            candidate_score=None if score is None else score[:, :, place],
        )

    def at(self, peak: Int[np.ndarray, "T V J"]) -> "Views":
        """Return one peak of every observation, by its number, and no further candidates.

        Its variance is that of the first: what blurs one peak blurs those beside it.
        """
        if self.candidates is None or self.candidate_score is None:
            return self
        xy = np.take_along_axis(self.candidates, peak[..., None, None], axis=3)[..., 0, :]
        sure = np.take_along_axis(self.candidate_score, peak[..., None], axis=3)[..., 0]
        first = peak == 0
        return self._replace(
            xy=np.where(first[..., None], self.xy, xy),
            confidence=np.where(first, self.confidence, np.nan_to_num(sure)),
            candidates=None,
            candidate_score=None,
        )


def joined(parts: Sequence[Views]) -> Views:
    """Put stretches of one recording one after another; they name equally many candidates."""
    if len(parts) == 1:
        return parts[0]
    several = [part.candidates for part in parts if part.candidates is not None]
    scores = [part.candidate_score for part in parts if part.candidate_score is not None]
    return parts[0]._replace(
        xy=np.concatenate([part.xy for part in parts]),
        confidence=np.concatenate([part.confidence for part in parts]),
        variance=np.concatenate([part.variance for part in parts]),
        times=np.concatenate([part.times for part in parts]),
        candidates=np.concatenate(several) if several else None,
        candidate_score=np.concatenate(scores) if scores else None,
    )


def of_points(
    xy: Float[np.ndarray, "T V J 2"],
    cameras: tuple[str, ...],
    skeleton: Skeleton,
    *,
    confidence: Float[np.ndarray, "T V J"] | None = None,
    variance: Float[np.ndarray, "T V J"] | None = None,
    fps: float = 1.0,
) -> Views:
    """Return bare points as views: sure of all that is there, frames evenly spaced."""
    shape = xy.shape[:-1]
    return Views(
        cameras,
        np.asarray(xy, float),
        np.ones(shape) if confidence is None else np.asarray(confidence, float),
        np.full(shape, np.nan) if variance is None else np.asarray(variance, float),
        np.arange(len(xy)) / fps,
        skeleton,
    )
