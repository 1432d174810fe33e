"""How long the order of behaviours is remembered: transitions τ stays ahead, and their modes.

Eigenvalues of the transitions T(τ) tell how much of the past is left after τ stays. A Markov
chain would leave |λ|^τ of T(1); stays in random order leave what too few samples pretend.
Source: Berman, Bialek & Shaevitz (2016), PNAS 113(42):11943-11948.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from gambol.core.errors import InputError
from gambol.kernels import markov, streams

LONGEST = 1000  # stays


class Modes(NamedTuple):
    """Sizes of the K largest eigenvalues of transitions at L lags; the first is always 1."""

    lags: Int64[np.ndarray, " L"]  # τ, in stays
    real: Float64[np.ndarray, "L K"]
    chain: Float64[np.ndarray, "L K"]  # of a Markov chain with the same T(1): |λ(1)|^τ
    shuffled: Float64[np.ndarray, "B L K"]  # of stays in random order, B times
    pairs: Int64[np.ndarray, " L"]  # stays that are that far apart, in all recordings
    labels: Int64[np.ndarray, " S"]  # regions that occur


def chains(region: Sequence[Int64[np.ndarray, " _"]]) -> list[Int64[np.ndarray, " _"]]:
    """Return which regions follow each other, a list for every stretch without a gap.

    Args:
        region: of the frames of each recording: 1 …, 0 in transit, -1 in a gap. A region that
            is left for transit only and entered again is one stay.

    >>> [c.tolist() for c in chains([np.array([2, 2, 0, 2, 0, 1, -1, 3, 3])])]
    [[2, 1], [3]]
    """
    out = []
    for labels in region:
        gap = np.flatnonzero(labels < 0)
        for piece in np.split(labels, gap):
            stays = piece[piece > 0]
            if len(stays):
                out.append(stays[np.append(True, stays[1:] != stays[:-1])].astype(np.int64))
    return out


def counts(
    followed: Sequence[Int64[np.ndarray, " _"]], size: int, lag: int
) -> Int64[np.ndarray, "S S"]:
    """Count stays i with a stay j `lag` stays later.

    Args:
        followed: labels 0 … S - 1 of successive stays.
        size: S.
        lag: τ, 1 or more.
    """
    total = np.zeros(size * size, np.int64)
    for one in followed:
        total += np.bincount(one[:-lag] * size + one[lag:], minlength=size * size)
    return total.reshape(size, size)


def transitions(
    region: Sequence[Int64[np.ndarray, " _"]], regions: int, lag: int = 1
) -> Float64[np.ndarray, "R R"]:
    """Return P(region j is `lag` stays later | region i); NaN in rows that nothing follows.

    Args:
        region: of the frames of each recording: 1 …, 0 in transit, -1 in a gap.
        regions: R.
        lag: τ.
    """
    table = counts([one - 1 for one in chains(region)], regions, lag)
    left = table.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(left > 0, table / left, np.nan)


def default_lags(longest: int = LONGEST, each: int = 8) -> Int64[np.ndarray, " L"]:
    """Return lags from 1 to the longest, `each` to a factor of ten where they are that dense.

    >>> default_lags(10, 4).tolist()
    [1, 2, 3, 6, 10]
    """
    steps = int(np.ceil(each * np.log10(max(longest, 1)))) + 1
    return np.unique(np.rint(np.geomspace(1, longest, max(steps, 1))).astype(np.int64))


def modes(
    region: Sequence[Int64[np.ndarray, " _"]],
    lags: Int64[np.ndarray, " L"] | None = None,
    *,
    most: int = 8,
    shuffles: int = 20,
    random_state: int = 0,
) -> Modes:
    """Return the sizes of eigenvalues of T(τ), of a chain's, and of shuffled stays.

    Regions that nothing follows at a lag are followed by what follows in general, so that
    every row is a distribution.

    Args:
        region: of the frames of each recording: 1 …, 0 in transit, -1 in a gap.
        lags: τ, in stays; 1 … 1,000 without. Those
            with fewer pairs of stays than regions are left out.
        most: eigenvalues, K.
        shuffles: times that the stays of each recording are put in random order.
        random_state: seed.
    """
    followed = chains(region)
    longest = max((len(one) for one in followed), default=0)
    if longest < 2:
        raise InputError("no recording moves from one region to another; transitions need that")
    labels, joined = np.unique(np.concatenate(followed), return_inverse=True)
    ends = np.cumsum([len(one) for one in followed])[:-1]
    followed = np.split(joined.astype(np.int64), ends)
    lags = default_lags() if lags is None else np.asarray(lags, np.int64)
    pairs = np.array([sum(max(0, len(one) - lag) for one in followed) for lag in lags.tolist()])
    enough = (pairs >= len(labels)) | (lags == 1)
    lags, pairs = lags[enough], pairs[enough]
    kept = min(most, len(labels))
    real = _sizes(followed, len(labels), lags, kept)
    first = _sizes(followed, len(labels), np.array([1]), kept)[0]
    shuffled = np.empty((shuffles, len(lags), kept))
    for b in range(shuffles):
        rng = streams.generator(random_state, "transition modes", b)
        mixed = [rng.permutation(one) for one in followed]
        shuffled[b] = _sizes(mixed, len(labels), lags, kept)
    return Modes(lags, real, first ** lags[:, None], shuffled, pairs.astype(np.int64), labels)


def _sizes(
    followed: Sequence[Int64[np.ndarray, " _"]],
    size: int,
    lags: Int64[np.ndarray, " L"],
    most: int,
) -> Float64[np.ndarray, "L K"]:
    """Sizes of the largest eigenvalues of the transitions at each lag, falling."""
    tables = np.stack([counts(followed, size, lag) for lag in lags.tolist()])
    values = np.abs(np.linalg.eigvals(markov.transitions(tables)))
    return np.sort(values, axis=1)[:, ::-1][:, :most].copy()
