"""Pose loss of many views: what several views show of one point comes from a point in space.

Under cameras and mirrors that are nearly affine, the 2V coordinates of a body point in V views
lie in a subspace of 3 dimensions, one for all points. All views are in one picture, and each
keypoint is a point in a view.
"""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from pydantic import PositiveInt
from torch import Tensor

from gambol.core.errors import InputError, did_you_mean
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


class ManyViewsSpec(LossSpec):
    """Per keypoint (‖(I - VVᵀ)(y - ȳ)‖ - ε)₊, y a body point in all views."""

    kind: Literal["pca-many-views"] = "pca-many-views"
    points: tuple[tuple[str, ...], ...] = ()
    # body points, each by its keypoints in all views: [[paw_top, paw_side], …]
    dims: PositiveInt = 3  # of the subspace


class ManyViews(Loss):
    """Views that contradict each other."""

    def __init__(
        self,
        which: Int[np.ndarray, "P V"],
        mean: Float[np.ndarray, " C"],
        basis: Float[np.ndarray, "C D"],
        usual: Float[np.ndarray, "P V"],
    ) -> None:
        self.which = torch.from_numpy(which)
        self.mean = torch.from_numpy(mean.astype(np.float32))
        self.basis = torch.from_numpy(basis.astype(np.float32))
        self.usual = torch.from_numpy(usual.astype(np.float32))

    def of_clip(self, shown: Shown) -> Float[Tensor, ""]:
        """Mean excess over the points that are seen in all views."""
        device = shown.xy.device
        which, basis = self.which.to(device), self.basis.to(device)
        y = shown.xy[:, which]  # (T, P, V, 2)
        off = y.flatten(2) - self.mean.to(device)
        rest = length((off - off @ basis @ basis.T).reshape(y.shape))
        seen = shown.seen[:, which].all(dim=-1, keepdim=True).expand(rest.shape)
        return mean_above(rest, self.usual.to(device), seen)


@losses.register
def many_views(spec: ManyViewsSpec, labelled: Labelled) -> Loss:
    """Build the loss.

    Raises:
        InputError: if points do not name keypoints, or too few are labelled in all views.
    """
    which = _which(spec, labelled.keypoints)
    columns = 2 * which.shape[1]
    if spec.dims >= columns:
        raise InputError(
            f"pca-many-views: {which.shape[1]} views have {columns} coordinates, which "
            f"dims={spec.dims} leaves free; make dims smaller"
        )
    y = labelled.xy[:, which].reshape(len(labelled.xy), len(which), columns)  # (N, P, C)
    whole = np.isfinite(y).all(axis=-1)
    if whole.sum() < 2 * columns:
        raise InputError(
            f"unlabelled loss pca-many-views needs {2 * columns} points labelled in all views, "
            f"and there are {int(whole.sum())}; label more, or leave it out"
        )
    rows = y[whole]
    mean = rows.mean(axis=0)
    basis = principal(rows - mean, dims=spec.dims)
    off = y - mean
    rest = np.linalg.norm((off - off @ basis @ basis.T).reshape(*y.shape[:2], -1, 2), axis=-1)
    each = zip(rest.swapaxes(0, 1), whole.T, strict=True)  # of every body point
    kept = [off[known] if known.any() else rest[whole] for off, known in each]
    usual = np.stack([np.quantile(some, MOST, axis=0) for some in kept])
    return ManyViews(which, mean, basis, usual)


def _which(spec: ManyViewsSpec, keypoints: tuple[str, ...]) -> Int[np.ndarray, "P V"]:
    if not spec.points or len({len(point) for point in spec.points}) != 1:
        raise InputError(
            "pca-many-views: points lists every body point by its keypoints, as many as there "
            "are views: points=[[paw_top, paw_side], …]"
        )
    for name in (name for point in spec.points for name in point):
        if name not in keypoints:
            hint = did_you_mean(name, keypoints)
            raise InputError(f"pca-many-views: there is no keypoint {name!r}{hint}")
    if len(spec.points[0]) < 2:
        raise InputError("pca-many-views: a point needs keypoints in two views or more")
    return np.array([[keypoints.index(name) for name in point] for point in spec.points])
