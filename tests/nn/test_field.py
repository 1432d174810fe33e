import numpy as np
import pytest
import torch

from gambol.nn.backbones.base import backbones
from gambol.nn.backbones.efficientnet import EfficientNet
from gambol.nn.backbones.linear import LinearSpec
from gambol.nn.backbones.pyramid import Encoded, EncodedSpec
from gambol.nn.backbones.resnet import ResNet, ResNetSpec
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.backbones.vit import VitSpec
from gambol.nn.field import measure, receptive_field
from gambol.nn.heads import PatchSpec, PointwiseSpec, SimpleSpec
from gambol.nn.model import ModelSpec, PoseNet


def frames(n, side=64):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (side, side, 1), dtype=np.uint8) for _ in range(n)]


def test_the_radius_of_a_known_template_is_that_of_its_weights():
    spec = ModelSpec(
        backbone=LinearSpec(patch=15), head=PatchSpec(patch=15), keypoints=("nose",)
    )
    net = PoseNet(spec)
    y, x = np.mgrid[-7:8, -7:8]
    weight = np.exp(-(x**2 + y**2) / (2 * 2.0**2)) * 1e-3
    with torch.no_grad():
        net.heads[0].conv.weight.copy_(torch.from_numpy(weight)[None, None].float())
    # a Gaussian of sd 2 px holds 90 % within sd √(2 ln 10); peaks near the border lose a part
    padded = [np.pad(f[16:48, 16:48], ((16, 16), (16, 16), (0, 0)), constant_values=0)
              for f in frames(8)]  # fmt: skip
    assert measure(net, padded).radius == pytest.approx(2 * np.sqrt(2 * np.log(10)), abs=0.5)


def test_what_is_used_lies_within_what_could_be():
    torch.manual_seed(0)
    net = PoseNet(ModelSpec(backbone=UNetSpec(depth=2, filters=4), keypoints=("nose", "tail")))
    field = measure(net, frames(4))
    assert 0 < field.radius < field.side / np.sqrt(2) + 8


class Coarsest(Encoded):
    """An encoder alone, its last features first."""

    def forward(self, image):
        return self.seen(image)[::-1]


def deepest(encoder):
    return receptive_field(Coarsest(encoder, EncodedSpec(kind="some"), 1), 1)


def chain(*layers):
    """1 + sum of (k - 1) times the strides before, over layers (k, stride)."""
    field, jump = 1, 1
    for kernel, stride in layers:
        field, jump = field + (kernel - 1) * jump, jump * stride
    return field


def test_the_field_of_deep_encoders_is_what_the_formula_says():
    # activations that saturate and pooling with padding must not hide a path
    blocks = [(3, 1, 1), (3, 2, 2), (5, 2, 2), (3, 2, 3), (5, 1, 3), (5, 2, 4), (3, 1, 1)]
    lite0 = [(3, 2)]
    for kernel, stride, n in blocks:
        lite0 += [(kernel, stride), *[(kernel, 1)] * (n - 1)]
    assert deepest(EfficientNet("lite0")) == chain(*lite0) == 851
    eighteen = [(7, 2), (3, 2), *[(3, 1)] * 4]
    for _ in range(3):
        eighteen += [(3, 2), *[(3, 1)] * 3]
    spec = ResNetSpec(layers=18, coarsest=32)
    assert deepest(ResNet(spec)) == chain(*eighteen) == 435


def test_the_head_widens_the_field():
    backbone = UNetSpec(depth=2, filters=4, stride=4)
    sides = []
    for head in (PointwiseSpec(), SimpleSpec(doublings=1, width=8)):
        net = PoseNet(ModelSpec(backbone=backbone, head=head, keypoints=("nose",)))
        sides.append(measure(net, frames(1)).side)
    assert sides[0] == receptive_field(backbones.build(backbone, 1), 1)
    assert sides[0] < sides[1] <= sides[0] + 4
    patch = ModelSpec(backbone=LinearSpec(patch=15), head=PatchSpec(patch=15), keypoints=("a",))
    assert measure(PoseNet(patch), frames(1)).side == 15


def test_a_transformer_sees_the_whole_picture():
    spec = VitSpec(layers=1)
    net = PoseNet(ModelSpec(backbone=spec, head=SimpleSpec(width=8), keypoints=("nose",)))
    field = measure(net, frames(1))
    assert field.side is None and field.radius > 0


def test_measuring_leaves_the_network_as_it_is():
    torch.manual_seed(0)
    net = PoseNet(ModelSpec(backbone=UNetSpec(depth=2, filters=4), keypoints=("nose",)))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    measure(net, frames(1))
    after = net.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert next(net.parameters()).dtype == torch.float32
