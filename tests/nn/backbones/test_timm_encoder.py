"""A small module stands for timm here: it has the names and the manners of timm 1.0."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

from gambol.core.errors import InputError
from gambol.nn import transfer
from gambol.nn.backbones import backbones
from gambol.nn.backbones.timm_encoder import TimmSpec
from gambol.nn.model import ModelSpec, PoseNet, default_head


class Body(nn.Module):
    """Features at strides 2, 4, 8 and, unless dilated, 16; two of the coarsest."""

    def __init__(self, stride=16, words=False, turned=False):
        super().__init__()
        steps = [2, 2, 2, stride // 8]
        self.stages = nn.ModuleList(
            nn.Conv2d(before, 4 * 2**i, 3, step, padding=1)
            for i, (before, step) in enumerate(zip([3, 4, 8, 16], steps, strict=True))
        )
        self.blocks = nn.ModuleList(nn.Conv2d(32, 32, 1) for _ in range(3))
        if words:
            self.pos_embed = nn.Parameter(torch.zeros(32, 1, 1))
        self.turned = turned
        self.feature_info = SimpleNamespace(
            reduction=lambda: [2, 4, 8, stride, stride], channels=lambda: [4, 8, 16, 32, 32]
        )

    def forward(self, x):
        seen = []
        for stage in self.stages:
            x = stage(x).relu()
            seen.append(x)
        for block in self.blocks:
            x = block(x)
        x = x + getattr(self, "pos_embed", 0)
        seen.append(x)
        return [f.permute(0, 2, 3, 1) for f in seen] if self.turned else seen


@pytest.fixture
def calls(monkeypatch):
    """What the stand-in for timm was asked to make."""
    asked = []

    def create_model(name, pretrained=False, pretrained_cfg_overlay=None, **kwargs):
        words = name.startswith("vit")
        if "dynamic_img_size" in kwargs and not words:
            raise TypeError("__init__() got an unexpected keyword argument 'dynamic_img_size'")
        asked.append((name, pretrained, kwargs))
        assert kwargs["features_only"]
        body = Body(kwargs.get("output_stride", 16), words, name == "turned")
        if pretrained and pretrained_cfg_overlay is None:
            raise OSError("huggingface.co cannot be reached")
        if pretrained:
            state = pretrained_cfg_overlay["state_dict"]
            body.load_state_dict({k: v for k, v in state.items() if not k.startswith("fc.")})
        return body

    timm, data = ModuleType("timm"), ModuleType("timm.data")
    timm.create_model, timm.__version__, timm.data = create_model, "1.0", data
    timm.is_model = lambda name: name in ("net", "vit", "turned")
    data.resolve_model_data_config = lambda body: {"mean": (0.4,) * 3, "std": (0.2,) * 3}
    monkeypatch.setitem(sys.modules, "timm", timm)
    monkeypatch.setitem(sys.modules, "timm.data", data)
    return asked


def network(**settings):
    torch.manual_seed(0)
    spec = backbones.parse({"kind": "timm", "model": "net", "width": 8, **settings})
    head = default_head(spec)
    return PoseNet(ModelSpec(backbone=spec, head=head, keypoints=("nose", "tail")))


def test_the_name_of_a_model_may_follow_the_kind():
    short = backbones.parse({"kind": "timm:resnet18", "width": 16})
    assert short == TimmSpec(model="resnet18", width=16)


def test_features_are_taken_as_timm_declares_them(calls):
    net = network()
    encoder = net.backbone.encoder
    assert encoder.strides == (2, 4, 8, 16) and encoder.channels == (4, 8, 16, 32)
    assert encoder.taken == (0, 1, 2, 4)  # the last of the coarsest
    assert net.backbone.strides == (4, 8, 16) and net.multiple == 16
    assert encoder.mean == (0.4,) * 3 and encoder.sd == (0.2,) * 3
    image = torch.rand(1, 3, 32, 48)
    for given, expected in zip(encoder(image), [encoder.body(image)[i] for i in (0, 1, 2, 4)],
                               strict=True):  # fmt: skip
        assert torch.equal(given, expected)
    (maps,) = net.eval()(torch.zeros(1, 1, 32, 48, dtype=torch.uint8))
    assert maps.shape == (1, 2, 8, 12)
    assert network(coarsest=8).multiple == 8
    assert calls[-1][2]["output_stride"] == 8
    assert "dynamic_img_size" not in calls[-1][2]
    network(model="vit")
    assert calls[-1][2]["dynamic_img_size"] is True


def test_weights_of_a_file_go_through_timm(calls):
    net, other = network(), Body()
    taken = transfer.encoder(net, {**other.state_dict(), "fc.weight": torch.zeros(1)}, "a file")
    image = torch.rand(1, 3, 32, 32)
    assert torch.equal(net.backbone.encoder.body(image)[-1], other(image)[-1])
    assert set(taken.rates.values()) == {0.1}
    assert all(name.startswith("backbone.encoder.body.") for name in taken.rates)
    wrong = {**other.state_dict(), "blocks.0.weight": torch.zeros(2)}
    with pytest.raises(InputError, match="do not fit timm's net .*blocks.0.weight"):
        transfer.encoder(net, wrong, "a file")


def test_blocks_of_a_transformer_learn_ever_slower_towards_the_picture(calls):
    rates = network(model="vit").backbone.encoder.rates()
    expected = {"blocks.2": 0.75, "blocks.1": 0.75**2, "blocks.0": 0.75**3, "stages.0": 0.75**4}
    for part, rate in expected.items():
        assert rates[f"body.{part}.weight"] == pytest.approx(rate)


def test_a_hub_out_of_reach_is_told_with_both_remedies(calls):
    with pytest.raises(InputError, match=r"give a file .* huggingface.co can be reached"):
        transfer.published(network())


def test_unknown_models_and_odd_features_are_refused(calls):
    with pytest.raises(InputError, match="timm 1.0 has no model 'nte'"):
        network(model="nte")
    with pytest.raises(InputError, match="gives features of shape"):
        network(model="turned")
    with pytest.raises(InputError, match="no features at stride 3; there are 2, 4, 8, 16"):
        network(stride=3)


@pytest.mark.parametrize("raised", [ImportError("no module"), RuntimeError("nms not there")])
def test_without_timm_or_its_torchvision_there_is_a_remedy(monkeypatch, raised):
    class Refusing:
        def find_spec(self, name, *_):
            if name == "timm":
                raise raised

    monkeypatch.delitem(sys.modules, "timm", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Refusing(), *sys.meta_path])
    with pytest.raises(InputError, match=r'run pip install "gambol\[timm\]"'):
        network()


def test_real_timm_makes_a_network():
    pytest.importorskip("timm")
    net = network(model="resnet18")
    (maps,) = net.eval()(torch.zeros(1, 1, 64, 32, dtype=torch.uint8))
    assert maps.shape == (1, 2, 16, 8)
