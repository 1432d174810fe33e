"""Video files written whole or not at all: H.264 that browsers play and editors cut."""

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from jaxtyping import Float, UInt8

from gambol.core.errors import InputError
from gambol.io import store

# no visible loss at a fifth of the time of `slow`; without B-frames and without a thread that
# looks ahead, with which the same frames did not always give the same file
_QUALITY = {"crf": "18", "preset": "veryfast", "bf": "0", "x264-params": "sync-lookahead=0"}
_GOP = 30  # frames from one key frame to the next: a seek decodes at most so many
_CLOCK = Fraction(1, 90_000)  # s, of times that are not evenly apart
_BT601 = 6  # the colour matrix of most small videos, written down so that players agree


class VideoWriter:
    """Write frames one after the other, inside a `with` block.

    The file appears under its name when the block ends well; an exception leaves nothing.
    Sides of odd length are padded by repeating the last row or column, as H.264 in its common
    form (4:2:0) needs even ones.
    """

    def __init__(
        self,
        path: Path,
        fps: float,
        size: tuple[int, int],
        times: Float[np.ndarray, " T"] | None = None,
    ) -> None:
        """Prepare to write a file.

        Args:
            path: the file.
            fps: frames a second.
            size: width and height of a frame in pixels.
            times: seconds of the T frames that will come, where they are not evenly apart.
        """
        if not fps > 0 or min(size) < 1:
            raise InputError(f"{path}: a video needs a rate and a size, not {fps} and {size}")
        self.path = path
        self.size = size
        self._rate = Fraction(fps).limit_denominator(100_000)
        self._stack = ExitStack()
        self._times = times
        self._count = 0
        self._reformat = VideoReformatter().reformat  # keeps what a frame would set up anew

    def __enter__(self) -> Self:
        width, height = (side + side % 2 for side in self.size)
        with ExitStack() as stack:
            partial = stack.enter_context(store.atomic(self.path))
            options = {"movflags": "+faststart"} if self.path.suffix == ".mp4" else {}
            self._container = av.open(str(partial), "w", options=options)
            stack.callback(self._container.close)
            self._stream = self._container.add_stream(
                "libx264", rate=self._rate, options=_QUALITY
            )
            self._stream.width, self._stream.height = width, height
            self._stream.pix_fmt = "yuv420p"
            self._stream.gop_size = _GOP
            if self._times is not None:
                self._stream.codec_context.time_base = _CLOCK
            self._stream.colorspace, self._stream.color_range = _BT601, ColorRange.MPEG
            self._stack = stack.pop_all()
        return self

    def write(self, frame: UInt8[np.ndarray, "H W C"]) -> None:
        """Append a frame, grey (C = 1) or RGB (C = 3)."""
        height, width, channels = frame.shape
        if (width, height) != self.size or channels not in (1, 3):
            raise InputError(
                f"{self.path}: a frame of shape {frame.shape} does not fit a video of "
                f"{self.size[0]} x {self.size[1]} pixels; give frames of one size"
            )
        if width % 2 or height % 2:
            frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        rgb = np.ascontiguousarray(np.broadcast_to(frame, (*frame.shape[:2], 3)))
        picture = self._reformat(
            VideoFrame.from_ndarray(rgb, format="rgb24"), format="yuv420p",
            dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG, threads=1,
        )  # fmt: skip
        picture.pts, picture.time_base = self._count, 1 / self._rate
        if self._times is not None:
            seconds = float(self._times[self._count] - self._times[0])
            picture.pts, picture.time_base = round(seconds / _CLOCK), _CLOCK
        self._count += 1
        self._container.mux(self._stream.encode(picture))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        with self._stack:
            if error is not None:
                raise error
            if not self._count:
                raise InputError(f"{self.path}: no frames were written; give at least one")
            self._container.mux(self._stream.encode(None))
        return None
