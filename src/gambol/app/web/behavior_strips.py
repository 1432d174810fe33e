"""Clips as one picture: a tile a frame, centred on the animal, its head turned to the right."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from gambol.app.web.behavior_book import Course
from gambol.core import pixels
from gambol.core.errors import InputError
from gambol.core.video import Video
from gambol.io.video.container import FileVideo
from gambol.io.video.tiles import tile

COLUMNS = 8  # tiles beside one another
MOST = 48  # tiles
_CALM_S = 0.2  # over which the centre is averaged
_QUALITY = 85


class Cut(NamedTuple):
    """What to show of a film."""

    frames: tuple[int, ...]
    side: float  # px of the film
    tile: int  # px of the picture
    centre: Float[np.ndarray, "N 2"]  # of the frames
    heading: float  # rad, of all

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from others."""
        return self._replace(centre=self.centre.tobytes())  # type: ignore[arg-type]


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
        for n, frame in enumerate(cut.frames):
            y, x = (part * cut.tile for part in divmod(n, COLUMNS))
            sheet[y : y + cut.tile, x : x + cut.tile] = _tile(video, frame, cut, n)
        good, data = cv2.imencode(
            ".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
        )
        if not good:
            raise InputError(
                f"{len(cut.frames)} tiles of {cut.tile} px cannot be sent; ask for fewer"
            )
        return data.tobytes()

    return make


def _tile(video: Video, frame: int, cut: Cut, n: int) -> UInt8[np.ndarray, "S S 3"]:
    turn = turning(video.size, cut.centre[n], cut.heading, cut.side, cut.tile)
    if isinstance(video, FileVideo):
        return video.tile(frame, turn, cut.tile)
    image = video.read([frame])[0]
    return tile(image if image.shape[2] == 3 else np.repeat(image, 3, axis=2), turn, cut.tile)


def turning(
    size: tuple[int, int],
    centre: Float[np.ndarray, " 2"],
    heading: float,
    side: float,
    tile: int,
) -> Float[np.ndarray, "2 3"]:
    """Return what brings a pixel of a picture into its tile, with a direction to the right.

    Args:
        size: width and height of the picture, px.
        centre: middle of the tile, px of the picture; NaN: the middle of the picture.
        heading: direction that is right in the tile, rad.
        side: px of the picture that the tile shows.
        tile: px of it.
    """
    middle = centre if np.isfinite(centre).all() else pixels.centre(*size)
    linear = tile / side * pixels.rotation(-heading)
    return np.column_stack([linear, pixels.centre(tile, tile) - linear @ middle])
