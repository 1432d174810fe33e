"""What a pipeline has done, and whether that is still current.

A command that ended well is written down with a stamp of everything it read and with the files
it made. It is current as long as the stamp is the same and the files are as they were. A stamp
covers the words of the command and, of every file among them and in every folder among them,
path, size and time of change; not what the command made itself, or a step that comes after it.

    .NAME.run/done-*.jsonl     a line a command that ended; each process has a file of its own
    .NAME.run/logs/STEP/…      what the commands said
"""

import contextlib
import hashlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gambol import __version__
from gambol.app import pipeline_words
from gambol.io import store

Stamp = dict[str, tuple[int, int]]  # path: size, time of change in ns


class Key(NamedTuple):
    """A step of a recording."""

    step: str
    recording: str


class Done(NamedTuple):
    """How a command ended."""

    step: str
    recording: str
    key: str  # hash of what it read
    made: Stamp
    seconds: float
    ended: float  # s since 1970
    trouble: str | None = None  # why it ended badly


class Record:
    """What was done by anybody, and what is done now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._own = folder / f"done-{socket.gethostname()}-{uuid.uuid4().hex[:8]}.jsonl"
        self._known: dict[Key, Done] = {}
        self._newest: Stamp = {}  # of files, whoever made them
        self._of_step: dict[str, set[str]] = {}  # files that each step made
        self._lock = threading.Lock()
        for file in sorted(folder.glob("done-*.jsonl")):
            for done in _lines(file):
                self._hear(done)

    def last(self, key: Key) -> Done | None:
        """Return how a step of a recording ended when it was done last."""
        return self._known.get(key)

    def add(self, done: Done) -> None:
        """Write down how one ended; the line is on the disk before this returns."""
        with self._lock, store.writing(self._own):
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._own.open("ab") as file:
                file.write(json.dumps(done._asdict()).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        self._hear(done)

    def _hear(self, done: Done) -> None:
        key = Key(done.step, done.recording)
        before = self._known.get(key)
        if before is None or before.ended <= done.ended:
            self._known[key] = done
        self._of_step.setdefault(done.step, set()).update(done.made)
        for path, stamp in done.made.items():
            if path not in self._newest or self._newest[path][1] <= stamp[1]:
                self._newest[path] = stamp

    def made_by(self, steps: Iterable[str]) -> list[set[str]]:
        """Return the files that steps made, for whichever recording."""
        return [self._of_step[step] for step in steps if step in self._of_step]

    def is_current(
        self, key: Key, words: Sequence[str], folder: Path, later: Iterable[str] = ()
    ) -> bool:
        """Tell whether a command need not be done again.

        Its files have to be as it left them, or as another command did that wrote them since,
        such as the page that all recordings of a step share.

        Args:
            key: whose command it is.
            words: of the command.
            folder: in which it runs.
            later: steps that come after it, whose files it does not read.
        """
        done = self.last(key)
        if done is None or done.trouble is not None:
            return False
        there: Stamp = {}
        for path in done.made:
            with contextlib.suppress(OSError):
                _stamp(folder / path, folder, there)
        if there != {path: self._newest[path] for path in done.made}:
            return False
        others = [set(done.made), *self.made_by(later)]
        return key_of(words, read_by(words, folder), others) == done.key


def log(folder: Path, key: Key) -> Path:
    """Return the file of what a command says."""
    return folder / "logs" / key.step / f"{key.recording}.txt"


def _lines(file: Path) -> Iterable[Done]:
    for line in file.read_bytes().splitlines():
        with contextlib.suppress(ValueError, TypeError):  # torn when the power went
            values = json.loads(line)
            made = {path: (size, at) for path, (size, at) in values["made"].items()}
            yield Done(**{**values, "made": made})


def read_by(words: Sequence[str], folder: Path) -> Stamp:
    """Return the stamps of what a command reads: files, and files in folders, among its words.

    What it writes to does not count; nor do hidden files.
    """
    stamps: Stamp = {}
    places = [_place(word, folder) for word in _inputs(words)]
    out = [folder / path for path in pipeline_words.outputs(words)]
    for place in filter(None, places):
        for file in _files(place):
            if not any(file.is_relative_to(one) for one in out):
                _stamp(file, folder, stamps)
    return stamps


def made_by(result: Any, words: Sequence[str], folder: Path) -> Stamp:
    """Return the stamps of the files that a command names in its result, but for its inputs."""
    given = {_place(word, folder) for word in _inputs(words)}
    stamps: Stamp = {}
    for text in _texts(result):
        place = _place(text, folder)
        if place is not None and place.is_file() and place not in given:
            _stamp(place, folder, stamps)
    return stamps


def key_of(words: Sequence[str], read: Stamp, made: Sequence[set[str]]) -> str:
    """Return the hash of a command and what it read, but for what was made of it."""
    seen = sorted(
        (path, *of) for path, of in read.items() if not any(path in some for some in made)
    )
    text = json.dumps([__version__, list(words), seen])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def now() -> float:
    """Return the time, s since 1970."""
    return time.time()


def _inputs(words: Sequence[str]) -> list[str]:
    out = pipeline_words.outputs(words)
    some = [word for word in words[1:] if Path(word) not in out]
    # --view CAMERA=PATH and --option=PATH name files, too
    values = (word.partition("=") for word in some if not word.startswith("--out="))
    return [*some, *(value for _, equals, value in values if equals)]


def _place(text: str, folder: Path) -> Path | None:
    """Return the file or folder that a text names."""
    if not text or "\n" in text or len(text) > 1000:
        return None
    with contextlib.suppress(OSError, ValueError):
        place = folder / text.partition("::")[0]
        if place.exists():
            return place
    return None


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    for root, folders, names in os.walk(place):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(root) / name for name in names if not name.startswith("."))


def _stamp(file: Path, folder: Path, stamps: Stamp) -> None:
    told = file.stat()
    name = file.relative_to(folder) if file.is_relative_to(folder) else file
    stamps[name.as_posix()] = (told.st_size, told.st_mtime_ns)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
