"""Peak finding as tensor operations, so that an exported network answers with positions.

The same as `kernels.peaks.find` for many maps at once, in float32: the highest cell, then five
Gauss-Newton steps of a Gaussian in a window of 2σ. There are only element-wise operations, sums
and gathers: runtimes that compute convolutions in bfloat16 or int8 leave these in float32.
"""

from math import ceil
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gambol.kernels.peaks import STEPS

Size = Any  # an int; while a graph is traced, a tensor


class GraphPeaks(NamedTuple):
    """One peak per map."""

    xy: Float[Tensor, "B J 2"]  # in cells; x first
    height: Float[Tensor, "B J"]  # of the map at its highest cell
    cov: Float[Tensor, "B J 2 2"]  # cells², of the fit and of the shape together


class Cells(NamedTuple):
    """The highest cell of each of M maps."""

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
    """Fit amplitude and centre near the highest cells, which are the origin here."""
    radius = ceil(2 * sigma)
    step = torch.arange(-radius, radius + 1, device=maps.device)
    part, down_in, across_in = _windows(maps, width, at, step)
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
    part, down_in, across_in = _windows(maps, width, at, step)
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


def _windows(
    maps: Float[Tensor, "B hw J"], width: Size, at: Cells, step: Int[Tensor, " K"]
) -> tuple[Float[Tensor, "M K K"], Float[Tensor, "M K"], Float[Tensor, "M K"]]:
    """Cells around the highest ones, 0 outside of the map; 1 for rows and columns inside."""
    rows, cols = at.row[:, None] + step, at.col[:, None] + step
    _, area, count = maps.shape
    height = area // width
    down = ((rows >= 0) & (rows < height)).to(maps.dtype)
    across = ((cols >= 0) & (cols < width)).to(maps.dtype)
    rows, cols = rows.clamp(min=0), cols.clamp(min=0)
    rows, cols = torch.where(rows < height, rows, 0), torch.where(cols < width, cols, 0)
    cells = (rows[:, :, None] * width + cols[:, None]).reshape(-1, count, len(step) ** 2)
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
