"""Files of this computer that may be chosen: those below the roots, known to the page by an id.

An id is the number of a root and a path below it, signed. Whatever the page says is resolved,
links too, and compared with the roots before anything is opened.
"""

import base64
import hmac
import os
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web.answers import Fail, missing, number, ok
from gambol.app.web.models import Entry, Listing
from gambol.app.web.state import Studio

MOST = 5000  # entries of a folder that are shown
VIDEOS = (
    ".avi", ".h264", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".tif", ".tiff", ".ts",
    ".webm", ".wmv",
)  # fmt: skip
LABELS = (".csv", ".h5", ".json", ".slp", ".zip")
RIGS = (  # calibrations and boards; some are in files of the kinds above
    ".mat", ".mcal", ".npy", ".npz", ".qca.txt", ".toml", ".xcp", ".xml", ".yaml", ".yml",
)  # fmt: skip
_SIGNATURE = 16  # bytes


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server; from now on it knows what an id means."""
    shelf = Shelf(studio)
    studio.place = shelf.place

    async def show(request: Request) -> Response:
        root = number(request, "root", 0)
        folder = request.query_params.get("dir", "")
        return ok(await run_in_threadpool(shelf.listing, root, folder))

    return [Route("/api/files", show)]


class Shelf:
    """The roots of a studio, and ids of what is below them."""

    def __init__(self, studio: Studio) -> None:
        self._roots = [root.resolve() for root in studio.roots]
        self._uploads = studio.folder / "uploads"
        # follows from the token, so that ids outlast the process
        self._secret = (
            studio.access.tokens.derived("edit", "files") if studio.access else os.urandom(32)
        )

    def listing(self, root: int, folder: str) -> Listing:
        """Return what may be chosen in a folder.

        Raises:
            Fail: 404 for what is no folder, or not below the root.
        """
        if not 0 <= root < len(self._roots):
            raise missing(f"root {root}")
        path = self._below(root, folder)
        if path is None or not path.is_dir():
            raise missing(f"folder {folder!r}")
        try:
            with os.scandir(path) as found:
                names = sorted(entry.name for entry in found)
        except PermissionError as error:
            raise Fail(403, missing(f"way into {folder!r}").problem) from error
        entries = []
        for name in names:
            inside = f"{folder}/{name}" if folder else name
            if (there := self._below(root, inside)) is not None:
                entries.append(self._entry(root, inside, there))
        entries.sort(key=lambda entry: (entry.kind != "folder", entry.name.casefold()))
        return Listing(
            root=root,
            roots=[str(one) for one in self._roots],
            dir=folder,
            entries=entries[:MOST],
            more=max(0, len(entries) - MOST),
        )

    def place(self, file: str) -> Path:
        """Return where the file of an id is.

        Raises:
            Fail: 404 for an id that was not given out here, or whose file is gone.
        """
        said, _, signature = file.partition(".")
        try:
            root, _, inside = base64.urlsafe_b64decode(said.encode()).decode().partition("/")
            given = self.identity(int(root), inside).partition(".")[2]
        except (ValueError, IndexError):
            raise missing("such file") from None
        path = self._below(int(root), inside)
        good = hmac.compare_digest(given.encode(), signature.encode())
        if not good or path is None or not path.exists():
            raise missing("such file")
        return path

    def identity(self, root: int, inside: str) -> str:
        """Return the id of a path below a root; -1 is the folder of uploads."""
        said = base64.urlsafe_b64encode(f"{root}/{inside}".encode()).decode()
        text = f"{self._root(root)}\0{inside}".encode()
        return f"{said}.{hmac.digest(self._secret, text, 'sha256')[:_SIGNATURE].hex()}"

    def _root(self, root: int) -> Path:
        if not 0 <= root < len(self._roots):
            raise IndexError(root)
        return self._roots[root]

    def _below(self, root: int, inside: str) -> Path | None:
        """Return the real path of what the page means, if it lies below a root."""
        parts = inside.replace("\\", "/").split("/") if inside else []
        if any(not part or part[0] == "." or set(part) & {"\0", ":"} for part in parts):
            return None  # no way up, no absolute path, nothing hidden
        try:
            path = self._root(root).joinpath(*parts).resolve()
        except (OSError, RuntimeError):  # a link that leads to itself
            return None
        for own in self._roots:
            if path.is_relative_to(own):
                hidden = any(part.startswith(".") for part in path.relative_to(own).parts)
                return None if hidden else path
        return None

    def _entry(self, root: int, inside: str, path: Path) -> Entry:
        folder = path.is_dir()
        return Entry(
            name=inside.rpartition("/")[2],
            kind=_kind_of_folder(path) if folder else kind(path.name),
            bytes=None if folder else _size(path),
            id=self.identity(root, inside),
        )


def kind(name: str) -> str:
    """Return what a file is, by its name: video, labels, rig or other.

    >>> kind("a.MP4"), kind("b.pkg.slp"), kind("rig.toml"), kind("c.exe")
    ('video', 'labels', 'rig', 'other')
    """
    kinds = {"video": VIDEOS, "labels": LABELS, "rig": RIGS}
    return next((what for what, ends in kinds.items() if name.lower().endswith(ends)), "other")


def _kind_of_folder(path: Path) -> str:
    if (path / "project.db").is_file():
        return "project"
    if (path / "config.yaml").is_file() and (path / "labeled-data").is_dir():
        return "labels"
    return "folder"


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:  # a link to nothing
        return None
