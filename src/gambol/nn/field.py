"""How far a network looks: the field that it could use, and the one that it does use.

Source of the effective field: Luo et al. (2016), NeurIPS 29, "Understanding the effective
receptive field in deep convolutional neural networks".
"""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from gambol.nn.backbones.base import Backbone
from gambol.nn.model import PoseNet

SHARE = 0.9  # of what moves a peak lies within the effective radius
WIDEST = 4096  # network pixels; what sees from border to border of such a strip sees all


class Field(NamedTuple):
    """Sizes in network pixels."""

    side: int | None  # of the square that can influence a cell at all; None: the whole image
    radius: float  # around a peak that holds 90 % of what influences it


def measure(net: PoseNet, images: list[UInt8[np.ndarray, "_h _w C"]]) -> Field:
    """Measure both fields of a trained network.

    Args:
        net: the network; its weights stay as they are.
        images: a few frames at network scale whose sides are multiples of `net.multiple`.
    """
    probe = copy.deepcopy(net).eval()
    side = _reach(probe, lambda x: probe.answer(x)[0], net.spec.channels, net.multiple)
    spread = [_influence(net.eval(), image, i) for i, image in enumerate(images)]
    return Field(side, _radius(spread))


def receptive_field(backbone: Backbone, channels: int) -> int | None:
    """Return the side of the input that one cell of the finest level sees, in input pixels.

    Args:
        backbone: any network; its weights stay as they are.
        channels: of its input.

    Returns:
        None where every cell sees the whole image, whatever its size.
    """
    probe = copy.deepcopy(backbone).eval()
    return _reach(probe, lambda x: probe(x)[0], channels, backbone.multiple)


def _reach(
    probe: nn.Module, answer: Callable[[Tensor], Tensor], channels: int, multiple: int
) -> int | None:
    """Width of what has a slope on the middle cell when nothing can cancel or saturate.

    A strip of the least height is enough: what reaches to the sides reaches as far up and down.
    """
    probe.double()  # the far end of many layers is far below what float32 can tell from 0
    for parameter in probe.parameters():
        with torch.no_grad():
            parameter.fill_(1.0 / max(parameter[0].numel(), 1))
    side = 16 * multiple
    while side <= WIDEST:
        image = torch.ones(1, channels, multiple, side, dtype=torch.float64, requires_grad=True)
        with _Linear():
            maps = answer(image)
            slope = torch.autograd.grad(maps[..., maps.shape[-1] // 2].sum(), image)[0]
        seen = slope[0].abs().sum((0, 1)).nonzero()[:, 0]
        first, last = int(seen.min()), int(seen.max())
        if first > 0 and last < side - 1:
            return last - first + 1
        side *= 2
    return None


class _Linear(TorchFunctionMode):
    """Let activations and normalisations pass everything, and pooling take the mean."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs, name = kwargs or {}, getattr(func, "__name__", "").strip("_")
        if name in _PASSING:
            return args[0] if args else kwargs["input"]
        if name == "max_pool2d":
            return _mean_pool(*args, **kwargs)
        return func(*args, **kwargs)


_PASSING = {
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "hardswish",
    "hardsigmoid", "hardtanh", "sigmoid", "tanh", "softplus", "batch_norm", "layer_norm",
    "group_norm", "instance_norm",
}  # fmt: skip


def _mean_pool(
    input: Tensor,  # noqa: A002 - as torch calls it
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    *_: Any,
    **__: Any,
) -> Tensor:
    return F.avg_pool2d(input, kernel_size, stride, padding)


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
    """Radius that holds the share, every image counting alike; 0 where nothing has a slope."""
    distance = np.concatenate([d for d, _ in spread])
    weight = np.concatenate([w / max(float(w.sum()), 1e-30) for _, w in spread])
    if not weight.any():
        return 0.0
    order = np.argsort(distance)
    held = np.cumsum(weight[order]) / weight.sum()
    return float(distance[order][np.searchsorted(held, SHARE)])
