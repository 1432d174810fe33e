"""The database of a project, opened to be looked at: nothing beside it is written.

SQLite itself may have to write before it reads: what a program that was killed left in a
journal belongs into the file, and a write-ahead log needs memory that programs share through
another file. Then, and where the format is an older one, a copy is read: one of files that all
stood still until they were read a second time, so that it is what was there at one moment.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from gambol.core.errors import InputError
from gambol.io import project_schema as schema

WAIT_S = 1.0  # for the journal of a program that writes at this moment
SETTLE_S = 10.0  # for a pause of programs that write, in which a copy can be made
_AGAIN_S = 0.02
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
        connection = schema.connect(_copied(path, make()))
    return connection


def _copied(path: Path, away: Path) -> Path:
    """Copy a database, with what belongs to it, as it was at one moment.

    Raises:
        InputError: others write to it without a pause.
    """
    end = time.monotonic() + SETTLE_S
    while not _copies(path, away):
        if time.monotonic() > end:
            raise InputError(
                f"{path} was written all the time for {SETTLE_S:g} s, so it could not be "
                "copied to look at; try again when the other program is done"
            )
        time.sleep(_AGAIN_S)
    return away / path.name


def _copies(path: Path, away: Path) -> bool:
    """Copy once; tell whether nothing changed from before the first file to after the last.

    Content is compared, too: times of files are too coarse for two writes in a row.
    """
    sources = (path, _beside(path, _LOG), _beside(path, _JOURNAL))
    before = [_mark(source) for source in sources]
    try:
        for source, mark in zip(sources, before, strict=True):
            (away / source.name).unlink(missing_ok=True)
            if mark is not None:
                shutil.copyfile(source, away / source.name)
        return (
            before == [_mark(source) for source in sources]
            and all(
                mark is None or _same(source, away / source.name)
                for source, mark in zip(sources, before, strict=True)
            )
            and before == [_mark(source) for source in sources]
        )
    except FileNotFoundError:  # a journal that ended at this moment
        return False


def _same(one: Path, other: Path) -> bool:
    with one.open("rb") as a, other.open("rb") as b:
        while True:
            piece = a.read(1 << 20)
            if piece != b.read(1 << 20):
                return False
            if not piece:
                return True


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


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
