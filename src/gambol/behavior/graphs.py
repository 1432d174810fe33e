"""What follows what: words of labels, matrices of pairs, and where a graph has its nodes.

Pairs and words are of bouts that touch: never across a gap or the end of a recording. Groups
are compared in one layout, which is found for all of them together.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int64
from scipy.sparse.csgraph import shortest_path

from gambol.behavior import group_values
from gambol.behavior.sequences import bouts
from gambol.core.errors import InputError
from gambol.core.sequences import Sequences
from gambol.kernels.runs import all_runs

Normalise = Literal["row", "column", "joint"]
_LOW = 1e-3  # of the largest chance: rarer pairs are as far as this one
_ROUNDS = 300  # of the layout, which has come to rest long before


class Bigrams(NamedTuple):
    """How often label j comes right after label i, in bouts."""

    counts: Int64[np.ndarray, "S S"]
    values: Float[np.ndarray, "S S"]  # row: P(j | i); column: P(i was before | j); joint
    usage: Float[np.ndarray, " S"]  # share of the bouts


class Grouped(NamedTuple):
    """Graphs of groups of animals: means over animals, each counted once."""

    levels: tuple[str, ...]  # names of the groups
    animals: Int64[np.ndarray, " G"]
    values: Float[np.ndarray, "G S S"]  # mean over animals of the normalised matrix
    usage: Float[np.ndarray, "G S"]  # mean over animals of the share of bouts


def bigrams(sequences: Sequences, normalise: Normalise = "row") -> Bigrams:
    """Count pairs of bouts; rows or columns without any are NaN.

    Args:
        sequences: labels of frames.
        normalise: row, P(next | now); column, P(before | now); joint, share of all pairs.
    """
    counts = _pairs(sequences).sum(axis=0)
    found = bouts(sequences).label
    usage = np.bincount(found, minlength=sequences.size) / max(1, len(found))
    return Bigrams(counts, normalised(counts, normalise), usage)


def normalised(
    counts: Int64[np.ndarray, "*n S S"], normalise: Normalise
) -> Float[np.ndarray, "*n S S"]:
    """Divide counts by those of the row, the column or all; NaN where there is none.

    >>> normalised(np.array([[0, 3], [1, 0]]), "joint").tolist()
    [[0.0, 0.75], [0.25, 0.0]]
    """
    axis = {"row": (-1,), "column": (-2,), "joint": (-2, -1)}[normalise]
    total = counts.sum(axis=axis, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1), np.nan)


def grouped(
    sequences: Sequences, animals: pd.DataFrame, factor: str, normalise: Normalise = "row"
) -> Grouped:
    """Return the mean matrix of each group; an animal counts once, however long it was seen.

    Args:
        sequences: labels of frames.
        animals: a row a recording: `recording`, `animal` and the factor.
        factor: column that tells groups apart.
        normalise: as `bigrams`.
    """
    size = sequences.size
    each = normalised(_pairs(sequences), normalise).reshape(len(sequences.names), -1)
    index = pd.Index(sequences.names, name="recording")
    pairs = group_values.units(pd.DataFrame(each, index), animals, factor)
    used = group_values.units(group_values.usage(sequences, "bout"), animals, factor)
    count = np.bincount(pairs.level, minlength=len(pairs.levels)).astype(np.int64)
    values, usage = (
        np.stack([_mean(unit.values[unit.level == g]) for g in range(len(unit.levels))])
        for unit in (pairs, used)
    )
    return Grouped(pairs.levels, count, values.reshape(-1, size, size), usage)


def n_grams(
    sequences: Sequences, length: int, names: Sequence[str] | None = None, most: int = 50
) -> pd.DataFrame:
    """Return the most frequent words of labels: consecutive bouts that touch.

    Args:
        sequences: labels of frames.
        length: bouts of a word, 2 or more.
        names: of the labels; without them their numbers.
        most: rows of the table.

    Returns:
        word, count, share of all words of this length, the count expected if each bout
        depended on the one before alone, their ratio, and the recordings that have it.
    """
    if length < 2:
        raise InputError(f"words of {length} bouts; give 2 or more")
    words, where = _words(sequences, length)
    said = [str(k) for k in range(sequences.size)] if names is None else list(names)
    if not len(words):
        columns = ["word", "count", "share", "expected", "ratio", "recordings"]
        return pd.DataFrame(columns=columns)
    kinds, kind, counts = np.unique(words, axis=0, return_inverse=True, return_counts=True)
    expected = _expected(sequences, words, kinds)
    own = np.unique(np.stack([kind.ravel(), where], axis=1), axis=0)[:, 0]
    table = pd.DataFrame(
        {
            "word": [" › ".join(said[k] for k in word) for word in kinds],
            "count": counts,
            "share": counts / len(words),
            "expected": expected,
            "ratio": counts / expected,
            "recordings": np.bincount(own, minlength=len(kinds)),
        }
    )
    order = np.lexsort((*kinds.T[::-1], -counts))
    return table.iloc[order[:most]].reset_index(drop=True)


def layout(chance: Float[np.ndarray, "K K"]) -> Float[np.ndarray, "K 2"]:
    """Return where K nodes are, in the unit disc: those that follow each other often are near.

    Distances of pairs are shortest paths over edges of length 1 - log(chance / largest); the
    stress between these and the distances on the page falls with every round (majorisation).
    The same matrix gives the same layout.
    Source: Gansner, Koren & North (2004), Graph Drawing 2004, LNCS 3383:239-250.
    """
    count = len(chance)
    if count < 2:
        return np.zeros((count, 2))
    near = np.nan_to_num(chance)
    near = (near + near.T) / 2
    np.fill_diagonal(near, 0.0)
    largest = float(near.max())
    edges = 1.0 - np.log(np.maximum(near / largest if largest > 0 else near, _LOW))
    apart = shortest_path(edges, directed=False)
    place = _scaled(apart)
    weight = 1.0 / (apart + np.eye(count)) ** 2
    np.fill_diagonal(weight, 0.0)
    laplace = np.diag(weight.sum(axis=1)) - weight
    inverse = np.linalg.pinv(laplace)
    for _ in range(_ROUNDS):
        away = place[:, None] - place
        seen = np.sqrt((away**2).sum(axis=2)) + np.eye(count)
        pull = weight * apart / np.maximum(seen, 1e-9)
        place = inverse @ ((pull.sum(axis=1)[:, None] * place) - pull @ place)
    place -= place.mean(axis=0)
    return np.asarray(place / max(1e-12, float(np.linalg.norm(place, axis=1).max())))


def _pairs(sequences: Sequences) -> Int64[np.ndarray, "R S S"]:
    """Count pairs of bouts that touch, of each recording."""
    words, where = _words(sequences, 2)
    size, count = sequences.size, len(sequences.names)
    cell = (where * size + words[:, 0]) * size + words[:, 1]
    return np.bincount(cell, minlength=count * size * size).reshape(count, size, size)


def _words(
    sequences: Sequences, length: int
) -> tuple[Int64[np.ndarray, "N L"], Int64[np.ndarray, " N"]]:
    """Return all words of bouts that touch, and the recording of each."""
    found, first = all_runs(sequences.values, sequences.valid, sequences.offsets)
    recording = np.repeat(np.arange(len(sequences.names)), np.diff(first))
    count = max(0, len(found.label) - length + 1)
    words = np.stack([found.label[i : i + count] for i in range(length)], axis=1)
    last = recording[length - 1 : length - 1 + count]
    whole = (words >= 0).all(axis=1) & (recording[:count] == last)
    return words[whole], recording[:count][whole]


def _expected(
    sequences: Sequences, words: np.ndarray, kinds: np.ndarray
) -> Float[np.ndarray, " N"]:
    """Return counts if each bout depended on the one before alone."""
    counts = _pairs(sequences).sum(axis=0)
    if kinds.shape[1] == 2:  # a pair is what the model is made of: compare with none of it
        first, second = (words[:, c] for c in (0, 1))
        size = sequences.size
        share = [np.bincount(part, minlength=size) / len(words) for part in (first, second)]
        return np.asarray(len(words) * share[0][kinds[:, 0]] * share[1][kinds[:, 1]])
    chance = np.nan_to_num(normalised(counts, "row"))
    begin = np.bincount(words[:, 0], minlength=sequences.size).astype(float)
    expected = begin[kinds[:, 0]]
    for i in range(kinds.shape[1] - 1):
        expected = expected * chance[kinds[:, i], kinds[:, i + 1]]
    return np.asarray(expected)


def _mean(values: Float[np.ndarray, "M C"]) -> Float[np.ndarray, " C"]:
    """Mean of what is there; NaN where nothing is."""
    seen = np.isfinite(values)
    total = np.where(seen, values, 0.0).sum(axis=0)
    count = seen.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _scaled(apart: Float[np.ndarray, "K K"]) -> Float[np.ndarray, "K 2"]:
    """Return classical scaling, with the largest coordinate of each axis positive."""
    count = len(apart)
    centre = np.eye(count) - 1.0 / count
    values, vectors = np.linalg.eigh(-centre @ apart**2 @ centre / 2)
    place = vectors[:, ::-1][:, :2] * np.sqrt(np.maximum(values[::-1][:2], 1e-12))
    if place.shape[1] < 2:
        place = np.column_stack([place, np.zeros(count)])
    sign = np.sign(place[np.abs(place).argmax(axis=0), [0, 1]])
    return place * np.where(sign == 0, 1.0, sign)
