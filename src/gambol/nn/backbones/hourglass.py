"""Stacked hourglass: down to the smallest grid and up again, several times, correcting itself.

Source: Newell, Yang and Deng (2016), ECCV, "Stacked hourglass networks for human pose
estimation"; sizes as in spec/pose.md §6.2.
"""

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from gambol.core.registry import Spec
from gambol.nn.backbones.base import Backbone, backbones


class HourglassSpec(Spec):
    """All levels have `filters` channels; features come at stride 4."""

    kind: Literal["hourglass"] = "hourglass"
    filters: int = Field(256, ge=8, le=1024, multiple_of=8)  # channels of all levels
    depth: int = Field(4, ge=1, le=6)  # halvings within an hourglass
    stacks: int = Field(2, ge=1, le=8)  # hourglasses, each of which answers

    @property
    def multiple(self) -> int:
        """Number of which the sides of images are multiples."""
        return 4 * 2**self.depth

    @property
    def middle_field(self) -> int:
        """Side of what a cell of the smallest grid of the first stack sees, input pixels.

        >>> [HourglassSpec(depth=d).middle_field for d in (2, 3, 4)]
        [121, 233, 457]
        """
        side = 3  # cells that the middle block reads
        for _ in range(self.depth):
            side = 2 * (side + 2)
        return _front_field(side)

    @property
    def field(self) -> int:
        """Side of what a cell of the output sees, input pixels: every stack widens it.

        >>> [HourglassSpec(depth=d, stacks=1).field for d in (2, 3, 4)]
        [201, 393, 777]
        """
        first = last = 0
        for _ in range(self.stacks):
            first, last = _glass_field(first - 1, last + 1, self.depth)
        return _front_field(last - first + 1)


class Hourglass(Backbone):
    """Each stack reads its image features, the answer before it and where that came from."""

    of_maps: ClassVar = {"answers": 0, "read": 1}

    def __init__(self, spec: HourglassSpec, channels: int) -> None:
        super().__init__()
        f = spec.filters
        self.front = nn.Sequential(
            nn.Conv2d(channels, f // 4, 7, stride=2, padding=3),
            nn.BatchNorm2d(f // 4),
            nn.ReLU(inplace=True),
            _Residual(f // 4, f // 2),
            nn.MaxPool2d(2),
            _Residual(f // 2, f // 2),
            _Residual(f // 2, f),
        )
        self.glasses = nn.ModuleList(_glass(f, spec.depth) for _ in range(spec.stacks))
        self.outlets = nn.ModuleList(_outlet(f) for _ in range(spec.stacks))
        self.carried = nn.ModuleList(nn.Conv2d(f, f, 1) for _ in range(spec.stacks - 1))
        self.answers, self.read = nn.ModuleList(), nn.ModuleList()
        self.channels, self.strides = (f,), (4,)
        self.multiple, self.stages = spec.multiple, spec.stacks

    def prepare(self, maps: int) -> None:
        """Make the layers of the early answers."""
        f = self.channels[0]
        for _ in range(self.stages - 1):
            self.answers.append(nn.Conv2d(f, maps, 1))
            self.read.append(nn.Conv2d(maps, f, 1))

    def walk(self, image: Tensor) -> tuple[list[Tensor], tuple[Tensor, ...]]:
        """Map (B, C, H, W) to early maps and features (B, filters, H / 4, W / 4)."""
        x, early = self.front(image), []
        features = self.outlets[0](self.glasses[0](x))
        for s, carried in enumerate(self.carried):
            early.append(self.answers[s](features))
            x = x + carried(features) + self.read[s](early[-1])
            features = self.outlets[s + 1](self.glasses[s + 1](x))
        return early, (features,)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return the features of the last stack."""
        return self.walk(image)[1]


class _Residual(nn.Module):
    """Bottleneck with normalisation before each convolution, and a way past it."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        half = width // 2
        self.layers = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.ReLU(),
            nn.Conv2d(before, half, 1),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
            nn.Conv2d(half, half, 3, padding=1),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
            nn.Conv2d(half, width, 1),
        )
        self.past = nn.Identity() if before == width else nn.Conv2d(before, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.past(x) + self.layers(x)


class _Level(nn.Module):
    """One halving: what stays at this size, and what goes through smaller ones."""

    def __init__(self, width: int, inner: nn.Module) -> None:
        super().__init__()
        self.stays = _Residual(width, width)
        self.pool = nn.MaxPool2d(2)
        self.smaller = nn.Sequential(_Residual(width, width), inner, _Residual(width, width))

    def forward(self, x: Tensor) -> Tensor:
        low = self.smaller(self.pool(x))
        up = F.interpolate(low, scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.stays(x) + up


def _glass(width: int, depth: int) -> nn.Module:
    inner: nn.Module = _Residual(width, width)
    for _ in range(depth):
        inner = _Level(width, inner)
    return inner


def _front_field(side: int) -> int:
    """Side of what so many cells of the front's output see, input pixels."""
    return 2 * (2 * (side + 4) + 1) + 7


def _glass_field(first: int, last: int, depth: int) -> tuple[int, int]:
    """First and last cell that an hourglass reads for those from first to last."""
    if depth == 0:
        return first - 1, last + 1
    # doubled cell i is made of ⌊(i - 1) / 2⌋ and the next, which residuals widen
    low = _glass_field((first - 1) // 2 - 1, (last - 1) // 2 + 2, depth - 1)
    return 2 * (low[0] - 1), 2 * (low[1] + 1) + 1


def _outlet(width: int) -> nn.Sequential:
    return nn.Sequential(
        _Residual(width, width),
        nn.Conv2d(width, width, 1),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )


@backbones.register
def hourglass(spec: HourglassSpec, channels: int) -> Backbone:
    """Build the network for images of this many channels."""
    return Hourglass(spec, channels)
