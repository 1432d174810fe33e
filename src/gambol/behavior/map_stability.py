"""Would half of the data give the same map? Regions of half-sample maps, compared."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from gambol.behavior.compare import adjusted_rand
from gambol.core.errors import InputError
from gambol.kernels import streams

# which units the map is made of (True) -> region of every frame of a fixed set, 0 for none
FitHalf = Callable[[Bool[np.ndarray, " U"]], Int64[np.ndarray, " T"]]


class Stability(NamedTuple):
    """How alike regions of maps from two halves are, B times."""

    rand: Float64[np.ndarray, " B"]  # adjusted Rand index of the frames with a region in both
    shared: Float64[np.ndarray, " B"]  # share of the frames that have one in both
    regions: Int64[np.ndarray, "B 2"]  # of each half's map
    found: Float64[
        np.ndarray, " R"
    ]  # of each region of the whole map: mean overlap with halves

    def __str__(self) -> str:
        """Say how stable regions are, in one sentence."""
        low, high = self.rand.min(), self.rand.max()
        firm = int((self.found >= 0.5).sum())
        return (
            f"regions of maps from two halves agree with an adjusted Rand index of "
            f"{self.rand.mean():.2f} ({low:.2f} to {high:.2f} in {len(self.rand)} splits); "
            f"{firm} of {len(self.found)} regions are found again in the halves"
        )


def half_samples(
    fit: FitHalf,
    whole: Int64[np.ndarray, " T"],
    units: int,
    *,
    splits: int = 3,
    random_state: int = 0,
) -> Stability:
    """Make maps of random halves of the units and compare how they divide the same frames.

    Args:
        fit: makes the map of some units and returns the region of every frame of a fixed set.
        whole: regions of these frames on the map of all units, 1 … R, 0 for none.
        units: what is divided: recordings, or stretches of the only one.
        splits: B, of two halves each.
        random_state: seed.
    """
    if units < 2 or splits < 1:
        raise InputError(
            f"{units} units in {splits} splits; halves need at least 2 units (cut a single "
            "recording into stretches) and 1 split"
        )
    rand, shared, sizes, overlaps = [], [], [], []
    for b in range(splits):
        first = halves(units, streams.generator(random_state, "half samples", b))
        one, other = fit(first), fit(~first)
        both = (one > 0) & (other > 0)
        rand.append(adjusted_rand(crossed(one[both], other[both])))
        shared.append(float(both.mean()))
        sizes.append([int(one.max(initial=0)), int(other.max(initial=0))])
        overlaps += [overlap(whole, one), overlap(whole, other)]
    return Stability(
        np.array(rand), np.array(shared), np.array(sizes, np.int64), np.mean(overlaps, axis=0)
    )


def halves(units: int, rng: np.random.Generator) -> Bool[np.ndarray, " U"]:
    """Return a random half of the units; of an odd number, the smaller or larger one."""
    chosen = np.zeros(units, bool)
    size = units // 2 + int(units % 2 and rng.random() < 1 / 2)
    chosen[rng.permutation(units)[:size]] = True
    return chosen


def crossed(
    one: Int64[np.ndarray, " T"], other: Int64[np.ndarray, " T"]
) -> Int64[np.ndarray, "K L"]:
    """Count frames by region here and there.

    >>> crossed(np.array([0, 1, 1]), np.array([0, 0, 1])).tolist()
    [[1, 0], [1, 1]]
    """
    rows, columns = int(one.max(initial=0)) + 1, int(other.max(initial=0)) + 1
    cells = np.bincount(one * columns + other, minlength=rows * columns)
    return cells.reshape(rows, columns).astype(np.int64)


def overlap(
    whole: Int64[np.ndarray, " T"], half: Int64[np.ndarray, " T"]
) -> Float64[np.ndarray, " R"]:
    """Return the largest overlap of each region with one of another map: both / either.

    Source: Hennig (2007), Computational Statistics & Data Analysis 52:258-271.
    """
    table = crossed(whole, half)
    either = table.sum(axis=1, keepdims=True) + table.sum(axis=0) - table
    share = table / np.maximum(either, 1)
    if share.shape[1] < 2:
        return np.zeros(len(table) - 1)
    return share[1:, 1:].max(axis=1)
