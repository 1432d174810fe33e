"""Steps that leave a density unchanged, around a normal approximation N(μ, Σ) of it.

With target π(x) ∝ exp(φ(x)) N(x; μ, Σ), φ is what the approximation misses, and
  `elliptical`   draws a level below φ(x), then a point of the ellipse through x - μ and a draw
                 ν ~ N(0, Σ), in a bracket of angles that shrinks until φ exceeds the level. It
                 always moves, and has nothing to tune;
  `metropolis`   proposes μ + ν and accepts it with probability min(1, exp[φ(μ + ν) - φ(x)]);
  `radial`       draws the distance from μ along the ray through x, of which the density of D
                 variables is π(μ + r(x - μ)) r^(D-1), by a slice.
All are exact for any μ and Σ that do not depend on x. Where tails of π are heavier than those
of the normal, a chain that begins far from μ has so large a φ that the first two hardly ever
move it; a few radial steps bring it to where most of π is, and so they should go before.
Source: Murray, Adams and MacKay (2010), AISTATS 9:541 (elliptical slice sampling); Neal (2003),
Ann. Statist. 31:705 (shrinkage); Tierney (1994), Ann. Statist. 22:1701 (independence sampler);
Liu and Sabatti (2000), Biometrika 87:353 (moves along a group of scales).
"""

from collections.abc import Callable
from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float

MOST = 62  # evaluations in a bracket, after which its width is 1e-13 of what it was, or less
REPEATS = 3  # radial steps before another; each cuts a far too large distance by e or so
FARTHEST = 1e15  # times as far as x; for a chain that begins at μ


class Moved(NamedTuple):
    """Where a step ended."""

    x: Float[np.ndarray, "..."]
    evaluations: int  # of φ at new points
    accepted: bool  # False: x is where it was


def elliptical(
    rng: np.random.Generator,
    x: Float[np.ndarray, "*shape"],
    centre: Float[np.ndarray, "*shape"],
    noise: Float[np.ndarray, "*shape"],
    excess: Callable[[Float[np.ndarray, "*shape"]], float],
) -> Moved:
    """Take one elliptical slice step.

    Args:
        rng: of the level and of the angles.
        x: where the chain is.
        centre: μ.
        noise: ν, a draw from N(0, Σ).
        excess: φ, the log target less the log of N(μ, Σ), up to a constant.

    >>> rng = np.random.default_rng(0)
    >>> flat = lambda x: 0.0  # the target is the normal: the first angle is taken
    >>> elliptical(rng, np.zeros(2), np.zeros(2), rng.standard_normal(2), flat).evaluations
    1
    """
    level = excess(x) + np.log1p(-rng.random())
    angle, low, high = first(rng.random())
    for n in range(MOST):
        there = centre + (x - centre) * np.cos(angle) + noise * np.sin(angle)
        if excess(there) > level:
            return Moved(there, n + 1, True)
        angle, low, high = shrink(angle, low, high, rng.random())
    return Moved(x, MOST, False)


def metropolis(
    rng: np.random.Generator,
    x: Float[np.ndarray, "*shape"],
    centre: Float[np.ndarray, "*shape"],
    noise: Float[np.ndarray, "*shape"],
    excess: Callable[[Float[np.ndarray, "*shape"]], float],
) -> Moved:
    """Take one Metropolis-Hastings step that proposes μ + ν; arguments as `elliptical`."""
    there = centre + noise
    if excess(there) > excess(x) + np.log1p(-rng.random()):
        return Moved(there, 1, True)
    return Moved(x, 1, False)


def radial(
    rng: np.random.Generator,
    x: Float[np.ndarray, "*shape"],
    centre: Float[np.ndarray, "*shape"],
    dimension: int,
    log_density: Callable[[Float[np.ndarray, "*shape"]], float],
) -> Moved:
    """Take one slice step of the distance from μ.

    Args:
        rng: of the level and of the distances.
        x: where the chain is.
        centre: μ.
        dimension: D, in which x may move.
        log_density: log π, concave, up to a constant.
    """
    away, power = x - centre, dimension - 1
    level = log_density(x) + np.log1p(-rng.random())
    high = 1.0  # how much farther than x; the bracket [-1, high] holds the whole slice
    evaluations = 1
    while log_density(x + high * away) + power * np.log1p(high) > level and high < FARTHEST:
        high = 2 * high + 1
        evaluations += 1
    low, more = -1.0, -1.0 + (1 + high) * rng.random()
    for n in range(MOST):
        there = x + more * away
        if more > -1 and log_density(there) + power * np.log1p(more) > level:
            return Moved(there, evaluations + n + 1, True)
        more, low, high = shrink(more, low, high, rng.random())
    return Moved(x, evaluations + MOST, False)


@numba.njit(cache=True, nogil=True)
@no_type_check
def first(uniform):
    """Return the first angle and the bracket [angle - 2π, angle], from a number in [0, 1)."""
    angle = 2 * np.pi * uniform
    return angle, angle - 2 * np.pi, angle


@numba.njit(cache=True, nogil=True)
@no_type_check
def shrink(refused, low, high, uniform):
    """Return the next value to try and its bracket, in which 0 stays."""
    if refused < 0:
        low = refused
    else:
        high = refused
    return low + (high - low) * uniform, low, high
