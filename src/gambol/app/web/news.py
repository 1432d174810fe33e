"""News: lines of the log as messages of the feed."""

import json

from gambol.app.web.models import Message
from gambol.io.project import Project
from gambol.io.project_views import wire

MANY_ROWS = 500  # in one edit; pages load everything again instead
MANY_EDITS = 2000
_SHOWN = ("instances", "frames", "individuals", "suggestions", "skeleton", "regions", "videos")
_NAMED = "track_edits"  # pages are told that there are some, and ask for what they show
_SMALL = ("individuals", "skeleton", "videos")  # told even of an edit of many rows


def since(project: Project, seq: int) -> list[Message] | None:
    """Return the edits after one, in order; None where they are too many to tell."""
    newest = project.seq()
    if newest - seq > MANY_EDITS:
        return None
    found = project.connection.execute(
        "SELECT id, uuid, author, time, action, rows, after FROM edits"
        " WHERE id > ? ORDER BY id",
        (seq,),
    )
    messages = []
    for number, uuid, by, at, action, rows, after in found:
        tables = _SHOWN if rows <= MANY_ROWS else _SMALL
        changes = [
            (table, key, wire(table, value))
            for table, key, value in json.loads(after)
            if table in tables
        ]
        rows_of_tracks = [key for table, key, _ in json.loads(after) if table == _NAMED]
        changes += [(_NAMED, key, None) for key in rows_of_tracks[:1]]
        messages.append(
            Message(
                type="edit", seq=number, id=uuid, by=by, at=at, action=action, changes=changes
            )
        )
        if rows > MANY_ROWS or (rows > 1 and any(c[0] == "skeleton" for c in changes)):
            messages.append(reload(number))
    return messages


def reload(seq: int) -> Message:
    """Return the message that tells a page to load everything again."""
    return Message(type="reload", seq=seq)
