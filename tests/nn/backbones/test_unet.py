import pytest
import torch

from gambol.nn.backbones.base import backbones
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.field import receptive_field
from gambol.nn.model import ModelSpec, PoseNet, parameter_count

KEYPOINTS = tuple(f"k{i}" for i in range(13))


@pytest.mark.parametrize(
    "spec, count",
    [
        (UNetSpec(filters=16, rate=2, depth=4, stride=2, norm="none"), 1_953_501),
        (UNetSpec(filters=32, rate=1.5, depth=5, stride=4, norm="none"), 2_936_540),
    ],
)
def test_parameters_count_as_in_the_independent_prototype(spec, count):
    assert parameter_count(PoseNet(ModelSpec(backbone=spec, keypoints=KEYPOINTS))) == count


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_the_way_down_sees_what_the_formula_says(depth):
    # an output at the stride of the middle block leaves no way up
    spec = UNetSpec(depth=depth, filters=1, rate=1, stride=2**depth, norm="none")
    measured = receptive_field(backbones.build(spec, 1), 1)
    assert measured == 9 * 2**depth - 4 == spec.middle_field == spec.field


def seen(cell, level, depth):
    """First and last input pixel (along one axis) that a cell of the way up depends on."""

    def down(a, b, at):  # cells a..b after the two convolutions of a level of the way down
        a, b = a - 2, b + 2
        return (a, b) if at == 0 else down(2 * a, 2 * b + 1, at - 1)

    def up(a, b, at):
        if at == depth:
            return down(a, b, depth)
        a, b = a - 2, b + 2  # two convolutions of the way up
        # bilinear doubling: fine cell i reads coarse cells ⌊(i - 1) / 2⌋ and the next
        coarse = up((a - 1) // 2, (b - 1) // 2 + 1, at + 1)
        skip = down(a, b, at)
        return min(skip[0], coarse[0]), max(skip[1], coarse[1])

    return up(cell, cell, level)


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_the_measured_field_is_what_follows_from_the_layers(depth, stride):
    spec = UNetSpec(depth=depth, filters=1, rate=1, stride=stride, norm="none")
    level, middle = stride.bit_length() - 1, 1024 // stride // 2
    first, last = seen(middle, level, depth)
    measured = receptive_field(backbones.build(spec, 1), 1)
    assert measured == last - first + 1 == spec.field
    widths = [b - a + 1 for a, b in (seen(middle + i, level, depth) for i in range(2**depth))]
    assert max(widths) <= measured + 2**depth  # cells elsewhere in a coarse one see a bit more


def test_the_way_up_adds_to_the_field():
    reach = [seen(1024 // 2 // 2, 1, depth) for depth in (2, 3, 4)]
    assert [last - first + 1 for first, last in reach] == [44, 108, 220]  # not 32, 68, 140


@pytest.mark.parametrize("norm", ["none", "batch", "group"])
@pytest.mark.parametrize("rate", [1.0, 1.5, 2.0])
def test_every_norm_and_rate_makes_a_network(norm, rate):
    spec = UNetSpec(depth=3, filters=6, rate=rate, norm=norm)
    features = backbones.build(spec, 3)(torch.zeros(2, 3, 16, 24))
    assert features[0].shape == (2, int(6 * rate), 8, 12)


@pytest.mark.parametrize("stride", [3, 6, 32])
def test_a_stride_that_no_level_has_is_refused(stride):
    with pytest.raises(ValueError, match="stride is none of 1, 2, 4, 8, 16; choose one"):
        backbones.build(UNetSpec(depth=4, stride=stride), 1)
