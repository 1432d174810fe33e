"""The desk: one thread that owns the project, and the lock that keeps a second server away."""

import asyncio
import json
import os
import socket
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TypeVar

from gambol.app.web.answers import Fail
from gambol.app.web.models import Problem
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import locks, project_journal, project_looks
from gambol.io.project import Project
from gambol.io.project_schema import NAME

T = TypeVar("T")
LOCK = "studio.lock"

NO_PROJECT = Problem(
    code="no-project",
    message="this folder is no project yet",
    hint="choose keypoints, or a file to take them from",
)
REPLACED = Problem(
    code="read-only",
    message=f"{NAME} was replaced by another file, or removed, while the server had it open",
    hint="start the server again, which reads the new one; what waits is kept in the browser",
)


def _place(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another that takes its name."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Desk:
    """Runs functions of the project one after another, in the thread that opened it.

    `told` is called in that thread with (project, seq before) after every function that left
    new edits in the log, and after one that found edits of another program.
    """

    def __init__(self, folder: Path, *, looks: bool = False) -> None:
        """Begin with no project; `looks`: nothing is written, whatever is asked."""
        self.folder, self._looks = folder.resolve(), looks
        self._away: tempfile.TemporaryDirectory[str] | None = None
        self.told: Callable[[Project, int], None] | None = None
        self.project: Project | None = None  # of the desk's thread; None: no project yet
        self.journal = ""  # why edits are slow or impossible here
        self._seq = 0
        self._at: tuple[int, int] | None = None
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="desk")

    async def ask(self, fn: Callable[[Project], T]) -> T:
        """Return what a function of the project returns, once its turn has come.

        Raises:
            Fail: 409 `no-project` while the folder is none.
        """
        return await asyncio.wrap_future(self._thread.submit(self._run, fn))

    def ask_now(self, fn: Callable[[Project], T]) -> T:
        """Do the same from a thread that may wait; never from the event loop."""
        return self._thread.submit(self._run, fn).result()

    def open(self) -> bool:
        """Open the project if the folder is one; wait for it. True: there is one."""
        return self._thread.submit(self._open).result()

    def backup(self, every_h: float = 24.0) -> Path | None:
        """Copy the database into backups/ unless there is a copy younger than so many hours."""
        folder = self.folder / "backups"
        made = [copy.stat().st_mtime for copy in folder.glob("project-*.db")]
        if made and time.time() - max(made) < every_h * 3600:
            return None
        return self.ask_now(Project.backup)

    async def create(self, skeleton: Skeleton) -> None:
        """Make the folder a project.

        Raises:
            InputError: it is one already, or cannot be written.
        """
        await asyncio.wrap_future(self._thread.submit(self._create, skeleton))

    def close(self) -> None:
        """Finish what was asked and give the database back; a second time does nothing."""
        if not self._closed:
            self._closed = True
            self._thread.submit(self._close).result()
            self._thread.shutdown()

    def _run(self, fn: Callable[[Project], T]) -> T:
        if self.project is None and not self._open():
            raise Fail(409, NO_PROJECT)
        assert self.project is not None
        if _place(self.project.path) != self._at:
            raise Fail(423, REPLACED)
        try:
            return fn(self.project)
        finally:
            self._tell(self.project)

    def _tell(self, project: Project) -> None:
        """Pass on what the log has beyond what was passed on."""
        seq = project.seq()
        if seq > self._seq:
            before, self._seq = self._seq, seq
            if self.told:
                self.told(project, before)

    def _open(self) -> bool:
        if self.project is None and (self.folder / NAME).is_file():
            self._take(self._looked() if self._looks else Project.open(self.folder))
        return self.project is not None

    def _looked(self) -> Project:
        """Open the project as it is, or a copy where it cannot be read without writing."""

        def away() -> Path:
            self._away = tempfile.TemporaryDirectory(
                prefix="gambol-", ignore_cleanup_errors=True
            )
            return Path(self._away.name)

        return Project(self.folder, project_looks.connect(self.folder / NAME, away))

    def _take(self, project: Project) -> None:
        if not self._looks:
            self.journal = project_journal.quicken(project.connection, project.path)
        self._seq = project.seq()
        self._at = _place(project.path)
        self.project = project

    def _create(self, skeleton: Skeleton) -> None:
        if not self._open():
            self._take(Project.create(self.folder, skeleton))
            return
        raise InputError(f"{self.folder} is a project already; open it, or choose another")

    def _close(self) -> None:
        if self.project is not None:
            if not self._looks:
                project_journal.settle(self.project.connection)
            self.project.close()
            self.project = None
        if self._away is not None:
            self._away.cleanup()


class Running(InputError):
    """A server has this project already; `address` is where."""

    def __init__(self, folder: Path, said: dict[str, object]) -> None:
        self.address = str(said.get("address", ""))
        where = self.address or "an address that it did not note"
        super().__init__(
            f"{folder} is open in gambol studio on {said.get('host', 'another computer')} "
            f"(process {said.get('pid', '?')}); go to {where}, or end that one first"
        )


class Lock:
    """Held while a server has the project; the system lets it go when the process ends."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises:
            Running: another server has it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / LOCK
        self._file: IO[str] = self._path.open("a+", encoding="utf-8")
        if not locks.take(self._file):
            self._file.close()
            raise Running(folder, said(folder))

    def note(self, address: str) -> None:
        """Write down where this server is, for whoever comes second."""
        held = {"host": socket.gethostname(), "pid": os.getpid(), "address": address}
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps(held))
        self._file.flush()

    def release(self) -> None:
        """Let the project go."""
        self._file.seek(0)
        self._file.truncate()
        self._file.close()


def running(folder: Path) -> Running | None:
    """Return the server that has a project, if there is one; nothing is written."""
    try:
        with (folder / LOCK).open(encoding="utf-8") as file:
            free = locks.take(file)
    except OSError:  # nobody ever had it
        return None
    return None if free else Running(folder, said(folder))


def said(folder: Path) -> dict[str, object]:
    """Return what the holder of the lock noted: host, pid, address."""
    try:
        values = json.loads((folder / LOCK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
