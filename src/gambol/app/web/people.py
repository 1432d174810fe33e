"""People without a name: each browser is somebody, so that nobody undoes another's work.

Who edits is what the page says. A browser in which nobody typed a name edits under the name
of whoever runs the server if it is the first one and on the same computer, else as `guest 2`
and so on, the same on every day. Which browser is who lies beside the tokens of the project.
"""

import ipaddress
import re

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web.answers import body, clean, fail, ok
from gambol.app.web.models import Named, Naming
from gambol.app.web.state import Studio, role
from gambol.io import project_log

_BROWSER = re.compile(r"[0-9a-f]{16,32}")


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""

    async def name(request: Request) -> Response:
        said = await body(request, Naming)
        called, guest = clean(said.name), unnamed(studio, request)
        if not called or called.startswith("guest "):
            raise fail(422, "input", f"{said.name!r} is no name; say another")
        done = 0
        if guest:
            done = await studio.desk.ask(
                lambda p: project_log.rename_author(p.connection, p.path, guest, called)
            )
        return ok(Named(name=called, edits=done))

    return [Route("/api/name", name, methods=["POST"])]


def unnamed(studio: Studio, connection: HTTPConnection) -> str:
    """Return the name of a guest, or "" if this is whoever runs the server, or a script."""
    browser = connection.headers.get("x-gambol-browser", "")
    if not _BROWSER.fullmatch(browser):
        return ""
    host = connection.client.host if connection.client else ""
    near = _is_loopback(host) and role(connection) == "edit"
    return studio.guests.of(browser, near)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
