"""Temporal loss: an animal does not jump from one frame to the next."""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from gambol.nn.unlabelled.base import (
    MOST,
    Labelled,
    Loss,
    LossSpec,
    Shown,
    length,
    losses,
    mean_above,
)

UNKNOWN = 20.0  # video px, where labels do not tell
FEWEST = 20  # labelled steps of a keypoint that tell


class TemporalSpec(LossSpec):
    """mean (‖x_t - x_{t-1}‖ - ε_k)₊, without keypoints that are not seen on either side."""

    kind: Literal["temporal"] = "temporal"
    epsilon: float | None = Field(None, ge=0)
    # video px that a keypoint may move in a frame; null: 99 % of labelled steps do, else 20


class Temporal(Loss):
    """Steps longer than usual."""

    def __init__(self, usual: Float[np.ndarray, " J"]) -> None:
        self.usual = torch.from_numpy(usual.astype(np.float32))

    def of_clip(self, shown: Shown) -> Float[Tensor, ""]:
        """Mean excess over the steps whose both ends are seen."""
        steps = length(shown.xy[1:] - shown.xy[:-1])
        both = shown.seen[1:] & shown.seen[:-1]
        return mean_above(steps, self.usual.to(steps.device), both)


@losses.register
def temporal(spec: TemporalSpec, labelled: Labelled) -> Loss:
    """Build the loss; the usual step is that between labelled neighbours in time."""
    keypoints = labelled.xy.shape[1]
    if spec.epsilon is not None:
        return Temporal(np.full(keypoints, spec.epsilon))
    order = np.lexsort((labelled.frame, labelled.video))
    xy, video, frame = labelled.xy[order], labelled.video[order], labelled.frame[order]
    next_ = (np.diff(video) == 0) & (np.diff(frame) == 1)
    steps = np.linalg.norm(np.diff(xy, axis=0)[next_], axis=-1)  # (S, J)
    usual = np.full(keypoints, UNKNOWN)
    for k in range(keypoints):
        known = steps[np.isfinite(steps[:, k]), k]
        if len(known) >= FEWEST:
            usual[k] = np.quantile(known, MOST)
    return Temporal(usual)
