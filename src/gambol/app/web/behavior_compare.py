"""Groups of animals compared: usage, dwell and transitions, differences with intervals.

The unit is the animal. Whose recordings are stands in `animals.csv` of the project, as
`gambol group-stats` reads it.
"""

import csv
import io
from collections.abc import Awaitable, Callable
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web.answers import body, fail, ok
from gambol.app.web.behavior_book import Book
from gambol.app.web.models_groups import (
    Animals,
    AnimalsEdit,
    Comparison,
    GroupDifference,
    What,
)
from gambol.behavior import group_values, groups
from gambol.behavior.groups import GroupTest
from gambol.core.errors import InputError, did_you_mean
from gambol.core.sequences import Sequences, select
from gambol.io import store
from gambol.kernels import bootstrap
from gambol.stages import animals as of_animals

FILE = "animals.csv"
_LONGEST = 80  # characters of a cell
_SEED, _PERMUTATIONS = 0, 10_000
_UNITS = {"usage": "share of the frames", "durations": "s", "transitions": "P(next | now)"}


def routes(project: Path, book: Callable[[str], Awaitable[Book]]) -> list[BaseRoute]:
    """Return the routes of groups.

    Args:
        project: its folder.
        book: gives the labels of a run by its name.
    """

    async def animals(request: Request) -> Response:
        held = await book(str(request.path_params["run"]))
        return ok(await run_in_threadpool(table, project, held.names))

    async def tell(request: Request) -> Response:
        said = await body(request, AnimalsEdit)
        held = await book(str(request.path_params["run"]))
        await run_in_threadpool(write, project, said)
        return ok(await run_in_threadpool(table, project, held.names))

    async def compared(request: Request) -> Response:
        held = await book(str(request.path_params["run"]))
        what = request.query_params.get("what", "usage")
        if what not in get_args(What):
            raise fail(422, "input", f"what is {what!r}; {', '.join(get_args(What))} are known")
        factor = request.query_params.get("factor", "")
        return ok(await run_in_threadpool(compare, project, held, factor, what))

    place = "/api/behavior/{run}"
    return [
        Route(f"{place}/animals", animals, methods=["GET"]),
        Route(f"{place}/animals", tell, methods=["POST"]),
        Route(f"{place}/groups", compared),
    ]


def table(project: Path, names: tuple[str, ...]) -> Animals:
    """Return whose the recordings of a run are; those that nobody told of have empty cells."""
    path = project / FILE
    if not path.exists():
        return Animals(
            columns=["recording", "animal", "group"],
            rows=[[n, n, ""] for n in names],
            factors=[],
        )
    told = of_animals.read(path).fillna("")
    more = [str(c) for c in told.columns if c not in of_animals.COLUMNS]
    columns = [*of_animals.COLUMNS, *more]
    known = told.drop_duplicates("recording").set_index("recording")
    rows = [
        [n, *(str(known.at[n, c]) for c in columns[1:])] if n in known.index
        else [n, n, *([""] * len(more))] for n in names
    ]  # fmt: skip
    levels = {c: {row[columns.index(c)] for row in rows} - {""} for c in more}
    return Animals(columns=columns, rows=rows, factors=[c for c in more if len(levels[c]) > 1])


def write(project: Path, said: AnimalsEdit) -> None:
    """Write whose recordings are; those of other runs stay as they are.

    Raises:
        InputError: the table is none.
    """
    columns = [name.strip() for name in said.columns]
    if columns[:2] != list(of_animals.COLUMNS) or len(set(columns)) < len(columns):
        raise InputError("the columns are recording, animal and others with names of their own")
    cells = [cell for row in [columns, *said.rows] for cell in row]
    if any(len(row) != len(columns) for row in said.rows) or not all(
        len(cell) <= _LONGEST and (cell.isprintable() or not cell) for cell in cells
    ):
        raise InputError(f"a row has a cell a column, each with at most {_LONGEST} characters")
    if not all(columns):
        raise InputError("a column has no name; give it one")
    path, now = project / FILE, {row[0]: row for row in said.rows}
    if path.exists():
        old = of_animals.read(path).fillna("")
        for row in old.to_dict("records"):
            name = str(row["recording"])
            now.setdefault(name, [str(row.get(column, "")) for column in columns])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *now.values()])
    store.write_text(text.getvalue(), path)


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
        values = _durations(seen)
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


def _durations(seen: Sequences) -> pd.DataFrame:
    """Return the mean seconds of bouts that were seen to begin and end, by recording."""
    lives, names, labels = group_values.lives(seen)
    record, label, seconds, ended = (np.asarray(column) for column in lives)
    cell = record[ended] * len(labels) + label[ended]
    count = np.bincount(cell, minlength=len(names) * len(labels))
    total = np.bincount(cell, seconds[ended], minlength=len(names) * len(labels))
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return pd.DataFrame(
        mean.reshape(len(names), -1), index=pd.Index(names, name="recording"),
        columns=pd.Index(labels, name="label"),
    )  # fmt: skip


def _rows(
    book: Book, units: group_values.Units, columns: pd.Index, test: GroupTest
) -> list[GroupDifference]:
    """Return every two groups of every measure that somebody shows; the smallest p first."""
    names = {str(one.id): one.name for one in book.run.applied.labels}
    found = []
    for i, j in combinations(range(len(units.levels)), 2):
        ends = _interval(units.values, units.level, i, j)
        for k, column in enumerate(columns):
            means = [_mean(units.values[units.level == g, k]) for g in (i, j)]
            if column not in test.table.index or all(not m for m in means):
                continue  # of a label that nobody shows
            tested = test.table.loc[column]
            parts = column if isinstance(column, tuple) else (column,)
            known = means[0] is not None and means[1] is not None
            found.append(GroupDifference(
                label=" → ".join(names.get(str(part), str(part)) for part in parts),
                one=str(units.levels[i]), other=str(units.levels[j]),
                mean_one=means[0], mean_other=means[1],
                difference=_known(means[1] - means[0]) if known else None,  # type: ignore[operator]
                low=_known(ends[0, k]), high=_known(ends[1, k]),
                p=_known(tested["p"]), q=_known(tested["q"]),
                different=bool(tested["significant"]),
            ))  # fmt: skip
    return sorted(found, key=lambda row: (row.p is None, row.p or 0.0))


def _interval(
    values: Float[np.ndarray, "A S"], level: Int[np.ndarray, " A"], i: int, j: int
) -> Float[np.ndarray, "2 S"]:
    """Return the ends of the central 95 % of differences of means, animals drawn again."""
    means = []
    for number, group in enumerate((i, j)):
        own = values[level == group]
        known = np.isfinite(own)

        def mean(
            weight: np.ndarray, own: np.ndarray = own, known: np.ndarray = known
        ) -> np.ndarray:
            with np.errstate(invalid="ignore"):
                return np.asarray(weight @ np.where(known, own, 0.0) / (weight @ known))

        rng = np.random.default_rng([_SEED, number])
        means.append(bootstrap.resample(mean, np.arange(len(own)), rng))
    return bootstrap.percentile_interval(means[1] - means[0])


def _mean(values: np.ndarray) -> float | None:
    seen = values[np.isfinite(values)]
    return float(seen.mean()) if len(seen) else None


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
