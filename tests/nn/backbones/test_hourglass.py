import pytest
import torch

from gambol.nn.backbones import backbones
from gambol.nn.backbones.base import Backbone
from gambol.nn.backbones.hourglass import HourglassSpec
from gambol.nn.field import receptive_field
from gambol.nn.model import ModelSpec, PoseNet, parameter_count

KEYPOINTS = tuple(f"k{i}" for i in range(32))


@pytest.mark.parametrize("stacks, count", [(1, 3_424_288), (2, 6_576_448)])
def test_parameters_count_as_in_the_independent_prototype(stacks, count):
    spec = HourglassSpec(stacks=stacks)
    net = PoseNet(ModelSpec(backbone=spec, keypoints=KEYPOINTS))
    assert parameter_count(net) == count and net.position.stride == 4


def test_a_stack_sees_what_the_one_before_it_answered():
    torch.manual_seed(0)
    spec = HourglassSpec(filters=16, depth=1, stacks=2)
    net = PoseNet(ModelSpec(backbone=spec, keypoints=("nose",))).eval()
    image = torch.randint(0, 256, (1, 1, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        before = net(image)[0]
        net.backbone.answers[0].bias += 1.0
        assert not torch.equal(net(image)[0], before)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("stacks", [1, 2])
def test_the_measured_field_is_what_follows_from_the_layers(depth, stacks):
    spec = HourglassSpec(filters=8, depth=depth, stacks=stacks)
    net = backbones.build(spec, 1)
    net.prepare(1)
    assert receptive_field(net, 1) == spec.field
    assert spec.middle_field < spec.field


class Smallest(Backbone):
    """The way down to the smallest grid of the first stack."""

    def __init__(self, spec):
        super().__init__()
        self.net = backbones.build(spec, 1)
        self.multiple = spec.multiple

    def forward(self, image):
        x, glass = self.net.front(image), self.net.glasses[0]
        while hasattr(glass, "smaller"):
            x, glass = glass.smaller[0](glass.pool(x)), glass.smaller[1]
        return (glass(x),)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_smallest_grid_sees_what_is_said(depth):
    spec = HourglassSpec(filters=8, depth=depth, stacks=1)
    assert receptive_field(Smallest(spec), 1) == spec.middle_field
