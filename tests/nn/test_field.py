import numpy as np
import pytest
import torch

from gambol.nn.backbones.linear import LinearSpec
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.field import measure
from gambol.nn.heads import PatchSpec
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
