"""Whether a fit can be trusted: has it settled, and do fits with other seeds agree?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.behavior.gibbs import BLOCKS

LAST = 20  # sweeps that a plateau is judged by
SPREAD = 2.0  # standard errors that the slope there may differ from 0
USED = 0.02  # usage from which a state counts as one


class Plateau(NamedTuple):
    """The straight line through the last log probabilities."""

    slope: float  # nats a sweep
    error: float  # its standard error
    reached: bool  # whether it may be 0


def plateau(log_probability: Float[np.ndarray, " I"], last: int = LAST) -> Plateau:
    """Judge the last sweeps; fewer than 4 of them say nothing, so nothing is reached.

    >>> plateau(np.arange(30.0)).reached
    False
    """
    y = log_probability[-last:]
    if len(y) < 4:
        return Plateau(float("nan"), float("nan"), False)
    x = np.arange(len(y)) - (len(y) - 1) / 2
    slope = float(x @ (y - y.mean()) / (x @ x))
    rest = y - y.mean() - slope * x
    error = float(np.sqrt(rest @ rest / (len(y) - 2) / (x @ x)))
    return Plateau(slope, error, abs(slope) <= SPREAD * error or abs(slope) < 1e-9)


def converged(blocks: Float[np.ndarray, "I 5"]) -> bool:
    """Tell whether every optimisation inside the last sweep ended before its limit."""
    return bool(len(blocks)) and bool(blocks[-1, BLOCKS.index("converged")])


def split_rhat(chains: Sequence[Float[np.ndarray, " _"]]) -> float:
    """Return split-R̂ of the second halves of some chains; NaN if they are too few or short.

    Source: Gelman et al. (2013), Bayesian Data Analysis, 11.4.
    """
    length = min((len(chain) for chain in chains), default=0)
    half = length // 4  # two halves of the second half
    if len(chains) < 2 or half < 2:
        return float("nan")
    parts = np.array([chain[-2 * half :].reshape(2, half) for chain in chains])
    parts = parts.reshape(-1, half)
    within = parts.var(axis=1, ddof=1).mean()
    between = parts.mean(axis=1).var(ddof=1)
    if within == 0:
        return 1.0 if between == 0 else float("inf")
    return float(np.sqrt((half - 1) / half + between / within))


def effective_states(usage: Float[np.ndarray, " K"], used: float = USED) -> int:
    """Return how many states have a share of the frames of at least `used`."""
    return int((usage >= used).sum())


def shares(states: Int[np.ndarray, " T"], n_states: int) -> Float[np.ndarray, " K"]:
    """Return the share of the frames in each state."""
    counts = np.bincount(states, minlength=n_states)
    return counts / max(1, counts.sum())
