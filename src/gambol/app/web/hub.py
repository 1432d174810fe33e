"""The hub: whatever happens is told to every page that listens, from any thread."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from gambol.app.web.models import Message, Person

LATE = 2000  # messages that a page may be behind before it is told to load everything again


class Listener:
    """One page that listens; lives in the event loop that made it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Message] = asyncio.Queue()
        self._lost = False

    async def next(self, timeout: float) -> Message | None:
        """Return the next message, or None after so many seconds."""
        if self._lost:
            self._lost = False
            while not self._queue.empty():
                self._queue.get_nowait()
            return Message(type="reload")
        try:
            async with asyncio.timeout(timeout):
                return await self._queue.get()
        except TimeoutError:
            return None

    def tell(self, message: Message) -> None:
        """Queue a message; from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._put, message)
        except RuntimeError:  # the loop ended, and the page with it
            return

    def _put(self, message: Message) -> None:
        if self._queue.qsize() >= LATE:
            self._lost = True
        else:
            self._queue.put_nowait(message)


class Hub:
    """Who listens, and where they are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._people: dict[Listener, Person | None] = {}

    def send(self, message: Message) -> None:
        """Tell everybody; from any thread or task."""
        with self._lock:
            listeners = list(self._people)
        for listener in listeners:
            listener.tell(message)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Be told everything while the block runs; call it in an event loop."""
        listener = Listener()
        with self._lock:
            self._people[listener] = None
        try:
            yield listener
        finally:
            with self._lock:
                shown = self._people.pop(listener) is not None
            if shown:
                self._presence()

    def look(self, listener: Listener, person: Person) -> None:
        """Say where the person of a page is; everybody is told when it is news."""
        with self._lock:
            if listener not in self._people or self._people[listener] == person:
                return
            self._people[listener] = person
        self._presence()

    def people(self, listener: Listener | None = None) -> list[Person]:
        """Return who is here; the one of `listener` is marked as its own."""
        with self._lock:
            here = [(one, person) for one, person in self._people.items() if person]
        return [person.model_copy(update={"own": one is listener}) for one, person in here]

    def _presence(self) -> None:
        with self._lock:
            listeners = list(self._people)
        for listener in listeners:
            listener.tell(Message(type="presence", people=self.people(listener)))
