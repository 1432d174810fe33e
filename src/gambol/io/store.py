"""Files written whole or not at all, and what the package writes into them."""

import errno
import hashlib
import json
import math
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import xarray as xr

from gambol.core.errors import InputError

_REMEDY = {
    errno.ENOSPC: "the disk is full; free some space or write elsewhere",
    errno.EDQUOT: "your disk quota is used up; free some space or write elsewhere",
    errno.EACCES: "permission denied; change the permissions, close the program that has it "
    "open, or write elsewhere",
    errno.EPERM: "permission denied; change the permissions or write elsewhere",
    errno.EROFS: "the file system is read-only; write elsewhere",
    errno.ENOTDIR: "a part of the path is a file, not a folder; choose another path",
    errno.EISDIR: "it is a folder; choose the name of a file",
    errno.EEXIST: "a part of the path is a file, not a folder; choose another path",
    errno.ENOTEMPTY: "the folder is not empty; choose another path",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


_NO_ROOM_CALL = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}  # the file system has none
_WAITS = (0.05, 0.2, 0.5, 1.0) if os.name == "nt" else ()  # s, before renaming is tried again
SLACK = 1 << 20  # bytes that HDF5 needs beside the numbers


@contextmanager
def atomic(path: Path, room: int = 0) -> Iterator[Path]:
    """Give a path to write to; it becomes `path` at the end and vanishes on any error.

    The temporary path lies in the same folder, has the same suffix and does not exist yet; the
    block may make it a file or a folder. Files are flushed to the disk before they are renamed.

    Args:
        path: what is written.
        room: bytes that have to be free at the beginning. For HDF5, whose library ends the
            process where the disk fills up while it closes a file.
    """
    partial = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.partial{path.suffix}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _require_room(partial, room)
            yield partial
            _flush(partial)
            _replace(partial, path)
            _flush_folder(path.parent)
        except BaseException:
            _remove(partial)
            raise


def remove_partials(paths: Iterable[Path]) -> None:
    """Delete what `atomic` left beside files where it was killed; nobody may write them now."""
    names: dict[Path, set[str]] = {}
    for path in paths:
        names.setdefault(path.parent, set()).add(path.name)
    for folder, known in names.items():
        for left in folder.glob(".*.partial*"):
            stem, _, suffix = left.name[1:].rpartition(".partial")
            if f"{stem.rpartition('.')[0]}{suffix}" in known:
                _remove(left)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what an operating system says against writing into a sentence about `path`."""
    try:
        yield
    except OSError as error:
        if remedy := _REMEDY.get(_code(error)):
            raise InputError(f"{path} cannot be written: {remedy}") from error
        raise


def require_file(path: Path) -> Path:
    """Return the path of a file that exists and is not empty, else say what is wrong."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise InputError(f"{path} is a folder; give the path of a file")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path} does not exist; check the path") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if size == 0:
        raise InputError(f"{path} is empty; copy or export it again")
    return path


def write_bytes(data: bytes, path: Path) -> None:
    """Write bytes."""
    with atomic(path) as partial:
        partial.write_bytes(data)


def write_text(text: str, path: Path) -> None:
    """Write text as UTF-8, with line feeds on every system."""
    write_bytes(text.encode(), path)


def read_text(path: Path) -> str:
    """Read UTF-8 text, with or without a byte-order mark."""
    try:
        return require_file(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8; save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def write_json(values: Any, path: Path) -> None:
    """Write plain values as JSON; NaN is refused, because other readers refuse it."""
    write_text(json.dumps(values, indent=1, allow_nan=False) + "\n", path)


def nulls(values: Any) -> Any:
    """Put null in the place of every number that is none, as JSON holds no NaN.

    >>> nulls({"mean": float("nan"), "spans": [1.0, float("inf")]})
    {'mean': None, 'spans': [1.0, None]}
    """
    if isinstance(values, dict):
        return {key: nulls(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [nulls(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


def read_json(path: Path) -> Any:
    """Read JSON."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path} is not JSON: {error.msg} in line {error.lineno}; write it again"
        ) from error


def write_dataset(dataset: xr.Dataset, path: Path) -> None:
    """Write a dataset as netCDF4, lightly compressed."""
    packed = {"zlib": True, "complevel": 1, "shuffle": True}
    encoding = {
        name: packed if values.ndim and values.dtype.kind in "fiub" else {}
        for name, values in dataset.data_vars.items()
    }
    with atomic(path, room=dataset.nbytes + SLACK) as partial:
        dataset.to_netcdf(partial, engine="h5netcdf", encoding=encoding)


def read_dataset(path: Path) -> xr.Dataset:
    """Read a netCDF4 dataset into memory."""
    require_file(path)
    try:
        return xr.load_dataset(path, engine="h5netcdf")
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} is no complete netCDF4 file ({reason}); make it again"
        ) from error


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with require_file(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace(partial: Path, path: Path) -> None:
    """Give what is written its name, in place of a file or an empty folder."""
    if partial.is_dir() and path.is_dir() and not any(path.iterdir()):
        path.rmdir()  # Windows puts no folder in the place of another
    for wait in _WAITS:
        try:
            return os.replace(partial, path)
        except PermissionError:  # a virus scanner looks at the new file for a moment
            time.sleep(wait)
    os.replace(partial, path)


def _require_room(path: Path, size: int) -> None:
    """Raise what a full disk or a used-up quota raises unless `size` bytes fit there."""
    if not size:
        return
    if shutil.disk_usage(path.parent).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if not hasattr(os, "posix_fallocate"):
        return
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in _NO_ROOM_CALL:
                raise
    path.unlink()


def _code(error: OSError) -> int:
    """Return the errno; HDF5 hides it in the text of its message."""
    if error.errno is not None:
        return error.errno
    found = re.search(r"errno = (\d+)", str(error))
    return int(found.group(1)) if found else 0


def _flush(path: Path) -> None:
    """Have the disk hold what was written, for a file or for every file of a folder."""
    files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    for file in files:
        with file.open("rb+") as handle:
            os.fsync(handle.fileno())


def _flush_folder(folder: Path) -> None:
    """Have the disk hold the folder's new name; Windows cannot and need not."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    """Remove what is half written; where that fails too, the first error is the one to tell."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):  # Windows keeps a file that a library still has open
        path.unlink()
