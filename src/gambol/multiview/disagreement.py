"""How badly a late view agrees with views whose clocks are known, lag by lag."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.kernels import lagged
from gambol.kernels.epipolar import Straight, sampson
from gambol.kernels.lagged import Agreement

CAP = 16.0  # squared distance in units of the noise, beyond which a point is simply wrong
FEW = 20  # points of full weight, below which nothing is said about a lag


class Sight(NamedTuple):
    """A view on the reference's clock."""

    straight: Straight
    matrix: Float[np.ndarray, "3 3"]  # epipolar.fundamental, from it to the late view
    # a point that does not move across the epipolar lines tells nothing about time, but adds
    # noise to the comparison of lags: it counts by s² / (s² + noise²) of its speed s
    weight: Float[np.ndarray, "T J"]


class Pair(NamedTuple):
    """A view and those with which it is compared."""

    late: Straight
    against: tuple[Sight, ...]
    scale: float = 1.0  # px, of an ordinary distance

    def agree(
        self, frames: Int[np.ndarray, " F"], base: np.ndarray, lags: np.ndarray
    ) -> Agreement:
        """Sum over the views that are known."""
        parts = [self._one(sight, frames, base, lags) for sight in self.against]
        return Agreement(*(np.sum(column, axis=0) for column in zip(*parts, strict=True)))

    def nats(
        self, base: Float[np.ndarray, " T"], lags: Float[np.ndarray, " L"]
    ) -> Float[np.ndarray, "T L"]:
        """Return costs of frames at lags; one that lacks a point pays what the others pay."""
        nats = np.zeros((len(base), len(lags)))
        for sight in self.against:
            part = self._one(sight, np.arange(len(base)), base, lags)
            known = part.weight > 0
            cost = part.cost / np.where(known, part.weight, 1.0)
            mean = (cost * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
            most = part.weight.max(axis=1)
            nats += most[:, None] / 2 * np.where(known, cost, mean[:, None])
        return nats

    def fast(self) -> Int[np.ndarray, " F"]:
        """Return the half of the frames that tells most about time."""
        weight = np.sum([sight.weight.sum(axis=1) for sight in self.against], axis=0)
        return np.flatnonzero(weight >= np.median(weight))

    def measured(self, lags: Float[np.ndarray, " L"]) -> "Pair":
        """Find the noise: the median distance at the lag where it is least."""
        fast = self.fast()
        some = fast[:: max(1, len(fast) // 800)]
        least = np.inf
        for lag in lags:
            at = some + int(lag)
            held = (at >= 0) & (at < len(self.late.xy))
            found = [np.zeros(0)]
            for sight in self.against:
                one = Straight(*(part[some[held]] for part in sight.straight))
                late = Straight(*(part[at[held]] for part in self.late))
                squared = sampson(one, late, sight.matrix)
                found.append(squared[np.isfinite(squared)])
            squares = np.concatenate(found)
            if len(squares) >= FEW:
                least = min(least, float(np.median(squares)))
        # 0.455 is the median of chi-square with one degree of freedom
        return self._replace(
            scale=float(np.sqrt(max(least, 0.04) / 0.455)) if np.isfinite(least) else 1.0
        )

    def weighed(self, tau: Float[np.ndarray, " T"]) -> "Pair":
        """Weigh frames by how fast distances change with the lag about `tau`."""
        at = np.arange(len(tau)) + tau
        moving = lagged.between(lagged.velocity(self.late.xy), at)
        there = Straight(*(lagged.between(part, at) for part in self.late))
        sights = []
        for sight in self.against:
            rate = lagged.rates(sight.straight, there, moving, sight.matrix)
            # of the squared rate 0.024 times the noise's variance is noise, itself noisy
            signal = np.maximum(np.nan_to_num(rate) ** 2 - 0.05 * self.scale**2, 0.0)
            sights.append(sight._replace(weight=signal / (signal + self.scale**2)))
        return self._replace(against=tuple(sights))

    def _one(
        self, sight: Sight, frames: Int[np.ndarray, " F"], base: np.ndarray, lags: np.ndarray
    ) -> Agreement:
        straight = sight.straight, self.late, sight.matrix
        return lagged.agree(
            *straight, frames, base, lags, sight.weight, scale=self.scale, cap=CAP
        )


def pace(straight: Straight) -> Float[np.ndarray, "T J"]:
    """Return a first guess of weights: the speed of the keypoints over its usual size."""
    speed = np.nan_to_num(np.linalg.norm(lagged.velocity(straight.xy), axis=-1))
    usual = max(float(np.sqrt((speed**2).mean())), 1e-12)
    return np.asarray(speed**2 / (speed**2 + usual**2))


class Local(NamedTuple):
    """Lags left over in windows of the recording."""

    time: Float[np.ndarray, " W"]
    offset: Float[np.ndarray, " W"]
    variance: Float[np.ndarray, " W"]


def windows(pair: Pair, tau: Float[np.ndarray, " T"], window: int) -> Local:
    """Return the lags that `tau` leaves, window by window.

    A parabola through whole steps left and right: all three are interpolated by the same
    share, so they are blurred alike and none looks better for it.
    """
    rows = []
    fast = pair.fast()
    steps = np.array([-1.0, 0.0, 1.0])
    for part in np.array_split(np.arange(len(tau)), max(1, len(tau) // window)):
        frames = fast[(fast >= part[0]) & (fast <= part[-1])]
        offset, curved, least, count = 0.0, 0.0, 0.0, 0.0
        for _ in range(5):
            agreed = pair.agree(frames, tau[frames] + offset, steps)
            count = float(agreed.weight.min(axis=1).sum())
            left, least, right = mean(agreed)
            curved = left - 2 * least + right
            if count < FEW or not curved > 0:
                break
            move = np.clip((left - right) / (2 * curved), -1.0, 1.0)
            offset += move
            if abs(move) < 1e-3:
                break
        if count >= FEW and curved > 0:
            # squared error = noise + (slope lag)²: its curvature is the information on the lag
            rows.append((frames.mean(), offset, 2 * least / (count * curved)))
    return Local(*np.array(rows).reshape(-1, 3).T)


def mean(part: Agreement) -> Float[np.ndarray, " L"]:
    """Return the mean cost of a point at every lag, NaN where few points are compared."""
    weight = part.weight.sum(axis=0)
    return np.where(weight >= FEW, part.cost.sum(axis=0) / np.maximum(weight, 1), np.nan)
