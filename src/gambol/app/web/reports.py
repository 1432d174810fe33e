"""Routes of reports: pages that stages wrote below the project, as a browser opens them.

A report may be anybody's file, so it is shown as a stranger's: without scripts, without the
origin of the studio, and with nothing from anywhere else. Its links to movies and pictures
lead to files of its own folder, and to nothing else.
"""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from gambol.app.web.answers import missing, ok_list
from gambol.app.web.models import ReportPage
from gambol.app.web.state import Studio

# an empty sandbox: an origin of its own, no script, no form, no other window
POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; "
    "font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
NAME, END = "report.html", ".report.html"
_DEEP = 6  # folders below the project
_SKIPPED = ("backups", "thumbs", "uploads", "trash")
_MOST = 1000  # that are listed, the newest of them
_LOOK_S = 2.0  # for which a look at the disk is believed by those who know a name
_TYPES = {".mp4": "video/mp4", ".gif": "image/gif", ".png": "image/png"}  # beside a page


class _Page(NamedTuple):
    report: str  # its name in addresses
    place: str  # path below the project, with /
    made: float


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""
    shelf = Shelf(studio.folder)

    async def listed(_: Request) -> Response:
        found = await run_in_threadpool(shelf.pages, 0.0)  # a job may have ended just now
        return ok_list([ReportPage(**_told(page)) for page in found])

    async def shown(request: Request) -> Response:
        path = await run_in_threadpool(shelf.page, str(request.path_params["report"]))
        if path is None:
            raise missing("such report")
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
        return FileResponse(path, headers=headers, media_type="text/html; charset=utf-8")

    async def beside(request: Request) -> Response:
        report, name = (str(request.path_params[key]) for key in ("report", "file"))
        path = await run_in_threadpool(shelf.beside, report, name)
        if path is None:
            raise missing("such file beside a report")
        kind = _TYPES[path.suffix]
        return FileResponse(path, headers={"Cache-Control": "no-store"}, media_type=kind)

    return [
        Route("/api/reports", listed),
        Route("/api/reports/{report}", shown),
        Route("/api/reports/{report}/", shown),  # from here relative links lead to `beside`
        Route("/api/reports/{report}/{file:path}", beside),
    ]


class Shelf:
    """The reports of a project, looked for when somebody asks."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._looked, self._found = float("-inf"), list[_Page]()

    def pages(self, age: float = _LOOK_S) -> list[_Page]:
        """Return all, as they were no longer ago than `age` s before this was asked."""
        since = time.monotonic() - age
        with self._lock:  # who waited here shares what was looked for meanwhile
            if self._looked <= since:
                now = time.monotonic()
                self._found = pages(self._project)
                self._looked = now
            return self._found

    def page(self, report: str) -> Path | None:
        """Return a report by its name in addresses: a plain file of the project itself."""
        for age in (_LOOK_S, 0.0):
            known = next((one for one in self.pages(age) if one.report == report), None)
            if known is not None:
                return _plain(self._project, self._project / known.place)
        return None

    def beside(self, report: str, name: str) -> Path | None:
        """Return a movie or picture in the folder of a report, or below it."""
        page = self.page(report)
        parts = name.split("/")
        hidden = any(part.startswith(".") or part in _SKIPPED for part in parts)
        if page is None or hidden or "\\" in name or "\0" in name:
            return None
        path = page.parent.joinpath(*parts)
        return _plain(self._project, path) if path.suffix in _TYPES else None


def pages(project: Path) -> list[_Page]:
    """Return the reports below a project, the newest first."""
    found = []
    for path in _walk(project, _DEEP):
        place = path.relative_to(project).as_posix()
        name = "r" + hashlib.sha256(os.fsencode(place)).hexdigest()[:16]
        try:
            found.append(_Page(name, place, path.lstat().st_mtime))
        except OSError:  # it went away
            continue
    return sorted(found, key=lambda page: -page.made)[:_MOST]


def _told(page: _Page) -> dict[str, object]:
    """Return what JSON can hold of a page: bytes of a name that are no text become `?`."""
    return page._asdict() | {"place": page.place.encode(errors="replace").decode()}


def _plain(project: Path, path: Path) -> Path | None:
    """Return a path where it is a file of the project that no link leads to."""
    try:
        inside = path.resolve() == project.resolve() / path.relative_to(project)
        return path if inside and path.is_file() else None
    except OSError:  # such as a name that is too long
        return None


def _walk(folder: Path, deep: int) -> Iterator[Path]:
    """Yield reports; links are not followed, hidden and other people's folders are left out."""
    try:
        with os.scandir(folder) as entries:
            here = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in here:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if deep and entry.name not in _SKIPPED:
                yield from _walk(Path(entry.path), deep - 1)
        elif entry.is_file(follow_symlinks=False) and (
            entry.name == NAME or entry.name.endswith(END)
        ):
            yield Path(entry.path)
