"""Positions that keep their velocity: an integrated Wiener process in time, solved exactly.

Between frames Δt apart the velocity v takes random steps of variance η²Δt on each axis and the
position x follows it, so that with z = (x, v), F = [[1, Δt], [0, 1]] and any Δt
    z_{t+1} ~ N(F z_t, η² S),  S = [[Δt³/3, Δt²/2], [Δt²/2, Δt]];
a frame that was dropped is the same as one that nobody saw. What `descent` minimises for a
random walk is minimised here over positions and velocities together, by steps of a matrix of
2 x 2 diagonal blocks beside its diagonal (`kernels.band`): still O(T). Velocities are counted
in units a usual frame, so that all numbers are of one size.
Source: Wahba (1978), J. R. Statist. Soc. B 40:364 (the same as a cubic smoothing spline);
Bell (1994) and Levenberg (1944) for the steps.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from gambol.kernels import band
from gambol.multiview.descent import FIRST, MOST, ROUNDING, UP, Field, Slope, damped


class Links(NamedTuple):
    """What joins the frames of M chains of n coordinates."""

    gap: Float[np.ndarray, " G"]  # Δt in usual frames; G = T - 1
    firm: Float[np.ndarray, "M n"]  # 1/η², with velocities in units a usual frame
    weak: float  # precision of a velocity of which nothing is known
    frame: float  # seconds of a usual frame


class Glided(NamedTuple):
    """Where the descent ended."""

    x: Float[np.ndarray, "M T n"]
    velocity: Float[np.ndarray, "M T n"]  # units of x a second
    energy: Float[np.ndarray, " M"]
    settled: Bool[np.ndarray, " M"]  # steps had become shorter than the tolerance
    rounds: int


class Spread(NamedTuple):
    """How sure positions are."""

    covariance: Float[np.ndarray, "M T n n"]
    log_determinant: Float[np.ndarray, " M"]  # of the observed information
    proper: Bool[np.ndarray, " M"]  # it was positive definite


class _State(NamedTuple):
    """Energies around z = (x, v), B = 2n."""

    z: Float[np.ndarray, "M T B"]
    total: Float[np.ndarray, " M"]
    local: Float[np.ndarray, "M T"]  # of frames, with half of each link beside them
    slope: Float[np.ndarray, "M T B"]
    own: Float[np.ndarray, "M T n n"]  # curvature of the frames' own energies


def links(
    times: Float[np.ndarray, " T"], eta2: Float[np.ndarray, "M n"], extent: float
) -> Links:
    """Return what joins frames at these times.

    Args:
        times: seconds, increasing.
        eta2: η², squared units of x per cubed second.
        extent: units of x that nothing moves in a usual frame.
    """
    seconds = np.maximum(np.diff(times), 1e-9)
    frame = float(np.median(seconds)) if len(seconds) else 1.0
    return Links(seconds / frame, 1 / (eta2 * frame**3), 1 / extent**2, frame)


def descend(
    field: Field,
    joined: Links,
    x: Float[np.ndarray, "M T n"],
    tolerance: float,
    rounds: int,
) -> Glided:
    """Return where the energy is least, near x.

    A step after which a chain's energy is not lower is taken back, and the frames that rose are
    damped.

    Args:
        field: energies of frames given positions.
        joined: the links.
        x: start, finite.
        tolerance: of the longest step of a position, in units of x.
        rounds: at most so many steps.
    """
    n, chains = x.shape[2], np.arange(len(x))
    at = _look(field, joined, np.concatenate([x, _slopes(x, joined.gap)], axis=-1), chains)
    z, energy = at.z.copy(), at.total.copy()
    damping, settled = np.zeros(x.shape[:2]), np.zeros(len(x), bool)
    done = 0
    while len(chains) and done < rounds:
        done += 1
        step = _step(joined, at, damping[chains], chains)
        there = _look(field, joined, at.z + step, chains)
        better = there.total <= at.total
        size = np.abs(step[..., :n]).max(-1)
        short = (size < tolerance).all(-1)
        damping[chains] = damped(damping[chains], better, there.local > at.local, size)
        at = _State(*(_rows(better, new, old) for new, old in zip(there, at, strict=True)))
        z[chains], energy[chains] = at.z, at.total
        settled[chains[short]] = True
        over = short | (damping[chains].max(-1) > MOST)
        chains, at = chains[~over], _State(*(part[~over] for part in at))
    return Glided(z[..., :n], z[..., n:] / joined.frame, energy, settled, done)


def spread(observed: Float[np.ndarray, "M T n n"], joined: Links) -> Spread:
    """Return covariances from the observed information of the frames themselves.

    Where a chain's information is not positive definite x is no mode; then directions in which
    a frame's own curvature is negative are taken to be flat.
    """
    out, size = np.empty_like(observed), observed.shape[2]
    log, proper = np.empty(len(observed)), np.ones(len(observed), bool)
    for m in range(len(observed)):
        one = np.array([m])
        chain = _between(joined, one)[0]
        matrix = _information(observed[one], joined, one)[0]
        try:
            factored = band.factor(matrix, chain)
        except np.linalg.LinAlgError:
            proper[m] = False
            values, axes = np.linalg.eigh(observed[m])
            flat = (axes * np.maximum(values, 0)[:, None, :]) @ axes.transpose(0, 2, 1)
            factored = _rounded(_information(flat[None], joined, one)[0], chain)
        log[m] = band.log_determinant(factored)
        out[m] = band.covariances(factored)[:, :size, :size]
    return Spread(out, log, proper)


def _rounded(
    matrix: Float[np.ndarray, "T B B"], chain: Float[np.ndarray, "G 2 2 n"]
) -> band.Factor:
    """Factor what is positive semidefinite but for rounding."""
    extra = ROUNDING
    diagonal = np.einsum("tbb->tb", matrix)
    while True:
        diagonal *= 1 + extra
        try:
            return band.factor(matrix, chain)
        except np.linalg.LinAlgError:
            if extra > FIRST:
                raise
            extra *= UP


def _look(
    field: Field, joined: Links, z: Float[np.ndarray, "M T B"], chains: np.ndarray
) -> _State:
    """Energies around z of some chains."""
    n = z.shape[2] // 2
    x, v = z[..., :n], z[..., n:]
    own: Slope = field.look(np.ascontiguousarray(x), chains)
    local = own.energy + joined.weak * (v**2).sum(-1) / 2
    slope = np.concatenate([own.gradient, joined.weak * v], axis=-1)
    gap, firm = joined.gap[:, None], joined.firm[chains][:, None]
    # a step is off by e = z' - F z; S⁻¹ = [[12/Δ³, -6/Δ²], [-6/Δ², 4/Δ]]
    off, change = np.diff(x, axis=1) - gap * v[:, :-1], np.diff(v, axis=1)
    pull = firm * (12 / gap**3 * off - 6 / gap**2 * change)
    turn = firm * (4 / gap * change - 6 / gap**2 * off)
    half = (pull * off + turn * change).sum(-1) / 4
    local[:, :-1] += half
    local[:, 1:] += half
    slope[:, 1:] += np.concatenate([pull, turn], axis=-1)
    slope[:, :-1] -= np.concatenate([pull, gap * pull + turn], axis=-1)
    return _State(z, local.sum(1), local, slope, own.curvature)


def _step(
    joined: Links, at: _State, damping: Float[np.ndarray, "M T"], chains: np.ndarray
) -> Float[np.ndarray, "M T B"]:
    """A step towards the minimum; where rounding leaves no positive matrix, a damped one."""
    between = _between(joined, chains)
    while True:
        matrix = _information(at.own, joined, chains)
        diagonal = np.einsum("mtbb->mtb", matrix)
        diagonal *= 1 + (damping + ROUNDING)[..., None]
        try:
            return band.solve_many(band.factor_many(matrix, between), -at.slope)
        except np.linalg.LinAlgError:
            if damping.max() > MOST:
                raise
            damping = np.maximum(damping * UP, FIRST)


def _between(joined: Links, chains: np.ndarray) -> Float[np.ndarray, "M G 2 2 n"]:
    """Minus the blocks beside the diagonal: Fᵀ S⁻¹ / η²."""
    d = joined.gap
    part = np.array([[12 / d**3, -6 / d**2], [6 / d**2, -2 / d]]).transpose(2, 0, 1)
    return part[None, ..., None] * joined.firm[chains][:, None, None, None]


def _information(
    own: Float[np.ndarray, "M T n n"], joined: Links, chains: np.ndarray
) -> Float[np.ndarray, "M T B B"]:
    """Blocks on the diagonal: the frames' own, Fᵀ S⁻¹ F / η² and S⁻¹ / η²."""
    count, frames, n = own.shape[:3]
    d, firm = joined.gap, joined.firm[chains][:, None]
    out = np.zeros((count, frames, 2, n, 2, n))
    out[:, :, 0, :, 0] = own
    apart = np.einsum("mtaibi->mtabi", out)  # a view
    apart[:, :, 1, 1] += joined.weak
    for frames_of, sign in ((slice(None, -1), 1.0), (slice(1, None), -1.0)):
        apart[:, frames_of, 0, 0] += firm * (12 / d**3)[:, None]
        apart[:, frames_of, 0, 1] += firm * (sign * 6 / d**2)[:, None]
        apart[:, frames_of, 1, 0] += firm * (sign * 6 / d**2)[:, None]
        apart[:, frames_of, 1, 1] += firm * (4 / d)[:, None]
    return out.reshape(count, frames, 2 * n, 2 * n)


def _slopes(
    x: Float[np.ndarray, "M T n"], gap: Float[np.ndarray, " G"]
) -> Float[np.ndarray, "M T n"]:
    """Velocities to begin with: of the steps beside a frame."""
    out = np.zeros_like(x)
    if len(gap):
        step = np.diff(x, axis=1) / gap[:, None]
        out[:, :-1] += step
        out[:, 1:] += step
        out[:, 1:-1] /= 2
    return out


def _rows(better: Bool[np.ndarray, " M"], new: np.ndarray, old: np.ndarray) -> np.ndarray:
    return np.where(better.reshape(-1, *(1,) * (new.ndim - 1)), new, old)
