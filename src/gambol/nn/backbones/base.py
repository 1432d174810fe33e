"""What every backbone is, and the registry they enter."""

from torch import Tensor, nn

from gambol.core.errors import InputError
from gambol.core.registry import Registry, Spec


class Backbone(nn.Module):
    """Image to features at one or more resolutions, finest first."""

    channels: tuple[int, ...]  # of every level of features
    strides: tuple[int, ...]  # input pixels per feature cell of every level, increasing
    multiple: int  # widths and heights must be multiples of this
    stages: int = 1  # times that it answers, each time looking at what it answered before

    def prepare(self, maps: int) -> None:
        """Make the layers that answer early, with so many maps; for several stages only."""

    def walk(self, image: Tensor) -> tuple[list[Tensor], tuple[Tensor, ...]]:
        """Return the maps of the stages before the last, at the finest stride, and features."""
        return [], self(image)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Map (B, C, H, W) to a tuple of (B, channels[l], H / strides[l], W / strides[l])."""
        raise NotImplementedError

    def level(self, stride: int | None) -> int:
        """Return the level of features at a stride; None is the finest."""
        if stride is None:
            return 0
        if stride not in self.strides:
            there = ", ".join(map(str, self.strides))
            raise InputError(f"no features at stride {stride}; there are {there}")
        return self.strides.index(stride)


BackboneSpec = Spec
backbones = Registry[Backbone]("backbone")


def receptive_field(backbone: Backbone, channels: int) -> int:
    """Return the side of the input that one cell of the finest level sees, in input pixels.

    Measured, for any network: one backward pass with positive weights and activations that
    let every path through.
    """
    import copy

    import torch

    probe = copy.deepcopy(backbone).eval()
    _open_all_paths(probe)
    side = min(32 * probe.multiple, 1024)
    image = torch.ones(1, channels, side, side, requires_grad=True)
    features = probe(image)[0]
    middle = features.shape[-1] // 2
    features[0, :, middle, middle].sum().backward()
    assert image.grad is not None
    columns = image.grad[0].abs().sum((0, 1)).nonzero()[:, 0]
    return int(columns.max() - columns.min() + 1)


def _open_all_paths(module: nn.Module) -> None:
    """Make weights positive, and pooling an average, so that no gradient vanishes."""
    import torch

    for name, child in module.named_children():
        if isinstance(child, nn.MaxPool2d):
            setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride))
        elif isinstance(child, nn.BatchNorm2d | nn.GroupNorm):
            setattr(module, name, nn.Identity())
        else:
            _open_all_paths(child)
    for parameter in module.parameters(recurse=False):
        with torch.no_grad():
            parameter.fill_(1.0 / max(parameter[0].numel(), 1))
