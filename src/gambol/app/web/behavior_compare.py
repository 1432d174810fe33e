"""Groups of animals compared: usage, dwell and transitions, differences with intervals.

The unit is the animal. Whose recordings are stands in `animals.csv` of the project, as
`gambol group-stats` reads it.
"""

from collections.abc import Awaitable, Callable
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web.answers import fail, ok
from gambol.app.web.behavior_animals import table
from gambol.app.web.behavior_book import Book
from gambol.app.web.models_groups import Comparison, GroupDifference, What
from gambol.behavior import group_values, groups
from gambol.behavior.groups import GroupTest
from gambol.core.errors import InputError, did_you_mean
from gambol.core.sequences import Sequences, select
from gambol.kernels import bootstrap

_SEED, _PERMUTATIONS = 0, 10_000
_UNITS = {
    "usage": "share of the frames",
    "durations": "s, bouts as far as they were seen",  # `group_values.durations`
    "transitions": "P(next | now)",
}


class _Tested(NamedTuple):
    """Whether two groups differ in one measure."""

    p: float
    q: float
    different: bool


_UNKNOWN = _Tested(np.nan, np.nan, False)


def routes(project: Path, book: Callable[[str], Awaitable[Book]]) -> list[BaseRoute]:
    """Return the route of groups.

    Args:
        project: its folder.
        book: gives the labels of a run by its name.
    """

    async def compared(request: Request) -> Response:
        held = await book(str(request.path_params["run"]))
        what = request.query_params.get("what", "usage")
        if what not in get_args(What):
            raise fail(422, "input", f"what is {what!r}; {', '.join(get_args(What))} are known")
        factor = request.query_params.get("factor", "")
        return ok(await run_in_threadpool(compare, project, held, factor, what))

    return [Route("/api/behavior/{run}/groups", compared)]


def compare(project: Path, book: Book, factor: str, what: str) -> Comparison:
    """Compare groups of animals.

    Args:
        project: folder with `animals.csv`.
        book: labels, after the decisions of people.
        factor: column that tells groups apart.
        what: usage, durations or transitions.

    Raises:
        InputError: too few animals, or nobody said which they are.
    """
    told = table(project, book.names)
    if factor not in told.factors:
        hint = did_you_mean(factor, told.factors)
        raise InputError(
            f"{factor!r} tells no groups apart{hint}; give every recording its animal and group"
        )
    animals = pd.DataFrame(told.rows, columns=told.columns)
    animals = animals[animals[factor] != ""]
    seen = _of(book, animals, what)
    plan: dict[str, Any] = {"permutations": _PERMUTATIONS, "random_state": _SEED}
    if what == "usage":
        values = group_values.usage(seen)
        test = groups.usage_test(seen, animals, factor, **plan)
    elif what == "durations":
        values = group_values.durations(seen)
        test = groups.duration_test(seen, animals, factor, **plan)
    else:
        values = group_values.transitions(seen)
        test = groups.transition_test(seen, animals, factor, **plan)
    rows = _rows(book, group_values.units(values, animals, factor), values.columns, test)
    return Comparison(
        factor=factor, what=what, unit=_UNITS[what], animals=dict(test.animals), rows=rows,
        smallest_p=float(test.smallest_p), notes=list(test.notes),
    )  # fmt: skip


def _of(book: Book, animals: pd.DataFrame, what: str) -> Sequences:
    """Return labels of the recordings whose group is known."""
    source = book.run.ordered if what == "transitions" else book.labels
    known = set(animals["recording"])
    return select(source, [name for name in source.names if name in known])


def _rows(
    book: Book, units: group_values.Units, columns: pd.Index, test: GroupTest
) -> list[GroupDifference]:
    """Return every two groups of every measure that somebody shows; the smallest p first."""
    names = {str(one.id): one.name for one in book.run.applied.labels}
    found, pairs = [], _tested(test)
    for i, j in combinations(range(len(units.levels)), 2):
        ends = _interval(units.values, units.level, i, j)
        for k, column in enumerate(columns):
            means = [_mean(units.values[units.level == g, k]) for g in (i, j)]
            if column not in test.table.index or all(not m for m in means):
                continue  # of a label that nobody shows
            tested = pairs.get((column, units.levels[i], units.levels[j]), _UNKNOWN)
            parts = column if isinstance(column, tuple) else (column,)
            known = means[0] is not None and means[1] is not None
            found.append(GroupDifference(
                label=" → ".join(names.get(str(part), str(part)) for part in parts),
                one=str(units.levels[i]), other=str(units.levels[j]),
                mean_one=means[0], mean_other=means[1],
                difference=_known(means[1] - means[0]) if known else None,  # type: ignore[operator]
                low=_known(ends[0, k]), high=_known(ends[1, k]),
                p=_known(tested.p), q=_known(tested.q), different=tested.different,
            ))  # fmt: skip
    return sorted(found, key=lambda row: (row.p is None, row.p or 0.0))


def _tested(test: GroupTest) -> dict[tuple[Any, ...], _Tested]:
    """Return what is known of two groups of a measure; of two groups alone the test tells all.

    Of more groups, only those measures have pairs in which all together differ.
    """
    names = tuple(test.animals)
    if len(names) == 2:
        rows = test.table[["p", "q", "significant"]].itertuples(name=None)
        return {(k, *names): _Tested(p, q, bool(on)) for k, p, q, on in rows}
    rows = test.pairs[["group", "other", "p", "q", "significant"]].itertuples(name=None)
    return {(k, i, j): _Tested(p, q, bool(on)) for k, i, j, p, q, on in rows}


def _interval(
    values: Float[np.ndarray, "A S"], level: Int[np.ndarray, " A"], i: int, j: int
) -> Float[np.ndarray, "2 S"]:
    """Return the ends of the central 95 % of differences of means, animals drawn again.

    NaN where a group has fewer than two animals of which the measure is known.
    """
    means, few = [], np.zeros(values.shape[1], bool)
    for number, group in enumerate((i, j)):
        own = values[level == group]
        known = np.isfinite(own)
        few |= known.sum(axis=0) < 2

        def mean(
            weight: np.ndarray, own: np.ndarray = own, known: np.ndarray = known
        ) -> np.ndarray:
            with np.errstate(invalid="ignore"):
                return np.asarray(weight @ np.where(known, own, 0.0) / (weight @ known))

        rng = np.random.default_rng([_SEED, number])
        means.append(bootstrap.resample(mean, np.arange(len(own)), rng))
    return np.where(few, np.nan, bootstrap.percentile_interval(means[1] - means[0]))


def _mean(values: np.ndarray) -> float | None:
    seen = values[np.isfinite(values)]
    return float(seen.mean()) if len(seen) else None


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
