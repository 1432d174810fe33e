"""Small grey pictures of many frames, to compare how frames look."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from gambol.core.progress import Progress, Step
from gambol.core.video import Video
from gambol.io.video.damage import DamagedFrame
from gambol.io.video.open import open_video

SIDE = 32  # of the longer side
_CHUNK = 16  # frames read at once
_PART = 64  # frames of a video for which another decoder is worth its start
_DECODERS = 4  # at most; each holds a few frames


def make(
    video: np.ndarray, frame: np.ndarray, refs: list[str], progress: Progress
) -> np.ndarray:
    """Return pictures (F, H, W), all of the size that fits the first video.

    Args:
        video: which video, by place in `refs`, sorted.
        frame: which frame, sorted within a video.
        refs: of the videos.
        progress: hears how far it is.
    """
    if not len(frame):
        return np.zeros((0, 1, 1), np.float32)
    first = open_video(refs[int(video[0])], grey=True)
    size = _size(*first.size)
    first.close()
    out = np.zeros((len(frame), size[1], size[0]), np.float32)
    decoders = min(_DECODERS, os.cpu_count() or 1)
    parts = []
    for v in np.unique(video):
        rows = np.flatnonzero(video == v)
        n = max(1, min(decoders, len(rows) // _PART))
        parts += [(refs[int(v)], part) for part in np.array_split(rows, n)]
    done = 0
    with ThreadPoolExecutor(decoders) as pool:
        jobs = [pool.submit(_fill, out, ref, rows, frame[rows]) for ref, rows in parts]
        for (ref, rows), job in zip(parts, jobs, strict=True):
            job.result()
            done += len(rows)
            progress(Step("suggest", done, len(frame), Path(ref).name))
    return out


def _fill(out: np.ndarray, ref: str, rows: np.ndarray, frame: np.ndarray) -> None:
    """Read frames of one video and write them into their rows."""
    reader = open_video(ref, grey=True)
    size = out.shape[2], out.shape[1]
    try:
        for start in range(0, len(rows), _CHUNK):
            part = slice(start, start + _CHUNK)
            for row, image in zip(rows[part], _read(reader, frame[part].tolist()), strict=True):
                if image is not None:
                    out[row] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
                elif row > rows[0]:  # what cannot be read looks like nothing new
                    out[row] = out[row - 1]
    finally:
        reader.close()


def _read(reader: Video, frames: list[int]) -> Iterator[np.ndarray | None]:
    """Yield frames; None for those that are damaged."""
    try:
        yield from reader.read(frames)
    except DamagedFrame:
        for frame in frames:
            with suppress(DamagedFrame):
                yield reader.read([frame])[0]
                continue
            yield None


def _size(width: int, height: int) -> tuple[int, int]:
    scale = min(SIDE / max(width, height), 1.0)
    return max(round(width * scale), 1), max(round(height * scale), 1)
