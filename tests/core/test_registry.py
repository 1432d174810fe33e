from typing import Annotated, Literal

import pytest
from pydantic import BeforeValidator, PositiveInt, SerializeAsAny, ValidationError

from gambol.core.config import Config
from gambol.core.registry import Registry, Spec

backbones = Registry[str]("backbone")


class UNet(Spec):
    kind: Literal["unet"] = "unet"
    width: PositiveInt = 32


class Timm(Spec):
    kind: Literal["timm"] = "timm"
    name: str


@backbones.register
def unet(spec: UNet, channels: int) -> str:
    return f"unet {channels}x{spec.width}"


@backbones.register
def timm(spec: Timm, channels: int) -> str:
    return f"{spec.name} {channels}"


class TrainConfig(Config):
    backbone: Annotated[SerializeAsAny[Spec], BeforeValidator(backbones.parse)] = UNet()


def test_round_trip(tmp_path):
    cfg = TrainConfig.model_validate({"backbone": {"kind": "timm", "name": "resnet18"}})
    cfg.to_yaml(tmp_path / "t.yaml")
    assert TrainConfig.from_yaml(tmp_path / "t.yaml") == cfg
    assert backbones.build(cfg.backbone, 3) == "resnet18 3"
    assert backbones.build(TrainConfig().backbone, 1) == "unet 1x32"


@pytest.mark.parametrize(
    "block, word",
    [
        ({"kind": "vnet"}, "timm, unet"),
        ({"kind": "unet", "witdh": 1}, "witdh"),
        ({"width": 8}, "timm, unet"),
        ({"kind": "unet", "width": 0}, "width"),
        ("unet", "kind: NAME"),
        (["unet"], "timm, unet"),
        ({"kind": ["unet"]}, "timm, unet"),
    ],
)
def test_errors_name_the_choice(block, word):
    with pytest.raises(ValidationError, match=word):
        TrainConfig.model_validate({"backbone": block})


def test_kinds_are_sorted_and_unique():
    assert backbones.kinds() == ["timm", "unet"]
    with pytest.raises(ValueError, match="'unet' is already registered"):
        backbones.register(unet)


def test_a_kind_may_carry_its_model():
    class Kept(Spec):
        kind: Literal["kept"] = "kept"
        model: str

    registry = Registry("thing")

    @registry.register
    def build(spec: Kept):
        return spec

    assert registry.parse({"kind": "kept:a:b"}) == Kept(model="a:b")
    assert registry.parse({"kind": "kept", "model": "c"}) == Kept(model="c")
    with pytest.raises(ValueError, match="no thing 'kep'; did you mean 'kept'"):
        registry.parse({"kind": "kep:a"})
