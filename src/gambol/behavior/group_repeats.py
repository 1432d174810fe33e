"""Repeated measures: animals of groups, each recorded in several conditions.

Between groups whole animals are permuted, conditions inside each animal, and for the
interaction of both the residuals that neither explains.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from gambol.behavior import group_values
from gambol.core.errors import InputError
from gambol.kernels import permutation, streams


class RepeatedTest(NamedTuple):
    """How conditions, groups and both together change S measures."""

    table: pd.DataFrame  # rows (measure, effect): statistic, p, q within the effect
    animals: int  # recorded in every condition, and therefore used
    left_out: tuple[str, ...]  # animals that lack a condition
    conditions: tuple[str, ...]
    groups: tuple[str, ...]  # empty without a factor between animals


class _Cube(NamedTuple):
    values: Float[np.ndarray, "A C S"]
    group: Int[np.ndarray, " A"]


def repeated_test(
    values: pd.DataFrame,
    animals: pd.DataFrame,
    within: str,
    factor: str | None = None,
    *,
    permutations: int = 10_000,
    random_state: int = 0,
) -> RepeatedTest:
    """Compare conditions within animals, and groups of animals if there is a factor.

    Effects: `within` (Friedman's statistic, conditions permuted inside each animal), `between`
    (Kruskal-Wallis of animals' means, whole animals permuted), `interaction` (F of residuals,
    animals and, inside them, conditions permuted). Several recordings of an animal in one
    condition are averaged; animals that lack a condition are left out and named.

    Args:
        values: rows recordings, columns measures (`group_values.usage`, …).
        animals: a row a recording: columns `recording`, `animal`, the condition and the factor.
        within: column of the condition.
        factor: column that tells groups of animals apart.
        permutations: random arrangements; all of them if there are fewer.
        random_state: seed.
    """
    columns = [within] if factor is None else [within, factor]
    told = group_values.animals_of([str(name) for name in values.index], animals, *columns)
    conditions = tuple(sorted(set(told[within])))
    if len(conditions) < 2:
        raise InputError(f"{within!r} is {conditions[0]!r} everywhere; compare two conditions")
    cells = [told["animal"].to_numpy(), told[within].to_numpy()]
    mean = values.astype(float).groupby(cells).mean()
    names = sorted(set(told["animal"]))
    full = pd.MultiIndex.from_product([names, conditions])
    shape = (len(names), len(conditions), values.shape[1])
    cube = mean.reindex(full).to_numpy().reshape(shape)
    known = np.asarray(np.isin(full, mean.index)).reshape(shape[:2])
    recorded = np.asarray(known.all(axis=1))
    if recorded.sum() < 2:
        raise InputError(f"fewer than two animals have every {within!r}; record more of them")
    groups, group = _groups(told, names, factor)
    used = _Cube(cube[recorded], group[recorded])
    tests = {"within": _within(used, permutations, random_state)}
    if factor is not None:
        tests["between"] = _between(used, len(groups), permutations, random_state)
        tests["interaction"] = _interaction(used, len(groups), permutations, random_state)
    parts = []
    for effect, (statistic, p) in tests.items():
        q = permutation.benjamini_hochberg(p)
        part = pd.DataFrame({"statistic": statistic, "p": p, "q": q}, index=values.columns)
        parts.append(part.assign(effect=effect).set_index("effect", append=True))
    left = tuple(name for name, whole in zip(names, recorded, strict=True) if not whole)
    return RepeatedTest(pd.concat(parts), int(recorded.sum()), left, conditions, groups)


def _groups(
    told: pd.DataFrame, names: list[str], factor: str | None
) -> tuple[tuple[str, ...], Int[np.ndarray, " A"]]:
    """Return the levels of the factor and which each animal has."""
    if factor is None:
        return (), np.zeros(len(names), np.int64)
    several = told.groupby("animal")[factor].nunique() > 1
    if several.any():
        animal = str(several.index[int(several.to_numpy().argmax())])
        raise InputError(
            f"animal {animal!r} is in several groups of {factor!r}; that is a condition within "
            "animals, so name it as such"
        )
    level = told.drop_duplicates("animal").set_index("animal")[factor].loc[names]
    levels = tuple(sorted(set(level)))
    if len(levels) < 2:
        raise InputError(f"{factor!r} is {levels[0]!r} for every animal; compare two groups")
    return levels, np.array([levels.index(one) for one in level], np.int64)


def _within(cube: _Cube, most: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Friedman's statistic with ties; an animal without a value somewhere does not count."""
    animals, conditions, size = cube.values.shape
    whole = np.isfinite(cube.values).all(axis=1, keepdims=True)
    rank = _ranks_inside(np.where(whole, cube.values, 0.0))
    score = np.where(whole, rank - rank.mean(axis=1, keepdims=True), 0.0)
    flat = score.reshape(animals * conditions, size)
    total = (flat**2).sum(axis=0)
    usable = total > 1e-12
    scale = np.sqrt(np.where(usable, total / ((conditions - 1) * conditions), 1.0))
    rows = np.repeat(np.arange(animals), conditions)
    condition = np.tile(np.arange(conditions), animals)
    rng = streams.generator(seed, "within")
    drawn = permutation.arrangements(condition, rows, most, rng)
    # the sum over conditions of (sum of ranks)^2 / A, in units of its expectation / (C - 1)
    present = np.ones_like(flat, dtype=bool)
    scores = permutation.Scores(flat / scale * np.sqrt(animals / conditions), present, usable)
    seen = permutation.kruskal(scores, condition[None], conditions)[0]
    null = permutation.kruskal(scores, drawn.labels, conditions)
    return seen, permutation.p_values(seen, null, drawn.exact)


def _ranks_inside(values: Float[np.ndarray, "A C S"]) -> Float[np.ndarray, "A C S"]:
    """Rank the conditions of each animal, ties by their mean rank."""
    below = (values[:, :, None] > values[:, None]).sum(axis=2)
    equal = (values[:, :, None] == values[:, None]).sum(axis=2)
    return np.asarray(below + (equal + 1) / 2)


def _between(cube: _Cube, groups: int, most: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Kruskal-Wallis of the means of animals."""
    scores = permutation.ranked(cube.values.mean(axis=1))
    one = np.zeros_like(cube.group)
    rng = streams.generator(seed, "between")
    drawn = permutation.arrangements(cube.group, one, most, rng)
    seen = permutation.kruskal(scores, cube.group[None], groups)[0]
    null = permutation.kruskal(scores, drawn.labels, groups)
    return seen, permutation.p_values(seen, null, drawn.exact)


def _interaction(
    cube: _Cube, groups: int, most: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """F of group by condition; measures that an animal lacks somewhere are not tested."""
    animals, conditions, size = cube.values.shape
    if animals <= groups:
        return np.full(size, np.nan), np.full(size, np.nan)
    whole = np.isfinite(cube.values).all(axis=(0, 1))
    values = np.where(whole, cube.values, 0.0)
    left = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0, keepdims=True)
    left += values.mean(axis=(0, 1), keepdims=True)
    rng = streams.generator(seed, "interaction")
    still = np.broadcast_to(np.arange(conditions), (1, animals, conditions))
    seen = permutation.interaction(left, cube.group[None], still, groups)[0]
    labels = rng.permuted(np.tile(cube.group, (most, 1)), axis=1)
    orders = np.argsort(rng.random((most, animals, conditions)), axis=2)
    null = permutation.interaction(left, labels, orders, groups)
    p = permutation.p_values(seen, null, exact=False)
    return np.where(whole, seen, np.nan), np.where(whole, p, np.nan)
