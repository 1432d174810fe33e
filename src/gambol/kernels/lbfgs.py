"""Minimum of a smooth convex function of many variables: L-BFGS with a given first curvature.

The first inverse Hessian is a function, so that it may project onto a subspace, too. Steps are
shortened until f falls by 1e-4 of what the slope promises, or, where that is less than rounding
lets see, until the slope has shrunk. Sums are numpy's own: no BLAS, the same bits for any
number of threads. Source: Nocedal and Wright (2006), 7.2 (two loops), 3.5 (line search);
Hager and Zhang (2005), SIAM J. Optim. 16:170 (the approximate test near the end).
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

ROUNDING = 1e-11  # of f; generous, for the slope decides where it matters


class Minimum(NamedTuple):
    """Where the search ended."""

    x: Float[np.ndarray, " N"]
    trace: Float[np.ndarray, " steps_and_1"]  # f at the start and after each step
    decrement: float  # gᵀB⁻¹g at x, about twice what is left to gain
    converged: bool


class Point(NamedTuple):
    """A function at one place."""

    x: Float[np.ndarray, " N"]
    value: float
    slope: Float[np.ndarray, " N"]


Evaluate = Callable[[Float[np.ndarray, " N"]], tuple[float, Float[np.ndarray, " N"]]]
Inverse = Callable[[Float[np.ndarray, " N"]], Float[np.ndarray, " N"]]


def minimise(
    evaluate: Evaluate,
    start: Float[np.ndarray, " N"],
    inverse: Inverse,
    *,
    memory: int = 20,
    enough: float = 1e-10,
    limit: int = 2000,
) -> Minimum:
    """Search the minimum of a convex function.

    Args:
        evaluate: x to f(x) and its gradient.
        start: where to begin.
        inverse: applies a first guess of the inverse Hessian; steps stay in its range.
        memory: pairs of steps that are remembered.
        enough: decrement at which to stop.
        limit: steps after which to stop.

    >>> bowl = lambda x: (float(((x - 1) ** 2).sum()), 2 * (x - 1))
    >>> minimise(bowl, np.zeros(2), lambda g: g).x.round(6).tolist()
    [1.0, 1.0]
    """
    here = Point(start, *evaluate(start))
    past: deque[tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"], float]] = deque(
        maxlen=memory
    )
    trace = [here.value]
    for _ in range(limit):
        step = -_twice(here.slope, past, inverse)
        decrement = -_dot(here.slope, step)
        if decrement < enough:
            return Minimum(here.x, np.array(trace), decrement, True)
        there = _along(evaluate, here, step)
        if there is None:
            break
        moved, turned = there.x - here.x, there.slope - here.slope
        if (bent := _dot(moved, turned)) > 0:
            past.append((moved, turned, 1 / bent))
        here = there
        trace.append(here.value)
    return Minimum(here.x, np.array(trace), decrement, False)


def _dot(a: Float[np.ndarray, " N"], b: Float[np.ndarray, " N"]) -> float:
    return float((a * b).sum())


def _twice(
    slope: Float[np.ndarray, " N"],
    past: deque[tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"], float]],
    inverse: Inverse,
) -> Float[np.ndarray, " N"]:
    """Apply the inverse Hessian that the past tells."""
    q, weights = slope, []
    for moved, turned, share in reversed(past):
        weights.append(share * _dot(moved, q))
        q = q - weights[-1] * turned
    q = inverse(q)
    if past:
        _, turned, share = past[-1]
        q = q / (share * _dot(turned, inverse(turned)))
    for (moved, turned, share), weight in zip(past, reversed(weights), strict=True):
        q = q + (weight - share * _dot(turned, q)) * moved
    return q


def _along(evaluate: Evaluate, here: Point, step: Float[np.ndarray, " N"]) -> Point | None:
    """Return a better point along a step, or None if there is none to be seen."""
    promised = _dot(here.slope, step)
    noise = ROUNDING * (1 + abs(here.value))
    size = 1.0
    for _ in range(40):
        x = here.x + size * step
        there = Point(x, *evaluate(x))
        gained = there.value - here.value
        if gained <= 1e-4 * size * promised:
            return there
        if gained <= noise and abs(_dot(there.slope, step)) <= 0.9 * abs(promised):
            return there
        best = -promised * size**2 / (2 * (gained - size * promised))  # of the parabola
        size = float(np.clip(best, 0.1 * size, size / 2)) if np.isfinite(best) else size / 10
    return None
