"""Pictures of frames: one decoder and one thread a video, the newest request first."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from jaxtyping import Shaped, UInt8

from gambol.core.errors import InputError
from gambol.core.video import Video
from gambol.io.video.open import open_video

OPEN = 8  # videos at once; the one not used for longest is closed
KEPT = 400  # pictures of a video
KEPT_BYTES = 60 << 20  # of a video's pictures together
WAITING = 64  # requests of a video; the oldest beyond are told to ask again
_NEARLY_ALL = (0.2, 99.8)  # percentiles: a few hot or dead pixels do not count
_FASTEST = 1  # of the levels of PNG: half the time of the usual one, a tenth larger


class Busy(Exception):
    """Newer requests came first; ask again."""


class Wanted(NamedTuple):
    """A picture of a frame."""

    frame: int
    kind: Literal["jpg", "png"] = "jpg"
    width: int = 0  # at most so many pixels wide; 0: as stored
    quality: int = 90  # of JPEG
    later: bool = False  # comes after those that somebody looks at
    low: int = 0  # stored value that is shown black
    high: int = 0  # and white; 0: all values as 8 bits


class Picture(NamedTuple):
    """An encoded picture and what it cost, in milliseconds; from the cache, nothing."""

    data: bytes
    queue: float = 0.0
    decode: float = 0.0
    encode: float = 0.0


class Pictures:
    """All videos that are being looked at. Methods may be called from any thread."""

    def __init__(self, most: int = OPEN) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._readers: OrderedDict[tuple[str, str], _Reader] = OrderedDict()
        self._closed = False

    def ask(self, name: str, ref: str, wanted: Wanted) -> Future[Picture]:
        """Return a picture to come; cancel it when nobody wants it any more.

        Args:
            name: fingerprint of the video: pictures are kept under it.
            ref: where the video lies.
            wanted: which picture.

        The future raises `Busy`, or InputError for a frame that is damaged or not there.
        """
        return self._reader(name, ref).picture(wanted)

    def do(self, name: str, ref: str, job: Callable[[Video], bytes]) -> Future[bytes]:
        """Return what a function makes of a video, after the frames that somebody looks at."""
        return self._reader(name, ref).do(job, later=True)

    def times(self, name: str, ref: str) -> Future[bytes]:
        """Return the seconds of all frames to come, little-endian float64."""
        return self._reader(name, ref).do(lambda video: video.times.astype("<f8").tobytes())

    def close(self) -> None:
        """Close all videos; what waits is told `Busy`."""
        with self._lock:
            self._closed = True
            readers = list(self._readers.values())
            self._readers.clear()
        for reader in readers:
            reader.close()

    def _reader(self, name: str, ref: str) -> "_Reader":
        with self._lock:
            reader = self._readers.get((name, ref)) or _Reader(ref)
            self._readers[name, ref] = reader
            self._readers.move_to_end((name, ref))
            oldest = None
            if len(self._readers) > self._most or self._closed:
                oldest = self._readers.popitem(last=False)[1]
        if oldest is not None:
            oldest.close()
        return reader


class _Request(NamedTuple):
    job: Callable[[Video], Any]
    later: bool
    future: "Future[Any]"


class _Reader:
    """A video, its thread, and the pictures made last."""

    def __init__(self, ref: str) -> None:
        self._ref = ref
        self._turn = threading.Condition()
        self._waiting: list[_Request] = []  # the newest last
        self._closing = False
        self._kept: OrderedDict[Wanted, bytes] = OrderedDict()
        self._bytes = 0
        self._asked: Wanted | None = None  # last, by somebody who looks
        self._ahead: Wanted | None = None  # what comes next if the steps go on
        # a daemon: a long read of a slow disk must not keep the program from ending
        threading.Thread(target=self._work, name="decoder", daemon=True).start()

    def picture(self, wanted: Wanted) -> Future[Picture]:
        if (data := self._known(wanted)) is not None:
            future: Future[Picture] = Future()
            future.set_result(Picture(data))
        else:
            future = self.do(partial(self._make, wanted, time.perf_counter()), wanted.later)
        if not wanted.later:
            self._foresee(wanted)
        return future

    def do(self, job: Callable[[Video], Any], later: bool = False) -> "Future[Any]":
        """Queue a function of the video."""
        future: Future[Any] = Future()
        refused = None
        with self._turn:
            self._waiting.append(_Request(job, later, future))
            if self._closing or len(self._waiting) > WAITING:
                refused = self._waiting.pop(0)
            self._turn.notify()
        _refuse([refused] if refused else [])
        return future

    def close(self) -> None:
        """Refuse what waits; the thread closes the video when it has done what it is at."""
        with self._turn:
            self._closing = True
            refused, self._waiting = self._waiting, []
            self._turn.notify()
        _refuse(refused)

    def _work(self) -> None:
        video: Video | None = None
        while (request := self._next()) is not None:
            if not request.future.set_running_or_notify_cancel():
                continue  # whoever asked is gone
            try:
                video = video or open_video(self._ref, look_back=True)
                request.future.set_result(request.job(video))
            except Exception as error:
                request.future.set_exception(error)
        if video is not None:
            video.close()

    def _next(self) -> _Request | None:
        """Wait for the newest request, first of those that are looked at; None: the end."""
        with self._turn:
            self._turn.wait_for(lambda: self._waiting or self._ahead or self._closing)
            if self._waiting:
                seen = [k for k, request in enumerate(self._waiting) if not request.later]
                return self._waiting.pop(seen[-1] if seen else -1)
            ahead, self._ahead = self._ahead, None
            if ahead is None or self._closing:
                return None
            return _Request(partial(self._make, ahead, time.perf_counter()), True, Future())

    def _foresee(self, wanted: Wanted) -> None:
        """Make the next picture before it is asked for, where somebody goes frame by frame."""
        with self._turn:
            before, self._asked, self._ahead = self._asked, wanted, None
            step = wanted.frame - (wanted if before is None else before).frame
            following = wanted._replace(frame=wanted.frame + step)
            if abs(step) == 1 and following.frame >= 0 and following not in self._kept:
                self._ahead = following
                self._turn.notify()

    def _make(self, wanted: Wanted, asked: float, video: Video) -> Picture:
        if (data := self._known(wanted)) is not None:  # asked for twice
            return Picture(data)
        start = time.perf_counter()
        image = seen(video, wanted)
        decoded = time.perf_counter()
        data = encode(image, wanted)
        end = time.perf_counter()
        self._keep(wanted, data)
        return Picture(
            data, 1e3 * (start - asked), 1e3 * (decoded - start), 1e3 * (end - decoded)
        )

    def _known(self, wanted: Wanted) -> bytes | None:
        with self._turn:
            if (data := self._kept.get(wanted)) is not None:
                self._kept.move_to_end(wanted)
            return data

    def _keep(self, wanted: Wanted, data: bytes) -> None:
        with self._turn:
            self._kept[wanted] = data
            self._bytes += len(data)
            while len(self._kept) > KEPT or self._bytes > KEPT_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1])


def seen(video: Video, wanted: Wanted) -> UInt8[np.ndarray, "H W C"]:
    """Return a frame in 8 bits, of the stored values those of its window."""
    if not wanted.high:
        return video.read([wanted.frame])[0]
    stored = native(video, wanted.frame)
    above = cv2.subtract(stored, float(wanted.low))  # type: ignore[call-overload]  # not below 0
    shown = cv2.convertScaleAbs(above, alpha=255 / (wanted.high - wanted.low))
    return shown.reshape(stored.shape)


def levels(video: Video, frame: int) -> bytes:
    """Return the largest value that a frame could hold, and those that nearly all lie between.

    Returns:
        three little-endian uint32: 255 or 65535, and two percentiles, the second larger.
    """
    stored = native(video, frame)
    low, high = np.percentile(stored[::2, ::2], _NEARLY_ALL, method="nearest").tolist()
    top = np.iinfo(stored.dtype).max
    return np.array([top, min(low, top - 1), max(high, low + 1)], "<u4").tobytes()


def native(video: Video, frame: int) -> Shaped[np.ndarray, "H W C"]:
    """Return a frame as it is stored, where its reader can tell; else in 8 bits."""
    deep = getattr(video, "native", None)
    return video.read([frame])[0] if deep is None else np.ascontiguousarray(deep(frame))


def encode(image: UInt8[np.ndarray, "H W C"], wanted: Wanted) -> bytes:
    """Make a JPEG or PNG of a frame, red first; PNG is exact, JPEG has half the colours.

    Raises:
        InputError: the picture is larger than the format allows.
    """
    height, width = image.shape[:2]
    if 0 < wanted.width < width:
        size = wanted.width, max(round(height * wanted.width / width), 1)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).reshape(*size[::-1], -1)
    if image.shape[2] == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    settings = [cv2.IMWRITE_JPEG_QUALITY, wanted.quality]
    if wanted.kind == "png":
        settings = [cv2.IMWRITE_PNG_COMPRESSION, _FASTEST]
    good, data = cv2.imencode(f".{wanted.kind}", image, settings)
    if not good:
        raise InputError(
            f"a frame of {width} x {height} px cannot be sent as {wanted.kind}; ask for png, "
            "or a smaller width"
        )
    return data.tobytes()


def _refuse(requests: list[_Request]) -> None:
    for request in requests:
        if request.future.set_running_or_notify_cancel():
            request.future.set_exception(Busy())
