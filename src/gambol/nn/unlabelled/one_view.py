"""Pose loss of one view: a pose lies in the subspace that labelled poses span.

Where the animal turns freely, poses are first laid on their mean: centred, and turned by the
angle of least squares, which is a smooth function of the pose.
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from gambol.core.errors import InputError
from gambol.kernels.principal import principal
from gambol.nn.unlabelled.base import (
    MOST,
    Labelled,
    Loss,
    LossSpec,
    Shown,
    length,
    losses,
    mean_above,
)

ROUNDS = 10  # of laying poses on the mean of the poses that were laid


class OneViewSpec(LossSpec):
    """Per keypoint (‖(I - VVᵀ)(y - ȳ)‖ - ε)₊, V of the fully labelled poses."""

    kind: Literal["pca-one-view"] = "pca-one-view"
    variance: float = Field(default=0.99, gt=0, lt=1)  # share that V holds


class Space(NamedTuple):
    """Where poses lie."""

    mean: Float[Tensor, " C"]  # px, C = 2J
    basis: Float[Tensor, "C D"]
    reference: Float[Tensor, "J 2"] | None  # that poses are laid on; None: as they are


class OneView(Loss):
    """Poses outside the subspace."""

    def __init__(self, space: Space, usual: Float[Tensor, " J"]) -> None:
        self.space, self.usual = space, usual

    def of_clip(self, shown: Shown) -> Float[Tensor, ""]:
        """Mean excess over the frames in which every keypoint is seen."""
        off = outside(shown.xy, self.space)
        whole = shown.seen.all(dim=-1, keepdim=True).expand(off.shape)
        return mean_above(off, self.usual.to(off.device), whole)


def outside(xy: Float[Tensor, "T J 2"], space: Space) -> Float[Tensor, "T J"]:
    """Distance of every keypoint from its place in the nearest pose of the subspace, px."""
    if space.reference is not None:
        xy = lay(xy, space.reference.to(xy.device))
    basis = space.basis.to(xy.device)
    off = xy.flatten(1) - space.mean.to(xy.device)
    return length((off - off @ basis @ basis.T).reshape(xy.shape))


def lay(xy: Float[Tensor, "T J 2"], reference: Float[Tensor, "J 2"]) -> Float[Tensor, "T J 2"]:
    """Centre poses and turn them as the (centred) reference lies."""
    xy = xy - xy.mean(dim=1, keepdim=True)
    along = (xy * reference).sum((1, 2))
    across = (xy[..., 0] * reference[:, 1] - xy[..., 1] * reference[:, 0]).sum(1)
    size = torch.sqrt(along**2 + across**2 + 1e-8)
    cos, sin = (along / size)[:, None], (across / size)[:, None]
    x, y = xy[..., 0], xy[..., 1]
    return torch.stack([cos * x - sin * y, sin * x + cos * y], -1)


@losses.register
def one_view(spec: OneViewSpec, labelled: Labelled) -> Loss:
    """Build the loss.

    Raises:
        InputError: if fewer than 2J poses are fully labelled.
    """
    whole = labelled.xy[np.isfinite(labelled.xy).all(axis=(1, 2))]
    least = 2 * labelled.xy.shape[1]
    if len(whole) < least:
        raise InputError(
            f"unlabelled loss pca-one-view needs {least} fully labelled training frames, and "
            f"there are {len(whole)}; label more, or leave it out"
        )
    xy = torch.from_numpy(whole)
    reference = _reference(xy) if labelled.turns else None
    rows = (xy if reference is None else lay(xy, reference)).flatten(1).numpy()
    mean = rows.mean(axis=0)
    basis = principal(rows - mean, spec.variance)
    space = Space(torch.from_numpy(mean), torch.from_numpy(basis), reference)
    usual = torch.quantile(outside(xy, space), MOST, dim=0)
    single = Space(
        space.mean.float(),
        space.basis.float(),
        None if reference is None else reference.float(),
    )
    return OneView(single, usual.float())


def _reference(xy: Float[Tensor, "n J 2"]) -> Float[Tensor, "J 2"]:
    """The mean pose, each laid on the mean so far."""
    mean = xy[0] - xy[0].mean(dim=0)
    for _ in range(ROUNDS):
        mean = lay(xy, mean).mean(dim=0)
    return mean
