"""Edits: every change of a project and its line in the log, written together or not at all.

An edit is a list of (table, key, value before, value after). The tables are always what the
log, replayed from its beginning, says; undo and redo are edits too, so nothing is ever lost.
Points are said by the number of their keypoint (`project_keypoints`).
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from gambol.core import edits
from gambol.io import project_index as index
from gambol.io import project_schema as schema

Key = tuple[int, ...]
Value = dict[str, Any] | None
_PLAIN = {
    "skeleton": (("id",), ("value",)),
    "videos": (("id",), ("path", "hash", "bytes", "width", "height", "frames", "fps")),
    "individuals": (("id",), ("name",)),
    "frames": (("video", "frame"), ("complete", "flag", "note")),
    "regions": (("id",), ("video", "frame", "polygon")),
    "extras": (("video", "frame", "individual"), ("value",)),
    "tracks": (("id",), ("path", "about")),
    "track_edits": (("tracks", "place"), ("record",)),
    "suggestions": (("video", "frame"), ("reason", "score", "rank", "done")),
}


_LINES = "SELECT id, time, author, action, before, after, target FROM edits"


class EditRow(NamedTuple):
    """One line of the log."""

    id: int
    time: str  # UTC, ISO 8601
    author: str
    action: str
    before: list[Any]  # [table, key, value or None], … in the order of the changes
    after: list[Any]
    target: int | None


class Edit:
    """Collects the changes of one edit while it makes them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.before: list[Any] = []
        self.after: list[Any] = []

    def put(self, table: str, key: Key, value: Value) -> None:
        """Set one row, or remove it with None; what changes nothing is not recorded."""
        if table == "frames" and value is not None:
            value = edits.frame(value)  # the log of format 4 knew no flags and notes
        old = get(self.connection, table, key)
        if old == value:
            return
        _put(self.connection, table, key, value)
        self.before.append([table, list(key), old])
        self.after.append([table, list(key), value])


@contextmanager
def edit(
    connection: sqlite3.Connection, path: Path, action: str, author: str
) -> Iterator[Edit]:
    """Make one edit: the block's changes and the log line in one transaction."""
    with schema.transaction(connection, path):
        one = Edit(connection)
        yield one
        if one.after:
            log(one, action, author)


def log(
    one: Edit, action: str, author: str, target: int | None = None, uuid: str | None = None
) -> int:
    """Write the line of an edit, in the transaction of its changes; return its number."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    done = one.connection.execute(
        "INSERT INTO edits (time, author, action, before, after, target, uuid)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (now, author, action, _json(one.before), _json(one.after), target, uuid),
    )
    number = int(done.lastrowid or 0)
    index.note(one.connection, number, one.after, action, target)
    return number


def get(connection: sqlite3.Connection, table: str, key: Key) -> Value:
    """Return the row of a table as plain values, None where there is none."""
    if table == "instances":
        return _get_instance(connection, key)
    keys, columns = _PLAIN[table]
    where = " AND ".join(f"{name} = ?" for name in keys)
    row = connection.execute(
        f"SELECT {', '.join(columns)} FROM {table} WHERE {where}", key
    ).fetchone()
    return dict(zip(columns, row, strict=True)) if row else None


def _get_instance(connection: sqlite3.Connection, key: Key) -> Value:
    row = connection.execute(
        "SELECT id, origin FROM instances WHERE video = ? AND frame = ? AND individual = ?", key
    ).fetchone()
    if row is None:
        return None
    points = connection.execute(
        "SELECT keypoint, x, y, visibility FROM points WHERE instance = ? ORDER BY keypoint",
        row[:1],
    )
    return {"origin": row[1], "points": [list(point) for point in points]}


def _put(connection: sqlite3.Connection, table: str, key: Key, value: Value) -> None:
    keys = ("video", "frame", "individual") if table == "instances" else _PLAIN[table][0]
    if value is None:
        where = " AND ".join(f"{name} = ?" for name in keys)
        connection.execute(f"DELETE FROM {table} WHERE {where}", key)
        return
    points = value.get("points")
    row = {name: v for name, v in value.items() if name != "points"}
    names = (*keys, *row)
    updates = ", ".join(f"{name} = excluded.{name}" for name in row)
    connection.execute(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {updates}",
        (*key, *row.values()),
    )
    if points is not None:
        _put_points(connection, key, points)


def _put_points(connection: sqlite3.Connection, key: Key, points: list[Any]) -> None:
    (number,) = connection.execute(
        "SELECT id FROM instances WHERE video = ? AND frame = ? AND individual = ?", key
    ).fetchone()
    connection.execute("DELETE FROM points WHERE instance = ?", (number,))
    connection.executemany(
        "INSERT INTO points VALUES (?, ?, ?, ?, ?)", ((number, *point) for point in points)
    )


def line(connection: sqlite3.Connection, number: int) -> EditRow | None:
    """Return one line of the log."""
    row = connection.execute(f"{_LINES} WHERE id = ?", (number,)).fetchone()
    return _row(row) if row else None


def lines(connection: sqlite3.Connection, since: int = 0) -> Iterator[EditRow]:
    """Yield the log from its beginning, or from after a line."""
    for row in connection.execute(f"{_LINES} WHERE id > ? ORDER BY id", (since,)):
        yield _row(row)


def differences(connection: sqlite3.Connection) -> list[str]:
    """Replay the log and say where the tables differ from it; an empty list means nowhere."""
    said: dict[tuple[str, Key], Any] = {}
    for row in lines(connection):
        for table, key, value in row.after:
            said[table, tuple(key)] = value
    there = {(table, key): get(connection, table, key) for table, key in _keys(connection)}
    wrong = []
    for place in sorted(said.keys() | there.keys()):
        if comparable(place[0], said.get(place)) != comparable(place[0], there.get(place)):
            wrong.append(f"{place[0]} {place[1]}: table and log differ")
    return wrong


def comparable(table: str, value: Value) -> Value:
    """Return what two values have to agree in; older formats knew less of frames.

    Where a video lies is left out: it is found again without an edit.
    """
    if table == "frames" and value:
        return edits.frame(value)
    return {k: v for k, v in value.items() if k != "path"} if value else None


def _keys(connection: sqlite3.Connection) -> Iterator[tuple[str, Key]]:
    tables = {name: keys for name, (keys, _) in _PLAIN.items()}
    for table, keys in (tables | {"instances": ("video", "frame", "individual")}).items():
        for key in connection.execute(f"SELECT {', '.join(keys)} FROM {table}"):
            yield table, tuple(key)


def _row(row: tuple[Any, ...]) -> EditRow:
    number, time, author, action, before, after, target = row
    return EditRow(number, time, author, action, json.loads(before), json.loads(after), target)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
