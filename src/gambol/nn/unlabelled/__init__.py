"""Losses of frames that nobody labelled: one file each, chosen by `kind`."""

from gambol.nn.unlabelled import consistency, many_views, one_view, temporal
from gambol.nn.unlabelled.base import Labelled, Loss, LossSpec, Shown, losses

__all__ = [
    "Labelled",
    "Loss",
    "LossSpec",
    "Shown",
    "consistency",
    "losses",
    "many_views",
    "one_view",
    "temporal",
]
