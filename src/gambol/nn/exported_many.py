"""A bottom-up network inside one graph, which leaves to others how peaks make animals.

In:  `image` uint8 (B, H, W, C), any batch.
Out: `xy` (B, J, P, 2), `height` (B, J, P) and `covariance` (B, J, P, 2, 2) of up to P peaks of
     every keypoint, pixels of that image; `fields` (B, 2 L, h, w), x and y of the unit vectors
     along L edges; `classes` (B, A, h, w), logits, of a network that knows A individuals.

Where J exceeds the keypoints, the last are middles of animals.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gambol.core import pixels
from gambol.core.errors import InputError
from gambol.nn import graph_peaks
from gambol.nn.exported import CLASSES, Whole, seen
from gambol.nn.model import PoseNet
from gambol.nn.outputs.classes import Classes
from gambol.nn.outputs.confidence import Confidence
from gambol.nn.outputs.fields import Fields
from gambol.nn.snapshots import Together

NAMES = ("xy", "height", "covariance", "fields")


class ManyExportable(Whole):
    """Image to the peaks of all animals and the fields between them."""

    def __init__(
        self, net: PoseNet, edges: Sequence[tuple[int, int]], threshold: float, limit: int
    ) -> None:
        """Put a graph around a network.

        Args:
            net: bottom-up.
            edges: whose fields are given, in this order.
            threshold: height from which a local maximum is a peak.
            limit: P.
        """
        super().__init__()
        position, drawn = net.position, fields_of(net)
        if isinstance(position, Together):
            raise InputError(
                f"{position.networks} snapshots that find animals bottom-up do not fit into "
                "one exported graph; train without fit.snapshots, or give the run to "
                "gambol.live.ManyPredictor"
            )
        if not isinstance(position, Confidence):
            raise InputError("only confidence maps show the peaks of several animals")
        self.net, self.stride = net.eval(), position.stride
        self.sigma = position.sigma / position.stride
        self.threshold, self.limit = threshold, limit
        self.which = net.outputs.index(position)
        self.of_fields, self.of_classes = net.outputs.index(drawn), None
        places = [2 * drawn.edges.index(edge) + axis for edge in edges for axis in (0, 1)]
        self.places = None if places == list(range(2 * len(drawn.edges))) else places
        self.names: tuple[str, ...] = NAMES
        if (known := classes_of(net)) is not None:
            self.of_classes = net.outputs.index(known)
            self.names = (*NAMES, CLASSES)

    def forward(self, image: UInt8[Tensor, "B H W C"]) -> tuple[Float[Tensor, "..."], ...]:
        """Find the peaks."""
        answers = self.answers(image)
        maps = seen(answers[self.which], image, self.stride)
        found = graph_peaks.several(maps, self.sigma, self.threshold, self.limit)
        grid = pixels.cells(self.stride)
        there = (found.height > 0)[..., None]
        xy = torch.where(there, found.xy * float(grid[0, 0]) + float(grid[0, 2]), 0.0)
        cov = found.cov * float(grid[0, 0]) ** 2
        fields = answers[self.of_fields]
        if self.places is not None:
            fields = fields[:, self.places]
        more = () if self.of_classes is None else (answers[self.of_classes],)
        return xy, found.height, cov, fields, *more


def fields_of(net: PoseNet) -> Fields:
    """Return the output that draws the fields of a bottom-up network."""
    for one in net.outputs:
        if isinstance(one, Fields):
            return one
    raise InputError("the network draws no fields between keypoints; train it bottom-up")


def classes_of(net: PoseNet) -> Classes | None:
    """Return the output that says who an animal is, of a network that knows."""
    return next((one for one in net.outputs if isinstance(one, Classes)), None)
