"""Jobs in processes of their own, each on one core; one that dies does not stop the others."""

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from gambol.core.errors import InputError

Some = TypeVar("Some")

TICK_S = 5.0  # between two looks at jobs that run
GRACE_S = 20.0  # for a job to save what it has, before it is killed
THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


def each(
    work: Callable[[Some], None],
    jobs: Sequence[Some],
    workers: int,
    tick: Callable[[list[Some]], None] = lambda running: None,
) -> Iterator[tuple[Some, str | None]]:
    """Do every job in a fresh process, and yield it with what was said against it.

    Processes end with this one, however it ends; asked to end, they get some time to save.

    Args:
        work: does a job; a function of a module, as it goes to another process.
        jobs: plain values.
        workers: processes at a time.
        tick: now and then hears which jobs run.
    """
    context = multiprocessing.get_context("spawn")
    waiting = list(jobs)[::-1]
    running: dict[Any, tuple[Some, BaseProcess]] = {}  # by the pipe that says how it went
    try:
        while waiting or running:
            while waiting and len(running) < max(workers, 1):
                job = waiting.pop()
                here, there = context.Pipe(duplex=False)
                process = context.Process(target=_do, args=(work, job, there), daemon=True)
                with each_with_threads(1):
                    process.start()
                there.close()
                running[here] = job, process
            for ended in connection.wait(list(running), TICK_S):
                job, worker = running.pop(ended)
                yield job, _heard(ended, worker)
            tick([job for job, _ in running.values()])
    finally:
        _end([process for _, process in running.values()])


def _do(work: Callable[[Some], None], job: Some, there: Any) -> None:
    """Do one job in its process, and say how it went: nothing, if all went well."""
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started us ends us
    end_with_parent()
    said = ""
    try:
        work(job)
    except InputError as error:
        said = str(error)
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        said = f"{type(error).__name__}: {error}"
    there.send_bytes(said.encode())
    there.close()


def _heard(here: Any, process: BaseProcess) -> str | None:
    try:
        said: str = here.recv_bytes().decode()
    except EOFError:
        process.join()
        return f"its process died with exit status {process.exitcode}"
    finally:
        here.close()
    process.join()
    return said or None


def _end(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(GRACE_S)
        if process.is_alive():
            process.kill()


def end_with_parent() -> None:
    """End this process when the one that started it is killed; else it waits for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, args=[parent.sentinel], daemon=True).start()


def threads_said(threads: int) -> dict[str, str]:
    """Return the part of an environment that says how many cores a process computes on."""
    return dict.fromkeys(THREADS, str(threads))


@contextmanager
def each_with_threads(threads: int) -> Iterator[None]:
    """Have processes that start now compute on some cores; libraries read it when loaded."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(threads_said(threads))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
