"""Exact paths of hidden states drawn from run to run of equal labels, not from frame to frame.

Within a run of label s the chain moves by M = trans * diag(likelihood of s after s). Powers of
M are kept in two parts, the paths that never change state and those that do: the first decide
most runs with one comparison, and no difference of nearly equal numbers is ever taken. Time is
O(runs K²) and memory O(runs K), plus the powers. Source of forward filtering and backward
sampling: Frühwirth-Schnatter (2006), Finite Mixture and Markov Switching Models, 11.5.
"""

from math import ldexp
from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int64

from gambol.kernels.runs import Runs
from gambol.kernels.state_tables import (
    FRESH,
    LOG2,
    SMALL,
    Path,
    Tables,
    advance,
    choose,
    no_counts,
    rescale,
    tables,
)


class Powers(NamedTuple):
    """M_s^q for every label s and q = 0 … Q-1 steps: (moved + diag(stayed)) 2^exponent."""

    tables: Tables
    moved: Float[np.ndarray, "S1 Q L L"]  # from row to column by paths that change state
    stayed: Float[np.ndarray, "S1 Q L"]  # by the one path that does not
    exponent: Int64[np.ndarray, "S1 Q"]


def powers(
    theta: Float[np.ndarray, "K S S"], trans: Float[np.ndarray, "K K"], most: int = 256
) -> Powers:
    """Compute what runs of up to `most` frames need, once for all recordings.

    Args:
        theta: p(y_t = j | y_t-1 = i, z_t = k), from row i to column j.
        trans: p(z_t = l | z_t-1 = k), from row k to column l.
        most: frames of the longest run; 256 of them for 72 labels and 10 states take 23 MB.
    """
    laid = tables(theta, trans)
    n_symbols, lanes = laid.likelihood.shape[1:]
    moved = np.zeros((n_symbols, most, lanes, lanes))
    stayed = np.zeros((n_symbols, most, lanes))
    exponent = np.zeros((n_symbols, most), np.int64)
    _powers(laid.likelihood, laid.least, laid.trans, len(trans), moved, stayed, exponent)
    return Powers(laid, moved, stayed, exponent)


def evidence(whole: Runs, cache: Powers, n_states: int) -> float:
    """Return log p(y_2:T | y_1) of one recording, in nats; -inf where nothing explains it."""
    symbol, steps = _symbols(whole, cache)
    entry, keep = np.empty((2, len(symbol), cache.stayed.shape[2]))
    return _total(_forward(symbol, steps, n_states, *_arrays(cache), entry, keep))


def draw(rng: np.random.Generator, whole: Runs, cache: Powers, n_states: int) -> Path:
    """Draw one path of states given all labels of one recording."""
    symbol, steps = _symbols(whole, cache)
    entry, keep = np.empty((2, len(symbol), cache.stayed.shape[2]))
    arrays = _arrays(cache)
    log_evidence = _total(_forward(symbol, steps, n_states, *arrays, entry, keep))
    states = np.zeros(whole.stop[-1] - whole.start[0], np.uint8)
    counts = no_counts(n_states, cache.tables.n_labels)
    if np.isfinite(log_evidence):
        start = whole.start - whole.start[0]
        _backward(rng, symbol, start, steps, *arrays, entry, keep, states, *counts)
    return Path(states, log_evidence, counts)


def _total(forward: tuple[int, float]) -> float:
    exponent, left = forward
    return float(np.log(left) + exponent * LOG2) if left > 0 else -np.inf


def _symbols(
    whole: Runs, cache: Powers
) -> tuple[Int64[np.ndarray, " N"], Int64[np.ndarray, " N"]]:
    """Return the symbol of each run and the steps within it."""
    n_labels, most = cache.tables.n_labels, cache.stayed.shape[1]
    steps = whole.stop - whole.start - 1
    if len(steps) == 0 or steps.min() < 0:
        raise ValueError("a recording without frames has no states")
    if steps.max() >= most:
        raise ValueError(f"a run of {steps.max() + 1} frames; cut runs at {most}")
    if whole.label.max() >= n_labels:
        raise ValueError(f"label {whole.label.max()}; the model knows 0 to {n_labels - 1}")
    return np.where(whole.label < 0, n_labels, whole.label), steps


def _arrays(cache: Powers) -> tuple[np.ndarray, ...]:
    likelihood, _, trans = cache.tables
    return likelihood, trans, cache.moved, cache.stayed, cache.exponent


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _powers(likelihood, least, trans, n_states, moved, stayed, exponent):
    """One more step: who has moved goes on; who has stayed stays, or is now among the moved."""
    inside, leaving = np.empty_like(trans), np.empty_like(trans)
    for s in range(len(moved)):
        for k in range(len(trans)):
            for m in range(len(trans)):
                inside[k, m] = trans[k, m] * likelihood[s, s, m]
                leaving[k, m] = inside[k, m] if k != m else 0.0
        stayed[s, 0, :n_states] = 1.0
        bound = 1.0
        for q in range(1, moved.shape[1]):
            for k in range(n_states):
                here = stayed[s, q - 1, k]
                advance(moved[s, q - 1], k, inside, moved[s, q], k)
                for m in range(len(trans)):
                    moved[s, q, k, m] += here * leaving[k, m]
                stayed[s, q, k] = here * inside[k, k]
            exponent[s, q] = exponent[s, q - 1]
            bound *= least[s, s]  # every row still has at least this
            if bound < SMALL:
                exponent[s, q] += _rescale_power(moved[s, q], stayed[s, q])
                bound = 1.0


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _rescale_power(moved, stayed):
    """Bring the largest row to a sum in [1/2, 1) by a power of two."""
    largest = np.zeros(1)
    for k in range(len(stayed)):
        largest[0] = max(largest[0], stayed[k] + moved[k].sum())
    exponent = rescale(largest)
    for k in range(len(stayed)):
        stayed[k] = ldexp(stayed[k], -exponent)
        for m in range(len(stayed)):
            moved[k, m] = ldexp(moved[k, m], -exponent)
    return exponent


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _forward(symbol, steps, n_states, likelihood, trans, moved, stayed, exponent, entry, keep):
    """Messages into the first frame of every run, its label seen, scaled: entry.

    keep[r, k] is the probability that all of run r is state k, given the labels up to it and
    that the next run begins with k. Returns the exponent and the rest of the evidence.
    """
    lanes = entry.shape[1]
    out, ahead = np.zeros((1, lanes)), np.zeros((1, lanes))
    total = 0
    for r in range(len(symbol)):
        s, n = symbol[r], steps[r]
        if r == 0:
            entry[0] = 0.0
            entry[0, :n_states] = 1.0 / n_states
        else:
            advance(out, 0, trans, ahead, 0)
            for k in range(lanes):
                keep[r - 1, k] /= ahead[0, k]
                entry[r, k] = ahead[0, k] * likelihood[symbol[r - 1], s, k]
            left = 0.0
            for k in range(lanes):
                left += entry[r, k]
            if left < SMALL:
                total += rescale(entry[r])
        for k in range(lanes):
            out[0, k] = entry[r, k] * stayed[s, n, k]
            keep[r, k] = out[0, k] * trans[k, k]
        if n > 0:
            _add_moved(entry, r, moved, s, n, out)
        total += exponent[s, n]
    return total, out.sum()


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _add_moved(entry, r, moved, s, n, out):
    """Add entry[r] @ moved[s, n], without the price of a view: half of the time goes here."""
    for k in range(0, entry.shape[1], 4):
        a, b, c, d = entry[r, k], entry[r, k + 1], entry[r, k + 2], entry[r, k + 3]
        for m in range(entry.shape[1]):
            four = a * moved[s, n, k, m] + b * moved[s, n, k + 1, m]
            four += c * moved[s, n, k + 2, m] + d * moved[s, n, k + 3, m]
            out[0, m] += four


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _backward(
    rng, symbol, start, steps, likelihood, trans, moved, stayed, exponent, entry, keep,
    states, emissions, moves,
):  # fmt: skip
    """Draw runs from the last to the first, each given the first state of the one after.

    One uniform number decides how many runs in a row keep that state: it is compared with the
    probability that all of them do.
    """
    last, n_labels = len(symbol) - 1, emissions.shape[1]
    level, alive = rng.random(), 1.0
    after = -1  # state of the first frame of the run after this one
    for r in range(last, -1, -1):
        s, n, t = symbol[r], steps[r], start[r]
        stay = alive * keep[r, after] if after >= 0 else 0.0
        if level < stay:
            end = after
            first = after
            alive = stay
            _keep(states, t, n, first, s, emissions, moves)
            if alive < FRESH:
                level, alive = rng.random(), 1.0
        else:
            first, end = _ends(rng, entry, r, moved[s, n], stayed[s, n], trans, after)
            if first < 0:
                end = first = -1 - first
                _keep(states, t, n, first, s, emissions, moves)
            else:
                path = states[t : t + n + 1]
                _inward(rng, path, first, end, moved[s], stayed[s], trans)
                _tally(path, s, emissions, moves)
            level, alive = rng.random(), 1.0
        if after >= 0:
            moves[end, after] += 1
            if s < n_labels and symbol[r + 1] < n_labels:
                emissions[after, s, symbol[r + 1]] += 1
        after = first


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _ends(rng, entry, r, moved, stayed, trans, after):
    """Draw the first and last state of a run; -1 - k, -1 - k says that all of it is state k.

    That all of it is the state `after` has been ruled out before.
    """
    n_states = len(stayed)
    weight = np.zeros((1, n_states + 1))
    advance(entry, r, moved, weight[:, :n_states], 0)
    for k in range(n_states):
        if k != after:
            weight[0, k] += entry[r, k] * stayed[k]
        if after >= 0:
            weight[0, k] *= trans[k, after]
    end = choose(rng, weight[0])
    if end < 0:
        return -1 - after, -1 - after  # ruled out by rounding alone
    for k in range(n_states):
        weight[0, k] = entry[r, k] * moved[k, end]
    weight[0, n_states] = entry[r, end] * stayed[end] if end != after else 0.0
    first = choose(rng, weight[0])
    if first == n_states:
        return -1 - end, -1 - end
    return first, end


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _inward(rng, path, first, end, moved, stayed, trans):
    """Draw a run that changes state, between its ends, from the last frame to the first."""
    n = len(path) - 1
    path[0], path[n] = first, end
    weight = np.empty(len(trans))
    changed = first != end
    for q in range(n - 1, 0, -1):
        for k in range(len(weight)):
            weight[k] = moved[q, first, k]
        if changed:  # else the change is still to come, and staying is no way
            weight[first] += stayed[q, first]
        for k in range(len(weight)):
            weight[k] *= trans[k, path[q + 1]]
        path[q] = choose(rng, weight)
        changed = changed or path[q] != first


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _keep(states, t, n, state, s, emissions, moves):
    states[t : t + n + 1] = state
    moves[state, state] += n
    if s < emissions.shape[1]:
        emissions[state, s, s] += n


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _tally(path, s, emissions, moves):
    for t in range(1, len(path)):
        moves[path[t - 1], path[t]] += 1
        if s < emissions.shape[1]:
            emissions[path[t], s, s] += 1
