"""Whose recordings are: cells of `animals.csv` that several people change at once.

A page sends the cells that it changed with what stood there; all other rows and columns stay
as they are. The versions before are kept in `backups/`.
"""

import csv
import io
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web.answers import body, fail, ok
from gambol.app.web.behavior_book import Book
from gambol.app.web.models_groups import Animals, AnimalsCell, AnimalsEdit
from gambol.core.errors import InputError
from gambol.core.label_map import REMEMBERED
from gambol.io import store
from gambol.stages import animals as of_animals

FILE = "animals.csv"
KEPT = 10  # versions in backups/
_LONGEST = 80  # characters of a cell
_MOST_COLUMNS = 20
_FIRST = ("group",)  # columns of a new table besides the two that each has


def routes(
    project: Path,
    book: Callable[[str], Awaitable[Book]],
    told: Callable[[], Awaitable[None]],
) -> list[BaseRoute]:
    """Return the routes of the table.

    Args:
        project: its folder.
        book: gives the labels of a run by its name.
        told: says to all pages that something changed.
    """
    register = Register(project)

    async def shown(request: Request) -> Response:
        held = await book(str(request.path_params["run"]))
        return ok(await run_in_threadpool(table, project, held.names))

    async def tell(request: Request) -> Response:
        said = await body(request, AnimalsEdit)
        held = await book(str(request.path_params["run"]))
        if await run_in_threadpool(register.edit, held.names, said):
            await told()
        return ok(await run_in_threadpool(table, project, held.names))

    place = "/api/behavior/{run}/animals"
    return [Route(place, shown, methods=["GET"]), Route(place, tell, methods=["POST"])]


def table(project: Path, names: tuple[str, ...]) -> Animals:
    """Return whose the recordings of a run are; those that nobody told of have empty cells."""
    told = _read(project / FILE)
    columns = [str(name) for name in told.columns]
    known = told.drop_duplicates("recording").set_index("recording")
    rows = [
        [n, *(str(known.at[n, c]) for c in columns[1:])] if n in known.index
        else _new(n, columns) for n in names
    ]  # fmt: skip
    levels = {c: {row[k] for row in rows} - {""} for k, c in enumerate(columns) if k > 1}
    factors = [c for c, among in levels.items() if len(among) > 1]
    return Animals(columns=columns, rows=rows, factors=factors)


class Register:
    """The table of a project, which one writer at a time changes."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._ids: list[str] = []  # of the last requests

    def edit(self, names: tuple[str, ...], said: AnimalsEdit) -> bool:
        """Change cells, on disk when this returns; tell whether anything changed.

        Args:
            names: recordings of the run; those without a row get one.
            said: the cells, and columns that are new.

        Raises:
            Fail: 409, somebody wrote another word than the one that the page saw.
            InputError: a cell cannot be what is asked, or is of no recording.
        """
        with self._lock:
            if said.id and said.id in self._ids:
                return False
            changed = self._edit(names, said)
            self._ids = [*self._ids, *([said.id] if said.id else [])][-REMEMBERED:]
            return changed

    def _edit(self, names: tuple[str, ...], said: AnimalsEdit) -> bool:
        path = self._project / FILE
        held = _read(path)
        columns = _with([str(name) for name in held.columns], said.columns)
        rows = held.reindex(columns=columns, fill_value="").to_numpy(object).tolist()
        listed = {row[0] for row in rows}
        rows += [_new(name, columns) for name in names if name not in listed]
        place: dict[str, int] = {}
        for n, row in enumerate(rows):
            place.setdefault(row[0], n)
        for cell in said.cells:
            _require(cell, place, columns)
            row, k = rows[place[cell.recording]], columns.index(cell.column)
            if row[k] not in (cell.saw, cell.value) and not said.force:
                raise _overtaken(cell, row[k])
            row[k] = cell.value
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([columns, *rows])
        if path.exists():
            if text.getvalue() == path.read_bytes().decode(errors="replace"):
                return False
            _keep(path)
        store.write_text(text.getvalue(), path)
        return True


def _read(path: Path) -> pd.DataFrame:
    """Return the table, recording and animal first, with empty words where nothing stands."""
    if not path.exists():
        return pd.DataFrame(columns=[*of_animals.COLUMNS, *_FIRST], dtype=object)
    told = of_animals.read(path).fillna("")
    more = [name for name in told.columns if name not in of_animals.COLUMNS]
    return told[[*of_animals.COLUMNS, *more]]


def _new(name: str, columns: list[str]) -> list[str]:
    """Return the row of a recording that nobody told of: an animal of its own."""
    return [name, name, *([""] * (len(columns) - 2))]


def _with(columns: list[str], more: list[str]) -> list[str]:
    """Return the columns with those that are new."""
    found = list(dict.fromkeys([*columns, *(name.strip() for name in more)]))
    if len(found) > max(_MOST_COLUMNS, len(columns)):
        raise InputError(f"{len(found)} columns; there can be {_MOST_COLUMNS}")
    for name in found[len(columns) :]:
        if not name or len(name) > _LONGEST or not name.isprintable():
            raise InputError(f"column {name!r}; give a name of 1 to {_LONGEST} characters")
    return found


def _require(cell: AnimalsCell, place: dict[str, int], columns: list[str]) -> None:
    """Refuse a cell that is none, and a word that no cell can hold."""
    if cell.recording not in place:
        raise InputError(f"there is no recording {cell.recording!r}; reload the page")
    if cell.column not in columns[1:]:
        raise InputError(f"{FILE} has no column {cell.column!r} to change; reload the page")
    word = cell.value
    if len(word) > _LONGEST or not (word.isprintable() and word == word.strip()):
        raise InputError(
            f"{cell.column} of {cell.recording!r} is {word!r}; give at most {_LONGEST} "
            "characters in one line"
        )


def _overtaken(cell: AnimalsCell, now: str) -> Exception:
    said = f"wrote {now!r}" if now else "took out what stood"
    return fail(
        409, "conflict", f"somebody {said} as {cell.column} of {cell.recording!r} meanwhile",
        f"you wrote {cell.value!r}; look which is right",
    )  # fmt: skip


def _keep(path: Path) -> None:
    """Copy the version that is there into backups/, where the newest are kept."""
    folder = path.parent / "backups"
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    store.write_bytes(path.read_bytes(), folder / f"animals-{stamp}.csv")
    for old in sorted(folder.glob("animals-*.csv"))[:-KEPT]:
        old.unlink(missing_ok=True)
