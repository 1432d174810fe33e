"""Do groups of animals differ? Permutation tests of usage, durations and transitions.

Whole animals are permuted, so that neither correlated frames nor several recordings of an
animal count as evidence. Many syllables are corrected for their number, and beside every p
stands the effect with an interval over animals.
"""

from collections.abc import Callable
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from gambol.behavior import group_values
from gambol.behavior.group_values import Normalise, Source, Units
from gambol.behavior.sequences import By
from gambol.core.errors import InputError
from gambol.kernels import bootstrap, permutation, streams

# statistic of two groups (i, j) in chosen measures, for every arrangement of the labels
Paired = Callable[[np.ndarray, int, int, np.ndarray], np.ndarray]

FEW = 0.05  # a smallest attainable p above this is worth a warning


class GroupTest(NamedTuple):
    """How groups of animals differ in S measures."""

    table: pd.DataFrame
    # a row a measure: statistic, p, q (Benjamini & Hochberg), significant, means of the groups
    pairs: pd.DataFrame
    # two groups of a measure: statistic, p, q, Cliff's delta and ratio of means, with intervals
    animals: dict[str, int]  # in each group
    arrangements: int
    exact: bool  # whether these are all there are
    smallest_p: float  # that these groups can give
    notes: tuple[str, ...]  # what to keep in mind, a sentence each

    def __str__(self) -> str:
        """Say what was found."""
        sizes = ", ".join(f"{name} {n}" for name, n in self.animals.items())
        how = "all" if self.exact else "random"
        found = self.table[self.table["significant"]].index
        names = ", ".join(str(name) for name in found) or "none"
        said = f"{len(self.table)} tested in animals ({sizes}), {self.arrangements} {how} "
        return " ".join([said + f"arrangements; different: {names}.", *self.notes])


class _Plan(NamedTuple):
    """How a test is done."""

    permutations: int
    alpha: float
    resamples: int
    seed: int


def usage_test(
    source: Source,
    animals: pd.DataFrame,
    factor: str,
    *,
    by: By = "frame",
    permutations: int = 10_000,
    alpha: float = 0.05,
    resamples: int = 2000,
    random_state: int = 0,
) -> GroupTest:
    """Compare how often groups of animals use each label (Kruskal-Wallis, animals permuted).

    Args:
        source: labels of recordings, as sequences or as an ethogram.
        animals: a row a recording: columns `recording`, `animal` and the factor.
        factor: column that tells groups of animals apart.
        by: shares of frames or of bouts.
        permutations: random arrangements of the animals; all of them if there are fewer.
        alpha: rate of false discoveries among labels called different.
        resamples: bootstrap samples of animals behind the intervals of effects.
        random_state: seed.
    """
    values = group_values.usage(source, by)
    plan = _Plan(permutations, alpha, resamples, random_state)
    return _test(values, animals, factor, plan)


def value_test(
    values: pd.DataFrame,
    animals: pd.DataFrame,
    factor: str,
    *,
    permutations: int = 10_000,
    alpha: float = 0.05,
    resamples: int = 2000,
    random_state: int = 0,
) -> GroupTest:
    """Compare any measures of recordings between groups of animals, as `usage_test` does.

    Args:
        values: rows recordings, columns measures (speed, rate of bouts, …); NaN where none.
        animals: a row a recording: columns `recording`, `animal` and the factor.
        factor: column that tells groups of animals apart.
        permutations: random arrangements of the animals; all of them if there are fewer.
        alpha: rate of false discoveries.
        resamples: bootstrap samples of animals.
        random_state: seed.
    """
    return _test(values, animals, factor, _Plan(permutations, alpha, resamples, random_state))


def transition_test(
    source: Source,
    animals: pd.DataFrame,
    factor: str,
    *,
    min_usage: float = 0.005,
    normalise: Normalise = "row",
    permutations: int = 10_000,
    alpha: float = 0.05,
    resamples: int = 2000,
    random_state: int = 0,
) -> GroupTest:
    """Compare how often one label follows another, edge by edge; arguments as `usage_test`.

    Args:
        source: labels, one a frame.
        animals: a row a recording.
        factor: column that tells groups of animals apart.
        min_usage: pooled share of all moves below which an edge is left out.
        normalise: row, P(next | now); joint, share of all moves.
        permutations: random arrangements of the animals.
        alpha: rate of false discoveries.
        resamples: bootstrap samples of animals.
        random_state: seed.
    """
    values = group_values.transitions(source, min_usage=min_usage, normalise=normalise)
    if not values.shape[1]:
        raise InputError(f"no transition has a share of {min_usage:g}; give a lower min_usage")
    return _test(values, animals, factor, _Plan(permutations, alpha, resamples, random_state))


def duration_test(
    source: Source,
    animals: pd.DataFrame,
    factor: str,
    *,
    permutations: int = 10_000,
    alpha: float = 0.05,
    resamples: int = 2000,
    random_state: int = 0,
) -> GroupTest:
    """Compare how long bouts of each label last: log-rank statistic, animals permuted.

    Bouts whose end was not seen are censored, those whose begin was not seen left out. Effects
    are of the animals' mean durations (`group_values.durations`). Arguments as `usage_test`.
    """
    plan = _Plan(permutations, alpha, resamples, random_state)
    found, recordings, names = group_values.lives(source)
    values = group_values.durations(source)
    seen, expected = np.zeros(values.shape), np.zeros(values.shape)
    for s in range(len(names)):
        own = found.label == s
        seconds, ended, r = found.seconds[own], found.ended[own], found.recording[own]
        seen[:, s] = np.bincount(r, ended, minlength=len(recordings))
        hazard = permutation.hazards(seconds, ended)
        expected[:, s] = np.bincount(r, hazard, minlength=len(recordings))
    whole = group_values.units(values, animals, factor)
    told = group_values.animals_of(list(recordings), animals, factor)
    place = pd.Index(whole.animal).get_indexer(pd.Index(told["animal"]))
    sums = [np.zeros_like(whole.values) for _ in range(2)]
    for total, part in zip(sums, (seen, expected), strict=True):
        np.add.at(total, place, part)
    return _log_rank(whole, sums[0], sums[1], values.columns, plan)


def _test(values: pd.DataFrame, animals: pd.DataFrame, factor: str, plan: _Plan) -> GroupTest:
    """Kruskal-Wallis of all measures, Dunn's z of the pairs of those that differ."""
    units = group_values.units(values, animals, factor)
    scores, groups = permutation.ranked(units.values), len(units.levels)
    one = np.zeros_like(units.level)
    rng = streams.generator(plan.seed, "groups", factor)
    drawn = permutation.arrangements(units.level, one, plan.permutations, rng)
    seen = permutation.kruskal(scores, units.level[None], groups)[0]
    p = permutation.p_values(
        seen, permutation.kruskal(scores, drawn.labels, groups), drawn.exact
    )
    table = _table(units, values.columns, "H", seen, p, plan.alpha)

    def paired(labels: np.ndarray, i: int, j: int, chosen: np.ndarray) -> np.ndarray:
        part = permutation.Scores(*(column[..., chosen] for column in scores))
        return np.asarray(permutation.dunn(part, labels, i, j))

    pairs = _pairs(units, table, "z", paired, plan)
    return _result(units, table, pairs, drawn, plan)


def _log_rank(
    units: Units,
    seen: Float[np.ndarray, "M S"],
    expected: Float[np.ndarray, "M S"],
    columns: pd.Index,
    plan: _Plan,
) -> GroupTest:
    """Log-rank of all labels, and of the pairs of those that differ."""
    one, groups = np.zeros_like(units.level), len(units.levels)
    rng = streams.generator(plan.seed, "durations")
    drawn = permutation.arrangements(units.level, one, plan.permutations, rng)
    statistic = permutation.ratio_of_sums(seen, expected, units.level[None], groups)[0]
    statistic = np.where(seen.sum(axis=0) > 0, statistic, np.nan)
    null = permutation.ratio_of_sums(seen, expected, drawn.labels, groups)
    p = permutation.p_values(statistic, null, drawn.exact)
    table = _table(units, columns, "chi2", statistic, p, plan.alpha)

    def paired(labels: np.ndarray, i: int, j: int, chosen: np.ndarray) -> np.ndarray:
        pair = np.where(labels == i, 0, np.where(labels == j, 1, 2))
        return np.asarray(
            permutation.ratio_of_sums(seen[:, chosen], expected[:, chosen], pair, 2)
        )

    return _result(units, table, _pairs(units, table, "chi2", paired, plan), drawn, plan)


def _table(
    units: Units, columns: pd.Index, name: str, seen: np.ndarray, p: np.ndarray, alpha: float
) -> pd.DataFrame:
    """A row a measure."""
    q = permutation.benjamini_hochberg(p)
    table = pd.DataFrame({name: seen, "p": p, "q": q}, index=columns)
    table["significant"] = q <= alpha
    for g, level in enumerate(units.levels):
        own = units.values[units.level == g]
        n = np.isfinite(own).sum(axis=0)
        table[f"mean {level}"] = np.where(
            n > 0, np.nansum(own, axis=0) / np.maximum(n, 1), np.nan
        )
    return table


def _pairs(
    units: Units, table: pd.DataFrame, name: str, paired: Paired, plan: _Plan
) -> pd.DataFrame:
    """Every two groups of the measures that differ; only their own animals are permuted."""
    chosen = np.flatnonzero(table["significant"].to_numpy())
    parts = []
    for i, j in combinations(range(len(units.levels)), 2):
        both = np.flatnonzero((units.level == i) | (units.level == j))
        rng = streams.generator(plan.seed, "pairs", units.levels[i], units.levels[j])
        drawn = permutation.arrangements(
            units.level[both], np.zeros(len(both), np.int64), plan.permutations, rng
        )
        labels = np.tile(units.level, (len(drawn.labels), 1))
        labels[:, both] = drawn.labels
        seen, null = paired(units.level[None], i, j, chosen)[0], paired(labels, i, j, chosen)
        p = permutation.p_values(np.abs(seen), np.abs(null), drawn.exact)
        part = pd.DataFrame({name: seen, "p": p}, index=table.index[chosen])
        part.insert(0, "group", units.levels[i])
        part.insert(1, "other", units.levels[j])
        parts.append(part.assign(**_effects(units, chosen, i, j, plan)))
    pairs = pd.concat(parts)
    q = permutation.benjamini_hochberg(pairs["p"].to_numpy(np.float64))
    pairs.insert(4, "q", q)
    pairs.insert(5, "significant", q <= plan.alpha)
    return pairs


def _effects(
    units: Units, chosen: np.ndarray, i: int, j: int, plan: _Plan
) -> dict[str, np.ndarray]:
    """Cliff's delta and ratio of means of two groups, with intervals over their animals."""
    one, other = (units.values[units.level == g][:, chosen] for g in (i, j))
    weights = [np.ones((1, len(x))) for x in (one, other)]
    found = [f(one, other, *weights)[0] for f in (cliffs_delta, ratio_of_means)]
    ends = [np.full((2, len(chosen)), np.nan)] * 2
    if min(len(one), len(other)) > 1 and plan.resamples > 0 and len(chosen):
        rng = streams.generator(plan.seed, "effects", units.levels[i], units.levels[j])
        drawn = [
            rng.multinomial(len(x), np.full(len(x), 1 / len(x)), plan.resamples).astype(float)
            for x in (one, other)
        ]
        ends = [
            bootstrap.percentile_interval(f(one, other, *drawn))
            for f in (cliffs_delta, ratio_of_means)
        ]
    out: dict[str, Any] = {}
    for word, value, (low, high) in zip(("delta", "ratio"), found, ends, strict=True):
        out |= {word: value, f"{word}_low": low, f"{word}_high": high}
    return out


def cliffs_delta(
    one: Float[np.ndarray, "m S"],
    other: Float[np.ndarray, "n S"],
    times: Float[np.ndarray, "B m"],
    other_times: Float[np.ndarray, "B n"],
) -> Float[np.ndarray, "B S"]:
    """Return P(one > other) - P(one < other) of animals that count several times.

    Source: Cliff (1993), Psychological Bulletin 114(3):494-509.
    """
    known = [np.isfinite(x).astype(float) for x in (one, other)]
    with np.errstate(invalid="ignore", divide="ignore"):
        more = np.nan_to_num(np.sign(one[:, None] - other))  # (m, n, S)
        m, n, size = more.shape
        won = (times @ more.reshape(m, n * size)).reshape(len(times), n, size)
        total = np.einsum("bns,bn->bs", won, other_times)
        return np.asarray(total / ((times @ known[0]) * (other_times @ known[1])))


def ratio_of_means(
    one: Float[np.ndarray, "m S"],
    other: Float[np.ndarray, "n S"],
    times: Float[np.ndarray, "B m"],
    other_times: Float[np.ndarray, "B n"],
) -> Float[np.ndarray, "B S"]:
    """Return mean of one over mean of other, of animals that count several times."""
    means = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for values, weight in ((one, times), (other, other_times)):
            known = np.isfinite(values).astype(float)
            means.append((weight @ np.nan_to_num(values)) / (weight @ known))
        return np.asarray(means[0] / means[1])


def _result(
    units: Units,
    table: pd.DataFrame,
    pairs: pd.DataFrame,
    drawn: permutation.Arrangements,
    plan: _Plan,
) -> GroupTest:
    """Put together what was found, and what to keep in mind."""
    sizes = {name: int((units.level == g).sum()) for g, name in enumerate(units.levels)}
    ways = len(drawn.labels) if drawn.exact else len(drawn.labels) + 1
    # arrangements that only exchange the names of groups of one size give the same statistic
    alike = 1
    if drawn.exact:
        for n in set(sizes.values()):
            same = sum(size == n for size in sizes.values())
            alike *= int(np.prod(np.arange(1, same + 1)))
    smallest = alike / ways
    notes = []
    if smallest > FEW / max(1, len(table)):
        notes.append(
            f"These groups cannot give a p below {smallest:.3g}; {len(table)} tests need more "
            "animals to show a difference for certain."
        )
    notes += _hopeless(units, plan) if len(sizes) > 2 else []
    if min(sizes.values()) < 2:
        notes.append("A group of one animal has no interval.")
    return GroupTest(
        table, pairs, sizes, len(drawn.labels), drawn.exact, smallest, tuple(notes)
    )


def _hopeless(units: Units, plan: _Plan) -> list[str]:
    """Say which two groups are too small to differ from each other, whatever they do."""
    for i, j in combinations(range(len(units.levels)), 2):
        both = units.level[(units.level == i) | (units.level == j)]
        alike = 2 if (both == i).sum() == (both == j).sum() else 1  # names exchanged
        least = alike / permutation.count(both, np.zeros_like(both))
        if least > plan.alpha:
            return [
                f"{units.levels[i]} against {units.levels[j]} alone cannot give a p below "
                f"{least:.3g}; more animals are needed to say which groups differ."
            ]
    return []
