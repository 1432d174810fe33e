"""Changes that people send: checked against what they saw, undone person by person.

Values are those of the wire (`project_views`). What cannot be done is either wrong
(`InputError`) or a `Conflict` with somebody.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from gambol.core import edits as checks
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import (
    project_done,
    project_index,
    project_keypoints,
    project_moves,
    project_schema,
    project_since,
    project_views,
)
from gambol.io.project import Project
from gambol.io.project_edits import Edit, EditRow, Key, Value, get, line, log
from gambol.io.project_rows import check_frame
from gambol.io.project_views import wire

UNREADABLE = "unreadable in the file"  # note of a frame
TOLD = 20  # rows that a conflict names; more nobody reads
_KEYS = {
    "instances": 3,
    "frames": 2,
    "individuals": 1,
    "suggestions": 2,
    "skeleton": 1,
    "regions": 1,
}


class RowChange(NamedTuple):
    """One row as it was seen and as it shall be; None: no row."""

    table: str
    key: list[int]
    saw: Any
    value: Any


class TheirRow(NamedTuple):
    """A row that somebody changed since it was seen."""

    table: str
    key: list[int]
    value: Any
    by: str
    at: str
    seq: int


class Conflict(Exception):
    """Somebody changed rows meanwhile; nothing was done."""

    def __init__(self, theirs: list[TheirRow]) -> None:
        first = theirs[0]
        super().__init__(f"{first.by} changed this after you")
        self.theirs = theirs[:TOLD]


class Stepped(NamedTuple):
    """What was undone or redone, the latest first."""

    seq: int
    actions: list[str]
    place: tuple[int, int] | None  # video and frame of the last one


def apply(
    project: Project, uuid: str, action: str, changes: list[RowChange], by: str,
    force: bool = False,
) -> int:  # fmt: skip
    """Make one edit, once however often it comes; return the number of its line in the log.

    Args:
        project: of this thread.
        uuid: of whoever sends it.
        action: in words.
        changes: in this order.
        by: author.
        force: change rows that somebody else changed meanwhile, too.

    Raises:
        Conflict: somebody did.
        InputError: a row says what there is not.
    """
    with _transaction(project) as connection:
        if (known := _known(connection, uuid)) is not None:
            return known
        one = Edit(connection)
        theirs: list[TheirRow] = []
        if len(changes) > 1 and any(change.table == "skeleton" for change in changes):
            raise InputError("a skeleton changes in an edit of its own; send two")
        for change in changes:
            _change(one, change, theirs)
        if theirs and not force:
            raise Conflict(theirs)
        project_moves.follow(one)
        project_done.reopen(one, {(c.key[0], c.key[1]) for c in changes if c.table == "frames"})
        _require_sound(one)
        return log(one, action, by, uuid=uuid) if one.after else project.seq()


def undo(project: Project, uuid: str, by: str, n: int = 1, force: bool = False) -> Stepped:
    """Take back the last n edits of one person that stand; all of them, or none.

    Raises:
        Conflict: somebody changed the same rows since, unless forced.
        InputError: others built on it, as with labels of an animal that would go.
    """
    return _steps(project, uuid, by, n, force, "undo")


def redo(project: Project, uuid: str, by: str, n: int = 1, force: bool = False) -> Stepped:
    """Make again what the same person undid last, unless they edited since."""
    return _steps(project, uuid, by, n, force, "redo")


def restore(project: Project, uuid: str, video: int, frame: int, seq: int, by: str) -> int:
    """Make one frame what it was after an edit; return the number of the new edit."""
    with _transaction(project) as connection:
        if (known := _known(connection, uuid)) is not None:
            return known
        one = Edit(connection)
        old = project_views.frame_then(connection, video, frame, seq)
        for table, key in project_views.keys_of_frame(connection, video, frame):
            if (table, key) not in old:
                one.put(table, key, None)
        for (table, key), value in old.items():
            one.put(table, key, value)
        _require_sound(one)
        action = f"restore frame {frame}"
        return log(one, action, by, uuid=uuid) if one.after else project.seq()


def remove_video(project: Project, video: int, by: str) -> int:
    """Remove a video with all that is said of it, as one edit that can be undone."""
    with _transaction(project) as connection:
        if get(connection, "videos", (video,)) is None:
            raise InputError(f"{project.folder} has no video {video}; gambol info lists them")
        one = Edit(connection)
        for table, keys in (
            ("instances", "video, frame, individual"), ("frames", "video, frame"),
            ("suggestions", "video, frame"), ("regions", "id"),
            ("extras", "video, frame, individual"),
        ):  # fmt: skip
            query = f"SELECT {keys} FROM {table} WHERE video = ?"
            for key in connection.execute(query, (video,)).fetchall():
                one.put(table, key, None)
        one.put("videos", (video,), None)
        return log(one, "remove video", by)


def replace_video(
    project: Project, video: int, values: dict[str, Any], bad: list[int], by: str
) -> int:
    """Put a copy of a video in its place, as one edit; its bad frames are said to be so.

    Raises:
        InputError: the copy has other frames, or is in the project already.
    """
    with _transaction(project) as connection:
        old = get(connection, "videos", (video,))
        if old is None:
            raise InputError(f"{project.folder} has no video {video}; gambol info lists them")
        if old["frames"] != values["frames"]:
            raise InputError(
                f"{values['path']} has {values['frames']} frames and {old['path']} "
                f"{old['frames']}; labels would move, so it stays"
            )
        query = "SELECT id FROM videos WHERE hash = ? AND id <> ?"
        if row := connection.execute(query, (values["hash"], video)).fetchone():
            raise InputError(f"{values['path']} is video {row[0]} already; choose another")
        one = Edit(connection)
        one.put("videos", (video,), values)
        for frame in bad:
            said = get(connection, "frames", (video, frame)) or {"complete": None}
            flagged = said | {"flag": checks.BAD, "note": said.get("note") or UNREADABLE}
            one.put("frames", (video, frame), flagged)
        return log(one, "repaired copy", by)


@contextmanager
def _transaction(project: Project) -> Iterator[sqlite3.Connection]:
    with project_schema.transaction(project.connection, project.path):
        yield project.connection


def _known(connection: sqlite3.Connection, uuid: str) -> int | None:
    row = connection.execute("SELECT id FROM edits WHERE uuid = ?", (uuid,)).fetchone()
    return int(row[0]) if row else None


def _change(one: Edit, change: RowChange, theirs: list[TheirRow]) -> None:
    """Make one change; note it in `theirs` where the row is not what was seen."""
    table = change.table
    if table not in _KEYS:
        raise InputError(f"no table {table!r} can be edited; there are {', '.join(_KEYS)}")
    if len(change.key) != _KEYS[table]:
        raise InputError(f"a key of {table} has {_KEYS[table]} numbers, not {change.key}")
    key = tuple(change.key)
    now = get(one.connection, table, key)
    if table == "skeleton":
        _change_skeleton(one, change, theirs)
        return
    value = _row(one.connection, table, key, change.value, now)
    if table == "frames" and _done(change.saw) == _done(value):
        # a flag or a note says nothing of animals that others began meanwhile
        value = checks.frame((value or {}) | {"complete": _done(now)})
    if now == value:
        return
    if _wire(one.connection, table, now) != _seen(table, change.saw):
        theirs.append(_theirs(one.connection, table, key, now))
    one.put(table, key, value)


def _done(value: Any) -> int | None:
    complete = value.get("complete") if isinstance(value, dict) else None
    return complete if isinstance(complete, int) else None


def _wire(connection: sqlite3.Connection, table: str, value: Value) -> Any:
    return wire(table, value, project_keypoints.ids(connection))


def _seen(table: str, saw: Any) -> Any:
    """Return what was seen in the shape in which rows are compared."""
    if table == "frames" and saw is not None:
        return checks.frame(saw)
    if table == "instances" and isinstance(saw, dict) and isinstance(saw.get("points"), list):
        points = [list(point) for point in saw["points"] if isinstance(point, list | tuple)]
        return saw | {"points": sorted(points, key=lambda point: str(point[:1]).zfill(9))}
    if table == "skeleton" and isinstance(saw, dict):
        try:
            return Skeleton.from_dict(saw).to_dict()
        except (KeyError, TypeError):
            return saw
    return saw


def _row(connection: sqlite3.Connection, table: str, key: Key, value: Any, now: Value) -> Value:
    """Return a value as the log holds it, or say what is wrong with it or its key."""
    if table in ("instances", "frames", "suggestions"):
        check_place(connection, key[0], key[1])
    if value is None:
        return None
    if table == "frames":
        return checks.frame(value)
    if table == "suggestions":
        return checks.suggestion(value)
    if table == "instances":
        who = key[2]
        if who == 0 or (who > 0 and get(connection, "individuals", (who,)) is None):
            raise InputError(f"there is no animal {who}; make it first, or reload the page")
        numbers = project_keypoints.ids(connection)
        said = checks.instance(value, len(numbers))
        return project_keypoints.numbered(said, numbers, now)
    if key[0] < 1:
        raise InputError(f"{table} are numbered from 1, so there is no {key[0]}")
    if table == "individuals":
        said = checks.individual(value)
        query = "SELECT 1 FROM individuals WHERE name = ? AND id <> ?"
        if connection.execute(query, (said["name"], key[0])).fetchone():
            raise InputError(f"another animal is called {said['name']!r}; choose another name")
        return said
    said = checks.region(value)
    check_place(connection, said["video"], max(said["frame"], 0))
    return said | {"polygon": json.dumps(said["polygon"])}


def check_place(connection: sqlite3.Connection, video: int, frame: int) -> None:
    """Refuse a frame that no video has."""
    row = connection.execute(
        "SELECT frames, path FROM videos WHERE id = ?", (video,)
    ).fetchone()
    if row is None:
        raise InputError(f"there is no video {video}; reload the page")
    check_frame(frame, *row)


def _change_skeleton(one: Edit, change: RowChange, theirs: list[TheirRow]) -> None:
    """Set the skeleton; points follow their keypoints, as they name them by number."""
    now = get(one.connection, "skeleton", (1,))
    if change.key != [1] or change.value is None or now is None:
        raise InputError("a project has one skeleton, of number 1; change that")
    old = Skeleton.from_dict(json.loads(now["value"]))
    new, order = checks.skeleton(change.value, old)
    if new == old and order == list(range(len(old))):
        return
    if _wire(one.connection, "skeleton", now) != _seen("skeleton", change.saw):
        theirs.append(_theirs(one.connection, "skeleton", (1,), now))
    numbers = project_keypoints.moved(one.connection, order)
    one.put("skeleton", (1,), project_keypoints.row(new, numbers))


def _require_sound(one: Edit) -> None:
    """Refuse rows that are left behind by an animal or a video that goes."""
    for table, key, value in one.after:
        gone = value is None and get(one.connection, table, tuple(key)) is None
        if table == "individuals" and gone:
            _require_none(one, "instances", "individual", key[0], f"animal {key[0]}")
        elif table == "videos" and gone:
            for child in ("instances", "frames", "suggestions", "regions"):
                _require_none(one, child, "video", key[0], f"video {key[0]}")
        elif table == "instances" and value is not None:
            _require_animal(one, key[2])


def _require_animal(one: Edit, who: int) -> None:
    if who > 0 and get(one.connection, "individuals", (who,)) is None:
        raise InputError(f"animal {who} is there no more; make it again first")


def _require_none(one: Edit, table: str, column: str, number: int, what: str) -> None:
    query = f"SELECT frame FROM {table} WHERE {column} = ? LIMIT 1"
    row = one.connection.execute(query, (number,)).fetchone()
    if row is not None:
        raise InputError(f"{what} is in use, in frame {row[0]} for one; clear that first")


def _theirs(connection: sqlite3.Connection, table: str, key: Key, now: Value) -> TheirRow:
    touch = project_index.last(connection, table, key)
    by, at, seq = (touch.author, touch.time, touch.edit) if touch else ("somebody", "", 0)
    return TheirRow(table, list(key), _wire(connection, table, now), by, at, seq)


def _steps(project: Project, uuid: str, by: str, n: int, force: bool, name: str) -> Stepped:
    find = project_index.last_standing if name == "undo" else project_index.last_undone
    done: list[EditRow] = []
    with _transaction(project) as connection:
        if (known := _known(connection, uuid)) is not None:
            row = line(connection, known)
            done = [target] if row and (target := line(connection, row.target or 0)) else []
            return _stepped(project, done)
        while len(done) < n and (number := find(connection, by)) is not None:
            row = line(connection, number)
            assert row is not None
            one = Edit(connection)
            _turn(one, row, name == "undo", force)
            _require_sound(one)
            # the id goes to the last of them: who sends it again gets one answer for all
            log(one, name, by, row.id)
            done.append(row)
        if done:
            newest = project.seq()
            connection.execute("UPDATE edits SET uuid = ? WHERE id = ?", (uuid, newest))
    return _stepped(project, done)


def _stepped(project: Project, done: list[EditRow]) -> Stepped:
    places = project_index.places(done[-1].after) if done else []
    place = (places[0][0], places[0][1]) if places else None
    return Stepped(project.seq(), [row.action for row in done], place)


def _turn(one: Edit, row: EditRow, back: bool, force: bool) -> None:
    """Make the inverse of a line of the log, or make it again."""
    expected, wanted = (row.after, row.before) if back else (row.before, row.after)
    stands = project_since.ends(expected if back else reversed(expected))
    shall = project_since.ends(reversed(wanted) if back else wanted)
    moved = ("skeleton", (1,)) in stands
    left = {place for place in stands if project_index.left_out(one.connection, *place)}
    theirs: list[TheirRow] = []
    for (table, key), value in stands.items():
        now = get(one.connection, table, key)
        if (table, key) in left or not project_since.changed(
            one.connection, (table, key), (value, now, shall[table, key]), row, back
        ):
            continue
        # of a keypoint that went in logs of the sixth format: who was labelled since stays so
        if moved and table == "instances":
            left.add((table, key))
        else:
            theirs.append(_theirs(one.connection, table, key, now))
    if moved:
        theirs += _would_lose(one.connection, shall["skeleton", (1,)], row, back)
    if theirs and not force:
        raise Conflict(theirs)
    for table, key, value in reversed(wanted) if back else wanted:
        if (table, tuple(key)) not in left:
            one.put(table, tuple(key), value)
    project_done.settle(one, row.id, back)
    if not force and (words := list(project_since.overruled(one, row, back))):
        raise Conflict([TheirRow("frames", list(s.key), s.value, *s[2:]) for s in words])
    project_moves.forget(one)


def _would_lose(
    connection: sqlite3.Connection, wanted: Value, row: EditRow, back: bool
) -> list[TheirRow]:
    """Return animals labelled since with points on keypoints that would go."""
    assert wanted is not None
    there, stay = project_keypoints.ids(connection), project_keypoints.of_row(wanted["value"])
    gone = sorted(set(there) - set(stay))
    since = row.id
    if not back:
        query = "SELECT undone FROM edits WHERE id = ?"
        (since,) = connection.execute(query, (row.id,)).fetchone()
    found = connection.execute(
        "SELECT DISTINCT video, frame, individual FROM points JOIN instances ON instance = id"
        f" WHERE keypoint IN ({', '.join('?' * len(gone))}) AND EXISTS (SELECT 1 FROM touched"
        " JOIN edits ON edits.id = edit AND target IS NULL AND undone IS NULL"
        " WHERE tbl = 'instances' AND k1 = video AND k2 = frame AND k3 = individual"
        " AND edit > ?) ORDER BY 1, 2, 3 LIMIT ?",
        (*gone, since, TOLD),
    )
    return [
        _theirs(connection, "instances", key, get(connection, "instances", key))
        for key in found.fetchall()
    ]
