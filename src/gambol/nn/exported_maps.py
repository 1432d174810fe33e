"""A network with the scaling of values inside one graph, whose maps are the answer.

In:  `image` uint8 (B, H, W, C), any batch.
Out: `centroids` (B, J, h, w), whose first map has a hill on the middle of every animal, and
     `fields` (B, 2, h, w) of a network that says which way animals lie.

So the network that finds animals for one of their crops leaves gambol.
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from gambol.nn.engine import Maps
from gambol.nn.exported import Whole
from gambol.nn.exported_engine import ExportedGraph
from gambol.nn.model import Answers, ModelSpec, PoseNet
from gambol.nn.outputs import Positions, outputs
from gambol.nn.outputs.fields import Fields

NAMES = ("centroids", "fields")


class MapsExportable(Whole):
    """Image to maps."""

    def __init__(self, net: PoseNet) -> None:
        super().__init__()
        self.net = net.eval()
        self.names = NAMES[: len(net.outputs)]

    def forward(self, image: UInt8[Tensor, "B H W C"]) -> Answers:
        """Compute the maps."""
        return self.answers(image)


class MapsEngine(ExportedGraph):
    """The graph where an engine is expected."""

    def __init__(self, path: Path, threads: int) -> None:
        super().__init__(path, "float32", threads)

    def __call__(self, frames: UInt8[np.ndarray, "B H W C"]) -> Maps:
        """Compute the maps, one frame after the other."""
        answers = [self.answers(frame) for frame in frames]
        return tuple(np.stack(some) for some in zip(*answers, strict=True))


def meaning(spec: ModelSpec, strides: dict[str, int]) -> tuple[Positions, Fields | None]:
    """Return what the maps of a network say, without its weights.

    Args:
        spec: of the network.
        strides: pixels per cell of its outputs, by name.
    """
    names = NAMES[: len(spec.outputs)]
    made = [
        outputs.build(one, len(spec.keypoints), strides[name])
        for one, name in zip(spec.outputs, names, strict=True)
    ]
    position = next(one for one in made if isinstance(one, Positions))
    return position, next((one for one in made if isinstance(one, Fields)), None)
