"""Small networks with all that an exported graph needs, for tests."""

import numpy as np
import torch

from gambol.nn import exported
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import ModelSpec, PoseNet

KEYPOINTS = ("a", "b", "c")


def network(channels=1, **more):
    """A network whose batch statistics are those of pictures, else as it was drawn."""
    torch.manual_seed(0)
    spec = {"backbone": UNetSpec(depth=2, filters=4), "keypoints": KEYPOINTS, **more}
    net = PoseNet(ModelSpec(channels=channels, **spec)).train()
    with torch.no_grad():
        for seed in range(5):
            images = pictures(4, (64, 64), channels, seed)
            net(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    return net.eval()


def worth(scale=1.0, factor=(1.0, 1.0)):
    weights = torch.tensor([[0.2, 1.0, -0.3], [0.0, 0.7, -0.1], [0.5, 1.2, 0.0]])
    scales = scale * torch.tensor([[1.0, 0.5], [0.8, 0.1], [2.0, 0.0]])
    return exported.Worth(scales, weights, 3.0, 60.0, factor)


def pictures(n, size, channels=1, seed=0):
    width, height = size
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, height // 4 + 1, width // 4 + 1, channels), np.uint8)
    return coarse.repeat(4, axis=1).repeat(4, axis=2)[:, :height, :width]
