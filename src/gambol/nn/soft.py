"""Positions that a gradient flows through: the local mean of a map around its highest cell.

The highest cell is found without a gradient. The mean of the cells within ±2σ of it leans to
the window's middle, by a factor that is known for a Gaussian of known σ and is divided out.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from gambol.core.errors import InputError
from gambol.nn.outputs.base import Positions
from gambol.nn.outputs.confidence import Confidence
from gambol.nn.outputs.graph import Graph
from gambol.nn.outputs.softmax import Softmax


class Soft(NamedTuple):
    """One position per keypoint."""

    xy: Float[Tensor, "B J 2"]  # input pixels
    peak: Float[Tensor, "B J"]  # height of the peak, or the mass around it; 0 to 1, no gradient


def check(position: Positions) -> None:
    """Refuse outputs that are no maps of hills."""
    if not isinstance(position, Confidence | Graph | Softmax):
        kind = type(position).__name__.lower()
        raise InputError(
            f"unlabelled losses read maps, which output {kind} has not; use output confidence, "
            "graph or softmax"
        )


def decode(maps: Float[Tensor, "B C h w"], position: Positions) -> Soft:
    """Find one position per keypoint.

    Args:
        maps: answer of the output that says where keypoints are.
        position: that output; confidence, graph or softmax.
    """
    check(position)
    own = maps[:, : position.keypoints].float()
    sigma = float(position.sigma) / position.stride  # type: ignore[attr-defined]
    if isinstance(position, Softmax):
        own = _probabilities(own)
    weight = own.clamp(min=0)
    b, j, h, w = own.shape
    with torch.no_grad():
        place = own.flatten(2).argmax(-1)  # (B, J)
        row, column = place // w, place % w
    reach = math.ceil(2 * sigma)
    way = torch.arange(-reach, reach + 1, device=own.device)
    rows, columns = row[..., None] + way, column[..., None] + way  # (B, J, n)
    inside = ((rows >= 0) & (rows < h))[..., :, None] & ((columns >= 0) & (columns < w))[
        ..., None, :
    ]
    cells = rows.clamp(0, h - 1)[..., :, None] * w + columns.clamp(0, w - 1)[..., None, :]
    near = torch.gather(weight.flatten(2), 2, cells.flatten(2)).reshape(cells.shape) * inside
    total = near.sum((-2, -1)).clamp(min=1e-6)
    bell = torch.exp(-(way**2) / (2 * sigma**2))
    lean = float((bell * way**2).sum() / bell.sum()) / sigma**2
    across = (near.sum(-2) * way).sum(-1) / total / lean
    down = (near.sum(-1) * way).sum(-1) / total / lean
    cell = torch.stack([column + across, row + down], -1)
    # the centre of cell i is s i + (s - 1) / 2, as in core.pixels.cells
    xy = position.stride * cell + (position.stride - 1) / 2
    high = own.detach().flatten(2).amax(-1)
    peak = total.detach() if isinstance(position, Softmax) else high
    return Soft(xy, peak.clamp(0, 1))


def _probabilities(logits: Float[Tensor, "B J h w"]) -> Float[Tensor, "B J h w"]:
    """Softmax over the cells of a map and nowhere, without the latter."""
    flat = logits.flatten(2)
    nowhere = torch.zeros_like(flat[..., :1])
    return torch.softmax(torch.cat([flat, nowhere], -1), -1)[..., :-1].reshape(logits.shape)
