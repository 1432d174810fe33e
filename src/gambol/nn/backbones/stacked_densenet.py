"""Stacked DenseNet: dense blocks down and up, stacked, each correcting the answer before.

Source: Graving et al. (2019), eLife 8:e47994; every layer as in spec/pose.md §6.3, whose
parameter counts it reproduces.
"""

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from gambol.core.registry import Spec
from gambol.nn.backbones.base import Backbone, backbones

FEWEST, MOST = 1, 3  # 3x3 layers' worth of growth in a dense block


class StackedDensenetSpec(Spec):
    """Growth, squeezing and depth; features come at stride 2^downsample."""

    kind: Literal["stacked-densenet"] = "stacked-densenet"
    growth: int = Field(48, ge=4, le=256)  # channels that a dense block adds, times 1 to 3
    bottleneck: float = Field(1.0, gt=0, le=4)  # channels before that, against what is added
    compression: float = Field(0.5, gt=0, le=1)  # share of the channels that squeezing leaves
    downsample: int = Field(2, ge=2, le=4)  # halvings from the image to the maps
    transitions: int = Field(5, ge=3, le=8)  # halvings from the image to the smallest grid
    stacks: int = Field(1, ge=1, le=8)  # answers after the first one

    @model_validator(mode="after")
    def _goes_down_further(self) -> "StackedDensenetSpec":
        if self.transitions <= self.downsample:
            raise ValueError("transitions is not above downsample; raise it")
        if not self.squeezed(self.growth):
            raise ValueError("compression leaves no channel of growth; raise one of them")
        return self

    def squeezed(self, width: int) -> int:
        """Return the channels that squeezing leaves."""
        return round(self.compression * width)


class StackedDensenet(Backbone):
    """`stacks` answers after the first one, which the front gives."""

    def __init__(self, spec: StackedDensenetSpec, channels: int) -> None:
        super().__init__()
        self.spec = spec
        self.front = _Front(spec, channels)
        self.strides = (2**spec.downsample,)
        self.multiple, self.stages = 2**spec.transitions, spec.stacks + 1

    def prepare(self, maps: int) -> None:
        """Make what depends on the number of maps, which is nearly all."""
        front = self.front.width + maps  # the first answer is part of what all stacks see
        self.first = _answer(self.front.width, maps)
        self.norm = nn.BatchNorm2d(maps)
        self.norms = nn.ModuleList(nn.BatchNorm2d(maps) for _ in range(self.spec.stacks))
        self.glasses, self.answers = nn.ModuleList(), nn.ModuleList()
        width = front
        for s in range(self.spec.stacks):
            glass = _Glass(self.spec, width)
            self.glasses.append(glass)
            width = glass.width + front + maps
            if s < self.spec.stacks - 1:
                self.answers.append(_answer(width, maps))
        self.channels = (width,)

    def walk(self, image: Tensor) -> tuple[list[Tensor], tuple[Tensor, ...]]:
        """Map (B, C, H, W) to early maps and features at stride 2^downsample."""
        features = self.front(image)
        early = [self.first(features)]
        front = x = torch.cat([features, self.norm(early[0])], 1)
        for s, glass in enumerate(self.glasses):
            x = torch.cat([glass(x), front, self.norms[s](early[-1])], 1)
            if s < len(self.answers):
                early.append(self.answers[s](x))
        return early, (x,)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return the features of the last stack."""
        return self.walk(image)[1]


class _Front(nn.Module):
    """Image to features at stride 2^d: what every halving on the way saw, squeezed."""

    def __init__(self, spec: StackedDensenetSpec, channels: int) -> None:
        super().__init__()
        g, d = spec.growth, spec.downsample
        self.stem = _conv(channels, g, 7, stride=2)
        width, kept = 4 * channels + g, []
        self.dense, self.keep, self.down = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for i in range(d - 1):
            dense = _Dense(spec, width, i + 1)
            self.dense.append(dense)
            width = dense.width
            self.keep.append(_down(spec, width, 2 ** (d - 1 - i)))
            kept.append(spec.squeezed(width))
            self.down.append(_down(spec, width, 2))
            width = spec.squeezed(width)
        last = _Dense(spec, width, d)
        self.dense.append(last)
        kept.append(last.width)
        self.squeeze = nn.ModuleList(_squeeze(spec, width) for width in kept)
        self.width = sum(spec.squeezed(width) for width in kept)

    def forward(self, image: Tensor) -> Tensor:
        x = torch.cat([F.pixel_unshuffle(image, 2), self.stem(image)], 1)
        kept = []
        for dense, keep, down in zip(self.dense, self.keep, self.down, strict=False):
            x = dense(x)
            kept.append(keep(x))
            x = down(x)
        kept.append(self.dense[-1](x))
        return torch.cat([f(k) for f, k in zip(self.squeeze, kept, strict=True)], 1)


class _Glass(nn.Module):
    """Down to the smallest grid and up again, with squeezed skips."""

    def __init__(self, spec: StackedDensenetSpec, width: int) -> None:
        super().__init__()
        d, m = spec.downsample, spec.transitions - spec.downsample
        kept = [width]
        self.down = nn.ModuleList([_down(spec, width, 2)])
        self.dense_down = nn.ModuleList()
        width = spec.squeezed(width)
        for i in range(1, m):
            dense = _Dense(spec, width, i + d)
            self.dense_down.append(dense)
            width = dense.width
            kept.append(width)
            self.down.append(_down(spec, width, 2))
            width = spec.squeezed(width)
        kept.append(width)
        self.middle = _Dense(spec, width, d)
        self.squeeze = nn.ModuleList(_squeeze(spec, width) for width in kept)
        width = self.middle.width
        self.dense_up, self.up = nn.ModuleList(), nn.ModuleList()
        for i in range(m):
            width += spec.squeezed(kept[m - i])
            dense = _Dense(spec, width, m - 1 - i + d)
            up = _Up(spec, dense.width)
            self.dense_up.append(dense)
            self.up.append(up)
            width = up.width
        self.last = _Dense(spec, width + spec.squeezed(kept[0]), d)
        self.width = self.last.width

    def forward(self, x: Tensor) -> Tensor:
        skips, x = [x], self.down[0](x)
        for dense, down in zip(self.dense_down, list(self.down)[1:], strict=True):
            x = dense(x)
            skips.append(x)
            x = down(x)
        skips.append(x)
        skips = [f(s) for f, s in zip(self.squeeze, skips, strict=True)][::-1]
        x = self.middle(x)
        for dense, up, skip in zip(self.dense_up, self.up, skips, strict=False):
            x = up(dense(torch.cat([x, skip], 1)))
        return self.last(torch.cat([x, skips[-1]], 1))


class _Dense(nn.Module):
    """[x, 3x3 to n growth of (1x1 to n bottleneck growth of x)]."""

    def __init__(self, spec: StackedDensenetSpec, before: int, n: int) -> None:
        super().__init__()
        grown = min(max(n, FEWEST), MOST) * spec.growth
        narrow = round(spec.bottleneck * grown)
        self.layers = nn.Sequential(_conv(before, narrow, 1), _conv(narrow, grown, 3))
        self.width = before + grown

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layers(x)], 1)


class _Up(nn.Module):
    """Squeeze, then lay four channels out as one of twice the size."""

    def __init__(self, spec: StackedDensenetSpec, before: int) -> None:
        super().__init__()
        wanted = spec.squeezed(before)
        low = 4 * int(wanted // 4)
        between = low if wanted - low <= low + 4 - wanted else low + 4
        self.conv = _conv(before, max(between, 4), 1)
        self.width = max(between, 4) // 4

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.conv(x), 2)


def _down(spec: StackedDensenetSpec, width: int, by: int) -> nn.Sequential:
    return nn.Sequential(nn.MaxPool2d(by), _squeeze(spec, width))


def _squeeze(spec: StackedDensenetSpec, width: int) -> nn.Sequential:
    return _conv(width, spec.squeezed(width), 1)


def _conv(before: int, width: int, side: int, stride: int = 1) -> nn.Sequential:
    """Convolution, bias and SELU, which keeps mean and variance of LeCun's weights."""
    conv = nn.Conv2d(before, width, side, stride=stride, padding=side // 2)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="linear")
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return nn.Sequential(conv, nn.SELU(inplace=True))


def _answer(before: int, maps: int) -> nn.Conv2d:
    conv = nn.Conv2d(before, maps, 1)
    nn.init.normal_(conv.weight, std=0.1 / before**0.5)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv


@backbones.register
def stacked_densenet(spec: StackedDensenetSpec, channels: int) -> Backbone:
    """Build the network for images of this many channels."""
    return StackedDensenet(spec, channels)
