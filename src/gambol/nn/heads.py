"""Heads: the last layers, from features to the maps of one output."""

import math
from typing import Literal

from torch import Tensor, nn

from gambol.core.registry import Registry, Spec
from gambol.nn.backbones.base import Backbone


class Head(nn.Module):
    """Features of all levels to maps (B, channels, h, w)."""

    stride: int  # input pixels per cell of the maps

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Map features to maps."""
        raise NotImplementedError


heads = Registry[Head]("head")  # built from (spec, backbone, channels, stride or None)


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


class VectorSpec(Spec):
    """One vector an image: the largest of each coarsest feature, through two hidden layers."""

    kind: Literal["vector"] = "vector"
    hidden: int = 64


class _Pointwise(Head):
    def __init__(self, backbone: Backbone, channels: int, stride: int | None) -> None:
        super().__init__()
        self.level = backbone.level(stride)
        width = backbone.channels[self.level]
        self.conv = nn.Conv2d(width, channels, 1)
        nn.init.normal_(self.conv.weight, std=0.1 / math.sqrt(width))
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        self.stride = backbone.strides[self.level]

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        return self.conv(features[self.level])


class _Upsample(Head):
    def __init__(self, backbone: Backbone, channels: int, stride: int | None) -> None:
        super().__init__()
        self.level = backbone.level(None if stride is None else 2 * stride)
        width = backbone.channels[self.level]
        self.conv = nn.ConvTranspose2d(
            width, channels, 3, stride=2, padding=1, output_padding=1
        )
        nn.init.normal_(self.conv.weight, std=0.1 / math.sqrt(9 * width))
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        self.stride = backbone.strides[self.level] // 2

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        return self.conv(features[self.level])


class _Patch(Head):
    def __init__(self, backbone: Backbone, channels: int, patch: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(backbone.channels[0], channels, patch, padding=patch // 2)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        self.stride = backbone.strides[0]

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        return self.conv(features[0]).sigmoid()


class _Vector(Head):
    """Maps of one cell, whatever the size of the image."""

    def __init__(self, backbone: Backbone, channels: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(backbone.channels[-1], hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, channels),
        )
        self.stride = backbone.strides[-1]

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        return self.layers(features[-1].amax((-2, -1)))[..., None, None]


@heads.register
def pointwise(
    spec: PointwiseSpec, backbone: Backbone, channels: int, stride: int | None
) -> Head:
    """Build the 1x1 head."""
    return _Pointwise(backbone, channels, stride)


@heads.register
def upsample(spec: UpsampleSpec, backbone: Backbone, channels: int, stride: int | None) -> Head:
    """Build the doubling head."""
    return _Upsample(backbone, channels, stride)


@heads.register
def patch(spec: PatchSpec, backbone: Backbone, channels: int, stride: int | None) -> Head:
    """Build the patch classifier."""
    return _Patch(backbone, channels, spec.patch)


@heads.register
def vector(spec: VectorSpec, backbone: Backbone, channels: int, stride: int | None) -> Head:
    """Build the head for one answer an image."""
    return _Vector(backbone, channels, spec.hidden)
