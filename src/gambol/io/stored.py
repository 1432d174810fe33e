"""Detections of a long recording, on disk: memory holds the rows that are being looked at.

Poses lie in scratch files that have no name and vanish with their last use; the few numbers of
a row that everything needs (its frame, its score) stay in memory. To all others they are
`Detections`: `select` copies rows out, and a selection too large for memory is stored again.
"""

import mmap
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from gambol.core.instances import Detections
from gambol.io import store

__all__ = ["Stored", "put", "release", "room", "scratch"]

ROWS = 16384  # that are copied together
FEW = 32  # rows far apart that are read together: half a megabyte may be mapped around each
APART = 64  # rows, on average, beyond which they are far apart
HELD = 131072  # rows of a selection that memory may hold


class Stored(Detections):
    """Detections whose poses are mapped from disk; make them with `room`."""

    __slots__ = ()

    def select(self, rows: np.ndarray) -> Detections:
        """Return the rows that an index or a mask picks; many of them are stored again."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        if len(rows) <= HELD:
            return self._copied(rows)
        if len(rows) == len(self.frame) and (np.diff(rows) == 1).all():
            return self  # every row in its place
        made = room(self, len(rows), _folder(self))
        for first in range(0, len(rows), ROWS):
            put(made, first, self._copied(rows[first : first + ROWS]))
        return made

    def _copied(self, rows: np.ndarray) -> Detections:
        far = len(rows) > 0 and np.ptp(rows) > APART * len(rows)
        picked = []
        for part in self:
            step = FEW if far and _mapped(part) is not None else max(len(rows), 1)
            copied = np.empty((len(rows), *part.shape[1:]), part.dtype)
            for first in range(0, len(rows), step):
                copied[first : first + step] = part[rows[first : first + step]]
                release([part])
            picked.append(copied)
        return Detections(*picked)


def room(like: Detections, rows: int, folder: Path | None) -> Stored:
    """Return so many rows on disk, to be filled with `put`.

    Args:
        like: any detections of the recording.
        rows: D.
        folder: where scratch files lie; that of the system where None.
    """
    parts = [
        scratch((rows, *part.shape[1:]), folder)
        if part.ndim > 1
        else np.zeros(rows, part.dtype)
        for part in like
    ]
    return Stored(*parts)


def put(made: Detections, first: int, found: Detections) -> None:
    """Write rows over those from `first` on."""
    for whole, part in zip(made, found, strict=True):
        whole[first : first + len(part)] = part
    release(made)


def scratch(shape: tuple[int, ...], folder: Path | None) -> Float[np.ndarray, "..."]:
    """Return an array of zeros on disk; its space is free again after its last use."""
    size = 8 * int(np.prod(shape))
    if not size:
        return np.zeros(shape)
    with store.writing((folder or Path(tempfile.gettempdir())) / "scratch file"):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".scratch-") as file:
            if hasattr(os, "posix_fallocate"):  # a full disk is said now, not by a crash later
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            return np.asarray(np.memmap(file, np.float64, "r+", shape=shape))


def release(parts: Iterable[np.ndarray]) -> None:
    """Let go of the memory of what was read or written of arrays on disk; disk keeps it."""
    for part in parts:
        mapped = _mapped(part)
        pages = None if mapped is None else mapped.base
        if isinstance(pages, mmap.mmap) and hasattr(pages, "madvise"):
            pages.madvise(mmap.MADV_DONTNEED)


def _mapped(part: object) -> np.memmap | None:
    """The mapping that an array is a view of."""
    while isinstance(part, np.ndarray) and not isinstance(part, np.memmap):
        part = part.base
    return part if isinstance(part, np.memmap) else None


def _folder(found: Detections) -> Path | None:
    """Where the scratch files of detections lie."""
    for part in found:
        mapped = _mapped(part)
        if mapped is not None and mapped.filename is not None:
            return Path(mapped.filename).parent
    return None
