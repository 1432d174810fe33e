"""Heads: from features to maps of one channel per keypoint."""

import math
from typing import Literal

from torch import Tensor, nn

from gambol.core.registry import Registry, Spec
from gambol.nn.backbones.base import Backbone


class Head(nn.Module):
    """Features to maps (B, J, h, w)."""

    stride: int  # input pixels per cell of the maps

    def forward(self, features: Tensor) -> Tensor:
        """Map features to maps."""
        raise NotImplementedError


heads = Registry[Head]("head")


class PointwiseSpec(Spec):
    """One 1x1 convolution."""

    kind: Literal["pointwise"] = "pointwise"


class UpsampleSpec(Spec):
    """One 3x3 transposed convolution that doubles the resolution (LEAP)."""

    kind: Literal["upsample"] = "upsample"


class PatchSpec(Spec):
    """One convolution over a whole patch and a sigmoid: logistic regression."""

    kind: Literal["patch"] = "patch"
    patch: int = 31


class _Pointwise(Head):
    def __init__(self, backbone: Backbone, keypoints: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(backbone.channels, keypoints, 1)
        nn.init.normal_(self.conv.weight, std=0.1 / math.sqrt(backbone.channels))
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        self.stride = backbone.stride

    def forward(self, features: Tensor) -> Tensor:
        return self.conv(features)


class _Upsample(Head):
    def __init__(self, backbone: Backbone, keypoints: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(
            backbone.channels, keypoints, 3, stride=2, padding=1, output_padding=1
        )
        nn.init.normal_(self.conv.weight, std=0.1 / math.sqrt(9 * backbone.channels))
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        self.stride = backbone.stride // 2

    def forward(self, features: Tensor) -> Tensor:
        return self.conv(features)


class _Patch(Head):
    def __init__(self, backbone: Backbone, keypoints: int, patch: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(backbone.channels, keypoints, patch, padding=patch // 2)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        self.stride = backbone.stride

    def forward(self, features: Tensor) -> Tensor:
        return self.conv(features).sigmoid()


@heads.register
def pointwise(spec: PointwiseSpec, backbone: Backbone, keypoints: int) -> Head:
    """Build the 1x1 head."""
    return _Pointwise(backbone, keypoints)


@heads.register
def upsample(spec: UpsampleSpec, backbone: Backbone, keypoints: int) -> Head:
    """Build the doubling head."""
    return _Upsample(backbone, keypoints)


@heads.register
def patch(spec: PatchSpec, backbone: Backbone, keypoints: int) -> Head:
    """Build the patch classifier."""
    return _Patch(backbone, keypoints, spec.patch)
