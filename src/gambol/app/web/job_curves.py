"""The curve of a training, read off its steps: at most so many points, however long it is."""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

from gambol.app import job_files
from gambol.app.web.models import Curve

MOST = 1000  # points of each kind
KEPT = 8  # curves in memory

Line = dict[str, Any]


class Curves:
    """Curves of jobs; every line of a file is read once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tails: OrderedDict[Path, _Tail] = OrderedDict()

    def of(self, folder: Path) -> Curve:
        """Return the curve of the network that finds keypoints, else of the one before it."""
        with self._lock:
            tail = self._tails.pop(folder, None) or _Tail(folder / "progress.jsonl")
            self._tails[folder] = tail
            if len(self._tails) > KEPT:
                self._tails.popitem(last=False)
            tail.read()
            return tail.curve()


class _Tail:
    """What was read of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._at = 0
        self._nets: dict[str, _Thinned] = {}

    def read(self) -> None:
        """Take in the new lines; a file that was replaced is read again."""
        try:
            about = self._path.stat()
        except OSError:
            return
        if about.st_ino != self._file or about.st_size < self._at:
            self._forget(about.st_ino)
        found, self._at = job_files.lines(self._path, self._at)
        for line in found:
            if "step" in line:
                self._nets.setdefault(line["net"], _Thinned()).add(line)

    def curve(self) -> Curve:
        """Return what is known."""
        name = "train" if "train" in self._nets else next(iter(self._nets), "")
        lines = self._nets[name].lines() if name else []
        return Curve(
            step=[line["step"] for line in lines],
            seconds=[line.get("seconds", 0.0) for line in lines],
            train=[line.get("loss") for line in lines],
            val_px=[line.get("val_px") for line in lines],
            p95_px=[line.get("p95_px") for line in lines],
        )

    def _forget(self, file: int | None) -> None:
        self._file, self._at, self._nets = file, 0, {}


class _Thinned:
    """Lines of a network: every nth, and those with a validation, every mth."""

    def __init__(self) -> None:
        self._plain, self._judged = _Every(), _Every()
        self._last: Line | None = None

    def add(self, line: Line) -> None:
        """Take in a line."""
        self._last = line
        (self._judged if "val_px" in line else self._plain).add(line)

    def lines(self) -> list[Line]:
        """Return the lines in order; one with a validation takes the place of one without."""
        found = {line["step"]: line for line in self._plain.kept}
        if self._last is not None:
            found[self._last["step"]] = self._last
        found |= {line["step"]: line for line in self._judged.kept}
        return [found[step] for step in sorted(found)]


class _Every:
    """Every nth of a growing list, n doubling when it is full."""

    def __init__(self) -> None:
        self.kept: list[Line] = []
        self._n, self._count = 1, 0

    def add(self, line: Line) -> None:
        """Take in a line, or let it pass."""
        if self._count % self._n == 0:
            self.kept.append(line)
        self._count += 1
        if len(self.kept) > MOST:
            self.kept, self._n = self.kept[::2], 2 * self._n
