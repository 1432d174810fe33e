"""Logs of edits of track files: lines of JSON in a file, and in the project around it.

Inside a project the database is the source and the file its export: an edit of tracks is an
edit of the project, in one transaction, and undo and redo of the project reach it.
"""

from pathlib import Path
from typing import NamedTuple

from gambol.io import project_schema, store
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
