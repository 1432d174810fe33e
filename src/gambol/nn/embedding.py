"""Looks as a vector: small pictures of animals to points on a sphere, one animal one place.

Sources: Radenović et al. (2019), IEEE TPAMI 41(7):1655-1668, the pooling; Khosla et al. (2020),
NeurIPS 33, "Supervised contrastive learning", eq. 2, the loss.
"""

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (16, 32, 64, 128)  # channels of the layers
POWER = 3.0  # of the pooling: 1 is the mean, ∞ the maximum
SMALL = 1e-6  # keeps the slope of the root in range where a channel is silent


class Encoder(nn.Module):
    """uint8 pictures (B, C, S, S) to vectors (B, E) of length 1.

    Batch normalisation keeps how bright a picture is, as norms within a picture would not.
    """

    def __init__(self, channels: int, features: int = 128) -> None:
        super().__init__()
        self.channels = channels
        steps = zip((channels, *WIDTHS[:-1]), WIDTHS, (2, 2, 1, 2), strict=True)
        self.body = nn.Sequential(*(_layer(a, b, stride) for a, b, stride in steps))
        self.last = nn.Linear(WIDTHS[-1], features)

    def forward(self, image: UInt8[Tensor, "B C S S"]) -> Float[Tensor, "B E"]:
        """Map raw pixel values; 128 counts as nothing."""
        return self.answer((image.to(torch.float32) - 128.0) / 128.0)

    def answer(self, x: Float[Tensor, "B C S S"]) -> Float[Tensor, "B E"]:
        """Map values around 0."""
        return F.normalize(self.last(gem(self.body(x))), dim=1)


def gem(x: Float[Tensor, "B C h w"], power: float = POWER) -> Float[Tensor, "B C"]:
    """Pool by the generalised mean (mean x^p)^(1/p) of values that are not negative.

    >>> round(gem(torch.tensor([[[[1.0, 2.0], [0.0, 0.0]]]])).item(), 2)
    1.31
    """
    return (x.clamp(min=SMALL) ** power).mean((2, 3)) ** (1 / power)


def contrastive(
    looks: Float[Tensor, "B E"],
    same: Bool[Tensor, "B B"],
    other: Bool[Tensor, "B B"],
    temperature: float,
) -> Float[Tensor, ""]:
    """Supervised contrastive loss, in nats, over those who have both an alike and another.

    L_i = - mean over p in same(i) of log exp(z_i z_p / τ) / Σ_a exp(z_i z_a / τ), where a runs
    over same(i) and other(i). Pairs that are neither may be anybody and do not count.

    Args:
        looks: vectors z of length 1.
        same: pairs of pictures of one animal; never a picture with itself.
        other: pairs of pictures of two animals.
        temperature: τ.
    """
    score = looks.float() @ looks.float().T / temperature
    told = same | other
    inside = torch.where(told, score, torch.finfo(torch.float32).min)
    log_p = score - torch.logsumexp(inside, 1, keepdim=True)
    loss = -torch.where(same, log_p, 0.0).sum(1) / same.sum(1).clamp(min=1)
    counted = same.any(1) & other.any(1)
    return torch.where(counted, loss, 0.0).sum() / counted.sum().clamp(min=1)


def _layer(before: int, width: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True))
