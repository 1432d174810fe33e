"""Confidence maps: a Gaussian around every keypoint, learnt by squared error."""

from typing import Literal

import numpy as np
from jaxtyping import Float
from pydantic import PositiveFloat
from torch import Tensor

from gambol.kernels import decoders, peaks
from gambol.kernels.maxima import Maxima, maxima
from gambol.nn import losses, targets
from gambol.nn.outputs.base import Output, OutputSpec, Positions, outputs
from gambol.nn.targets import Scene, Target

LOW = 0.03
# height of a further peak: of the keypoints that a network missed by 10 px (fly_crops) 34 % had
# their peak among those from .03 on, 11 % from .1 on
APART = 2.0  # σ; a peak is fitted in a window of this radius: nearer ones are the same
DECODERS = {
    "gaussian": peaks.find,
    "argmax": decoders.argmax,
    "integral": decoders.integral,
    "fourier": decoders.fourier,
}


class ConfidenceSpec(OutputSpec):
    """Maps exp(-|c - x|²/2σ²), the highest over animals."""

    kind: Literal["confidence"] = "confidence"
    sigma: PositiveFloat = 3.5  # network pixels; 5 was 0.2 px worse on open-field mice
    hard: bool = False  # learn only from keypoints that lose twice what the easiest does
    decoder: Literal["gaussian", "argmax", "integral", "fourier"] = "gaussian"
    centroid: bool = False  # one more map, of the animals' middles; many.join has use for it

    def channels(self, keypoints: int) -> int:
        """Return one map per keypoint, and one more of the centroids if asked."""
        return keypoints + self.centroid


class Confidence(Positions):
    """One map per keypoint; that of the centroids is the last and no keypoint of an animal."""

    hilly = True

    def __init__(self, spec: ConfidenceSpec, keypoints: int, stride: int) -> None:
        self.spec, self.keypoints = spec, keypoints
        self.stride, self.weight, self.sigma = stride, spec.weight, spec.sigma

    def target(self, scene: Scene) -> Target:
        """Draw the Gaussians."""
        scene = scene.with_middle() if self.spec.centroid else scene
        maps = targets.confidence_maps(scene.said(), scene.size, self.stride, self.sigma)
        return Target(maps, targets.known(scene, self.stride))

    def loss(self, maps: Float[Tensor, "B C h w"], target: Target) -> Float[Tensor, ""]:
        """Squared error; predicting nothing scores 1 per visible keypoint."""
        return losses.map_mse(maps, target, self.stride, self.sigma, self.spec.hard)

    def mirror(
        self, maps: Float[Tensor, "B C h w"], partner: tuple[int, ...]
    ) -> Float[Tensor, "B C h w"]:
        """Exchange the maps of sides and turn all over; a centroid stays one."""
        return super().mirror(maps, (*partner, self.keypoints)[: maps.shape[1]])

    def peaks(self, maps: Float[np.ndarray, "*B C h w"]) -> peaks.Peaks:
        """Refine the highest cell, by a fitted Gaussian unless the spec says otherwise."""
        own = maps[..., : self.keypoints, :, :]
        return DECODERS[self.spec.decoder](own, self.sigma / self.stride)

    def hills(self, maps: Float[np.ndarray, "*B C h w"], limit: int) -> Maxima:
        """Refine the highest local maxima by fitted Gaussians, whatever the decoder."""
        return hills(maps[..., : self.keypoints, :, :], self.sigma / self.stride, limit)

    def crowd(
        self, maps: Float[np.ndarray, "*B C h w"], threshold: float, limit: int
    ) -> Maxima:
        """Refine all local maxima by fitted Gaussians."""
        return maxima(maps, self.sigma / self.stride, threshold, limit)


def hills(maps: Float[np.ndarray, "*B J h w"], sigma: float, limit: int) -> Maxima:
    """Return the highest places of maps where keypoints may be; σ in cells."""
    return maxima(maps, sigma, LOW, limit, APART * sigma)


@outputs.register
def confidence(spec: ConfidenceSpec, keypoints: int, stride: int) -> Output:
    """Build the output."""
    return Confidence(spec, keypoints, stride)
