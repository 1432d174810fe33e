"""A pose network: a backbone, and a head for each of its outputs."""

from typing import Annotated

import torch
from jaxtyping import Float, UInt8
from pydantic import BeforeValidator, Field, PositiveInt, SerializeAsAny
from torch import Tensor, nn

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.registry import Spec
from gambol.nn.backbones import Backbone, backbones
from gambol.nn.backbones.leap import LeapSpec
from gambol.nn.backbones.linear import LinearSpec
from gambol.nn.backbones.resnet import ResNetSpec
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.backbones.vit import VitSpec
from gambol.nn.heads import (
    PatchSpec,
    PointwiseSpec,
    SimpleSpec,
    UpsampleSpec,
    VectorSpec,
    heads,
)
from gambol.nn.outputs import Output, OutputSpec, Positions, outputs
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.targets import Scene

AnyBackbone = Annotated[SerializeAsAny[Spec], BeforeValidator(backbones.parse)]
AnyHead = Annotated[SerializeAsAny[Spec], BeforeValidator(heads.parse)]
AnyOutput = Annotated[SerializeAsAny[OutputSpec], BeforeValidator(outputs.parse)]

Answers = tuple[Float[Tensor, "B _c _h _w"], ...]  # one group of maps per output


class ModelSpec(Config):
    """Everything that fixes the architecture and the meaning of its maps."""

    backbone: AnyBackbone = UNetSpec()
    head: AnyHead = PointwiseSpec()
    outputs: tuple[AnyOutput, ...] = Field((ConfidenceSpec(),), min_length=1)
    channels: PositiveInt = 1  # of the image: 1 grey, 3 colour
    keypoints: tuple[str, ...] = Field(min_length=1)
    place: bool = False  # two more channels say where in the picture a pixel lies
    mirror: tuple[int, ...] | None = None  # keypoints in a mirror; null: do not look into one


class PoseNet(nn.Module):
    """uint8 images (B, C, H, W) to one group of maps (B, channels, h, w) per output."""

    outputs: list[Output]
    stage: int = (
        -1
    )  # of those that answer, which one is asked outside of training; -1: the last

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.backbone = backbones.build(spec.backbone, spec.channels + 2 * spec.place)
        _check_head(spec)
        self.early = _early(spec, self.backbone)
        if self.backbone.stages > 1:
            self.backbone.prepare(sum(self.early.values()))
        self.heads = nn.ModuleList()
        self.outputs = []
        for one in spec.outputs:
            width = one.channels(len(spec.keypoints))
            head = heads.build(one.head(spec.head), self.backbone, width, one.stride)
            self.heads.append(head)
            self.outputs.append(outputs.build(one, len(spec.keypoints), head.stride))
            if spec.mirror is not None:  # refused now, not at the first evaluation
                self.outputs[-1].mirror(torch.zeros(1, width, 1, 1), spec.mirror)
        self.multiple: int = self.backbone.multiple

    @property
    def position(self) -> Positions:
        """The first output that says where the keypoints of one animal are."""
        return next(one for one in self.outputs if isinstance(one, Positions))

    def forward(self, image: UInt8[Tensor, "B C H W"]) -> Answers:
        """Map raw pixel values to maps; 128 counts as nothing, as padding does.

        With `spec.mirror`, outside of training, it is the mean over image and mirror image.
        """
        x = (image.to(torch.float32) - 128.0) / 128.0
        partner = self.spec.mirror
        if partner is None or self.training:
            return self.answer(x)
        both = [maps.chunk(2) for maps in self.answer(torch.cat([x, x.flip(-1)]))]
        return tuple(
            (plain + one.mirror(turned, partner)) / 2
            for one, (plain, turned) in zip(self.outputs, both, strict=True)
        )

    def answer(self, x: Float[Tensor, "B C H W"]) -> Answers:
        """Map values around 0 to maps; in training, those of earlier stages come after."""
        if self.spec.place:
            x = torch.cat([x, *_places(x)], 1)
        early, features = self.backbone.walk(x)
        maps = [head(features).float() for head in self.heads]
        sizes = list(self.early.values())
        before = [torch.split(stage.float(), sizes, 1) for stage in early]
        if self.training:
            return (*maps, *(one for stage in before for one in stage))
        if 0 <= self.stage < len(before):
            for k, one in zip(self.early, before[self.stage], strict=True):
                maps[k] = one
        return tuple(maps)

    def loss(self, maps: Answers, scene: Scene) -> Float[Tensor, " outputs"]:
        """How wrong the answers are: one weighted loss per output, to be summed.

        That of an output is the sum over the stages that give it.
        """
        of = [*range(len(self.outputs)), *list(self.early) * (self.backbone.stages - 1)]
        targets = [one.target(scene) for one in self.outputs]
        losses = [torch.zeros((), device=maps[0].device) for _ in self.outputs]
        for k, some in zip(of, maps, strict=True):
            losses[k] = losses[k] + self.outputs[k].weight * self.outputs[k].loss(
                some, targets[k]
            )
        return torch.stack(losses)


def _places(x: Float[Tensor, "B C H W"]) -> list[Float[Tensor, "B 1 H W"]]:
    """Return x and y of every pixel, from -1 to 1 from border to border.

    Source: Liu et al. (2018), NeurIPS, "An intriguing failing of convolutional neural networks
    and the CoordConv solution".
    """
    ones = torch.ones_like(x[:, :1])
    across, down = ones.cumsum(-1), ones.cumsum(-2)
    return [
        (2 * across - 1) / across[..., -1:] - 1,
        (2 * down - 1) / down[..., -1:, :] - 1,
    ]


def _early(spec: ModelSpec, backbone: Backbone) -> dict[int, int]:
    """Return the outputs that every stage of a backbone answers, and how many maps each has."""
    if backbone.stages == 1:
        return {}
    fine = {
        k: one.channels(len(spec.keypoints))
        for k, one in enumerate(spec.outputs)
        if isinstance(one.head(spec.head), PointwiseSpec)
        and one.stride in (None, backbone.strides[0])
    }
    if not fine:
        raise InputError(
            f"backbone {spec.backbone.kind} answers in stages at stride {backbone.strides[0]} "
            "by head pointwise, which no output has; leave head and stride out"
        )
    return fine


def _check_head(spec: ModelSpec) -> None:
    """Refuse outputs that read logits from a head that gives probabilities."""
    if isinstance(spec.head, VectorSpec):
        raise InputError(
            "head vector gives one answer a picture, which says nothing of places; leave head "
            "out, or take pointwise"
        )
    if isinstance(spec.backbone, LinearSpec) and not isinstance(spec.head, PatchSpec):
        raise InputError(
            f"backbone linear has no features for head {spec.head.kind}; leave head out"
        )
    mapped = [one for one in spec.outputs if isinstance(one.head(spec.head), PatchSpec)]
    wrong = [one.kind for one in mapped if one.kind != "confidence"]
    if wrong:
        raise InputError(
            f"the head patch answers with probabilities, which output {wrong[0]} cannot read; "
            "use output confidence"
        )


def default_head(backbone: Spec) -> Spec:
    """Return the head that a backbone was published with."""
    if isinstance(backbone, LeapSpec | ResNetSpec):
        return UpsampleSpec()
    if isinstance(backbone, VitSpec):
        return SimpleSpec(doublings=2 if backbone.patch == 16 else 1)  # to stride 4
    return (
        PatchSpec(patch=backbone.patch) if isinstance(backbone, LinearSpec) else PointwiseSpec()
    )


def parameter_count(module: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
