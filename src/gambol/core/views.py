"""What several cameras saw of one animal, before it has a place in the world."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.skeleton import Skeleton


class Views(NamedTuple):
    """2D detections of one animal in V cameras, on one clock; matched to cameras by name."""

    cameras: tuple[str, ...]  # V names
    xy: Float[np.ndarray, "T V J 2"]  # px; NaN where a camera did not see it
    confidence: Float[np.ndarray, "T V J"]  # 0 to 1; 1 where nothing is known
    variance: Float[np.ndarray, "T V J"]  # px² of each coordinate; NaN where not known
    times: Float[np.ndarray, " T"]  # seconds
    skeleton: Skeleton


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
