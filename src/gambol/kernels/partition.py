"""The best way to part a few things into groups: every pair is worth something together.

Two things of one kind are never together. The integer programme has a variable for every pair,
and says of every three things that who is with the second is with the third. Source: Pishchulin
et al. (2016), CVPR, "DeepCut: joint subset partition and labeling for multi person pose
estimation", where the parts of the candidates are known.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

SECONDS = 2.0  # of the solver, at most


class Partition(NamedTuple):
    """Who is with whom."""

    label: Int[np.ndarray, " P"]  # group of each thing
    gap: float  # how much more the best partition may be worth; 0: this is the best


def worth(gain: Float[np.ndarray, "P P"], label: Int[np.ndarray, " P"]) -> float:
    """Sum of the gains of all pairs that are together.

    >>> worth(np.array([[0.0, 2.0], [2.0, 0.0]]), np.array([7, 7]))
    2.0
    """
    return float(np.triu(gain * (label[:, None] == label), 1).sum())


def keep(gain: Float[np.ndarray, "P P"], label: Int[np.ndarray, " P"]) -> Partition:
    """Keep a partition; no other is worth more than all gains together."""
    most = np.triu(np.maximum(gain, 0), 1).sum()
    return Partition(label, float(most) - worth(gain, label))


def improve(
    gain: Float[np.ndarray, "P P"],
    kind: Int[np.ndarray, " P"],
    label: Int[np.ndarray, " P"],
    seconds: float = SECONDS,
) -> Partition:
    """Find the partition that is worth most, or keep the one that is there.

    What the solver holds when its time is over depends on the machine, so that is not taken.

    Args:
        gain: what it is worth that two are together, symmetric.
        kind: of each thing; two of one kind are never together.
        label: a partition, kept unless the best one is better and found in time.
        seconds: that the solver may take.
    """
    first, second = np.triu_indices(len(kind), 1)
    free = kind[first] != kind[second]
    first, second = first[free], second[free]
    value = gain[first, second]
    before = worth(gain, label)
    if not len(value):
        return Partition(label, 0.0)
    found = milp(
        -value,
        integrality=np.ones(len(value)),
        bounds=Bounds(0, 1),
        constraints=_transitive(first, second, len(kind)),
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    if found.status != 0:
        most = float(value[value > 0].sum())  # what no partition exceeds
        if found.mip_dual_bound is not None and np.isfinite(found.mip_dual_bound):
            most = min(most, -float(found.mip_dual_bound))
        return Partition(label, max(most - before, 0.0))
    own = _groups(found.x > 1 / 2, first, second, len(kind))
    better = worth(gain, own) > before + 1e-9 * (1 + abs(before))  # else rounding
    return Partition(own if better else label, 0.0)


def _groups(
    joined: np.ndarray, first: np.ndarray, second: np.ndarray, n: int
) -> Int[np.ndarray, " P"]:
    links = (np.ones(joined.sum()), (first[joined], second[joined]))
    label = connected_components(csr_array(links, shape=(n, n)), directed=False)[1]
    return np.asarray(label, np.int64)


def _transitive(first: np.ndarray, second: np.ndarray, n: int) -> LinearConstraint:
    """Who is with b and with c of three has b with c: z_ab + z_ac - z_bc <= 1."""
    place = np.full((n, n), -1)  # of the variable of a pair; -1 where both are of one kind
    place[first, second] = place[second, first] = np.arange(len(first))
    a, b, c = np.meshgrid(*[np.arange(n)] * 3, indexing="ij")
    three = (b < c) & (a != b) & (a != c)
    ab, ac, bc = (place[pair][three] for pair in ((a, b), (a, c), (b, c)))
    use = (ab >= 0) & (ac >= 0)
    ab, ac, bc = ab[use], ac[use], bc[use]
    row = np.arange(len(ab))
    some = bc >= 0  # else b and c are of one kind: z_ab + z_ac <= 1
    matrix = csr_array(
        (
            np.repeat([1.0, 1.0, -1.0], [len(row), len(row), some.sum()]),
            (np.concatenate([row, row, row[some]]), np.concatenate([ab, ac, bc[some]])),
        ),
        shape=(len(row), len(first)),
    )
    return LinearConstraint(matrix, -np.inf, 1.0)
