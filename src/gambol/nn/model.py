"""A pose network: a backbone, a head, and what its maps mean."""

from typing import Annotated

import torch
from jaxtyping import Float, UInt8
from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, SerializeAsAny
from torch import Tensor, nn

from gambol.core.config import Config
from gambol.core.registry import Spec
from gambol.nn.backbones import backbones
from gambol.nn.backbones.leap import LeapSpec
from gambol.nn.backbones.linear import LinearSpec
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.heads import PatchSpec, PointwiseSpec, UpsampleSpec, heads


class ModelSpec(Config):
    """Everything that fixes the architecture and the meaning of its maps."""

    backbone: Annotated[SerializeAsAny[Spec], BeforeValidator(backbones.parse)] = UNetSpec()
    head: Annotated[SerializeAsAny[Spec], BeforeValidator(heads.parse)] = PointwiseSpec()
    channels: PositiveInt = 1  # of the image: 1 grey, 3 colour
    keypoints: tuple[str, ...] = Field(min_length=1)
    sigma: PositiveFloat = 5.0  # of the confidence maps, input pixels


class PoseNet(nn.Module):
    """uint8 images (B, C, H, W) to confidence maps (B, J, H / stride, W / stride)."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.backbone = backbones.build(spec.backbone, spec.channels)
        self.head = heads.build(spec.head, self.backbone, len(spec.keypoints))
        self.stride: int = self.head.stride
        self.multiple: int = self.backbone.multiple

    def forward(self, image: UInt8[Tensor, "B C H W"]) -> Float[Tensor, "B J h w"]:
        """Map raw pixel values to maps; 128 counts as nothing, as padding does."""
        x = (image.to(torch.float32) - 128.0) / 128.0
        return self.head(self.backbone(x)).float()


def default_head(backbone: Spec) -> Spec:
    """Return the head that a backbone was published with."""
    if isinstance(backbone, LeapSpec):
        return UpsampleSpec()
    return (
        PatchSpec(patch=backbone.patch) if isinstance(backbone, LinearSpec) else PointwiseSpec()
    )


def parameter_count(module: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
