"""Short films of doubtful events, with a picture before and one after each.

reads   tracks                         a file of gambol track, and its video
writes  out/01-frames-89-118.mp4       the clip of the first event of the queue, animals drawn
        out/01-before.jpg, 01-after.jpg   its last frame before the doubt and the first after it
"""

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from gambol.core.progress import Progress, silent
from gambol.core.video import Video
from gambol.io import store
from gambol.io.video.open import open_video
from gambol.stages import crowd, footage, movies_many

CHUNK = 16  # frames that are decoded together
QUALITY = 90  # of JPEG


class Clip(NamedTuple):
    """What shows an event."""

    film: Path
    before: Path
    after: Path


def write(
    tracks: Path,
    events: list[dict[str, Any]],
    out: Path,
    given: Path | None = None,
    progress: Progress = silent,
) -> list[Clip]:
    """Film events, numbered in their order.

    Args:
        tracks: the file.
        events: of its review queue; see `stages.events`.
        out: folder.
        given: the video, where it is not where it was.
        progress: hears of every piece of film.
    """
    head = crowd.header(tracks)
    source = given or footage.find_video(tracks, head.attrs)
    video = open_video(source)
    try:
        footage.check_length(tracks, head.frames, source, video)
        return [_one(tracks, event, out / f"{n:02d}", video, progress)
                for n, event in enumerate(events, start=1)]  # fmt: skip
    finally:
        video.close()


def _one(
    tracks: Path, event: dict[str, Any], stem: Path, video: Video, progress: Progress
) -> Clip:
    first, last = event["clip"]
    film = stem.with_name(f"{stem.name}-frames-{event['first']}-{event['last']}.mp4")
    chosen = np.arange(first, last + 1)
    movies_many.draw(movies_many.Drawing(), tracks, video, chosen, film, CHUNK, progress)
    made = open_video(film)
    try:
        pictures = made.read([event["first"] - first, event["last"] - first])
    finally:
        made.close()
    paths = [stem.with_name(f"{stem.name}-{when}.jpg") for when in ("before", "after")]
    for picture, path in zip(pictures, paths, strict=True):
        _, code = cv2.imencode(
            ".jpg",
            cv2.cvtColor(picture, cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, QUALITY],
        )
        store.write_bytes(code.tobytes(), path)
    return Clip(film, *paths)
