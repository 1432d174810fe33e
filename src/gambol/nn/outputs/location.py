"""Location refinement: is the keypoint near this cell, and how far is it from here?

Source: Insafutdinov et al. (2016), ECCV, "DeeperCut"; R = 17 px and ℓ = 7.2801 px as there.
"""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from pydantic import PositiveFloat
from scipy.special import expit
from torch import Tensor

from gambol.kernels import decoders
from gambol.kernels.peaks import Peaks
from gambol.nn import losses, targets
from gambol.nn.outputs.base import Output, OutputSpec, Positions, outputs
from gambol.nn.targets import Scene, Target


class LocationSpec(OutputSpec):
    """J logits of being within `radius` of a keypoint, then J pairs of offsets (x - c)/ℓ."""

    kind: Literal["location"] = "location"
    radius: PositiveFloat | None = None  # R, network pixels; null: twice the stride
    length: PositiveFloat | None = None  # ℓ, network pixels, unit of offsets; null: half of R

    def channels(self, keypoints: int) -> int:
        """Return three maps per keypoint."""
        return 3 * keypoints


class Location(Positions):
    """Plateaus and offsets; where animals overlap, a cell belongs to the nearest one."""

    def __init__(self, spec: LocationSpec, keypoints: int, stride: int) -> None:
        self.keypoints, self.stride, self.weight = keypoints, stride, spec.weight
        self.radius = 2.0 * stride if spec.radius is None else spec.radius
        self.length = self.radius / 2 if spec.length is None else spec.length

    def target(self, scene: Scene) -> Target:
        """Draw plateaus and, on them alone, offsets."""
        known = targets.known(scene, self.stride)
        near, way = targets.plateaus(scene.said(), scene.size, self.stride, self.radius)
        there = (known * near).repeat_interleave(2, 1)
        maps = torch.cat([near, way.flatten(1, 2) / self.length], 1)
        return Target(maps, torch.cat([known, there], 1))

    def loss(self, maps: Float[Tensor, "B C h w"], target: Target) -> Float[Tensor, ""]:
        """Cross-entropy of the plateaus, 0.05 Huber of the offsets; log 2 for all logits 0."""
        j = self.keypoints
        plateaus = Target(target.maps[:, :j], target.weight[:, :j])
        offsets = Target(target.maps[:, j:], target.weight[:, j:])
        return losses.map_bce(maps[:, :j], plateaus) + losses.offset_huber(maps[:, j:], offsets)

    def mirror(
        self, maps: Float[Tensor, "B C h w"], partner: tuple[int, ...]
    ) -> Float[Tensor, "B C h w"]:
        """Exchange the maps of sides and turn them over, the offsets along x too."""
        j = self.keypoints
        turned = maps.flip(-1)
        x, y = turned[:, j::2][:, list(partner)], turned[:, j + 1 :: 2][:, list(partner)]
        offsets = torch.stack([-x, y], 2).flatten(1, 2)
        return torch.cat([turned[:, list(partner)], offsets], 1)

    def peaks(self, maps: Float[np.ndarray, "*B C h w"]) -> Peaks:
        """Go from the likeliest cell by its offset; height is its probability."""
        j, (h, w) = self.keypoints, maps.shape[-2:]
        offsets = maps[..., j:, :, :].reshape(*maps.shape[:-3], j, 2, h, w)
        near = expit(maps[..., :j, :, :])
        in_cells = offsets * (self.length / self.stride)
        return decoders.votes(near, in_cells, self.radius / self.stride)


@outputs.register
def location(spec: LocationSpec, keypoints: int, stride: int) -> Output:
    """Build the output."""
    return Location(spec, keypoints, stride)
