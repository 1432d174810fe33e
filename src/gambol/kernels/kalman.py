"""Constant-velocity Kalman filter of a point in the plane, at any times.

The state is (x, y, vx, vy); velocity does a random walk, so over a step of Δt seconds
    Q = q² [[Δt³/3, Δt²/2], [Δt²/2, Δt]] for each axis, q in length / s^1.5.
Where `memory` is finite (s), velocity forgets itself as exp(-Δt / memory), so that a step
longer than that is not extrapolated and a lost animal stops near where it was seen.
Frames that were dropped or hold no detection are long steps, not jumps. Updates are in Joseph
form, which keeps covariances positive. Read a recording from its end with `backward`.
Source: Bar-Shalom, Li and Kirubarajan (2001), Estimation, 5.2, 6.2 (constant velocity), 8.2
(exponential memory, there of the acceleration); Rauch, Tung and Striebel (1965).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float


class Beliefs(NamedTuple):
    """What is known of M points at one time."""

    mean: Float[np.ndarray, "M 4"]  # x, y, vx, vy; px, px/s
    cov: Float[np.ndarray, "M 4 4"]


class Dynamics(NamedTuple):
    """How velocity changes."""

    q: float  # strength of its random walk, px / s^1.5
    speed: float  # standard deviation when nothing is known, px/s per axis
    memory: float  # s; infinite: constant velocity but for the random walk


class Filtered(NamedTuple):
    """What the past (of `backward`: the future) and the present tell of each time."""

    mean: Float[np.ndarray, "T 4"]
    cov: Float[np.ndarray, "T 4 4"]
    log_likelihood: Float[np.ndarray, " T"]  # log p(position_t | before), nats; 0 if not seen
    surprise: Float[np.ndarray, " T"]  # Mahalanobis² of position_t before it was used; or NaN


def start(
    positions: Float[np.ndarray, "M 2"], covs: Float[np.ndarray, "M 2 2"], speed: float
) -> Beliefs:
    """Begin at positions, with velocities of mean 0 and standard deviation `speed`."""
    return Beliefs(*_start(positions, covs, float(speed)))


def predict(
    beliefs: Beliefs, seconds: Float[np.ndarray, " M"], q: float, memory: float = np.inf
) -> Beliefs:
    """Move every point on by its own `seconds`; two short steps equal one long.

    >>> still = start(np.zeros((1, 2)), np.eye(2)[None], speed=1.0)
    >>> predict(still, np.array([2.0]), q=0.0).cov[0, 0, 0].item()  # 1 + 2² · 1
    5.0
    """
    return Beliefs(*_predict(beliefs.mean, beliefs.cov, seconds, float(q), float(memory)))


def update(
    beliefs: Beliefs, positions: Float[np.ndarray, "M 2"], covs: Float[np.ndarray, "M 2 2"]
) -> Beliefs:
    """Learn a position of every point; NaN where it was not seen.

    Args:
        beliefs: predicted to the time of the positions.
        positions: px.
        covs: of the positions, px².
    """
    return Beliefs(*_update(beliefs.mean, beliefs.cov, positions, covs))


def filter(
    positions: Float[np.ndarray, "T 2"],
    times: Float[np.ndarray, " T"],
    covs: Float[np.ndarray, "T 2 2"],
    q: float,
    speed: float,
    memory: float = np.inf,
) -> Filtered:
    """Follow one point through time.

    Args:
        positions: px; NaN where it was not seen, which may not be the first.
        times: s, increasing.
        covs: of the positions, px².
        q: strength of the random walk of velocity, px / s^1.5.
        speed: standard deviation of the first velocity, px/s.
        memory: of velocity, s.

    >>> line = np.stack([np.arange(9.0), np.zeros(9)], axis=1)
    >>> seen = filter(line, np.arange(9.0), np.tile(0.01 * np.eye(2), (9, 1, 1)), 0.1, 10.0)
    >>> seen.mean[-1].round(2).tolist()
    [8.0, 0.0, 1.0, 0.0]
    """
    return Filtered(*_filter(positions, times, covs, float(q), float(speed), float(memory)))


def backward(
    positions: Float[np.ndarray, "T 2"],
    times: Float[np.ndarray, " T"],
    covs: Float[np.ndarray, "T 2 2"],
    q: float,
    speed: float,
    memory: float = np.inf,
) -> Filtered:
    """Follow one point from the last time to the first.

    Rows stay in the order of `times`; velocities still point forward in time. To say where it
    was before the first row, `predict` from there by negative seconds.
    """
    turned = positions[::-1], -times[::-1], covs[::-1]
    seen = _filter(*turned, float(q), float(speed), float(memory))
    mean, cov, log_likelihood, surprise = (part[::-1].copy() for part in seen)
    turn = np.array([1.0, 1.0, -1.0, -1.0])
    return Filtered(mean * turn, cov * np.outer(turn, turn), log_likelihood, surprise)


def smooth(
    positions: Float[np.ndarray, "T 2"],
    times: Float[np.ndarray, " T"],
    covs: Float[np.ndarray, "T 2 2"],
    q: float,
    speed: float,
    memory: float = np.inf,
) -> Beliefs:
    """Tell every time from the past and the future together (Rauch, Tung and Striebel)."""
    seen = filter(positions, times, covs, q, speed, memory)
    return Beliefs(*_smooth(seen.mean, seen.cov, times, float(q), float(memory)))


def wander(seconds: Float[np.ndarray, " M"], dynamics: Dynamics) -> Float[np.ndarray, " M"]:
    """Variance, px² per axis, of where a point is after a time if its velocity was unknown.

    >>> wander(np.array([2.0]), Dynamics(q=0.0, speed=3.0, memory=np.inf)).tolist()
    [36.0]
    """
    return _wander(seconds, float(dynamics.speed), float(dynamics.memory))


def fit(recordings: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Dynamics:
    """Find the dynamics under which the positions of all recordings are most likely.

    Velocity is taken to be stationary and to explain the mean square step, which leaves one
    number, the memory. Its likelihood is maximised by golden section, which ends where
    expectation-maximisation would, and sooner.

    Args:
        recordings: positions (T, 2), times (T,) and covariances (T, 2, 2) of points, all seen.
    """
    dt = np.concatenate([np.diff(times) for _, times, _ in recordings])
    moved = np.concatenate([(np.diff(xy, axis=0) ** 2).sum(axis=1) for xy, _, _ in recordings])
    noise = np.concatenate([np.trace(c, axis1=1, axis2=2)[1:] for _, _, c in recordings])
    usual, square = float(np.median(dt)), float(moved.sum())
    square = max(square - 2 * float(noise.sum()), 0.1 * square, 1e-12)  # two noisy ends

    def dynamics(log_memory: float) -> Dynamics:
        return _stationary(square, dt, usual * float(np.exp(log_memory)))

    def misfit(log_memory: float) -> float:
        return -sum(_filter(*part, *dynamics(log_memory))[2].sum() for part in recordings)

    return dynamics(_golden(misfit, np.log(0.05), np.log(2000.0), 0.02))


def _stationary(square: float, dt: Float[np.ndarray, " S"], memory: float) -> Dynamics:
    """Dynamics of this memory whose squared steps, both axes, have the sum `square`."""
    unit = wander(dt, Dynamics(0.0, 1.0, memory))
    speed = float(np.sqrt(square / (2 * unit.sum())))
    return Dynamics(speed * float(np.sqrt(2 / memory)), speed, memory)


def _golden(f: Callable[[float], float], low: float, high: float, width: float) -> float:
    """Return where f is least, to `width`, by golden section."""
    ratio = (np.sqrt(5.0) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = f(left), f(right)
    while high - low > width:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = f(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = f(right)
    return float(low + high) / 2


@numba.njit(cache=True, nogil=True)
@no_type_check
def _wander(seconds, speed, memory):
    variance = np.empty(len(seconds))
    for i in range(len(seconds)):
        far = abs(seconds[i])
        x = far / memory
        way = far * far if x < 1e-4 else 2 * memory * memory * (x + np.expm1(-x))
        variance[i] = speed * speed * way
    return variance


@numba.njit(cache=True, nogil=True)
@no_type_check
def _start(positions, covs, speed):
    n = len(positions)
    mean, cov = np.zeros((n, 4)), np.zeros((n, 4, 4))
    for i in range(n):
        mean[i, :2] = positions[i]
        cov[i, :2, :2] = covs[i]
        cov[i, 2, 2] = cov[i, 3, 3] = speed * speed
    return mean, cov


@numba.njit(cache=True, nogil=True)
@no_type_check
def _step(dt, q, memory):
    """How far and how much velocity carries, and the variances that a step adds."""
    far, sign = abs(dt), (1.0 if dt >= 0 else -1.0)
    if far < 1e-4 * memory:
        return dt, 1.0, q * q * far**3 / 3, sign * q * q * far * far / 2, q * q * far
    keep = np.exp(-far / memory)
    reach = memory * (1 - keep)
    xx = q * q * memory**2 * (far - 2 * reach + memory * (1 - keep * keep) / 2)
    vv = q * q * memory * (1 - keep * keep) / 2
    return sign * reach, keep, xx, sign * q * q * reach * reach / 2, vv


@numba.njit(cache=True, nogil=True)
@no_type_check
def _predict(mean, cov, seconds, q, memory):
    """F P Fᵀ + Q, in blocks of position and velocity; negative seconds look back."""
    mean, cov = mean.copy(), cov.copy()
    for i in range(len(mean)):
        p = cov[i]
        reach, keep, xx, xv, vv = _step(seconds[i], q, memory)
        for a in range(2):
            mean[i, a] += reach * mean[i, a + 2]
            mean[i, a + 2] *= keep
            for b in range(2):
                p[a, b] += reach * (p[a, b + 2] + p[a + 2, b] + reach * p[a + 2, b + 2])
        for a in range(2):
            for b in range(2):
                p[a, b + 2] = keep * (p[a, b + 2] + reach * p[a + 2, b + 2])
                p[b + 2, a] = p[a, b + 2]
        p[2:, 2:] *= keep * keep
        for a in range(2):
            p[a, a] += xx
            p[a, a + 2] += xv
            p[a + 2, a] += xv
            p[a + 2, a + 2] += vv
    return mean, cov


@numba.njit(cache=True, nogil=True)
@no_type_check
def _update(mean, cov, positions, covs):
    mean, cov = mean.copy(), cov.copy()
    gain, rest = np.empty((4, 2)), np.empty((4, 4))
    for i in range(len(mean)):
        z, r, p = positions[i], covs[i], cov[i]
        if not (np.isfinite(z[0]) and np.isfinite(z[1])):
            continue
        a, b, d = p[0, 0] + r[0, 0], p[0, 1] + r[0, 1], p[1, 1] + r[1, 1]
        det = a * d - b * b
        for k in range(4):
            gain[k, 0] = (p[k, 0] * d - p[k, 1] * b) / det
            gain[k, 1] = (p[k, 1] * a - p[k, 0] * b) / det
        dx, dy = z[0] - mean[i, 0], z[1] - mean[i, 1]
        for k in range(4):
            mean[i, k] += gain[k, 0] * dx + gain[k, 1] * dy
            for m in range(4):
                rest[k, m] = (1.0 if k == m else 0.0) - (gain[k, m] if m < 2 else 0.0)
        cov[i] = rest @ p @ rest.T + gain @ np.ascontiguousarray(r) @ gain.T
    return mean, cov


@numba.njit(cache=True, nogil=True)
@no_type_check
def _filter(positions, times, covs, q, speed, memory):
    n = len(positions)
    means, spreads = np.empty((n, 4)), np.empty((n, 4, 4))
    log_likelihood, surprise = np.zeros(n), np.full(n, np.nan)
    mean, cov = _start(positions[:1], covs[:1], speed)
    for t in range(n):
        if t > 0:
            mean, cov = _predict(mean, cov, times[t : t + 1] - times[t - 1 : t], q, memory)
            z, p = positions[t], cov[0]
            if np.isfinite(z[0]) and np.isfinite(z[1]):
                s = p[:2, :2] + covs[t]
                det = s[0, 0] * s[1, 1] - s[0, 1] * s[1, 0]
                x, y = z[0] - mean[0, 0], z[1] - mean[0, 1]
                m2 = (s[1, 1] * x * x - 2 * s[0, 1] * x * y + s[0, 0] * y * y) / det
                surprise[t] = m2
                log_likelihood[t] = -0.5 * (m2 + np.log(det)) - np.log(2 * np.pi)
            mean, cov = _update(mean, cov, positions[t : t + 1], covs[t : t + 1])
        means[t], spreads[t] = mean[0], cov[0]
    return means, spreads, log_likelihood, surprise


@numba.njit(cache=True, nogil=True)
@no_type_check
def _smooth(mean, cov, times, q, memory):
    mean, cov = mean.copy(), cov.copy()
    step = np.eye(4)
    for t in range(len(mean) - 2, -1, -1):
        dt = times[t + 1 : t + 2] - times[t : t + 1]
        ahead, spread = _predict(mean[t : t + 1], cov[t : t + 1], dt, q, memory)
        reach, keep, _, _, _ = _step(dt[0], q, memory)
        step[0, 2] = step[1, 3] = reach
        step[2, 2] = step[3, 3] = keep
        back = np.linalg.solve(spread[0], step @ cov[t]).T
        mean[t] += back @ (mean[t + 1] - ahead[0])
        cov[t] += back @ (cov[t + 1] - spread[0]) @ back.T
    return mean, cov
