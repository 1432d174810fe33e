"""Networks that turn images into features: one architecture a file, all in one registry.

A backbone maps (B, C, H, W) to features (B, `channels`, H / `stride`, W / `stride`) and says
with `multiple` which sizes it takes. `kinds()` lists what there is.
"""

from gambol.nn.backbones import (
    efficientnet,
    hourglass,
    leap,
    linear,
    resnet,
    stacked_densenet,
    timm_encoder,
    unet,
    vit,
)
from gambol.nn.backbones.base import Backbone, BackboneSpec, backbones

__all__ = [
    "Backbone",
    "BackboneSpec",
    "backbones",
    "efficientnet",
    "hourglass",
    "leap",
    "linear",
    "resnet",
    "stacked_densenet",
    "timm_encoder",
    "unet",
    "vit",
]
