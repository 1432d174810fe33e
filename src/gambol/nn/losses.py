"""Losses between maps and targets, in float32, masked by the targets' weights.

Each is about 1 for a network that says nothing. Formulas: spec/pose.md §8, spec/many.md §3-4.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from gambol.nn.targets import Target, blob

HARD = 2.0  # times the easiest channel's loss; easier channels are left out
FEWEST = 0.1  # blobs a channel: a batch that shows less is not scaled up any further


def map_mse(
    maps: Float[Tensor, "B J h w"],
    target: Target,
    stride: int,
    sigma: float,
    hard: bool = False,
) -> Float[Tensor, ""]:
    """Squared error, scaled so that predicting nothing scores 1 per visible keypoint.

    L = s²/(πσ²) · mean over weighted (b, k) of Σ_c m_c (Ĉ - C)², whatever stride and σ. With
    `hard`, only channels that lose at least twice what the easiest does count, or the two
    hardest.
    """
    error = target.weight * (maps.float() - target.maps) ** 2
    per_map = error.sum((-2, -1)) / blob(stride, sigma)
    counted = (target.weight.amax((-2, -1)) > 0).float()
    if hard:
        counted = counted * _hard(per_map.detach().sum(0), counted.sum(0))
    return (per_map * counted).sum() / counted.sum().clamp(min=1)


def _hard(total: Float[Tensor, " J"], counted: Float[Tensor, " J"]) -> Bool[Tensor, " J"]:
    """Channels that lose at least twice what the easiest does; never fewer than two."""
    mean = torch.where(counted > 0, total / counted.clamp(min=1), torch.nan)
    easiest = torch.nan_to_num(mean, torch.inf).min()
    second = torch.nan_to_num(mean, -torch.inf).sort(descending=True).values[:2].min()
    return mean >= torch.minimum(HARD * easiest, second)


def map_bce(logits: Float[Tensor, "B J h w"], target: Target) -> Float[Tensor, ""]:
    """Cross-entropy of yes and no in every cell, mean over weighted cells, in nats."""
    loss = F.binary_cross_entropy_with_logits(logits.float(), target.maps, reduction="none")
    return (target.weight * loss).sum() / target.weight.sum().clamp(min=1)


def offset_huber(maps: Float[Tensor, "B C h w"], target: Target) -> Float[Tensor, ""]:
    """0.05 · Huber(Ô - O), mean over weighted cells."""
    loss = F.huber_loss(maps.float(), target.maps, reduction="none")
    return 0.05 * (target.weight * loss).sum() / target.weight.sum().clamp(min=1)


def softmax_kl(
    logits: Float[Tensor, "B J n"],
    target: Float[Tensor, "B J n"],
    known: Bool[Tensor, "B J n"],
) -> Float[Tensor, ""]:
    """KL(target ‖ softmax) over known places and nowhere, over that of guessing all alike.

    Nowhere is one more place, with a logit of 0: what the target lacks to a sum of 1 lies
    there. That is how maps that always sum to 1 can say that a keypoint is absent. The mean is
    over maps, each of which scores 1 where all places are equally likely.

    Args:
        logits: the answer.
        target: probability of each place; sums to 1 or less, and to 0 where not `known`.
        known: places that count; a map without any is left out.
    """
    nowhere = torch.zeros_like(logits[..., :1], dtype=torch.float32)
    open_ = torch.cat([logits.float().masked_fill(~known, -torch.inf), nowhere], -1)
    log_p = torch.log_softmax(open_, -1)
    log_p = torch.where(torch.isfinite(log_p), log_p, 0.0)  # closed places have no target
    full = torch.cat([target, (1 - target.sum(-1, keepdim=True)).clamp(min=0)], -1)
    order = torch.xlogy(full, full).sum(-1)  # negative entropy
    places = known.sum(-1)
    alike = (order + torch.log(places + 1.0)).clamp(min=0.5)
    counted = (places > 0).float()
    scaled = counted * (order - (full * log_p).sum(-1)) / alike
    return scaled.sum() / counted.sum().clamp(min=1)


def relative_mse(
    maps: Float[Tensor, "B C h w"], target: Target, stride: int, sigma: float
) -> Float[Tensor, ""]:
    """Squared error divided by that of predicting nothing: Σ m (P̂ - P)² / Σ m P²."""
    error = (target.weight * (maps.float() - target.maps) ** 2).sum()
    nothing = (target.weight * target.maps**2).sum()
    channels = (target.weight.amax((-2, -1)) > 0).sum()
    return error / torch.maximum(nothing, FEWEST * channels.clamp(min=1) * blob(stride, sigma))


def class_entropy(logits: Float[Tensor, "B A h w"], target: Target) -> Float[Tensor, ""]:
    """Cross-entropy over classes of the cells that show somebody; 1 = log of classes."""
    share = target.weight * target.maps
    loss = -(share * torch.log_softmax(logits.float(), 1)).sum()
    return loss / (share.sum() * math.log(max(logits.shape[1], 2))).clamp(min=1)
