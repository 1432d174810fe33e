"""What follows from the log of a project, kept beside it so that questions are quick.

Which edits touched a row, which of them stand, and what each is about in a few words. All of
it can be made again from the log alone (`rebuild`).
"""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

PLACES = 20  # of an edit that are noted beside it
_FRAMED = ("instances", "frames", "suggestions")  # tables whose key begins (video, frame)
# edits that nobody undoes: that made the project, and those that begin a log of tracks, on
# which others build. Older versions began it in the edit of its first record, which can be
# undone (`left_out`).
_PASSED = (
    "(action = 'create' OR id IN (SELECT edit FROM touched AS begun WHERE tbl = 'tracks'"
    " AND NOT (edit = (SELECT min(edit) FROM touched WHERE tbl = 'tracks' AND k1 = begun.k1)"
    " AND EXISTS (SELECT 1 FROM touched WHERE tbl = 'track_edits' AND k1 = begun.k1"
    " AND k2 = 0 AND k3 = 0 AND edit = begun.edit))))"
)


class Touch(NamedTuple):
    """The last edit of a row."""

    edit: int
    author: str
    time: str


def note(
    connection: sqlite3.Connection,
    number: int,
    after: list[Any],
    action: str,
    target: int | None,
) -> None:
    """Note what one line of the log touched, and of an undo or redo what it took back."""
    rows = {(table, *_padded(key)): _state(table, value) for table, key, value in after}
    connection.executemany(
        "INSERT INTO touched VALUES (?, ?, ?, ?, ?, ?)",
        ((*key, number, state) for key, state in rows.items()),
    )
    connection.execute(
        "UPDATE edits SET rows = ?, places = ? WHERE id = ?",
        (len(after), json.dumps(places(after), separators=(",", ":")), number),
    )
    if target is not None:
        undone = number if action == "undo" else None
        connection.execute("UPDATE edits SET undone = ? WHERE id = ?", (undone, target))


def rebuild(connection: sqlite3.Connection) -> None:
    """Make everything again from the log."""
    connection.execute("DELETE FROM touched")
    last = 0
    query = "SELECT id, after, action, target FROM edits WHERE id > ? ORDER BY id LIMIT 1"
    while row := connection.execute(query, (last,)).fetchone():
        last, after, action, target = row
        note(connection, last, json.loads(after), action, target)


def last(connection: sqlite3.Connection, table: str, key: Iterable[int]) -> Touch | None:
    """Return the last edit of a row, O(log n); None where none ever touched it."""
    row = connection.execute(
        "SELECT id, author, time FROM edits WHERE id = (SELECT max(edit) FROM touched"
        " WHERE tbl = ? AND k1 = ? AND k2 = ? AND k3 = ?)",
        (table, *_padded(list(key))),
    ).fetchone()
    return Touch(*row) if row else None


def state(
    connection: sqlite3.Connection, table: str, key: Iterable[int], at: int
) -> int | None:
    """Return what the log knows of a row right after an edit; None: not yet anything.

    Of a frame it is `complete`, or -1; of other rows whether there was one.
    """
    row = connection.execute(
        "SELECT state FROM touched WHERE tbl = ? AND k1 = ? AND k2 = ? AND k3 = ?"
        " AND edit <= ? ORDER BY edit DESC LIMIT 1",
        (table, *_padded(list(key)), at),
    ).fetchone()
    return int(row[0]) if row else None


def life(
    connection: sqlite3.Connection, table: str, key: Iterable[int], before: int
) -> int | None:
    """Return the line of the log since which a row had been there, right before an edit."""
    place = (table, *_padded(list(key)))
    where = "tbl = ? AND k1 = ? AND k2 = ? AND k3 = ?"
    gone = (
        f"SELECT coalesce(max(edit), 0) FROM touched WHERE {where} AND edit < ? AND state = 0"
    )
    (first,) = connection.execute(
        f"SELECT min(edit) FROM touched WHERE {where} AND edit < ? AND edit > ({gone})",
        (*place, before, *place, before),
    ).fetchone()
    return None if first is None else int(first)


def of_frame(connection: sqlite3.Connection, video: int, frame: int, since: int) -> list[int]:
    """Return the edits after `since` that changed animals or marks of a frame, latest first."""
    query = "SELECT DISTINCT edit FROM touched WHERE tbl = ? AND k1 = ? AND k2 = ? AND edit > ?"
    found = {
        number
        for table in ("instances", "frames")
        for (number,) in connection.execute(query, (table, video, frame, since))
    }
    return sorted(found, reverse=True)


def last_standing(connection: sqlite3.Connection, author: str) -> int | None:
    """Return the latest edit of a person that can be undone, O(log n)."""
    row = connection.execute(
        "SELECT id FROM edits WHERE author = ? AND undone IS NULL AND target IS NULL"
        f" AND NOT {_PASSED} ORDER BY id DESC LIMIT 1",
        (author,),
    ).fetchone()
    return int(row[0]) if row else None


def left_out(connection: sqlite3.Connection, table: str, key: Iterable[int]) -> bool:
    """Tell whether undo and redo leave a row: the beginning of a log of tracks stays."""
    if table != "tracks":
        return False
    query = "SELECT 1 FROM tracks WHERE id = ?"
    return connection.execute(query, tuple(key)).fetchone() is not None


def top_standing(connection: sqlite3.Connection) -> int | None:
    """Return the latest edit of anybody that can be undone."""
    row = connection.execute(
        "SELECT id FROM edits WHERE undone IS NULL AND target IS NULL"
        f" AND NOT {_PASSED} ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return int(row[0]) if row else None


def top_undone(connection: sqlite3.Connection) -> int | None:
    """Return the edit that was undone last, unless anybody edited since."""
    row = connection.execute(
        "SELECT id, undone FROM edits WHERE undone NOT NULL ORDER BY undone DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    since = top_standing(connection)
    return None if since is not None and since > row[1] else int(row[0])


def last_undone(connection: sqlite3.Connection, author: str) -> int | None:
    """Return the edit of a person that was undone last, unless they edited since."""
    row = connection.execute(
        "SELECT id, undone FROM edits WHERE author = ? AND undone NOT NULL AND target IS NULL"
        " ORDER BY undone DESC LIMIT 1",
        (author,),
    ).fetchone()
    if row is None:
        return None
    since = last_standing(connection, author)
    # what stands and is younger than the undone edit was made after the undo
    return None if since is not None and since > row[0] else int(row[0])


def places(after: list[Any]) -> list[list[int]]:
    """Return the first frames that rows are about, each once."""
    found: dict[tuple[int, int], None] = {}
    for table, key, _ in after:
        if table in _FRAMED:
            found[key[0], key[1]] = None
            if len(found) == PLACES:
                break
    return [list(place) for place in found]


def _state(table: str, value: dict[str, Any] | None) -> int:
    if table != "frames":
        return int(value is not None)
    complete = None if value is None else value["complete"]
    return -1 if complete is None else int(complete)


def _padded(key: list[int]) -> tuple[int, int, int]:
    one, two, three = (*key, 0, 0)[:3]
    return one, two, three
