"""Which project and which log this is, wherever its folder lies, and the names in the log."""

import hashlib
import sqlite3
from pathlib import Path

from gambol.io import project_schema


def project_id(connection: sqlite3.Connection) -> str:
    """Return what tells this project from others: 128 bits, hexadecimal.

    It follows from the moment at which the project was made, so it stays when the folder moves
    and when an older copy of the database takes its place; a copy of the folder has the same.
    """
    row = connection.execute("SELECT value FROM meta WHERE key = 'created'").fetchone()
    said = f"{row[0] if row else ''} {line_time(connection, 1)}"
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def line_time(connection: sqlite3.Connection, seq: int) -> str:
    """Return when a line of the log was written, UTC, ISO 8601; "" if there is no such line."""
    row = connection.execute("SELECT time FROM edits WHERE id = ?", (seq,)).fetchone()
    return str(row[0]) if row else ""


def has_author(connection: sqlite3.Connection, author: str) -> bool:
    """Tell whether somebody of this name edited."""
    query = "SELECT 1 FROM edits WHERE author = ? LIMIT 1"
    return connection.execute(query, (author,)).fetchone() is not None


def rename_author(connection: sqlite3.Connection, path: Path, old: str, new: str) -> int:
    """Let the edits of one author be another's, who turned out to be it; return how many."""
    with project_schema.transaction(connection, path):
        done = connection.execute("UPDATE edits SET author = ? WHERE author = ?", (new, old))
        return done.rowcount
