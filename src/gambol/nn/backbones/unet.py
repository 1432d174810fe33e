"""U-Net: down by pooling, up by bilinear doubling, skips between equal sizes.

Source: Ronneberger et al. (2015), MICCAI; sizes as in spec/pose.md §6.2.
"""

from typing import Literal

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from gambol.core.registry import Spec
from gambol.nn.backbones.base import Backbone, backbones


class UNetSpec(Spec):
    """Level b has ⌊filters · rate^b⌋ channels; `depth` levels above the middle."""

    kind: Literal["unet"] = "unet"
    depth: int = Field(4, ge=1, le=8)
    filters: int = Field(16, ge=1, le=1024)
    rate: float = Field(2.0, ge=1.0, le=4.0)  # of channels from one level to the next
    stride: PositiveInt = 2  # of the output; a power of two
    norm: Literal["none", "batch", "group"] = "batch"

    @model_validator(mode="after")
    def _check_stride(self) -> "UNetSpec":
        there = [1 << level for level in range(self.depth + 1)]
        if self.stride not in there:
            raise ValueError(f"stride is none of {', '.join(map(str, there))}; choose one")
        return self

    def channels(self, level: int) -> int:
        """Return the number of channels of a level."""
        return int(self.filters * self.rate**level)

    @property
    def multiple(self) -> int:
        """Number of which the sides of images are multiples."""
        return 2**self.depth

    @property
    def middle_field(self) -> int:
        """Side of what a cell of the middle block sees, input pixels; spec/pose.md §6.5.

        >>> [UNetSpec(depth=d).middle_field for d in (2, 3, 4, 5)]
        [32, 68, 140, 284]
        """
        return 9 * 2**self.depth - 4

    @property
    def field(self) -> int:
        """Side of what a cell of the output sees, input pixels: the way up widens the middle's.

        Level by level: which cells the output's cell 0 depends on, by two convolutions, then by
        bilinear doubling, where cell i reads ⌊(i - 1) / 2⌋ and the next.

        >>> [UNetSpec(depth=d).field for d in (2, 3, 4, 5)]
        [44, 108, 220, 444]
        """
        first = last = 0
        for _ in range(self.stride.bit_length() - 1, self.depth):
            first, last = (first - 3) // 2, (last + 1) // 2 + 1
        for level in range(self.depth, -1, -1):
            first, last = first - 2, last + 2
            if level:
                first, last = 2 * first, 2 * last + 1
        return last - first + 1


class UNet(Backbone):
    """Features of the way up, `spec.stride` first; sides are multiples of 2^depth."""

    def __init__(self, spec: UNetSpec, channels: int) -> None:
        super().__init__()
        top = spec.stride.bit_length() - 1  # the level at which the way up ends
        widths = [spec.channels(level) for level in range(spec.depth + 1)]
        self.down = nn.ModuleList(
            double(before, width, spec.norm)
            for before, width in zip([channels, *widths[:-2]], widths[:-1], strict=True)
        )
        self.middle = double(widths[-2], widths[-1], spec.norm)
        self.up = nn.ModuleList(
            double(widths[level] + widths[level + 1], widths[level], spec.norm)
            for level in range(spec.depth - 1, top - 1, -1)
        )
        self.pool = nn.MaxPool2d(2)
        self.channels = tuple(widths[top:])
        self.strides = tuple(2**level for level in range(top, spec.depth + 1))
        self.multiple = spec.multiple

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Map (B, C, H, W) to the features of every level, finest first."""
        x, skips = image, []
        for level, block in enumerate(self.down):
            x = block(self.pool(x) if level else x)
            skips.append(x)
        x = self.middle(self.pool(x))
        levels = [x]
        for block in self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = block(torch.cat([skips.pop(), x], dim=1))
            levels.append(x)
        return tuple(reversed(levels))


@backbones.register
def unet(spec: UNetSpec, channels: int) -> Backbone:
    """Build the network for images of this many channels."""
    return UNet(spec, channels)


def double(before: int, width: int, norm: str) -> nn.Sequential:
    """Return two times 3x3 convolution, normalisation, ReLU."""
    return nn.Sequential(*_single(before, width, norm), *_single(width, width, norm))


def _single(before: int, width: int, norm: str) -> list[nn.Module]:
    conv = nn.Conv2d(before, width, 3, padding=1, bias=norm == "none")
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return [conv, *_norm(norm, width), nn.ReLU(inplace=True)]


def _norm(norm: str, width: int) -> list[nn.Module]:
    if norm == "batch":
        return [nn.BatchNorm2d(width)]
    if norm == "group":
        groups = max(g for g in (8, 4, 2, 1) if width % g == 0)
        return [nn.GroupNorm(groups, width)]
    return []
