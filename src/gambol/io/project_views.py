"""Questions to a project that a page asks all the time: each costs what its answer is long.

Values are those of the wire: rows as in the log, but a skeleton and a polygon are lists and
not text, and points are said by the place of their keypoint.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from gambol.core.skeleton import Skeleton
from gambol.io import project_index, project_keypoints
from gambol.io.project_edits import Key, Value, get, line


class LogRow(NamedTuple):
    """A line of the log in a few words."""

    seq: int
    at: str
    by: str
    action: str
    target: int | None
    places: list[tuple[int, int]]  # (video, frame), the first few
    rows: int
    standing: bool


class MarkRows(NamedTuple):
    """Frames of a video of which something is said, sorted."""

    frame: list[int]
    animals: list[int]
    complete: list[int]  # -1: nothing said
    flag: list[int]


class VideoCounts(NamedTuple):
    """How far the labelling of a video is."""

    labelled: int  # frames with animals, and those said to have none
    done: int  # of them, finished; a frame of an import counts, as it trains
    flagged: int


def wire(table: str, value: Value, numbers: Sequence[int]) -> Any:
    """Return a row of the log as the wire has it.

    Args:
        table: of the row.
        value: of the row.
        numbers: of the keypoints, (J,).
    """
    if value is None:
        return None
    if table == "instances":
        return project_keypoints.placed(value, numbers)
    if table == "skeleton":
        return Skeleton.from_dict(json.loads(value["value"])).to_dict()
    if table == "regions":
        return value | {"polygon": json.loads(value["polygon"])}
    return value


def history(connection: sqlite3.Connection, before: int | None, n: int) -> list[LogRow]:
    """Return the n lines of the log before one (None: the newest), the newest first."""
    found = connection.execute(
        "SELECT id, time, author, action, target, places, rows, undone FROM edits"
        " WHERE id < ? ORDER BY id DESC LIMIT ?",
        (before if before is not None else 1 << 62, n),
    )
    return [
        LogRow(
            seq, at, by, action, target, [(v, f) for v, f in json.loads(places)], rows,
            undone is None,
        )
        for seq, at, by, action, target, places, rows, undone in found
    ]  # fmt: skip


def instances(connection: sqlite3.Connection, video: int, frame: int) -> list[tuple[int, Any]]:
    """Return the animals of one frame and their rows."""
    query = "SELECT individual FROM instances WHERE video = ? AND frame = ? ORDER BY 1"
    found = connection.execute(query, (video, frame)).fetchall()
    numbers = project_keypoints.ids(connection)
    rows = [(who, get(connection, "instances", (video, frame, who))) for (who,) in found]
    return [(who, wire("instances", row, numbers)) for who, row in rows]


def marks(
    connection: sqlite3.Connection, video: int, first: int = 0, last: int = 1 << 62
) -> MarkRows:
    """Return the frames of a video, from first to last, of which something is said."""
    span = (video, first, last)
    where = "WHERE video = ? AND frame BETWEEN ? AND ?"
    animals = dict(
        connection.execute(
            f"SELECT frame, count(*) FROM instances {where} GROUP BY frame", span
        )
    )
    query = f"SELECT frame, complete, flag FROM frames {where}"
    said = {frame: (c, flag) for frame, c, flag in connection.execute(query, span)}
    frames = sorted(animals.keys() | said.keys())
    rows = [said.get(frame, (None, 0)) for frame in frames]
    return MarkRows(
        frames,
        [animals.get(frame, 0) for frame in frames],
        [-1 if complete is None else complete for complete, _ in rows],
        [flag for _, flag in rows],
    )


def video_counts(connection: sqlite3.Connection, video: int) -> VideoCounts:
    """Count the labelled, the finished and the flagged frames of a video."""
    found = marks(connection, video)
    rows = list(zip(found.animals, found.complete, strict=True))
    labelled = [(n, complete) for n, complete in rows if n or complete == 1]
    done = sum(complete in (1, -1) for _, complete in labelled)
    return VideoCounts(len(labelled), done, sum(map(bool, found.flag)))


def keys_of_frame(
    connection: sqlite3.Connection, video: int, frame: int
) -> Iterator[tuple[str, Key]]:
    """Yield the rows that make one frame: its animals, and what is said of it as a whole."""
    for table in ("instances", "extras"):
        query = f"SELECT individual FROM {table} WHERE video = ? AND frame = ?"
        for (who,) in connection.execute(query, (video, frame)).fetchall():
            yield table, (video, frame, who)
    if get(connection, "frames", (video, frame)) is not None:
        yield "frames", (video, frame)


def frame_then(
    connection: sqlite3.Connection, video: int, frame: int, seq: int
) -> dict[tuple[str, Key], Value]:
    """Return the rows of one frame as they were after an edit, read back from what they are."""
    rows = {key: get(connection, *key) for key in keys_of_frame(connection, video, frame)}
    for number in project_index.of_frame(connection, video, frame, seq):
        edit = line(connection, number)
        assert edit is not None
        for table, key, value in reversed(edit.before):
            if table in ("instances", "extras", "frames") and key[:2] == [video, frame]:
                rows[table, tuple(key)] = value
    return {key: value for key, value in rows.items() if value is not None}
