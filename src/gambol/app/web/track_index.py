"""The automatic tracks of a recording as arrays that are mapped and not read: made once.

The file lies beside the automatic tracks and holds nothing that these do not say; it is made
anew where it is missing or theirs have changed. It appears whole or not at all. Making it goes
through the recording piece by piece, so its memory does not grow with the recording; opening it
takes as long for an hour as for a minute.
"""

import contextlib
import json
import os
import shutil
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from gambol.app.web import track_base
from gambol.app.web.track_base import BLOCK, Base, Sums
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED
from gambol.io import detections as io_detections
from gambol.io import store
from gambol.stages import identities
from gambol.tracking.review import Event

_FORMAT = 1
_FRAMES = 1 << 12  # that are worked on at once; whole blocks
_DETECTION_BYTES, _FRAME_BYTES = 6, 40  # of the file, for the room on the disk
SPARE = 1 << 30  # bytes on the disk below which nothing is kept there
_GOODBYE_S = 60.0
_building = threading.Lock()  # one at a time: the work is of processor and disk
_ARRAYS = ("starts", "animal", "raw", "sure", "seen", "total", "loose", "times")


def open_base(target: Path, key: str, keep: bool = True) -> Base:
    """Return the automatic tracks behind a track file; the first time this takes seconds.

    Args:
        target: the track file.
        key: of the automatic tracks.
        keep: the file that is made stays there.

    Raises:
        InputError: one of the two files is gone or damaged, or not of the other.
    """
    found = _mapped(identities.index_file(target, key), target, key)
    if found is not None:
        return found
    with _building:  # somebody else may have made it meanwhile
        found = _mapped(identities.index_file(target, key), target, key)
        return found or _made(target, key, keep)


class Indexer:
    """Makes the files of long recordings before somebody looks, one after another."""

    def __init__(self, rest_s: float = 3.0) -> None:
        """Begin so many seconds after the first is asked for: who opens a page comes first."""
        self._rest_s = rest_s
        self._lock = threading.Lock()
        self._seen: set[tuple[Path, str]] = set()
        self._due: list[tuple[Path, str]] = []
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def want(self, target: Path, key: str) -> None:
        """Have the file of a recording made, if it is not there; once."""
        with self._lock:
            if (target, key) in self._seen or self._closed.is_set():
                return
            self._seen.add((target, key))
            self._due.append((target, key))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="indexes")
                self._thread.start()

    def close(self) -> None:
        """Begin no more of them; the one that is being made is finished."""
        with self._lock:
            self._closed.set()
            thread = self._thread
        if thread is not None:
            thread.join(_GOODBYE_S)

    def _run(self) -> None:
        while not self._closed.wait(self._rest_s):
            with self._lock:
                if not self._due:
                    self._thread = None
                    return
                target, key = self._due.pop(0)
            with contextlib.suppress(InputError, OSError):  # who looks at it is told why
                open_base(target, key)


def _made(target: Path, key: str, keep: bool) -> Base:
    """Make the file; elsewhere, for as long as it is open, where nothing can be written."""
    path = identities.index_file(target, key)
    free = shutil.disk_usage(target.parent).free
    with contextlib.ExitStack() as stack:
        if not (keep and os.access(target.parent, os.W_OK) and free >= SPARE):
            folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
            path = Path(stack.enter_context(folder)) / path.name
        _write(path, target, key)
        found = _mapped(path, target, key)  # what is mapped stays readable without its name
    if found is None:
        raise InputError(f"{target} changed while it was read; reload the page")
    return found


def _stamp(target: Path, key: str) -> list[int]:
    """Tell automatic tracks apart that have one key."""
    try:
        stat = identities.automatic_file(target, key).stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns]


def _mapped(path: Path, target: Path, key: str) -> Base | None:
    """Open the file; None where it is missing, damaged, or of other tracks."""
    try:
        with h5py.File(path, "r") as file:
            about = json.loads(file["about"][()].tobytes())
            if (about["format"], about["stamp"]) != (_FORMAT, _stamp(target, key)):
                return None
            arrays = {name: _map(path, file[name]) for name in _ARRAYS}
    except (OSError, KeyError, ValueError):
        return None
    blocks = Sums(arrays.pop("seen"), arrays.pop("total"))
    events = [
        Event._make(tuple(v) if isinstance(v, list) else v for v in one)
        for one in about["events"]
    ]
    return Base(
        key=key, names=tuple(about["names"]), blocks=blocks, events=events,
        source=about["source"], fps=about["fps"], **arrays,
    )  # fmt: skip


def _map(path: Path, data: Any) -> np.ndarray:
    if not data.size:
        return np.zeros(data.shape, data.dtype)
    place = data.id.get_offset()
    return np.asarray(np.memmap(path, data.dtype, "r", place, data.shape))


class _Streams:
    """Automatic tracks, read from their beginning to their end a piece at a time."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._parts: dict[str, tuple[Any, np.dtype[Any]]] = {}
        self.many = self._open("kept")
        for name in ("id", "confidence", "track"):
            self._open(name)
        with archive.open("about.npy") as stream:
            whole = np.lib.format.read_array(stream, allow_pickle=False)
        self.about = json.loads(str(whole))

    def _open(self, name: str) -> int:
        stream = self._archive.open(f"{name}.npy")
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0
        shape, _, kind = header(stream) if version == (1, 0) else _header_2(stream)
        self._parts[name] = stream, kind
        return int(np.prod(shape))

    def take(self, name: str, count: int) -> np.ndarray:
        """Return the next values of an array."""
        stream, kind = self._parts[name]
        found = np.frombuffer(stream.read(count * kind.itemsize), kind)
        if len(found) != count:
            raise ValueError(f"{name} ends too early")
        return found


_header_2 = np.lib.format.read_array_header_2_0


class _Piece(NamedTuple):
    """Some frames, laid out."""

    counts: np.ndarray  # detections of each
    animal: np.ndarray
    raw: np.ndarray
    sure: np.ndarray
    blocks: Sums  # of each block, not of all before
    free: np.ndarray  # detections of each frame without identity


def _write(path: Path, target: Path, key: str) -> None:
    """Lay out a recording, piece by piece."""
    source, stamp = identities.automatic_file(target, key), _stamp(target, key)
    names = identities.names_of(target)
    try:
        with zipfile.ZipFile(source) as archive, io_detections.open_file(target) as tracks:
            streams = _Streams(archive)
            times = tracks.variables["time"][:].astype(np.float64)
            about = {
                "format": _FORMAT, "stamp": stamp, "names": names,
                "source": str(tracks.attrs.get("source_file", "")),
                "fps": track_base.rate(times),
                "events": [identities.event(one) for one in streams.about["events"]],
            }  # fmt: skip
            frame = _FRAME_BYTES + 2 * len(names)
            room = _DETECTION_BYTES * streams.many + frame * len(times) + store.SLACK
            with store.atomic(path, room) as partial:
                with h5py.File(partial, "w") as file:
                    _declare(file, times, streams.many, len(names), about)
                    end = _fill(file, _pieces(tracks, streams, len(times), len(names)))
                if end != streams.many:
                    raise InputError(
                        f"{target} is not what its log is about; run gambol track again"
                    )
    except FileNotFoundError as error:
        raise InputError(f"{source} is missing; run gambol track into another --out") from error
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError) as error:
        raise InputError(f"{source} is damaged; run gambol track into another --out") from error


def _declare(file: Any, times: np.ndarray, many: int, n: int, about: dict[str, Any]) -> None:
    frames, edges = len(times), len(times) // BLOCK + 2
    for name, shape, kind in (
        ("starts", (frames + 1,), "<i8"), ("animal", (many,), "<i2"), ("raw", (many,), "<i4"),
        ("sure", (frames, n), "u1"), ("seen", (edges, n), "<i4"), ("total", (edges, n), "<i8"),
        ("loose", (frames + 1,), "<i8"),
    ):  # fmt: skip
        file.create_dataset(name, shape, kind)
    file.create_dataset("times", data=times)
    file.create_dataset("about", data=np.frombuffer(json.dumps(about).encode(), np.uint8))


def _pieces(tracks: Any, streams: "_Streams", frames: int, n: int) -> Iterator[_Piece]:
    """Yield so many frames after another."""
    for first in range(0, frames, _FRAMES):
        where = slice(first, min(first + _FRAMES, frames))
        counts = np.asarray(tracks.variables["n_untracked"][where]).astype(np.int64)
        counts += (tracks.variables["row"][where] >= 0).sum(axis=1)
        kept = streams.take("kept", int(counts.sum()))
        some = int(np.count_nonzero(kept))
        animal, raw = np.full(len(kept), UNTRACKED, np.int16), np.full(len(kept), -1, np.int32)
        certain = np.zeros(len(kept), np.uint8)
        animal[kept], raw[kept] = streams.take("id", some), streams.take("track", some)
        certain[kept] = track_base.certainty(streams.take("confidence", some))
        starts = np.concatenate([[0], np.cumsum(counts)])
        sure = track_base.matrix(starts, animal, certain, n)
        free = track_base.free(starts, animal, raw)
        yield _Piece(counts, animal, raw, sure, track_base.sums(sure), free)


def _fill(file: Any, pieces: Iterator[_Piece]) -> int:
    """Write pieces behind one another, sums going on; return the number of detections."""
    frame = row = loose = block = 0
    before = Sums(*(np.zeros(file[name].shape[1], np.int64) for name in ("seen", "total")))
    for piece in pieces:
        stop, end = frame + len(piece.counts), row + len(piece.animal)
        file["starts"][frame + 1 : stop + 1] = row + np.cumsum(piece.counts)
        file["loose"][frame + 1 : stop + 1] = loose + np.cumsum(piece.free)
        file["sure"][frame:stop] = piece.sure
        file["animal"][row:end], file["raw"][row:end] = piece.animal, piece.raw
        to = block + len(piece.blocks.seen)
        whole = Sums(
            *(b + np.cumsum(p, axis=0) for b, p in zip(before, piece.blocks, strict=True))
        )
        file["seen"][block + 1 : to + 1], file["total"][block + 1 : to + 1] = whole
        before = Sums(whole.seen[-1], whole.sure[-1])
        frame, row, loose, block = stop, end, loose + int(piece.free.sum()), to
    for name, sums in zip(("seen", "total"), before, strict=True):
        for place in range(block + 1, len(file[name])):  # none, or one
            file[name][place] = sums
    return row
