"""Long recordings in parts: overlapping windows, and parts done side by side.

Windows overlap and each keeps its own middle, so that what it keeps had frames on both sides.
Parts are done by threads in numba's and numpy's own code and put together in order, so that the
result is the same for any number of threads.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Bool, Int

from gambol.core.cores import usable_cores

Job = TypeVar("Job")
Done = TypeVar("Done")


class Window(NamedTuple):
    """Frames first <= t < last are solved, begin <= t < end of them kept."""

    first: int
    last: int
    begin: int
    end: int


def cut(frames: int, size: int, overlap: int) -> list[Window]:
    """Return windows of `size` kept frames, with `overlap` more on each side.

    >>> cut(10, 4, 1)
    [Window(first=0, last=5, begin=0, end=4), Window(first=3, last=10, begin=4, end=10)]
    """
    starts = list(range(0, max(frames - size // 2, 1), size))
    ends = [*starts[1:], frames]
    return [
        Window(max(begin - overlap, 0), min(end + overlap, frames), begin, end)
        for begin, end in zip(starts, ends, strict=True)
    ]


def spread(frames: int, most: int, places: int = 25, least: int = 100) -> list[tuple[int, int]]:
    """Return stretches (first, last) of at most so many frames in all, evenly spread.

    Args:
        frames: of the recording.
        most: all of them, where there are no more.
        places: how many stretches, an odd number, so that one is in the middle.
        least: frames of a stretch; fewer would show no movement, so there are fewer places.

    >>> spread(1000, 300), spread(200, 300)
    ([(0, 100), (450, 550), (900, 1000)], [(0, 200)])
    """
    if frames <= most:
        return [(0, frames)]
    count = max(min(places, most // least), 1)
    count -= count % 2 == 0
    size = most // count
    spare = frames - size
    if count == 1:
        return [(spare // 2, spare // 2 + size)]
    starts = [round(spare * k / (count - 1)) for k in range(count)]
    return [(start, start + size) for start in starts]


def around(
    seen: Callable[[int, int], Bool[np.ndarray, "F J"]],
    part: Window,
    *,
    overlap: int,
    multiple: int = 1,
) -> Int[np.ndarray, " E"]:
    """Return the frames that a part of a recording is solved with.

    On each side those next to it, and of every keypoint the nearest that show it: what lies
    beyond a gap tells where the gap leads. Frames that are passed over are empty for it, and
    time tells how many they were.

    Args:
        seen: of frames first <= t < last, which keypoints they show.
        part: kept frames; those of `first` to `last` are looked at.
        overlap: frames on each side; as many show each keypoint.
        multiple: the number of frames on each side is one of this, so that windows of this size
            are cut at the same frames as without parts.
    """
    before = seen(part.first, part.begin)[::-1]
    after = seen(part.end, part.last)
    early, late = (_nearest(side, overlap, multiple) for side in (before, after))
    middle = np.arange(part.begin, part.end)
    return np.concatenate([part.begin - 1 - early[::-1], middle, part.end + late])


def _nearest(seen: Bool[np.ndarray, "F J"], count: int, multiple: int) -> Int[np.ndarray, " E"]:
    """The first rows, and those in which a column is true for at most the count-th time."""
    needed = np.any(seen & (np.cumsum(seen, axis=0) <= count), axis=1)
    needed[:count] = True
    more = -int(needed.sum()) % multiple
    needed[np.flatnonzero(~needed)[:more]] = True
    return np.flatnonzero(needed)


def cores() -> int:
    """Return how many parts to do side by side."""
    return usable_cores(8)


def side_by_side(
    work: Callable[[Job], Done], jobs: Iterable[Job], workers: int = 0
) -> Iterable[Done]:
    """Do all jobs and give their results in order; 0 workers: one a core."""
    workers = workers or cores()
    if workers == 1:
        yield from map(work, jobs)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(work, jobs)
