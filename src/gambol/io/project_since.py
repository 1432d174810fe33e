"""Whether somebody changed a row since an edit that is undone or made again."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from gambol.io import project_done
from gambol.io.project_edits import Edit, EditRow, Key, Value, comparable, get

Place = tuple[str, Key]  # table and key of a row


class Said(NamedTuple):
    """A word on a frame that an undo or a redo would take back."""

    key: Key
    value: Value  # what stood
    by: str
    at: str  # UTC, ISO 8601
    seq: int  # of the edit that said it


def ends(rows: Iterable[Any]) -> dict[Place, Value]:
    """Return what rows are after their last change."""
    return {(table, tuple(key)): value for table, key, value in rows}


def changed(
    connection: sqlite3.Connection,
    place: Place,
    values: tuple[Value, Value, Value],
    row: EditRow,
    back: bool,
) -> bool:
    """Tell whether a row is another than an edit left it, or, made again, than it found it.

    Args:
        connection: of the project.
        place: table and key.
        values: of the row: expected, now, and wanted.
        row: the line of the log.
        back: it is undone.
    """
    table, key = place
    expected, now, wanted = (comparable(table, value) for value in values)
    if table != "frames" or now == expected:
        return now != expected
    if now == wanted:
        return False
    # whether a frame is done may have followed from what others did with their animals
    at, _ = project_done.spoken(connection, (key[0], key[1]), row.id, back)
    same = all(
        (now or {}).get(name, nothing) == (expected or {}).get(name, nothing)
        for name, nothing in (("flag", 0), ("note", ""))
    )
    return at > row.id or not same


def overruled(one: Edit, row: EditRow, back: bool) -> Iterator[Said]:
    """Yield the frames of an edit on which others said later what goes with it.

    That they said the same makes it no less their word.

    Args:
        one: the undo or the redo, whose changes are made.
        row: the line of the log.
        back: it is undone.
    """
    connection, since = one.connection, row.id
    if not back:
        query = "SELECT undone FROM edits WHERE id = ?"
        (since,) = connection.execute(query, (row.id,)).fetchone()
    own = ends(row.after)
    for (table, key), was in ends(reversed(one.before)).items():
        if table != "frames" or (table, key) not in own:
            continue
        if comparable(table, get(connection, table, key)) == comparable(table, was):
            continue
        at, _ = project_done.spoken(connection, (key[0], key[1]), row.id, back)
        query = "SELECT author, time FROM edits WHERE id = ? AND id > ? AND author <> ?"
        if said := connection.execute(query, (at, since, row.author)).fetchone():
            by, when = said
            yield Said(key, was, by, when, at)
