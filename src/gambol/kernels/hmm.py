"""Exact inference in hidden Markov models with K states, over T frames.

States more than e^-700 less likely than the best one at a frame count as impossible.
Time is O(T K^2), memory O(T K). Source: Rabiner (1989), Proc. IEEE 77(2):257-286, III.A-B.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int


class Smoothed(NamedTuple):
    """What all frames together tell about the state of each."""

    log_evidence: float  # log p(y_1:T), in nats
    probs: Float[np.ndarray, "T K"]  # p(z_t = k | y_1:T); every row sums to 1


def smooth(
    init: Float[np.ndarray, " K"],
    trans: Float[np.ndarray, "K K"],
    log_lik: Float[np.ndarray, "T K"],
) -> Smoothed:
    """Infer the state of every frame from all frames (forward-backward).

    Args:
        init: p(z_1 = k).
        trans: p(z_t+1 = j | z_t = i), from row i to column j.
        log_lik: log p(y_t | z_t = k), in nats. Densities, so values may exceed 0.

    >>> sticky = np.array([[0.9, 0.1], [0.1, 0.9]])
    >>> seen = np.log([[0.8, 0.2], [0.5, 0.5]])  # the second frame alone says nothing
    >>> smooth(np.array([0.5, 0.5]), sticky, seen).probs.round(2).tolist()
    [[0.8, 0.2], [0.74, 0.26]]
    """
    forward, backward = _messages(init, trans, log_lik)
    unexplained = np.isneginf(forward).all(axis=1)
    if unexplained.any():
        raise ValueError(f"no state path explains frames 0 to {unexplained.argmax()}")
    log_joint = forward + backward
    log_evidence = np.logaddexp.reduce(log_joint, axis=1, keepdims=True)  # alike in every row
    return Smoothed(float(log_evidence[-1, 0]), np.exp(log_joint - log_evidence))


def transitions(
    init: Float[np.ndarray, " K"],
    trans: Float[np.ndarray, "K K"],
    log_lik: Float[np.ndarray, "T K"],
) -> Float[np.ndarray, "K K"]:
    """Return how many moves from row i to column j are expected, given all frames.

    >>> sure = np.log(np.array([[1.0, 1e-9], [1e-9, 1.0], [1e-9, 1.0]]))
    >>> transitions(np.full(2, 0.5), np.full((2, 2), 0.5), sure).round(3).tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    """
    forward, backward = _messages(init, trans, log_lik)
    return _pairs(trans, log_lik, forward, backward)


def draw(
    rng: np.random.Generator,
    init: Float[np.ndarray, " K"],
    trans: Float[np.ndarray, "K K"],
    log_lik: Float[np.ndarray, "T K"],
) -> Int[np.ndarray, " T"]:
    """Draw one path of states given all frames (forward filtering, backward sampling)."""
    forward, _ = _messages(init, trans, log_lik)
    return _path(trans, forward, rng.random(len(log_lik)))


def around(
    init: Float[np.ndarray, " K"],
    trans: Float[np.ndarray, "K K"],
    log_lik: Float[np.ndarray, "T K"],
) -> Float[np.ndarray, "T K"]:
    """Return log p(z_t = k, y of all other frames): what a frame is told from outside."""
    forward, backward = _messages(init, trans, log_lik)
    with np.errstate(divide="ignore"):
        outside = np.log(init)
    before = np.vstack([outside, _ahead(trans, forward)[:-1]])
    return before + backward


@numba.njit(cache=True, nogil=True)
@no_type_check
def _messages(init, trans, log_lik):
    """Log p(y_1:t, z_t = k) and log p(y_t+1:T | z_t = k), each of shape (T, K)."""
    forward, backward = np.empty_like(log_lik), np.zeros_like(log_lik)
    into = np.ascontiguousarray(trans.T)
    forward[0] = np.log(init) + log_lik[0]
    for t in range(1, len(log_lik)):
        forward[t] = _log_dot(into, forward[t - 1]) + log_lik[t]
    for t in range(len(log_lik) - 2, -1, -1):
        backward[t] = _log_dot(trans, log_lik[t + 1] + backward[t + 1])
    return forward, backward


@numba.njit(cache=True, nogil=True)
@no_type_check
def _log_dot(matrix, log_x):
    """log(matrix @ exp(log_x)), with the largest x scaled to 1."""
    peak = log_x.max()
    return log_x if np.isneginf(peak) else peak + np.log(matrix @ np.exp(log_x - peak))


@numba.njit(cache=True, nogil=True)
@no_type_check
def _ahead(trans, forward):
    """Log p(y_1:t, z_t+1 = k)."""
    into, out = np.ascontiguousarray(trans.T), np.empty_like(forward)
    for t in range(len(forward)):
        out[t] = _log_dot(into, forward[t])
    return out


@numba.njit(cache=True, nogil=True)
@no_type_check
def _pairs(trans, log_lik, forward, backward):
    count = np.zeros_like(trans)
    for t in range(len(log_lik) - 1):
        after = log_lik[t + 1] + backward[t + 1]
        left, right = np.exp(forward[t] - forward[t].max()), np.exp(after - after.max())
        total = left @ trans @ right
        for i in range(len(trans)):
            count[i] += left[i] * trans[i] * right / total
    return count


@numba.njit(cache=True, nogil=True)
@no_type_check
def _path(trans, forward, uniform):
    states = np.zeros(len(forward), np.int64)
    for t in range(len(forward) - 1, -1, -1):
        weight = np.exp(forward[t] - forward[t].max())
        if t + 1 < len(forward):
            weight = weight * trans[:, states[t + 1]]
        total, left = weight.sum(), 0.0
        for k in range(len(weight)):
            left += weight[k]
            if weight[k] > 0:
                states[t] = k
            if left > uniform[t] * total:
                break
    return states
