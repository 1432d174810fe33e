"""Any encoder of the package timm, with a way up; timm is imported when one is built.

Source: Wightman (2019), "PyTorch image models", github.com/huggingface/pytorch-image-models.
"""

import re
from types import ModuleType
from typing import Any, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from gambol.core.errors import InputError
from gambol.nn.backbones.base import Backbone, backbones
from gambol.nn.backbones.pyramid import EncodedSpec, Encoder, EncoderSpec, Pyramid
from gambol.nn.backbones.vit import falling

USUAL = 4  # stride of the finest features, where the encoder has them
SAID = 200  # characters of a foreign message
_WRONG = (RuntimeError, TypeError, ValueError, NotImplementedError, AssertionError, KeyError)


class TimmSpec(EncodedSpec):
    """Which model of timm; `kind: timm:NAME` is short for both."""

    kind: Literal["timm"] = "timm"
    model: str = Field("convnext_tiny", min_length=1)  # as timm calls it
    stride: PositiveInt | None = None
    # of the finest features, network pixels; null: 4, or the finest above that
    width: int = Field(32, ge=4, le=512)  # channels of the way up at the stride; ×2 a level
    coarsest: Literal[8, 16] | None = None  # dilate later stages; null: as published


class Timm(Encoder):
    """Features of every stride, the last of each; parameters as in timm's feature networks."""

    def __init__(self, spec: TimmSpec) -> None:
        super().__init__()
        self.spec, self.body = spec, _create(spec)
        found = zip(
            self.body.feature_info.reduction(),
            self.body.feature_info.channels(),
            strict=True,
        )
        # of features of the same size, the last have seen most
        last = {int(s): (i, int(c)) for i, (s, c) in enumerate(found)}
        self.strides = tuple(sorted(last))
        self.taken = tuple(last[stride][0] for stride in self.strides)
        self.channels = tuple(last[stride][1] for stride in self.strides)
        known = _timm().data.resolve_model_data_config(self.body)
        self.mean, self.sd = tuple(known["mean"]), tuple(known["std"])
        names = [name for name, _ in self.body.named_parameters()]
        self.words = any(re.search(r"(^|\.)pos_embed$", name) for name in names)
        self.rate = 1.0 if self.words else Encoder.rate
        self._check()

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """Map (B, 3, H, W) to features of every size, finest first."""
        seen = self.body(rgb)
        return tuple(seen[i] for i in self.taken)

    def named(self, foreign: dict[str, Tensor]) -> dict[str, Tensor]:
        """Have timm fit weights of its model to the network of its features."""
        try:
            return _named(_create(self.spec, {"state_dict": foreign}))
        except _WRONG as error:
            raise InputError(
                f"these weights do not fit timm's {self.spec.model} ({_first(error)}); give "
                "those of the same model, or leave start out"
            ) from error

    def published(self) -> dict[str, Tensor]:
        """Fetch the weights that timm publishes for the model."""
        try:
            return _named(_create(self.spec, {}))
        except (*_WRONG, OSError, ImportError) as error:
            raise InputError(
                f"the weights of timm's {self.spec.model} could not be fetched "
                f"({_first(error)}); give a file of them as start, or train where "
                "huggingface.co can be reached"
            ) from error

    def rates(self) -> dict[str, float]:
        """Let all learn alike, blocks of a transformer each slower than the next."""
        return falling(self) if self.words else super().rates()

    def _check(self) -> None:
        """Refuse what gives other features than it declares, such as channels last."""
        side = self.strides[-1]
        size = (2 * side, 3 * side)
        expected = [
            (1, c, size[0] // s, size[1] // s)
            for c, s in zip(self.channels, self.strides, strict=True)
        ]
        try:
            with torch.no_grad():
                shapes = [tuple(f.shape) for f in self.eval()(torch.zeros(1, 3, *size))]
        except _WRONG as error:
            raise InputError(
                f"timm's {self.spec.model} takes no picture of {size[1]} x {size[0]} px "
                f"({_first(error)}); take a model for any size"
            ) from error
        self.train()
        if shapes != expected:
            raise InputError(
                f"timm's {self.spec.model} gives features of shape {shapes}, not {expected}; "
                "take another model"
            )


def _timm() -> ModuleType:
    """Import timm, which imports torchvision."""
    try:
        import timm
        import timm.data
    except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision of another torch
        raise InputError(
            f"backbone timm needs the packages timm and torchvision ({_first(error)}); run pip "
            'install "gambol[timm]", with the torchvision that belongs to your torch, or take '
            "backbone efficientnet, resnet or vit"
        ) from error
    return timm


def _create(spec: TimmSpec, overlay: dict[str, Any] | None = None) -> Any:
    """Make the network of features, with weights that `overlay` brings, if not None."""
    timm = _timm()
    if not timm.is_model(spec.model):
        raise InputError(
            f"timm {timm.__version__} has no model {spec.model!r}; timm.list_models() names all"
        )
    given: dict[str, Any] = {"features_only": True, "pretrained": overlay is not None}
    if overlay:
        given["pretrained_cfg_overlay"] = overlay
    if spec.coarsest is not None:
        given["output_stride"] = spec.coarsest
    try:  # transformers have to be told that pictures come in any size; others do not know it
        return timm.create_model(spec.model, dynamic_img_size=True, **given)
    except TypeError as error:
        if "dynamic_img_size" not in str(error):
            raise
    return timm.create_model(spec.model, **given)


def _named(body: Any) -> dict[str, Tensor]:
    return {f"body.{name}": value for name, value in body.state_dict().items()}


def _first(error: BaseException) -> str:
    """Return the beginning of a message that may be long."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= SAID else f"{said[:SAID]}…"


@backbones.register
def timm(spec: TimmSpec, channels: int) -> Backbone:
    """Build the network for images of this many channels."""
    try:
        encoder = Timm(spec)
    except InputError:
        raise
    except _WRONG as error:
        raise InputError(
            f"timm cannot make {spec.model} with these settings ({_first(error)}); leave "
            "coarsest out, or take another model"
        ) from error
    finest = [s for s in encoder.strides if s >= USUAL] or [encoder.strides[-1]]
    made = EncoderSpec(kind="timm", stride=spec.stride or finest[0], width=spec.width)
    return Pyramid(encoder, made, channels)
