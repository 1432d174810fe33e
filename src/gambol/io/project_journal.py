"""How the database of a project is kept safe while a server has it open.

A rollback journal flushes the disk five times an edit, a write-ahead log once; both lose no
edit that was answered (`synchronous = FULL`). The log needs memory shared between processes,
which does not exist between the computers of a network drive, so it is used on local disks
only, and the rollback journal comes back when the server ends.
"""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path, PurePath

_LOCAL = (
    "apfs", "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuseblk", "hfs",
    "jfs", "msdos", "ntfs", "ntfs3", "overlay", "ramfs", "reiserfs", "squashfs", "tmpfs",
    "ufs", "vfat", "xfs", "zfs",
)  # fmt: skip
REMOTE = "on a network drive every edit takes longer"
READ_ONLY = "the folder is read-only"


def quicken(connection: sqlite3.Connection, path: Path) -> str:
    """Use a write-ahead log where that is safe; return "", or why it is not used."""
    if not os.access(path, os.W_OK):
        return READ_ONLY
    if not is_local(path):
        settle(connection)
        return REMOTE
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    return "" if mode == "wal" else REMOTE


def settle(connection: sqlite3.Connection) -> None:
    """Go back to the rollback journal, so that one file holds everything."""
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError:  # somebody else has it open; the last one tidies up
        return


def is_local(path: Path) -> bool:
    """Tell whether a file lies on a disk of this computer; unknown kinds of disks do not."""
    path = path.resolve()
    if sys.platform.startswith("linux"):
        text = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
        found = [line.split()[1:3] for line in text.splitlines() if len(line.split()) > 2]
        return _kind(path, [(unescaped(at), kind) for at, kind in found]) in _LOCAL
    if os.name == "nt":
        import ctypes

        remote, drive = 4, f"{path.drive}\\"
        kind = ctypes.windll.kernel32.GetDriveTypeW(drive)  # type: ignore[attr-defined,unused-ignore]
        return not path.drive.startswith("\\\\") and kind != remote
    told = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout
    return _kind(path, of_mount(told)) == "local"


def of_mount(told: str) -> list[tuple[str, str]]:
    """Read what `mount` of macOS and BSD says: where, and local or not.

    >>> of_mount("/dev/disk3s1 on / (apfs, local, journaled)")
    [('/', 'local')]
    """
    found = []
    for line in told.splitlines():
        _, _, rest = line.partition(" on ")
        place, _, options = rest.rpartition(" (")
        words = options.rstrip(")").split(", ")
        found.append((place, "local" if "local" in words else "remote"))
    return found


def unescaped(place: str) -> str:
    r"""Return a path of the table of mounts, where a blank is \040."""
    for code in ("040", "011", "012", "134"):
        place = place.replace(f"\\{code}", chr(int(code, 8)))
    return place


def _kind(path: PurePath, mounts: list[tuple[str, str]]) -> str:
    """Return the kind of the innermost mount that holds a path; the last of equals counts."""
    best, kind = -1, ""
    for place, what in mounts:
        if path.is_relative_to(place) and len(PurePath(place).parts) >= best:
            best, kind = len(PurePath(place).parts), what
    return kind
