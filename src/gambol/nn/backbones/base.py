"""What every backbone is, and the registry they enter."""

from typing import ClassVar

from torch import Tensor, nn

from gambol.core.errors import InputError
from gambol.core.registry import Registry, Spec


class Backbone(nn.Module):
    """Image to features at one or more resolutions, finest first."""

    channels: tuple[int, ...]  # of every level of features
    strides: tuple[int, ...]  # input pixels per feature cell of every level, increasing
    multiple: int  # widths and heights must be multiples of this
    stages: int = 1  # times that it answers, each time looking at what it answered before
    of_maps: ClassVar[dict[str, int]] = {}
    # the only layers whose sizes are numbers of maps, and the axis of their maps

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
