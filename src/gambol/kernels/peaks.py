"""Sub-pixel peaks of maps: the highest cell, then a local Gaussian fit with its covariance.

The fit is a matched filter done locally: minimise sum (h - a exp(-|c - x|²/2σ²))² over (a, x)
in a window of radius 2σ around the highest cell, by five Gauss-Newton steps of at most half a
cell. All coordinates here are cells of the map; `core.pixels.cells` maps them to pixels.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float

STEPS = 5  # Gauss-Newton steps; more change nothing at double precision


class Peaks(NamedTuple):
    """One peak per map."""

    xy: Float[np.ndarray, "*maps 2"]  # in cells; x first
    height: Float[np.ndarray, "*maps"]  # of the map at its highest cell, not clipped
    cov: Float[np.ndarray, "*maps 2 2"]  # cells², of the fit and of the shape together


def find(maps: Float[np.ndarray, "*maps h w"], sigma: float) -> Peaks:
    """Find the highest peak of every map.

    Args:
        maps: any leading axes.
        sigma: standard deviation of the Gaussian that the maps were trained on, in cells.

    >>> x, y = np.meshgrid(np.arange(20.0), np.arange(16.0))
    >>> blob = np.exp(-((x - 7.3) ** 2 + (y - 4.6) ** 2) / (2 * 2.0**2))
    >>> find(blob, sigma=2.0).xy.round(3).tolist()
    [7.3, 4.6]
    """
    lead, (h, w) = maps.shape[:-2], maps.shape[-2:]
    flat = np.ascontiguousarray(maps, dtype=np.float32).reshape(-1, h, w)
    xy, height, cov = _find(flat, float(sigma))
    return Peaks(xy.reshape(*lead, 2), height.reshape(lead), cov.reshape(*lead, 2, 2))


@numba.njit(cache=True, nogil=True)
@no_type_check
def _find(maps, sigma):
    n = len(maps)
    xy, height, cov = np.empty((n, 2)), np.empty(n), np.empty((n, 2, 2))
    for i in range(n):
        row, col = highest(maps[i])
        height[i] = maps[i, row, col]
        x, y, fit_cov = fit(maps[i], row, col, sigma)
        xy[i, 0], xy[i, 1] = x, y
        cov[i] = fit_cov + shape(maps[i], row, col, sigma)
    return xy, height, cov


@numba.njit(cache=True, nogil=True)
@no_type_check
def highest(image):
    """Row and column of the highest cell, found jointly; the first of equal ones."""
    best, at_row, at_col = -np.inf, 0, 0
    for r in range(image.shape[0]):
        top = top_of(image[r])
        if top > best:
            best, at_row = top, r
    for c in range(image.shape[1]):
        if image[at_row, c] == best:
            at_col = c
            break
    return at_row, at_col


@numba.njit(cache=True, nogil=True, fastmath=True)
@no_type_check
def top_of(row):
    """Highest of a row of cells; several are compared at once."""
    top = row[0]
    for i in range(1, len(row)):
        top = max(top, row[i])
    return top


@numba.njit(cache=True, nogil=True)
@no_type_check
def fit(image, row, col, sigma):
    """Fit amplitude and centre; return x, y and the covariance of the centre."""
    radius = int(np.ceil(2 * sigma))
    top, left = max(row - radius, 0), max(col - radius, 0)
    part = image[top : row + radius + 1, left : col + radius + 1].astype(np.float64)
    a, x, y = max(float(image[row, col]), 1e-6), float(col - left), float(row - top)
    normal, force = np.empty((3, 3)), np.empty(3)
    for _ in range(STEPS):
        _normal_equations(part, a, x, y, sigma, normal, force)
        step = _inverse(normal) @ force
        x += min(max(step[1], -0.5), 0.5)
        y += min(max(step[2], -0.5), 0.5)
        a = max(a + step[0], 1e-6)
    residual = _normal_equations(part, a, x, y, sigma, normal, force)
    cov = _inverse(normal)[1:, 1:] * (residual / max(part.size - 3, 1))
    x, y = x + left, y + top
    if abs(x - col) > 1 or abs(y - row) > 1:  # the peak is no Gaussian: its cell is safer
        return float(col), float(row), cov + np.eye(2)
    return x, y, cov


@numba.njit(cache=True, nogil=True, fastmath=True)
@no_type_check
def _normal_equations(part, a, x, y, sigma, normal, force):
    """Fill JᵀJ and Jᵀr of the fit; return the sum of squared residuals.

    The Gaussian is a product of one along x and one along y, and so are the sums of JᵀJ.
    """
    scale = 1 / (sigma * sigma)
    dx, dy = np.arange(part.shape[1]) - x, np.arange(part.shape[0]) - y
    across, down = np.exp(-0.5 * scale * dx * dx), np.exp(-0.5 * scale * dy * dy)
    seen, seen_x, seen_y, square = 0.0, 0.0, 0.0, 0.0  # sums of g h, g h dx, g h dy, h²
    for r in range(part.shape[0]):
        along, slope = 0.0, 0.0
        for c in range(part.shape[1]):
            h = part[r, c]
            along += across[c] * h
            slope += across[c] * dx[c] * h
            square += h * h
        seen += down[r] * along
        seen_x += down[r] * slope
        seen_y += down[r] * dy[r] * along
    x0, x1, x2 = _moments(across, dx)
    y0, y1, y2 = _moments(down, dy)
    b = a * scale  # ∂ (a g) / ∂ x = b g dx
    normal[0, 0], normal[0, 1], normal[0, 2] = x0 * y0, b * x1 * y0, b * x0 * y1
    normal[1, 1], normal[1, 2], normal[2, 2] = b * b * x2 * y0, b * b * x1 * y1, b * b * x0 * y2
    normal[1, 0], normal[2, 0], normal[2, 1] = normal[0, 1], normal[0, 2], normal[1, 2]
    force[0] = seen - a * x0 * y0
    force[1] = b * (seen_x - a * x1 * y0)
    force[2] = b * (seen_y - a * x0 * y1)
    return max(square - 2 * a * seen + a * a * x0 * y0, 0.0)


@numba.njit(cache=True, nogil=True, fastmath=True)
@no_type_check
def _moments(bell, d):
    """Sums of g², g² d and g² d²."""
    zero, one, two = 0.0, 0.0, 0.0
    for i in range(len(d)):
        g = bell[i] * bell[i]
        zero += g
        one += g * d[i]
        two += g * d[i] * d[i]
    return zero, one, two


@numba.njit(cache=True, nogil=True)
@no_type_check
def _inverse(normal):
    """Inverse of a symmetric positive 3x3 matrix, a little ridge added."""
    p, q, r = normal[0, 0] + 1e-9, normal[1, 1] + 1e-9, normal[2, 2] + 1e-9
    s, t, u = normal[0, 1], normal[0, 2], normal[1, 2]
    out = np.empty((3, 3))
    out[0, 0], out[1, 1], out[2, 2] = q * r - u * u, p * r - t * t, p * q - s * s
    out[0, 1] = out[1, 0] = t * u - s * r
    out[0, 2] = out[2, 0] = s * u - t * q
    out[1, 2] = out[2, 1] = s * t - p * u
    return out / (p * out[0, 0] + s * out[0, 1] + t * out[0, 2])


@numba.njit(cache=True, nogil=True)
@no_type_check
def shape(image, row, col, sigma):
    """Inverse negative Hessian of log h at the peak: how broad the map says it is.

    Second differences reach σ cells to each side, so that noise of single cells averages out.
    """
    reach = max(int(round(sigma)), 1)
    if not (reach <= row < image.shape[0] - reach and reach <= col < image.shape[1] - reach):
        return np.eye(2) * sigma * sigma
    here = _log(image, row, col)
    curve = np.empty((2, 2))
    left, right = _log(image, row, col - reach), _log(image, row, col + reach)
    up, down = _log(image, row - reach, col), _log(image, row + reach, col)
    curve[0, 0] = (2 * here - left - right) / reach**2
    curve[1, 1] = (2 * here - up - down) / reach**2
    cross = _log(image, row - reach, col + reach) + _log(image, row + reach, col - reach)
    cross -= _log(image, row - reach, col - reach) + _log(image, row + reach, col + reach)
    curve[0, 1] = curve[1, 0] = cross / (4 * reach**2)
    floor = 0.01 / (sigma * sigma)  # no peak counts as more than ten times too broad
    curve[0, 0], curve[1, 1] = max(curve[0, 0], floor), max(curve[1, 1], floor)
    limit = 0.95 * np.sqrt(curve[0, 0] * curve[1, 1])
    curve[0, 1] = curve[1, 0] = min(max(curve[0, 1], -limit), limit)
    return np.linalg.inv(curve)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _log(image, row, col):
    return np.log(max(image[row, col], 1e-4))
