"""Shards of predictions: which there are, and who does which.

A shard is a fixed number of frames, so that results depend neither on where a run was
interrupted nor on how many did it.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from gambol.core.errors import InputError
from gambol.core.shares import Share
from gambol.io import poses as io_poses
from gambol.io.video.open import open_video, split_ref

SHARD = 256  # frames


def many(total: int) -> int:
    """Return how many shards so many frames make."""
    return -(-total // SHARD)


def frames(number: int, total: int) -> range:
    """Return the frames of a shard."""
    return range(number * SHARD, min((number + 1) * SHARD, total))


def targets(videos: list[Path], out: Path, suffix: str) -> list[Path]:
    """Return the files that predictions of videos become."""
    names = [str(split_ref(video)[0].stem) for video in videos]
    files = [name.casefold() for name in names]  # some systems do not tell capitals
    for name in names:
        if files.count(name.casefold()) > 1:
            raise InputError(
                f"two videos are named {name}; predict them into two --out folders"
            )
    return [out / f"{name}{suffix}" for name in names]


def count(path: Path, grey: bool) -> int:
    """Number of shards of a video."""
    video = open_video(path, grey=grey)
    video.close()
    return many(len(video))


def parts(counts: list[int], share: Share | None) -> list[range | None]:
    """Return which shards of each video a share holds; None: all, and they are joined.

    A video that one share holds as a whole is joined by that.
    """
    if share is None:
        return [None] * len(counts)
    mine, ends = share.stretch(sum(counts)), np.cumsum(counts).tolist()
    found = [
        range(max(mine.start - end + n, 0), max(min(mine.stop - end + n, n), 0))
        for n, end in zip(counts, ends, strict=True)
    ]
    whole = [0 < len(part) == n for part, n in zip(found, counts, strict=True)]
    return [None if all_of else part for part, all_of in zip(found, whole, strict=True)]


def tally(videos: list[Path], out: Path) -> Callable[[], tuple[int, int]]:
    """Return what counts the shards that are finished, and all of them."""
    counts = [count(video, grey=True) for video in videos]
    names = [target.name for target in targets(videos, out, "")]

    def done(name: str, count: int) -> int:
        for target in (out / f"{name}.nc", out / f"{name}.detections.nc"):
            shards = io_poses.shards_of(target)
            if shards.is_dir():
                return min(len(io_poses.finished(shards)), count)
            if target.exists():
                return count
        return 0

    def look() -> tuple[int, int]:
        return sum(map(done, names, counts)), sum(counts)

    return look
