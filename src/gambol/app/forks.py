"""Processes that do a command each: fresh ones, and warm ones where the system can fork.

A warm process is a fork of one that has imported what commands need, and begins at once. Either
ends when the process that started it does, however that ends: nobody writes into a folder in
which the same command is started again.
"""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple, Protocol

from gambol.stages.workers import each_with_threads

LOST = -9  # exit status of one that was killed
NO_SERVER = 255  # of a fork, when the process that it was forked from was killed
TICK_S = 0.5  # between two looks whether that is there
STARTS, AGAIN_S = 5, 0.1  # tries to fork, and between two of them

_lock = threading.Lock()  # forks begin, and are asked how they are, one at a time
_warm: list[int] = []  # threads of the process that is forked, once there is one


class Place(NamedTuple):
    """Where a command runs, and where what it says goes."""

    folder: Path
    environment: dict[str, str]
    threads: int  # as the environment says
    said: Path  # is appended to
    printed: Path


class Process(Protocol):
    """A command that runs; as `subprocess.Popen` has it."""

    def poll(self) -> int | None:
        """Return its exit status, negative where a signal ended it; None while it runs."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raise `subprocess.TimeoutExpired` if that takes too long."""


@contextmanager
def running(words: Sequence[str], place: Place, verbs: Sequence[str] = ()) -> Iterator[Process]:
    """Start a command; leave nothing open, and nothing that runs.

    Args:
        words: after `gambol`.
        place: where.
        verbs: of commands that the caller will start; what they import is imported once.
    """
    if not _forks(place.threads):
        with _fresh(words, place) as fresh, _killed_in_trouble(fresh):
            yield fresh
        return
    fork = _Fork(words, place, verbs)
    try:
        with _killed_in_trouble(fork):
            yield fork
    finally:
        fork.close()


@contextmanager
def _killed_in_trouble(process: Process) -> Iterator[None]:
    try:
        yield
    except BaseException:
        process.kill()
        raise


def _forks(threads: int) -> bool:
    """Tell whether commands are forks here.

    macOS can fork, but not what its own libraries do in threads. A process of Dask that is to
    end with its nanny may start none but by `subprocess`.
    """
    if sys.platform != "linux" or multiprocessing.current_process().daemon:
        return False
    with _lock:
        return not _warm or _warm == [threads]


@contextmanager
def _fresh(words: Sequence[str], place: Place) -> Iterator[Process]:
    command = [sys.executable, "-m", "gambol.app.pipeline_command", *words]
    with (
        place.said.open("ab") as said,
        place.printed.open("wb") as printed,
        subprocess.Popen(
            command, cwd=place.folder, stdin=subprocess.PIPE, stdout=printed, stderr=said,
            env=place.environment,
        ) as process,
    ):  # fmt: skip
        yield process


class _Fork:
    """A command in a fork."""

    def __init__(self, words: Sequence[str], place: Place, verbs: Sequence[str]) -> None:
        context = multiprocessing.get_context("forkserver")
        self._process: BaseProcess = context.Process(
            target=_work, args=(tuple(words), place), daemon=False
        )
        with _lock:
            if not _warm:  # a verb that has no stage of its name is imported when it runs
                stages = [f"gambol.stages.{verb.replace('-', '_')}" for verb in verbs]
                context.set_forkserver_preload(["gambol.app.cli", "gambol.app.warm", *stages])
                _warm.append(place.threads)
            with each_with_threads(place.threads):
                _start(self._process)

    def poll(self) -> int | None:
        with _lock:
            code = self._process.exitcode
        return LOST if code == NO_SERVER else code

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        connection.wait([self._process.sentinel], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("gambol", timeout or 0.0)
        return code

    def close(self) -> None:
        self.wait()
        self._process.close()


def _start(process: BaseProcess) -> None:
    """Start a fork; where what it is forked from was killed just now, of another one."""
    for _ in range(STARTS):
        try:
            process.start()
            return
        except (EOFError, ConnectionError):
            time.sleep(AGAIN_S)
    raise OSError(f"the process that commands are forked from died {STARTS} times")


def _work(words: tuple[str, ...], place: Place) -> None:
    """Do a command in the fork that this is."""
    enter(place)
    threading.Thread(target=_end_with_others, args=[os.getppid()], daemon=True).start()
    sys.argv = ["gambol", *words]
    from gambol.app import cli, console

    console.keep_log()
    cli.main()


def enter(place: Place) -> None:
    """Have this process be where a command runs."""
    os.chdir(place.folder)
    os.environ.clear()
    os.environ.update(place.environment)
    for stream, path, how in ((1, place.printed, os.O_TRUNC), (2, place.said, os.O_APPEND)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o666)
        os.dup2(opened, stream)
        os.close(opened)


def _end_with_others(server: int) -> None:
    """End with the process that asked for this one, and with the one it was forked from."""
    parent = multiprocessing.parent_process()
    asked = [] if parent is None else [parent.sentinel]
    while not connection.wait(asked, TICK_S) and os.getppid() == server:
        pass
    os._exit(1)
