import numpy as np
import pytest
import torch
from pydantic import ValidationError

from gambol.core.errors import InputError
from gambol.nn import engine
from gambol.nn.backbones.leap import LeapSpec
from gambol.nn.backbones.linear import LinearSpec
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.heads import PatchSpec, PointwiseSpec, UpsampleSpec
from gambol.nn.model import ModelSpec, PoseNet, default_head, parameter_count
from gambol.nn.outputs.confidence import ConfidenceSpec

SMALL = UNetSpec(depth=2, filters=4)


def make(**changes):
    torch.manual_seed(0)
    settings = {"backbone": SMALL, "keypoints": ("a", "b"), **changes}
    return PoseNet(ModelSpec(**settings))


@pytest.mark.parametrize("backbone", [SMALL, LeapSpec(filters=4), LinearSpec(patch=9)])
def test_the_settings_of_a_model_go_through_yaml(tmp_path, backbone):
    spec = ModelSpec(
        backbone=backbone,
        head=default_head(backbone),
        channels=3,
        keypoints=("ä", "b"),
        outputs=(ConfidenceSpec(sigma=3),),
    )
    spec.to_yaml(tmp_path / "model.yaml")
    assert ModelSpec.from_yaml(tmp_path / "model.yaml") == spec


@pytest.mark.parametrize(
    "change, word",
    [
        ({"head": {"kind": "vector"}}, "says nothing of places"),
        (
            {"backbone": {"kind": "linear"}, "head": {"kind": "pointwise"}},
            "linear has no features",
        ),
    ],
)
def test_parts_that_do_not_go_together_are_refused(change, word):
    spec = ModelSpec.model_validate({"keypoints": ["a"], **change})
    with pytest.raises(InputError, match=word):
        PoseNet(spec)


@pytest.mark.parametrize(
    "change, word",
    [
        (
            {"backbone": {"kind": "unett"}},
            "leap, linear, resnet, stacked-densenet, timm, unet, vit",
        ),
        ({"backbone": {"kind": "unet", "dept": 3}}, "did you mean 'depth'"),
        ({"head": {"kind": "deep"}}, "patch, pointwise, shuffle, simple, upsample"),
        ({"sigma": 3}, "sigma"),
        ({"outputs": [{"kind": "confidence", "sigma": 0}]}, "sigma"),
        ({"outputs": []}, "outputs"),
        ({"keypoints": []}, "keypoints"),
        ({"channels": 0}, "channels"),
        ({"droput": 0.1}, "droput"),
    ],
)
def test_settings_that_make_no_model_are_refused(change, word):
    # trap 21: a setting that is misspelt is never dropped silently
    with pytest.raises(InputError, match=word):
        ModelSpec.from_values({"keypoints": ["a"], **change}, "model.yaml")


def test_every_backbone_has_the_head_it_was_published_with():
    assert default_head(SMALL) == PointwiseSpec()
    assert default_head(LeapSpec()) == UpsampleSpec()
    assert default_head(LinearSpec(patch=9)) == PatchSpec(patch=9)


def test_pixels_of_128_are_what_padding_is():
    net = make(backbone=UNetSpec(depth=2, filters=4, norm="none")).eval()
    image = torch.randint(0, 256, (1, 1, 16, 16), dtype=torch.uint8)
    padded = torch.full((1, 1, 64, 64), 128, dtype=torch.uint8)
    padded[:, :, 24:40, 24:40] = image
    larger = torch.full((1, 1, 96, 96), 128, dtype=torch.uint8)
    larger[:, :, 40:56, 40:56] = image
    with torch.no_grad():
        inner = net(padded)[0][:, :, 8:24, 8:24]
        torch.testing.assert_close(inner, net(larger)[0][:, :, 16:32, 16:32])
        seen = net.backbone.down[0][0]
        assert torch.equal(
            seen(torch.zeros(1, 1, 8, 8)), seen((padded.float() - 128)[..., :8, :8])
        )


def test_values_span_minus_one_to_one():
    heard = []
    net = make().eval()
    net.backbone.register_forward_pre_hook(lambda _, args: heard.append(args[0]))
    net(
        torch.tensor([0, 128, 255, 64], dtype=torch.uint8)
        .reshape(1, 1, 1, 4)
        .repeat(1, 1, 4, 1)
    )
    assert heard[0][0, 0, 0].tolist() == [-1.0, 0.0, 127 / 128, -0.5]


def test_maps_are_float32_even_where_the_layers_are_not():
    image = torch.zeros(1, 1, 16, 16, dtype=torch.uint8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert make()(image)[0].dtype == torch.float32


def test_the_same_seed_makes_the_same_network():
    one, two = make().state_dict(), make().state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_only_what_trains_is_counted():
    net = make()
    every = parameter_count(net)
    assert every == sum(p.numel() for p in net.parameters())
    net.heads.requires_grad_(False)
    assert parameter_count(net) == every - sum(p.numel() for p in net.heads.parameters())


def test_a_value_that_is_no_spec_is_refused():
    with pytest.raises(ValidationError, match="kind: NAME"):
        ModelSpec(backbone="unet", keypoints=("a",))


@pytest.mark.parametrize("place", [False, True])
def test_only_a_network_that_knows_places_answers_otherwise_elsewhere(place):
    net = make(place=place).eval()
    spot = torch.zeros(1, 1, 96, 96, dtype=torch.uint8)
    spot[..., 40:44, 40:44] = 255
    with torch.no_grad():
        here, there = net(spot)[0], net(spot.roll((16, 8), (2, 3)))[0]
    back = there.roll((-16 // 2, -8 // 2), (2, 3))
    middle = (..., slice(16, 28), slice(16, 28))  # far from what the border changes
    assert torch.allclose(here[middle], back[middle], atol=1e-5) == (not place)


def test_places_run_from_minus_one_to_one_between_the_borders():
    seen = []
    net = make(place=True)
    net.backbone.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    net(torch.full((2, 1, 8, 16), 128, dtype=torch.uint8))
    grey, x, y = seen[0][1]
    assert not grey.any()
    np.testing.assert_allclose(x, np.tile((np.arange(16) + 0.5) / 8 - 1, (8, 1)), atol=1e-6)
    np.testing.assert_allclose(y.T, np.tile((np.arange(8) + 0.5) / 4 - 1, (16, 1)), atol=1e-6)


@pytest.mark.parametrize("size", [(64, 48), (32, 32)])
def test_the_exported_network_knows_places_at_any_size(size):
    pytest.importorskip("openvino")
    net = make(place=True).eval()
    frames = np.random.default_rng(0).integers(0, 255, (2, *size, 1), dtype=np.uint8)
    exported = engine.OpenVinoEngine(net, "float32", threads=1)
    expected = engine.TorchEngine(net, "cpu", "float32", 1)(frames)
    np.testing.assert_allclose(exported(frames)[0], expected[0], atol=1e-5)
