"""Other ways from a map to its peak, each around the one highest cell, with their faults.

`peaks.find` is the decoder to use for Gaussian maps; these serve other maps (`expectation`,
`votes`) and comparison with other tools (`argmax`, `integral`, `fourier`). Row and column of
the highest cell are always found jointly. Accuracies: spec/pose.md §10.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

from gambol.kernels.peaks import Peaks, highest, shape

CELL = 1 / 12  # cells²: variance of a position that is known to a cell
FLOOR = 1e-3  # cells²: no answer is surer
REACH = 3  # σ to each side of a correlation's window
STEPS = 8  # Newton steps of a mean; quadratic, from at most two σ away


class Lines(NamedTuple):
    """One peak per line."""

    x: Float[np.ndarray, "*lines"]  # in bins
    mass: Float[np.ndarray, "*lines"]  # of the line within ±2σ
    var: Float[np.ndarray, "*lines"]  # bins², of the line within ±2σ


def argmax(maps: Float[np.ndarray, "*maps h w"], sigma: float) -> Peaks:
    """Find the highest cell of every map, and its shape as covariance.

    Args:
        maps: any leading axes.
        sigma: standard deviation of the Gaussian that the maps were trained on, in cells.
    """
    return _each(_argmax, maps, sigma)


def integral(maps: Float[np.ndarray, "*maps h w"], sigma: float) -> Peaks:
    """Centre of mass of the 5x5 cells around the highest, negative ones counting nothing.

    Biased towards the highest cell by the truncation, the more the wider the peak.
    """
    return _each(_integral, maps, sigma)


def fourier(maps: Float[np.ndarray, "*maps h w"], sigma: float) -> Peaks:
    """Maximum of the cross-correlation with the Gaussian, to 1/100 cell, near the highest cell.

    The correlation is evaluated directly at sub-cell shifts, which is what upsampling its
    spectrum does, in a window of 3σ: so no other hill of more energy can win. Biased inwards
    at the border. Source: Guizar-Sicairos et al. (2008), Opt Lett 33(2):156-158.
    """
    return _each(_fourier, maps, sigma)


def expectation(maps: Float[np.ndarray, "*maps h w"], sigma: float) -> Peaks:
    """Local mean of probability maps in ±2σ around the highest cell, without its truncation.

    The plain mean of a window leans towards the window's middle. Of a Gaussian of known σ it
    is the sufficient statistic, so the centre whose own truncated mean is the one seen is the
    answer: exact at borders, too. Height is the mass within the window, some 0.95 at best.
    """
    return _each(_expectation, maps, sigma)


def votes(
    maps: Float[np.ndarray, "*maps h w"],
    offsets: Float[np.ndarray, "*maps 2 h w"],
    radius: float,
) -> Peaks:
    """The highest cell plus its offset; how cells within `radius` disagree is the covariance.

    Args:
        maps: probability that a keypoint is near.
        offsets: from every cell to the keypoint, in cells.
        radius: cells around the highest one whose votes count, by their probability if that
            is at least half of the highest.
    """
    lead, (h, w) = maps.shape[:-2], maps.shape[-2:]
    flat = np.ascontiguousarray(maps, dtype=np.float32).reshape(-1, h, w)
    ways = np.ascontiguousarray(offsets, dtype=np.float32).reshape(-1, 2, h, w)
    xy, height, cov = _votes(flat, ways, float(radius))
    return Peaks(xy.reshape(*lead, 2), height.reshape(lead), cov.reshape(*lead, 2, 2))


def mean(
    lines: Float[np.ndarray, "*lines n"], start: Int[np.ndarray, "*lines"], sigma: float
) -> Lines:
    """Local mean of 1-D probabilities in ±2σ around a bin, as `expectation` does in 2-D."""
    flat = np.ascontiguousarray(lines, dtype=np.float64).reshape(-1, lines.shape[-1])
    parts = _means(flat, np.ascontiguousarray(start).reshape(-1), float(sigma))
    return Lines(*(part.reshape(start.shape) for part in parts))


def _each(
    kernel: Callable[..., Any], maps: Float[np.ndarray, "*maps h w"], sigma: float
) -> Peaks:
    """Run a kernel over all leading axes."""
    lead, (h, w) = maps.shape[:-2], maps.shape[-2:]
    flat = np.ascontiguousarray(maps, dtype=np.float32).reshape(-1, h, w)
    xy, height, cov = kernel(flat, float(sigma))
    return Peaks(xy.reshape(*lead, 2), height.reshape(lead), cov.reshape(*lead, 2, 2))


@numba.njit(cache=True, nogil=True)
@no_type_check
def _argmax(maps, sigma):
    n = len(maps)
    xy, height, cov = np.empty((n, 2)), np.empty(n), np.empty((n, 2, 2))
    for i in range(n):
        row, col = highest(maps[i])
        xy[i, 0], xy[i, 1], height[i] = col, row, maps[i, row, col]
        cov[i] = shape(maps[i], row, col, sigma) + CELL * np.eye(2)
    return xy, height, cov


@numba.njit(cache=True, nogil=True)
@no_type_check
def _integral(maps, sigma):
    xy, height, cov = _argmax(maps, sigma)
    for i in range(len(maps)):
        col, row = int(xy[i, 0]), int(xy[i, 1])
        mass, x, y = 0.0, 0.0, 0.0
        for r in range(max(row - 2, 0), min(row + 3, maps.shape[1])):
            for c in range(max(col - 2, 0), min(col + 3, maps.shape[2])):
                h = max(maps[i, r, c], 0.0)
                mass, x, y = mass + h, x + h * c, y + h * r
        if mass > 0:
            xy[i, 0], xy[i, 1] = x / mass, y / mass
    return xy, height, cov


@numba.njit(cache=True, nogil=True)
@no_type_check
def _fourier(maps, sigma):
    xy, height, cov = _argmax(maps, sigma)
    reach = int(np.ceil(REACH * sigma)) + 1
    for i in range(len(maps)):
        col, row = int(xy[i, 0]), int(xy[i, 1])
        top, left = max(row - reach, 0), max(col - reach, 0)
        part = maps[i, top : row + reach + 1, left : col + reach + 1].astype(np.float64)
        x, y = float(col - left), float(row - top)
        for step in (0.1, 0.01):
            x, y = _correlate(part, x, y, step, sigma)
        xy[i, 0], xy[i, 1] = left + x, top + y
    return xy, height, cov


@numba.njit(cache=True, nogil=True)
@no_type_check
def _correlate(part, x, y, step, sigma):
    """Best of the shifts within ten steps of (x, y)."""
    shifts = np.arange(-10, 11) * step
    down = np.empty((len(shifts), part.shape[0]))
    across = np.empty((len(shifts), part.shape[1]))
    for k in range(len(shifts)):
        down[k] = np.exp(-((np.arange(part.shape[0]) - y - shifts[k]) ** 2) / (2 * sigma**2))
        across[k] = np.exp(-((np.arange(part.shape[1]) - x - shifts[k]) ** 2) / (2 * sigma**2))
    best, at_x, at_y = -np.inf, x, y
    rows = down @ part
    for k in range(len(shifts)):
        for m in range(len(shifts)):
            energy = (rows[k] * across[m]).sum()
            if energy > best:
                best, at_x, at_y = energy, x + shifts[m], y + shifts[k]
    return at_x, at_y


@numba.njit(cache=True, nogil=True)
@no_type_check
def _expectation(maps, sigma):
    n = len(maps)
    xy, height, cov = np.empty((n, 2)), np.empty(n), np.empty((n, 2, 2))
    reach = int(np.ceil(2 * sigma))
    for i in range(n):
        row, col = highest(maps[i])
        top, left = max(row - reach, 0), max(col - reach, 0)
        part = maps[i, top : row + reach + 1, left : col + reach + 1].astype(np.float64)
        part = np.maximum(part, 0.0)
        across, down = part.sum(0), part.sum(1)
        x, mass, cov[i, 0, 0] = _centre(across, float(col - left), sigma)
        y, mass, cov[i, 1, 1] = _centre(down, float(row - top), sigma)
        xy[i, 0], xy[i, 1], height[i] = left + x, top + y, mass
        cov[i, 0, 1] = cov[i, 1, 0] = _slant(part, across, down, mass)
    return xy, height, cov


@numba.njit(cache=True, nogil=True)
@no_type_check
def _slant(part, across, down, mass):
    """Covariance of x and y over a window."""
    if mass <= 0:
        return 0.0
    x = (across * np.arange(len(across))).sum() / mass
    y = (down * np.arange(len(down))).sum() / mass
    total = 0.0
    for r in range(len(down)):
        for c in range(len(across)):
            total += part[r, c] * (r - y) * (c - x)
    return total / mass


@numba.njit(cache=True, nogil=True)
@no_type_check
def _centre(line, start, sigma):
    """Centre of the Gaussian that has the line's mean on the same cells; mass; variance."""
    at = np.arange(len(line))
    mass = line.sum()
    if mass <= 0:
        return start, 0.0, sigma * sigma
    seen = (line * at).sum() / mass
    var = (line * (at - seen) ** 2).sum() / mass + FLOOR
    x = seen
    for _ in range(STEPS):
        bell = np.exp(-((at - x) ** 2) / (2 * sigma**2))
        total = bell.sum()
        said = (bell * at).sum() / total
        slope = (bell * (at - said) ** 2).sum() / total / sigma**2  # d said / d x
        x += min(max((seen - said) / max(slope, 1e-3), -sigma), sigma)
        x = min(max(x, start - 2 * sigma), start + 2 * sigma)
    return x, mass, var


@numba.njit(cache=True, nogil=True)
@no_type_check
def _means(lines, start, sigma):
    n = len(lines)
    x, mass, var = np.empty(n), np.empty(n), np.empty(n)
    reach = int(np.ceil(2 * sigma))
    for i in range(n):
        left = max(start[i] - reach, 0)
        part = lines[i, left : start[i] + reach + 1]
        at, mass[i], var[i] = _centre(part, float(start[i] - left), sigma)
        x[i] = left + at
    return x, mass, var


@numba.njit(cache=True, nogil=True)
@no_type_check
def _votes(maps, offsets, radius):
    n, h, w = maps.shape
    xy, height, cov = np.empty((n, 2)), np.empty(n), np.zeros((n, 2, 2))
    reach = int(np.ceil(radius))
    for i in range(n):
        row, col = highest(maps[i])
        height[i] = maps[i, row, col]
        x, y = col + offsets[i, 0, row, col], row + offsets[i, 1, row, col]
        xy[i, 0], xy[i, 1] = x, y
        mass = 0.0
        for r in range(max(row - reach, 0), min(row + reach + 1, h)):
            for c in range(max(col - reach, 0), min(col + reach + 1, w)):
                p = maps[i, r, c]
                if p < height[i] / 2:  # cells that are no part of the plateau know no way
                    continue
                dx, dy = c + offsets[i, 0, r, c] - x, r + offsets[i, 1, r, c] - y
                mass += p
                cov[i, 0, 0] += p * dx * dx
                cov[i, 0, 1] += p * dx * dy
                cov[i, 1, 1] += p * dy * dy
        cov[i] /= max(mass, 1e-12)
        cov[i, 1, 0] = cov[i, 0, 1]
        cov[i, 0, 0] += FLOOR
        cov[i, 1, 1] += FLOOR
    return xy, height, cov
