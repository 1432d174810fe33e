"""Decoders of clips: a few threads that share the films, apart from that of the stage.

A click asks for twelve pictures, of one film or of twelve. Each thread goes on with the film
that it has open, so that no film is opened twice without need; what nobody waits for any more
is left out; pictures made last are kept.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import suppress
from typing import NamedTuple

from gambol.app.web.pictures import Busy
from gambol.core.video import Video
from gambol.io.video.open import open_video

OPEN = 3  # films of a thread
KEPT_BYTES = 32 << 20  # of the pictures made last
WAITING = 96  # requests; the oldest beyond are told to ask again


class _Request(NamedTuple):
    key: Hashable
    ref: str
    job: Callable[[Video], bytes]
    future: "Future[bytes]"


class Crew:
    """Threads that make pictures of films; they begin with the first request."""

    def __init__(self, most: int | None = None) -> None:
        """Set the number of threads; None: one a core, 2 to 4."""
        self._most = most or min(max(len(_cores()), 2), 4)
        self._turn = threading.Condition()
        self._waiting: list[_Request] = []  # the oldest first
        self._at: dict[int, str] = {}  # thread → the film it works on
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._bytes = self._begun = 0

    def do(self, key: Hashable, ref: str, job: Callable[[Video], bytes]) -> "Future[bytes]":
        """Return a picture to come; cancel it when nobody wants it any more.

        Args:
            key: of the picture: two of one key are the same.
            ref: where the film lies.
            job: makes it of the open film.

        The future raises `Busy`, or what `job` and opening the film raise.
        """
        future: Future[bytes] = Future()
        refused = None
        with self._turn:
            if (data := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                future.set_result(data)
                return future
            self._waiting.append(_Request(key, ref, job, future))
            if len(self._waiting) > WAITING:
                refused = self._waiting.pop(0)
            if self._begun < self._most:
                # a daemon: a long read of a slow disk must not keep the program from ending
                threading.Thread(
                    target=self._work, args=(self._begun,), name="clips", daemon=True
                ).start()
                self._begun += 1
            self._turn.notify()
        if refused is not None and refused.future.set_running_or_notify_cancel():
            refused.future.set_exception(Busy())
        return future

    def _work(self, me: int) -> None:
        films: OrderedDict[str, Video] = OrderedDict()
        while True:
            request = self._next(me, films)
            if not request.future.set_running_or_notify_cancel():
                continue  # whoever asked is gone
            try:
                data = request.job(_opened(films, request.ref))
            except Exception as error:
                if (film := films.pop(request.ref, None)) is not None:
                    film.close()
                request.future.set_exception(error)
            else:
                self._keep(request.key, data)
                request.future.set_result(data)

    def _next(self, me: int, films: OrderedDict[str, Video]) -> _Request:
        """Wait for a request: of the film at hand, of one nobody is at, of any."""
        with self._turn:
            self._at.pop(me, None)
            self._turn.wait_for(lambda: bool(self._waiting))
            mine, others = next(reversed(films), ""), set(self._at.values())
            wishes: tuple[Callable[[str], bool], ...] = (
                lambda ref: ref == mine,
                lambda ref: ref in films and ref not in others,
                lambda ref: ref not in others,
                lambda _: True,
            )
            chosen = next(one for good in wishes for one in self._waiting if good(one.ref))
            self._waiting.remove(chosen)
            self._at[me] = chosen.ref
            return chosen

    def _keep(self, key: Hashable, data: bytes) -> None:
        with self._turn:
            self._bytes += len(data) - len(self._kept.pop(key, b""))
            self._kept[key] = data
            while self._bytes > KEPT_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1])


def _opened(films: OrderedDict[str, Video], ref: str) -> Video:
    film = films[ref] if ref in films else open_video(ref)
    films[ref] = film
    films.move_to_end(ref)
    if len(films) > OPEN:
        with suppress(Exception):
            films.popitem(last=False)[1].close()
    return film


def _cores() -> set[int]:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))
