"""Routes of frames: pictures by index, many at once, small ones, and their times."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from gambol.app.web import packets
from gambol.app.web.answers import fail, missing, number
from gambol.app.web.pictures import Busy, Picture, Pictures, Wanted, levels
from gambol.app.web.state import Studio
from gambol.core.errors import InputError
from gambol.core.video import Video
from gambol.io.project import Project
from gambol.io.video.damage import DamagedFrame
from gambol.io.video.packets import Refused

T = TypeVar("T")
THUMB, THUMB_QUALITY = 160, 80
_MOST = 64  # frames in one answer
_WIDEST = 16384
_TOP = 65535  # of 16 bits
_FOREVER = "private, max-age=31536000, immutable"  # the address holds the fingerprint
GONE = Response(status_code=499)  # nobody reads it


class _Place(NamedTuple):
    """Where a video lies."""

    name: str  # its fingerprint
    ref: str
    frames: int


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""
    studio.pictures = studio.pictures or Pictures()
    do = _Handlers(studio, studio.pictures)
    video = "/api/videos/{video}/{fingerprint}"
    return [
        Route(f"{video}/frames", do.many),
        Route(f"{video}/frames/{{frame}}.jpg", do.jpg),
        Route(f"{video}/frames/{{frame}}.png", do.png),
        Route(f"{video}/thumbs/{{frame}}.jpg", do.thumb),
        Route(f"{video}/times", do.times),
        Route(f"{video}/levels/{{frame}}", do.levels),
        Route(f"{video}/packets", do.groups),
        Route(f"{video}/packets/{{gop}}", do.packets),
    ]


class _Handlers:
    """What the routes do, for one server."""

    def __init__(self, studio: Studio, pictures: Pictures) -> None:
        self._studio, self._pictures = studio, pictures
        self._places: dict[tuple[int, str], _Place] = {}

    async def jpg(self, request: Request) -> Response:
        return await self._one(request, _wanted(request, "jpg"))

    async def png(self, request: Request) -> Response:
        return await self._one(request, _wanted(request, "png"))

    async def thumb(self, request: Request) -> Response:
        index = number(request, "frame")
        return await self._one(request, Wanted(index, "jpg", THUMB, THUMB_QUALITY, later=True))

    async def times(self, request: Request) -> Response:
        place = await self._place(request)
        return await self._bytes(request, place, self._pictures.times(place.name, place.ref))

    async def levels(self, request: Request) -> Response:
        place, index = await self._place(request), number(request, "frame")
        if not 0 <= index < place.frames:
            raise missing(f"frame {index} in this video")
        job = partial(levels, frame=index)
        return await self._bytes(request, place, self._pictures.do(place.name, place.ref, job))

    async def groups(self, request: Request) -> Response:
        return await self._coded(request, packets.starts)

    async def packets(self, request: Request) -> Response:
        return await self._coded(request, partial(packets.group, number=number(request, "gop")))

    async def many(self, request: Request) -> Response:
        place = await self._place(request)
        first, step = number(request, "from"), number(request, "step", 1)
        n = number(request, "n", 16)
        if not 1 <= n <= _MOST or step == 0:
            raise fail(422, "input", f"n is {n}, step {step}; n is 1 to {_MOST}, step not 0")
        indices = [i for i in range(first, first + n * step, step) if 0 <= i < place.frames]
        if not indices or indices[0] != first:
            raise missing(f"frame {first} in this video")
        quality, width = _quality(request), _width(request)
        wanted = [Wanted(i, "jpg", width, quality) for i in indices]
        return StreamingResponse(
            self._parts(place, wanted), 200, {"Cache-Control": "no-store"},
            "application/octet-stream",
        )  # fmt: skip

    async def _one(self, request: Request, wanted: Wanted) -> Response:
        place = await self._place(request)
        if not 0 <= wanted.frame < place.frames:
            raise missing(f"frame {wanted.frame} in this video")
        tag = f'"{place.name[:16]}.{".".join(str(part) for part in wanted)}"'
        headers = {"Cache-Control": _FOREVER, "ETag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        picture = await self._asked(
            request, place, self._pictures.ask(place.name, place.ref, wanted)
        )
        if picture is None:
            return GONE
        headers["Server-Timing"] = _timing(picture)
        media = "image/jpeg" if wanted.kind == "jpg" else "image/png"
        return Response(picture.data, 200, headers, media)

    async def _coded(self, request: Request, job: Callable[[Video], bytes]) -> Response:
        place = await self._place(request)
        return await self._bytes(request, place, self._pictures.do(place.name, place.ref, job))

    async def _bytes(
        self, request: Request, place: _Place, future: "Future[bytes]"
    ) -> Response:
        data = await self._asked(request, place, future)
        if data is None:
            return GONE
        return Response(data, 200, {"Cache-Control": _FOREVER}, "application/octet-stream")

    async def _parts(self, place: _Place, wanted: list[Wanted]) -> AsyncIterator[bytes]:
        """Yield pictures, each after its length; where the decoder is busy, end early."""
        for one in wanted:
            future = self._pictures.ask(place.name, place.ref, one)
            try:
                data = (await asyncio.wrap_future(future)).data
            except InputError:
                data = b""
            except Busy:
                return
            finally:
                future.cancel()  # of a reader that went
            yield len(data).to_bytes(4, "little") + data

    async def _place(self, request: Request) -> _Place:
        video, name = number(request, "video"), str(request.path_params["fingerprint"])
        if (place := self._places.get((video, name))) is None:
            place = await self._studio.desk.ask(lambda project: _place(project, video, name))
            self._places[video, name] = place
        return place

    async def _asked(self, request: Request, place: _Place, future: "Future[T]") -> T | None:
        """Wait for what was asked; None if the page hung up before.

        Raises:
            Fail: 422 for what cannot be read, 415 for packets that no page should decode, 503
                while newer requests come first.
        """
        try:
            return await unless_gone(request, future)
        except Busy as busy:
            raise fail(
                503, "busy", "the decoder is busy with newer requests", "ask again"
            ) from busy
        except Refused as error:
            raise fail(415, "codec", str(error), "ask for its frames as pictures") from error
        except DamagedFrame as error:
            raise fail(422, "unreadable", str(error), "mark it as bad, or go on") from error
        except InputError as error:
            self._places = {}  # the file may have moved
            raise fail(422, "unreadable", str(error), "say where the file is now") from error


async def unless_gone(request: Request, future: "Future[T]") -> T | None:
    """Wait for something; None, and it is cancelled, if the page hung up before."""
    if future.done():
        return future.result()
    answer, gone = asyncio.wrap_future(future), asyncio.create_task(_gone(request))
    both: list[asyncio.Future[Any]] = [answer, gone]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        return answer.result() if answer.done() else None
    finally:
        answer.cancel()
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _place(project: Project, video: int, name: str) -> _Place:
    for row in project.videos():
        if row.id == video and row.hash == name:
            return _Place(name, project.locate(video), row.frames)
    raise missing(f"video {video} with this content")


def _wanted(request: Request, kind: Literal["jpg", "png"]) -> Wanted:
    quality = _quality(request) if kind == "jpg" else 0
    low, high = _between(request, "lo", 0, 0, _TOP - 1), _between(request, "hi", 0, 0, _TOP)
    if high and high <= low:
        raise fail(422, "input", f"hi is {high}, lo {low}; give a larger hi")
    return Wanted(number(request, "frame"), kind, _width(request), quality, False, low, high)


def _quality(request: Request) -> int:
    return _between(request, "q", 90, 1, 100)


def _width(request: Request) -> int:
    return _between(request, "w", 0, 0, _WIDEST)


def _between(request: Request, name: str, usual: int, least: int, most: int) -> int:
    value = number(request, name, usual)
    if not least <= value <= most:
        raise fail(422, "input", f"{name} is {value}; give {least} to {most}")
    return value


def _timing(picture: Picture) -> str:
    parts = {"queue": picture.queue, "decode": picture.decode, "jpeg": picture.encode}
    return ", ".join(f"{name};dur={ms:.1f}" for name, ms in parts.items())
