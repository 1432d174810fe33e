"""Routes of the feed: whatever happens, told to every page, over a socket or by asking."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from gambol.app.web import news
from gambol.app.web.answers import Fail, clean, fail, number, ok_list
from gambol.app.web.hub import Hub, Listener
from gambol.app.web.models import Look, Message, Person
from gambol.app.web.state import Studio
from gambol.io.project import Project

LOOK_S = 1.0  # between looks whether another program edited the project
PING_S = 20.0  # keeps proxies from cutting a quiet socket
WAIT_S = 25.0  # of a question for changes; proxies cut at 30
COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#FFFFFF",
)  # fmt: skip


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""

    async def feed(socket: WebSocket) -> None:
        await _look(studio)  # from now on nothing is missed
        await socket.accept()
        word, at = (socket.query_params.get(name, "") for name in ("since", "at"))
        with studio.hub.listening() as listener:
            reader = asyncio.create_task(_read(socket, studio, listener))
            try:
                async for message in _news(
                    studio, listener, int(word) if word.isdigit() else -1, at
                ):
                    if reader.done():
                        break
                    await socket.send_text(message.model_dump_json(exclude_defaults=False))
            except (WebSocketDisconnect, RuntimeError):  # the page, or the server, went
                pass
            finally:
                reader.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await reader

    async def changes(request: Request) -> Response:
        seq = number(request, "since")
        wait = min(WAIT_S, max(0, number(request, "wait", int(WAIT_S))))
        with studio.hub.listening() as listener:
            at = request.query_params.get("at", "")
            if await studio.desk.ask(lambda project: news.strange(project, seq, at)):
                raise fail(410, news.REPLACED, "the project is another copy", "reload the page")
            found = await studio.desk.ask(lambda project: news.since(project, seq))
            if found is None:
                raise fail(410, "too-old", "too much happened since", "reload the page")
            end = time.monotonic() + wait
            while not found and time.monotonic() < end:
                left = min(LOOK_S, max(0.0, end - time.monotonic()))
                if (message := await listener.next(left)) is not None:
                    found = [message]
                else:
                    await _look(studio)
        return ok_list(found)

    return [WebSocketRoute("/api/feed", feed), Route("/api/changes", changes)]


async def _news(
    studio: Studio, listener: Listener, seq: int, at: str
) -> AsyncIterator[Message]:
    """Yield what happened after an edit (-1: from now on), then what happens, then pings."""
    missed: list[Message] = []
    if seq >= 0:
        with contextlib.suppress(Fail):  # no project yet: nothing was missed
            missed = await studio.desk.ask(lambda project: _missed(project, seq, at))
            if missed and missed[0].action == news.REPLACED:
                seq = -1
    for message in missed:
        seq = max(seq, message.seq or 0)
        yield message
    yield Message(type="presence", people=studio.hub.people(listener))
    told = time.monotonic()
    while True:
        message_now = await listener.next(LOOK_S)
        if message_now is None:
            await _look(studio)
            if time.monotonic() - told < PING_S:
                continue
            message_now = Message(type="ping")
        if message_now.type == "edit" and (message_now.seq or 0) <= seq:
            continue  # was among the missed
        told = time.monotonic()
        yield message_now


def _missed(project: Project, seq: int, at: str) -> list[Message]:
    """Return what a page missed that heard up to an edit, which was made at that time."""
    if news.strange(project, seq, at):
        return [news.reload(project.seq(), news.REPLACED)]
    found = news.since(project, seq)
    return found if found is not None else [news.reload(project.seq())]


async def _look(studio: Studio) -> None:
    """Let the desk find edits of other programs; the hub hears of them."""
    with contextlib.suppress(Fail):
        await studio.desk.ask(lambda project: None)


async def _read(socket: WebSocket, studio: Studio, listener: Listener) -> None:
    """Take in where the person is; what is no such message is passed over."""
    while True:
        try:
            said = Look.model_validate_json(await socket.receive_text())
        except ValidationError:
            continue
        except (WebSocketDisconnect, KeyError, RuntimeError):
            listener.tell(Message(type="ping"))  # wakes the writer, who sees that it is over
            return
        name = clean(said.user) or studio.user
        studio.hub.look(
            listener,
            Person(
                name=name,
                colour=colour(name),
                screen=said.screen[:20],
                video=said.video,
                frame=said.frame,
            ),
        )


def colour(name: str) -> str:
    """Return the colour of a person, the same on every day and every page."""
    return COLOURS[hashlib.sha256(name.encode()).digest()[0] % len(COLOURS)]


__all__ = ["Hub", "colour", "routes"]
