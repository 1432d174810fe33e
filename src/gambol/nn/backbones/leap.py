"""LEAP: three blocks down, two transposed convolutions up, no skips; full resolution.

Source: Pereira et al. (2019), Nature Methods 16:117-125, methods.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from gambol.core.registry import Spec
from gambol.nn.backbones.base import Backbone, backbones


class LeapSpec(Spec):
    """Width of the first block; the others have two and four times as many channels."""

    kind: Literal["leap"] = "leap"
    filters: int = Field(64, ge=1, le=1024)


class Leap(Backbone):
    """Everything but the last transposed convolution, which is the head (`upsample`)."""

    def __init__(self, spec: LeapSpec, channels: int) -> None:
        super().__init__()
        f = spec.filters
        self.layers = nn.Sequential(
            *_block(channels, f, 3),
            nn.MaxPool2d(2),
            *_block(f, 2 * f, 3),
            nn.MaxPool2d(2),
            *_block(2 * f, 4 * f, 3),
            nn.ConvTranspose2d(4 * f, 2 * f, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(inplace=True),
            *_block(2 * f, 2 * f, 2),
        )
        self.channels, self.strides, self.multiple = (2 * f,), (2,), 4

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Map (B, C, H, W) to (B, 2 filters, H / 2, W / 2)."""
        return (self.layers(image),)


@backbones.register
def leap(spec: LeapSpec, channels: int) -> Backbone:
    """Build the network for images of this many channels."""
    return Leap(spec, channels)


def _block(before: int, width: int, repeats: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for i in range(repeats):
        conv = nn.Conv2d(before if i == 0 else width, width, 3, padding=1)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
        layers += [conv, nn.ReLU(inplace=True)]
    return layers
