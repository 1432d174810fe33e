import pytest
import torch

from gambol.nn.backbones.hourglass import HourglassSpec
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
