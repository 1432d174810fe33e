"""How badly a late view agrees with views whose clocks are known, lag by lag."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.kernels import lagged
from gambol.kernels.epipolar import Straight, sampson
from gambol.kernels.lagged import Agreement
from gambol.multiview.clocks import Local

CAP = 16.0  # squared distance in units of the noise, beyond which a point is simply wrong
FEW = 20  # points of full weight, below which nothing is said about a lag


class Sight(NamedTuple):
    """A view on the reference's clock."""

    straight: Straight
    speed: Float[np.ndarray, "T J 2"]  # straight px a frame
    matrix: Float[np.ndarray, "3 3"]  # epipolar.fundamental, from it to the late view
    # a point that does not move across the epipolar lines tells nothing about time, but adds
    # noise to the comparison of lags: it counts by s² / (s² + noise²) of its speed s
    weight: Float[np.ndarray, "T J"]


class Pair(NamedTuple):
    """A view and those with which it is compared."""

    late: Straight
    speed: Float[np.ndarray, "T J 2"]  # straight px a frame, of the late view
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
        sights = []
        for sight in self.against:
            tangent = self._tangent(sight, tau)
            signal = (_rate(tangent) / self.scale) ** 2
            sights.append(sight._replace(weight=signal / (signal + 1)))
        return self._replace(against=tuple(sights))

    def slant(self, tau: Float[np.ndarray, " T"]) -> "Slant":
        """Return what small changes of the lags `tau` do."""
        found = [self._tangent(sight, tau) for sight in self.against]
        distance = np.concatenate([one.distance for one in found], axis=1) / self.scale
        rate = np.concatenate([_rate(one) for one in found], axis=1) / self.scale
        known = np.isfinite(distance)
        # detectors and calibrations err by a constant, too
        steady = _median(distance)
        distance -= np.where(known.sum(axis=0) > _OFTEN, steady, 0.0)
        against = [_rate(one._replace(early=-one.early)) for one in found]
        noise = np.concatenate(against, axis=1) / self.scale
        rate *= _moves(rate**2 - noise**2, known)[:, None]
        return Slant(np.where(known, distance, 0.0), np.where(known, rate, 0.0))

    def _tangent(self, sight: Sight, tau: Float[np.ndarray, " T"]) -> lagged.Tangent:
        at = np.arange(len(tau)) + tau
        moving = sight.speed, self.speed
        return lagged.tangents(sight.straight, self.late, moving, sight.matrix, at)

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


class Slant(NamedTuple):
    """Distances of P points in every frame, and how a lag that differs a little changes them.

    Where nothing moves across the epipolar lines, all lags cost alike; distances themselves,
    compared at two lags, would differ by their noise.
    """

    distance: Float[np.ndarray, "T P"]  # in units of the noise; 0 where not known
    rate: Float[np.ndarray, "T P"]  # the same a frame; 0 where not known

    def nats(self, offset: Float[np.ndarray, "T L"]) -> Float[np.ndarray, "T L"]:
        """Return costs of lags that differ by `offset` frames."""
        return lagged.costs(self.distance, self.rate, offset, CAP)

    def moved(self, offset: Float[np.ndarray, " T"]) -> "Slant":
        """Return the same about lags that differ by `offset` frames."""
        return Slant(self.distance + self.rate * offset[:, None], self.rate)

    def told(self) -> Float[np.ndarray, " T"]:
        """Return the information on the lag, 1 over frames squared."""
        fair = self.distance**2 < CAP
        return np.asarray((fair * self.rate**2).sum(axis=1))

    def pull(self) -> Float[np.ndarray, " T"]:
        """Return minus the slope of the cost; its variance is `told` if errors are white."""
        fair = self.distance**2 < CAP
        return np.asarray(-(fair * self.rate * self.distance).sum(axis=1))

    def uneven(self, window: int) -> tuple[float, int]:
        """Return the largest distance of a window over the usual one, and its first frame."""
        off = np.where(self.distance != 0, np.abs(self.distance), np.nan)
        parts = np.array_split(np.arange(len(off)), max(1, len(off) // window))
        sizes = np.array(
            [
                float(np.nanmedian(off[part])) if np.isfinite(off[part]).sum() > _MANY else 0.0
                for part in parts
            ]
        )
        usual = float(np.median(sizes[sizes > 0])) if (sizes > 0).any() else 1.0
        return float(sizes.max()) / max(usual, 0.1), int(parts[int(sizes.argmax())][0])

    def misfit(self) -> float:
        """Return the nats by which blocks of frames would rather have lags of their own."""
        steps = np.linspace(-2.0, 2.0, 9)
        nats = self.nats(np.broadcast_to(steps, (len(self.rate), 9)))
        parts = np.add.reduceat(nats, np.arange(0, len(nats), _LASTING), axis=0)
        return float((parts[:, 4] - parts.min(axis=1)).sum())

    def excess(self) -> float:
        """Return by how much errors that last make costs too large; 1 where none do."""
        told, pull = blocks(self.told(), _LASTING), blocks(self.pull(), _LASTING)
        some = told > max(1e-12, 0.1 * float(told.mean()))
        if some.sum() < 5:
            return 1.0
        # 0.455 is the median of chi-square with one degree of freedom
        return max(1.0, float(np.median(pull[some] ** 2 / told[some])) / 0.455)


def windows(pair: Pair, tau: Float[np.ndarray, " T"], window: int) -> Local:
    """Return the lags that `tau` leaves, window by window: Gauss and Newton's steps."""
    parts = np.array_split(np.arange(len(tau)), max(1, len(tau) // window))
    left, told = np.zeros(len(parts)), np.zeros(len(parts))
    for _ in range(_STEPS):
        slant = pair.slant(tau + np.repeat(left, [len(part) for part in parts]))
        pull, info = slant.pull(), slant.told()
        told = np.array([info[part].sum() for part in parts])
        step = np.array([pull[part].sum() for part in parts]) / np.maximum(told, 1e-12)
        left = np.clip(left + np.clip(step, -1.0, 1.0), -_FAR, _FAR)
    time = np.array([(info[part] * part).sum() for part in parts]) / np.maximum(told, 1e-12)
    sure = told > _SURE
    return Local(time[sure], left[sure], 1 / told[sure])


def blocks(values: Float[np.ndarray, " T"], length: int) -> Float[np.ndarray, " B"]:
    """Return sums over blocks of frames."""
    return np.asarray(np.add.reduceat(values, np.arange(0, len(values), length)))


def mean(part: Agreement) -> Float[np.ndarray, " L"]:
    """Return the mean cost of a point at every lag, NaN where few points are compared."""
    weight = part.weight.sum(axis=0)
    return np.where(weight >= FEW, part.cost.sum(axis=0) / np.maximum(weight, 1), np.nan)


def _rate(tangent: lagged.Tangent) -> Float[np.ndarray, "T J"]:
    """Return the lesser of the rates that the views tell, 0 where their signs differ.

    A stray point makes one of them large only.
    """
    late, early = np.nan_to_num(tangent.late), np.nan_to_num(tangent.early)
    least = np.minimum(np.abs(late), np.abs(early))
    return np.where(late * early > 0, np.sign(late) * least, 0.0)


def _moves(square: Float[np.ndarray, "T P"], known: Bool[np.ndarray, "T P"]) -> np.ndarray:
    """Return 1 where the animal moves, 0 where rates are but noise, which all points tell.

    Args:
        square: the rates' squares, negative where views differ in the sign: noise is as often
            that as the other.
        known: which points there are.
    """
    fair = np.clip(np.where(known, square, 0.0), -_STRAY, _STRAY)
    total, count = _around(fair), _around(known * 1.0)
    noise = _STILL / np.sqrt(np.maximum(count, 1.0) / _NEAR)
    return np.clip(2 * total / np.maximum(count * noise, 1e-12) - 1, 0.0, 1.0)


def _around(values: Float[np.ndarray, "T P"]) -> Float[np.ndarray, " T"]:
    """Return sums over all points of the frames about each."""
    sums = np.r_[0.0, np.cumsum(values.sum(axis=1))]
    clock = np.arange(len(values))
    return np.asarray(
        sums[np.minimum(clock + _NEAR + 1, len(values))] - sums[np.maximum(clock - _NEAR, 0)]
    )


def _median(values: Float[np.ndarray, "T P"]) -> Float[np.ndarray, " P"]:
    """Return medians of columns, NaN left out; 0 of nothing."""
    ordered = np.sort(values, axis=0)  # NaN last
    count = np.isfinite(values).sum(axis=0)
    middle = ordered[np.maximum(count - 1, 0) // 2, np.arange(values.shape[1])]
    return np.where(count > 0, middle, 0.0)


_NEAR = 4  # frames to both sides that tell with one whether anything moves
_STRAY = 0.25  # of squared rates, at most, counts: few points that are wrong move nothing
_STILL = 0.04  # squared rates of some points by noise alone, in units of the noise's variance
_LASTING = 16  # frames, for which errors may last
_OFTEN = 50  # frames, from which on a constant error of a point is taken off
_MANY = 200  # points, from which on their distances have a size
_STEPS = 4  # of Gauss and Newton's method
_FAR = 3.0  # frames, beyond which a straight line says nothing
_SURE = 4.0  # 1 over frames squared: a window knows its lag to half a frame
