"""Archives (.zip) that strangers packed: unpacked only where they name nothing outside.

Nothing of an archive is believed: names may lead out, sizes may lie, entries may be links, and
a few kilobytes may unfold to terabytes.
"""

import lzma
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from gambol.core.errors import InputError
from gambol.io import labels as io_labels

MOST = 200_000  # entries
LARGEST = 50 << 30  # bytes, unpacked
SPARE = 0.05  # of the disk, which stays free
KINDS = (
    ".avi", ".bmp", ".csv", ".h5", ".jpeg", ".jpg", ".json", ".m4v", ".mkv", ".mov", ".mp4",
    ".mpeg", ".mpg", ".png", ".slp", ".tif", ".tiff", ".webm", ".wmv", ".yaml", ".yml",
)  # fmt: skip
_CHUNK = 1 << 20
_DAMAGED = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError)
_FOREIGN = ("__MACOSX", "Thumbs.db")


def unpack(path: Path, to: Path) -> list[Path]:
    """Unpack what is of use of an archive into a new folder; return the files.

    Entries of other kinds (models, scripts, notes) are left where they are.

    Raises:
        InputError: it is no archive, damaged, locked by a password, too large, or an entry
            leads out of the folder or is a link.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _checked(path, archive.infolist())
            room = min(LARGEST, _room(to.parent))
            if sum(entry.file_size for entry, _ in entries) > room:
                raise _too_large(path, room)
            to.mkdir(parents=True)
            made = []
            for entry, inside in entries:
                target = to.joinpath(*inside.parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                room -= _written(archive, entry, target, room, path)
                made.append(target)
            return made
    except (*_DAMAGED, EOFError) as error:
        raise InputError(f"{path.name} is no sound archive ({error}); pack it again") from error
    except (RuntimeError, NotImplementedError) as error:  # a password, a rare method
        raise InputError(
            f"{path.name} cannot be unpacked: {error}; pack it as plain .zip"
        ) from error


def labels_in(folder: Path, source: Path) -> Path:
    """Return the one thing in an unpacked archive that holds labels.

    Projects come before single files: their tables lie inside of them.

    Raises:
        InputError: there is none, or several.
    """
    found = sorted(p.parent for p in folder.rglob("config.yaml"))
    found = [place for place in found if (place / "labeled-data").is_dir()]
    if not found:
        files = (
            p for p in sorted(folder.rglob("*")) if p.suffix in (".slp", ".csv", ".json", ".h5")
        )
        found = [p for p in files if _is_labels(p)]
    if len(found) != 1:
        names = ", ".join(p.relative_to(folder).as_posix() for p in found[:4])
        what = f"holds several: {names}" if found else "holds no labels that are known here"
        raise InputError(f"{source.name} {what}; pack one project, or one file of labels")
    return found[0]


def _is_labels(path: Path) -> bool:
    try:
        return io_labels.detect(path) != "project"
    except InputError:
        return False


def _checked(
    path: Path, entries: list[zipfile.ZipInfo]
) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Return the entries to unpack with their places, or refuse the whole."""
    if len(entries) > MOST:
        raise InputError(f"{path.name} holds more than {MOST:,} files; pack less")
    kept, seen = [], set()
    for entry in entries:
        inside = _place(path, entry)
        if entry.is_dir() or inside is None:
            continue
        if inside.as_posix().casefold() in seen:
            raise InputError(f"{path.name} holds {inside} twice; pack it again")
        seen.add(inside.as_posix().casefold())
        kept.append((entry, inside))
    return kept


def _place(path: Path, entry: zipfile.ZipInfo) -> PurePosixPath | None:
    """Return where an entry belongs; None: it is of no use.

    Raises:
        InputError: it leads out, or is a link or a device.
    """
    name = entry.filename.replace("\\", "/")
    parts = name.rstrip("/").split("/")
    if name.startswith("/") or any(p in ("", ".", "..") or set(p) & {":", "\0"} for p in parts):
        raise InputError(f"{path.name}: {entry.filename!r} leads out of it; it is not unpacked")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InputError(f"{path.name}: {entry.filename!r} is a link; pack the file itself")
    inside = PurePosixPath(*parts)
    hidden = any(part.startswith(".") or part in _FOREIGN for part in parts)
    return None if hidden or inside.suffix.lower() not in KINDS else inside


def _written(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, room: int, path: Path
) -> int:
    """Write an entry; count what comes and not what the archive says."""
    done = 0
    with archive.open(entry) as source, target.open("xb") as file:
        while piece := source.read(_CHUNK):
            done += len(piece)
            if done > room:
                raise _too_large(path, room)
            file.write(piece)
    return done


def _room(folder: Path) -> int:
    disk = shutil.disk_usage(folder)
    return int(max(disk.free - SPARE * disk.total, 0))


def _too_large(path: Path, room: int) -> InputError:
    return InputError(
        f"{path.name} holds more than the {room / 2**30:.1f} GiB that there is room for; "
        "free some space, or pack less"
    )
