"""Undo and redo of the command line: one stack of all edits, whoever made them.

A page undoes the edits of one person (`project_changes`); which edits stand is noted beside the
log, so that each knows of the other.
"""

import sqlite3
from pathlib import Path

from gambol.io import project_done, project_index
from gambol.io import project_schema as schema
from gambol.io.project_edits import Edit, line, log


def undo(connection: sqlite3.Connection, path: Path, author: str) -> str | None:
    """Take back the latest edit that stands; return its action, None where none is left."""
    return _step(connection, path, author, "undo")


def redo(connection: sqlite3.Connection, path: Path, author: str) -> str | None:
    """Make again the edit undone last; any other edit since then leaves nothing to redo."""
    return _step(connection, path, author, "redo")


def _step(connection: sqlite3.Connection, path: Path, author: str, name: str) -> str | None:
    back = name == "undo"
    find = project_index.top_standing if back else project_index.top_undone
    with schema.transaction(connection, path):  # nobody edits between looking and doing
        number = find(connection)
        row = line(connection, number) if number else None
        if row is None:
            return None
        one = Edit(connection)
        for table, key, value in reversed(row.before) if back else row.after:
            one.put(table, tuple(key), value)
        project_done.settle(one, row.id, back)
        log(one, name, author, row.id)
        return row.action
