"""Long recordings in parts: overlapping windows, and parts done side by side.

Windows overlap and each keeps its own middle, so that what it keeps had frames on both sides.
Parts are done by threads in numba's and numpy's own code and put together in order, so that the
result is the same for any number of threads.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

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


def cores() -> int:
    """Return how many parts to do side by side."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), 8)
    return min(os.cpu_count() or 1, 8)


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
