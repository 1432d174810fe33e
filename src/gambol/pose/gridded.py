"""Poses of views that never turn: where every keypoint lies from its parent, in the picture.

Crops that are turned heads up, or a camera over a fixed head, show bones that point one way.
There the cheapest of all poses is found on the cells of the maps themselves, exactly.

Source: spec/pose.md §12; Felzenszwalb and Huttenlocher (2005), IJCV 61:55-79.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core import pixels
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.kernels import grid_trees
from gambol.kernels.peaks import Peaks, fit, shape
from gambol.nn.outputs.base import Positions
from gambol.pose import calibrate
from gambol.pose.structure import FEWEST, LEAST

NEAR = 2.0  # σ of a map, within which a cell belongs to a hill
HILLS = 16  # of a map that are looked at


class Grid(NamedTuple):
    """Where keypoints lie from their parents, network pixels."""

    parent: Int[np.ndarray, " J"]
    mean: Float[np.ndarray, "J 2"]
    precision: Float[np.ndarray, "J 2"]  # 1 / variance along x and y; zeros: not known

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, for JSON."""
        return {name: value.tolist() for name, value in self._asdict().items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Grid":
        """Undo `to_dict`."""
        if missing := [name for name in cls._fields if name not in values]:
            raise InputError(f"a structure lacks {', '.join(missing)}; train the run anew")
        mean, precision = (np.array(values[name], float) for name in ("mean", "precision"))
        return cls(np.array(values["parent"], np.int64), mean, precision)


class GridPoser(NamedTuple):
    """What poses on the grid are weighed by."""

    grid: Grid
    weight: float  # λ, of how bones lie against what the network says
    calibration: calibrate.Calibration  # of the highest peaks
    scale: float = 1.0  # network pixels per video pixel, which the calibration is in


def learn(xy: Float[np.ndarray, "N J 2"], skeleton: Skeleton) -> Grid:
    """Learn offsets from labelled poses in network pixels; NaN where not known."""
    from sklearn.covariance import LedoitWolf

    parent = np.array(skeleton.parent, np.int64)
    mean, precision = np.zeros((len(parent), 2)), np.zeros((len(parent), 2))
    for j, p in enumerate(parent):
        offset = xy[:, j] - xy[:, p]
        offset = offset[np.isfinite(offset).all(-1)]
        if p >= 0 and len(offset) >= FEWEST:
            fitted = LedoitWolf().fit(offset)
            mean[j] = fitted.location_
            precision[j] = 1 / np.maximum(np.diag(fitted.covariance_), 1e-2)
    return Grid(parent, mean, precision)


def find_several(
    poser: GridPoser,
    position: Positions,
    maps: Float[np.ndarray, "B C h w"],
    size: tuple[int, int],
    limit: int,
) -> Peaks:
    """Find peaks as `Positions.find_several`, the one of the cheapest pose first.

    It is the hill that the pose's cell lies on; where there is none, the cell itself, refined
    like a peak.
    """
    found = position.find_several(maps, size, max(limit, HILLS))
    stride = position.stride
    w, h = -(-size[0] // stride), -(-size[1] // stride)
    own = np.ascontiguousarray(position.likeness(maps)[:, :, :h, :w], np.float32)
    sigma = float(getattr(position, "sigma", stride)) / stride
    cells = pixels.apply(pixels.invert(pixels.cells(stride)), found.xy)
    for b in range(len(own)):
        cov = found.cov[b, :, 0] / poser.scale**2
        likely = calibrate.heights(poser.calibration, own[b], cov)
        pose = _pose(poser, likely, stride)
        for j, (column, row) in enumerate(pose.tolist()):
            off = np.linalg.norm(cells[b, j] - (column, row), axis=-1)
            off = np.where(np.isfinite(off), off, np.inf)
            k = int(off.argmin())
            if off[k] <= NEAR * sigma:
                _lift(found, b, j, k)
                continue
            _lift(found, b, j, -1)  # what is lowest gives way
            x, y, cov = fit(own[b, j], row, column, sigma)
            cov = cov + shape(own[b, j], row, column, sigma)
            found.xy[b, j, 0] = pixels.apply(pixels.cells(stride), np.array([x, y]))
            found.height[b, j, 0] = own[b, j, row, column]
            found.cov[b, j, 0] = pixels.apply_covariance(pixels.cells(stride), cov)
    return Peaks(*(part[:, :, :limit] for part in found))


def _pose(
    poser: GridPoser, likely: Float[np.ndarray, "J h w"], stride: int
) -> Int[np.ndarray, "J 2"]:
    """Return the cells of the cheapest pose, given how probably each cell is right."""
    grid = poser.grid
    unary = -np.log(np.clip(likely, LEAST, 1.0).astype(np.float64))
    precision = np.zeros((len(likely), 2, 2))
    diagonal = poser.weight * grid.precision * stride**2
    precision[:, 0, 0], precision[:, 1, 1] = diagonal.T
    return grid_trees.solve(unary, grid.parent, grid.mean / stride, precision).cell


def _lift(found: Peaks, b: int, j: int, k: int) -> None:
    """Put a peak before the others, which keep their order."""
    for part in found:
        part[b, j] = np.concatenate([part[b, j, k][None], np.delete(part[b, j], k, axis=0)])
