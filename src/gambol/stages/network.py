"""Which network training makes of settings and labels: architecture, head, outputs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.nn.backbones.linear import LinearSpec
from gambol.nn.backbones.pyramid import EncodedSpec
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import AnyOutput, ModelSpec, PoseNet, default_head
from gambol.nn.outputs.graph import GraphSpec
from gambol.pose import choose, choose_many
from gambol.pose.choose import Choice

if TYPE_CHECKING:
    from gambol.stages.train import TrainConfig

MAPPED = ("confidence", "softmax", "graph")  # outputs that draw Gaussians on cells
COARSE = 1.25  # strides: a Gaussian of this σ is still found between cells


def spec(cfg: "TrainConfig", skeleton: Skeleton, choice: Choice, place: bool) -> ModelSpec:
    """Return the network for a skeleton."""
    backbone = cfg.backbone or choice.backbone
    made = ModelSpec(
        backbone=backbone,
        head=cfg.head or default_head(backbone),
        channels=choice.channels,
        keypoints=skeleton.keypoints,
        outputs=(_output(cfg.output, skeleton),),
        place=place,
        mirror=_partners(skeleton, choice.flip) if cfg.mirror else None,
    )
    return made.model_copy(
        update={"outputs": tuple(map(_fitting, made.outputs, _strides(made)))}
    )


def usual(cfg: "TrainConfig", approach: choose_many.Approach) -> Sequence[choose.Usual]:
    """Return the networks, of rising depth, of which training takes one if none is asked for.

    An hourglass for one animal a frame, unless a head or finer maps are asked for.
    """
    plain = cfg.head is None and cfg.output.stride in (None, 4)
    return choose.ALONE if approach == "single" and plain else choose.CROWD


def multiple(cfg: "TrainConfig") -> int:
    """Return what the sides of pictures are multiples of, for the backbone of settings."""
    assert cfg.backbone is not None
    some = ModelSpec(
        backbone=cfg.backbone, head=default_head(cfg.backbone), keypoints=("some",)
    )
    return PoseNet(some).multiple


def place(
    cfg: "TrainConfig", approach: choose_many.Approach, choice: Choice
) -> tuple[bool, tuple[str, ...]]:
    """Say whether the network is told where in the frame it looks, and why if it chose so."""
    tells = isinstance(cfg.backbone or choice.backbone, UNetSpec)
    if cfg.place is None:
        one_view = approach == "single" and tells and choice.whole and choice.rotation < 90
        reason = "place: whole frames of one view, so the network is told where it looks"
        return one_view, (reason,) if one_view else ()
    if cfg.place and isinstance(cfg.backbone, LinearSpec | EncodedSpec):
        raise InputError(
            f"place=true is nothing for backbone {cfg.backbone.kind}; leave place out"
        )
    if cfg.place and not choice.whole and approach != "top-down":
        raise InputError(
            "place=true needs whole frames, but windows of "
            f"{choice.window[0]} px are cut here, which may lie anywhere; leave place out"
        )
    return cfg.place, ()


def _partners(skeleton: Skeleton, flip: float) -> tuple[int, ...]:
    """Return what every keypoint is in a mirror, if training shows mirror images at all."""
    if not flip:
        raise InputError(
            "mirror=true asks for the mirror image too, but mirror images are not learnt here: "
            "augment.flip is 0; set it to 0.5, or leave mirror out"
        )
    return tuple(j if k < 0 else k for j, k in enumerate(skeleton.swap))


def _output(output: AnyOutput, skeleton: Skeleton) -> AnyOutput:
    """Give a posture graph the bones of the skeleton, unless somebody said others."""
    if not isinstance(output, GraphSpec) or output.parent is not None:
        return output
    if not any(parent >= 0 for parent in skeleton.parent):
        raise InputError(
            "output.kind=graph draws bones, and the skeleton of the labels has none; give "
            "output.parent, or leave output out"
        )
    return output.model_copy(update={"parent": skeleton.parent})


def _strides(made: ModelSpec) -> list[int]:
    return [one.stride for one in PoseNet(made).outputs]


def _fitting(output: AnyOutput, stride: int) -> AnyOutput:
    """Widen Gaussians of the usual σ where the cells of a network are too coarse for it."""
    sigma = getattr(output, "sigma", None) if output.kind in MAPPED else None
    if sigma is None or sigma >= COARSE * stride:
        return output
    if sigma != type(output).model_fields["sigma"].default:
        return output  # somebody said so
    return output.model_copy(update={"sigma": COARSE * stride})
