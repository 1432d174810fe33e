"""Labelled frames: decoded once, kept losslessly, handed out in the order of the labels."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from jaxtyping import Int, UInt8

from gambol.core.errors import InputError
from gambol.core.labels import Labels
from gambol.core.video import Video
from gambol.io import store
from gambol.io.video.damage import DamagedFrame
from gambol.io.video.images import ImageVideo
from gambol.io.video.open import fingerprint, open_video
from gambol.io.video.table import cache_folder

_VERSION = 1  # part of the cache key: frames decoded by other rules are not found
_MEMINFO = Path("/proc/meminfo")  # of Linux

Image = UInt8[np.ndarray, "H W C"]


def labelled(labels: Labels, grey: bool) -> Iterator[Image]:
    """Yield the frame of every row, in the order of the rows.

    Frames of films are kept as PNG files in the cache, keyed by the content of the film, so
    that no later run seeks for them again.
    """
    return at(labels.videos, labels.pairs, grey)


def at(videos: tuple[str, ...], pairs: Int[np.ndarray, "F 2"], grey: bool) -> Iterator[Image]:
    """Yield frames by video (an index) and number, kept as `labelled` keeps them."""
    readers: dict[int, Callable[[int], Image]] = {}
    for video, frame in pairs.tolist():
        if video not in readers:
            readers[video] = _reader(videos[video], grey)
        yield readers[video](frame)


def keep(images: Iterator[Image]) -> list[Image]:
    """Hold images in memory while they fit a quarter of what is free, the rest on disk."""
    room = free_memory() // 4
    kept: list[Image] = []
    with ExitStack() as stack:
        scratch: IO[bytes] | None = None
        for image in images:
            room -= image.nbytes
            if room >= 0:
                kept.append(image)
                continue
            # the maps outlive the file's name and handle
            scratch = scratch or stack.enter_context(tempfile.TemporaryFile())
            start = scratch.seek(0, os.SEEK_END)
            scratch.write(image.tobytes())
            scratch.flush()
            kept.append(np.memmap(scratch, np.uint8, "r", start, image.shape))
    return kept


def free_memory() -> int:
    """Return bytes of memory that are free now; 4 GiB where the system does not say."""
    told = told_memory()
    return 4 << 30 if told is None else told


def told_memory() -> int | None:
    """Return bytes of memory that the system says are free; None where it does not say."""
    if not _MEMINFO.exists():
        return None
    lines = _MEMINFO.read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["MemAvailable"].split()[0]) * 1024


def _reader(ref: str, grey: bool) -> Callable[[int], Image]:
    """Return what reads one frame of a video; images may differ in size."""
    video = open_video(ref, grey=grey)
    if isinstance(video, ImageVideo):
        return _checked(ref, video, video.read_one)
    kind = f"{'grey' if grey else 'rgb'}-{_VERSION}"
    folder = cache_folder() / "labelled" / f"{fingerprint(ref)[:24]}-{kind}"

    def read(index: int) -> Image:
        path = folder / f"{index}.png"
        if path.exists() and (image := _load(path)) is not None:
            return image
        image = video.read([index])[0]
        _save(image, path)
        return image

    return _checked(ref, video, read)


def _checked(ref: str, video: Video, read: Callable[[int], Image]) -> Callable[[int], Image]:
    """Refuse frames that the video does not have, and name those that are damaged."""

    def checked(index: int) -> Image:
        if not 0 <= index < len(video):
            raise InputError(
                f"{ref} has {len(video)} frames, but frame {index} is labelled; "
                "give the video that was labelled or remove the label"
            )
        try:
            return read(index)
        except DamagedFrame as error:
            raise InputError(f"{ref}: labelled frame {index} is damaged; {error}") from error

    return checked


def _load(path: Path) -> Image | None:
    """Read a kept frame; None if it is broken."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        return None
    return image[..., None] if image.ndim == 2 else image[..., ::-1].copy()


def _save(image: Image, path: Path) -> None:
    done, code = cv2.imencode(".png", image[..., ::-1] if image.shape[-1] == 3 else image)
    if done:
        store.write_bytes(code.tobytes(), path)
