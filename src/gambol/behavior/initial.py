"""The states a fit begins with: one for every frame, from the data and a seed."""

import warnings

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.cluster.vq import kmeans2

from gambol.core.sequences import Sequences
from gambol.kernels import streams
from gambol.kernels.runs import runs

RESTARTS = 4  # of k-means
ROUNDS = 100


def first_states(
    kind: str, seq: Sequences, n_states: int, window_s: float, seed: int
) -> UInt8[np.ndarray, " N"]:
    """Return states to begin with, one for each of the N frames of all recordings.

    Args:
        kind: `usage`: k-means on the roots of bout shares of windows; `blocks`: drawn for a
            window; `uniform`: drawn for a frame.
        seq: the recordings; their order does not matter.
        n_states: K.
        window_s: length of a window in seconds.
        seed: of the draws.
    """
    out = np.zeros(len(seq.values), np.uint8)
    if kind == "usage":
        return _by_usage(seq, n_states, window_s, seed)
    size = 1 if kind == "uniform" else _frames(seq, window_s)
    for name, begin, end in _spans(seq):
        rng = streams.generator(seed, "initial", name)
        drawn = rng.integers(n_states, size=-(-(end - begin) // size))
        out[begin:end] = np.repeat(drawn, size)[: end - begin]
    return out


def _by_usage(
    seq: Sequences, n_states: int, window_s: float, seed: int
) -> UInt8[np.ndarray, " N"]:
    size = _frames(seq, window_s)
    spans = sorted(_spans(seq))  # k-means would see another order of recordings otherwise
    shares = [_shares(seq, begin, end, size) for _, begin, end in spans]
    every = np.concatenate(shares)
    told = every.sum(axis=1) > 0  # a window without a frame takes the state of the one before
    labels = np.zeros(len(every), np.int64)
    labels[told] = _groups(every[told], n_states, seed)
    out, row = np.zeros(len(seq.values), np.uint8), 0
    for (_, begin, end), rows in zip(spans, shares, strict=True):
        own, known = labels[row : row + len(rows)], told[row : row + len(rows)]
        last = np.maximum.accumulate(np.where(known, np.arange(len(own)), 0))
        out[begin:end] = np.repeat(own[last], size)[: end - begin]
        row += len(rows)
    return out


def _shares(seq: Sequences, begin: int, end: int, size: int) -> Float[np.ndarray, "W S"]:
    """Root of the share that each syllable has of the bouts of every window."""
    windows = -(-(end - begin) // size)
    found = runs(seq.values[begin:end], seq.valid[begin:end])
    seen = found.label >= 0
    label, first = found.label[seen], found.start[seen] // size
    last = (found.stop[seen] - 1) // size
    times = last - first + 1  # a bout counts in every window that it touches
    window = np.repeat(first - np.cumsum(times) + times, times) + np.arange(times.sum())
    counts = np.zeros((windows, seq.size))
    np.add.at(counts, (window, np.repeat(label, times)), 1)
    return np.sqrt(counts / np.maximum(counts.sum(1, keepdims=True), 1))


def _groups(rows: Float[np.ndarray, "W S"], n_states: int, seed: int) -> Int[np.ndarray, " W"]:
    """K-means with restarts, of which the closest grouping counts."""
    different = len(np.unique(rows, axis=0)) if len(rows) else 0
    if different <= 1:
        return np.zeros(len(rows), np.int64)
    best, least = np.zeros(len(rows), np.int64), np.inf
    for restart in range(RESTARTS):
        rng = streams.generator(seed, "initial", restart)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a group that lost its windows
            centres, labels = kmeans2(
                rows, min(n_states, different), ROUNDS, minit="++", rng=rng
            )
        far = float(((rows - centres[labels]) ** 2).sum())
        if far < least:
            best, least = labels.astype(np.int64), far
    return best


def _spans(seq: Sequences) -> list[tuple[str, int, int]]:
    """Name, first and last frame (exclusive) of every recording."""
    return [
        (name, int(seq.offsets[r]), int(seq.offsets[r + 1])) for r, name in enumerate(seq.names)
    ]


def _frames(seq: Sequences, window_s: float) -> int:
    return max(1, round(window_s * seq.fps))
