"""The folder of a job: what was asked for, how far it is, and how it is told to end.

job.json        what was asked for; written once by whoever starts the job
process.json    number and beginning of the process that does it
status.json     how far it is, how it ended; written by that process
beat            its time of change is the last sign of life
progress.jsonl  a line a step
log.txt         what it said
stop, cancel    files that ask it to end
out/            what the stage wrote
"""

import contextlib
import errno
import json
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from gambol.core.errors import InputError
from gambol.io import store

BEAT_S = 2.0  # between two signs of life
SILENT_S = 60.0  # without one, a job is lost
ENDED = ("done", "failed", "cancelled", "lost")
_RESERVE = 1 << 14  # bytes kept, so that a full disk can be reported
LEAST_FREE = 64 << 20  # bytes; less is used up by the first checkpoint


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Asked(_File):
    """What `job.json` says."""

    id: str  # name of the folder
    key: str  # of the click
    stage: str
    title: str
    project: str  # folder of the project
    config: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    by: str
    created: str  # UTC, ISO 8601
    number: float = 0.0  # order in which jobs were asked for
    lane: str = "cpu"  # jobs of one lane wait for each other
    device: str = "auto"
    at_once: int | None = None  # most samples that go through a network together


class Trouble(_File):
    """Why a job failed: a word for programs, a sentence, and what to do."""

    code: str
    message: str
    hint: str = ""


class Status(_File):
    """What `status.json` says."""

    state: Literal["running", "done", "failed", "cancelled", "lost"] = "running"
    started: str | None = None
    ended: str | None = None
    done: int = 0
    total: int = 0
    item: str = ""
    seconds_left: float | None = None
    result: dict[str, Any] | None = None
    trouble: Trouble | None = None


class Place(_File):
    """What `process.json` says."""

    pid: int
    born: str | None  # None: the system did not say
    host: str


def now() -> str:
    """Return the time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def ask(folder: Path, asked: Asked) -> None:
    """Write what is asked for."""
    store.write_text(asked.model_dump_json(indent=1) + "\n", folder / "job.json")


def asked(folder: Path) -> Asked:
    """Read what was asked for.

    Raises:
        InputError: there is no such job, or its file is damaged.
    """
    text = store.read_text(folder / "job.json")
    try:
        return Asked.model_validate_json(text)
    except ValidationError as error:
        raise InputError(f"{folder / 'job.json'} is damaged; start the job again") from error


def status(folder: Path) -> Status | None:
    """Read how far a job is; None: it has not begun."""
    try:
        return Status.model_validate_json((folder / "status.json").read_bytes())
    except (OSError, ValidationError):
        return None


def place(folder: Path) -> Place | None:
    """Read where a job runs; None: nowhere yet."""
    try:
        return Place.model_validate_json((folder / "process.json").read_bytes())
    except (OSError, ValidationError):
        return None


def quickly(model: BaseModel, path: Path) -> None:
    """Replace a file at once, without waiting for the disk; another one may be reading it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(model.model_dump_json() + "\n", encoding="utf-8")
        for wait in (0.01, 0.05, 0.2):  # Windows replaces no file that somebody reads
            with contextlib.suppress(PermissionError):
                os.replace(partial, path)
                return
            time.sleep(wait)
        os.replace(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def beat(folder: Path) -> None:
    """Give a sign of life; a full disk does not hinder it."""
    path = folder / "beat"
    with contextlib.suppress(OSError):
        if not path.exists():
            path.write_bytes(b"\0" * _RESERVE)
        os.utime(path)


def silent_s(folder: Path) -> float | None:
    """Return the seconds since the last sign of life; None: there was none."""
    try:
        return max(time.time() - (folder / "beat").stat().st_mtime, 0.0)
    except OSError:
        return None


def require_room(folder: Path) -> None:
    """Refuse to begin on a disk that is as good as full: minutes later it would fail, too.

    Raises:
        OSError: `ENOSPC`.
    """
    if shutil.disk_usage(folder).free < LEAST_FREE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def make_room(folder: Path) -> None:
    """Give back the bytes that were kept for the last words."""
    with contextlib.suppress(OSError):
        (folder / "beat").write_bytes(b"")


def flag(folder: Path, name: Literal["stop", "cancel"]) -> None:
    """Ask a job to end."""
    (folder / name).touch()


def flagged(folder: Path, name: Literal["stop", "cancel"]) -> bool:
    """Tell whether a job is asked to end."""
    return (folder / name).exists()


def again(folder: Path, **changes: Any) -> Asked:
    """Let an ended job begin once more where it was; return what is asked for now."""
    said = asked(folder).model_copy(update=changes)
    ask(folder, said)
    for name in ("stop", "cancel", "beat", "process.json", "status.json"):
        (folder / name).unlink(missing_ok=True)
    return said


def lines(path: Path, start: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the whole lines of a JSON lines file from a place on, and the place after them."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            data = file.read()
    except OSError:
        return [], start
    whole = data.rfind(b"\n") + 1
    found = []
    for line in data[:whole].splitlines():
        with contextlib.suppress(json.JSONDecodeError):  # torn when the power went
            found.append(json.loads(line))
    return found, start + whole


def log_tail(folder: Path, count: int = 20) -> list[str]:
    """Return the last lines that a job said."""
    try:
        with (folder / "log.txt").open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - (1 << 16), 0))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return text.splitlines()[-count:]
