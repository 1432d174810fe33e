"""Downhill to the most probable positions, in chains of frames that a random walk joins.

Minimised is, for each of M chains by itself,
    E(x) = Σ_t e_t(x_t) + ½ Σ_t (x_{t+1} - x_t)ᵀ diag(link_t) (x_{t+1} - x_t),
by steps of a block-tridiagonal positive definite matrix (`kernels.band`). Linearised at the
present trajectory and undamped this is the iterated extended Kalman smoother. A step after
which E is not lower is taken back and the frames that rose are damped, they alone, so that one
bad frame of a long recording does not slow the others: E never rises. When few frames still
move, they are solved between neighbours that stand still, and then all once more.
Source: Bell (1994), The iterated Kalman smoother as a Gauss-Newton method; Levenberg (1944).
"""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.kernels import band

FIRST, MOST = 0.01, 1e8  # damping of a frame, in units of its mean curvature
UP, DOWN = 10.0, 0.2
ROUNDING = 1e-12  # of a frame's mean curvature, always added
ROUNDS = 100
BRIEF = 6  # rounds of all frames, before those that still move are looked for
AROUND = 20  # frames beside one that moves
FEW = 0.5  # share of frames, above which it is not worth solving them apart


class Slope(NamedTuple):
    """What a frame's own energy does around x, for M chains of T frames."""

    energy: Float[np.ndarray, "M T"]  # e_t
    gradient: Float[np.ndarray, "M T B"]
    curvature: Float[np.ndarray, "M T B B"]  # positive semidefinite, for steps


@runtime_checkable
class Field(Protocol):
    """The frames' own energies."""

    def look(self, x: Float[np.ndarray, "M T B"], chains: Int[np.ndarray, " M"]) -> Slope:
        """Return the energies of these chains around x."""
        ...

    def of(self, frames: Int[np.ndarray, " F"]) -> "Field":
        """Return the energies of some frames only."""
        ...


class Found(NamedTuple):
    """Where the descent ended."""

    x: Float[np.ndarray, "M T B"]
    energy: Float[np.ndarray, " M"]
    rounds: int
    settled: Bool[np.ndarray, " M"]  # steps had become shorter than the tolerance
    moving: Bool[np.ndarray, "M T"]  # frames whose last step was not


class Pulled(NamedTuple):
    """Frames that are pulled to places which stand still, by ½ pull (x - place)²."""

    field: Field
    pull: Float[np.ndarray, "M F B"]  # precision
    weighted: Float[np.ndarray, "M F B"]  # precision times place
    constant: Float[np.ndarray, "M F"]  # sum of ½ precision times place²

    def look(self, x: Float[np.ndarray, "M F B"], chains: Int[np.ndarray, " M"]) -> Slope:
        """Return the energies of these chains around x."""
        own = self.field.look(x, chains)
        pull, weighted = self.pull[chains], self.weighted[chains]
        energy = ((pull * x / 2 - weighted) * x).sum(-1) + self.constant[chains]
        np.einsum("mtbb->mtb", own.curvature)[:] += pull
        return Slope(own.energy + energy, own.gradient + pull * x - weighted, own.curvature)

    def of(self, frames: Int[np.ndarray, " F"]) -> "Pulled":
        """Return the energies of some frames only."""
        return Pulled(
            self.field.of(frames),
            self.pull[:, frames],
            self.weighted[:, frames],
            self.constant[:, frames],
        )


def descend(
    field: Field,
    link: Float[np.ndarray, "M G B"],
    x: Float[np.ndarray, "M T B"],
    tolerance: float,
    rounds: int = ROUNDS,
) -> Found:
    """Return where E is least, near x.

    Args:
        field: energies of frames.
        link: precision of steps; 0: none.
        x: start, finite.
        tolerance: of the longest step, in units of x.
        rounds: at most so many steps.
    """
    found = _all(field, link, x, tolerance, min(rounds, BRIEF))
    done = found.rounds
    while done < rounds and not found.settled.all():
        frames = _around(np.asarray(found.moving.any(0)))
        if len(frames) <= FEW * x.shape[1]:
            apart = _apart(field, link, found.x, frames, tolerance, rounds - done)
            found.x[:, frames], done = apart.x, done + apart.rounds
        found = _all(field, link, found.x, tolerance, max(min(rounds - done, BRIEF), 1))
        done += found.rounds
    return found._replace(rounds=done)


def _around(moving: Bool[np.ndarray, " T"]) -> Int[np.ndarray, " F"]:
    """Indices of moving frames and of those beside them."""
    wide = np.convolve(moving, np.ones(2 * AROUND + 1), "same")[: len(moving)]
    return np.flatnonzero(wide > 0)


def _apart(
    field: Field,
    link: Float[np.ndarray, "M G B"],
    x: Float[np.ndarray, "M T B"],
    frames: Int[np.ndarray, " F"],
    tolerance: float,
    rounds: int,
) -> Found:
    """Descend in some frames, the others standing still."""
    inside = np.zeros(x.shape[1], bool)
    inside[frames] = True
    pull, weighted = np.zeros_like(x), np.zeros_like(x)
    constant = np.zeros(x.shape[:2])
    for here, there in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
        edge = link * (~inside[there])[None, :, None]
        pull[:, here] += edge
        weighted[:, here] += edge * x[:, there]
        constant[:, here] += (edge * x[:, there] ** 2).sum(-1) / 2
    between = Pulled(
        field.of(frames), pull[:, frames], weighted[:, frames], constant[:, frames]
    )
    joined = np.diff(frames) == 1
    inner = np.where(joined[None, :, None], link[:, frames[:-1]], 0.0)
    return _all(between, inner, x[:, frames], tolerance, rounds)


def _all(
    field: Field,
    link: Float[np.ndarray, "M G B"],
    x: Float[np.ndarray, "M T B"],
    tolerance: float,
    rounds: int,
) -> Found:
    """Descend in all frames."""
    x = x.copy()
    active = np.arange(len(x))
    here = field.look(x, active)
    energy, local = _total(here.energy, link, x)
    damping = np.zeros(x.shape[:2])
    settled, moving = np.zeros(len(x), bool), np.zeros(x.shape[:2], bool)
    done = 0
    while len(active) and done < rounds:
        done += 1
        step = _step(here, link[active], x[active], damping[active])
        tried = x[active] + step
        there = field.look(tried, active)
        new, new_local = _total(there.energy, link[active], tried)
        size = np.abs(step).max(2)
        moving[active] = size >= tolerance
        short = ~moving[active].any(1)
        better = new <= energy[active]
        x[active[better]], energy[active[better]] = tried[better], new[better]
        damping[active] = damped(damping[active], better, new_local > local, size)
        here = Slope(*(_chosen(better, a, b) for a, b in zip(there, here, strict=True)))
        local = _chosen(better, new_local, local)
        over = short | (damping[active].max(1) > MOST)
        settled[active[short]] = True
        moving[active[over]] = False
        active, local = active[~over], local[~over]
        if over.any():
            here = Slope(*(part[~over] for part in here))
    return Found(x, energy, done, settled, moving)


def information(
    curvature: Float[np.ndarray, "M T B B"], link: Float[np.ndarray, "M G B"]
) -> Float[np.ndarray, "M T B B"]:
    """Add the curvature of the links to the frames' own."""
    out = np.array(curvature)
    diagonal = np.einsum("mtbb->mtb", out)  # a view
    diagonal[:, :-1] += link
    diagonal[:, 1:] += link
    return out


def covariances(
    observed: Float[np.ndarray, "M T B B"], link: Float[np.ndarray, "M G B"]
) -> tuple[Float[np.ndarray, "M T B B"], Bool[np.ndarray, " M"]]:
    """Return the blocks of the inverse of the observed information, and where it was one.

    Where a chain's information is not positive definite x is no mode; then directions in which
    a frame's own curvature is negative are taken to be flat.
    """
    out, proper = np.empty_like(observed), np.ones(len(observed), bool)
    for m in range(len(observed)):
        part, joined = observed[m : m + 1], link[m]
        try:
            factored = band.factor(information(part, link[m : m + 1])[0], joined)
        except np.linalg.LinAlgError:
            proper[m] = False
            values, axes = np.linalg.eigh(part[0])
            flat = (axes * np.maximum(values, 0)[:, None, :]) @ axes.transpose(0, 2, 1)
            flat += ROUNDING * values[:, -1, None, None] * np.eye(part.shape[-1])
            factored = band.factor(information(flat[None], link[m : m + 1])[0], joined)
        out[m] = band.covariances(factored)
    return out, proper


def _step(
    here: Slope,
    link: Float[np.ndarray, "M G B"],
    x: Float[np.ndarray, "M T B"],
    damping: Float[np.ndarray, "M T"],
) -> Float[np.ndarray, "M T B"]:
    """A step towards the minimum; where rounding leaves no positive matrix, a damped one."""
    pulled = link * np.diff(x, axis=1)
    right = -here.gradient
    right[:, :-1] += pulled
    right[:, 1:] -= pulled
    while True:
        matrix = information(here.curvature, link)
        diagonal = np.einsum("mtbb->mtb", matrix)
        diagonal += ((damping + ROUNDING) * diagonal.mean(-1))[..., None]
        try:
            return band.solve_many(band.factor_many(matrix, link), right)
        except np.linalg.LinAlgError:
            if damping.max() > MOST:
                raise
            damping = np.maximum(damping * UP, FIRST)


def _total(
    energy: Float[np.ndarray, "M T"],
    link: Float[np.ndarray, "M G B"],
    x: Float[np.ndarray, "M T B"],
) -> tuple[Float[np.ndarray, " M"], Float[np.ndarray, "M T"]]:
    """Energies of chains, and of frames with half of each link beside them."""
    half = (link * np.diff(x, axis=1) ** 2).sum(-1) / 4
    local = energy.copy()
    local[:, :-1] += half
    local[:, 1:] += half
    return local.sum(1), local


def damped(
    damping: Float[np.ndarray, "M T"],
    better: Bool[np.ndarray, " M"],
    rose: Bool[np.ndarray, "M T"],
    size: Float[np.ndarray, "M T"],
) -> Float[np.ndarray, "M T"]:
    """Damp less after a step down; else more where energy rose, beside, or steps were long."""
    less = np.where(damping < FIRST / 2, 0.0, damping * DOWN)
    guilty = rose | (size > size.max(1, keepdims=True) / 2)
    guilty[:, 1:] |= rose[:, :-1]
    guilty[:, :-1] |= rose[:, 1:]
    more = np.where(guilty, np.maximum(damping * UP, FIRST), damping)
    return np.where(better[:, None], less, more)


def _chosen(better: Bool[np.ndarray, " M"], new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Rows of the new where it is better."""
    if better.all():
        return new
    return np.where(better.reshape(-1, *(1,) * (new.ndim - 1)), new, old)
