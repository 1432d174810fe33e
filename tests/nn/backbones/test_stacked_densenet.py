import pytest

from gambol.nn.backbones.stacked_densenet import StackedDensenetSpec
from gambol.nn.model import ModelSpec, PoseNet, parameter_count
from gambol.nn.outputs.graph import GraphSpec


def network(transitions, stacks, channels, keypoints):
    names = tuple(f"k{i}" for i in range(keypoints))
    graph = GraphSpec(parent=(-1, *[0] * (keypoints - 1)))  # 2J + 2 maps
    backbone = StackedDensenetSpec(transitions=transitions, stacks=stacks)
    return PoseNet(
        ModelSpec(backbone=backbone, channels=channels, keypoints=names, outputs=(graph,))
    )


@pytest.mark.parametrize(
    "halvings, stacks, channels, keypoints, count, with_statistics",
    [
        (6, 1, 1, 32, 2_185_026, 2_185_290),  # 192 px can be halved six times, 160 px five
        (6, 2, 1, 32, 4_673_041, 4_673_437),
        (5, 1, 3, 9, 1_568_802, 1_568_882),
        (5, 2, 3, 9, 3_265_716, 3_265_836),
        (5, 1, 1, 35, 1_643_462, 1_643_750),
    ],
)
def test_parameters_count_as_in_the_independent_prototype(
    halvings, stacks, channels, keypoints, count, with_statistics
):
    net = network(halvings, stacks, channels, keypoints)
    running = sum(b.numel() for b in net.buffers() if b.ndim)
    assert parameter_count(net) == count
    assert count + running == with_statistics
    assert net.position.stride == 4 and net.multiple == 2**halvings


def test_a_network_that_only_goes_up_is_refused():
    with pytest.raises(ValueError, match="transitions is not above downsample"):
        StackedDensenetSpec(transitions=4, downsample=4)
