"""The browser, opened without telling the key to everybody on this computer.

With what words a program was started, every user of a computer can see (`ps`). So the browser
is given the name of a file that only its owner can read, and that leads on to the link. The
server removes the file when the link was followed, and when it ends.
"""

import contextlib
import hashlib
import html
import os
import webbrowser
from collections.abc import Iterator
from pathlib import Path

from gambol.app.web import tokens

_PAGE = """<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url={link}"><title>gambol studio</title>
<p><a href="{link}">gambol studio</a></p>
"""


def show(link: str, project: Path, *, looks: bool = False) -> Path | None:
    """Open a link that works once in the browser.

    Args:
        link: an address, with `?key=…` where it lets somebody in.
        project: its folder.
        looks: write nothing there.

    Returns:
        The file that leads to the link; None where there is no key, or none could be written:
        nothing is opened then.
    """
    _, _, key = link.partition("?key=")
    if not key:  # a server that does not know our token; this browser may be in already
        webbrowser.open(link)
        return None
    path = _folder(project, looks) / _name(project, key)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(_PAGE.format(link=html.escape(link)))
    except OSError:
        return None
    webbrowser.open(path.as_uri())
    return path


def forget(key: str, project: Path) -> None:
    """Remove the file of a link that was followed."""
    _remove(project, _name(project, key))


@contextlib.contextmanager
def tidied(project: Path) -> Iterator[None]:
    """Leave no file of a link behind, also of a server that was killed before."""
    _remove(project, _name(project))
    try:
        yield
    finally:
        _remove(project, _name(project))


def _folder(project: Path, looks: bool) -> Path:
    """Return where a file may lie that the browser can read.

    Browsers that come in a box (snap, flatpak) read no hidden folders of a home, as that of
    the tokens is.
    """
    home = Path.home().resolve()
    if not looks and project.is_relative_to(home):
        parts = project.relative_to(home).parts
        if parts and not parts[0].startswith("."):
            return project
    return tokens.usual_file(project).parent


def _name(project: Path, key: str = "") -> str:
    """Return the name of the file of a link, or a pattern for those of all links."""
    last = hashlib.sha256(key.encode()).hexdigest()[:16] if key else "*"
    return f".{tokens.usual_file(project).stem}-{last}.html"


def _remove(project: Path, name: str) -> None:
    for folder in (project, tokens.usual_file(project).parent):
        for path in folder.glob(name):
            with contextlib.suppress(OSError):
                path.unlink()
