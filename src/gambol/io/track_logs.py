"""Logs of edits of track files: lines of JSON in a file, and in the project around it.

Inside a project the database is the source and the file its export: an edit of tracks is an
edit of the project, in one transaction, and undo and redo of the project reach it.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from gambol.io import project_edits, project_rows, project_schema, store
from gambol.io.project import Project


class Lines(NamedTuple):
    """A log: what it is about, then one record a line."""

    about: str
    records: list[str]


def read(path: Path) -> Lines | None:
    """Read a log, from the project if that knows it; None where there is none."""
    if (folder := project_of(path)) is not None:
        with Project.open(folder) as project:
            if (said := project.track_log(path)) is not None:
                return Lines(*said)
    if not path.exists():
        return None
    about, *records = store.read_text(path).splitlines()
    return Lines(about, records)


def write(path: Path, lines: Lines, action: str) -> None:
    """Write a log, whole or not at all; first into the project, where there is one."""
    if (folder := project_of(path)) is not None:
        with Project.open(folder) as project:
            project.set_track_log(path, *lines, action=action)
    export(path, lines)


def export(path: Path, lines: Lines) -> None:
    """Write the file, unless it says the same already."""
    text = "".join(line + "\n" for line in (lines.about, *lines.records))
    if not path.exists() or path.read_bytes() != text.encode():
        store.write_text(text, path)


def project_of(path: Path) -> Path | None:
    """Return the folder of the project in which a file lies."""
    for folder in path.resolve().parents:
        if (folder / project_schema.NAME).is_file():
            return folder
    return None


class Kept(NamedTuple):
    """A log as a project has it."""

    number: int  # of the track file in the project
    path: Path  # of the log
    key: str  # of the automatic tracks it is about
    records: list[dict[str, Any]]
    touch: int  # the last edit of the project that changed it


def listed(project: Project) -> list[tuple[int, Path]]:
    """Return the numbers of all track files of a project, and where their logs lie."""
    found = project.connection.execute("SELECT id, path FROM tracks ORDER BY id").fetchall()
    return [(int(number), project.folder / path) for number, path in found]


def touched(project: Project, number: int) -> int:
    """Return the last edit of the project that changed a log; 0: there is no such log."""
    query = (
        "SELECT coalesce(max(edit), 0) FROM touched"
        " WHERE k1 = ? AND tbl IN ('tracks', 'track_edits')"
    )
    return int(project.connection.execute(query, (number,)).fetchone()[0])


def kept(project: Project, number: int) -> Kept | None:
    """Return a log by the number of its track file."""
    connection = project.connection
    row = connection.execute(
        "SELECT path, about FROM tracks WHERE id = ?", (number,)
    ).fetchone()
    if row is None:
        return None
    query = "SELECT record FROM track_edits WHERE tracks = ? ORDER BY place"
    records = [json.loads(record) for (record,) in connection.execute(query, (number,))]
    return Kept(
        number, project.folder / row[0], json.loads(row[1])["of"], records,
        touched(project, number),
    )  # fmt: skip


def append(
    project: Project,
    number: int,
    records: list[dict[str, Any]],
    action: str,
    by: str,
    uuid: str,
) -> int:
    """Add records to a log as one edit of the project, once however often it comes.

    Return the number of the edit.
    """
    with project_schema.transaction(project.connection, project.path):
        connection = project.connection
        known = connection.execute("SELECT id FROM edits WHERE uuid = ?", (uuid,)).fetchone()
        if known is not None:
            return int(known[0])
        one = project_edits.Edit(connection)
        project_rows.add_track_records(one, number, [json.dumps(said) for said in records])
        return project_edits.log(one, action, by, uuid=uuid)


def begin(
    project: Project,
    path: Path,
    key: str,
    records: list[dict[str, Any]],
    action: str,
    by: str,
    uuid: str,
) -> int:
    """Add records to a log as `append`; where there is none, it is begun before.

    That somebody began it nobody undoes: what others add to it stays.

    Args:
        project: in whose folder the log lies.
        path: of the log.
        key: what it is about; a log of something else is begun anew.
        records: to add.
        action: in words.
        by: who.
        uuid: of the edit.
    """
    with project_schema.transaction(project.connection, project.path):
        connection = project.connection
        known = connection.execute("SELECT id FROM edits WHERE uuid = ?", (uuid,)).fetchone()
        if known is not None:
            return int(known[0])
        inside = path.relative_to(project.folder).as_posix()
        about = json.dumps({"of": key})
        number = project_rows.begun_track_log(connection, inside, about, by)
        one = project_edits.Edit(connection)
        project_rows.add_track_records(one, number, [json.dumps(said) for said in records])
        return project_edits.log(one, action, by, uuid=uuid)
