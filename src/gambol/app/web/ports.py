"""The port of a project: the same from start to start, so that browsers know it again.

A browser keeps the edits that wait, and who sits there, by address and port: a project that is
served on another one is another page to it.
"""

import contextlib
import os
from pathlib import Path

from gambol.app.web import tokens


def last(folder: Path) -> int | None:
    """Return the port on which a project was served last on this computer."""
    try:
        port = int(_file(folder).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return port if 0 < port < 1 << 16 else None


def remember(folder: Path, port: int) -> None:
    """Keep the port of a project; a disk that does not take it hinders nobody."""
    path = _file(folder)
    if last(folder) == port:
        return
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.write_text(str(port), encoding="ascii")
        os.replace(partial, path)


def _file(folder: Path) -> Path:
    return tokens.usual_file(folder).with_suffix(".port")
