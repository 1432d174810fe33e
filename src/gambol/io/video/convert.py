"""Decoded frames to arrays: colour, grey and the turn that the file asks for.

Grey is the luma of the file stretched to the full range 0..255, whatever range the file
uses: y for full-range files, round((y - 16) 255 / 219) cut to 0..255 for the others. It
equals swscale's conversion to `gray`, which is used for the formats without an 8-bit luma
plane. RGB is swscale's with accurate rounding, bit-exact on every processor.
"""

from typing import Final, NamedTuple

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from jaxtyping import UInt8, UInt16

GREY: Final = "luma-full"  # the name of this definition of grey, stored with models
EXACT: Final = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_LIMITED_LUMA: Final = frozenset({"yuv420p", "yuv422p", "yuv444p", "nv12"})
_FULL_LUMA: Final = frozenset({"yuvj420p", "yuvj422p", "yuvj444p", "gray"})


class Orientation(NamedTuple):
    """How the stored picture is turned for display: first the swap, then the mirrors."""

    swap: bool = False  # x and y change places
    mirror_x: bool = False
    mirror_y: bool = False


def orientation_of(frame: VideoFrame) -> Orientation:
    """Read a frame's display matrix; turns by less than a quarter are not applied."""
    side = frame.side_data.get("DISPLAYMATRIX")
    if side is None:
        return Orientation()
    # a point (x, y) is shown at (a x + c y, b x + d y); rows of the matrix: a b u, c d v
    matrix = np.frombuffer(side, np.int32)  # type: ignore[call-overload]
    a, b, _, c, d = matrix[:5].tolist()
    if abs(b) > abs(a):
        return Orientation(True, c < 0, b < 0)
    return Orientation(False, a < 0, d < 0)


class Converter:
    """Write frames of one file into arrays of one shape."""

    def __init__(self, grey: bool, orientation: Orientation) -> None:
        self.channels = 1 if grey else 3
        self.orientation = orientation
        self._reformat = VideoReformatter().reformat
        self._scratch = np.empty((0, 0), np.uint8)

    def into(self, frame: VideoFrame, out: UInt8[np.ndarray, "H W C"]) -> None:
        """Fill `out` with the frame as displayed."""
        swap, mirror_x, mirror_y = self.orientation
        stored = out[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]
        if swap:
            stored = stored.swapaxes(0, 1)
        if self.channels == 3:
            rgb = self._reformat(frame, format="rgb24", interpolation=EXACT, threads=1)
            stored[:] = _plane(rgb, 3)
        else:
            self._grey(frame, stored[..., 0])

    def deep(self, frame: VideoFrame) -> UInt16[np.ndarray, "H W C"] | None:
        """Return a frame of more than 8 bits as 16-bit grey or RGB as displayed, else None."""
        parts = frame.format.components
        if max(part.bits for part in parts) <= 8:
            return None
        name, channels = ("gray16le", 1) if len(parts) == 1 else ("rgb48le", 3)
        wide = self._reformat(
            frame,
            format=name,
            interpolation=EXACT,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        stored = _plane(wide, 2 * channels).view("<u2").reshape(wide.height, wide.width, -1)
        swap, mirror_x, mirror_y = self.orientation
        shown = stored.swapaxes(0, 1) if swap else stored
        return shown[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1].copy()

    def _grey(self, frame: VideoFrame, out: UInt8[np.ndarray, "H W"]) -> None:
        name = frame.format.name
        full = frame.color_range == ColorRange.JPEG
        if name in _FULL_LUMA or (full and name in _LIMITED_LUMA):
            out[:] = _plane(frame, 1)[..., 0]
        elif name in _LIMITED_LUMA:
            self._stretch(_plane(frame, 1)[..., 0], out)
        else:
            grey = self._reformat(
                frame,
                format="gray",
                interpolation=EXACT,
                dst_color_range=ColorRange.JPEG,
                threads=1,
            )
            out[:] = _plane(grey, 1)[..., 0]

    def _stretch(self, luma: UInt8[np.ndarray, "H W"], out: UInt8[np.ndarray, "H W"]) -> None:
        """Map 16..235 to 0..255: both steps saturate, no value lies halfway between two."""
        if self._scratch.shape != luma.shape:
            self._scratch = np.empty(luma.shape, np.uint8)
        cv2.subtract(luma, 16.0, dst=self._scratch)  # type: ignore[call-overload]
        if out.strides[1] == 1 and out.strides[0] > 0:  # OpenCV knows no mirrored rows
            cv2.convertScaleAbs(self._scratch, dst=out, alpha=255 / 219)
        else:
            out[:] = cv2.convertScaleAbs(self._scratch, alpha=255 / 219)


def _plane(frame: VideoFrame, channels: int) -> UInt8[np.ndarray, "H W C"]:
    """View the first plane of a frame without its padding."""
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    inside: np.ndarray = rows[: frame.height, : frame.width * channels]
    return inside.reshape(frame.height, frame.width, channels)
