"""An encoder that was taught to recognise things, alone or with a way up to finer features.

The way up doubles the features bilinearly and joins what the encoder saw at that size.
"""

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from gambol.core.errors import InputError
from gambol.core.registry import Spec
from gambol.nn.backbones.base import Backbone
from gambol.nn.backbones.unet import double

WIDEST = 4  # times `width`, at coarse levels


class EncodedSpec(Spec):
    """What has an encoder, whose weights may come from elsewhere."""


class EncoderSpec(EncodedSpec):
    """What every network with an encoder and a way up can be told."""

    stride: PositiveInt = 4  # of the finest features, network pixels
    width: int = Field(32, ge=4, le=512)  # channels of the way up at the stride; ×2 a level


class Encoder(nn.Module):
    """RGB pictures to features, finest first; its weights may come from elsewhere."""

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    mean: tuple[float, float, float]  # of R, G, B from 0 to 1, as it was taught
    sd: tuple[float, float, float]
    rate: float = 0.1  # of learning, once it learns what it was not taught, against the rest's

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """Map (B, 3, H, W) to (B, channels[l], H / strides[l], W / strides[l])."""
        raise NotImplementedError

    def named(self, foreign: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return weights as they are called elsewhere by the names they have here."""
        return foreign

    def rates(self) -> dict[str, float]:
        """Return how fast every parameter learns, against the rest of the network."""
        return {name: self.rate for name, _ in self.named_parameters()}


class Encoded(Backbone):
    """The encoder alone; image channels are grey, which stands for all three, or RGB."""

    scale: Tensor  # from the values that networks get to those that the encoder was taught on
    shift: Tensor

    def __init__(self, encoder: Encoder, spec: EncodedSpec, channels: int) -> None:
        super().__init__()
        if channels not in (1, 3):
            raise InputError(
                f"backbone {spec.kind} reads grey or RGB pictures, not {channels} channels; "
                "leave place out"
            )
        self.encoder, self.grey = encoder, channels == 1
        self.channels, self.strides = encoder.channels, encoder.strides
        self.multiple = encoder.strides[-1]
        # values come as (g - 128) / 128 of 0 to 255
        mean, sd = torch.tensor(encoder.mean), torch.tensor(encoder.sd)
        self.register_buffer("scale", (128 / 255 / sd)[:, None, None], persistent=False)
        shift = (128 / 255 - mean) / sd
        self.register_buffer("shift", shift[:, None, None], persistent=False)

    def seen(self, image: Tensor) -> tuple[Tensor, ...]:
        """Map (B, C, H, W) to the features of the encoder, finest first."""
        rgb = image.expand(-1, 3, -1, -1) if self.grey else image
        found: tuple[Tensor, ...] = self.encoder(rgb * self.scale + self.shift)
        return found

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Map (B, C, H, W) to the features of the encoder, finest first."""
        return self.seen(image)


class Pyramid(Encoded):
    """Encoder and way up."""

    def __init__(self, encoder: Encoder, spec: EncoderSpec, channels: int) -> None:
        super().__init__(encoder, spec, channels)
        if spec.stride not in encoder.strides:
            there = ", ".join(map(str, encoder.strides))
            raise InputError(
                f"backbone {spec.kind} has no features at stride {spec.stride}; there are "
                f"{there}"
            )
        top = encoder.strides.index(spec.stride)
        deepest = len(encoder.strides) - 1
        widths = [min(2 ** (k - top), WIDEST) * spec.width for k in range(deepest)]
        self.up = nn.ModuleList()
        below = encoder.channels[-1]
        for k in range(deepest - 1, top - 1, -1):
            self.up.append(double(below + encoder.channels[k], widths[k], "batch"))
            below = widths[k]
        self.channels = (*widths[top:], encoder.channels[-1])
        self.strides = encoder.strides[top:]

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Map (B, C, H, W) to the features of every level, finest first."""
        seen = self.seen(image)
        x, levels = seen[-1], [seen[-1]]
        for block, skip in zip(self.up, reversed(seen[:-1]), strict=False):
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = block(torch.cat([skip, x], 1))
            levels.append(x)
        return tuple(reversed(levels))
