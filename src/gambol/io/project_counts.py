"""How often each keypoint is visible, covered and absent, counted once and then kept up.

Counting reads all points of a project, of which there may be millions; what edits changed since
follows from the log.
"""

import json
import sqlite3
from typing import Any

from gambol.core.labels import Visibility
from gambol.io import project_keypoints

_PLACE = {Visibility.VISIBLE: 0, Visibility.OCCLUDED: 1, Visibility.ABSENT: 2}
_MANY = 2000  # rows changed since; counting all anew is no slower


class Counts:
    """Of one open project; one thread at a time."""

    def __init__(self) -> None:
        self._seq = -1  # the newest edit that is counted
        self._animals = 0
        self._points: dict[tuple[int, int], int] = {}  # by keypoint's number and state

    def now(self, connection: sqlite3.Connection) -> list[list[int]]:
        """Return how often each keypoint is visible, covered, absent and unset."""
        if connection.in_transaction:
            self._count(connection, self._newest(connection))
        else:
            connection.execute("BEGIN")  # the log and the points of one moment
            try:
                self._follow(connection)
            finally:
                connection.execute("COMMIT")
        counts = []
        for number in project_keypoints.ids(connection):
            row = [0, 0, 0]
            for state, place in _PLACE.items():
                row[place] = self._points.get((number, int(state)), 0)
            counts.append([*row, self._animals - sum(row)])
        return counts

    def _follow(self, connection: sqlite3.Connection) -> None:
        """Take in what changed since the last question."""
        newest = self._newest(connection)
        query = "SELECT coalesce(sum(rows), 0) FROM edits WHERE id > ?"
        known = 0 <= self._seq <= newest
        if not known or connection.execute(query, (self._seq,)).fetchone()[0] > _MANY:
            self._count(connection, newest)
            return
        query = "SELECT before, after FROM edits WHERE id > ?"
        for before, after in connection.execute(query, (self._seq,)):
            for sign, rows in ((-1, json.loads(before)), (1, json.loads(after))):
                for table, _, value in rows:
                    if table == "instances" and value is not None:
                        self._add(value, sign)
        self._seq = newest

    def _add(self, value: dict[str, Any], sign: int) -> None:
        self._animals += sign
        for number, _, _, state in value["points"]:
            self._points[number, state] = self._points.get((number, state), 0) + sign

    def _count(self, connection: sqlite3.Connection, newest: int) -> None:
        found = connection.execute(
            "SELECT keypoint, visibility, count(*) FROM points GROUP BY keypoint, visibility"
        )
        self._points = {(number, state): count for number, state, count in found}
        (self._animals,) = connection.execute("SELECT count(*) FROM instances").fetchone()
        self._seq = newest

    def _newest(self, connection: sqlite3.Connection) -> int:
        return int(connection.execute("SELECT coalesce(max(id), 0) FROM edits").fetchone()[0])
