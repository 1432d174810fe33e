"""What a loss of unlabelled frames is: what it learns from labels, and what it says of a clip.

Every loss is in video pixels and enters with the weight ½ e^{-λ}: spec/pose.md §13. Source:
Biderman, Whiteway et al. (2024), Nature Methods 21:1316.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from pydantic import FiniteFloat
from torch import Tensor

from gambol.core.registry import Registry, Spec

SEEN = 0.05  # P(correct), here the height of the peak, from which a keypoint counts
MOST = 0.99  # quantile of what labels do: more than that is wrong


class LossSpec(Spec):
    """Settings that every loss has."""

    strength: FiniteFloat = 6.0  # λ: the loss, in video px, weighs ½ e^{-λ}

    @property
    def weight(self) -> float:
        """Return ½ e^{-λ}."""
        return math.exp(-self.strength) / 2


class Labelled(NamedTuple):
    """Training labels, from which a loss learns what is usual."""

    xy: Float[np.ndarray, "N J 2"]  # video px; NaN where absent or unlabelled
    video: Int[np.ndarray, " N"]
    frame: Int[np.ndarray, " N"]
    keypoints: tuple[str, ...]
    turns: bool  # the animal lies anyhow in the picture, as seen from above


class Shown(NamedTuple):
    """What the network says of consecutive frames."""

    xy: Float[Tensor, "T J 2"]  # video px
    peak: Float[Tensor, "T J"]  # 0 to 1, without gradient

    @property
    def seen(self) -> Bool[Tensor, "T J"]:
        """Which keypoints count."""
        return self.peak >= SEEN


class Loss:
    """One loss; it holds no weights of a network."""

    copies: bool = False  # it compares with a moved and lit copy instead of looking at a clip
    sure: float = 0.0  # height of a teacher's peak from which it tells something

    def of_clip(self, shown: Shown) -> Float[Tensor, ""]:
        """How unusual a clip is, px."""
        raise NotImplementedError

    def of_copy(self, student: Shown, teacher: Float[Tensor, "T J 2"]) -> Float[Tensor, ""]:
        """How far answers to copies are from the teacher's, NaN where it is not sure; px."""
        raise NotImplementedError


losses = Registry[Loss]("unlabelled loss")  # built from (spec, what was labelled)


def length(way: Float[Tensor, "*some 2"]) -> Float[Tensor, "*some"]:
    """Euclidean norm, with a gradient at 0, too."""
    total: Float[Tensor, "*some"] = torch.sqrt((way**2).sum(-1) + 1e-8)
    return total


def mean_above(
    off: Float[Tensor, "*some"], usual: Float[Tensor, "*any"], counts: Bool[Tensor, "*some"]
) -> Float[Tensor, ""]:
    """Mean of what exceeds the usual over what counts; 0 where nothing does."""
    above = torch.relu(off - usual) * counts
    return above.sum() / counts.sum().clamp(min=1)
