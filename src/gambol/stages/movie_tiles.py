"""What movies of states, syllables, regions and behaviours share: tiles, rendered and written.

A tile is one animal around one onset: cut out of a video, with or without its skeleton, or the
skeleton alone, 2D or 3D. One video is open at a time and read once, its cut-outs are put aside
on disk, and pictures are written as they are put together: memory does not grow with anything.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gambol.io import store
from gambol.io.spool import Spool
from gambol.io.video import VideoWriter, open_video, read_ahead
from gambol.stages import syllable_files
from gambol.viz import grid_movie, pose_tiles
from gambol.viz.grid_movie import Clock, Course
from gambol.viz.pose_tiles import Stage, Window

SMOOTH = 30.0  # frames a second; more are dropped, as the eye does not miss them
CHUNK_BYTES = 4e6  # of decoded video that travel together


class Tile(NamedTuple):
    """What one tile shows, and what it is drawn from: a video, poses, or both."""

    course: Course
    side: float  # px of the video, or units of the poses, that it shows
    video: Path | None = None
    window: Window | None = None
    stage: Stage | None = None  # of 3D poses
    trail: bool = False  # whether keypoints leave lines behind


class Style(NamedTuple):
    """How tiles become a movie."""

    size: int  # px of a tile
    columns: int  # of tiles
    rate: float  # frames a second
    dim: float = grid_movie.DIM  # brightness of a tile whose behaviour is over


def rate(asked: float | None, fps: float) -> float:
    """Return the frames a second of movies: that of the labels, or a fraction of it."""
    return float(asked or fps / np.ceil(fps / SMOOTH - 1e-9))


def write(
    path: Path,
    tiles: Sequence[Tile],
    clock: Clock,
    style: Style,
    tick: Callable[[], None] = lambda: None,
) -> None:
    """Write a movie of tiles side by side; `tick` hears of every tile.

    Args:
        path: the movie.
        tiles: row by row.
        clock: its moments.
        style: sizes and rate.
        tick: called when a tile is ready.
    """
    courses = [tile.course for tile in tiles]
    wide = max(_width(tile, style.size) for tile in tiles)
    size = grid_movie.extent(len(tiles), style.size, style.columns, wide)
    with ExitStack() as stack:
        streams = []
        for tile in tiles:
            stream = _pictures(tile, style.size, clock.step, path.parent, stack)
            streams.append(_widened(stream, wide))
            tick()
        with VideoWriter(path, style.rate, size) as writer:
            for picture in grid_movie.pictures(
                courses, streams, clock, style.columns, style.dim
            ):
                writer.write(picture)


def times_of(path: Path) -> np.ndarray:
    """Return the times of a video's frames, s."""
    video = open_video(path)
    try:
        return video.times
    finally:
        video.close()


def size_of(path: Path) -> tuple[int, int]:
    """Return width and height of a video, px."""
    video = open_video(path)
    try:
        return video.size
    finally:
        video.close()


def unlike(path: Path, times: np.ndarray, frames: int, fps: float) -> str:
    """Say if a video does not last as long as its labels."""
    lasts = float(times[-1] - times[0]) * len(times) / max(len(times) - 1, 1)
    if len(times) == frames or abs(lasts - frames / fps) <= max(1.0, 0.01 * lasts):
        return ""
    return f"{path} lasts {lasts:.1f} s, its labels {frames / fps:.1f} s"


def moment(seconds: float) -> str:
    """Say where in a recording a tile begins: 75.26 is 1:15.2, as film players count."""
    tenths = int(10 * seconds + 1e-6)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def is_there(path: Path) -> bool:
    """Tell whether a movie and its table are."""
    return path.exists() and path.with_suffix(".csv").exists()


def emptied(out: Path, made: str) -> bool:
    """Delete what other settings or inputs made here; tell whether there was such."""
    if syllable_files.made_from(out) in (None, made):
        return False
    for name in store.read_json(out / "provenance.json").get("movies", []):
        (out / name).unlink(missing_ok=True)
        (out / name).with_suffix(".csv").unlink(missing_ok=True)
    (out / "settings.yaml").unlink(missing_ok=True)
    (out / "provenance.json").unlink()  # last: until then they can be found again
    return True


def frames(path: Path, numbers: Iterable[int]) -> Iterator[np.ndarray | None]:
    """Yield frames of a video in this order, None for those that cannot be read."""
    video = open_video(path)
    try:
        chunk = max(int(CHUNK_BYTES // (3 * video.size[0] * video.size[1])), 1)
        for piece in read_ahead(video, list(numbers), chunk, depth=1):
            for frame, readable in zip(piece.frames, piece.readable, strict=True):
                yield frame if readable else None
    finally:
        video.close()


def _pictures(
    tile: Tile, size: int, step: float, folder: Path, stack: ExitStack
) -> Iterable[np.ndarray]:
    """Return the pictures of a tile; those cut out of a video lie on disk until then."""
    course, window = tile.course, tile.window
    if tile.stage is not None and window is not None:
        return pose_tiles.solid(course, window, tile.stage, tile.side, size, step)
    if tile.video is not None:
        spool = stack.enter_context(Spool(folder))
        numbers = course.frames.tolist()
        for cut in grid_movie.crops(frames(tile.video, numbers), course, size, tile.side):
            spool.add(cut)
        return spool if window is None else pose_tiles.drawn(spool, course, window, tile.side)
    empty = pose_tiles.blank(size, len(course.frames))
    if window is None:
        return empty
    return pose_tiles.drawn(empty, course, window, tile.side, ground=True, trail=tile.trail)


def _width(tile: Tile, size: int) -> int:
    return pose_tiles.extent(size, None if tile.stage is None else tile.stage.views)[0]


def _widened(pictures: Iterable[np.ndarray], wide: int) -> Iterator[np.ndarray]:
    """Put pictures that are narrower than others in the middle of a tile of their width."""
    for picture in pictures:
        lacking = wide - picture.shape[1]
        if lacking:
            aside = ((0, 0), (lacking // 2, lacking - lacking // 2), (0, 0))
            picture = np.pad(picture, aside)
        yield picture
