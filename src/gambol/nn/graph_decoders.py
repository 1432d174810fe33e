"""How each output says positions, as tensor operations, for graphs.

The same as `Positions.peaks` of the outputs with `kernels.decoders`, for many maps at once, in
float32. See `nn.graph_peaks` for what runtimes make of it.
"""

from collections.abc import Callable
from functools import partial
from math import ceil, log
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from gambol.core.errors import InputError
from gambol.kernels.decoders import CELL, FLOOR, REACH, STEPS
from gambol.nn import graph_peaks
from gambol.nn.graph_peaks import Cells, GraphPeaks
from gambol.nn.outputs import Positions
from gambol.nn.outputs.confidence import Confidence
from gambol.nn.outputs.graph import Graph
from gambol.nn.outputs.location import Location
from gambol.nn.outputs.simcc import Simcc
from gambol.nn.outputs.softmax import Softmax

Decode = Callable[[Tensor], GraphPeaks]  # of maps (B, C, h, w); in cells


class Centres(NamedTuple):
    """Where Gaussians lie along M lines, from the middle of each."""

    x: Float[Tensor, " M"]
    mass: Float[Tensor, " M"]
    var: Float[Tensor, " M"]


def decoder(position: Positions) -> Decode:
    """Return what finds the peaks of an output's maps."""
    if isinstance(position, Confidence | Graph):
        name = position.spec.decoder if isinstance(position, Confidence) else "gaussian"
        find = {"gaussian": graph_peaks.find, "argmax": argmax, "integral": integral,
                "fourier": fourier}[name]  # fmt: skip
        return partial(_first_maps, find, position.keypoints, position.sigma / position.stride)
    if isinstance(position, Softmax):
        return partial(softmax, sigma=position.sigma / position.stride)
    if isinstance(position, Location):
        one = position.length / position.stride
        return partial(location, length=one, radius=position.radius / position.stride)
    if isinstance(position, Simcc):
        highest = position.spec.decoder == "argmax"
        return partial(simcc, sigma=position.sigma, stride=position.stride, highest=highest)
    raise InputError(
        f"positions of {type(position).__name__} are not found inside an exported graph; use "
        "gambol.live.Predictor on the run"
    )


def step(position: Positions) -> float:
    """Return px that rounding alone may move a position by: a step of its decoder's search."""
    spec = getattr(position, "spec", None)
    return 0.01 * 2**0.5 * position.stride if getattr(spec, "decoder", "") == "fourier" else 0.0


def _first_maps(
    find: Callable[[Tensor, float], GraphPeaks],
    keypoints: int,
    sigma: float,
    maps: Float[Tensor, "B C h w"],
) -> GraphPeaks:
    """Find peaks in the maps of keypoints, behind which others may come."""
    return find(maps[:, :keypoints], sigma)


def argmax(maps: Float[Tensor, "B J h w"], sigma: float) -> GraphPeaks:
    """Take the highest cell as it is; σ in cells."""
    flat, at = _highest(maps)
    return _peaks(maps, at, 0.0 * at.height, 0.0 * at.height, _cell(flat, maps, at, sigma))


def integral(maps: Float[Tensor, "B J h w"], sigma: float) -> GraphPeaks:
    """Take the centre of mass of the 5x5 cells around the highest."""
    flat, at = _highest(maps)
    step = torch.arange(-2, 3, device=maps.device)
    part, _, _ = graph_peaks.windows(flat, maps.shape[3], at, step)
    part, grid = part.clamp(min=0), step.to(maps.dtype)
    mass = part.sum((1, 2)).clamp(min=1e-30)
    # OpenVINO 2026 fuses a weighted sum of sums wrongly, but not one sum over both axes
    x = (part * grid).sum((1, 2)) / mass
    y = (part * grid[:, None]).sum((1, 2)) / mass
    return _peaks(maps, at, x, y, _cell(flat, maps, at, sigma))


def fourier(maps: Float[Tensor, "B J h w"], sigma: float) -> GraphPeaks:
    """Correlate with the Gaussian at shifts of 1/10, then 1/100 cell."""
    flat, at = _highest(maps)
    reach = ceil(REACH * sigma) + 1
    step = torch.arange(-reach, reach + 1, device=maps.device)
    part, _, _ = graph_peaks.windows(flat, maps.shape[3], at, step)
    grid, shifts = step.to(maps.dtype), torch.arange(-10, 11, device=maps.device)
    x = y = torch.zeros_like(at.height)
    for fine in (0.1, 0.01):
        moved = shifts.to(maps.dtype) * fine
        across, down = (
            torch.exp(-((grid - (c[:, None] + moved)[..., None]) ** 2) / (2 * sigma**2))
            for c in (x, y)
        )  # (M, 21, K)
        energy = down @ part @ across.transpose(1, 2)  # (M, y, x)
        best = energy.transpose(1, 2).flatten(1).argmax(1)  # of equal ones the least x counts
        column = torch.div(best, len(shifts), rounding_mode="floor")
        x, y = x + moved[column], y + moved[best - column * len(shifts)]
    return _peaks(maps, at, x, y, _cell(flat, maps, at, sigma))


def softmax(logits: Float[Tensor, "B J h w"], sigma: float) -> GraphPeaks:
    """Take the local mean of probabilities around the highest cell; σ in cells."""
    n, j, height, width = logits.shape
    maps = _with_nowhere(logits.reshape(n, j, -1)).reshape(n, j, height, width)
    flat, at = _highest(maps)
    reach = ceil(2 * sigma)
    step = torch.arange(-reach, reach + 1, device=maps.device)
    part, down_in, across_in = graph_peaks.windows(flat, width, at, step)
    part, grid = part.clamp(min=0), step.to(maps.dtype)
    across, down = (
        centre(line, grid, inside, sigma)
        for line, inside in ((part.sum(1), across_in), (part.sum(2), down_in))
    )
    mass = across.mass.clamp(min=1e-30)
    x, y = (part * grid).sum((1, 2)) / mass, (part * grid[:, None]).sum((1, 2)) / mass
    slant = (part * grid[:, None] * grid).sum((1, 2)) / mass - x * y
    cov = torch.stack([across.var, slant, slant, down.var], -1).reshape(-1, 2, 2)
    return _peaks(maps, at._replace(height=across.mass), across.x, down.x, cov)


def location(maps: Float[Tensor, "B C h w"], length: float, radius: float) -> GraphPeaks:
    """Go from the likeliest cell by its offset; lengths in cells."""
    j = maps.shape[1] // 3
    near = maps[:, :j].sigmoid()
    flat, at = _highest(near)
    reach, width = ceil(radius), maps.shape[3]
    step = torch.arange(-reach, reach + 1, device=maps.device)
    part, down_in, across_in = graph_peaks.windows(flat, width, at, step)
    ways = [_flat(maps[:, j + axis :: 2] * length) for axis in (0, 1)]
    dx, dy = (graph_peaks.windows(way, width, at, step)[0] for way in ways)
    x, y = dx[:, reach, reach], dy[:, reach, reach]
    grid = step.to(maps.dtype)
    inside = down_in[:, :, None] * across_in[:, None]
    weight = part * inside * (part >= at.height[:, None, None] / 2)
    dx = grid[None, None] + dx - x[:, None, None]
    dy = grid[None, :, None] + dy - y[:, None, None]
    mass = weight.sum((1, 2)).clamp(min=1e-12)
    xx, xy, yy = (
        (weight * a * b).sum((1, 2)) / mass for a, b in ((dx, dx), (dx, dy), (dy, dy))
    )
    cov = torch.stack([xx + FLOOR, xy, xy, yy + FLOOR], -1).reshape(-1, 2, 2)
    return _peaks(near, at, x, y, cov)


def simcc(
    logits: Float[Tensor, "B J h w"], sigma: float, stride: int, highest: bool
) -> GraphPeaks:
    """Read the distributions along x and y near the highest cell; σ in pixels."""
    n, j = logits.shape[:2]
    _, at = _highest(logits)
    found = []
    for over, place in ((-2, at.col), (-1, at.row)):
        fine = 2 * stride
        line = F.interpolate(logits.logsumexp(over), scale_factor=float(fine), mode="linear")
        p = _with_nowhere(line - log(fine))
        found.append(_along(p, (2 * place + 1) * stride, sigma, fine, highest))
    across, down = found
    none = torch.zeros_like(across.var)
    cov = torch.stack([across.var, none, none, down.var], -1)
    xy = torch.stack([across.x, down.x], -1)
    height = torch.minimum(across.mass, down.mass)
    return GraphPeaks(xy.reshape(n, j, 2), height.reshape(n, j), cov.reshape(n, j, 2, 2))


def centre(
    line: Float[Tensor, "M K"],
    grid: Float[Tensor, " K"],
    inside: Float[Tensor, "M K"],
    sigma: float,
) -> Centres:
    """Find the Gaussian that has a line's mean on the same cells, within 2σ of 0."""
    mass = line.sum(1)
    safe = mass.clamp(min=1e-30)
    seen = _mean(line, grid)
    var = (line * (grid - seen[:, None]) ** 2).sum(1) / safe + FLOOR
    x = seen
    for _ in range(STEPS):
        bell = torch.exp(-((grid - x[:, None]) ** 2) / (2 * sigma**2)) * inside
        said = _mean(bell, grid)
        spread = (bell * (grid - said[:, None]) ** 2).sum(1) / bell.sum(1).clamp(min=1e-30)
        step = (seen - said) / (spread / sigma**2).clamp(min=1e-3)
        x = (x + step.clamp(-sigma, sigma)).clamp(-2 * sigma, 2 * sigma)
    there = mass > 0
    usual = torch.full_like(var, sigma * sigma)
    return Centres(x * there, mass, torch.where(there, var, usual))


def _along(
    line: Float[Tensor, "B J n"],
    start: Int[Tensor, " M"],
    sigma: float,
    fine: int,
    highest: bool,
) -> Centres:
    """Read lines of bins near a bin of each; positions in cells of `fine` bins."""
    flat = line.reshape(-1, line.shape[2])  # (M, n)
    reach = ceil(4 * sigma)
    step = torch.arange(-reach, reach + 1, device=line.device)
    at = start[:, None] + step
    inside = ((at >= 0) & (at < flat.shape[1])).to(line.dtype)
    at = torch.where(at < flat.shape[1], at.clamp(min=0), 0)
    part, grid = flat.gather(1, at) * inside, step.to(line.dtype)
    found = centre(part, grid, inside, 2 * sigma)
    best = torch.where(inside > 0, part, -torch.ones_like(part)).argmax(1)
    x = grid[best] if highest else found.x
    cells = (2 * (start + x) + 1 - fine) / (2 * fine)
    return Centres(cells, found.mass, found.var / fine**2)


def _with_nowhere(logits: Float[Tensor, "B J n"]) -> Float[Tensor, "B J n"]:
    """Probabilities of places beside nowhere, whose logit is 0; without the latter."""
    top = logits.amax(-1, keepdim=True).clamp(min=0)
    odds = torch.exp(logits - top)
    return odds / (odds.sum(-1, keepdim=True) + torch.exp(-top))


def _mean(line: Float[Tensor, "M K"], grid: Float[Tensor, " K"]) -> Float[Tensor, " M"]:
    return (line * grid).sum(1) / line.sum(1).clamp(min=1e-30)


def _flat(maps: Float[Tensor, "B J h w"]) -> Float[Tensor, "B hw J"]:
    n, j = maps.shape[:2]
    return maps.permute(0, 2, 3, 1).reshape(n, -1, j)


def _highest(maps: Float[Tensor, "B J h w"]) -> tuple[Float[Tensor, "B hw J"], Cells]:
    flat = _flat(maps)
    return flat, graph_peaks.highest(flat, maps.shape[3])


def _cell(
    flat: Float[Tensor, "B hw J"], maps: Float[Tensor, "B J h w"], at: Cells, sigma: float
) -> Float[Tensor, "M 2 2"]:
    """Covariance of a position that is known to a cell."""
    wide = graph_peaks.shape(flat, maps.shape[3], at, sigma)
    return wide + CELL * torch.eye(2, dtype=maps.dtype, device=maps.device)


def _peaks(
    maps: Float[Tensor, "B J h w"],
    at: Cells,
    x: Float[Tensor, " M"],
    y: Float[Tensor, " M"],
    cov: Float[Tensor, "M 2 2"],
) -> GraphPeaks:
    """Put positions, from the cells they are near to, into rows of maps."""
    n, j = maps.shape[:2]
    xy = torch.stack([at.col + x, at.row + y], -1)
    return GraphPeaks(xy.reshape(n, j, 2), at.height.reshape(n, j), cov.reshape(n, j, 2, 2))
