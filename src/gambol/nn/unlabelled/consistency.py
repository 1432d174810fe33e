"""Consistency loss: a moved, mirrored and lit copy of a frame shows the same animal.

The teacher is the averaged network, which looks at the frame itself; the network that learns
looks at the copy. Source: Tarvainen and Valpola (2017), NeurIPS, "Mean teachers are better role
models"; French, Mackiewicz and Fisher (2018), ICLR, on geometric copies.
"""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from gambol.nn.unlabelled.base import Labelled, Loss, LossSpec, Shown, length, losses


class ConsistencySpec(LossSpec):
    """Mean ‖x_copy - A x_teacher‖ over the keypoints that the teacher is sure of."""

    kind: Literal["consistency"] = "consistency"
    sure: float = Field(default=0.5, ge=0, le=1)  # height of the teacher's peak


class Consistency(Loss):
    """Answers that depend on light and place."""

    copies = True

    def __init__(self, sure: float) -> None:
        self.sure = sure

    def of_copy(self, student: Shown, teacher: Float[Tensor, "T J 2"]) -> Float[Tensor, ""]:
        """Mean distance, px."""
        told = torch.isfinite(teacher).all(dim=-1)
        off = length(student.xy - torch.where(told[..., None], teacher, student.xy.detach()))
        return (off * told).sum() / told.sum().clamp(min=1)


@losses.register
def consistency(spec: ConsistencySpec, labelled: Labelled) -> Loss:
    """Build the loss, which needs nothing of the labels."""
    return Consistency(spec.sure)
