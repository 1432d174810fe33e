"""A clock against another: a line plus whole lost frames, fitted to lags at some times."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Clock(NamedTuple):
    """The lag of every frame."""

    base: Float[np.ndarray, " T"]  # the straight line
    whole: Float[np.ndarray, " T"]  # the whole frames that were lost

    @property
    def tau(self) -> Float[np.ndarray, " T"]:
        """Their sum."""
        return self.base + self.whole


class Local(NamedTuple):
    """Lags at W times of the recording, or what is left of them."""

    time: Float[np.ndarray, " W"]
    offset: Float[np.ndarray, " W"]
    variance: Float[np.ndarray, " W"]


class Fit(NamedTuple):
    """A line through lags."""

    shift: float  # frames, at frame 0
    slope: float  # frames a frame
    sd: float  # of the lag in the middle
    slope_sd: float


def drifts(local: Local) -> list[float]:
    """No drift, the one of most neighbouring times, and the one of most pairs of times.

    The second is not misled by lost frames, the third is less noisy where none are lost.
    """
    if len(local.time) < 4:
        return [0.0]
    first, second = np.triu_indices(len(local.time), 1)
    slopes = (local.offset[second] - local.offset[first]) / (
        local.time[second] - local.time[first]
    )
    return [0.0, float(np.median(slopes[second == first + 1])), float(np.median(slopes))]


def fraction(local: Local, drift: float) -> float:
    """Return the lag at frame 0 up to whole frames, which may have been lost, less a drift."""
    turn = np.exp(2j * np.pi * (local.offset - drift * local.time)) / (local.variance + 0.01)
    return float(np.angle(turn.sum()) / (2 * np.pi))


def line(local: Local, sloped: bool, middle: float, *, fair: float = 0.05) -> Fit:
    """Fit lags by a constant or, if there are enough of them, a line.

    Args:
        local: lags; those far from the median are left out.
        sloped: whether a line may be fitted.
        middle: frame at which the lag's sd is told.
        fair: frames from the median that are never far.
    """
    if not len(local.time):
        return Fit(0.0, 0.0, np.inf, np.inf)
    off = np.abs(local.offset - np.median(local.offset))
    good = off <= max(fair, 6 * float(np.median(off)))
    time, offset, variance = (part[good] for part in local)
    weight = 1 / (variance + 1e-6)
    basis = np.stack([np.ones(len(time)), time - middle], axis=1)
    basis = basis[:, : 2 if sloped and len(time) > 2 else 1]
    normal = basis.T @ (weight[:, None] * basis)
    fit = np.linalg.solve(normal, basis.T @ (weight * offset))
    # windows that differ by more than their curvature says: errors last longer than a frame
    freedom = max(1, len(time) - len(fit))
    excess = max(1.0, float((weight * (offset - basis @ fit) ** 2).sum()) / freedom)
    sd = np.sqrt(excess * np.diag(np.linalg.inv(normal)))
    if len(fit) == 1:
        return Fit(float(fit[0]), 0.0, float(sd[0]), np.inf)
    slope = float(fit[1])
    return Fit(float(fit[0]) - slope * middle, slope, float(sd[0]), float(sd[1]))


class Timing(NamedTuple):
    """Which frame of a film belongs to a moment of a clock that counts in its frames.

    Moment i is frame i + lag + drift · i of the film as it would be without loss.
    """

    lag: float = 0.0  # frames by which the film is late at moment 0
    drift: float = 0.0  # frames a frame
    drops: tuple[tuple[int, int], ...] = ()  # frame of the film after a gap, frames lost
    skips: tuple[tuple[int, int], ...] = ()  # the same of the film whose clock counts

    def frames(self, moments: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
        """Return fractional frames of the film; NaN at moments that it lost."""
        at = moments + self.lag + self.drift * moments
        for start, lost in self.skips:
            at = at + lost * (moments >= start)
        gone = np.zeros(at.shape, bool)
        for start, lost in self.drops:
            near = np.rint(at)
            gone |= (near >= start) & (near < start + lost)
            at = np.where(near >= start + lost, at - lost, at)
        return np.where(gone, np.nan, at)
