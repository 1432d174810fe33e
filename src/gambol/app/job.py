"""One stage as a process of its own: `python -m gambol.app.job FOLDER`; see `job_files`.

It needs nobody: the server that started it may end and come back. Killed at any moment and
started again, it goes on from what the stage kept.
"""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from gambol.app import job_files, job_stages, job_troubles
from gambol.app.console import plain
from gambol.app.job_files import BEAT_S, Asked, Status, Trouble
from gambol.core.progress import Step, Stopped

TOLD_S = 0.25  # between two reports of how far it is
LOOKED_S = 0.1  # between two looks whether it shall end
NICE = 5  # the page, and whoever works beside it, come first


class Cancelled(BaseException):
    """Somebody gave the job up; no stage catches this."""


class Report:
    """What a stage says, written where the server looks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._status = Status(started=job_files.now())
        self._told = self._looked = 0.0
        self._began: dict[str, tuple[float, int]] = {}  # of each part: when, at what count
        self._log: IO[str] = (folder / "log.txt").open("a", encoding="utf-8")
        self._steps = _Steps(folder / "progress.jsonl")
        self._write()

    def say(self, text: str) -> None:
        """Add to the log."""
        with contextlib.suppress(OSError):  # a full disk ends the work elsewhere
            self._log.write(text.rstrip() + "\n")
            self._log.flush()

    def progress(self, step: Step) -> None:
        """Hear of a unit of work.

        Raises:
            Cancelled: the job shall end.
        """
        self.look()
        now = time.monotonic()
        began, count = self._began.setdefault(f"{step.stage} {step.total}", (now, step.done))
        last = step.done >= step.total
        if now - self._told < TOLD_S and not last:
            return
        self._told = now
        rate = (step.done - count) / (now - began) if now > began else 0.0
        self._change(
            done=step.done,
            total=step.total,
            item=step.item,
            seconds_left=(step.total - step.done) / rate if rate > 0 else None,
        )
        self._steps.add({"at": job_files.now(), **step._asdict()})

    def step(self, net: str, number: int, /, **values: Any) -> None:
        """Hear of a step of training; numbers have no gaps, whatever happened between."""
        self._steps.numbered(net, number, values)

    def look(self) -> None:
        """See whether the job shall end.

        Raises:
            Cancelled: it shall.
        """
        if time.monotonic() - self._looked < LOOKED_S:
            return
        self._looked = time.monotonic()
        if job_files.flagged(self.folder, "cancel"):
            raise Cancelled

    def stopped(self) -> bool:
        """Tell whether somebody wants what there is now."""
        self.look()
        return job_files.flagged(self.folder, "stop")

    def end(self, state: str, result: Any = None, trouble: Trouble | None = None) -> None:
        """Write the last words."""
        if trouble is not None:
            job_files.make_room(self.folder)  # whatever happened, the disk may be full, too
            self.say(f"{trouble.message}; {trouble.hint}" if trouble.hint else trouble.message)
        self._change(
            state=state, ended=job_files.now(), seconds_left=None, trouble=trouble,
            result=plain(result) if isinstance(result, dict) else None,
        )  # fmt: skip

    def close(self) -> None:
        """Give the files back."""
        self._steps.close()
        with contextlib.suppress(OSError):
            self._log.close()

    def _change(self, **values: Any) -> None:
        with self._lock:
            self._status = self._status.model_copy(update=values)
            self._write()

    def _write(self) -> None:
        job_files.quickly(self._status, self.folder / "status.json")


class _Steps:
    """`progress.jsonl`: what a resumed training does once more is written once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: dict[str, int] = {}
        for line in job_files.lines(path)[0]:
            if "step" in line:
                self._last[line["net"]] = line["step"]
        self._file: IO[str] = path.open("a", encoding="utf-8")
        if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
            self._file.write("\n")  # torn when the power went

    def add(self, values: dict[str, Any]) -> None:
        self._file.write(json.dumps(plain(values)) + "\n")
        self._file.flush()

    def numbered(self, net: str, number: int, values: dict[str, Any]) -> None:
        if number < self._last.get(net, 0) or (
            number == self._last.get(net) and "val_px" not in values
        ):
            self._forget(net, number)
        self._last[net] = number
        self.add({"net": net, "step": number, **values})

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()

    def _forget(self, net: str, number: int) -> None:
        """Drop the steps of a network from a number on."""
        self._file.close()
        kept = [
            line for line in job_files.lines(self._path)[0]
            if line.get("net") != net or line["step"] < number
        ]  # fmt: skip
        partial = self._path.with_suffix(".partial")
        partial.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        os.replace(partial, self._path)
        self._file = self._path.open("a", encoding="utf-8")


def work(folder: Path) -> str:
    """Do what a folder asks for; return how it ended, which is in `status.json`, too."""
    with _beating(folder):
        report = Report(folder)
        try:
            asked = job_files.asked(folder)
            job_files.require_room(folder)
            report.end("done", _run(asked, folder, report))
            return "done"
        except Cancelled:
            report.say("given up, as asked")
            report.end("cancelled")
            return "cancelled"
        except (_Ended, Stopped):  # training hears the signal itself, and saves
            report.end("lost", trouble=INTERRUPTED)
            return "lost"
        except Exception as error:  # whatever it is, people are told a sentence
            found = job_troubles.trouble(error)
            job_troubles.note(error, folder)
            report.end("failed", trouble=found)
            return "failed"
        finally:
            report.close()


INTERRUPTED = Trouble(
    code="lost",
    message="the job was ended from outside before it was done",
    hint="resume it from where it was",
)


def _run(asked: Asked, folder: Path, report: Report) -> dict[str, Any]:
    """Run a stage; where memory is short, once more with half as many samples at once."""
    at_once = asked.at_once
    while True:
        told = job_stages.Work(
            folder, asked.model_copy(update={"at_once": at_once}), report.progress, report.say,
            report.stopped, report.step,
        )  # fmt: skip
        try:
            return job_stages.run(told)
        except Exception as error:
            smaller = job_stages.smaller(asked.stage, at_once)
            if not job_troubles.is_memory(error) or smaller is None:
                raise
            report.say(f"memory was not enough; going on with {smaller} samples at once")
            at_once = smaller
        job_stages.let_go()  # outside of the handler, whose traceback holds the arrays


@contextlib.contextmanager
def _beating(folder: Path) -> Iterator[None]:
    """Give signs of life from a thread, so that a long step is no silence."""
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            job_files.beat(folder)
            over.wait(BEAT_S)

    thread = threading.Thread(target=go_on, daemon=True)
    job_files.beat(folder)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class _Ended(BaseException):
    """The system asks the process to end."""


def _on_signal(folder: Path) -> Callable[..., None]:
    def end(*_: object) -> None:
        raise Cancelled if job_files.flagged(folder, "cancel") else _Ended

    return end


def main(words: list[str]) -> int:
    """Work in a folder; what it says goes to its log."""
    if len(words) != 1 or not Path(words[0], "job.json").is_file():
        print("usage: python -m gambol.app.job FOLDER, which holds job.json", file=sys.stderr)
        return 2
    folder = Path(words[0]).resolve()
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(log, stream)
    signal.signal(signal.SIGTERM, _on_signal(folder))
    if sys.platform == "win32":
        signal.signal(signal.SIGBREAK, _on_signal(folder))
    else:
        with contextlib.suppress(OSError):
            os.nice(NICE)
    return 0 if work(folder) in ("done", "cancelled") else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
