"""Clips as one picture: a tile a frame, centred on the animal, its head turned to the right."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from gambol.app.web.behavior_book import Course
from gambol.core.errors import InputError
from gambol.core.video import Video

COLUMNS = 8  # tiles beside one another
MOST = 48  # tiles
_AT_ONCE = 8  # frames that are held
_CALM_S = 0.2  # over which the centre is averaged
_QUALITY = 85


class Cut(NamedTuple):
    """What to show of a film."""

    frames: tuple[int, ...]
    side: float  # px of the film
    tile: int  # px of the picture
    centre: Float[np.ndarray, "N 2"]  # of the frames
    heading: float  # rad, of all


def plan(
    course: Course | None, first: int, last: int, at: int, side: float, tile: int, fps: float
) -> Cut:
    """Choose frames of a window and how they are turned.

    The camera goes with the animal and is turned as it heads in frame `at`, so that turns are
    seen as turns.

    Args:
        course: where the animal is; None: unknown, then the middle of the film is shown.
        first: frame of the window.
        last: its last one.
        at: the frame that says which way is right.
        side: px of the film that a tile shows.
        tile: px of it.
        fps: frames a second.
    """
    step = -(-(last - first + 1) // MOST)
    frames = np.arange(first, last + 1, step)
    if course is None:
        return Cut(tuple(frames.tolist()), side, tile, np.full((len(frames), 2), np.nan), 0.0)
    reach = max(int(_CALM_S * fps) // 2, 0)
    centre = np.full((len(frames), 2), np.nan)
    for n, frame in enumerate(frames.tolist()):
        near = course.centre[max(frame - reach, 0) : frame + reach + 1].astype(np.float64)
        seen = near[np.isfinite(near).all(axis=1)]
        if len(seen):
            centre[n] = seen.mean(axis=0)
    known = np.flatnonzero(np.isfinite(centre[:, 0]))
    if len(known):
        for axis in range(2):
            centre[:, axis] = np.interp(np.arange(len(frames)), known, centre[known, axis])
    heading = course.heading[first : last + 1].astype(np.float64)
    sure = np.flatnonzero(np.isfinite(heading))
    turn = float(heading[sure[np.abs(sure + first - at).argmin()]]) if len(sure) else 0.0
    return Cut(tuple(frames.tolist()), side, tile, centre, turn)


def film(cut: Cut) -> Callable[[Video], bytes]:
    """Return what makes the picture of an open film: JPEG, `COLUMNS` tiles in a row."""

    def make(video: Video) -> bytes:
        rows = -(-len(cut.frames) // COLUMNS)
        sheet = np.zeros((rows * cut.tile, COLUMNS * cut.tile, 3), np.uint8)
        for begin in range(0, len(cut.frames), _AT_ONCE):
            some = list(cut.frames[begin : begin + _AT_ONCE])
            for n, image in enumerate(video.read(some), begin):
                y, x = (part * cut.tile for part in divmod(n, COLUMNS))
                sheet[y : y + cut.tile, x : x + cut.tile] = turned(
                    image, cut.centre[n], cut.heading, cut.side, cut.tile
                )
        good, data = cv2.imencode(
            ".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
        )
        if not good:
            raise InputError(
                f"{len(cut.frames)} tiles of {cut.tile} px cannot be sent; ask for fewer"
            )
        return data.tobytes()

    return make


def turned(
    image: UInt8[np.ndarray, "H W C"],
    centre: Float[np.ndarray, " 2"],
    heading: float,
    side: float,
    tile: int,
) -> UInt8[np.ndarray, "S S 3"]:
    """Cut a square out of a picture, with a direction turned to the right; black outside."""
    if image.shape[2] == 1:
        image = np.repeat(image, 3, axis=2)
    middle = centre
    if not np.isfinite(centre).all():
        middle = (np.array([image.shape[1], image.shape[0]], np.float64) - 1) / 2
    scale, cos, sin = tile / side, np.cos(heading), np.sin(heading)
    turn = scale * np.array([[cos, sin], [-sin, cos]])
    move = (tile - 1) / 2 - turn @ middle
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.warpAffine(image, np.column_stack([turn, move]), (tile, tile), flags=flags)
