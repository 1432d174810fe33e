"""A fence around what the names in a file may lead to.

A file of labels names videos, images and tables, by any path. Who brings one to a server would
so choose what the server opens, and shows. Within a fence names lead only below some folders,
after links are resolved; whatever else they name is treated alike, whether it is there or not.
Without a fence, as on the command line, names lead anywhere.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from gambol.core.errors import InputError

_folders: ContextVar[tuple[Path, ...] | None] = ContextVar("folders", default=None)


@contextmanager
def within(folders: Iterable[Path]) -> Iterator[None]:
    """Let names lead only to these folders and files, and to what is below them, unhidden."""
    token = _folders.set(tuple(dict.fromkeys(folder.resolve() for folder in folders)))
    try:
        yield
    finally:
        _folders.reset(token)


def allows(path: Path) -> bool:
    """Tell whether a path may be looked at; what is there makes no difference."""
    folders = _folders.get()
    if folders is None:
        return True
    try:
        real = Path(os.path.realpath(path))
    except (OSError, ValueError):  # a link that leads to itself, a name with a zero
        return False
    inside = [real.relative_to(one).parts for one in folders if real.is_relative_to(one)]
    return any(not any(part.startswith(".") for part in parts) for parts in inside)


def exists(path: Path) -> bool:
    """Tell whether a file or folder is there, and may be looked at."""
    try:
        return allows(path) and path.exists()
    except OSError:  # a name that is too long
        return False


def require(path: Path, source: Path | str) -> None:
    """Refuse a path that leads out.

    Args:
        path: what is named.
        source: the file that names it.

    Raises:
        InputError: it does.
    """
    if not allows(path):
        raise InputError(
            f"{source} names {path}, which lies outside of the folders that this server may "
            f"open; put it below the project, or start with --root {path.parent}"
        )


def require_closed(folder: Path, names: Iterable[str]) -> None:
    """Refuse a folder in which a link leads out.

    Args:
        folder: of a project of another tool, or of images.
        names: patterns of what is read in it.

    Raises:
        InputError: one does.
    """
    if _folders.get() is None:
        return
    for path in (path for name in names for path in folder.glob(name)):
        if path.is_symlink():
            require(path, folder)
