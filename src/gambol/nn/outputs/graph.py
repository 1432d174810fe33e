"""Posture graph: the skeleton drawn beside the keypoints, which teaches how they hang together.

Source: Graving et al. (2019), eLife 8:e47994; edges are segments here, whose maps peak at 1.
"""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from pydantic import PositiveFloat
from torch import Tensor

from gambol.core.errors import InputError
from gambol.kernels import peaks
from gambol.kernels.maxima import Maxima
from gambol.nn import losses, targets
from gambol.nn.outputs.base import Output, OutputSpec, Positions, outputs
from gambol.nn.outputs.confidence import hills
from gambol.nn.targets import Scene, Target


class GraphSpec(OutputSpec):
    """Keypoints, edges, one map per root with all its edges, all edges, everything: 2J + 2."""

    kind: Literal["graph"] = "graph"
    parent: tuple[int, ...] | None = None  # of every keypoint, -1: a root; null: the skeleton's
    sigma: PositiveFloat = 3.5  # network pixels
    reduce: Literal["max", "sum"] = "max"  # how edges join into limbs and totals

    def channels(self, keypoints: int) -> int:
        """Return J + (J - R) + R + 1 + 1."""
        return 2 * keypoints + 2


class Graph(Positions):
    """Keypoint maps, whose peaks it finds, and maps of the skeleton that only teach."""

    hilly = True

    def __init__(self, spec: GraphSpec, keypoints: int, stride: int) -> None:
        self.keypoints, self.stride, self.weight = keypoints, stride, spec.weight
        self.sigma, self.reduce = spec.sigma, spec.reduce
        if spec.parent is None:
            raise InputError("graph: nobody said the parents of the keypoints; give parent")
        roots = _roots(spec.parent, keypoints)
        self.edges = tuple((p, j) for j, p in enumerate(spec.parent) if p >= 0)
        # the edges of a root are those that hang below it, wherever it stands in the order
        self.limbs = [
            [e for e, (_, child) in enumerate(self.edges) if roots[child] == root]
            for root in sorted(set(roots))
        ]

    def target(self, scene: Scene) -> Target:
        """Draw the maps; a missing end empties an edge, an unlabelled one silences it."""
        xy = scene.said()
        points = targets.confidence_maps(xy, scene.size, self.stride, self.sigma)
        edges = targets.edge_maps(xy, self.edges, scene.size, self.stride, self.sigma)
        known = targets.known(scene, self.stride)
        sure = targets.known_edges(scene, self.edges, self.stride)
        limbs = torch.stack([self._join(edges[:, limb]) for limb in self.limbs], 1)
        sure_limbs = torch.stack([_all(sure[:, limb], known) for limb in self.limbs], 1)
        total, sure_total = self._join(limbs)[:, None], _all(sure_limbs, known)[:, None]
        every = self._join(torch.cat([total, points], 1))[:, None]
        sure_every = _all(torch.cat([sure_total, known], 1), known)[:, None]
        return Target(
            torch.cat([points, edges, limbs, total, every], 1),
            torch.cat([known, sure, sure_limbs, sure_total, sure_every], 1),
        )

    def loss(self, maps: Float[Tensor, "B C h w"], target: Target) -> Float[Tensor, ""]:
        """Mean of the squared errors of the keypoints and of the rest; 1 for nothing."""
        j = self.keypoints
        points = Target(target.maps[:, :j], target.weight[:, :j])
        rest = Target(target.maps[:, j:], target.weight[:, j:])
        mine = losses.map_mse(maps[:, :j], points, self.stride, self.sigma)
        theirs = losses.relative_mse(maps[:, j:], rest, self.stride, self.sigma)
        return (mine + theirs) / 2

    def mirror(
        self, maps: Float[Tensor, "B C h w"], partner: tuple[int, ...]
    ) -> Float[Tensor, "B C h w"]:
        """Exchange the keypoints' maps and turn all over; the rest only teaches."""
        points = super().mirror(maps[:, : self.keypoints], partner)
        return torch.cat([points, maps[:, self.keypoints :].flip(-1)], 1)

    def peaks(self, maps: Float[np.ndarray, "*B C h w"]) -> peaks.Peaks:
        """Fit a Gaussian around the highest cell of the keypoints' maps."""
        return peaks.find(maps[..., : self.keypoints, :, :], self.sigma / self.stride)

    def hills(self, maps: Float[np.ndarray, "*B C h w"], limit: int) -> Maxima:
        """Refine the highest local maxima of the keypoints' maps."""
        return hills(maps[..., : self.keypoints, :, :], self.sigma / self.stride, limit)

    def _join(self, maps: Float[Tensor, "B K h w"]) -> Float[Tensor, "B h w"]:
        """Join maps into one; no maps make an empty one."""
        if self.reduce == "sum" or not maps.shape[1]:
            return maps.sum(1)
        return maps.amax(1)


def _all(weight: Float[Tensor, "B K h w"], like: Tensor) -> Float[Tensor, "B h w"]:
    """1 where all parts are known; where there are none, their emptiness is known."""
    return weight.amin(1) if weight.shape[1] else torch.ones_like(like[:, 0])


def _roots(parent: tuple[int, ...], keypoints: int) -> list[int]:
    """Return the root above every keypoint."""
    if len(parent) != keypoints or not all(-1 <= p < keypoints for p in parent):
        raise InputError(
            f"graph: parent {list(parent)} does not name a keypoint of {keypoints} or -1 for "
            f"each of {keypoints}; copy it from the skeleton"
        )
    roots = list(range(keypoints))
    for j in range(keypoints):
        for _ in range(keypoints):
            if parent[roots[j]] >= 0:
                roots[j] = parent[roots[j]]
        if parent[roots[j]] >= 0:
            raise InputError(f"graph: parent {list(parent)} has a cycle; break it at {j}")
    return roots


@outputs.register
def graph(spec: GraphSpec, keypoints: int, stride: int) -> Output:
    """Build the output."""
    return Graph(spec, keypoints, stride)
