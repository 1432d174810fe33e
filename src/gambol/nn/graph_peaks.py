"""Peak finding as tensor operations, so that an exported network answers with positions.

The same as `kernels.peaks.find` for many maps at once, in float32: the highest cell, then five
Gauss-Newton steps of a Gaussian in a window of 2σ. There are only element-wise operations, sums
and gathers: runtimes that compute convolutions in bfloat16 or int8 leave these in float32.
"""

from itertools import product
from math import ceil
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gambol.kernels.peaks import STEPS

Size = Any  # an int; while a graph is traced, a tensor
DEEP = -1e9  # lower than any map


class GraphPeaks(NamedTuple):
    """One peak per map."""

    xy: Float[Tensor, "B J 2"]  # in cells; x first
    height: Float[Tensor, "B J"]  # of the map at its highest cell
    cov: Float[Tensor, "B J 2 2"]  # cells², of the fit and of the shape together


class GraphMaxima(NamedTuple):
    """Up to P peaks per map, by falling height, which is 0 beyond the last."""

    xy: Float[Tensor, "B J P 2"]  # in cells; x first
    height: Float[Tensor, "B J P"]  # of the map at the peak's cell
    cov: Float[Tensor, "B J P 2 2"]  # cells², of the fit and of the shape together


class Cells(NamedTuple):
    """M cells, as many of every map."""

    row: Int[Tensor, " M"]
    col: Int[Tensor, " M"]
    height: Float[Tensor, " M"]


class Bells(NamedTuple):
    """Gaussians of height 1 along one axis of M windows, and their sums of g², g² d, g² d²."""

    g: Float[Tensor, "M K"]  # 0 where the window leaves the map
    d: Float[Tensor, "M K"]  # cells from the centre
    moments: tuple[Float[Tensor, " M"], Float[Tensor, " M"], Float[Tensor, " M"]]


class Fit(NamedTuple):
    """A Gaussian in each of M windows."""

    x: Float[Tensor, " M"]  # cells from the highest one
    y: Float[Tensor, " M"]
    cov: Float[Tensor, "M 2 2"]


def find(maps: Float[Tensor, "B J h w"], sigma: float) -> GraphPeaks:
    """Find the highest peak of every map.

    Args:
        maps: float32.
        sigma: standard deviation of the Gaussian that the maps were trained on, in cells.

    >>> x, y = torch.meshgrid(torch.arange(20.0), torch.arange(16.0), indexing="xy")
    >>> blob = torch.exp(-((x - 7.3) ** 2 + (y - 4.6) ** 2) / (2 * 2.0**2))
    >>> [round(v, 3) for v in find(blob[None, None], sigma=2.0).xy[0, 0].tolist()]
    [7.3, 4.6]
    """
    n, j, _, width = maps.shape
    # as convolutions leave them in memory: turning whole maps takes longer than the search.
    # OpenVINO leaves them so too if nothing but this one reshape takes the permuted maps
    flat = maps.permute(0, 2, 3, 1).reshape(n, -1, j)
    at = highest(flat, width)
    fitted = fit(flat, width, at, sigma)
    xy = torch.stack([at.col + fitted.x, at.row + fitted.y], -1)
    cov = fitted.cov + shape(flat, width, at, sigma)
    return GraphPeaks(xy.reshape(n, j, 2), at.height.reshape(n, j), cov.reshape(n, j, 2, 2))


def several(
    maps: Float[Tensor, "B J h w"], sigma: float, threshold: float, limit: int
) -> GraphMaxima:
    """Find the highest local maxima of every map, as `kernels.maxima` does.

    Of equal cells that touch, the first in the order of reading counts.

    Args:
        maps: float32.
        sigma: standard deviation of the Gaussian that the maps were trained on, in cells.
        threshold: least height of a maximum, above 0.
        limit: P.

    >>> x, y = torch.meshgrid(torch.arange(30.0), torch.arange(20.0), indexing="xy")
    >>> spots = [torch.exp(-((x - a) ** 2 + (y - 9.4) ** 2) / 8) for a in (6.3, 21.7)]
    >>> found = several((spots[0] + 0.8 * spots[1])[None, None], 2.0, 0.1, 3)
    >>> [[round(v, 1) for v in xy] for xy in found.xy[0, 0, :2].tolist()]
    [[6.3, 9.4], [21.7, 9.4]]
    >>> [round(v, 1) for v in found.height[0, 0].tolist()]
    [1.0, 0.8, 0.0]
    """
    n, j, _, width = maps.shape
    flat = maps.permute(0, 2, 3, 1).reshape(n, -1, j)
    tops = torch.where(_tops(maps) & (maps >= threshold), maps, torch.zeros_like(maps))
    # a small map has fewer cells than there may be peaks
    tall, cell = F.pad(tops.reshape(n, j, -1), (0, limit)).topk(limit, dim=-1)
    cell = torch.where(tall > 0, cell, torch.zeros_like(cell)).flatten()
    row = torch.div(cell, width, rounding_mode="floor")
    at = Cells(row, cell - row * width, tall.flatten())
    fitted = fit(flat, width, at, sigma)
    xy = torch.stack([at.col + fitted.x, at.row + fitted.y], -1)
    cov = fitted.cov + shape(flat, width, at, sigma)
    return GraphMaxima(
        xy.reshape(n, j, limit, 2),
        at.height.reshape(n, j, limit),
        cov.reshape(n, j, limit, 2, 2),
    )


def _tops(maps: Float[Tensor, "B J h w"]) -> Bool[Tensor, "B J h w"]:
    """Cells that no neighbour exceeds, and none that is read before them equals."""
    around = F.pad(maps, (1, 1, 1, 1), value=DEEP)
    height, width = maps.shape[-2:]
    tops = maps > DEEP
    for k, (down, right) in enumerate(product(range(3), range(3))):
        near = around[..., down : height + down, right : width + right]
        if k != 4:  # else it is the cell itself
            tops = tops & (maps > near if k < 4 else maps >= near)
    return tops


def highest(maps: Float[Tensor, "B hw J"], width: Size) -> Cells:
    """Find the highest cell of each of M = B J maps, jointly over rows and columns."""
    n, cells, j = maps.shape
    tops = maps.reshape(-1, width, j).amax(1).reshape(n, cells // width, j)
    row = tops.argmax(1)
    line = maps.gather(
        1, row[:, None] * width + torch.arange(width, device=maps.device)[:, None]
    )
    return Cells(row.flatten(), line.argmax(1).flatten(), tops.amax(1).flatten())


def fit(maps: Float[Tensor, "B hw J"], width: Size, at: Cells, sigma: float) -> Fit:
    """Fit amplitude and centre near the cells, which are the origin here."""
    radius = ceil(2 * sigma)
    step = torch.arange(-radius, radius + 1, device=maps.device)
    part, down_in, across_in = windows(maps, width, at, step)
    grid = step.to(maps.dtype)
    a = at.height.clamp(min=1e-6)
    x = y = torch.zeros_like(a)
    for _ in range(STEPS):
        across, down = _bells(grid, x, across_in, sigma), _bells(grid, y, down_in, sigma)
        inverse = _inverse(_normal(across, down, a, sigma))
        force = _force(part, across, down, a, sigma)
        change = [sum(i * f for i, f in zip(row, force, strict=True)) for row in inverse]
        x = x + change[1].clamp(-0.5, 0.5)  # type: ignore[union-attr]  # a sum of tensors
        y = y + change[2].clamp(-0.5, 0.5)  # type: ignore[union-attr]
        a = (a + change[0]).clamp(min=1e-6)
    across, down = _bells(grid, x, across_in, sigma), _bells(grid, y, down_in, sigma)
    inverse = _inverse(_normal(across, down, a, sigma))
    inside = down_in[:, :, None] * across_in[:, None]
    model = a[:, None, None] * down.g[:, :, None] * across.g[:, None]
    residual = ((part - model) ** 2).sum((1, 2))
    spread = residual / (inside.sum((1, 2)) - 3).clamp(min=1)
    own = [inverse[1][1] * spread, inverse[1][2] * spread, inverse[2][2] * spread]
    near = (x.abs() <= 1) & (y.abs() <= 1)  # else it is no Gaussian: its cell is safer
    cov = _matrix(own[0] + ~near, own[1], own[2] + ~near)
    return Fit(x * near, y * near, cov)


def shape(
    maps: Float[Tensor, "B hw J"], width: Size, at: Cells, sigma: float
) -> Float[Tensor, "M 2 2"]:
    """Inverse negative Hessian of log h at the peak, by differences that reach σ cells."""
    reach = max(round(sigma), 1)
    step = torch.tensor([-reach, 0, reach], device=maps.device)
    part, down_in, across_in = windows(maps, width, at, step)
    near = part.clamp(min=1e-4).log()
    floor = 0.01 / (sigma * sigma)
    xx = (2 * near[:, 1, 1] - near[:, 1, 0] - near[:, 1, 2]) / reach**2
    yy = (2 * near[:, 1, 1] - near[:, 0, 1] - near[:, 2, 1]) / reach**2
    xx, yy = xx.clamp(min=floor), yy.clamp(min=floor)
    cross = near[:, 0, 2] + near[:, 2, 0] - near[:, 0, 0] - near[:, 2, 2]
    limit = 0.95 * (xx * yy).sqrt()
    xy = torch.maximum(torch.minimum(cross / (4 * reach**2), limit), -limit)
    det = xx * yy - xy * xy
    whole = (down_in.prod(1) * across_in.prod(1)) > 0
    usual = torch.full_like(det, sigma * sigma)
    return _matrix(
        torch.where(whole, yy / det, usual),
        torch.where(whole, -xy / det, torch.zeros_like(det)),
        torch.where(whole, xx / det, usual),
    )


def windows(
    maps: Float[Tensor, "B hw J"], width: Size, at: Cells, step: Int[Tensor, " K"]
) -> tuple[Float[Tensor, "M K K"], Float[Tensor, "M K"], Float[Tensor, "M K"]]:
    """Cells around those, 0 outside of the map; 1 for rows and columns inside."""
    rows, cols = at.row[:, None] + step, at.col[:, None] + step
    n, area, count = maps.shape
    height = area // width
    down = ((rows >= 0) & (rows < height)).to(maps.dtype)
    across = ((cols >= 0) & (cols < width)).to(maps.dtype)
    rows, cols = rows.clamp(min=0), cols.clamp(min=0)
    rows, cols = torch.where(rows < height, rows, 0), torch.where(cols < width, cols, 0)
    cells = (rows[:, :, None] * width + cols[:, None]).reshape(n, count, -1)
    seen = maps.gather(1, cells.transpose(1, 2)).transpose(1, 2)
    part = seen.reshape(-1, len(step), len(step))
    return part * down[:, :, None] * across[:, None], down, across


def _bells(
    grid: Float[Tensor, " K"],
    centre: Float[Tensor, " M"],
    inside: Float[Tensor, "M K"],
    sigma: float,
) -> Bells:
    d = grid - centre[:, None]
    g = torch.exp(d * d * (-0.5 / (sigma * sigma))) * inside
    square = g * g
    return Bells(g, d, (square.sum(1), (square * d).sum(1), (square * d * d).sum(1)))


Symmetric = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]  # 00, 11, 22, 01, 02, 12


def _normal(across: Bells, down: Bells, a: Float[Tensor, " M"], sigma: float) -> Symmetric:
    """JᵀJ of amplitude, x and y; ∂ (a g) / ∂ x = b g dx with b = a / σ²."""
    (x0, x1, x2), (y0, y1, y2) = across.moments, down.moments
    b = a / (sigma * sigma)
    return (
        x0 * y0,
        b * b * x2 * y0,
        b * b * x0 * y2,
        b * x1 * y0,
        b * x0 * y1,
        b * b * x1 * y1,
    )


def _force(
    part: Float[Tensor, "M K K"],
    across: Bells,
    down: Bells,
    a: Float[Tensor, " M"],
    sigma: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Jᵀr."""
    bell = down.g[:, :, None] * across.g[:, None]
    rest = (part - a[:, None, None] * bell) * bell  # r g
    b = a / (sigma * sigma)
    columns, rows = rest.sum(1), rest.sum(2)
    return rows.sum(1), b * (columns * across.d).sum(1), b * (rows * down.d).sum(1)


def _inverse(normal: Symmetric) -> list[list[Tensor]]:
    """Inverse of a symmetric positive 3x3 matrix, a little ridge added."""
    p, q, r = (part + 1e-9 for part in normal[:3])
    s, t, u = normal[3:]
    pp, qq, rr = q * r - u * u, p * r - t * t, p * q - s * s
    st, su, tu = t * u - s * r, s * u - t * q, s * t - p * u
    det = p * pp + s * st + t * su
    return [[pp / det, st / det, su / det], [st / det, qq / det, tu / det],
            [su / det, tu / det, rr / det]]  # fmt: skip


def _matrix(xx: Tensor, xy: Tensor, yy: Tensor) -> Float[Tensor, "M 2 2"]:
    return torch.stack([xx, xy, xy, yy], -1).reshape(-1, 2, 2)
