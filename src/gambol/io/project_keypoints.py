"""Keypoints by numbers that last, so that a new order of a skeleton moves no point.

Rows and the log name a keypoint by its number; `Labels` and pages by its place in the skeleton.
The skeleton's row says which number stands at which place (`ids`; left out where each number is
its place). Points of a keypoint that was removed stay in their rows, where nobody sees them
until the keypoint comes back.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from gambol.core import edits as checks
from gambol.core.skeleton import Skeleton

_LOST = 1_000_000  # and more: places that no skeleton had, in logs of the sixth format


def ids(connection: sqlite3.Connection) -> list[int]:
    """Return the number of the keypoint at each place, (J,)."""
    row = connection.execute("SELECT value FROM skeleton WHERE id = 1").fetchone()
    return of_row(row[0]) if row else []


def of_row(text: str) -> list[int]:
    """Return the numbers that a skeleton's row says.

    >>> of_row('{"keypoints": ["a", "b"]}'), of_row('{"keypoints": ["b"], "ids": [1]}')
    ([0, 1], [1])
    """
    held = json.loads(text)
    return list(held.get("ids") or range(len(held["keypoints"])))


def row(skeleton: Skeleton, numbers: Sequence[int]) -> dict[str, Any]:
    """Return the row of a skeleton whose keypoints have these numbers."""
    return {"value": _text(skeleton.to_dict(), numbers)}


def moved(connection: sqlite3.Connection, order: Sequence[int]) -> list[int]:
    """Return the numbers in a new order; what is new (-1) gets a number that never was."""
    old, new = ids(connection), _unused(connection)
    made = []
    for k in order:
        made.append(old[k] if k >= 0 else new)
        new += k < 0
    return made


def _unused(connection: sqlite3.Connection) -> int:
    """Return the least number above all that the log ever knew."""
    most = -1
    for before, after in connection.execute(
        "SELECT before, after FROM edits"
        " WHERE id IN (SELECT edit FROM touched WHERE tbl = 'skeleton')"
    ):
        for table, _, value in [*json.loads(before), *json.loads(after)]:
            if table == "skeleton" and value is not None:
                most = max(most, *of_row(value["value"]))
    return most + 1


def placed(value: dict[str, Any], numbers: Sequence[int]) -> dict[str, Any]:
    """Return the row of an animal with places for numbers, without what nobody sees.

    >>> placed({"origin": 0, "points": [[0, 1.0, 2.0, 2], [7, 3.0, 4.0, 2]]}, [7])
    {'origin': 0, 'points': [[0, 3.0, 4.0, 2]]}
    """
    place = {number: j for j, number in enumerate(numbers)}
    seen = [[place[p[0]], *p[1:]] for p in value["points"] if p[0] in place]
    return value | {"points": sorted(seen, key=lambda point: point[0])}


def numbered(
    value: dict[str, Any], numbers: Sequence[int], now: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Undo `placed`; what nobody sees of the row that stands now stays."""
    points = [[numbers[point[0]], *point[1:]] for point in value["points"]]
    return kept(value | {"points": points}, numbers, now)


def kept(
    value: dict[str, Any], numbers: Sequence[int], now: dict[str, Any] | None
) -> dict[str, Any]:
    """Return a row of these numbers with what nobody sees of the row that stands now.

    >>> kept({"points": [[7, 1.0, 1.0, 2]]}, [7], {"points": [[0, 3.0, 4.0, 2]]})
    {'points': [[0, 3.0, 4.0, 2], [7, 1.0, 1.0, 2]]}
    """
    known = set(numbers)
    hidden = [point for point in (now or {"points": []})["points"] if point[0] not in known]
    points = [*value["points"], *hidden]
    return value | {"points": sorted(points, key=lambda point: point[0])}


def upgrade(connection: sqlite3.Connection) -> None:
    """Put numbers for the places that the log and the points of the sixth format have.

    There a change of the order was written into every animal; such rows say nothing any more
    and go. Of a keypoint that was removed they stay, as its points are gone.
    """
    said = _Lines()
    count = connection.execute("SELECT id FROM edits ORDER BY id").fetchall()
    query = "SELECT action, target, before, after FROM edits WHERE id = ?"
    for (number,) in count:
        action, target, before, after = connection.execute(query, (number,)).fetchone()
        if said.plain and '"skeleton"' not in after:
            continue
        rows = said.read(number, action, target, json.loads(before), json.loads(after))
        texts = [json.dumps(part, separators=(",", ":"), allow_nan=False) for part in rows]
        connection.execute(
            "UPDATE edits SET before = ?, after = ? WHERE id = ?", (*texts, number)
        )
    if said.text is not None:
        connection.execute("UPDATE skeleton SET value = ?", (said.text,))
    if not said.plain:
        _renumber(connection, said.now)


def _renumber(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Put the numbers of keypoints for their places in all points."""
    connection.execute(
        "UPDATE points SET keypoint = keypoint + ? WHERE keypoint >= ?", (_LOST, len(numbers))
    )
    for way in (1, -1):  # in two steps, as no two points of an animal share a number
        connection.executemany(
            "UPDATE points SET keypoint = ? WHERE keypoint = ?",
            [
                (-1 - number, j) if way > 0 else (number, -1 - number)
                for j, number in enumerate(numbers)
            ],
        )


class _Lines:
    """Reads a log of the sixth format line by line, and says it with numbers."""

    def __init__(self) -> None:
        self.now: list[int] = []
        self.text: str | None = None  # of the skeleton's row
        self._next = 0
        self._at: dict[int, tuple[list[int], list[int]]] = {}  # numbers before, after a line

    @property
    def plain(self) -> bool:
        """Whether every number is its place."""
        return self.now == list(range(len(self.now)))

    def read(
        self, number: int, action: str, target: int | None, before: list[Any], after: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Return what a line says of rows before and after, with numbers."""
        old = self.now
        for (table, _, was), (_, _, value) in zip(before, after, strict=True):
            if table == "skeleton":
                self.now = self._after(action, target, was, value)
        self._at[number] = old, self.now
        told = [
            (_renamed(one, old), _renamed(other, self.now))
            for one, other in zip(before, after, strict=True)
        ]
        for _, (table, _, value) in told:
            if table == "skeleton":
                self.text = value["value"]
        left = [pair for pair in told if pair[0] != pair[1]]
        return [one for one, _ in left], [other for _, other in left]

    def _after(self, action: str, target: int | None, was: Any, value: Any) -> list[int]:
        """Return the numbers after a change of the skeleton."""
        if target in self._at:
            return self._at[target][0 if action == "undo" else 1]
        made = json.loads(value["value"])
        n_old = len(self.now)
        order = made.get("order") or checks.appended(n_old, len(made["keypoints"]))
        numbers = []
        for k in order if was is not None else [-1] * len(made["keypoints"]):
            numbers.append(self.now[k] if k >= 0 else self._next)
            self._next += k < 0
        return numbers


def _renamed(row: list[Any], numbers: Sequence[int]) -> list[Any]:
    """Return a row of the log with numbers for places."""
    table, key, value = row
    if value is None or table not in ("skeleton", "instances"):
        return row
    if table == "skeleton":
        held = json.loads(value["value"])
        if "order" not in held and list(numbers) == list(range(len(held["keypoints"]))):
            return row
        held.pop("order", None)
        return [table, key, {"value": _text(held, numbers)}]
    points = [
        [numbers[p[0]] if p[0] < len(numbers) else _LOST + p[0], *p[1:]]
        for p in value["points"]
    ]
    return [table, key, value | {"points": sorted(points, key=lambda point: point[0])}]


def _text(skeleton: dict[str, Any], numbers: Sequence[int]) -> str:
    own = list(numbers) != list(range(len(skeleton["keypoints"])))
    return json.dumps(skeleton | ({"ids": list(numbers)} if own else {}))
