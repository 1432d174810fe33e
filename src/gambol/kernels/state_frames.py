"""Exact inference of hidden states frame by frame, in memory that the recording does not grow.

Messages are kept for one block of frames at a time, together with the first one of every block,
from which the others are computed anew when their turn comes. Paths that are more than 2^-900
less likely than the best at a frame count as impossible. Time is O(T K²).
Source: Rabiner (1989), Proc. IEEE 77(2):257-286, III.A-B.
"""

from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Float32, Shaped, UInt8

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
)

BLOCK = 1 << 19  # frames whose messages are in memory: 50 MB of 10 states

Values = Shaped[np.ndarray, " T"]
Valid = Bool[np.ndarray, " T"]


def evidence(values: Values, valid: Valid, laid: Tables, n_states: int) -> float:
    """Return log p(y_2:T | y_1) of one recording, in nats; -inf where nothing explains it."""
    return _messages(values, valid, laid, n_states, block=1024)[0]


def draw(
    rng: np.random.Generator,
    values: Values,
    valid: Valid,
    laid: Tables,
    n_states: int,
    block: int = BLOCK,
) -> Path:
    """Draw one path of states given all labels of one recording."""
    log_evidence, starts, alpha = _messages(values, valid, laid, n_states, block)
    states = np.zeros(len(values), np.uint8)
    counts = no_counts(n_states, laid.n_labels)
    if not np.isfinite(log_evidence):
        raise unexplained(values, valid, laid, n_states)
    into = np.ascontiguousarray(laid.trans.T)
    _backward(rng, values, valid, *laid, into, starts, alpha, states, *counts)
    return Path(states, log_evidence, counts)


def marginals(
    values: Values, valid: Valid, laid: Tables, n_states: int, block: int = BLOCK
) -> Float32[np.ndarray, "T K"]:
    """Return p(z_t = k | all labels); every row sums to 1."""
    probs = np.empty((len(values), n_states), np.float32)
    _smooth(values, valid, laid, n_states, block, probs, np.zeros((0, 0, 0)), np.zeros((0, 0)))
    return probs


def expected(
    values: Values, valid: Valid, laid: Tables, n_states: int, block: int = BLOCK
) -> tuple[Float[np.ndarray, "K S S"], Float[np.ndarray, "K K"]]:
    """Return the counts that paths have on average, given all labels: emissions and moves."""
    emissions = np.zeros((n_states, laid.n_labels, laid.n_labels))
    moves = np.zeros((n_states, n_states))
    probs = np.empty((0, n_states), np.float32)
    _smooth(values, valid, laid, n_states, block, probs, emissions, moves)
    return emissions, moves


def filtered(
    values: Values, valid: Valid, laid: Tables, n_states: int
) -> Float32[np.ndarray, "T K"]:
    """Return p(z_t = k | labels up to frame t); every row sums to 1."""
    probs = np.empty((len(values), n_states), np.float32)
    _filter(values, valid, n_states, laid.likelihood, laid.trans, probs, np.empty(0))
    if not np.isfinite(probs[-1, 0]):
        raise unexplained(values, valid, laid, n_states)
    return probs


def frame_evidence(
    values: Values, valid: Valid, laid: Tables, n_states: int
) -> Float[np.ndarray, " T"]:
    """Return log p(y_t | labels before), in nats; 0 where no pair of labels ends."""
    share = np.empty(len(values))
    probs = np.empty((0, n_states), np.float32)
    _filter(values, valid, n_states, laid.likelihood, laid.trans, probs, share)
    if not (share > 0).all():
        raise _refusal(share)
    return np.log(share)


def viterbi(
    values: Values, valid: Valid, laid: Tables, n_states: int
) -> UInt8[np.ndarray, " T"]:
    """Return the most likely path; of equal ones that with the lower state, from the end."""
    states = np.empty(len(values), np.uint8)
    if not _viterbi(values, valid, n_states, laid.likelihood, laid.trans, states):
        raise unexplained(values, valid, laid, n_states)
    return states


def unexplained(values: Values, valid: Valid, laid: Tables, n_states: int) -> ValueError:
    """Return the error that names the first label that no path of states explains."""
    share = np.empty(len(values))
    probs = np.empty((0, n_states), np.float32)
    _filter(values, valid, n_states, laid.likelihood, laid.trans, probs, share)
    return _refusal(share)


def _refusal(share: Float[np.ndarray, " T"]) -> ValueError:
    frame = int((~(share > 0)).argmax())
    return ValueError(
        f"no path of states explains frames 0 to {frame}: the last of them is impossible"
    )


def _messages(
    values: Values, valid: Valid, laid: Tables, n_states: int, block: int
) -> tuple[float, Float[np.ndarray, "B L"], Float[np.ndarray, "F L"]]:
    """Return the log evidence, the first message of each block, and all those of the last."""
    block = min(block, len(values))
    starts = np.empty((-(-len(values) // block), len(laid.trans)))
    alpha = np.empty((block + 1, len(laid.trans)))
    exponent, left = _forward(values, valid, n_states, *laid, starts, alpha)
    return float(np.log(left) + exponent * LOG2) if left > 0 else -np.inf, starts, alpha


def _smooth(
    values: Values,
    valid: Valid,
    laid: Tables,
    n_states: int,
    block: int,
    probs: Float32[np.ndarray, "N K"],
    emissions: Float[np.ndarray, "M S S"],
    moves: Float[np.ndarray, "M M"],
) -> None:
    log_evidence, starts, alpha = _messages(values, valid, laid, n_states, block)
    if not np.isfinite(log_evidence):
        raise unexplained(values, valid, laid, n_states)
    into = np.ascontiguousarray(laid.trans.T)
    _both_ways(values, valid, n_states, *laid, into, starts, alpha, probs, emissions, moves)


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _symbol(values, valid, t, missing):
    return np.int64(values[t]) if valid[t] else missing


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _forward(values, valid, n_states, likelihood, least, trans, starts, alpha):
    """Run through all blocks; return the exponent and the rest of the evidence."""
    block, n_frames = len(alpha) - 1, len(values)
    alpha[0] = 0.0
    alpha[0, :n_states] = 1.0 / n_states
    exponent = 0
    for b in range(len(starts)):
        starts[b] = alpha[0]
        first = b * block
        last = min(first + block + 1, n_frames)  # with the first frame of the next block
        exponent += _block(values, valid, first, last, likelihood, least, trans, alpha)
        if b + 1 < len(starts):
            alpha[0] = alpha[block]
    return exponent, alpha[n_frames - 1 - first].sum()


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _block(values, valid, first, last, likelihood, least, trans, alpha):
    """Fill alpha[1:] by p(labels up to t, z_t) of frames first + 1 to last - 1, scaled.

    The loops of `advance`, with the likelihood multiplied in the last one: this is where the
    time goes.
    """
    lanes, missing = len(trans), len(likelihood) - 1
    work = np.empty(lanes)
    exponent, bound = 0, 1.0
    before = _symbol(values, valid, first, missing)
    for t in range(first + 1, last):
        j = t - first
        here = _symbol(values, valid, t, missing)
        x = alpha[j - 1]
        for k in range(0, lanes, 4):
            a, b, c, d = x[k], x[k + 1], x[k + 2], x[k + 3]
            if k == 0:
                for m in range(lanes):
                    work[m] = (a * trans[k, m] + b * trans[k + 1, m]) + (
                        c * trans[k + 2, m] + d * trans[k + 3, m]
                    )
            elif k < lanes - 4:
                for m in range(lanes):
                    work[m] += (a * trans[k, m] + b * trans[k + 1, m]) + (
                        c * trans[k + 2, m] + d * trans[k + 3, m]
                    )
            else:
                for m in range(lanes):
                    four = a * trans[k, m] + b * trans[k + 1, m]
                    four += c * trans[k + 2, m] + d * trans[k + 3, m]
                    alpha[j, m] = (work[m] + four) * likelihood[before, here, m]
        bound *= least[before, here]  # the message still sums to this, or half of it
        if bound < SMALL:
            exponent += rescale(alpha[j])
            bound = 1.0
        before = here
    return exponent


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _backward(
    rng, values, valid, likelihood, least, trans, into, starts, alpha, states, emissions, moves
):
    """Draw states from the last frame to the first, each given the one after.

    One uniform number decides how many frames in a row keep a state: it is compared with the
    probability that all of them do.
    """
    block, n_frames, lanes = len(alpha) - 1, len(values), len(trans)
    weight = np.empty(lanes)
    level, alive = rng.random(), 1.0
    after = choose(rng, alpha[(n_frames - 1) % block])
    states[n_frames - 1] = after
    for b in range(len(starts) - 1, -1, -1):
        first, last = b * block, min((b + 1) * block, n_frames)
        if b + 1 < len(starts):
            alpha[0] = starts[b]
            _block(values, valid, first, last, likelihood, least, trans, alpha)
        for t in range(min(last, n_frames - 1) - 1, first - 1, -1):
            j = t - first
            total = 0.0
            for k in range(lanes):
                total += alpha[j, k] * into[after, k]
            alive *= alpha[j, after] * into[after, after] / total
            here = after
            if level >= alive:
                for k in range(lanes):
                    weight[k] = alpha[j, k] * into[after, k] if k != after else 0.0
                here = choose(rng, weight)
                here = after if here < 0 else here  # ruled out by rounding alone
                alive = 0.0
            if alive < FRESH:
                level, alive = rng.random(), 1.0
            states[t] = here
            moves[here, after] += 1
            if valid[t] and valid[t + 1]:
                emissions[after, values[t], values[t + 1]] += 1
            after = here


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _both_ways(
    values, valid, n_states, likelihood, least, trans, into, starts, alpha, probs, emissions,
    moves,
):  # fmt: skip
    """Join messages from both sides; fill what has rows: probs, or emissions and moves."""
    block, n_frames, missing = len(alpha) - 1, len(values), len(likelihood) - 1
    # rows: likelihood of the next label and all after, p(labels after), p(all labels), by state
    back = np.zeros((3, len(trans)))
    back[1, :n_states] = 1.0
    for b in range(len(starts) - 1, -1, -1):
        first, last = b * block, min((b + 1) * block, n_frames)
        if b + 1 < len(starts):
            alpha[0] = starts[b]
            _block(values, valid, first, last, likelihood, least, trans, alpha)
        for t in range(last - 1, first - 1, -1):
            j = t - first
            total = _join(alpha, j, back)
            if len(probs):
                for k in range(n_states):
                    probs[t, k] = back[2, k] / total
            here = _symbol(values, valid, t, missing)
            before = _symbol(values, valid, t - 1, missing) if t > 0 else missing
            if len(moves):
                if t + 1 < n_frames:
                    _add_moves(alpha, j, trans, back, total, moves)
                if before < missing and here < missing:
                    emissions[:, before, here] += back[2, :n_states] / total
            _retreat(likelihood, before, here, into, back)


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _join(alpha, j, back):
    total = 0.0
    for k in range(back.shape[1]):
        back[2, k] = alpha[j, k] * back[1, k]
    for k in range(back.shape[1]):
        total += back[2, k]
    return total


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _add_moves(alpha, j, trans, back, total, moves):
    for k in range(len(moves)):
        share = alpha[j, k] / total
        for m in range(len(moves)):
            moves[k, m] += share * trans[k, m] * back[0, m]


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _retreat(likelihood, before, here, into, back):
    """Take the label of a frame into its message, and that to the frame before."""
    left = 0.0
    for k in range(back.shape[1]):
        back[0, k] = likelihood[before, here, k] * back[1, k]
    for k in range(back.shape[1]):
        left += back[0, k]
    if left < SMALL:
        rescale(back[0])
    advance(back, 0, into, back, 1)


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _filter(values, valid, n_states, likelihood, trans, probs, factor):
    """The recursion as it is written, every message summing to 1; fill what has rows."""
    lanes, missing = len(trans), len(likelihood) - 1
    now = np.zeros((2, lanes))
    now[0, :n_states] = 1.0 / n_states
    before = missing
    for t in range(len(values)):
        here = _symbol(values, valid, t, missing)
        if t > 0:
            advance(now, 0, trans, now, 1)
            total, ahead = 0.0, 0.0
            for k in range(lanes):
                now[0, k] = now[1, k] * likelihood[before, here, k]
                total += now[0, k]
                ahead += now[1, k]
            for k in range(lanes):
                now[0, k] /= total
        if len(factor):
            factor[t] = 1.0 if t == 0 or before == missing or here == missing else total / ahead
        if len(probs):
            for k in range(n_states):
                probs[t, k] = now[0, k]
        before = here


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _viterbi(values, valid, n_states, likelihood, trans, states):
    """Products, not sums of logarithms: scaled by powers of two, equal paths stay equal.

    Returns whether any path explains the labels.
    """
    lanes, missing, n_frames = len(trans), len(likelihood) - 1, len(values)
    origin = np.zeros((n_frames, n_states), np.uint8)
    best, top, source = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes, np.int64)
    best[:n_states] = 1.0
    before = _symbol(values, valid, 0, missing)
    for t in range(1, n_frames):
        here = _symbol(values, valid, t, missing)
        for m in range(lanes):
            top[m] = best[0] * trans[0, m]
            source[m] = 0
        for k in range(1, n_states):
            one = best[k]
            for m in range(lanes):
                way = one * trans[k, m]
                better = way > top[m]
                top[m] = way if better else top[m]
                source[m] = k if better else source[m]
        left = 0.0
        for m in range(lanes):
            best[m] = top[m] * likelihood[before, here, m]
        for m in range(lanes):
            left += best[m]
        if left < SMALL:
            rescale(best)
        for m in range(n_states):
            origin[t, m] = source[m]
        before = here
    states[n_frames - 1] = best[:n_states].argmax()
    for t in range(n_frames - 1, 0, -1):
        states[t - 1] = origin[t, states[t]]
    return best.max() > 0.0
