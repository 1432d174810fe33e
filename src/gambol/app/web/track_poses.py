"""Detections of a few frames out of a track file, whoever they are called there."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from jaxtyping import Float32, Int

from gambol.core.errors import InputError
from gambol.io import detections as io_detections
from gambol.io.tracks import UNTRACKED_GROUP

_CHUNK = 1024  # frames that are compressed together
_KEPT = 8  # chunks


class Rows(NamedTuple):
    """R detections, ascending."""

    row: Int[np.ndarray, " R"]  # number in the recording
    frame: Int[np.ndarray, " R"]
    points: Float32[np.ndarray, "R K 3"]  # x, y, px (NaN where not found), P(right)

    def select(self, rows: np.ndarray | slice) -> "Rows":
        """Return some of them."""
        return Rows(*(part[rows] for part in self))


class Poses:
    """Reads frames of one track file; also while the file is replaced by another process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._chunks: OrderedDict[int, Rows] = OrderedDict()
        self._stamp: tuple[int, int] | None = None
        self._others = np.zeros(1, np.int64)  # rows of nobody before each frame

    def read(self, first: int, stop: int) -> Rows:
        """Return the detections of frames first … stop - 1."""
        with self._lock:
            self._look()
            parts = [
                self._chunk(number) for number in range(first // _CHUNK, -(-stop // _CHUNK))
            ]
        whole = Rows(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        return whole.select(slice(*np.searchsorted(whole.frame, [first, stop]).tolist()))

    def _look(self) -> None:
        """Forget what was read when the file has been written anew."""
        stat = self._path.stat()
        if self._stamp == (stat.st_ino, stat.st_mtime_ns):
            return
        self._stamp = (stat.st_ino, stat.st_mtime_ns)
        self._chunks.clear()
        with io_detections.open_file(self._path) as file:
            counts = np.asarray(file.variables["n_untracked"][:]).astype(np.int64)
        self._others = np.concatenate([[0], np.cumsum(counts)])

    def _chunk(self, number: int) -> Rows:
        if number in self._chunks:
            self._chunks.move_to_end(number)
        else:
            self._chunks[number] = self._read(number * _CHUNK, (number + 1) * _CHUNK)
            if len(self._chunks) > _KEPT:
                self._chunks.popitem(last=False)
        return self._chunks[number]

    def _read(self, first: int, stop: int) -> Rows:
        stop = min(stop, len(self._others) - 1)
        with _opened(self._path) as file:
            row = file["row"][first:stop]
            t, who = np.nonzero(row >= 0)
            xy = file["position"][first:stop].transpose(0, 3, 2, 1)[t, who]
            sure = file["confidence"][first:stop].transpose(0, 2, 1)[t, who]
            parts = [_rows(row[t, who], t + first, xy, sure)]
            begin, end = (int(n) for n in self._others[[first, stop]])
            if begin < end:
                others = file[UNTRACKED_GROUP]
                part = slice(begin, end)
                parts.append(
                    _rows(
                        *(
                            others[name][part]
                            for name in ("row", "frame", "position", "confidence")
                        )
                    )
                )
        whole = Rows(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        return whole.select(np.argsort(whole.row))


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open a track file as HDF5: the netCDF library looks at every variable first."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError) as error:
        raise InputError(f"{path} cannot be read ({error}); run gambol track again") from error


def _rows(row: np.ndarray, frame: np.ndarray, xy: np.ndarray, sure: np.ndarray) -> Rows:
    points = np.concatenate([xy, sure[..., None]], axis=-1).astype(np.float32)
    return Rows(row.astype(np.int64), frame.astype(np.int64), points)
