"""Permutation tests on ranks: many measures at once, whole units permuted, ties allowed.

Statistics are sums of scores over groups, so that a matrix product with the indicators of all
arrangements does the work. Source: Kruskal & Wallis (1952), JASA 47(260):583-621; Dunn (1964),
Technometrics 6(3):241-252; Friedman (1937), JASA 32(200):675-701; Phipson & Smyth (2010),
Stat. Appl. Genet. Mol. Biol. 9(1):39, for p that is never 0.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata

_CELLS = 4_000_000  # numbers held at once


class Arrangements(NamedTuple):
    """B ways to give the labels of M units to them."""

    labels: Int[np.ndarray, "B M"]
    exact: bool  # all of them, the one that was seen among them; else random ones


class Scores(NamedTuple):
    """Centred ranks of S measures of M units; 0 where a unit lacks a measure."""

    score: Float[np.ndarray, "M S"]  # variance 1 over the units that have it
    present: Bool[np.ndarray, "M S"]
    usable: Bool[np.ndarray, " S"]  # whether values differ at all


def arrangements(
    labels: Int[np.ndarray, " M"],
    blocks: Int[np.ndarray, " M"],
    most: int,
    rng: np.random.Generator,
) -> Arrangements:
    """Permute labels within blocks: in all distinct ways if these are at most `most`.

    Args:
        labels: of the units.
        blocks: units of one block exchange labels with each other only.
        most: number of random arrangements if there are more.
        rng: source of these.

    >>> one = np.zeros(3, int)
    >>> arrangements(np.array([0, 0, 1]), one, 10, np.random.default_rng(0)).labels.tolist()
    [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    """
    if count(labels, blocks) <= most:
        return Arrangements(_every(labels, blocks), True)
    order = np.argsort(blocks, kind="stable")
    shuffled = np.argsort(blocks + rng.random((most, len(labels))), axis=1)
    drawn = np.empty((most, len(labels)), labels.dtype)
    drawn[:, order] = labels[shuffled]
    return Arrangements(drawn, False)


def count(labels: Int[np.ndarray, " M"], blocks: Int[np.ndarray, " M"]) -> int:
    """Return the number of distinct arrangements.

    >>> count(np.array([0, 0, 1, 1]), np.zeros(4, int))
    6
    """
    total = 1
    for block in np.unique(blocks):
        sizes = np.unique(labels[blocks == block], return_counts=True)[1]
        left = int(sizes.sum())
        for size in sizes.tolist():
            total *= math.comb(left, size)
            left -= size
    return total


def ranked(values: Float[np.ndarray, "M S"]) -> Scores:
    """Rank every measure over the units that have it (not NaN), ties by their mean rank."""
    rank = rankdata(values, axis=0, nan_policy="omit")
    return standardised(rank)


def standardised(values: Float[np.ndarray, "M S"]) -> Scores:
    """Subtract the mean and divide by the standard deviation (n - 1), measure by measure."""
    present = np.isfinite(values)
    n = present.sum(axis=0)
    filled = np.where(present, values, 0.0)
    centred = np.where(present, filled - filled.sum(axis=0) / np.maximum(n, 1), 0.0)
    square = (centred**2).sum(axis=0)
    usable = square > 1e-12
    scale = np.sqrt(np.where(usable, square, 1.0) / np.maximum(n - 1, 1))
    return Scores(np.where(usable, centred / scale, 0.0), present, usable)


def kruskal(
    scores: Scores, labels: Int[np.ndarray, "B M"], groups: int
) -> Float[np.ndarray, "B S"]:
    """Return H with the correction for ties, for every arrangement; NaN without variance.

    H = sum over groups of (sum of scores)^2 / (units), scores having variance 1 over n - 1.

    >>> seen = ranked(np.array([[1.0], [2.0], [3.0], [4.0]]))
    >>> kruskal(seen, np.array([[0, 0, 1, 1]]), 2).round(6).tolist()
    [[2.4]]
    """
    out = np.empty((len(labels), scores.score.shape[1]))
    whole = bool(scores.present.all())
    for rows, inside in _indicators(labels, groups, scores.score.shape[1]):
        sums = inside @ scores.score  # (b, G, S)
        if whole:
            n = inside.sum(axis=2, keepdims=True)
        else:
            n = inside @ scores.present.astype(np.float64)
        out[rows] = (sums**2 / np.maximum(n, 1.0)).sum(axis=1)
    return np.where(scores.usable, out, np.nan)


def dunn(
    scores: Scores, labels: Int[np.ndarray, "B M"], one: int, other: int
) -> Float[np.ndarray, "B S"]:
    """Return z of the difference of the mean ranks of two groups, for every arrangement.

    With the variance of ranks over all units, ties corrected: z = (m_1 - m_2) / sqrt(1/n_1 +
    1/n_2) of scores of variance 1. NaN where a group has no unit with the measure.
    """
    out = np.empty((len(labels), scores.score.shape[1]))
    present = scores.present.astype(np.float64)
    pair = np.where(labels == one, 0, np.where(labels == other, 1, 2))
    for rows, inside in _indicators(pair, 2, scores.score.shape[1]):
        sums, n = inside @ scores.score, inside @ present
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = sums / n
            out[rows] = (mean[:, 0] - mean[:, 1]) / np.sqrt((1 / n).sum(axis=1))
    return np.where(scores.usable, out, np.nan)


def ratio_of_sums(
    seen: Float[np.ndarray, "M S"],
    expected: Float[np.ndarray, "M S"],
    labels: Int[np.ndarray, "B M"],
    groups: int,
) -> Float[np.ndarray, "B S"]:
    """Return the sum over groups of (seen - expected)^2 / expected, as the log-rank test has.

    Args:
        seen: events of each unit.
        expected: of each unit if all groups were alike (`hazards`).
        labels: groups of the units; units of none have a label that is not below `groups`.
        groups: number of groups, G.
    """
    out = np.empty((len(labels), seen.shape[1]))
    for rows, inside in _indicators(labels, groups, seen.shape[1]):
        away, mean = inside @ (seen - expected), inside @ expected
        out[rows] = np.where(mean > 0, away**2 / np.where(mean > 0, mean, 1.0), 0.0).sum(axis=1)
    return out


def hazards(
    duration: Float[np.ndarray, " N"], ended: Bool[np.ndarray, " N"]
) -> Float[np.ndarray, " N"]:
    """Return the cumulative hazard up to each duration, pooled (Nelson & Aalen).

    Its sum over the durations of a unit is the number of events expected of it.
    Source: Peto & Peto (1972), J. R. Stat. Soc. A 135(2):185-207.
    """
    if not len(duration):
        return np.zeros(0)
    times, place = np.unique(duration, return_inverse=True)
    events = np.bincount(place, ended, minlength=len(times))
    at_risk = len(duration) - np.searchsorted(np.sort(duration), times)
    return np.asarray((events / at_risk).cumsum()[place])


def interaction(
    residuals: Float[np.ndarray, "A C S"],
    labels: Int[np.ndarray, "B A"],
    orders: Int[np.ndarray, "B A C"],
    groups: int,
) -> Float[np.ndarray, "B S"]:
    """Return F of group by condition of permuted residuals.

    Args:
        residuals: of animal and condition, without the means of either.
        labels: group of each animal.
        orders: which condition's residual stands at each condition, by animal.
        groups: number of groups.
    """
    animals, conditions, size = residuals.shape
    out = np.empty((len(labels), size))
    total = (residuals**2).sum(axis=(0, 1))
    between, within = (groups - 1) * (conditions - 1), (animals - groups) * (conditions - 1)
    for rows, inside in _indicators(labels, groups, animals * conditions * size):
        moved = residuals[np.arange(animals)[:, None], orders[rows]]  # (b, A, C, S)
        flat = moved.reshape(len(moved), animals, conditions * size)
        n = inside.sum(axis=2)[..., None]
        means = (inside @ flat / n).reshape(len(moved), groups, conditions, size)
        whole = moved.mean(axis=1, keepdims=True)
        explained = (n[..., None] * (means - whole) ** 2).sum(axis=(1, 2))
        left = total - animals * (whole[:, 0] ** 2).sum(axis=1) - explained
        with np.errstate(invalid="ignore", divide="ignore"):
            out[rows] = (explained / between) / (np.maximum(left, 0.0) / within)
    return np.where(total > 1e-12, out, np.nan)


def p_values(
    observed: Float[np.ndarray, " S"], null: Float[np.ndarray, "B S"], exact: bool
) -> Float[np.ndarray, " S"]:
    """Return the share of arrangements at least as extreme; never 0, NaN without statistic.

    Args:
        observed: large is extreme.
        null: the same of the arrangements.
        exact: whether these are all; else what was seen counts as one more.
    """
    with np.errstate(invalid="ignore"):
        slack = 1e-9 * np.maximum(1.0, np.abs(observed))  # rounding breaks no tie
        least = (null >= observed - slack).sum(axis=0)
    p = least / len(null) if exact else (1 + least) / (len(null) + 1)
    return np.where(np.isnan(observed), np.nan, p)


def benjamini_hochberg(p: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
    """Return p corrected for the false discovery rate; NaN counts as no test.

    Source: Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57(1):289-300.

    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    q = np.full(len(p), np.nan)
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return q


def _indicators(
    labels: Int[np.ndarray, "B M"], groups: int, size: int
) -> Iterator[tuple[slice, Float[np.ndarray, "b G M"]]]:
    """Yield rows of arrangements and which unit is in which group there."""
    step = max(1, _CELLS // (groups * max(size, labels.shape[1])))
    for start in range(0, len(labels), step):
        rows = slice(start, start + step)
        inside = labels[rows, None, :] == np.arange(groups)[:, None]
        yield rows, inside.astype(np.float64)


def _every(
    labels: Int[np.ndarray, " M"], blocks: Int[np.ndarray, " M"]
) -> Int[np.ndarray, "B M"]:
    """Return all distinct arrangements."""
    out = labels[None].copy()
    for block in np.unique(blocks):
        own = np.flatnonzero(blocks == block)
        inside = np.array(list(_multiset(np.sort(labels[own]).tolist())), labels.dtype)
        n = len(out)
        out = np.repeat(out, len(inside), axis=0)
        out[:, own] = np.tile(inside, (n, 1))
    return out


def _multiset(rest: list[int]) -> Iterator[list[int]]:
    """Yield the distinct orders of sorted numbers."""
    if not rest:
        yield []
    for i, number in enumerate(rest):
        if i == 0 or number != rest[i - 1]:
            for tail in _multiset(rest[:i] + rest[i + 1 :]):
                yield [number, *tail]
