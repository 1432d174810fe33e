"""Heads: the last layers, from features to the maps of one output."""

import math
from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from gambol.core.errors import InputError
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
    """One 3x3 transposed convolution that doubles the resolution (LEAP, DeepLabCut)."""

    kind: Literal["upsample"] = "upsample"


class SimpleSpec(Spec):
    """Transposed convolutions 4x4, each doubling the resolution, and one 1x1 convolution.

    Source: Xiao, Wu and Wei (2018), ECCV, "Simple baselines for human pose estimation".
    """

    kind: Literal["simple"] = "simple"
    doublings: int = Field(2, ge=1, le=4)  # of the resolution
    width: int = Field(256, ge=8, le=1024)  # channels of each


class ShuffleSpec(Spec):
    """Four channels laid out as one of twice the size, then as `upsample`: few parameters."""

    kind: Literal["shuffle"] = "shuffle"


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
        self.conv = _last(backbone.channels[self.level], channels)
        self.stride = backbone.strides[self.level]

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        return self.conv(features[self.level])


class _Upsample(Head):
    def __init__(self, backbone: Backbone, channels: int, stride: int | None) -> None:
        super().__init__()
        self.level = backbone.level(None if stride is None else 2 * stride)
        self.conv = _doubling(backbone.channels[self.level], channels)
        self.stride = _finer(backbone.strides[self.level], 2)

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        return self.conv(features[self.level])


class _Simple(Head):
    def __init__(
        self, spec: SimpleSpec, backbone: Backbone, channels: int, stride: int | None
    ) -> None:
        super().__init__()
        times = 2**spec.doublings
        self.level = backbone.level(None if stride is None else times * stride)
        before, layers = backbone.channels[self.level], []
        for _ in range(spec.doublings):
            conv = nn.ConvTranspose2d(before, spec.width, 4, 2, padding=1, bias=False)
            nn.init.normal_(conv.weight, std=1 / math.sqrt(4 * before))
            layers += [conv, nn.BatchNorm2d(spec.width), nn.ReLU(inplace=True)]
            before = spec.width
        self.layers, self.conv = nn.Sequential(*layers), _last(before, channels)
        self.stride = _finer(backbone.strides[self.level], times)

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        return self.conv(self.layers(features[self.level]))


class _Shuffle(Head):
    def __init__(self, backbone: Backbone, channels: int, stride: int | None) -> None:
        super().__init__()
        self.level = backbone.level(None if stride is None else 4 * stride)
        width = backbone.channels[self.level] // 4
        if not width:
            raise InputError("head shuffle needs four channels of features; take upsample")
        self.conv = _doubling(width, channels)
        self.kept = 4 * width
        self.stride = _finer(backbone.strides[self.level], 4)

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        return self.conv(F.pixel_shuffle(features[self.level][:, : self.kept], 2))


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


def _last(width: int, channels: int) -> nn.Conv2d:
    conv = nn.Conv2d(width, channels, 1)
    nn.init.normal_(conv.weight, std=0.1 / math.sqrt(width))
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv


def _doubling(width: int, channels: int) -> nn.ConvTranspose2d:
    conv = nn.ConvTranspose2d(width, channels, 3, stride=2, padding=1, output_padding=1)
    nn.init.normal_(conv.weight, std=0.1 / math.sqrt(9 * width))
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv


def _finer(stride: int, times: int) -> int:
    if stride % times:
        raise InputError(
            f"this head makes cells {times} times smaller, and the features have stride "
            f"{stride}; take head pointwise, or a backbone with coarser features"
        )
    return stride // times


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
def simple(spec: SimpleSpec, backbone: Backbone, channels: int, stride: int | None) -> Head:
    """Build the head of transposed convolutions."""
    return _Simple(spec, backbone, channels, stride)


@heads.register
def shuffle(spec: ShuffleSpec, backbone: Backbone, channels: int, stride: int | None) -> Head:
    """Build the head that lays channels out."""
    return _Shuffle(backbone, channels, stride)


@heads.register
def patch(spec: PatchSpec, backbone: Backbone, channels: int, stride: int | None) -> Head:
    """Build the patch classifier."""
    return _Patch(backbone, channels, spec.patch)


@heads.register
def vector(spec: VectorSpec, backbone: Backbone, channels: int, stride: int | None) -> Head:
    """Build the head for one answer an image."""
    return _Vector(backbone, channels, spec.hidden)
