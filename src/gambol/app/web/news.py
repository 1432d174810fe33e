"""News: lines of the log as messages of the feed."""

import json

from gambol.app.web.models import Message
from gambol.io import project_keypoints, project_log
from gambol.io.project import Project
from gambol.io.project_edits import Value, get
from gambol.io.project_views import wire

MANY_ROWS = 500  # in one edit; pages load everything again instead
MANY_EDITS = 2000
REPLACED = "replaced"  # the log is another one, and the page's numbers are none of it
_SHOWN = ("instances", "frames", "individuals", "suggestions", "skeleton", "regions", "videos")
_NAMED = "track_edits"  # pages are told that there are some, and ask for what they show
_SMALL = ("skeleton", "videos", "individuals")  # told even of an edit of many rows


def since(project: Project, seq: int) -> list[Message] | None:
    """Return the edits after one, in order; None where they are too many to tell."""
    newest = project.seq()
    if newest - seq > MANY_EDITS:
        return None
    # what is long is not even read: it would hold everybody up, once more for every page
    found = project.connection.execute(
        "SELECT id, uuid, author, time, action, rows, CASE WHEN rows <= ? THEN after END"
        " FROM edits WHERE id > ? ORDER BY id",
        (MANY_ROWS, seq),
    )
    messages = []
    numbers = project_keypoints.ids(project.connection)
    for number, uuid, by, at, action, rows, after in found:
        told = _few(project, number) if after is None else json.loads(after)
        changes = [
            (table, key, wire(table, value, numbers))
            for table, key, value in told
            if table in _SHOWN
        ]
        rows_of_tracks = [key for table, key, _ in told if table == _NAMED]
        changes += [(_NAMED, key, None) for key in rows_of_tracks[:1]]
        messages.append(
            Message(
                type="edit", seq=number, id=uuid, by=by, at=at, action=action, changes=changes
            )
        )
        # animals that are here say their points in the places of before
        moved = action != "create" and any(c[0] == "skeleton" for c in changes)
        if rows > MANY_ROWS or moved:
            messages.append(reload(number))
    return messages


def _few(project: Project, number: int) -> list[tuple[str, list[int], Value]]:
    """Return what an edit touched of small tables, as it is now, and one row of tracks."""
    found: list[tuple[str, list[int], Value]] = []
    for table in (*_SMALL, _NAMED):
        rows = project.connection.execute(
            "SELECT k1, k2 FROM touched WHERE tbl = ? AND edit = ? ORDER BY k1, k2 LIMIT ?",
            (table, number, 1 if table == _NAMED else MANY_ROWS),
        )
        for k1, k2 in rows.fetchall():
            key = [k1, k2] if table == _NAMED else [k1]
            found.append((table, key, get(project.connection, table, tuple(key))))
    return found


def strange(project: Project, seq: int, at: str) -> bool:
    """Tell whether a page heard of another log: one that is longer, or has another line there.

    So it is when an older copy of the database was put in its place. `at` is when the line
    `seq` was written, as the page heard; "" if it does not say.
    """
    if seq > project.seq():
        return True
    return bool(at) and project_log.line_time(project.connection, seq) != at


def reload(seq: int, why: str | None = None) -> Message:
    """Return the message that tells a page to load everything again; `REPLACED`: the log."""
    return Message(type="reload", seq=seq, action=why)
