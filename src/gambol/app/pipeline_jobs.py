"""Commands of a pipeline as processes of their own: watched, and tried again.

A process that is killed, by the system for its memory or by anybody, is started again and goes
on where it was, as every command does. One that says nothing for too long, as a reader that
hangs, is ended and started again. What a command refuses is not tried again.
"""

import contextlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gambol.app import forks
from gambol.app.forks import Place, Process
from gambol.app.gpus import VISIBLE, Pool, here
from gambol.core.progress import Stopped
from gambol.stages.workers import threads_said

TICK_S = 0.2  # between two looks at a process
GRACE_S = 10.0  # for a process to save what it has
REFUSED = 2  # exit status of bad input
SHOWN = 300  # letters of what a command said last


class Ended(NamedTuple):
    """How a command ended."""

    result: Any  # that it printed; None where there is a trouble
    trouble: str | None
    seconds: float
    refused: bool = False  # for bad input; else something broke


class Crew:
    """Runs commands for as many threads as ask, each with its share of the cores."""

    def __init__(
        self,
        folder: Path,
        threads: int,
        tries: int,
        patience_s: float,
        is_closed: Callable[[], bool] = lambda: False,
        gpus: Pool | None = None,
        verbs: Sequence[str] = (),
    ) -> None:
        """Take what is the same for all commands.

        Args:
            folder: in which they run.
            threads: of each.
            tries: of a command whose process is lost.
            patience_s: without a word, before a process counts as hung.
            is_closed: tells that they are to end, as `close` does.
            gpus: of this machine; None: those that it has, looked for when one is asked for.
            verbs: of the commands, as far as known; what they import is imported once.
        """
        self.folder, self.threads = folder, threads
        self.tries, self.patience_s, self.verbs = tries, patience_s, verbs
        self._closing, self._is_closed = threading.Event(), is_closed
        self._gpus, self._looking = gpus, threading.Lock()

    def do(self, words: Sequence[str], log: Path, gpus: int = 0) -> Ended:
        """Run a command; again, if its process is lost.

        Args:
            words: after `gambol`.
            log: gets what the command says.
            gpus: that it needs for itself.

        Raises:
            Stopped: the crew was closed; the command goes on when it is run again.
        """
        if not gpus:
            return self._do(words, log, None)
        with self._looking:
            self._gpus = self._gpus or Pool(here())
        if gpus > self._gpus.size:
            trouble = f"it asks for {gpus} GPUs, and this machine has {self._gpus.size}"
            return Ended(None, trouble, 0.0, refused=True)
        with self._gpus.taken(gpus) as mine:
            return self._do(words, log, mine)

    def _do(self, words: Sequence[str], log: Path, gpus: Sequence[str] | None) -> Ended:
        start, trouble = time.monotonic(), None
        log.parent.mkdir(parents=True, exist_ok=True)
        for number in range(self.tries):
            code, said, hung = self._once(words, log, number > 0, gpus)
            seconds = time.monotonic() - start
            if code == 0:
                with contextlib.suppress(ValueError):
                    return Ended(json.loads(said), None, seconds)
                return Ended(
                    None, "its result is no JSON; run it by itself to see why", seconds
                )
            trouble = _why(code, hung, self.patience_s, log)
            if not (hung or _was_lost(code)):
                break
            with log.open("a", encoding="utf-8") as file:
                file.write(f"{trouble}: try {number + 1} of {self.tries}\n")
        return Ended(None, trouble, time.monotonic() - start, code == REFUSED)

    def close(self) -> None:
        """Have every process end, and start none any more."""
        self._closing.set()

    def _ends(self) -> bool:
        return self._closing.is_set() or self._is_closed()

    def _once(
        self, words: Sequence[str], log: Path, again: bool, gpus: Sequence[str] | None
    ) -> tuple[int, str, bool]:
        """Run a command; return exit status, what it printed, and whether it hung."""
        if self._ends():
            raise Stopped
        shown = log.with_suffix(".json")
        if not again:
            log.write_bytes(b"")
        shown.write_bytes(b"")  # it may be killed before it opens this
        place = Place(self.folder, self._environment(gpus), self.threads, log, shown)
        with forks.running((*words, "--json"), place, self.verbs) as process:
            hung = self._wait(process, log)
            code = process.wait()
        if self._ends():  # it may have been ended for that
            raise Stopped
        printed = shown.read_text(encoding="utf-8", errors="replace")
        shown.unlink(missing_ok=True)
        return code, printed, hung

    def _wait(self, process: Process, log: Path) -> bool:
        """Wait for a process; end it when it hangs or the pipeline is stopped."""
        heard, size = time.monotonic(), -1
        try:
            while process.poll() is None:
                if (now := log.stat().st_size) != size:
                    heard, size = time.monotonic(), now
                hung = time.monotonic() - heard > self.patience_s
                if hung or self._ends():
                    _end(process)
                    return hung
                time.sleep(TICK_S)
            return False
        except BaseException:
            _end(process)
            raise

    def _environment(self, gpus: Sequence[str] | None) -> dict[str, str]:
        share = threads_said(self.threads)
        if gpus is not None:
            share[VISIBLE] = ",".join(gpus)
        return {**os.environ, **share, "PYTHONUNBUFFERED": "1"}


def _end(process: Process) -> None:
    process.terminate()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _was_lost(code: int) -> bool:
    """Tell whether a process was killed; Windows and shells say it by large numbers."""
    return code < 0 or code in (137, 143) or code > 255


def _why(code: int, hung: bool, patience_s: float, log: Path) -> str:
    if hung:
        return f"it said nothing for {patience_s:g} s and was ended"
    if _was_lost(code):
        return f"its process was killed (exit status {code})"
    last = [
        line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line
    ]
    said = last[-1].removeprefix("gambol: ")[-SHOWN:] if last else f"exit status {code}"
    return said if code == REFUSED else f"it failed: {said}"
