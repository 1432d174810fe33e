import pytest

from gambol.nn.backbones.leap import LeapSpec
from gambol.nn.model import ModelSpec, PoseNet, default_head, parameter_count


@pytest.mark.parametrize("channels, keypoints, count", [(1, 32, 2_545_952), (3, 9, 2_520_585)])
def test_parameters_count_as_in_the_independent_prototype(channels, keypoints, count):
    spec = LeapSpec()
    names = tuple(f"k{i}" for i in range(keypoints))
    net = PoseNet(
        ModelSpec(backbone=spec, head=default_head(spec), channels=channels, keypoints=names)
    )
    assert parameter_count(net) == count and net.position.stride == 1
