"""Softmax maps: the probability of each cell to hold the keypoint, learnt by KL divergence.

Maps that sum to 1 cannot say that a keypoint is absent. So there is one more place beside the
cells, nowhere, whose logit is always 0: absent keypoints are there, and the height of a peak
is the probability that its surroundings hold the keypoint.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float
from pydantic import PositiveFloat
from torch import Tensor

from gambol.kernels import decoders
from gambol.kernels.peaks import Peaks
from gambol.nn import losses, targets
from gambol.nn.outputs.base import Output, OutputSpec, Positions, outputs
from gambol.nn.targets import Scene, Target

CORNER = 0.25  # of a Gaussian lies in the image when its centre lies on the image's corner


class SoftmaxSpec(OutputSpec):
    """Logits of maps proportional to exp(-|c - x|²/2σ²)."""

    kind: Literal["softmax"] = "softmax"
    sigma: PositiveFloat = 3.5  # network pixels

    def channels(self, keypoints: int) -> int:
        """Return one map per keypoint."""
        return keypoints


class Softmax(Positions):
    """One distribution over cells and nowhere per keypoint."""

    def __init__(self, spec: SoftmaxSpec, keypoints: int, stride: int) -> None:
        self.keypoints, self.stride, self.weight = keypoints, stride, spec.weight
        self.sigma = spec.sigma

    def target(self, scene: Scene) -> Target:
        """Draw Gaussians that sum to 1; to less where the point itself lies outside."""
        known = targets.known(scene, self.stride)
        maps = targets.confidence_maps(scene.said(), scene.size, self.stride, self.sigma)
        return Target(normalised(maps * known, self.stride, self.sigma), known)

    def loss(self, maps: Float[Tensor, "B C h w"], target: Target) -> Float[Tensor, ""]:
        """KL divergence over known cells; guessing all places alike scores 1."""
        open_ = target.weight.flatten(2) > 0
        return losses.softmax_kl(maps.flatten(2), target.maps.flatten(2), open_)

    def peaks(self, maps: Float[np.ndarray, "*B C h w"]) -> Peaks:
        """Local expectation; height is the mass within ±2σ, some 0.95 or near 0 if absent."""
        return decoders.expectation(probabilities(maps), self.sigma / self.stride)


def normalised(
    maps: Float[Tensor, "B J h w"], stride: int, sigma: float
) -> Float[Tensor, "B J h w"]:
    """Scale confidence maps to sum 1, or less where only the tail of one reaches inside."""
    total = maps.sum((-2, -1), keepdim=True)
    share = total / (2 * targets.blob(stride, sigma))  # a whole Gaussian sums to 2πσ²/s²
    return maps / total.clamp(min=1e-12) * (share / CORNER).clamp(max=1)


def probabilities(logits: Float[np.ndarray, "*B C h w"]) -> Float[np.ndarray, "*B C h w"]:
    """Softmax over the cells of a map and nowhere, without the latter."""
    top = np.maximum(logits.max((-2, -1), keepdims=True), 0.0)
    odds = np.exp(logits - top)
    return odds / (odds.sum((-2, -1), keepdims=True) + np.exp(-top))


@outputs.register
def softmax(spec: SoftmaxSpec, keypoints: int, stride: int) -> Output:
    """Build the output."""
    return Softmax(spec, keypoints, stride)
