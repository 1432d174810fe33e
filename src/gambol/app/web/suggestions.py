"""Routes of suggested frames: who has which one open, so that no two people label the same."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web.answers import fail, missing, number, ok, who
from gambol.app.web.models import Held
from gambol.app.web.state import Studio

LEASE_S = 120.0
_LONGEST_PAGE = 64  # letters of the name of a page

Frame = tuple[int, int]  # video, index


class _Lease(NamedTuple):
    page: tuple[str, str]  # the person, and which of their pages
    until: float


class Leases:
    """Frames that people have open. In memory: after a restart all are free."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[Frame, _Lease] = {}

    def take(self, page: tuple[str, str], frames: list[Frame]) -> tuple[Frame, float] | None:
        """Hold the first of some frames that nobody else holds, in place of what the page held.

        Returns:
            The frame and for how many seconds; None where others hold all of them.
        """
        with self._lock:
            self._expire()
            for frame in frames:
                lease = self._held.get(frame)
                if lease is None or lease.page == page:
                    self._free(page)
                    self._held[frame] = _Lease(page, self._clock() + LEASE_S)
                    return frame, LEASE_S
        return None

    def free(self, page: tuple[str, str]) -> None:
        """Let go what a page holds."""
        with self._lock:
            self._free(page)

    def holders(self) -> dict[Frame, str]:
        """Return who holds what."""
        with self._lock:
            self._expire()
            return {frame: lease.page[0] for frame, lease in self._held.items()}

    def _free(self, page: tuple[str, str]) -> None:
        self._held = {frame: lease for frame, lease in self._held.items() if lease.page != page}

    def _expire(self) -> None:
        now = self._clock()
        self._held = {frame: lease for frame, lease in self._held.items() if lease.until > now}


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""
    leases = Leases()
    studio.holders = leases.holders

    def page(request: Request) -> tuple[str, str]:
        """Return who asks; `?page=` tells two windows of one person apart."""
        return who(request, studio.user), request.query_params.get("page", "")[:_LONGEST_PAGE]

    async def hold(request: Request) -> Response:
        frame = number(request, "video"), number(request, "frame")
        said = await studio.desk.ask(lambda project: project.suggestions())
        if frame not in [(one.video, one.frame) for one in said]:
            raise missing(f"suggestion of frame {frame[1]} in video {frame[0]}")
        taken = leases.take(page(request), [frame])
        if taken is None:
            holder = leases.holders().get(frame, "somebody else")
            raise fail(409, "held", f"{holder} has frame {frame[1]} open", "take the next one")
        return ok(_held(page(request), *taken))

    async def release(request: Request) -> Response:
        leases.free(page(request))
        return Response(status_code=204)

    async def following(request: Request) -> Response:
        """Hold the first open suggestion that nobody has; `?video&frame`: of those after it."""
        after = number(request, "video", -1), number(request, "frame", -1)
        said = await studio.desk.ask(lambda project: project.suggestions())
        places = [(one.video, one.frame) for one in said]
        start = places.index(after) + 1 if after in places else 0
        open_ones = [place for place, one in zip(places, said, strict=True) if not one.done]
        later = [place for place in open_ones if place in places[start:]]
        earlier = [place for place in open_ones if place not in later and place != after]
        taken = leases.take(page(request), later + earlier)
        if taken is None:
            raise missing("suggestion left that nobody has open")
        return ok(_held(page(request), *taken))

    one = "/api/suggestions/{video}/{frame}/hold"
    return [
        Route("/api/suggestions/next", following, methods=["POST"]),
        Route(one, hold, methods=["POST"]),
        Route(one, release, methods=["DELETE"]),
    ]


def _held(page: tuple[str, str], frame: Frame, seconds: float) -> Held:
    return Held(video=frame[0], frame=frame[1], holder=page[0], seconds=seconds)
