"""Where on a behaviour map do groups of animals differ? Permuted animals, largest statistic.

Every animal has one density. The difference of the groups' means is scaled by how much animals
differ there; the largest value anywhere, over permutations of whole animals, is what a place
must exceed, so that the many places need no further correction. Sources: Nichols & Holmes
(2002), Human Brain Mapping 15(1):1-25; the term added to the scale: Tusher et al. (2001), PNAS
98(9):5116-5121.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64

from gambol.behavior.regions import Density, RegionSettings, density
from gambol.core.errors import InputError
from gambol.kernels import permutation, streams

PERMUTATIONS = 10_000
_CELLS = 8_000_000  # numbers held at once


class Animals(NamedTuple):
    """Densities of A animals on one grid."""

    names: tuple[str, ...]  # alphabetical
    values: Float64[np.ndarray, "A G G"]  # per square map unit
    axis: Float64[np.ndarray, " G"]


class Difference(NamedTuple):
    """How the density of one group differs from the other's; rows go up (y), columns x."""

    groups: tuple[str, str]  # one, other
    animals: tuple[int, int]
    difference: Float64[np.ndarray, "G G"]  # mean of one - mean of other
    statistic: Float64[np.ndarray, "G G"]  # the same, scaled by how animals differ
    p: Float64[np.ndarray, "G G"]  # corrected for the number of places; 1 outside of the map
    axis: Float64[np.ndarray, " G"]
    limit: float  # size of the statistic that 5 % of the arrangements exceed somewhere
    arrangements: int
    exact: bool  # whether these are all
    smallest_p: float  # that these groups can give

    def significant(self, alpha: float = 0.05) -> Bool[np.ndarray, "G G"]:
        """Tell where the groups differ."""
        return self.p <= alpha


def of_animals(
    paths: Sequence[Float[np.ndarray, "_ 2"]],
    animals: Sequence[str],
    pooled: Density,
    settings: RegionSettings | None = None,
    *,
    every: int = 3,
) -> Animals:
    """Return the density of each animal, all of its recordings together.

    Args:
        paths: places of the frames of each recording; NaN where they have none.
        animals: whose each recording is.
        pooled: density of all, which gives grid and kernel.
        settings: those of the pooled density.
        every: only each `every`-th grid point is kept; the kernel is wider than that.
    """
    if len(animals) != len(paths):
        raise InputError(f"{len(paths)} recordings but {len(animals)} animals; give one each")
    names = tuple(sorted(set(animals)))
    thin = slice((len(pooled.axis) // 2) % every, None, every)  # the middle stays a point
    values = np.empty((len(names), *pooled.values[thin, thin].shape))
    for a, name in enumerate(names):
        own = np.concatenate(
            [path for path, animal in zip(paths, animals, strict=True) if animal == name]
        )
        found = density(
            own, settings=settings, sigma=pooled.sigma, reach=float(pooled.axis[-1])
        )
        values[a] = found.values[thin, thin]
    return Animals(names, values, pooled.axis[thin])


def difference(
    found: Animals,
    group: Sequence[str],
    pair: tuple[str, str],
    *,
    permutations: int = PERMUTATIONS,
    floor: float = 1e-5,
    random_state: int = 0,
) -> Difference:
    """Compare the densities of two groups of animals.

    Args:
        found: densities.
        group: of each animal.
        pair: the two groups; animals of others do not count.
        permutations: random arrangements of the animals; all of them if there are fewer.
        floor: of the highest mean density: what is lower is outside of the map.
        random_state: seed.
    """
    label = _levels(found, group, pair)
    own = np.flatnonzero(label >= 0)
    label, values = label[own], found.values[own]
    mean = values.mean(axis=0)
    inside = mean > floor * mean.max()
    cells = values[:, inside]
    rng = streams.generator(random_state, "map groups", *pair)
    drawn = permutation.arrangements(label, np.zeros(len(label), np.int64), permutations, rng)
    scaled = _scaled(cells)
    seen = _statistic(scaled, label[None])[0]
    largest = np.concatenate(
        [np.abs(part).max(axis=1) for part in _parts(scaled, drawn.labels)]
    )
    p = np.ones(mean.shape)
    p[inside] = _corrected(np.abs(seen), largest, drawn.exact)
    statistic, apart = np.zeros(mean.shape), np.zeros(mean.shape)
    statistic[inside] = seen
    apart[inside] = cells[label == 0].mean(axis=0) - cells[label == 1].mean(axis=0)
    n = len(largest) if drawn.exact else len(largest) + 1
    sizes = int((label == 0).sum()), int((label == 1).sum())
    # of all arrangements, equal groups give every size of difference twice
    ties = 2 if drawn.exact and sizes[0] == sizes[1] else 1
    limit = float(np.quantile(largest, 0.95, method="higher"))
    return Difference(
        pair, sizes, apart, statistic, p, found.axis, limit, len(largest), drawn.exact, ties / n
    )


def _levels(found: Animals, group: Sequence[str], pair: tuple[str, str]) -> np.ndarray:
    """Return 0 and 1 for animals of the pair, -1 for others; refuse groups of fewer than 2."""
    if len(group) != len(found.names):
        raise InputError(f"{len(found.names)} animals but {len(group)} groups; give one each")
    names = np.array(group)
    label = np.where(names == pair[0], 0, np.where(names == pair[1], 1, -1))
    for level, name in enumerate(pair):
        n = int((label == level).sum())
        if n < 2:
            raise InputError(
                f"group {name!r} has {n} animal{'s' * (n != 1)}; there are "
                f"{', '.join(sorted(set(group)))}, and two groups of at least 2 are compared"
            )
    return label


def _scaled(cells: Float64[np.ndarray, "A N"]) -> Float64[np.ndarray, "A N"]:
    """Subtract the mean of all animals and divide by their sd plus its median.

    The scale is the same for all arrangements. Its second part keeps places from winning
    because all animals happen to be alike there.
    """
    away = cells - cells.mean(axis=0)
    sd = np.sqrt((away**2).sum(axis=0) / max(1, len(cells) - 1))
    typical = float(np.median(sd))
    return away / np.maximum(sd + typical, 1e-300)


def _statistic(
    scaled: Float64[np.ndarray, "A N"], labels: np.ndarray
) -> Float64[np.ndarray, "B N"]:
    """Difference of the means of groups 0 and 1, over its sd if animals had sd 1."""
    one = (labels == 0).astype(np.float64)
    n = one.sum(axis=1, keepdims=True)
    m = len(scaled) - n
    return (one / n - (1 - one) / m) @ scaled / np.sqrt(1 / n + 1 / m)


def _parts(
    scaled: Float64[np.ndarray, "A N"], labels: np.ndarray
) -> Iterator[Float64[np.ndarray, "b N"]]:
    """Yield the statistics of arrangements, some at a time."""
    step = max(1, _CELLS // scaled.shape[1])
    for start in range(0, len(labels), step):
        yield _statistic(scaled, labels[start : start + step])


def _corrected(
    seen: Float64[np.ndarray, " N"], largest: Float64[np.ndarray, " B"], exact: bool
) -> Float64[np.ndarray, " N"]:
    """Return the share of arrangements whose largest statistic is at least that; never 0."""
    ordered = np.sort(largest)
    least = len(ordered) - np.searchsorted(ordered, seen * (1 - 1e-9))
    return least / len(ordered) if exact else (1 + least) / (len(ordered) + 1)
