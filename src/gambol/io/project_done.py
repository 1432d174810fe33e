"""When a frame is done: all its animals were there when somebody said so.

An animal that begins in a frame that is done makes it one that is being worked on, unless the
same edit says that it is done. What an undo brings back, or leaves behind, is judged by the
log: an animal counts as confirmed if it was there right after the last standing edit that said
something of the frame, or if it began while the frame was not being worked on, as an import.
"""

import sqlite3
from typing import Any, NamedTuple

from gambol.io import project_index as index
from gambol.io.project_edits import Edit, Key, get
from gambol.io.project_moves import changes

DONE, DRAFT = 1, 2  # what `complete` is; a draft while somebody is at work
_EVER = 1 << 62
Frame = tuple[int, int]  # video, frame


def reopen(one: Edit, said: set[Frame]) -> None:
    """Say that frames are being worked on in which an edit began animals.

    Args:
        one: the edit, whose changes are made.
        said: frames of which the edit itself says whether they are done.
    """
    for place in _begun(one) - said:
        row = get(one.connection, "frames", place)
        spoken = row is not None and row["complete"] is not None
        # of a frame of which nobody ever spoke all is done, as in files of labels
        if spoken or index.last(one.connection, "frames", place) is not None:
            _say(one, place, DRAFT)


def settle(one: Edit, line: int, back: bool) -> None:
    """Correct what an undo or a redo says of its frames, before it is logged.

    Args:
        one: its changes so far.
        line: of the log, that is undone or made again.
        back: it is undone.
    """
    there, gone, said = _touched(one)
    for place in there | gone | said:
        row = get(one.connection, "frames", place)
        step = _Step(one.connection, place, line, back, place in said)
        complete = None if row is None else row["complete"]
        _say(one, place, step.complete(complete, place in gone))


class _Step(NamedTuple):
    """One frame in an undo or a redo."""

    connection: sqlite3.Connection
    place: Frame
    line: int
    back: bool
    said: bool  # the line says something of the frame itself

    def complete(self, now: int | None, fewer: bool) -> int | None:
        """Return what the frame is; `now` it says, and it lost animals if there are `fewer`."""
        animals = _animals(self.connection, self.place)
        if not animals:
            return self._empty(now, fewer)
        if now == DRAFT and (self.said or not fewer):
            return now
        # what is said again was said by this line, or stood before it
        newest = _EVER if not self.said else self.line - 1 if self.back else self.line
        at, told = spoken(self.connection, self.place, self.line, self.back, newest)
        at = 0 if told == DRAFT else at
        sound = all(self._confirmed(key, at) for key in animals)
        return (told if now == DRAFT else now) if sound else DRAFT

    def _empty(self, now: int | None, fewer: bool) -> int | None:
        """Return what a frame without animals is: what was said of animals is said no more."""
        if now not in (DRAFT, DONE) or self._had(self.line - 1 if self.back else self.line):
            return now if now not in (DRAFT, DONE) else None
        if self.said or not fewer:
            return now
        at, told = spoken(self.connection, self.place, self.line, self.back)
        return None if told == DONE and self.back and self._had(at) else told

    def _had(self, at: int) -> bool:
        """Tell whether the frame had animals right after an edit."""
        rows = "tbl = 'instances' AND k1 = ? AND k2 = ? AND edit <= ?"
        later = f"SELECT 1 FROM touched WHERE {rows} AND k3 = one.k3 AND edit > one.edit"
        found = self.connection.execute(
            f"SELECT 1 FROM touched AS one WHERE {rows} AND state = 1"
            f" AND NOT EXISTS ({later}) LIMIT 1",
            (*self.place, at, *self.place, at),
        )
        return found.fetchone() is not None

    def _confirmed(self, key: Key, at: int) -> bool:
        """Tell whether an animal that is there was confirmed, or never had to be."""
        connection = self.connection
        begin = self._begin(key)
        there = at > 0 and index.state(connection, "instances", key, at) == 1
        if there and _begin(connection, key, at + 1) == begin:  # not another one of its number
            return True
        return index.state(connection, "frames", self.place, begin) != DRAFT

    def _begin(self, key: Key) -> int:
        if index.state(self.connection, "instances", key, _EVER) == 1:
            return _begin(self.connection, key, _EVER)
        return _begin(self.connection, key, self.line) if self.back else self.line


def spoken(
    connection: sqlite3.Connection, place: Frame, line: int, back: bool, newest: int = _EVER
) -> tuple[int, int | None]:
    """Return the last standing edit that said something of a frame, 0: none, and what.

    Args:
        connection: of the project.
        place: video and frame.
        line: counts as undone, or as made again.
        back: as undone.
        newest: of the edits that are looked at.
    """
    row = connection.execute(
        "SELECT edits.id, state FROM touched JOIN edits ON edits.id = edit"
        " WHERE tbl = 'frames' AND k1 = ? AND k2 = ? AND k3 = 0 AND target IS NULL"
        " AND edit <= ? AND CASE WHEN edits.id = ? THEN ? ELSE undone IS NULL END"
        " ORDER BY edit DESC LIMIT 1",
        (*place, newest, line, not back),
    ).fetchone()
    return (0, None) if row is None else (int(row[0]), None if row[1] < 0 else int(row[1]))


def _begun(one: Edit) -> set[Frame]:
    """Return the frames with an animal that was not there, under no other number either."""
    was, now = changes(one)
    there: dict[Frame, list[Any]] = {}
    for (video, frame, _), value in was.items():
        if value is not None:
            there.setdefault((video, frame), []).append(value["points"])
    return {
        (key[0], key[1])
        for key, value in now.items()
        if value is not None and was[key] is None
        and value["points"] not in there.get((key[0], key[1]), [])
    }  # fmt: skip


def _touched(one: Edit) -> tuple[set[Frame], set[Frame], set[Frame]]:
    """Return frames with animals that were put, that were removed, and rows of frames."""
    there: set[Frame] = set()
    gone: set[Frame] = set()
    said: set[Frame] = set()
    for table, key, value in one.after:
        if table == "instances":
            (gone if value is None else there).add((key[0], key[1]))
        elif table == "frames":
            said.add((key[0], key[1]))
    return there, gone, said


def _animals(connection: sqlite3.Connection, place: Frame) -> list[Key]:
    query = "SELECT individual FROM instances WHERE video = ? AND frame = ?"
    return [(*place, who) for (who,) in connection.execute(query, place)]


def _begin(connection: sqlite3.Connection, key: Key, before: int) -> int:
    """Return the edit that began an animal that was there right before another one.

    What an undo brought back began when it had begun before it went; 0: before the log.
    """
    while (first := index.life(connection, "instances", key, before)) is not None:
        action, target = connection.execute(
            "SELECT action, target FROM edits WHERE id = ?", (first,)
        ).fetchone()
        if target is None:
            return first
        if action == "redo":
            return int(target)
        before = target
    return 0


def _say(one: Edit, place: Frame, complete: int | None) -> None:
    said = get(one.connection, "frames", place) or {}
    one.put("frames", place, said | {"complete": complete})
