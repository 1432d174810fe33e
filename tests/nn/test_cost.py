import math

import pytest
import torch
from torch import nn

from gambol.nn.backbones.efficientnet import EfficientNetSpec
from gambol.nn.backbones.leap import LeapSpec
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.cost import flops
from gambol.nn.heads import UpsampleSpec
from gambol.nn.model import ModelSpec, PoseNet


def by_definition(net, height, width):
    """Two operations for every weight that meets every cell, layer by layer."""
    total = []

    def count(layer, given, answer):
        cells = given[0] if isinstance(layer, nn.ConvTranspose2d) else answer
        total.append(2 * cells[0, 0].numel() * layer.weight.numel())

    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.no_grad():
        net.eval()(torch.zeros(1, net.spec.channels, height, width, dtype=torch.uint8))
    for hook in hooks:
        hook.remove()
    return sum(total)


@pytest.mark.parametrize(
    ("backbone", "more"),
    [
        (UNetSpec(depth=2, filters=4), {}),
        (LeapSpec(filters=4), {"head": UpsampleSpec()}),  # transposed convolutions
        (EfficientNetSpec(width=8), {"channels": 3}),  # and those in groups
    ],
)
def test_counts_every_weight_at_every_cell(backbone, more):
    net = PoseNet(ModelSpec(backbone=backbone, keypoints=("nose", "tail"), **more))
    assert flops(net, 64, 96) == by_definition(net, 64, 96)


def test_four_times_the_picture_is_four_times_the_work_and_the_network_stays_as_it_is():
    net = PoseNet(ModelSpec(backbone=UNetSpec(depth=2, filters=4), keypoints=("nose",))).train()
    assert math.isclose(flops(net, 128, 128), 4 * flops(net, 64, 64))
    assert net.training
