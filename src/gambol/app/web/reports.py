"""Routes of reports: pages that stages wrote below the project, as a browser opens them.

A report may be anybody's file, so it is shown as a stranger's: without scripts, without the
origin of the studio, and with nothing from anywhere else.
"""

import hashlib
import os
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


class _Page(NamedTuple):
    report: str  # its name in addresses
    place: str  # path below the project, with /
    made: float


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""

    async def listed(_: Request) -> Response:
        found = await run_in_threadpool(pages, studio.folder)
        return ok_list([ReportPage(**page._asdict()) for page in found])

    async def shown(request: Request) -> Response:
        name = str(request.path_params["report"])
        path = await run_in_threadpool(_find, studio.folder, name)
        if path is None:
            raise missing("such report")
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
        return FileResponse(path, headers=headers, media_type="text/html; charset=utf-8")

    return [Route("/api/reports", listed), Route("/api/reports/{report}", shown)]


def pages(project: Path) -> list[_Page]:
    """Return the reports below a project, the newest first."""
    found = []
    for path in _walk(project, _DEEP):
        place = path.relative_to(project).as_posix()
        name = "r" + hashlib.sha256(place.encode()).hexdigest()[:16]
        try:
            found.append(_Page(name, place, path.lstat().st_mtime))
        except OSError:  # it went away
            continue
    return sorted(found, key=lambda page: -page.made)[:_MOST]


def _find(project: Path, name: str) -> Path | None:
    """Return a report by its name in addresses: a plain file of the project itself."""
    place = next((page.place for page in pages(project) if page.report == name), None)
    if place is None:
        return None
    path = project / place
    inside = path.resolve() == project.resolve() / place
    return path if inside and path.is_file() else None


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
