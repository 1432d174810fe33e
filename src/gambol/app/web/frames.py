"""Routes of frames: pictures by index, many at once, small ones, and their times."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import Future
from typing import Any, Literal, NamedTuple, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from gambol.app.web.answers import fail, missing, number
from gambol.app.web.pictures import Busy, Picture, Pictures, Wanted
from gambol.app.web.state import Studio
from gambol.core.errors import InputError
from gambol.io.project import Project
from gambol.io.video.damage import DamagedFrame

T = TypeVar("T")
THUMB, THUMB_QUALITY = 160, 80
_MOST = 64  # frames in one answer
_WIDEST = 16384
_FOREVER = "private, max-age=31536000, immutable"  # the address holds the fingerprint
_GONE = Response(status_code=499)  # nobody reads it


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
        data = await self._asked(request, place, self._pictures.times(place.name, place.ref))
        if data is None:
            return _GONE
        return Response(data, 200, {"Cache-Control": _FOREVER}, "application/octet-stream")

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
        tag = (
            f'"{place.name[:16]}.{wanted.frame}.{wanted.kind}.{wanted.width}.{wanted.quality}"'
        )
        headers = {"Cache-Control": _FOREVER, "ETag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        picture = await self._asked(
            request, place, self._pictures.ask(place.name, place.ref, wanted)
        )
        if picture is None:
            return _GONE
        headers["Server-Timing"] = _timing(picture)
        media = "image/jpeg" if wanted.kind == "jpg" else "image/png"
        return Response(picture.data, 200, headers, media)

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
            Fail: 422 for what cannot be read, 503 while newer requests come first.
        """
        try:
            return await _unless_gone(request, future)
        except Busy as busy:
            raise fail(
                503, "busy", "the decoder is busy with newer requests", "ask again"
            ) from busy
        except DamagedFrame as error:
            raise fail(422, "unreadable", str(error), "mark it as bad, or go on") from error
        except InputError as error:
            self._places = {}  # the file may have moved
            raise fail(422, "unreadable", str(error), "say where the file is now") from error


async def _unless_gone(request: Request, future: "Future[T]") -> T | None:
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
    return Wanted(number(request, "frame"), kind, _width(request), quality)


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
