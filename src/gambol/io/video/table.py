"""The frame table: which packet of a video file holds which presented frame, and when.

Made by demuxing once, then kept in memory and on disk. A packet counts as presented unless an
edit list discards it; frames are numbered in the order of their presentation times. Files
that give no times, or whose packets may hold no picture (MPEG-4 in AVI, VP8), are decoded
once instead, which tells the order directly.
"""

import hashlib
import os
import sys
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64

from gambol.core.errors import InputError
from gambol.io import store
from gambol.io.video.convert import Orientation, orientation_of
from gambol.io.video.damage import unreadable
from gambol.io.video.demux import (
    NO_TIME,
    Contents,
    contents,
    decode_all,
    first_frame,
)

_VERSION = 1  # part of the cache key: a table made by other rules is not found
_MAY_BE_EMPTY = {"mpeg4", "vp8"}  # codecs whose packets may hold no picture to show
_UNTIMED = {"avi": {"mpeg4", "msmpeg4v2", "msmpeg4", "h264", "hevc"}}  # shown out of order


class FrameTable(NamedTuple):
    """Packets in file (decoding) order, P of them, and the T frames that they present."""

    ident: Int64[np.ndarray, " P"]  # tells packets apart: presentation time or byte position
    target: Int64[np.ndarray, " P"]  # time to seek to in order to land there
    key: Bool[np.ndarray, " P"]  # decoding may begin here
    rank: Int64[np.ndarray, " P"]  # the frame it presents, -1 for none
    broken: Bool[np.ndarray, " P"]  # known not to decode
    times: Float[np.ndarray, " T"]  # s, the first is 0
    by_position: bool  # `ident` is the byte position
    fps: float
    coded_size: tuple[int, int]  # width and height before `orientation` is applied
    orientation: Orientation
    missing: int  # frames that the header promises and the file lacks


def frame_table(path: Path) -> FrameTable:
    """Return the table of a file, from memory, from the disk, or made now.

    Raises:
        InputError: if not one frame of the file can be decoded.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror}; check it") from error
    return _cached_table(path.resolve(), stat.st_size, stat.st_mtime_ns)


def cache_folder() -> Path:
    """Return where tables are kept: $GAMBOL_CACHE or the user's cache folder."""
    if chosen := os.environ.get("GAMBOL_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (
            (Path(local) if local else Path.home() / "AppData" / "Local") / "gambol" / "cache"
        )
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "gambol"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gambol"


@lru_cache(maxsize=8)  # 18 MB each for an hour at 120 frames/s
def _cached_table(path: Path, size: int, mtime_ns: int) -> FrameTable:
    key = f"{_VERSION}|{path}|{size}|{mtime_ns}"
    name = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    cached = cache_folder() / "frames" / f"{name}.npz"
    table = _load(cached)
    if table is None:
        table = _build(path)
        _save(table, cached)
    return table


def _load(path: Path) -> FrameTable | None:
    """Read a table; one that is absent, broken or of another shape is no table."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            raw = {name: file[name] for name in FrameTable._fields}
        table = FrameTable(
            ident=raw["ident"],
            target=raw["target"],
            key=raw["key"],
            rank=raw["rank"],
            broken=raw["broken"],
            times=raw["times"],
            by_position=bool(raw["by_position"]),
            fps=float(raw["fps"]),
            coded_size=(int(raw["coded_size"][0]), int(raw["coded_size"][1])),
            orientation=Orientation(*(bool(x) for x in raw["orientation"])),
            missing=int(raw["missing"]),
        )
        sound = len({len(column) for column in table[:5]}) == 1
        return table if sound and (table.rank >= 0).sum() == len(table.times) > 0 else None
    except (OSError, ValueError, KeyError, IndexError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def _save(table: FrameTable, path: Path) -> None:
    """Keep a table for next time; where nothing may be written it is made anew each time."""
    arrays: dict[str, Any] = {k: np.asarray(v) for k, v in table._asdict().items()}
    try:
        with store.atomic(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays)
    except (OSError, InputError):
        return


def _build(path: Path) -> FrameTable:
    """Make the table of a file from the file itself."""
    packets = contents(path)
    frame = first_frame(path)
    rank = None
    if packets.codec not in _UNTIMED.get(packets.format, {"vp8"}) and frame.pts is not None:
        rank = _timed_ranks(packets, frame.pts)
    broken = packets.lost
    if rank is None:
        rank, broken = _decoded_ranks(path, packets)
    by_position = bool((packets.pos >= 0).all()) and _unique(packets.pos)
    if not ((rank >= 0) & ~broken).any():
        raise unreadable(str(path), "none of its frames can be decoded")
    times, fps = _times(packets, rank)
    key = packets.key.copy()
    key[0] = True  # the start of the file is always a place to begin
    return FrameTable(
        ident=packets.pos if by_position else packets.pts,
        target=np.where(packets.dts == NO_TIME, packets.pts, packets.dts),
        key=key,
        rank=rank,
        broken=broken,
        times=times,
        by_position=by_position,
        fps=fps,
        coded_size=(frame.width, frame.height),
        orientation=orientation_of(frame),
        missing=packets.missing,
    )


def _timed_ranks(packets: Contents, first: int) -> Int64[np.ndarray, " P"] | None:
    """Number frames by presentation time; None if times are missing or not unique.

    Packets before the first key frame, and pictures shown before that key frame, are left
    out where the decoder cannot make a frame of them: a cut began between key frames.
    """
    pts = packets.pts
    if first == NO_TIME or (pts == NO_TIME).any() or not _unique(pts):
        return None
    start = int(packets.key.argmax())  # 0 if there is no key frame
    orphan = (np.arange(len(pts)) < start) | (pts < pts[start])
    shown = np.flatnonzero(~packets.discard & ~(orphan & (pts < first)))
    rank = np.full(len(pts), -1, dtype=np.int64)
    rank[shown[np.argsort(pts[shown], kind="stable")]] = np.arange(len(shown))
    return rank


def _decoded_ranks(
    path: Path, packets: Contents
) -> tuple[Int64[np.ndarray, " P"], Bool[np.ndarray, " P"]]:
    """Number frames by decoding everything; also tell which packets fail to decode.

    A packet that fails keeps a number, so that the frames after it keep theirs.
    """
    n_packets = len(packets.pts)
    order, failed = decode_all(path, packets.pos)
    failed += np.flatnonzero(packets.lost).tolist()
    if packets.codec not in _MAY_BE_EMPTY:
        start = min(order, default=n_packets)
        failed += sorted(set(range(start, n_packets)) - set(order))
    for number in sorted(set(failed)):
        if number not in order:
            order.insert(number, number)
    order = [number for number in order if number < n_packets]
    rank = np.full(n_packets, -1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    broken = np.zeros(n_packets, dtype=bool)
    broken[[number for number in failed if number < n_packets]] = True
    return rank, broken


def _unique(values: Int64[np.ndarray, " P"]) -> bool:
    return len(np.unique(values)) == len(values)


def _times(
    packets: Contents, rank: Int64[np.ndarray, " P"]
) -> tuple[Float[np.ndarray, " T"], float]:
    """Return the time of every frame in seconds and the nominal rate."""
    shown = np.flatnonzero(rank >= 0)
    stamps = packets.pts[shown[np.argsort(rank[shown])]]
    if (stamps == NO_TIME).any():  # decoding times lie as far apart and are given
        stamps = np.sort(packets.dts[shown])
    if (stamps == NO_TIME).any() or (np.diff(stamps) <= 0).any() or not packets.base:
        return np.arange(len(shown)) / packets.rate, packets.rate
    times = (stamps - stamps[0]) * packets.base
    measured = (len(times) - 1) / times[-1] if len(times) > 1 else packets.rate
    # rounded time stamps blur the rate a little; the header's is exact where it agrees
    close = abs(packets.rate - measured) < 0.001 * measured
    return times, packets.rate if close else float(measured)
