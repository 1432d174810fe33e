"""How bright a rectangle of a video is, frame by frame: a lamp that tells the time."""

import re
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.io.video import open_video, read_ahead


def split(text: str) -> tuple[str, tuple[int, int, int, int]]:
    """Split VIDEO:x,y,w,h.

    >>> split("films/left.mp4:600,20,16,16")
    ('films/left.mp4', (600, 20, 16, 16))
    """
    found = re.fullmatch(r"(.+):(\d+),(\d+),(\d+),(\d+)", text)
    if found is None:
        raise InputError(f"{text} names no rectangle; write VIDEO:x,y,width,height in pixels")
    x, y, width, height = (int(number) for number in found.groups()[1:])
    return found.group(1), (x, y, width, height)


def read(
    video: str,
    rectangle: tuple[int, int, int, int],
    told: Callable[[int, int], None] | None = None,
) -> Float[np.ndarray, " T"]:
    """Return the mean grey level of a rectangle in every frame; NaN where none is readable.

    Args:
        video: as `open_video` takes it.
        rectangle: left, top, width and height, px.
        told: called with the frames read and their number.
    """
    x, y, width, height = rectangle
    film = open_video(video, grey=True)
    try:
        if min(width, height) < 1 or x + width > film.size[0] or y + height > film.size[1]:
            raise InputError(
                f"{video}: the rectangle {x},{y},{width},{height} is not inside its "
                f"{film.size[0]} x {film.size[1]} pixels"
            )
        out = np.full(len(film), np.nan)
        for chunk in read_ahead(film, range(len(film))):
            part = chunk.frames[:, y : y + height, x : x + width]
            mean = part.mean(axis=(1, 2, 3), dtype=np.float64)
            out[chunk.indices] = np.where(chunk.readable, mean, np.nan)
            if told is not None:
                told(int(chunk.indices[-1]) + 1, len(film))
    finally:
        film.close()
    return out
