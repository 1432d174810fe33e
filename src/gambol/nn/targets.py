"""Targets: where keypoints are, drawn as the maps that a network should answer with."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Target(NamedTuple):
    """What the network should say, and how much each part counts."""

    maps: Float[Tensor, "B J h w"]
    weight: Float[Tensor, "B J h w"]  # 0 where nobody knows (unlabelled, padding)


def cell_centres(
    size: tuple[int, int], stride: int, device: torch.device | str = "cpu"
) -> tuple[Float[Tensor, " w"], Float[Tensor, " h"]]:
    """Return x and y of the centres of the cells of a (width, height) image, in pixels."""
    w, h = size[0] // stride, size[1] // stride
    # the centre of cell i is s i + (s - 1) / 2, as in core.pixels.cells
    offset = (stride - 1) / 2
    x = torch.arange(w, device=device, dtype=torch.float32) * stride + offset
    y = torch.arange(h, device=device, dtype=torch.float32) * stride + offset
    return x, y


def confidence_maps(
    xy: Float[Tensor, "B J 2"], size: tuple[int, int], stride: int, sigma: float
) -> Float[Tensor, "B J h w"]:
    """Draw exp(-|c - x|²/2σ²) for every keypoint; zeros where it has no position.

    Args:
        xy: input pixels; NaN where there is nothing to draw.
        size: width and height of the input, multiples of the stride.
        stride: input pixels per cell.
        sigma: input pixels; never multiplied by the stride.
    """
    if sigma < stride:
        raise ValueError(f"sigma {sigma} px is finer than the stride of {stride} px")
    x, y = cell_centres(size, stride, xy.device)
    known = torch.isfinite(xy).all(-1)
    at = torch.nan_to_num(xy)
    across = torch.exp(-((x - at[..., :1]) ** 2) / (2 * sigma**2))  # (B, J, w)
    down = torch.exp(-((y - at[..., 1:]) ** 2) / (2 * sigma**2))  # (B, J, h)
    maps = down[..., :, None] * across[..., None, :]
    return maps * known[..., None, None]


def draw(
    xy: Float[Tensor, "B J 2"],
    weight: Float[Tensor, "B J"],
    valid: Float[Tensor, "B h w"],
    stride: int,
    sigma: float,
) -> Target:
    """Draw the target of a batch.

    Args:
        xy: input pixels; NaN where absent or unlabelled.
        weight: 0 for unlabelled keypoints, 1 for visible and absent ones.
        valid: 0 for cells that are padding, else 1.
        stride: input pixels per cell.
        sigma: of the Gaussian, input pixels.
    """
    h, w = valid.shape[-2:]
    maps = confidence_maps(xy, (w * stride, h * stride), stride, sigma)
    return Target(maps, weight[..., None, None] * valid[:, None])
