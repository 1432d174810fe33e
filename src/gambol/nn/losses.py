"""Losses between maps and targets, in float32, masked by the targets' weights."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from gambol.nn.targets import Target


def map_mse(
    maps: Float[Tensor, "B J h w"], target: Target, stride: int, sigma: float
) -> Float[Tensor, ""]:
    """Squared error, scaled so that predicting nothing scores 1 per visible keypoint.

    L = s²/(πσ²) · mean over weighted (b, k) of Σ_c m_c (Ĉ - C)², whatever stride and σ.
    """
    error = target.weight * (maps.float() - target.maps) ** 2
    per_map = error.sum((-2, -1)) * (stride**2 / (math.pi * sigma**2))
    counted = (target.weight.amax((-2, -1)) > 0).sum().clamp(min=1)
    return per_map.sum() / counted


def per_keypoint(
    maps: Float[Tensor, "B J h w"], target: Target, stride: int, sigma: float
) -> Float[Tensor, " J"]:
    """Return the same loss for every keypoint alone, for the log; NaN where none counted."""
    error = target.weight * (maps.float() - target.maps) ** 2
    per_map = error.sum((-2, -1)) * (stride**2 / (math.pi * sigma**2))
    counted = (target.weight.amax((-2, -1)) > 0).sum(0)
    return torch.where(counted > 0, per_map.sum(0) / counted, torch.nan)
