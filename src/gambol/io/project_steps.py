"""Undo and redo of the command line: one stack of all edits, whoever made them.

A page undoes the edits of one person (`project_changes`); which edits stand is noted beside the
log, so that each knows of the other.
"""

import sqlite3
from pathlib import Path

from gambol.core.errors import InputError
from gambol.io import project_done, project_index, project_moves, project_since
from gambol.io import project_schema as schema
from gambol.io.project_edits import Edit, EditRow, get, line, log
from gambol.io.project_since import Place


def undo(connection: sqlite3.Connection, path: Path, author: str, n: int = 1) -> list[str]:
    """Take back the last n edits that stand, or none of them; return their actions.

    Raises:
        InputError: what one of them left is there no more, as its undo would bring back what
            somebody took back since.
    """
    return _steps(connection, path, author, n, "undo")


def redo(connection: sqlite3.Connection, path: Path, author: str, n: int = 1) -> list[str]:
    """Make again the edits undone last; any other edit since then leaves nothing to redo.

    Raises:
        InputError: as `undo`.
    """
    return _steps(connection, path, author, n, "redo")


def _steps(
    connection: sqlite3.Connection, path: Path, author: str, n: int, name: str
) -> list[str]:
    find = project_index.top_standing if name == "undo" else project_index.top_undone
    done: list[str] = []
    with schema.transaction(connection, path):  # nobody edits between looking and doing
        while len(done) < n and (number := find(connection)):
            row = line(connection, number)
            assert row is not None
            _step(connection, path, author, row, name)
            done.append(row.action)
    return done


def _step(
    connection: sqlite3.Connection, path: Path, author: str, row: EditRow, name: str
) -> None:
    """Take back one line of the log, or make it again, and log that."""
    back = name == "undo"
    wanted = list(reversed(row.before)) if back else row.after
    left = {
        place
        for place in project_since.ends(wanted)
        if project_index.left_out(connection, *place)
    }
    changed = _changed(connection, row, back) - left
    # of a keypoint that went in logs of the sixth format: who was labelled since stays so
    if any(said[0] == "skeleton" for said in wanted):
        left |= {place for place in changed if place[0] == "instances"}
    if changed := changed - left:
        raise InputError(_refusal(connection, path, row, name, min(changed)))
    one = Edit(connection)
    for table, key, value in wanted:
        if (table, tuple(key)) not in left:
            one.put(table, tuple(key), value)
    project_done.settle(one, row.id, back)
    project_moves.forget(one)
    log(one, name, author, row.id)


def _changed(connection: sqlite3.Connection, row: EditRow, back: bool) -> set[Place]:
    """Return the rows that are not as the line left them, or, made again, as it found them."""
    shall = project_since.ends(reversed(row.before) if back else row.after)
    stands = project_since.ends(row.after if back else reversed(row.before))
    return {
        place
        for place, value in stands.items()
        if project_since.changed(
            connection, place, (value, get(connection, *place), shall[place]), row, back
        )
    }


def _refusal(
    connection: sqlite3.Connection, path: Path, row: EditRow, name: str, place: Place
) -> str:
    table, key = place
    last = project_index.last(connection, table, key)
    by = last.author if last else "somebody"
    framed = table in ("instances", "frames", "suggestions")
    what = f"frame {key[1]} of video {key[0]}" if framed else f"{table} {key[0]}"
    return (
        f"{path}: {by} changed {what} after {row.action!r} of {row.author}, so {name} would "
        f"overwrite that; {name} it as {row.author} in gambol studio, which asks first"
    )
