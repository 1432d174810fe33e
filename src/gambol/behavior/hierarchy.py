"""Groups of behaviours within groups: by what follows them, and by how they look.

The deterministic information bottleneck makes few groups Z of regions S that still tell which
region comes τ stays later (Y): H(Z) - β I(Z; Y) is least. The larger β, the more groups; the
groups of all sizes form a tree as far as each lies within one of the next coarser ones.
Sources: Strouse & Schwab (2017), Neural Computation 29(6):1611-1630; Berman, Bialek & Shaevitz
(2016), PNAS 113(42):11943-11948; Ward (1963), JASA 58(301):236-244.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64
from scipy.special import xlogy

from gambol.core.errors import InputError
from gambol.kernels import streams

STARTS = 20
_ROUNDS = 100  # updates of one start; it mostly settles in ten
_BETWEEN = 4  # times that β between are tried
_TINY = 1e-300  # log of what never happens


class Grouping(NamedTuple):
    """S regions in Z groups, numbered by mass from 0."""

    label: Int64[np.ndarray, " S"]  # -1: a region that is not used
    entropy: float  # H(Z), nats
    information: float  # I(Z; Y), nats
    beta: float


class Hierarchy(NamedTuple):
    """Groupings from one group to many, and how well they nest."""

    sweep: tuple[Grouping, ...]  # best at each β, ascending
    levels: tuple[Grouping, ...]  # one for each number of groups found, ascending
    parent: tuple[Int64[np.ndarray, " _"], ...]
    # of level n + 1: which group of level n holds most of each of its groups
    overlap: tuple[Float64[np.ndarray, " _"], ...]  # what share it holds; 1: a perfect tree
    order: Int64[np.ndarray, " s"]  # of the regions that are used, along the tree's leaves
    whole: float  # I(S; Y), nats: what all regions tell

    @property
    def nested(self) -> float:
        """Mean share of the groups that lies in their parents; 1 for a tree."""
        return float(np.mean([share.mean() for share in self.overlap] or [1.0]))


def bottleneck(
    usage: Float[np.ndarray, " S"],
    transitions: Float[np.ndarray, "S S"],
    beta: float,
    *,
    starts: int = STARTS,
    random_state: int = 0,
) -> Grouping:
    """Return the best of several groupings at one β.

    Args:
        usage: how often each region occurs; sums to 1.
        transitions: P(region after τ | region), every row a distribution.
        beta: what a nat of information is worth, in nats of H(Z).
        starts: random first groupings, from 2 groups to one for each region.
        random_state: seed.
    """
    size = len(usage)
    best: Grouping | None = None
    worth = np.inf
    for k in range(starts):
        rng = streams.generator(random_state, "bottleneck", k)
        groups = size if k == 0 else int(rng.integers(2, max(size, 2) + 1))
        first = np.arange(size) if k == 0 else rng.integers(0, groups, size)
        label = _settle(usage, transitions, first, beta)
        made = _grouping(usage, transitions, label, beta)
        cost = made.entropy - beta * made.information
        if cost < worth - 1e-12:
            best, worth = made, cost
    if best is None:
        raise InputError(f"starts is {starts}; give at least 1")
    return best


def hierarchy(
    usage: Float[np.ndarray, " S"],
    transitions: Float[np.ndarray, "S S"],
    betas: Float[np.ndarray, " B"] | None = None,
    *,
    starts: int = STARTS,
    random_state: int = 0,
) -> Hierarchy:
    """Sweep β, keep the most telling grouping of each size and join them to a tree.

    Args:
        usage: how often each region occurs; scaled to sum 1.
        transitions: P(region after τ | region); rows of NaN are taken to be the usage.
        betas: ascending; without, 30 from 1 to 1,000. Where the number of groups jumps, β
            between are tried.
        starts: first groupings at each β.
        random_state: seed.
    """
    usage = np.asarray(usage, np.float64) / np.sum(usage)
    used = np.flatnonzero(usage > 0)
    mass = usage[used]
    rows = np.where(np.isnan(transitions), usage, transitions)[np.ix_(used, used)]
    rows /= np.maximum(rows.sum(axis=1, keepdims=True), _TINY)

    def best(beta: float) -> Grouping:
        return bottleneck(mass, rows, beta, starts=starts, random_state=random_state)

    sweep = _swept(best, np.geomspace(1.0, 1000.0, 30) if betas is None else betas)
    levels = {1: _grouping(mass, rows, np.zeros(len(mass), np.int64), 0.0)}
    for found in sweep:
        told = levels.setdefault(_groups(found), found).information
        if found.information > told:
            levels[_groups(found)] = found
    ordered = [levels[n] for n in sorted(levels)]
    tree = [_inside(mass, *pair) for pair in zip(ordered[:-1], ordered[1:], strict=True)]
    parent, overlap = tuple(p for p, _ in tree), tuple(share for _, share in tree)
    whole = _grouping(mass, rows, np.arange(len(mass)), 0.0).information
    order = used[_leaves(mass, ordered, parent)]
    spread = [
        tuple(one._replace(label=_spread(one.label, used, len(usage))) for one in many)
        for many in (sweep, ordered)
    ]
    return Hierarchy(spread[0], spread[1], parent, overlap, order, whole)


def ward(mean: Float[np.ndarray, "R C F"]) -> Float64[np.ndarray, "N 4"]:
    """Join regions by the look of their mean spectrograms; the table is that of scipy.

    Spectrograms are made distributions and their roots compared, so that distances are those
    of Hellinger and loud regions are not apart from quiet ones for that alone.

    Args:
        mean: amplitudes of the regions, all known.
    """
    from scipy.cluster.hierarchy import linkage, optimal_leaf_ordering
    from scipy.spatial.distance import pdist

    flat = mean.reshape(len(mean), -1).astype(np.float64)
    if len(flat) < 2 or not np.isfinite(flat).all():
        raise InputError(
            f"{int(np.isfinite(flat).all(axis=1).sum())} of {len(flat)} regions have a mean "
            "spectrogram; a tree needs two, and no region without frames"
        )
    total = np.maximum(flat.sum(axis=1, keepdims=True), _TINY)
    apart = pdist(np.sqrt(flat / total))
    return np.asarray(optimal_leaf_ordering(linkage(apart, "ward"), apart))


def _swept(best: Callable[[float], Grouping], betas: Float[np.ndarray, " B"]) -> list[Grouping]:
    """Group at each β, and between two of them while numbers of groups are passed over."""
    sweep = [best(float(beta)) for beta in betas]
    for _ in range(_BETWEEN):
        finer = sweep[:1]
        for low, high in zip(sweep[:-1], sweep[1:], strict=True):
            if _groups(high) > _groups(low) + 1:
                finer.append(best(float(np.sqrt(low.beta * high.beta))))
            finer.append(high)
        sweep = finer
    return sweep


def _groups(found: Grouping) -> int:
    return int(found.label.max()) + 1


def _spread(
    label: Int64[np.ndarray, " s"], used: Int64[np.ndarray, " s"], size: int
) -> Int64[np.ndarray, " S"]:
    """Return labels of all regions, -1 for those that are not used."""
    out = np.full(size, -1, np.int64)
    out[used] = label
    return out


def _settle(
    usage: Float64[np.ndarray, " S"],
    rows: Float64[np.ndarray, "S S"],
    label: Int64[np.ndarray, " S"],
    beta: float,
) -> Int64[np.ndarray, " S"]:
    """Move s to argmax_z log q(z) - β KL(p(.|s) || q(.|z)) and join groups, until still."""
    for _ in range(_ROUNDS):
        _, label = np.unique(label, return_inverse=True)
        mass, inside = _pooled(usage, rows, label)
        # - KL up to what does not depend on z: sum_y p(y|s) log q(y|z)
        gain = np.log(mass) + beta * rows @ np.log(np.maximum(inside, _TINY)).T
        new = gain.argmax(axis=1)
        if (new == label).all():
            joined = _join(usage, rows, label, beta)
            if joined is None:
                break
            new = joined
        label = new
    return np.unique(label, return_inverse=True)[1].astype(np.int64)


def _join(
    usage: Float64[np.ndarray, " S"],
    rows: Float64[np.ndarray, "S S"],
    label: Int64[np.ndarray, " S"],
    beta: float,
) -> Int64[np.ndarray, " S"] | None:
    """Join the two groups that lowers the cost most; none if no pair lowers it.

    Single updates move one region at a time, so a group that is split in two never closes.
    """
    mass, inside = _pooled(usage, rows, label)
    if len(mass) < 2:
        return None
    a, b = np.triu_indices(len(mass), 1)
    both = mass[a] + mass[b]
    middle = (mass[a, None] * inside[a] + mass[b, None] * inside[b]) / both[:, None]
    entropy = -xlogy(inside, inside).sum(axis=1)
    lost = (
        -both * xlogy(middle, middle).sum(axis=1) - mass[a] * entropy[a] - mass[b] * entropy[b]
    )
    saved = xlogy(both, both) - xlogy(mass[a], mass[a]) - xlogy(mass[b], mass[b])
    change = beta * lost - saved
    best = int(change.argmin())
    if change[best] >= -1e-12:
        return None
    return np.where(label == b[best], a[best], label)


def _pooled(
    usage: Float64[np.ndarray, " S"],
    rows: Float64[np.ndarray, "S S"],
    label: Int64[np.ndarray, " S"],
) -> tuple[Float64[np.ndarray, " Z"], Float64[np.ndarray, "Z S"]]:
    """Return q(z) and q(y | z)."""
    member = (label == np.arange(label.max() + 1)[:, None]) * usage
    mass = np.maximum(member.sum(axis=1), _TINY)
    return mass, member @ rows / mass[:, None]


def _grouping(
    usage: Float64[np.ndarray, " S"],
    rows: Float64[np.ndarray, "S S"],
    label: Int64[np.ndarray, " S"],
    beta: float,
) -> Grouping:
    """Number groups by mass and say what they cost and tell."""
    mass, inside = _pooled(usage, rows, label)
    order = np.argsort(-mass, kind="stable")
    after = usage @ rows
    information = (mass[:, None] * xlogy(inside, inside)).sum() - xlogy(after, after).sum()
    entropy = max(0.0, float(-xlogy(mass, mass).sum()))
    return Grouping(np.argsort(order)[label], entropy, max(0.0, float(information)), beta)


def _inside(
    usage: Float64[np.ndarray, " S"], coarse: Grouping, fine: Grouping
) -> tuple[Int64[np.ndarray, " Z"], Float64[np.ndarray, " Z"]]:
    """Return the coarse group that holds most of each fine one, and how much of it."""
    shared = np.zeros((fine.label.max() + 1, coarse.label.max() + 1))
    np.add.at(shared, (fine.label, coarse.label), usage)
    parent = shared.argmax(axis=1)
    return parent, shared.max(axis=1) / np.maximum(shared.sum(axis=1), _TINY)


def _leaves(
    usage: Float64[np.ndarray, " S"],
    levels: Sequence[Grouping],
    parent: tuple[Int64[np.ndarray, " _"], ...],
) -> Int64[np.ndarray, " S"]:
    """Order regions by their finest group, groups beside their siblings, by usage in them."""
    keys = [-usage]
    group = levels[-1].label
    for above in reversed(parent):
        keys.append(group)
        group = above[group]
    return np.lexsort(keys)  # the last key, the coarsest group, counts most
