"""Where an animal stays on a behaviour map: slow stretches of its path, each in one region.

Speed on the map has two modes: pauses at peaks of the density, and moves between them. A
mixture of two Gaussians over log speed tells them apart; a threshold with hysteresis makes
stretches. Source: Berman et al. (2014), J. R. Soc. Interface 11:20140672.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Int64
from pydantic import Field, PositiveInt, model_validator

from gambol.behavior import sequences as statistics
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.sequences import Sequences, pack
from gambol.kernels import two_normals
from gambol.kernels.two_normals import TwoNormals

TRANSIT = 0  # label of frames between regions
_BINS = 400
_TAILS = (0.001, 0.999)  # quantiles of the speed between which the mixture is fitted
_FEWEST = 20  # speeds that a mixture needs


class DwellSettings(Config):
    """When a path on the map counts as staying in a region."""

    enter: float = Field(2 / 3, gt=0, lt=1)  # P(slow) above which a stay begins
    leave: float = Field(1 / 3, gt=0, lt=1)  # P(slow) below which it ends
    frames: PositiveInt = 5  # shorter stays are counted to the transit

    @model_validator(mode="after")
    def _in_order(self) -> "DwellSettings":
        """Refuse a stay that ends before it begins."""
        if self.leave > self.enter:
            raise ValueError(
                f"a stay begins above {self.enter:g} and ends below {self.leave:g}; give a "
                "`leave` that is not above `enter`"
            )
        return self


class Speeds(NamedTuple):
    """Speed on the map of all recordings, and the two Gaussians under it."""

    fitted: TwoNormals  # of log10 speed, the slow one first
    counts: Int[np.ndarray, " B"]  # histogram of log10 speed, to be shown
    edges: Float[np.ndarray, " B1"]
    valley: float  # depth: density between the means over the lower peak; 1: one mode only


class Dwell(NamedTuple):
    """What one recording does on the map."""

    region: Int64[np.ndarray, " T"]  # 1 … R, 0 in transit, -1 where a frame has no place
    speed: Float[np.ndarray, " T"]  # map units a second; NaN beside a frame without a place
    slow: Float[np.ndarray, " T"]  # P(slow); NaN with the speed


def speed(y: Float[np.ndarray, "T 2"], fps: float) -> Float[np.ndarray, " T"]:
    """Return the speed of a path, by central differences, one-sided at its ends.

    >>> speed(np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]), 10.0).tolist()
    [50.0, 50.0, 50.0]
    """
    if len(y) < 2:
        return np.full(len(y), np.nan)
    y = np.asarray(y, np.float64)
    moved = np.empty_like(y)
    moved[1:-1] = (y[2:] - y[:-2]) / 2
    moved[0], moved[-1] = y[1] - y[0], y[-1] - y[-2]
    moved[np.isnan(y)] = np.nan  # a frame without a place has no speed either
    return np.hypot(moved[:, 0], moved[:, 1]) * fps


def fit(paths: Sequence[Float[np.ndarray, "_ 2"]], fps: float) -> Speeds:
    """Fit two Gaussians to log10 speed of all recordings together.

    Args:
        paths: places of the frames of each recording; NaN where they have none.
        fps: frames a second.
    """
    pooled = np.concatenate([speed(path, fps) for path in paths] or [np.zeros(0)])
    logs = np.log10(pooled[np.isfinite(pooled) & (pooled > 0)])
    if len(logs) < _FEWEST:
        raise InputError(
            f"{len(logs)} frames move on the map, too few for a distribution of speed; "
            f"place at least {_FEWEST} frames in a row"
        )
    low, high = np.quantile(logs, _TAILS)
    counts, edges = np.histogram(logs, _BINS, (low, high) if high > low else None)
    fitted = two_normals.fit((edges[1:] + edges[:-1]) / 2, counts.astype(np.float64))
    return Speeds(fitted, counts, edges, two_normals.valley(fitted).depth)


def stay(
    y: Float[np.ndarray, "T 2"],
    region: Int64[np.ndarray, " T"],
    fps: float,
    speeds: Speeds,
    settings: DwellSettings | None = None,
) -> Dwell:
    """Find where a recording stays: slow for long enough, in the region it mostly is in.

    Args:
        y: places of its frames; NaN where they have none.
        region: of each frame (`Regions.of`): 1 …, 0 outside.
        fps: frames a second.
        speeds: of all recordings (`fit`).
        settings: thresholds.
    """
    settings = settings or DwellSettings()
    fast = speed(y, fps)
    # what stands still is slower than the slowest that was fitted
    logs = np.log10(np.maximum(fast, 10.0 ** float(speeds.edges[0])))
    slow = two_normals.posterior(logs, speeds.fitted)
    staying = hysteresis(slow, settings.enter, settings.leave)
    found = np.full(len(y), TRANSIT, np.int64)
    for begin, end in stretches(staying):
        if end - begin >= settings.frames:
            found[begin:end] = np.bincount(region[begin:end]).argmax()
    found[~np.isfinite(y).all(axis=1)] = -1
    return Dwell(found, fast, slow)


def hysteresis(
    p: Float[np.ndarray, " T"], enter: float, leave: float
) -> Bool[np.ndarray, " T"]:
    """Tell when a quantity is on: from above `enter` until below `leave`, or unknown.

    >>> hysteresis(np.array([0.5, 0.9, 0.5, 0.1, 0.5, np.nan, 0.9]), 0.8, 0.2).tolist()
    [False, True, True, False, False, False, True]
    """
    turned_on, turned_off = p > enter, ~(p >= leave)
    event = np.where(turned_on | turned_off, np.arange(len(p)), -1)
    last = np.maximum.accumulate(event)
    return (last >= 0) & turned_on[np.maximum(last, 0)]


def stretches(on: Bool[np.ndarray, " T"]) -> Int64[np.ndarray, "N 2"]:
    """Return [begin, end) of each run of frames that are on.

    >>> stretches(np.array([True, True, False, True])).tolist()
    [[0, 2], [3, 4]]
    """
    edges = np.flatnonzero(np.diff(on.astype(np.int8), prepend=0, append=0))
    return edges.reshape(-1, 2).astype(np.int64)


def sequences(
    dwells: Sequence[Dwell], names: Sequence[str], fps: float, regions: int
) -> Sequences:
    """Return recordings as label sequences, 0 in transit and 1 … R; gaps have no label.

    So bouts and usage are those of `behavior.sequences`: a stay that ends in transit was seen
    to end, one at a gap was not.
    """
    return pack([found.region for found in dwells], names, fps, regions + 1)


def survivals(stays: Sequences) -> list[statistics.Survival]:
    """Return how long stays last (Kaplan & Meier): of all together, then of regions 1 … R.

    Args:
        stays: labels of recordings as `sequences` returns them.
    """
    one = np.minimum(np.arange(stays.size), 1)  # between two stays there is always transit
    pooled = statistics.durations(statistics.relabel(stays, one), 1)
    return [pooled, *(statistics.durations(stays, r) for r in range(1, stays.size))]
