"""Part affinity fields: along every edge, which way the other end lies.

Source: Cao et al. (2017), CVPR, "Realtime multi-person 2D pose estimation using part affinity
fields"; widths and overlaps as in spec/many.md §3.
"""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor

from gambol.core.errors import InputError
from gambol.nn import losses, targets
from gambol.nn.outputs.base import Output, OutputSpec, outputs
from gambol.nn.targets import Edges, Scene, Target


class FieldsSpec(OutputSpec):
    """Unit vectors, x before y, within about 1.2σ of every edge."""

    kind: Literal["fields"] = "fields"
    stride: PositiveInt | None = 4  # a field is smooth
    edges: Edges = Field(min_length=1)  # (from, to), indices of keypoints
    centroid: bool = False  # the animals' middles are a keypoint as well, behind the last
    sigma: PositiveFloat = 8.0  # network pixels, across an edge

    def channels(self, keypoints: int) -> int:
        """Return two maps per edge."""
        return 2 * len(self.edges)


class Fields(Output):
    """One vector field per edge; grouping reads it along lines between peaks."""

    def __init__(self, spec: FieldsSpec, keypoints: int, stride: int) -> None:
        ends = keypoints + spec.centroid
        for a, b in spec.edges:
            if a == b or not (0 <= a < ends and 0 <= b < ends):
                raise InputError(f"fields: edge {[a, b]} joins no two of {keypoints} keypoints")
        self.stride, self.weight = stride, spec.weight
        self.edges, self.sigma, self.centroid = spec.edges, spec.sigma, spec.centroid

    def target(self, scene: Scene) -> Target:
        """Draw the fields; unlabelled and too near ends do not count, absent ones are empty."""
        scene = scene.with_middle() if self.centroid else scene
        drawn = targets.fields(scene.said(), self.edges, scene.size, self.stride, self.sigma)
        known = targets.known_edges(scene, self.edges, self.stride, targets.SHORTEST)
        return Target(drawn.flatten(1, 2), known.repeat_interleave(2, 1))

    def loss(self, maps: Float[Tensor, "B C h w"], target: Target) -> Float[Tensor, ""]:
        """Squared error over that of predicting nothing."""
        return losses.relative_mse(maps, target, self.stride, self.sigma)

    def mirror(
        self, maps: Float[Tensor, "B C h w"], partner: tuple[int, ...]
    ) -> Float[Tensor, "B C h w"]:
        """Turn maps and arrows over; an edge becomes that between its ends' partners."""
        partner = (*partner, len(partner))  # a centroid stays one
        order, signs = [], []
        for a, b in self.edges:
            there = (partner[a], partner[b])
            back = there not in self.edges
            order.append(_edge(self.edges, there[::-1] if back else there, (a, b)))
            signs += [1.0, -1.0] if back else [-1.0, 1.0]
        places = [2 * e + axis for e in order for axis in (0, 1)]
        turned = maps.flip(-1)[:, places]
        return turned * torch.tensor(signs, dtype=maps.dtype, device=maps.device)[:, None, None]


def _edge(edges: Edges, wanted: tuple[int, int], of: tuple[int, int]) -> int:
    if wanted not in edges:
        raise InputError(
            f"edge {list(of)} has no mirror image among the edges {[list(e) for e in edges]}; "
            "add it to many.edges, or leave mirror out"
        )
    return edges.index(wanted)


@outputs.register
def fields(spec: FieldsSpec, keypoints: int, stride: int) -> Output:
    """Build the output."""
    return Fields(spec, keypoints, stride)
