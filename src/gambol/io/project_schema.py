"""The database of a project: its tables, how it is opened, and what may be wrong with it.

SQLite with a rollback journal and full synchronisation: slower than a write-ahead log, but safe
on network drives, where shared memory between computers does not exist. One writer at a time;
others wait up to `WAIT_S` seconds.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePath

from gambol.core.errors import InputError
from gambol.io import project_index, project_keypoints, store

# 1: no table `frames`, and every animal had a name; 2: no edits of tracks; 3: no regions;
# 4: no flags and notes of frames, no index of the log; 5: nothing of what else files said;
# 6: points by the place of their keypoint
SCHEMA = 7
_BY_PLACE = 6
APPLICATION = 0x67616D62  # "gamb", so that tools can tell whose database it is
WAIT_S = 30.0
NAME = "project.db"
_BACKUPS_KEPT = 20
_RESTORE = (
    "put the newest copy from backups/ in its place, and delete "
    f"{NAME}-wal and {NAME}-shm beside it"
)
# -1, -2 … tell apart the animals of one frame whose names nobody said
_INSTANCES = """
CREATE TABLE {name} (
    id INTEGER PRIMARY KEY,
    video INTEGER NOT NULL REFERENCES videos, frame INTEGER NOT NULL CHECK (frame >= 0),
    individual INTEGER NOT NULL CHECK (individual <> 0), origin INTEGER NOT NULL,
    named INTEGER AS (CASE WHEN individual > 0 THEN individual END) REFERENCES individuals,
    UNIQUE (video, frame, individual)
);
"""
_FRAMES = """
CREATE TABLE {name} (            -- what was said of frames as a whole; others are complete
    video INTEGER NOT NULL REFERENCES videos, frame INTEGER NOT NULL CHECK (frame >= 0),
    complete INTEGER,            -- 1 every animal is labelled, 0 the rest is not background,
                                 -- 2 somebody is at work, and nothing of it is used
    flag INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (video, frame)
) WITHOUT ROWID;
"""
_EDITS = """
CREATE TABLE {name} (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL, author TEXT NOT NULL, action TEXT NOT NULL,
    target INTEGER REFERENCES edits,            -- the edit that an undo or redo is about
    uuid TEXT UNIQUE,                           -- of whoever sent it, so that it happens once
    undone INTEGER,                             -- the undo that took it back, where one stands
    rows INTEGER NOT NULL DEFAULT 0,
    places TEXT NOT NULL DEFAULT '[]',          -- JSON: [[video, frame], …], the first few
    before TEXT NOT NULL, after TEXT NOT NULL   -- JSON: [[table, key, value or null], …]
);
"""
_TOUCHED = """
CREATE TABLE touched (           -- which edits changed a row, follows from the log
    tbl TEXT NOT NULL, k1 INTEGER NOT NULL, k2 INTEGER NOT NULL, k3 INTEGER NOT NULL,
    edit INTEGER NOT NULL,
    state INTEGER NOT NULL,      -- of frames complete, -1 for NULL; else whether there is a row
    PRIMARY KEY (tbl, k1, k2, k3, edit)
) WITHOUT ROWID;
"""
_INDEX = f"""
CREATE INDEX edits_by_author ON edits (author, undone, target, id);
CREATE INDEX edits_undone ON edits (undone, target, id);
{_TOUCHED}
"""
_TRACKS = """
CREATE TABLE tracks (            -- files of tracks that people edited
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,   -- of the log, relative to the project, forward slashes
    about TEXT NOT NULL          -- JSON: the automatic tracks that the log begins with
);
CREATE TABLE track_edits (       -- the log of a file, one record a row
    tracks INTEGER NOT NULL REFERENCES tracks, place INTEGER NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (tracks, place)
) WITHOUT ROWID;
"""
_REGIONS = """
CREATE TABLE regions (           -- polygons without loss and without score
    id INTEGER PRIMARY KEY,
    video INTEGER NOT NULL REFERENCES videos,
    frame INTEGER NOT NULL,      -- -1 in all frames
    polygon TEXT NOT NULL        -- JSON: [[x, y], …], video pixels
);
"""
_EXTRAS = """
CREATE TABLE extras (            -- what files of other programs said besides, for exports
    video INTEGER NOT NULL,      -- 0 what is said of all videos
    frame INTEGER NOT NULL,      -- -1 of all frames
    individual INTEGER NOT NULL, -- 0 of all animals
    value TEXT NOT NULL,         -- JSON: {format: {…}}
    PRIMARY KEY (video, frame, individual)
) WITHOUT ROWID;
"""
TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE skeleton (id INTEGER PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL);
CREATE TABLE videos (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,          -- relative to the project, forward slashes
    hash TEXT NOT NULL UNIQUE,   -- of the content, finds the video again when it was moved
    bytes INTEGER,               -- NULL for a folder of images
    width INTEGER NOT NULL, height INTEGER NOT NULL, frames INTEGER NOT NULL, fps REAL NOT NULL
);
CREATE TABLE individuals (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
{instances}
{frames}
CREATE TABLE points (            -- keypoints of which nobody said anything have no row
    instance INTEGER NOT NULL REFERENCES instances ON DELETE CASCADE,
    keypoint INTEGER NOT NULL, x REAL, y REAL, visibility INTEGER NOT NULL,
    PRIMARY KEY (instance, keypoint)
) WITHOUT ROWID;
CREATE INDEX points_by_keypoint ON points (keypoint, visibility);
CREATE TABLE suggestions (
    video INTEGER NOT NULL REFERENCES videos, frame INTEGER NOT NULL, reason TEXT NOT NULL,
    score REAL, rank INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (video, frame)
) WITHOUT ROWID;
{edits}
{index}
{tracks}
{regions}
{extras}
""".format(
    instances=_INSTANCES.format(name="instances"),
    frames=_FRAMES.format(name="frames"),
    edits=_EDITS.format(name="edits"),
    index=_INDEX,
    tracks=_TRACKS,
    regions=_REGIONS,
    extras=_EXTRAS,
)
_UPGRADES = {  # from the format that is the key to the next one
    1: f"""
{_INSTANCES.format(name="instances_of_2")}
INSERT INTO instances_of_2 (id, video, frame, individual, origin)
    SELECT id, video, frame, individual, origin FROM instances;
DROP TABLE instances;
ALTER TABLE instances_of_2 RENAME TO instances;
{_FRAMES.format(name="frames")}
""",
    2: _TRACKS,
    3: _REGIONS,
    4: f"""
{_FRAMES.format(name="frames_of_5")}
INSERT INTO frames_of_5 (video, frame, complete) SELECT video, frame, complete FROM frames;
DROP TABLE frames;
ALTER TABLE frames_of_5 RENAME TO frames;
{_EDITS.format(name="edits_of_5")}
INSERT INTO edits_of_5 (id, time, author, action, before, after, target)
    SELECT id, time, author, action, before, after, target FROM edits;
DROP TABLE edits;
ALTER TABLE edits_of_5 RENAME TO edits;
DROP TABLE IF EXISTS touched;
{_INDEX}
""",
    5: _EXTRAS,
    6: f"""
DROP TABLE touched;
{_TOUCHED}
DROP INDEX IF EXISTS edits_undone;
CREATE INDEX edits_undone ON edits (undone, target, id);
""",
}


def create(path: Path, notes: dict[str, str]) -> None:
    """Write an empty database with these `meta` rows."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")
        connection.executemany("INSERT INTO meta VALUES (?, ?)", notes.items())
    finally:
        connection.close()


def connect(path: Path) -> sqlite3.Connection:
    """Open an existing database, or say in one sentence why not."""
    if not path.parent.is_dir():
        raise InputError(
            f"{path.parent} does not exist; make a project with gambol new {path.parent}"
        )
    if not path.is_file():
        raise InputError(
            f"{path.parent} is no project, it holds no {NAME}; "
            f"make one with gambol new {path.parent}"
        )
    with sentences(path):
        connection = sqlite3.connect(
            f"{_uri(path.resolve())}?mode=rw", uri=True, isolation_level=None, timeout=WAIT_S
        )
        try:
            connection.execute("PRAGMA synchronous = FULL")
            _check(connection, path)
            connection.execute("PRAGMA foreign_keys = OFF")  # while a table is replaced
            _upgrade(connection, path)
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
    return connection


def look(path: Path) -> sqlite3.Connection | None:
    """Open a database of our format, for reading alone; None where its format is older."""
    with sentences(path):
        connection = sqlite3.connect(
            f"{_uri(path.resolve())}?mode=ro", uri=True, isolation_level=None, timeout=WAIT_S
        )
        try:
            _check(connection, path)
            ours = _format(connection) == SCHEMA
        except BaseException:
            connection.close()
            raise
    if not ours:
        connection.close()
    return connection if ours else None


def _uri(path: PurePath) -> str:
    r"""Return the URI of a file as SQLite reads it, also of `\\server\share` on Windows."""
    uri = path.as_uri()
    return uri if uri.startswith("file:///") else uri.replace("file://", "file:////", 1)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    schema = _format(connection)
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application not in (APPLICATION, 0) or (application == 0 and schema > 0):
        raise InputError(f"{path} is the database of another program; choose another folder")
    tables = "SELECT count(*) FROM sqlite_master WHERE name IN ('meta', 'edits', 'points')"
    if schema == 0 or connection.execute(tables).fetchone()[0] != 3:
        raise InputError(
            f"{path} is only half written; put the newest copy from backups/ in its place, "
            "or delete it and make the project again"
        )
    if schema > SCHEMA:
        row = connection.execute("SELECT value FROM meta WHERE key = 'gambol'").fetchone()
        writer = f"gambol {row[0]}" if row else "a newer gambol"
        raise InputError(
            f"{path} was written by {writer} in format {schema} and this gambol reads up to "
            f"{SCHEMA}; update with pip install -U gambol"
        )


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a database of an older format to ours; a copy of it goes into backups/ first."""
    if _format(connection) == SCHEMA:
        return
    backup(connection, path.parent)
    with transaction(connection, path):
        # another process may have done it meanwhile
        for old in range(_format(connection), SCHEMA):
            for statement in _UPGRADES[old].split(";\n"):
                connection.execute(statement)
            if old == _BY_PLACE:
                project_keypoints.upgrade(connection)
        project_index.rebuild(connection)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
        if connection.execute("PRAGMA foreign_key_check").fetchone():
            raise InputError(
                f"{path} refers to what it does not hold; "
                "put the newest copy from backups/ in its place"
            )


def _format(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def backup(connection: sqlite3.Connection, project: Path) -> Path:
    """Copy the database into backups/ of the project, where the newest copies are kept."""
    folder = project / "backups"
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    target = folder / f"project-{stamp}.db"
    with (
        store.atomic(target) as partial,
        sentences(target),
        closing(sqlite3.connect(partial)) as copy,
    ):
        connection.backup(copy)
    for old in sorted(folder.glob("project-*.db"))[:-_BACKUPS_KEPT]:
        old.unlink(missing_ok=True)
    return target


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Do all that the block does, or nothing of it; other writers wait meanwhile."""
    with sentences(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # rows may refer to others that come later in the same edit
            connection.execute("PRAGMA defer_foreign_keys = ON")
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Turn what SQLite says into a sentence with a remedy."""
    try:
        with store.writing(path):
            yield
    except sqlite3.DatabaseError as error:
        if remedy := _remedy(str(error)):
            raise InputError(f"{path} {remedy}") from error
        raise


def _remedy(message: str) -> str | None:
    known = {
        "is locked": "is being written by another program; close that or try again",
        "readonly": "cannot be written: permission denied; change the permissions",
        "is full": "cannot be written: the disk is full; free some space",
        "disk I/O": "cannot be read or written: the disk reports an error; check the disk",
        "FOREIGN KEY": "was changed by another program meanwhile; try again",
        "unable to open": "cannot be opened; check the permissions of its folder",
        "not a database": f"is no database; {_RESTORE}",
        "malformed": f"is damaged; {_RESTORE}",
    }
    return next((remedy for sign, remedy in known.items() if sign in message), None)
