"""The database of a project, opened to be looked at: nothing beside it is written.

SQLite itself may have to write before it reads: what a program that was killed left in a
journal belongs into the file, and a write-ahead log needs memory that programs share through
another file. Then, and where the format is an older one, a copy is read.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from gambol.core.errors import InputError
from gambol.io import project_schema as schema

WAIT_S = 1.0  # for the journal of a program that writes at this moment
_LOG, _JOURNAL = "-wal", "-journal"  # behind the name of the database


def connect(path: Path, make: Callable[[], Path]) -> sqlite3.Connection:
    """Open a database for reading, or say in one sentence why not.

    Args:
        path: of the database.
        make: makes an empty folder for a copy; what others write later is not seen in one.
    """
    if not path.is_file():
        raise InputError(f"{path.parent} is no project, it holds no {schema.NAME}")
    connection = None if _needs_writing(path) else schema.look(path)
    if connection is None:
        away = make()
        for source in (path, _beside(path, _LOG), _beside(path, _JOURNAL)):
            if source.exists():
                shutil.copyfile(source, away / source.name)
        connection = schema.connect(away / path.name)
    return connection


def _needs_writing(path: Path) -> bool:
    """Tell whether something has to be written before the database can be read.

    Source: sqlite.org/fileformat2.html, 1.3: bytes 18 and 19 are 2 where there is a log.
    """
    end = time.monotonic() + WAIT_S
    while _beside(path, _JOURNAL).exists() and time.monotonic() < end:
        time.sleep(0.05)
    with path.open("rb") as file:
        has_log = 2 in file.read(20)[18:]
    return has_log or _beside(path, _JOURNAL).exists()


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)
