"""Hidden states of a switching autoregressive series: evidence, draws, marginals, Viterbi.

The chain starts uniform at frame L and follows the rows of a transition matrix. Messages sum to
1 and their factors go into the log evidence. Where the likely states of a frame are those that
its past rules out, one step is done with logarithms, so nothing underflows. Messages are kept
for one block of frames; those of earlier blocks are computed anew when their turn comes.
Time is O(T N²). Source: Rabiner (1989), Proc. IEEE 77(2):257-286, III.A-B.
"""

from collections.abc import Iterator
from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, UInt8

from gambol.kernels.arhmm import Laid, likelihood
from gambol.kernels.state_tables import choose

BLOCK = 1 << 16  # frames whose messages are in memory: 55 MB of 100 states
CHUNK = 512  # frames whose likelihoods are
LEAST = 1e-290  # transition probabilities below are this
FAINT = 1e-150  # messages whose sum is below are done with logarithms

Series = Float[np.ndarray, "T D"]
Rows = Float[np.ndarray, "N N"]


class Path(NamedTuple):
    """One path of states."""

    states: UInt8[np.ndarray, " F"]  # of frames L to T - 1
    log_evidence: float  # log p(x_{L+1:T} | x_{1:L}), in nats: of all paths


def evidence(x: Series, laid: Laid, trans: Rows) -> float:
    """Return log p(x_{L+1:T} | x_{1:L}), in nats."""
    run = _Run(x, laid, trans, CHUNK)
    return sum(told for _, told in run.forward())


def draw(
    rng: np.random.Generator, x: Series, laid: Laid, trans: Rows, block: int = BLOCK
) -> Path:
    """Draw one path given all frames."""
    run = _Run(x, laid, trans, block)
    states = np.empty(run.frames, np.uint8)
    total = sum(told for _, told in run.forward())
    after = -1
    for first, alpha in run.backward():
        own = states[first : first + len(alpha)]
        after = _back(rng, alpha, run.into, after, own)
    return Path(states, total)


def marginals(
    x: Series, laid: Laid, trans: Rows, block: int = BLOCK
) -> tuple[Float[np.ndarray, "F N"], float]:
    """Return p(z_t = k | all frames) of frames L to T - 1, and the log evidence."""
    run = _Run(x, laid, trans, block)
    total = sum(told for _, told in run.forward())
    probs = np.empty((run.frames, laid.n_states))
    after = np.zeros(0)
    for first, alpha in run.backward():
        after = _smooth(alpha, run.trans, run.into, after, probs[first : first + len(alpha)])
    return probs, total


def viterbi(x: Series, laid: Laid, trans: Rows) -> UInt8[np.ndarray, " F"]:
    """Return the most probable path; of equal ones that with the lower state, from the end."""
    run = _Run(x, laid, trans, CHUNK)
    lanes = len(laid.const)
    moves = np.full((lanes, lanes), -np.inf)
    n = laid.n_states
    moves[:n, :n] = np.log(run.trans[:n, :n])
    origin = np.empty((run.frames, lanes), np.uint8)
    best = np.where(np.arange(lanes) < n, 0.0, -np.inf)
    for first in range(0, run.frames, CHUNK):
        own = origin[first : first + CHUNK]
        _climb(run.log_likelihood(first, len(own)), moves, first == 0, best, own)
    states = np.empty(run.frames, np.uint8)
    _trace_back(origin, best, states)
    return states


class _Run:
    """One series and what its recursions keep."""

    def __init__(self, x: Series, laid: Laid, trans: Rows, block: int):
        lanes, n = len(laid.const), laid.n_states
        self.flat, self.laid = np.ascontiguousarray(x).ravel(), laid
        self.frames = max(0, len(x) - laid.lags)
        self.block = max(CHUNK, block - block % CHUNK)
        self.trans = np.zeros((lanes, lanes))
        self.trans[:n, :n] = np.maximum(trans, LEAST)
        self.into = np.ascontiguousarray(self.trans.T)
        self.starts = np.empty((max(1, -(-self.frames // self.block)), lanes))
        self.starts[0] = np.where(np.arange(lanes) < n, 1.0 / n, 0.0)
        self.alpha = np.empty((min(self.block, self.frames), lanes))
        self.logs = np.empty((min(CHUNK, self.frames), lanes))
        self.shares = np.empty_like(self.logs)

    def log_likelihood(self, first: int, frames: int) -> Float[np.ndarray, "f S"]:
        """Return log p(x_t | state) of some frames, counted from frame L."""
        out = self.logs[:frames]
        likelihood(self.flat, first, self.laid.weights, self.laid.bias, self.laid.const, out)
        return out

    def forward(self) -> Iterator[tuple[int, float]]:
        """Run through all blocks; yield each block's first frame and share of the evidence."""
        for b in range(len(self.starts)):
            ahead = self.starts[b].copy()
            told = self.fill(b, ahead)
            if b + 1 < len(self.starts):
                self.starts[b + 1] = ahead
            yield b * self.block, told

    def backward(self) -> Iterator[tuple[int, Float[np.ndarray, "f S"]]]:
        """Yield each block's first frame and messages, the last first, after `forward`."""
        for b in range(len(self.starts) - 1, -1, -1):
            first = b * self.block
            if b + 1 < len(self.starts):
                self.fill(b, self.starts[b].copy())
            yield first, self.alpha[: min(self.block, self.frames - first)]

    def fill(self, b: int, ahead: Float[np.ndarray, " S"]) -> float:
        """Fill the messages of block b; turn `ahead` from p(z | past) before it to after."""
        begin, told = b * self.block, 0.0
        end = min(begin + self.block, self.frames)
        for first in range(begin, end, CHUNK):
            size = min(CHUNK, end - first)
            logs, shares = self.log_likelihood(first, size), self.shares[:size]
            peak = logs.max(axis=1)
            logs -= peak[:, None]
            np.exp(logs, out=shares)
            alpha = self.alpha[first - begin : first - begin + size]
            told += float(_advance(shares, logs, self.trans, ahead, alpha) + peak.sum())
        return told


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _step(x, matrix, out):
    """Fill out = x @ matrix, rows by eights, always summed in the same order."""
    lanes = len(out)
    for m in range(lanes):
        out[m] = 0.0
    for k in range(0, lanes, 8):
        a, b, c, d = x[k], x[k + 1], x[k + 2], x[k + 3]
        e, f, g, h = x[k + 4], x[k + 5], x[k + 6], x[k + 7]
        for m in range(lanes):
            one = (a * matrix[k, m] + b * matrix[k + 1, m]) + (
                c * matrix[k + 2, m] + d * matrix[k + 3, m]
            )
            two = (e * matrix[k + 4, m] + f * matrix[k + 5, m]) + (
                g * matrix[k + 6, m] + h * matrix[k + 7, m]
            )
            out[m] += one + two


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _total(x):
    """Return the sum in four parts; the length is a multiple of four."""
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    for m in range(0, len(x), 4):
        s0 += x[m]
        s1 += x[m + 1]
        s2 += x[m + 2]
        s3 += x[m + 3]
    return (s0 + s1) + (s2 + s3)


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _advance(shares, logs, trans, ahead, alpha):
    """Filter a chunk: alpha_t ∝ ahead · share, then ahead = alpha_t P; return the evidence."""
    lanes, told = len(ahead), 0.0
    product = 1.0
    for t in range(len(shares)):
        now = alpha[t]
        for m in range(lanes):
            now[m] = ahead[m] * shares[t, m]
        norm = _total(now)
        if norm < FAINT:
            told += _rescue(ahead, logs[t], now)
        else:
            product *= norm
            if product < FAINT or product > 1.0:
                told += np.log(product)
                product = 1.0
            scale = 1.0 / norm
            for m in range(lanes):
                now[m] *= scale
        _step(now, trans, ahead)
    return told + np.log(product)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _rescue(ahead, logs, now):
    """Take a frame into the message with logarithms; return its share of the evidence."""
    peak = -np.inf
    for m in range(len(ahead)):
        now[m] = np.log(ahead[m]) + logs[m] if ahead[m] > 0.0 else -np.inf
        peak = max(peak, now[m])
    total = 0.0
    for m in range(len(now)):
        now[m] = np.exp(now[m] - peak)
        total += now[m]
    for m in range(len(now)):
        now[m] /= total
    return peak + np.log(total)


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _back(rng, alpha, into, after, states):
    """Draw the states of a block from its end, given that after it; return the first one."""
    lanes = alpha.shape[1]
    weight = np.empty(lanes)
    for t in range(len(states) - 1, -1, -1):
        if after < 0:
            after = choose(rng, alpha[t])
        else:
            for k in range(lanes):
                weight[k] = alpha[t, k] * into[after, k]
            mark = rng.random() * _total(weight)
            if mark >= weight[after]:  # most frames keep the state: it is asked first
                mark -= weight[after]
                weight[after] = 0.0
                after = _where(weight, mark, after)
        states[t] = after
    return after


@numba.njit(cache=True, nogil=True)
@no_type_check
def _where(weight, mark, otherwise):
    """Return the index at which the sum of the weights passes a mark."""
    last = otherwise  # rounding alone leaves nothing else
    for k in range(len(weight)):
        if weight[k] > 0.0:
            last = k
            if mark < weight[k]:
                return k
            mark -= weight[k]
    return last


@numba.njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _smooth(alpha, trans, into, after, probs):
    """Fill marginals of a block from those of the frame after it; return those of its first.

    γ_t = α_t ∘ P (γ_{t+1} / α_t P): no likelihood is needed again.
    """
    lanes, n = alpha.shape[1], probs.shape[1]
    now, ahead = np.empty(lanes), np.empty(lanes)
    for t in range(len(probs) - 1, -1, -1):
        if len(after) == 0:
            now[:] = alpha[t]
        else:
            _step(alpha[t], trans, ahead)
            for k in range(lanes):
                ahead[k] = after[k] / ahead[k] if ahead[k] > 0.0 else 0.0
            _step(ahead, into, now)
            for k in range(lanes):
                now[k] *= alpha[t, k]
        total = _total(now)
        for k in range(lanes):
            now[k] /= total
        for k in range(n):
            probs[t, k] = now[k]
        after = now.copy()
    return after


@numba.njit(cache=True, nogil=True)
@no_type_check
def _climb(logs, moves, fresh, best, origin):
    """Take a chunk of frames into the best log probabilities and where they came from."""
    lanes = len(best)
    top, source = np.empty(lanes), np.empty(lanes, np.int64)
    for t in range(len(logs)):
        if fresh and t == 0:
            for m in range(lanes):
                best[m] += logs[0, m]
            continue
        for m in range(lanes):
            top[m], source[m] = best[0] + moves[0, m], 0
        for k in range(1, lanes):
            one = best[k]
            for m in range(lanes):
                way = one + moves[k, m]
                better = way > top[m]
                top[m] = way if better else top[m]
                source[m] = k if better else source[m]
        peak = top.max()  # differences alone count; sums stay small
        for m in range(lanes):
            best[m] = top[m] + logs[t, m] - peak
            origin[t, m] = source[m]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _trace_back(origin, best, states):
    if len(states) == 0:
        return
    states[-1] = best.argmax()
    for t in range(len(states) - 1, 0, -1):
        states[t - 1] = origin[t, states[t]]
