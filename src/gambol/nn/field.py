"""How far a network looks: the field that it could use, and the one that it does use.

Source of the effective field: Luo et al. (2016), NeurIPS 29, "Understanding the effective
receptive field in deep convolutional neural networks".
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8

from gambol.nn.backbones.base import receptive_field
from gambol.nn.model import PoseNet

SHARE = 0.9  # of what moves a peak lies within the effective radius


class Field(NamedTuple):
    """Sizes in network pixels."""

    side: int  # of the square that can influence a cell at all
    radius: float  # around a peak that holds 90 % of what influences it


def measure(net: PoseNet, images: list[UInt8[np.ndarray, "_h _w C"]]) -> Field:
    """Measure both fields of a trained network.

    Args:
        net: the network; its weights stay as they are.
        images: a few frames at network scale whose sides are multiples of `net.multiple`.
    """
    side = receptive_field(net.backbone, net.spec.channels + 2 * net.spec.place)
    spread = [_influence(net.eval(), image, i) for i, image in enumerate(images)]
    return Field(side, _radius(spread))


def _influence(
    net: PoseNet, image: UInt8[np.ndarray, "h w C"], turn: int
) -> tuple[Float[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """Distance of every pixel from the peak of one keypoint, and |∂ peak / ∂ pixel|."""
    x = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].float()
    x = ((x - 128.0) / 128.0).requires_grad_()
    maps = net.answer(x)[0][0]
    one = maps[turn % len(maps)]
    at = int(one.argmax())
    (slope,) = torch.autograd.grad(one.flatten()[at], x)
    weight = slope[0].abs().sum(0).numpy().astype(np.float64)
    row, column = divmod(at, one.shape[1])
    stride = net.outputs[0].stride
    middle = (stride - 1) / 2
    rows, columns = np.mgrid[: weight.shape[0], : weight.shape[1]]
    down, across = rows - row * stride - middle, columns - column * stride - middle
    return np.hypot(down, across).ravel(), weight.ravel()


def _radius(
    spread: list[tuple[Float[np.ndarray, " P"], Float[np.ndarray, " P"]]],
) -> float:
    """Radius that holds the share, every image counting alike."""
    distance = np.concatenate([d for d, _ in spread])
    weight = np.concatenate([w / max(float(w.sum()), 1e-30) for _, w in spread])
    order = np.argsort(distance)
    held = np.cumsum(weight[order]) / weight.sum()
    return float(distance[order][np.searchsorted(held, SHARE)])
