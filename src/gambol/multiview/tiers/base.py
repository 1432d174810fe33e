"""A tier: one way from 2D points of several cameras to 3D, chosen by `kind`.

What a tier takes from the data (noise, steps, bones, poses) it can also take from a part of a
recording, and then solve any other part with it: `Learner.learn`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import BeforeValidator

from gambol.core.progress import Progress, silent
from gambol.core.registry import Registry
from gambol.core.skeleton import Skeleton


class Problem(NamedTuple):
    """What one animal's points and the cameras are, as arrays."""

    xy: Float[np.ndarray, "T V J 2"]  # px; NaN: not seen
    confidence: Float[np.ndarray, "T V J"]  # 0 to 1
    variance: Float[np.ndarray, "T V J"]  # px² of each coordinate; NaN: not known
    params: Float[np.ndarray, "V 24"]  # `kernels.projection`
    times: Float[np.ndarray, " T"]  # seconds, increasing
    skeleton: Skeleton
    up: Float[np.ndarray, " 3"]  # length 1
    progress: Progress = silent
    candidates: Float[np.ndarray, "T V J C 2"] | None = None  # px; further peaks; xy first
    score: Float[np.ndarray, "T V J C"] | None = None  # of the peaks, 0 to 1

    def of_frames(self, chosen: slice | Int[np.ndarray, " F"]) -> "Problem":
        """Return some frames."""
        return self._replace(
            xy=self.xy[chosen],
            confidence=self.confidence[chosen],
            variance=self.variance[chosen],
            times=self.times[chosen],
            candidates=None if self.candidates is None else self.candidates[chosen],
            score=None if self.score is None else self.score[chosen],
        )

    def of_views(self, chosen: Bool[np.ndarray, " V"]) -> "Problem":
        """Return some views."""
        return self._replace(
            xy=self.xy[:, chosen],
            confidence=self.confidence[:, chosen],
            variance=self.variance[:, chosen],
            params=self.params[chosen],
            candidates=None if self.candidates is None else self.candidates[:, chosen],
            score=None if self.score is None else self.score[:, chosen],
        )

    def at(self, peak: Int[np.ndarray, "T V J"]) -> "Problem":
        """Return one peak of every observation, by its number, and no further candidates."""
        if self.candidates is None or self.score is None:
            return self
        xy = np.take_along_axis(self.candidates, peak[..., None, None], axis=3)[..., 0, :]
        sure = np.take_along_axis(self.score, peak[..., None], axis=3)[..., 0]
        first = peak == 0
        return self._replace(
            xy=np.where(first[..., None], self.xy, xy),
            confidence=np.where(first, self.confidence, np.nan_to_num(sure)),
            candidates=None,
            score=None,
        )


class Solved(NamedTuple):
    """What a tier found. NaN where it found nothing, or does not say."""

    xyz: Float[np.ndarray, "T J 3"]  # world units
    covariance: Float[np.ndarray, "T J 3 3"]  # squared world units
    outlier: Float[np.ndarray, "T V J"]  # probability that the observation is none of the point
    heading: Float[np.ndarray, " T"] | None = None  # radians about `up`
    state_probability: Float[np.ndarray, "T S"] | None = None
    learned: Mapping[str, Any] = {}  # parameters that the tier took from the data, for people
    peak: Int[np.ndarray, "T V J"] | None = None  # of several: the number of the likeliest


Tier = Callable[[Problem], Solved]


@dataclass(frozen=True)
class Learner:
    """A tier that says what it learns: called, it solves a problem with what that tells."""

    solve: Tier
    learn: Callable[[Problem], Tier]  # the tier that knows what this part of a recording tells
    timed: bool = True  # frames may be missing: it knows how much time passes between them
    window: int = 1  # frames that are solved together, counted from the first

    def __call__(self, problem: Problem) -> Solved:
        """Return the 3D points of a problem."""
        return self.solve(problem)


def by_learning(learn: Callable[[Problem], Tier], window: int = 1) -> Learner:
    """Return the tier that solves what it has learned from."""
    return Learner(lambda problem: learn(problem)(problem), learn, window=window)


tiers: Registry[Learner] = Registry("tier")
TierSpec = Annotated[Any, BeforeValidator(tiers.parse)]
