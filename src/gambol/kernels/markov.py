"""Markov chains over labels: their transitions, draws from them, what they remember after τ.

A chain may also be one of K that take turns: a hidden state, itself a Markov chain, chooses the
transitions of every frame.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Float64, Int64, Shaped, UInt8

FORGOTTEN = 1e-13  # rows of a power that differ by less are alike


class Switching(NamedTuple):
    """A draw from transitions that take turns."""

    states: UInt8[np.ndarray, " T"]  # z
    values: Shaped[np.ndarray, " T"]  # y


def transitions(counts: Int64[np.ndarray, "*R S S"]) -> Float64[np.ndarray, "*R S S"]:
    """Return the transition matrices with the observed relative frequencies.

    The row of a label that nothing was seen to follow is the distribution of all labels that
    something followed: so a chain goes on, and labels that were never seen are never entered.

    Args:
        counts: frames with label i followed by a frame with label j; one table, or many.

    >>> transitions(np.array([[3, 1, 0], [1, 1, 0], [0, 0, 0]]))[[0, 2]].round(2).tolist()
    [[0.75, 0.25, 0.0], [0.67, 0.33, 0.0]]
    """
    left = counts.sum(axis=-1, dtype=np.int64)
    usage = left / np.maximum(left.sum(axis=-1, keepdims=True), 1)
    rows = counts / np.maximum(left, 1)[..., None]
    filled = np.where(left[..., None] > 0, rows, usage[..., None, :])
    nothing = left.sum(axis=-1) == 0  # not one pair: the first label stays
    return np.where(nothing[..., None, None], np.eye(counts.shape[-1]), filled)


def cumulative(probabilities: Float[np.ndarray, "*R S"]) -> Float64[np.ndarray, "*R S"]:
    """Return cumulative rows for `chain`: 1 from the last possible label on."""
    possible = probabilities > 0
    later: np.ndarray = np.cumsum(possible[..., ::-1], axis=-1)[..., ::-1] - possible
    sums = np.cumsum(probabilities, axis=-1, dtype=np.float64)
    return np.where(later == 0, 1.0, np.minimum(sums, 1.0))


def chain(
    rng: np.random.Generator,
    first: int,
    rows: Float64[np.ndarray, "S S"],
    out: Shaped[np.ndarray, " T"],
) -> None:
    """Fill `out` with a chain: one 64-bit draw and one search in a cumulative row a frame.

    Args:
        rng: source of the draws.
        first: label of the first frame.
        rows: `cumulative` transitions.
        out: integers that hold S labels.
    """
    _chain(rng, first, rows, out)


def switching(
    rng: np.random.Generator,
    first: tuple[int, int],
    states: Float64[np.ndarray, "K K"],
    rows: Float64[np.ndarray, "K S S"],
    frames: int,
) -> Switching:
    """Draw z_t from row z_t-1 of the states, then y_t from row y_t-1 of state z_t.

    Rows are looked up frame by frame, so memory is that of the result.

    Args:
        rng: source of the draws, two a frame.
        first: state and label of the first frame.
        states: `cumulative` transitions of the states.
        rows: and those of the labels, in each state.
        frames: T.
    """
    z = np.empty(frames, np.uint8)
    y = np.empty(frames, np.uint8 if rows.shape[-1] <= 256 else np.uint16)
    if frames:
        _switching(rng, *first, states, rows, z, y)
    return Switching(z, y)


def stationary(probabilities: Float[np.ndarray, "S S"]) -> Float64[np.ndarray, " S"]:
    """Return the distribution that transitions leave as it is; there must be only one."""
    balance = probabilities.T - np.eye(len(probabilities))
    balance[-1] = 1.0  # one of the equations follows from the others; this one is Σ = 1
    usage = np.maximum(np.linalg.solve(balance, np.eye(len(balance))[-1]), 0)
    return usage / usage.sum()


def remembered(
    counts: Int64[np.ndarray, "S S"], lags: Int64[np.ndarray, " L"]
) -> Float64[np.ndarray, " L"]:
    """Return the mutual information of a chain's labels τ frames apart, in nats: exact.

    Σ π_i (P^τ)_ij log ((P^τ)_ij / (π P^τ)_j), with P the transitions and π the usage in
    `counts`. Rows of P^τ never grow apart again, so lags after the first without any
    difference are 0.

    Args:
        counts: frames with label i followed by one with label j.
        lags: τ, ascending, 1 or more.
    """
    used = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    counts = counts[np.ix_(used, used)]
    if not counts.sum():
        return np.zeros(len(lags))
    usage = counts.sum(axis=1) / counts.sum()
    return _remembered(transitions(counts), usage, np.asarray(lags, np.int64))


@numba.njit(cache=True, nogil=True)
@no_type_check
def _draw(rng, row, guess):
    """First label whose cumulative probability is above a draw; mostly the guess."""
    u = rng.random()
    if u < row[guess] and (guess == 0 or u >= row[guess - 1]):
        return guess
    low, high = 0, len(row) - 1
    while low < high:
        middle = (low + high) // 2
        if u < row[middle]:
            high = middle
        else:
            low = middle + 1
    return low


@numba.njit(cache=True, nogil=True)
@no_type_check
def _chain(rng, first, rows, out):
    label = np.int64(first)
    for t in range(len(out)):
        if t > 0:
            label = _draw(rng, rows[label], label)
        out[t] = label


@numba.njit(cache=True, nogil=True)
@no_type_check
def _switching(rng, state, label, states, rows, z, y):
    state, label = np.int64(state), np.int64(label)
    z[0], y[0] = state, label
    for t in range(1, len(z)):
        state = _draw(rng, states[state], state)
        label = _draw(rng, rows[state, label], label)
        z[t], y[t] = state, label


@numba.njit(cache=True, nogil=True)
@no_type_check
def _times(one, other):
    """A product whose sums have one order, whatever the number of threads."""
    size = len(one)
    out = np.zeros((size, size))
    for i in range(size):
        for k in range(size):
            share = one[i, k]
            for j in range(size):
                out[i, j] += share * other[k, j]
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _remembered(step, usage, lags):
    nats, size = np.zeros(len(lags)), len(step)
    power, reached = np.eye(size), 0
    squares = [step]
    for lag in range(len(lags)):
        ahead, bit = lags[lag] - reached, 0
        while ahead > 0:
            if bit == len(squares):
                squares.append(_times(squares[-1], squares[-1]))
            if ahead & 1:
                power = _times(power, squares[bit])
            ahead, bit = ahead >> 1, bit + 1
        reached = lags[lag]
        apart = 0.0
        for j in range(size):
            apart = max(apart, power[:, j].max() - power[:, j].min())
        if apart < FORGOTTEN:
            break
        nats[lag] = _information(power, usage)
    return nats


@numba.njit(cache=True, nogil=True)
@no_type_check
def _information(power, usage):
    total = 0.0
    for j in range(len(usage)):
        column = 0.0
        for i in range(len(usage)):
            column += usage[i] * power[i, j]
        for i in range(len(usage)):
            if usage[i] > 0.0 and power[i, j] > 0.0:
                total += usage[i] * power[i, j] * np.log(power[i, j] / column)
    return total
