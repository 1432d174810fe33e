"""Decoding ahead of the work on frames, in a thread of its own and bounded memory."""

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from gambol.core.video import Video
from gambol.io.video.damage import DamagedFrame


class Chunk(NamedTuple):
    """Some frames and their numbers. A frame that is not readable is black in `frames`."""

    indices: Int64[np.ndarray, " B"]
    frames: UInt8[np.ndarray, "B H W C"]
    readable: Bool[np.ndarray, " B"]


def read_ahead(
    video: Video, indices: Sequence[int], chunk: int = 32, depth: int = 2
) -> Iterator[Chunk]:
    """Yield the frames of `indices` in order, `chunk` at a time.

    At most `depth + 2` chunks are in memory: those waiting, the one being decoded and the one
    that was handed out. The video must not be used elsewhere meanwhile. The thread ends with
    the iteration, be it complete, broken off (`close`) or failed; what decoding raises is
    raised here, after the chunks before it.
    """
    waiting: queue.Queue[Chunk | BaseException | None] = queue.Queue(maxsize=max(depth, 1))
    stop = threading.Event()
    numbers = np.asarray(indices, dtype=np.int64)
    thread = threading.Thread(
        target=_fill,
        args=(video, numbers, chunk, waiting, stop),
        name="read-ahead",
        daemon=True,
    )
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        while thread.is_alive():  # make room, lest it waits for ever
            while not waiting.empty():
                waiting.get_nowait()
            thread.join(timeout=0.01)


def _fill(
    video: Video,
    numbers: Int64[np.ndarray, " T"],
    chunk: int,
    waiting: "queue.Queue[Chunk | BaseException | None]",
    stop: threading.Event,
) -> None:
    try:
        for start in range(0, len(numbers), chunk):
            part = _decode(video, numbers[start : start + chunk])
            if stop.is_set():
                return
            waiting.put(part)
            del part  # or it would stay while the next one is decoded
        waiting.put(None)
    except BaseException as error:  # noqa: BLE001 - carried over, never swallowed
        waiting.put(error)


def _decode(video: Video, numbers: Int64[np.ndarray, " B"]) -> Chunk:
    readable = np.ones(len(numbers), dtype=bool)
    try:
        frames = video.read(numbers.tolist())
    except DamagedFrame:
        width, height = video.size
        frames = np.zeros((len(numbers), height, width, video.channels), dtype=np.uint8)
        for place, number in enumerate(numbers.tolist()):
            try:
                frames[place] = video.read([number])[0]
            except DamagedFrame:
                readable[place] = False
    return Chunk(numbers, frames, readable)
