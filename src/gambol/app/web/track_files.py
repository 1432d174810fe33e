"""Track files follow their logs: written anew by another process when nobody edits any more.

The log in the project is the truth; who reads a track file before it has followed (`gambol
export`, `gambol review`, `gambol track`) brings it up to date first. What a server that was
killed has left behind, the next one does.
"""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gambol.core.errors import InputError
from gambol.io import detections as io_detections
from gambol.io import store
from gambol.stages import identities

IDLE_S = 5.0  # without an edit
_LONGEST = 400  # letters of what went wrong
_GOODBYE_S = 120.0  # that the end of the server waits for; the process goes on after that


class Follower:
    """Writes track files whose logs have grown.

    Attributes:
        failed: why files could not be written, until they are.
        told: called when there is news of that; from any thread.
    """

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self.failed: dict[Path, str] = {}
        self.told: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._due: dict[Path, float] = {}
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def edited(self, target: Path) -> None:
        """Note that a log says more than its file."""
        with self._lock:
            if self._closed:
                return
            self._due[target] = time.monotonic() + self._idle_s
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="tracks")
                self._thread.start()
        self._wake.set()

    def settle(self) -> None:
        """Bring all files up to date now; before a stage reads them."""
        with self._lock:
            due, self._due = list(self._due), {}
        for target in due:
            self._write(target)

    def close(self) -> None:
        """Bring all files up to date and stop."""
        with self._lock:
            self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_GOODBYE_S)
        self.settle()

    def _run(self) -> None:
        while not self._closed:
            with self._lock:
                now = time.monotonic()
                ready = [target for target, at in self._due.items() if at <= now]
                for target in ready:
                    del self._due[target]
                wait = min((at - now for at in self._due.values()), default=None)
            for target in ready:
                self._write(target)
            if not ready:
                self._wake.wait(wait)
                self._wake.clear()

    def _write(self, target: Path) -> None:
        known, why = self.failed.get(target, ""), write(target)
        self.failed[target] = why
        if why != known:
            self.told()


def write(target: Path) -> str:
    """Write one file in a process of its own; return "", or why it is still to be done."""
    command = [sys.executable, "-m", "gambol", "review", str(target)]
    # a file, no pipe: the process goes on after this one, and may say something then
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
        ) as process,
    ):
        if process.wait() == 0:
            return ""
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
    return (lines[-1] if lines else f"the process ended with {process.returncode}")[:_LONGEST]


def follows(target: Path, log: identities.Log) -> bool:
    """Tell whether a file is what its log makes."""
    return identities.is_current(target, log)


class Head(NamedTuple):
    """What a track file says of itself."""

    source: str = ""  # the film
    names: tuple[str, ...] = ()  # as tracking gave them
    frames: int = 0
    fps: float = 0.0


class Heads:
    """What track files say of themselves, read once while they stay as they are."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, Head]] = {}
        self._sums: dict[Path, tuple[int, str]] = {}

    def about(self, target: Path) -> Head:
        """Return what a file says.

        Raises:
            InputError: it is no track file, or damaged.
        """
        stamp = _changed(target)
        known = self._known.get(target)
        if known is None or known[0] != stamp:
            attrs = identities.attributes(target)
            with io_detections.open_file(target) as file:
                frames = int(file.dimensions["time"].size)
            about = Head(
                str(attrs.get("source_file", "")), identities.names_of(target), frames,
                float(attrs.get("fps", 0.0)),
            )  # fmt: skip
            self._known[target] = known = stamp, about
        return known[1]

    def checksum(self, target: Path) -> str:
        """Return the checksum of a broken file, to compare with that of a copy."""
        stamp = _changed(target)
        known = self._sums.get(target)
        if known is None or known[0] != stamp:
            try:
                said = f"sha256:{store.file_hash(target)}"
            except (InputError, OSError):
                said = "empty or not to be read"
            self._sums[target] = known = stamp, said
        return known[1]


def _changed(target: Path) -> int:
    try:
        return target.stat().st_mtime_ns
    except OSError:
        return 0
