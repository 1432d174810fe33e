"""Class vectors: which of the known individuals a crop shows, learnt by cross-entropy.

Source: spec/many.md §4, as in the top-down identity models of SLEAP.
"""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from gambol.core.registry import Spec
from gambol.nn import losses
from gambol.nn.heads import VectorSpec
from gambol.nn.outputs.base import Output, OutputSpec, outputs
from gambol.nn.targets import Scene, Target


class WhoSpec(OutputSpec):
    """Logits of one class per individual, in the order of `Scene.identity`."""

    kind: Literal["who"] = "who"
    classes: tuple[str, ...] = Field(min_length=1)  # names of the individuals

    def channels(self, keypoints: int) -> int:
        """Return one value per class."""
        return len(self.classes)

    def head(self, usual: Spec) -> Spec:
        """Return a head that gives one vector an image."""
        return VectorSpec()


class Who(Output):
    """Logits of the focal animal; their softmax says who it is."""

    def __init__(self, spec: WhoSpec, stride: int) -> None:
        self.stride, self.weight, self.classes = stride, spec.weight, spec.classes

    def target(self, scene: Scene) -> Target:
        """Mark the class of the first animal; nothing counts where it is unknown."""
        who = scene.identity[:, 0]
        known = (who >= 0) & (who < len(self.classes))
        one_hot = F.one_hot(torch.where(known, who, 0), len(self.classes)).float()
        maps = (one_hot * known[:, None])[..., None, None]
        return Target(maps, torch.ones_like(maps))

    def loss(self, maps: Float[Tensor, "B C h w"], target: Target) -> Float[Tensor, ""]:
        """Cross-entropy over classes; 1 for being undecided, 0 weight for unknown animals."""
        return losses.class_entropy(maps, target)

    def mirror(
        self, maps: Float[Tensor, "B C h w"], partner: tuple[int, ...]
    ) -> Float[Tensor, "B C h w"]:
        """Leave it: an animal is the same one in a mirror."""
        return maps


@outputs.register
def who(spec: WhoSpec, keypoints: int, stride: int) -> Output:
    """Build the output."""
    return Who(spec, stride)
