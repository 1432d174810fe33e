"""How far two ways of labelling the same frames say the same.

Two fits of one model, a fit and a human, or models of different size: everything follows from
one exact table of the frames with label i here and label j there.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from scipy.special import xlogy

from gambol.core.errors import InputError
from gambol.core.sequences import Sequences, lengths, select
from gambol.kernels import pair_tables


class Agreement(NamedTuple):
    """How alike two labellings are; 1 is equal but for `variation`, where 0 is."""

    adjusted_rand: float  # 0 is chance. Hubert & Arabie (1985)
    mutual: float  # information shared, over the mean of both entropies
    variation: float  # of information, in nats. Meilă (2007)
    accuracy: float  # share of frames with the matched label


class Matched(NamedTuple):
    """Which label there stands for which label here."""

    partner: Int[np.ndarray, " K"]  # of each label here; -1 where there are too few
    confusion: Float[np.ndarray, "K L"]  # rows sum to 1; a label that is not used is NaN
    order: Int[np.ndarray, " L"]  # labels there, partners first in the order of labels here


def contingency(one: Sequences, other: Sequences) -> Int[np.ndarray, "K L"]:
    """Count frames by their label in both; recordings are found by name.

    Frames without a label in either do not count.

    >>> from gambol.core.sequences import pack
    >>> a = pack([np.array([0, 0, 1])], ["x"], 25.0)
    >>> contingency(a, pack([np.array([1, 1, -1])], ["x"], 25.0)).tolist()
    [[0, 2], [0, 0]]
    """
    if set(one.names) != set(other.names):
        lone = sorted(set(one.names) ^ set(other.names))[0]
        raise InputError(f"recording {lone!r} is in one set of labels only; compare the same")
    other = select(other, one.names)
    frames = lengths(one)
    for name, here, there in zip(one.names, frames, lengths(other), strict=True):
        if here != there:
            raise InputError(
                f"recording {name!r} has {here} frames here and {there} there; compare labels "
                "of the same frames"
            )
    every = np.arange(len(frames))
    pairing = pair_tables.Pairing(every, every, np.zeros_like(every), frames)
    total = np.zeros((one.size, other.size), np.int64)
    a, b = (pair_tables.labels(s.values, s.valid, s.offsets, s.size) for s in (one, other))
    for r in every:  # one table at a time, however many recordings
        part = pair_tables.Pairing(*(column[r : r + 1] for column in pairing))
        total += pair_tables.tables(a, b, part)[0]
    return total


def agreement(table: Int[np.ndarray, "K L"]) -> Agreement:
    """Return how alike two labellings are; NaN where there is no frame.

    >>> agreement(np.array([[0, 5], [5, 0]]))
    Agreement(adjusted_rand=1.0, mutual=1.0, variation=0.0, accuracy=1.0)
    """
    n = int(table.sum())
    if n == 0:
        return Agreement(*(float("nan"),) * 4)
    share = table / n
    row, column = share.sum(1), share.sum(0)
    entropies = [float(-xlogy(p, p).sum()) for p in (row, column)]
    shared = max(0.0, float(xlogy(share, share).sum()) + sum(entropies))
    whole = sum(entropies)
    best = linear_sum_assignment(table, maximize=True)
    return Agreement(
        adjusted_rand(table),
        2 * shared / whole if whole > 0 else 1.0,
        max(0.0, whole - 2 * shared),
        float(table[best].sum() / n),
    )


def adjusted_rand(table: Int[np.ndarray, "K L"]) -> float:
    """Return the adjusted Rand index; 1 where both labellings are one single label."""

    def pairs(counts: np.ndarray) -> float:
        return float((counts.astype(float) * (counts - 1.0)).sum() / 2)

    together, here, there = pairs(table), pairs(table.sum(1)), pairs(table.sum(0))
    every = pairs(np.array([table.sum()]))
    if every == 0:
        return 1.0
    chance, most = here * there / every, (here + there) / 2
    return 1.0 if most == chance else (together - chance) / (most - chance)


def match(table: Int[np.ndarray, "K L"]) -> Matched:
    """Give each label here the label there that shares most frames with it, one to one."""
    rows, columns = linear_sum_assignment(table, maximize=True)
    partner = np.full(len(table), -1)
    partner[rows] = columns
    used = table.sum(1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        confusion = np.where(used > 0, table / used, np.nan)
    rest = np.setdiff1d(np.arange(table.shape[1]), partner)
    return Matched(partner, confusion, np.concatenate([partner[partner >= 0], rest]))


def pairwise(labellings: list[Sequences]) -> Float[np.ndarray, "M M"]:
    """Return the adjusted Rand index of every two labellings; a matrix with ones."""
    out = np.eye(len(labellings))
    for i, one in enumerate(labellings):
        for j in range(i):
            out[i, j] = out[j, i] = adjusted_rand(contingency(one, labellings[j]))
    return out


def medoid(alike: Float[np.ndarray, "M M"]) -> int:
    """Return the labelling that agrees best with all others; the first of equals."""
    others = (alike.sum(1) - np.diag(alike)) / max(1, len(alike) - 1)
    return int(np.argmax(others))


def flows(table: Int[np.ndarray, "K L"]) -> Float[np.ndarray, "K L"]:
    """Return the share of all frames in each pair of labels, for a Sankey plot."""
    return table / max(1, int(table.sum()))
