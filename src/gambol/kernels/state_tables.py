"""A model of states over labels, laid out for recursions that run over millions of frames.

Of K states and S labels: z_1 is uniform, z_t follows row z_t-1 of the transitions, and label
y_t follows row y_t-1 of the emissions of state z_t. A missing frame acts like one more label,
S, before and after which every label has factor 1: the chain of states runs on through gaps.
Messages are scaled by powers of two only, which rounds nothing, so that the logarithm of the
evidence is one logarithm and a whole number of log 2.
"""

from math import frexp, ldexp
from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int64, Integer, Shaped, UInt8

LOG2 = float(np.log(2.0))
SMALL = 2.0**-64  # messages below are scaled up; products of two still are far from underflow
FRESH = 2.0**-4  # a uniform number decides until so little of it is left, then comes the next
MOST_STATES = 256  # states are stored in one byte
FEWEST = 10  # frames per run from which on it pays to step from run to run


class Tables(NamedTuple):
    """Emissions and transitions of K states, in rows of L >= K, filled up by zeros.

    L is the next multiple of 4, at least 8: rows are summed by fours.
    """

    likelihood: Float[np.ndarray, "S1 S1 L"]  # [i, j, k]: of j after i in state k; S is missing
    least: Float[np.ndarray, "S1 S1"]  # over the states
    trans: Float[np.ndarray, "L L"]  # from row to column

    @property
    def n_labels(self) -> int:
        """S: the label after the last, which stands for missing frames."""
        return self.likelihood.shape[0] - 1


class Counts(NamedTuple):
    """How often what followed what: all that the parameters need to know of a path."""

    emissions: Int64[np.ndarray, "K S S"]  # C[k, i, j]: y_t-1 = i, y_t = j, both valid, z_t = k
    moves: Int64[np.ndarray, "K K"]  # B[k, l]: z_t-1 = k, z_t = l, in gaps as well


class Path(NamedTuple):
    """A path of states drawn given all labels of one recording."""

    states: UInt8[np.ndarray, " T"]
    log_evidence: float  # log p(y_2:T | y_1), in nats: of all paths, not of this one
    counts: Counts  # of this path


def tables(theta: Float[np.ndarray, "K S S"], trans: Float[np.ndarray, "K K"]) -> Tables:
    """Lay out a model.

    Args:
        theta: p(y_t = j | y_t-1 = i, z_t = k), from row i to column j.
        trans: p(z_t = l | z_t-1 = k), from row k to column l.
    """
    n_states, n_labels, _ = theta.shape
    if n_states > MOST_STATES:
        raise ValueError(f"{n_states} states; at most {MOST_STATES} are possible")
    lanes = max(8, -(-n_states // 4) * 4)
    likelihood = np.zeros((n_labels + 1, n_labels + 1, lanes))
    likelihood[..., :n_states] = 1.0
    likelihood[:-1, :-1, :n_states] = theta.transpose(1, 2, 0)
    least = likelihood[..., :n_states].min(axis=-1)
    square = np.zeros((lanes, lanes))
    square[:n_states, :n_states] = trans
    return Tables(likelihood, least, square)


def count(
    values: Shaped[np.ndarray, " T"],
    valid: Bool[np.ndarray, " T"],
    states: Integer[np.ndarray, " T"],
    n_labels: int,
    n_states: int,
) -> Counts:
    """Count what follows what in one recording whose states are known.

    >>> everywhere = np.array([True, True, False, True])
    >>> count(np.array([1, 0, 0, 1]), everywhere, np.array([0, 1, 1, 0]), 2, 2).moves
    array([[0, 1],
           [1, 1]])
    """
    check(values, valid, n_labels)
    counts = no_counts(n_states, n_labels)
    _count(values, valid, states, *counts)
    return counts


def use_runs(values: Shaped[np.ndarray, " T"], valid: Bool[np.ndarray, " T"]) -> bool:
    """Tell whether one recording is sampled from run to run: a rule on its labels alone.

    Both forms follow the same law but use random numbers differently, so that nothing that
    changes between machines (threads, memory, speed) may choose between them.
    """
    return bool(len(values) >= FEWEST * _runs(values, valid))


def check(
    values: Shaped[np.ndarray, " T"], valid: Bool[np.ndarray, " T"], n_labels: int
) -> None:
    """Refuse recordings that the recursions, which do not look again, cannot read."""
    if len(values) == 0:
        raise ValueError("a recording without frames has no states")
    low, high = _range(values, valid)
    if low < 0 or high >= n_labels:
        raise ValueError(
            f"labels {low} to {high}; the model knows 0 to {n_labels - 1}, "
            "and frames without a label are told by `valid`"
        )


def no_counts(n_states: int, n_labels: int) -> Counts:
    """Return zeros to count upon."""
    emissions = np.zeros((n_states, n_labels, n_labels), np.int64)
    return Counts(emissions, np.zeros((n_states, n_states), np.int64))


@numba.njit(cache=True, nogil=True)
@no_type_check
def advance(x, i, matrix, out, j):
    """Write x[i] @ matrix to out[j], rows by fours, always summed in the same order."""
    for k in range(0, matrix.shape[0], 4):
        a, b, c, d = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
        for m in range(matrix.shape[1]):
            four = a * matrix[k, m] + b * matrix[k + 1, m]
            four += c * matrix[k + 2, m] + d * matrix[k + 3, m]
            out[j, m] = four if k == 0 else out[j, m] + four


@numba.njit(cache=True, nogil=True)
@no_type_check
def rescale(x):
    """Bring the sum of a message to [1/2, 1) by a power of two, and return its exponent."""
    total = 0.0
    for value in x:
        total += value
    if total == 0.0:
        return 0  # nothing explains this; the caller sees it at the end
    _, exponent = frexp(total)
    for k in range(len(x)):
        x[k] = ldexp(x[k], -exponent)
    return exponent


@numba.njit(cache=True, nogil=True)
@no_type_check
def choose(rng, weights):
    """Draw an index in proportion to its weight, or -1 where all are 0."""
    total, last = 0.0, -1
    for k in range(len(weights)):
        if weights[k] > 0.0:
            total += weights[k]
            last = k
    if last < 0:
        return -1
    mark, below = rng.random() * total, 0.0
    for k in range(last):
        below += weights[k]
        if mark < below:
            return k
    return last


@numba.njit(cache=True, nogil=True)
@no_type_check
def _count(values, valid, states, emissions, moves):
    for t in range(1, len(values)):
        moves[states[t - 1], states[t]] += 1
        if valid[t - 1] and valid[t]:
            emissions[states[t], values[t - 1], values[t]] += 1


@numba.njit(cache=True, nogil=True)
@no_type_check
def _runs(values, valid):
    n = 1
    for t in range(1, len(values)):
        if valid[t]:
            n += not valid[t - 1] or values[t] != values[t - 1]
        else:
            n += valid[t - 1]
    return n


@numba.njit(cache=True, nogil=True)
@no_type_check
def _range(values, valid):
    low, high = 0, 0
    for t in range(len(values)):
        value = np.int64(values[t]) if valid[t] else 0
        low, high = min(low, value), max(high, value)
    return low, high
