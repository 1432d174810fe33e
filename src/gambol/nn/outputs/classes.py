"""Class maps: which of the known individuals a cell shows, learnt by cross-entropy.

Source of the target: spec/many.md §4.
"""

from typing import Literal

from jaxtyping import Float
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor

from gambol.nn import losses, targets
from gambol.nn.outputs.base import Output, OutputSpec, outputs
from gambol.nn.targets import Scene, Target


class ClassesSpec(OutputSpec):
    """Logits of one class per individual, in the order of `Scene.identity`."""

    kind: Literal["classes"] = "classes"
    stride: PositiveInt | None = 4  # an animal is larger than a keypoint
    classes: tuple[str, ...] = Field(min_length=1)  # names of the individuals
    sigma: PositiveFloat = 8.0  # network pixels around every keypoint

    def channels(self, keypoints: int) -> int:
        """Return one map per class."""
        return len(self.classes)


class Classes(Output):
    """Logits; their softmax over classes at an animal's keypoints says who it is."""

    def __init__(self, spec: ClassesSpec, stride: int) -> None:
        self.stride, self.weight = stride, spec.weight
        self.classes, self.sigma = spec.classes, spec.sigma

    def target(self, scene: Scene) -> Target:
        """Draw every individual's share of the cells that show somebody."""
        start = (self.stride - 1) // 2
        valid = scene.valid[:, None, start :: self.stride, start :: self.stride]
        maps = targets.class_maps(
            scene.said(),
            scene.identity,
            len(self.classes),
            scene.size,
            self.stride,
            self.sigma,
        )
        return Target(maps, valid.expand(maps.shape))

    def loss(self, maps: Float[Tensor, "B C h w"], target: Target) -> Float[Tensor, ""]:
        """Cross-entropy over classes; 1 for being undecided, 0 weight for unknown animals."""
        return losses.class_entropy(maps, target)

    def mirror(
        self, maps: Float[Tensor, "B C h w"], partner: tuple[int, ...]
    ) -> Float[Tensor, "B C h w"]:
        """Turn the maps over."""
        return maps.flip(-1)


@outputs.register
def classes(spec: ClassesSpec, keypoints: int, stride: int) -> Output:
    """Build the output."""
    return Classes(spec, stride)
