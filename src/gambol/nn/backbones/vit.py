"""Vision transformer: patches as words that all look at each other, at any size of image.

Sources: Dosovitskiy et al. (2021), ICLR, "An image is worth 16x16 words"; small sizes and rates
that fall layer by layer as in Touvron et al. (2021), ICML, "Training data-efficient image
transformers", and Clark et al. (2020), ICLR, "ELECTRA", appendix.
"""

import re
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from gambol.core.errors import InputError
from gambol.nn.backbones.base import Backbone, backbones
from gambol.nn.backbones.pyramid import Encoded, EncodedSpec, Encoder

WIDTHS, HEADS = {"tiny": 192, "small": 384}, {"tiny": 3, "small": 6}
TAUGHT = 224  # px, side of the pictures on which the weights that are passed around were learnt
EPSILON = 1e-6  # of normalisation
DECAY = 0.75  # of the rate of learning, from one block to the one before
VALUES = {
    "half": ((0.5,) * 3, (0.5,) * 3),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


class VitSpec(EncodedSpec):
    """Which of the family; features come at the stride of a patch."""

    kind: Literal["vit"] = "vit"
    variant: Literal["tiny", "small"] = "tiny"  # 192 or 384 channels; larger, slower
    patch: Literal[8, 16] = 16  # side, network pixels; 8 is finer, and 3 times slower or more
    layers: int = Field(12, ge=1, le=12)  # blocks: the first so many of those that weights have
    values: Literal["half", "imagenet"] = "half"
    # how colours were scaled where weights were learnt; imagenet: those of DeiT and DINO


class Vit(Encoder):
    """Features at the stride of a patch; names of parameters as timm has them."""

    rate = 1.0  # of what comes last; that of earlier blocks is less, see `rates`

    def __init__(self, spec: VitSpec) -> None:
        super().__init__()
        self.mean, self.sd = VALUES[spec.values]
        width, self.grid = WIDTHS[spec.variant], TAUGHT // spec.patch
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + self.grid**2, width))
        self.patch_embed = nn.ModuleDict(
            {"proj": nn.Conv2d(3, width, spec.patch, stride=spec.patch)}
        )
        self.blocks = nn.Sequential(
            *(_Block(width, HEADS[spec.variant]) for _ in range(spec.layers))
        )
        self.norm = nn.LayerNorm(width, EPSILON)
        self.channels, self.strides = (width,), (spec.patch,)
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                nn.init.trunc_normal_(parameter, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """Map (B, 3, H, W) to (B, D, H / patch, W / patch)."""
        x = self.patch_embed["proj"](rgb)
        size = x.shape[-2:]
        x = (x + places(self.pos_embed, self.grid, x)).flatten(2).transpose(1, 2)
        first = (self.cls_token + self.pos_embed[:, :1]).expand(x.shape[0], -1, -1)
        x = self.norm(self.blocks(torch.cat([first, x], 1)))
        # (B, 1 + h w, D) without the first to (B, D, h, w)
        return (x[:, 1:].transpose(1, 2).unflatten(2, size),)

    def named(self, foreign: dict[str, Tensor]) -> dict[str, Tensor]:
        """Take the names of timm, DeiT and DINO; fit places to the grid of this encoder."""
        found = {name.removeprefix("backbone."): value for name, value in foreign.items()}
        given, own = found.get("pos_embed"), self.pos_embed
        if given is None or given.ndim != 3 or given.shape[1] == own.shape[1]:
            return found
        side = round((given.shape[1] - 1) ** 0.5)
        if side**2 != given.shape[1] - 1:
            raise InputError(
                f"pos_embed has {given.shape[1]} places, which are no square grid and "
                "one more; give weights of a plain ViT"
            )
        like = torch.empty(1, 1, self.grid, self.grid)
        grid = places(given, side, like).flatten(2).transpose(1, 2)
        return found | {"pos_embed": torch.cat([given[:, :1], grid], 1)}

    def rates(self) -> dict[str, float]:
        """Let every block learn at 0.75 of the rate of the next, and what is before, least."""
        return falling(self)


def falling(encoder: nn.Module) -> dict[str, float]:
    """Return rates of parameters that fall from block to block, down to what is before them.

    The last block and what comes after it learn at 0.75 of the rate of the rest of a network.
    """
    found = [(name, re.search(r"(?:^|\.)blocks\.(\d+)\.", name))
             for name, _ in encoder.named_parameters()]  # fmt: skip
    depth = 1 + max((int(block[1]) for _, block in found if block), default=-1)
    rates = {}
    for name, block in found:
        after = re.search(r"(?:^|\.)(?:fc_)?norm\.", name) is not None
        at = 1 + int(block[1]) if block else depth * after
        rates[name] = DECAY ** (depth + 1 - at)
    return rates


def places(embedded: Tensor, side: int, like: Tensor) -> Tensor:
    """Stretch embeddings of a square grid to one of another size.

    Args:
        embedded: (1, 1 + side², D); the first belongs to no place.
        side: of the grid that is given.
        like: (B, C, h, w) with the grid that is asked for.

    Returns:
        (1, D, h, w); of the same size, the embeddings themselves.
    """
    grid = embedded[:, 1:].transpose(1, 2).reshape(1, -1, side, side)
    down, across = (_cubic(n, side, grid) for n in like.shape[-2:])
    return down @ grid @ across.T


def _cubic(n: Any, side: int, like: Tensor) -> Tensor:
    """Return what n samples across a line of `side` take from each, (n, side).

    As torch's bicubic interpolation with antialiasing, which not every engine computes alike.

    Source: Keys (1981), IEEE Trans. ASSP 29:1153-1160, with a = -1/2.
    """
    there = torch.arange(side, device=like.device, dtype=like.dtype)
    here = torch.arange(n, device=like.device, dtype=like.dtype)
    step = torch.as_tensor(side / n, device=like.device, dtype=like.dtype)  # of the samples
    middle = step * here + (step - 1) / 2
    d = (there - middle[:, None]).abs() / step.clamp(min=1)
    near = (1.5 * d - 2.5) * d**2 + 1
    far = ((2.5 - d / 2) * d - 4) * d + 2
    weight = torch.where(d < 1, near, torch.where(d < 2, far, 0.0))
    return weight / weight.sum(1, keepdim=True)


class _Block(nn.Module):
    """Look at all patches, then think about each; both added to what came."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(width, EPSILON) for _ in range(2))
        self.attn = _Attention(width, heads)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)}
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.qkv(x).unflatten(-1, (3, self.heads, -1))  # (B, N, 3, heads, D / heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v)  # (B, heads, N, D / heads)
        return self.proj(seen.transpose(1, 2).flatten(2))


@backbones.register
def vit(spec: VitSpec, channels: int) -> Backbone:
    """Build the network for images of this many channels."""
    return Encoded(Vit(spec), spec, channels)
