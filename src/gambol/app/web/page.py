"""The page itself: index.html, and its parts, which browsers keep: names hold a hash."""

import gzip
import mimetypes
from functools import lru_cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from gambol.app.web import assets
from gambol.app.web.answers import missing

FOR_EVER = "public, max-age=31536000, immutable"
_TEXT = (".css", ".html", ".js", ".json", ".svg")  # worth packing
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_NONE = """<!doctype html><meta charset="utf-8"><title>gambol studio</title>
<h1>gambol studio</h1><p>{sentence}</p>"""


def routes() -> list[BaseRoute]:
    """Return the routes of a server."""
    return [Route("/", _index), Route("/assets/{name}", _asset)]


async def _index(request: Request) -> Response:
    if not assets.built():
        return HTMLResponse(_NONE.format(sentence=assets.missing()), 503)
    return await _file(request, assets.STATIC / "index.html", "no-cache")


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    folder = assets.STATIC / "assets"
    # compared with what is there: no name leads anywhere else
    if not folder.is_dir() or name not in {path.name for path in folder.iterdir()}:
        raise missing(f"part {name!r} of the page")
    return await _file(request, folder / name, FOR_EVER)


async def _file(request: Request, path: Path, keep: str) -> Response:
    small = path.suffix in _TEXT and "gzip" in request.headers.get("accept-encoding", "")
    data = await run_in_threadpool(_read, path, path.stat().st_mtime_ns, small)
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    headers = {"Cache-Control": keep, "Vary": "Accept-Encoding"}
    if small:
        headers["Content-Encoding"] = "gzip"
    return Response(data, 200, headers, kind or "application/octet-stream")


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int, small: bool) -> bytes:
    data = path.read_bytes()
    return gzip.compress(data, 6) if small else data
