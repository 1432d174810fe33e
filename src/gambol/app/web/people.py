"""People without a name: each browser is somebody, so that nobody undoes another's work.

Who edits is what the page says. A browser in which nobody typed a name edits under the name
of whoever runs the server if it is the first one and on the same computer, else as `guest 2`
and so on, the same on every day. Which browser is who lies beside the tokens of the project.

A name that is new takes along what the guest did: edits, bouts and decisions about labels. One
that somebody has already is given to whoever says to be that person; what the guest did until
then stays the guest's, as two logs that became one could not be told apart by any undo.
"""

import asyncio
import ipaddress
import re
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web import news
from gambol.app.web.answers import Fail, body, clean, fail, ok, who
from gambol.app.web.desk import NO_PROJECT
from gambol.app.web.guests import READER
from gambol.app.web.models import Named, Naming
from gambol.app.web.state import Studio, role
from gambol.io import project_log
from gambol.io.project import Project

T = TypeVar("T")
_BROWSER = re.compile(r"[0-9a-f]{16,32}")


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""
    one_at_a_time = asyncio.Lock()

    async def name(request: Request) -> Response:
        said = await body(request, Naming)
        called, guest = clean(said.name), unnamed(studio, request)
        if not called or called.startswith("guest ") or called == READER:
            raise fail(422, "input", f"{said.name!r} is no name; say another")
        now, done = who(request, guest or studio.user), 0
        if called == now:
            return ok(Named(name=called, edits=0))
        async with one_at_a_time:
            begun = bool(guest) and studio.guests.naming(guest) == called
            why = "" if begun else await _taken(studio, called, guest)
            if why and not said.sure:
                raise fail(409, "taken", why, f"Are you {called}?")
            if guest and now == guest and not why:
                done = await _rename(studio, guest, called)
        return ok(Named(name=called, edits=done))

    return [Route("/api/name", name, methods=["POST"])]


async def _taken(studio: Studio, name: str, guest: str) -> str:
    """Return in a sentence whose name this is already; "" if it is nobody's."""
    if guest and name == studio.user:
        return f"{name} runs this server."
    if any(person.name == name for person in studio.hub.people()):
        return f"{name} is here now."
    worked = await _of_project(
        studio, lambda p: project_log.has_author(p.connection, name), False
    )
    for roll in studio.rolls:
        worked = worked or await run_in_threadpool(roll.has, name)
    return f"{name} has edits here." if worked else ""


async def _rename(studio: Studio, guest: str, name: str) -> int:
    """Let all that a guest did be somebody's; what breaks off goes on when it is said again."""
    studio.guests.note(guest, name)
    done = await _of_project(
        studio, lambda p: project_log.rename_author(p.connection, p.path, guest, name), 0
    )
    others = 0
    for roll in studio.rolls:
        others += await run_in_threadpool(roll.rename, guest, name)
    studio.guests.note(guest, "")
    if others:
        seq = await _of_project(studio, lambda p: p.seq(), 0)
        studio.hub.send(news.reload(seq))
    return done


async def _of_project(studio: Studio, fn: Callable[[Project], T], otherwise: T) -> T:
    """Return what a function of the project returns; `otherwise` while there is none."""
    try:
        return await studio.desk.ask(fn)
    except Fail as error:
        if error.problem.code != NO_PROJECT.code:
            raise
        return otherwise


def unnamed(studio: Studio, connection: HTTPConnection) -> str:
    """Return the name of a guest, or "" if this is whoever runs the server, or a script.

    Behind a proxy all come from its address, so nobody there is taken for who runs it.
    """
    browser = connection.headers.get("x-gambol-browser", "")
    if not _BROWSER.fullmatch(browser):
        return ""
    host = connection.client.host if connection.client else ""
    edits = role(connection) == "edit"
    proxied = studio.access is not None and studio.access.proxied
    return studio.guests.of(browser, edits and not proxied and _is_loopback(host), edits)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
