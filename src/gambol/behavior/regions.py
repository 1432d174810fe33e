"""Regions of a behaviour map: its density by Gaussian kernels, and the hill each place is on.

Frames → density on a square grid (FFT) → hills of the density (watershed from its peaks), the
heaviest first. Source: Berman et al. (2014), J. R. Soc. Interface 11:20140672.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Int64
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from scipy import fft

from gambol.core.config import Config
from gambol.core.errors import InputError

OUTSIDE = 0  # region of frames that lie in none
_WIDEST_TO_NARROWEST = 0.5, 0.005  # sd of the farthest frame, where a number is asked for
_STEPS = 34  # widths that are tried, each 13 % narrower
_REFINED = 7  # halvings after that: the width is known to 0.1 %


class RegionSettings(Config):
    """How frames on a map become a density, and the density regions."""

    grid: PositiveInt = 501  # points along a side
    margin: PositiveFloat = 1.1  # half a side, in units of the farthest frame
    width: PositiveFloat = 1 / 40  # sd of the kernel, in units of the farthest frame
    most: PositiveInt | None = None  # regions: the narrowest kernel with no more is used
    height: NonNegativeFloat = 1e-3  # of the highest peak: lower rises are no regions
    frames: NonNegativeFloat = 10.0  # nor are those that so many frames at one place make
    floor: NonNegativeFloat = 1e-5  # of the highest peak: what is lower is outside


class Density(NamedTuple):
    """How often each place of a map is visited."""

    values: Float[np.ndarray, "G G"]  # per square map unit, sum 1; rows go up (y), columns x
    axis: Float[np.ndarray, " G"]  # map coordinate of rows and of columns
    sigma: float  # sd of the kernel, map units
    mask: Bool[np.ndarray, "G G"]  # not outside
    single: float  # height of the peak that one frame alone would make

    def seen(self, y: Float[np.ndarray, "T 2"]) -> Bool[np.ndarray, " T"]:
        """Tell which frames lie where the density is above its floor."""
        return _look_up(self.mask, self.axis, y)


class Regions(NamedTuple):
    """R hills of a density, the heaviest first: region r + 1 is in row r of every field."""

    label: Int[np.ndarray, "G G"]  # 1 … R, 0 outside
    axis: Float[np.ndarray, " G"]  # map coordinate of rows (y) and of columns (x)
    mass: Float[np.ndarray, " R"]  # share of the density
    peak: Float[np.ndarray, "R 2"]  # map coordinates of the highest place

    def of(self, y: Float[np.ndarray, "T 2"]) -> Int64[np.ndarray, " T"]:
        """Return the region of each frame: 1 … R, 0 outside or where a frame has no place."""
        return _look_up(self.label, self.axis, y).astype(np.int64)


def density(
    y: Float[np.ndarray, "T 2"],
    weights: Float[np.ndarray, " W"] | None = None,
    settings: RegionSettings | None = None,
    *,
    sigma: float | None = None,
    reach: float | None = None,
) -> Density:
    """Return the density of frames on a map.

    Args:
        y: places of frames; frames that have none (NaN) do not count.
        weights: of the frames, such as 1 / probability of having been chosen; equal if absent.
        settings: grid and kernel.
        sigma: sd of the kernel in map units, instead of that of the settings.
        reach: half a side of the grid, so that densities of groups share it.

    >>> found = density(np.array([[1.0, 0.0], [-1.0, 0.0]]))
    >>> found.values.shape, found.sigma
    ((501, 501), 0.025)
    """
    settings = settings or RegionSettings()
    places, weights = _known(y, weights)
    farthest = float(np.abs(places).max())
    half = settings.margin * farthest if reach is None else reach
    counts, axis = _histogram(places, weights, half, settings.grid)
    # unequal weights are worth fewer frames (Kish)
    one = float((weights**2).sum() / weights.sum() ** 2)

    def smooth(sd: float) -> Density:
        return _smooth(counts, axis, sd, one, settings.floor)

    if sigma is None:
        sigma = settings.width * farthest
        if settings.most is not None:
            sigma = _narrowest(smooth, farthest, settings)
    return smooth(sigma)


def regions(found: Density, settings: RegionSettings | None = None) -> Regions:
    """Return the hills of a density, ordered by mass.

    Every place inside of the mask belongs to the peak that steepest ascent leads to. A rise
    that is too low above the pass to the next one is part of that; alone, it is outside.

    Args:
        found: density.
        settings: how high a peak must be.
    """
    settings = settings or RegionSettings()
    from skimage.segmentation import watershed

    hills, count = _markers(found, settings)
    label = np.asarray(watershed(-found.values, markers=hills, mask=found.mask), np.int64)
    inside = np.bincount(label.ravel(), found.values.ravel(), minlength=count + 1)[1:]
    mass = inside / found.values.sum()
    order = np.argsort(-mass, kind="stable")
    new = np.zeros(count + 1, np.int64)
    new[order + 1] = np.arange(1, count + 1)
    label = new[label]
    return Regions(label.astype(np.int32), found.axis, mass[order], _peaks(found, label, count))


def _known(
    y: Float[np.ndarray, "T 2"], weights: Float[np.ndarray, " W"] | None
) -> tuple[Float[np.ndarray, "N 2"], Float[np.ndarray, " N"]]:
    """Return the frames that have a place and a weight."""
    weights = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    if len(weights) != len(y):
        raise InputError(f"{len(weights)} weights for {len(y)} frames; give one for each")
    known = np.isfinite(y).all(axis=1) & (weights > 0)
    places = np.asarray(y, np.float64)[known]
    if not len(places) or not np.abs(places).max() > 0:
        raise InputError(
            f"{len(places)} of {len(y)} frames have a place on the map and a weight above 0; a "
            "density needs frames at different places"
        )
    return places, weights[known]


def _histogram(
    places: Float[np.ndarray, "N 2"],
    weights: Float[np.ndarray, " N"],
    half: float,
    grid: int,
) -> tuple[Float[np.ndarray, "G G"], Float[np.ndarray, " G"]]:
    """Return the weight at each grid point, 1 in all, and the coordinates of the points."""
    axis = np.linspace(-half, half, grid)
    column, row = _index(places, axis).T
    flat = np.bincount(row * grid + column, weights, minlength=grid * grid)
    return (flat / flat.sum()).reshape(grid, grid), axis


def _index(y: Float[np.ndarray, "T 2"], axis: Float[np.ndarray, " G"]) -> np.ndarray:
    """Return the nearest grid point of each frame, (T, 2) of column and row; ends hold."""
    step = (axis[-1] - axis[0]) / (len(axis) - 1)
    nearest = np.rint((y - axis[0]) / step)
    return np.clip(np.nan_to_num(nearest), 0, len(axis) - 1).astype(np.int64)


def _look_up(
    table: np.ndarray, axis: Float[np.ndarray, " G"], y: Float[np.ndarray, "T 2"]
) -> np.ndarray:
    """Return the entry at each frame; 0 where a frame has no place."""
    column, row = _index(y, axis).T
    return np.where(np.isfinite(y).all(axis=1), table[row, column], table.dtype.type(0))


def _smooth(
    counts: Float[np.ndarray, "G G"],
    axis: Float[np.ndarray, " G"],
    sigma: float,
    one: float,
    floor: float,
) -> Density:
    """Convolve with a Gaussian; room is added so that no side reaches the opposite one."""
    step = float(axis[1] - axis[0])
    cells = sigma / step
    size = fft.next_fast_len(len(axis) + int(np.ceil(8 * cells)), real=True)
    # exp(-sigma^2 w^2 / 2) is the transform of the kernel
    down, across = fft.fftfreq(size), fft.rfftfreq(size)
    spectrum = fft.rfft2(counts, (size, size))
    spectrum *= np.exp(-2 * (np.pi * cells * down) ** 2)[:, None]
    spectrum *= np.exp(-2 * (np.pi * cells * across) ** 2)
    values = fft.irfft2(spectrum, (size, size))[: len(axis), : len(axis)]
    values = np.maximum(values, 0.0) / step**2  # rounding goes below 0
    single = one / (2 * np.pi * sigma**2)
    return Density(values, axis, sigma, values > floor * values.max(), single)


def _markers(found: Density, settings: RegionSettings) -> tuple[Int[np.ndarray, "G G"], int]:
    """Number the peaks that rise high enough above the pass to a higher one."""
    from skimage.measure import label
    from skimage.morphology import h_maxima, local_maxima

    highest = float(found.values.max())
    height = max(settings.height, settings.frames * found.single / highest)
    scaled = found.values / highest
    tops = h_maxima(scaled, min(height, 1.0)) if height > 0 else local_maxima(scaled)
    marks, count = label(tops, return_num=True)
    return np.asarray(marks, np.int64), int(count)


def _narrowest(
    smooth: Callable[[float], Density], farthest: float, settings: RegionSettings
) -> float:
    """Return the smallest sd with at most `most` regions: widths fall until there are more.

    Far narrower kernels leave no peak that enough frames make; they are not reached. Where no
    width gives more regions, the usual one does.
    """
    most = settings.most or 1
    widths = farthest * np.geomspace(*_WIDEST_TO_NARROWEST, _STEPS)
    enough = widths[0]
    for below in widths.tolist():
        if _markers(smooth(below), settings)[1] > most:
            break
        enough = below
    else:
        return settings.width * farthest
    for _ in range(_REFINED):
        middle = (below + enough) / 2
        if _markers(smooth(middle), settings)[1] > most:
            below = middle
        else:
            enough = middle
    return float(enough)


def _peaks(
    found: Density, label: Int64[np.ndarray, "G G"], count: int
) -> Float[np.ndarray, "R 2"]:
    """Return where each region is highest."""
    flat, heights = label.ravel(), found.values.ravel()
    order = np.argsort(-heights, kind="stable")
    regions_met, first = np.unique(flat[order], return_index=True)
    peak = np.full((count, 2), np.nan)
    inside = regions_met > 0
    row, column = np.divmod(order[first[inside]], len(found.axis))
    peak[regions_met[inside] - 1] = np.stack([found.axis[column], found.axis[row]], axis=1)
    return peak
