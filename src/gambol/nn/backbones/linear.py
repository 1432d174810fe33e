"""The linear baseline: patch logistic regression as one convolution, no features at all.

The backbone hands the image on; the head's single convolution and its sigmoid are the whole
model. `pose.linear` finds its weights by convex optimisation.
"""

from typing import Literal

from pydantic import Field, field_validator
from torch import Tensor

from gambol.core.registry import Spec
from gambol.nn.backbones.base import Backbone, backbones


class LinearSpec(Spec):
    """Side of the patch in input pixels; odd, so that it has a middle."""

    kind: Literal["linear"] = "linear"
    patch: int = Field(31, ge=1, le=255)

    @field_validator("patch")
    @classmethod
    def _has_a_middle(cls, side: int) -> int:
        if side % 2 == 0:
            raise ValueError("the side of a patch is odd, so that it has a middle")
        return side


class Linear(Backbone):
    """The identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels, self.strides, self.multiple = (channels,), (1,), 1

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return the image."""
        return (image,)


@backbones.register
def linear(spec: LinearSpec, channels: int) -> Backbone:
    """Build the identity for images of this many channels."""
    return Linear(channels)
