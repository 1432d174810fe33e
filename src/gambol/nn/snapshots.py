"""Several networks of one training that answer together: the mean of their maps.

The covariance of a position grows by how much the networks differ on it, each asked for its own
peak (spec/pose.md §11).

Source: Huang et al. (2017), ICLR, "Snapshot ensembles: train 1, get M for free".
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from gambol.kernels.maxima import Maxima, climb
from gambol.kernels.peaks import Peaks
from gambol.nn.model import Answers, ModelSpec, PoseNet
from gambol.nn.outputs import Positions


def joined(spec: ModelSpec, networks: Sequence[dict[str, Tensor]]) -> PoseNet:
    """Return the network of some weights, or of several that answer together; ready to answer.

    Args:
        spec: of each.
        networks: the weights of each.
    """
    if len(networks) > 1:
        return Snapshots(spec, networks)
    net = PoseNet(spec)
    net.load_state_dict(networks[0])
    return net.eval()


class Snapshots(PoseNet):
    """Networks of one architecture.

    Of what says positions, the maps of all, one network's after the other's; of other outputs
    (fields, classes), the mean.
    """

    def __init__(self, spec: ModelSpec, networks: Sequence[dict[str, Tensor]]) -> None:
        """Build the networks.

        Args:
            spec: of each.
            networks: the weights of each; those of the first are also this network's own.
        """
        super().__init__(spec)
        self.load_state_dict(networks[0])
        others = []
        for weights in networks[1:]:
            other = PoseNet(spec)
            other.load_state_dict(weights)
            others.append(other)
        self.others = nn.ModuleList(others)
        own = zip(self.outputs, spec.outputs, strict=True)
        self.outputs = [
            Together(one, len(networks), said.channels(one.keypoints))
            if isinstance(one, Positions)
            else one
            for one, said in own
        ]
        self.eval()

    def forward(self, image: UInt8[Tensor, "B C H W"]) -> Answers:
        """Map raw pixel values to the maps of all networks."""
        answers = [super().forward(image), *(other(image) for other in self.others)]
        return tuple(
            torch.cat(each, 1) if isinstance(one, Together) else torch.stack(each).mean(0)
            for one, each in zip(self.outputs, zip(*answers, strict=True), strict=True)
        )


class Together(Positions):
    """Reads the mean of the maps of several networks, which were taught one by one."""

    def __init__(self, own: Positions, networks: int, channels: int) -> None:
        self.own, self.networks, self.channels = own, networks, channels
        self.keypoints, self.stride, self.weight = own.keypoints, own.stride, own.weight
        self.hilly = own.hilly
        if hasattr(own, "sigma"):
            self.sigma: float = own.sigma

    def apart(self, maps: Float[np.ndarray, "*B C h w"]) -> Float[np.ndarray, "M *B c h w"]:
        """Return the maps of every network."""
        shape = (*maps.shape[:-3], self.networks, self.channels, *maps.shape[-2:])
        return np.moveaxis(maps.reshape(shape), -4, 0)

    def mirror(
        self, maps: Float[Tensor, "B C h w"], partner: tuple[int, ...]
    ) -> Float[Tensor, "B C h w"]:
        """Turn the answer of one network to a mirror image into one to the image."""
        return self.own.mirror(maps, partner)

    def peaks(self, maps: Float[np.ndarray, "*B C h w"]) -> Peaks:
        """Find the peaks of the mean; covariances are of its fit and between networks."""
        each = self.apart(maps)
        found = self.own.peaks(each.mean(0))
        return found._replace(cov=found.cov + self._between(each, found))

    def likeness(self, maps: Float[np.ndarray, "B C h w"]) -> Float[np.ndarray, "B J h w"]:
        """Return the mean of the networks' maps, one a keypoint."""
        return self.own.likeness(self.apart(maps).mean(0))

    def hills(self, maps: Float[np.ndarray, "*B C h w"], limit: int) -> Maxima:
        """Find the highest local maxima of the mean; the networks differ alike on all."""
        each = self.apart(maps)
        mean = each.mean(0)
        found = self.own.hills(mean, limit)
        between = self._between(each, self.own.peaks(mean))
        return found._replace(cov=found.cov + between[..., None, :, :])

    def crowd(
        self, maps: Float[np.ndarray, "*B C h w"], threshold: float, limit: int
    ) -> Maxima:
        """Find the peaks of all animals in the mean; each network has its own beside each."""
        each = self.apart(maps)
        found = self.own.crowd(each.mean(0), threshold, limit)
        places = np.broadcast_to(found.xy, (self.networks, *found.xy.shape))
        off = climb(each, places, self.sigma / self.stride) - found.xy
        return found._replace(cov=found.cov + self._spread(off))

    def _between(
        self, each: Float[np.ndarray, "M *B c h w"], found: Peaks
    ) -> Float[np.ndarray, "*B J 2 2"]:
        """How much the networks' own peaks scatter about those of the mean, squared cells."""
        off = self.own.peaks(each).xy - found.xy
        return self._spread(off)

    def _spread(self, off: Float[np.ndarray, "M *B 2"]) -> Float[np.ndarray, "*B 2 2"]:
        """Covariance of what the networks differ by from their mean map."""
        total: Float[np.ndarray, "*B 2 2"] = np.einsum("m...a,m...b->...ab", off, off)
        return total / max(self.networks - 1, 1)
