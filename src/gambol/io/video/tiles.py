"""Small pictures cut out of decoded frames, turned and scaled; the rest is never converted.

To make a whole frame RGB costs more than to decode it. Here the planes of the file are cut,
shrunk and turned, and only what is left of them becomes RGB. Where a picture is shrunk to less
than half, pixels are averaged first, so that fine structure does not flicker.
"""

from typing import Final

import cv2
import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import Float, UInt8

from gambol.core import pixels
from gambol.io.video.convert import EXACT, Orientation

_HALVED: Final = frozenset({"yuv420p", "yuvj420p"})  # chroma in planes of half the size


def tile(
    image: UInt8[np.ndarray, "H W *C"],
    turn: Float[np.ndarray, "2 3"],
    side: int,
    outside: int = 0,
) -> UInt8[np.ndarray, "S S *C"]:
    """Cut a square out of a picture.

    Args:
        image: whole.
        turn: pixel (x, y, 1) of the picture → pixel of the square.
        side: px of the square.
        outside: value where the picture ends.
    """
    scale = float(np.sqrt(abs(np.linalg.det(turn[:, :2]))))
    x0, y0, x1, y1 = _box(turn, side, image.shape[1], image.shape[0])
    part = np.ascontiguousarray(image[y0:y1, x0:x1])
    if not part.size:
        return np.full((side, side, *image.shape[2:]), outside, np.uint8)
    moved = pixels.compose(pixels.crop(-x0, -y0), turn)
    less = int(1 / max(scale, 1e-6))
    if less > 1 and min(part.shape[:2]) >= less:
        height, width = (n - n % less for n in part.shape[:2])
        part = cv2.resize(
            part[:height, :width], (width // less, height // less),
            interpolation=cv2.INTER_AREA,
        )  # fmt: skip
        moved = pixels.compose(pixels.resize(less), moved)
    return np.asarray(
        cv2.warpAffine(part, moved, (side, side), borderValue=(outside,) * 3), np.uint8
    )


def tile_of(
    frame: VideoFrame,
    orientation: Orientation,
    turn: Float[np.ndarray, "2 3"],
    side: int,
) -> UInt8[np.ndarray, "S S 3"] | None:
    """Cut a square out of a decoded frame; None: its planes are of another kind.

    Args:
        frame: as decoded.
        orientation: how it is turned for display.
        turn: pixel (x, y, 1) of the displayed picture → pixel of the square.
        side: px of the square.
    """
    if frame.format.name not in _HALVED:
        return None
    stored = pixels.compose(_shown(orientation, frame.width, frame.height), turn)
    half = pixels.compose(pixels.resize(2), stored)
    planes = [np.frombuffer(p, np.uint8).reshape(-1, p.line_size)[: p.height, : p.width]  # type: ignore[call-overload]
              for p in frame.planes]  # fmt: skip
    black = 0 if frame.format.name == "yuvj420p" or frame.color_range == 2 else 16
    small = np.stack(
        [tile(planes[0], stored, side, black), tile(planes[1], half, side, 128),
         tile(planes[2], half, side, 128)]
    )  # fmt: skip
    made = VideoFrame.from_ndarray(small, "yuv444p")
    made.colorspace = frame.colorspace
    made.color_range = 2 if black == 0 else frame.color_range
    return made.reformat(format="rgb24", interpolation=EXACT, threads=1).to_ndarray()


def _shown(orientation: Orientation, width: int, height: int) -> Float[np.ndarray, "2 3"]:
    """Return what makes a pixel of the stored picture one of the displayed picture."""
    swap, mirror_x, mirror_y = orientation
    wide, tall = (height, width) if swap else (width, height)
    exchange = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    upside = pixels.compose(exchange, pixels.flip(tall), exchange)
    return pixels.compose(
        exchange if swap else pixels.identity(),
        pixels.flip(wide) if mirror_x else pixels.identity(),
        upside if mirror_y else pixels.identity(),
    )


def _box(
    turn: Float[np.ndarray, "2 3"], side: int, width: int, height: int
) -> tuple[int, int, int, int]:
    """Return which part of a picture a square shows, with a margin."""
    corners = np.array([[-1, -1], [side, -1], [-1, side], [side, side]], np.float64)
    at = (corners - turn[:, 2]) @ np.linalg.inv(turn[:, :2]).T
    low, high = np.floor(at.min(axis=0)) - 1, np.ceil(at.max(axis=0)) + 2
    x0, y0 = (int(v) for v in np.clip(low, 0, (width, height)))
    x1, y1 = (int(v) for v in np.clip(high, 0, (width, height)))
    return x0, y0, x1, y1
