"""SimCC: where a keypoint is along x and along y, in bins of half a pixel, for crops.

The network's maps are logits over cells and nowhere, as in `softmax`. Their sums along columns
and rows, drawn out to 2W and 2H bins, are the two distributions that are learnt: so crops may
have any size, and both axes speak of one distribution, whose highest cell says which peak is
meant when there are several.
Source: Li et al. (2022), ECCV, "SimCC: a simple coordinate classification perspective".
"""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from pydantic import PositiveFloat
from torch import Tensor
from torch.nn import functional as F

from gambol.kernels import decoders
from gambol.kernels.peaks import Peaks
from gambol.nn import losses, targets
from gambol.nn.outputs.base import Output, OutputSpec, Positions, outputs
from gambol.nn.outputs.softmax import CORNER
from gambol.nn.targets import Scene, Target


class SimccSpec(OutputSpec):
    """Two 1-D Gaussians per keypoint."""

    kind: Literal["simcc"] = "simcc"
    sigma: PositiveFloat = 3.5  # network pixels
    decoder: Literal["mean", "argmax"] = "mean"  # the highest bin is right to half a pixel

    def channels(self, keypoints: int) -> int:
        """Return one map per keypoint."""
        return keypoints


class Simcc(Positions):
    """Two distributions over bins and nowhere per keypoint."""

    def __init__(self, spec: SimccSpec, keypoints: int, stride: int) -> None:
        self.spec, self.keypoints, self.stride = spec, keypoints, stride
        self.weight, self.sigma = spec.weight, spec.sigma

    def target(self, scene: Scene) -> Target:
        """Draw the Gaussians: maps (B, J, 1, 2W + 2H), weight per cell."""
        known = targets.known(scene, self.stride)
        lines = targets.bins(scene.said(), scene.size, self.sigma)
        open_ = self._open(known)
        parts = [_normalised(t * o, self.sigma) for t, o in zip(lines, open_, strict=True)]
        return Target(torch.cat(parts, -1)[:, :, None], known)

    def loss(self, maps: Float[Tensor, "B C h w"], target: Target) -> Float[Tensor, ""]:
        """Mean of the KL divergences along both axes; 1 for guessing all bins alike."""
        known = target.weight > 0
        lines, open_ = self._lines(maps.float(), known), self._open(target.weight)
        parts = target.maps[:, :, 0].tensor_split([lines[0].shape[-1]], -1)
        along = [losses.softmax_kl(*one) for one in zip(lines, parts, open_, strict=True)]
        return torch.stack(along).mean()

    def peaks(self, maps: Float[np.ndarray, "*B C h w"]) -> Peaks:
        """Find the highest cell, then the mean of each axis in ±2σ around it.

        Height is the mass in that window, of the axis with less: near 0 for absent ones.
        """
        lead, (h, w) = maps.shape[:-2], maps.shape[-2:]
        logits = torch.from_numpy(np.ascontiguousarray(maps, dtype=np.float32))
        logits = logits.reshape(1, -1, h, w)
        cell = logits.flatten(2).argmax(-1)[0].numpy()
        found = []
        lines = self._lines(logits, torch.ones_like(logits, dtype=torch.bool))
        for line, place in zip(lines, (cell % w, cell // w), strict=True):
            nowhere = torch.zeros_like(line[..., :1])
            p = torch.softmax(torch.cat([line, nowhere], -1), -1)[0, :, :-1].numpy()
            # the bin in the middle of the cell
            found.append(self._along(p, (2 * place + 1) * self.stride))
        across, down = found
        xy = np.stack([across.x, down.x], -1)
        cov = np.stack([across.var, down.var], -1)[:, None] * np.eye(2)
        height = np.minimum(across.mass, down.mass)
        return Peaks(xy.reshape(*lead, 2), height.reshape(lead), cov.reshape(*lead, 2, 2))

    def _along(self, line: np.ndarray, start: np.ndarray) -> decoders.Lines:
        """Read lines of bins (J, n) near a bin; positions in cells."""
        found = decoders.mean(line, start, 2 * self.sigma)
        x = found.x
        if self.spec.decoder == "argmax":
            reach = np.ceil(4 * self.sigma)
            near = np.abs(np.arange(line.shape[-1]) - start[:, None]) <= reach
            x = np.where(near, line, -1.0).argmax(-1).astype(np.float64)
        fine = 2 * self.stride  # bins per cell, whose centres lie as in a resized image
        return decoders.Lines((2 * x + 1 - fine) / (2 * fine), found.mass, found.var / fine**2)

    def _lines(
        self, logits: Float[Tensor, "B J h w"], known: Bool[Tensor, "B J h w"]
    ) -> tuple[Float[Tensor, "B J W2"], Float[Tensor, "B J H2"]]:
        """Logits of the bins along x and along y."""
        return self._line(logits, known, -2), self._line(logits, known, -1)

    def _line(
        self, logits: Float[Tensor, "B J h w"], known: Bool[Tensor, "B J h w"], over: int
    ) -> Float[Tensor, "B J n"]:
        """Sum probabilities over rows or columns, and draw the result out to bins."""
        # a line without a known cell is not learnt from, but its neighbours lean on it
        shut = ~known & known.any(over, keepdim=True)
        line = logits.masked_fill(shut, -torch.inf).logsumexp(over)
        fine = 2 * self.stride
        drawn = F.interpolate(line, scale_factor=float(fine), mode="linear")
        return drawn - float(np.log(fine))  # the mass of a cell is shared among its bins

    def _open(
        self, known: Float[Tensor, "B J h w"]
    ) -> tuple[Bool[Tensor, "B J W2"], Bool[Tensor, "B J H2"]]:
        """Bins that have a known cell in their line."""
        across, down = (known > 0).any(-2), (known > 0).any(-1)
        fine = 2 * self.stride
        return across.repeat_interleave(fine, -1), down.repeat_interleave(fine, -1)


def _normalised(line: Float[Tensor, "B J n"], sigma: float) -> Float[Tensor, "B J n"]:
    """Scale to sum 1, or less where only the tail reaches inside."""
    total = line.sum(-1, keepdim=True)
    share = total / (2 * sigma * np.sqrt(2 * np.pi))  # a whole Gaussian sums to 1
    return line / total.clamp(min=1e-12) * (share / np.sqrt(CORNER)).clamp(max=1)


@outputs.register
def simcc(spec: SimccSpec, keypoints: int, stride: int) -> Output:
    """Build the output."""
    return Simcc(spec, keypoints, stride)
