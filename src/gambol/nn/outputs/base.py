"""What an output is: what a group of maps means, how it is taught, and how it is read."""

import numpy as np
from jaxtyping import Float
from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor

from gambol.core import pixels
from gambol.core.registry import Registry, Spec
from gambol.kernels.maxima import Maxima
from gambol.kernels.peaks import Peaks
from gambol.nn.targets import Scene, Target


class OutputSpec(Spec):
    """Settings that every output has."""

    weight: NonNegativeFloat = 1.0  # of its loss in the sum
    stride: PositiveInt | None = None  # input pixels per cell; null: the network's finest

    def channels(self, keypoints: int) -> int:
        """Return the number of maps."""
        raise NotImplementedError

    def head(self, usual: Spec) -> Spec:
        """Return the head that answers; the network's usual one for maps."""
        return usual


class Output:
    """Target and loss of a group of maps; it holds no weights."""

    stride: int  # input pixels per cell
    weight: float  # of its loss

    def target(self, scene: Scene) -> Target:
        """Draw what the network should answer."""
        raise NotImplementedError

    def loss(self, maps: Float[Tensor, "B C h w"], target: Target) -> Float[Tensor, ""]:
        """How wrong the answer is, in float32; about 1 for a network that says nothing."""
        raise NotImplementedError

    def mirror(
        self, maps: Float[Tensor, "B C h w"], partner: tuple[int, ...]
    ) -> Float[Tensor, "B C h w"]:
        """Turn the answer to a mirror image into one to the image.

        `partner` is the keypoint that each one becomes in a mirror, itself where it has none.
        """
        raise NotImplementedError


class Positions(Output):
    """An output that says where the keypoints of one animal are."""

    keypoints: int
    hilly: bool = False  # a map has a hill wherever its keypoint may be: see `hills`

    def mirror(
        self, maps: Float[Tensor, "B C h w"], partner: tuple[int, ...]
    ) -> Float[Tensor, "B C h w"]:
        """Exchange the maps of sides and turn them over; right for one map per keypoint."""
        return maps.flip(-1)[:, list(partner)]

    def peaks(self, maps: Float[np.ndarray, "*B C h w"]) -> Peaks:
        """Find one peak per keypoint, in cells; axes (*B, J)."""
        raise NotImplementedError

    def likeness(self, maps: Float[np.ndarray, "B C h w"]) -> Float[np.ndarray, "B J h w"]:
        """Return how much each cell is like each keypoint: one map a keypoint."""
        return maps[:, : self.keypoints]

    def hills(self, maps: Float[np.ndarray, "*B C h w"], limit: int) -> Maxima:
        """Find up to so many peaks per keypoint, in cells; axes (*B, J)."""
        raise NotImplementedError

    def crowd(
        self, maps: Float[np.ndarray, "*B C h w"], threshold: float, limit: int
    ) -> Maxima:
        """Find the peaks of all animals, in cells: of every map, also of middles; (*B, C)."""
        raise NotImplementedError

    def find_several(
        self, maps: Float[np.ndarray, "*B C h w"], size: tuple[int, int], limit: int
    ) -> Peaks:
        """Find up to `limit` peaks per keypoint, in input pixels; axes (*B, J, limit).

        The first is that of `find`, the others are those of `hills` by falling height; NaN
        where there are fewer.
        """
        first = self.find(maps, size)
        if limit == 1:
            return Peaks(
                first.xy[..., None, :], first.height[..., None], first.cov[..., None, :, :]
            )
        w, h = -(-size[0] // self.stride), -(-size[1] // self.stride)
        found = self.hills(maps[..., :h, :w], limit)
        grid = pixels.cells(self.stride)
        xy = pixels.apply(grid, found.xy)
        cov = pixels.apply_covariance(grid, found.cov)
        xy[..., 0, :], cov[..., 0, :, :] = first.xy, first.cov
        height = found.height.copy()
        height[..., 0] = first.height
        return Peaks(xy, height, cov)

    def find(self, maps: Float[np.ndarray, "*B C h w"], size: tuple[int, int]) -> Peaks:
        """Find one peak per keypoint, in input pixels, within a picture of (width, height)."""
        w, h = -(-size[0] // self.stride), -(-size[1] // self.stride)
        found = self.peaks(maps[..., :h, :w])
        grid = pixels.cells(self.stride)
        return Peaks(
            pixels.apply(grid, found.xy),
            found.height,
            pixels.apply_covariance(grid, found.cov),
        )


outputs = Registry[Output]("output")  # built from (spec, number of keypoints, stride)
