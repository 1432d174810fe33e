"""ResNet, as DeepLabCut uses it: features at stride 16, or with a way up to finer ones.

Source: He et al. (2016), CVPR, "Deep residual learning for image recognition"; with the stride
of a bottleneck on its 3x3 convolution, as in the weights that are passed around.
"""

import re
from typing import Literal

from torch import Tensor, nn

from gambol.nn.backbones.base import Backbone, backbones
from gambol.nn.backbones.pyramid import Encoder, EncoderSpec, Pyramid

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
WIDTHS = (64, 128, 256, 512)
WIDER = 4  # a bottleneck's output against its inside


class ResNetSpec(EncoderSpec):
    """Which of the family; those of 50 layers and more have bottlenecks."""

    kind: Literal["resnet"] = "resnet"
    layers: Literal[18, 34, 50, 101] = 50  # more are slower
    norm: Literal["batch", "group"] = "batch"  # group: for small batches
    stride: Literal[2, 4, 8, 16] = 16  # of the finest features, network pixels
    coarsest: Literal[16, 32] = 16  # 16: the last stage is dilated instead of halved


class ResNet(Encoder):
    """Features at strides 2, 4, 8, 16 and, if asked, 32: what leaves the last block of each."""

    mean, sd = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def __init__(self, spec: ResNetSpec) -> None:
        super().__init__()
        block: type[_Block] = _Bottleneck if spec.layers >= 50 else _Basic
        self.stem = nn.Conv2d(3, WIDTHS[0], 7, stride=2, padding=3, bias=False)
        self.norm = _norm(spec.norm, WIDTHS[0])
        self.relu, self.pool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        self.stages = nn.ModuleList()
        before, at = WIDTHS[0], 4
        last = {2: (-1, before)}  # by stride: stage and channels
        for n, (blocks, width) in enumerate(zip(BLOCKS[spec.layers], WIDTHS, strict=True)):
            halves = n > 0 and at < spec.coarsest
            dilation = 1 if halves or n == 0 else 2
            stage = nn.Sequential()
            for i in range(blocks):
                step = 2 if halves and i == 0 else 1
                stage.append(block(before, width, step, dilation, spec.norm))
                before = width * block.wider
            self.stages.append(stage)
            at *= 2 if halves else 1
            last[at] = n, before
        self.strides = tuple(last)
        self.channels = tuple(width for _, width in last.values())
        self.ends = tuple(n for n, _ in last.values())

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """Map (B, 3, H, W) to features of every size."""
        x = self.relu(self.norm(self.stem(rgb)))
        found = [x]
        x = self.pool(x)
        for n, stage in enumerate(self.stages):
            x = stage(x)
            if n in self.ends:
                found.append(x)
        return tuple(found)

    def named(self, foreign: dict[str, Tensor]) -> dict[str, Tensor]:
        """Translate the names of torchvision and timm; leave out what classifies."""
        found = {}
        for name, value in foreign.items():
            head, _, rest = name.partition(".")
            if re.fullmatch(r"layer[1-4]", head):
                found[f"stages.{int(head[5:]) - 1}.{rest}"] = value
            elif head in ("conv1", "bn1"):
                found[f"{'stem' if head == 'conv1' else 'norm'}.{rest}"] = value
        return found


class _Block(nn.Module):
    """What is learnt is added to what came, which is brought to its shape where it differs."""

    wider: int  # the output against `width`

    def past(self, before: int, width: int, stride: int, norm: str) -> nn.Module | None:
        if stride == 1 and before == width * self.wider:
            return None
        conv = nn.Conv2d(before, width * self.wider, 1, stride=stride, bias=False)
        return nn.Sequential(conv, _norm(norm, width * self.wider))

    def added(self, x: Tensor, out: Tensor) -> Tensor:
        down = self.downsample
        return (out + (x if down is None else down(x))).relu()  # type: ignore[operator]


class _Basic(_Block):
    wider = 1

    def __init__(self, before: int, width: int, stride: int, dilation: int, norm: str) -> None:
        super().__init__()
        self.conv1 = _conv(before, width, 3, stride, dilation)
        self.bn1 = _norm(norm, width)
        self.conv2 = _conv(width, width, 3, 1, dilation)
        self.bn2 = _norm(norm, width)
        self.downsample = self.past(before, width, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        return self.added(x, self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())))


class _Bottleneck(_Block):
    wider = WIDER

    def __init__(self, before: int, width: int, stride: int, dilation: int, norm: str) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(before, width, 1), _norm(norm, width)
        self.conv2 = _conv(width, width, 3, stride, dilation)
        self.bn2 = _norm(norm, width)
        self.conv3, self.bn3 = _conv(width, width * WIDER, 1), _norm(norm, width * WIDER)
        self.downsample = self.past(before, width, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        inside = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())).relu()
        return self.added(x, self.bn3(self.conv3(inside)))


def _conv(before: int, width: int, side: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    pad = dilation * (side // 2)
    conv = nn.Conv2d(before, width, side, stride, pad, dilation, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv


def _norm(kind: str, width: int) -> nn.Module:
    return nn.BatchNorm2d(width) if kind == "batch" else nn.GroupNorm(32, width)


@backbones.register
def resnet(spec: ResNetSpec, channels: int) -> Backbone:
    """Build the network for images of this many channels."""
    return Pyramid(ResNet(spec), spec, channels)
