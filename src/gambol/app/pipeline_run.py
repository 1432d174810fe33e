"""A pipeline gone through: what is current is left as it is, what is due is done."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Literal, NamedTuple

from gambol.app import pipeline_record
from gambol.app.pipeline_file import ALL, Pipeline, Recording, Step, command
from gambol.app.pipeline_jobs import Ended
from gambol.app.pipeline_record import Done, Key, Record

State = Literal["current", "due", "done", "failed", "waits"]
Work = Callable[[tuple[str, ...], Key], Ended]
READY: tuple[State, ...] = ("current", "done")


class Found(NamedTuple):
    """How a step of a recording stands."""

    key: Key
    state: State
    why: str | None = None  # where it failed or waits


class Wanted(NamedTuple):
    """Which part of a pipeline is gone through."""

    steps: frozenset[str]
    recordings: frozenset[str]
    look: bool = False  # do nothing, say what is due


def go(
    pipeline: Pipeline,
    record: Record,
    wanted: Wanted,
    work: Work,
    at_once: int,
    tell: Callable[[Found], None] = lambda found: None,
    stop: Callable[[], None] = lambda: None,
) -> list[Found]:
    """Go through a pipeline.

    A recording goes through its steps one after another, whatever becomes of the others. A step
    that is done once waits for all of them, and what follows it waits for it.

    Args:
        pipeline: what is to be done.
        record: of what was done.
        wanted: the part of it.
        work: does a command.
        at_once: recordings at a time.
        tell: hears how every step stands.
        stop: is called where it is interrupted, so that commands that run end.
    """
    walk = _Walk(pipeline, record, wanted, work, tell)
    for once, steps in stretches(pipeline.steps):
        if once:
            for step in steps:
                walk.together(step)
            continue
        with ThreadPoolExecutor(at_once) as pool:
            try:
                list(pool.map(partial(walk.through, steps), pipeline.recordings))
            except BaseException:
                stop()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return walk.found


def stretches(steps: Sequence[Step]) -> Iterator[tuple[bool, list[Step]]]:
    """Cut steps where those for every recording and those for all meet."""
    for once, some in groupby(steps, key=lambda step: step.once):
        yield once, list(some)


class _Walk:
    """What is known on the way."""

    def __init__(
        self,
        pipeline: Pipeline,
        record: Record,
        wanted: Wanted,
        work: Work,
        tell: Callable[[Found], None],
    ) -> None:
        self.pipeline, self.record, self.wanted = pipeline, record, wanted
        self._work, self._tell = work, tell
        self.found: list[Found] = []
        self._stuck: dict[str, Found] = {}  # recordings that wait, and for what
        self._lock = threading.Lock()

    def through(self, steps: Sequence[Step], one: Recording) -> None:
        """Take a recording through steps."""
        for step in steps:
            self._one(step, one, {one.name, ALL})

    def together(self, step: Step) -> None:
        """Do a step for all."""
        self._one(step, None, {*(one.name for one in self.pipeline.recordings), ALL})

    def _one(self, step: Step, one: Recording | None, needs: set[str]) -> None:
        key = Key(step.name, ALL if one is None else one.name)
        stuck = [self._stuck[name] for name in sorted(needs) if name in self._stuck]
        found = self._behind(key, stuck[0]) if stuck else self._settle(step, one, key)
        if found.state not in READY:
            self._stuck.setdefault(key.recording, stuck[0] if stuck else found)
        if self._is_wanted(key):
            with self._lock:
                self.found.append(found)
                self._tell(found)

    def _behind(self, key: Key, before: Found) -> Found:
        if before.state == "due" and self.wanted.look:
            return Found(key, "due")
        said = "failed" if before.state == "failed" else "is not done"
        return Found(key, "waits", f"{before.key.step} of {before.key.recording} {said}")

    def _is_wanted(self, key: Key) -> bool:
        own = key.recording == ALL or key.recording in self.wanted.recordings
        return own and key.step in self.wanted.steps

    def _settle(self, step: Step, one: Recording | None, key: Key) -> Found:
        folder = self.pipeline.folder
        words = command(self.pipeline.file, step, one)
        steps = [one.name for one in self.pipeline.steps]
        later = steps[steps.index(step.name) :]  # itself, too: other recordings' files
        if self.record.is_current(key, words, folder, later):
            return Found(key, "current")
        last = self.record.last(key)
        if self.wanted.look or not self._is_wanted(key):
            trouble = None if last is None else last.trouble
            return Found(key, "due" if trouble is None else "failed", trouble)
        read = pipeline_record.read_by(words, folder)
        ended = self._work(words, key)
        made = pipeline_record.made_by(ended.result, words, folder)
        others = [set(made), *self.record.made_by(later)]
        stamp = pipeline_record.key_of(words, read, others)
        self.record.add(
            Done(*key, stamp, made, ended.seconds, pipeline_record.now(), ended.trouble)
        )
        return Found(key, "failed", ended.trouble) if ended.trouble else Found(key, "done")
