"""Which windows show a label, a place of the map or a region of it, and how they are turned."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64

from gambol.app.web.behavior_book import Book
from gambol.core.errors import InputError
from gambol.core.sequences import MISSING
from gambol.io.poses_frames import FramePoses

MOST = 12
_SHORT_S, _LONG_S = 0.3, 1.0  # at both sides of the middle of a window
_USUAL_S = 0.5
_SEED = 0  # of the order in which bouts are shown: the same whenever
_NEAR = 400  # frames of the map that are looked at first
_ROOM = 2.2  # of a body that a clip shows
_SIDE = 128.0  # px, where no poses say how large a body is


class Window(NamedTuple):
    """A stretch of one recording, and what in it is meant."""

    recording: int
    first: int
    last: int
    core: tuple[int, int]  # first and last frame


def of_label(book: Book, label: int, at: int) -> tuple[list[Window], int]:
    """Return a page of bouts of a label, and how many there are, in an order by chance."""
    bouts = book.bouts
    own = np.flatnonzero(bouts.label == label)
    if not len(own):
        return [], 0
    own = np.random.default_rng([_SEED, label]).permutation(own)
    length = float(np.median(bouts.stop[own] - bouts.start[own])) / book.fps
    half = _half(book, length / 2 + 0.2)
    windows = []
    for k in own[at : at + MOST].tolist():
        core = int(bouts.start[k]), int(bouts.stop[k]) - 1
        middle = min((core[0] + core[1]) // 2, core[0] + half)
        windows.append(_window(book, int(bouts.recording[k]), middle, half, core))
    return windows, len(own)


def at_place(book: Book, x: float, y: float) -> tuple[list[Window], int]:
    """Return windows around the frames nearest to a place of the map, the nearest first.

    Raises:
        InputError: the run is no map.
    """
    xy = _map(book)
    away = ((xy - np.array([x, y], np.float32)) ** 2).sum(axis=1)
    away[~np.isfinite(away)] = np.inf
    known = int(np.isfinite(away).sum())
    half = _half(book, _USUAL_S)
    n = _NEAR
    while True:
        n = min(n, known)
        near = np.argpartition(away, n - 1)[:n] if n else np.zeros(0, np.int64)
        windows = _apart(book, near[np.argsort(away[near], kind="stable")], half)
        if len(windows) == MOST or n == known:
            return windows, known
        n *= 16


def around(book: Book, corners: Float[np.ndarray, "C 2"]) -> tuple[list[Window], int]:
    """Return windows around frames inside an outline on the map, chosen by chance.

    Raises:
        InputError: the run is no map.
    """
    xy = _map(book)
    low, high = corners.min(axis=0), corners.max(axis=0)
    near = np.flatnonzero(((xy >= low) & (xy <= high)).all(axis=1))
    own = near[within(xy[near].astype(np.float64), corners)]
    order = np.random.default_rng(_SEED).permutation(own)
    return _apart(book, order, _half(book, _USUAL_S)), len(own)


def within(
    points: Float[np.ndarray, "N 2"], corners: Float[np.ndarray, "C 2"]
) -> Bool[np.ndarray, " N"]:
    """Tell which points lie inside an outline, by the even-odd rule.

    >>> square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    >>> within(np.array([[1.0, 1.0], [3.0, 1.0]]), square).tolist()
    [True, False]
    """
    inside = np.zeros(len(points), bool)
    x, y = points[:, 0], points[:, 1]
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (ay > y) != (by > y)
        if crosses.any():
            side = ax + (bx - ax) * (y[crosses] - ay) / (by - ay)
            inside[crosses] ^= x[crosses] < side
    return inside


def places(book: Book, window: Window) -> list[tuple[float, float, float] | None]:
    """Return centre and heading in every frame of a window; None: not known."""
    course = book.course(window.recording)
    if course is None:
        return [None] * (window.last - window.first + 1)
    part = slice(window.first, window.last + 1)
    table = np.column_stack([course.centre[part], course.heading[part]]).astype(np.float64)
    return [
        (round(x, 2), round(y, 2), round(h, 4)) if np.isfinite([x, y, h]).all() else None
        for x, y, h in table.tolist()
    ]


def body(windows: list[tuple[Path, str, Window]]) -> float:
    """Return px of the film that a clip shows, by the bodies in some windows.

    Args:
        windows: files of poses, the animal in each, and frames of it.
    """
    sizes = []
    for path, animal, window in windows:
        try:
            with FramePoses(path) as poses:
                stop = min(window.last + 1, poses.frames)
                who = poses.names.index(animal) if animal in poses.names else 0
                xy = poses.block(window.first, stop)[:, who, :, :2]
        except (InputError, IndexError):
            continue
        seen = np.isfinite(xy).all(axis=2).sum(axis=1) >= 2
        if seen.any():
            spread = np.nanmax(xy[seen], axis=1) - np.nanmin(xy[seen], axis=1)
            sizes.append(float(np.median(np.hypot(spread[:, 0], spread[:, 1]))))
    return _ROOM * float(np.median(sizes)) if sizes else _SIDE


def _map(book: Book) -> Float[np.ndarray, "T 2"]:
    found = book.embedding()
    if found is None:
        raise InputError(f"{book.found.folder} is no map; choose a label instead")
    return found.xy


def _half(book: Book, seconds: float) -> int:
    return max(int(min(max(seconds, _SHORT_S), _LONG_S) * book.fps), 1)


def _window(book: Book, r: int, middle: int, half: int, core: tuple[int, int]) -> Window:
    """Return a window of 2 half + 1 frames, moved inside of its recording."""
    last = min(max(middle + half, 2 * half), book.length(r) - 1)
    return Window(r, max(last - 2 * half, 0), last, core)


def _apart(book: Book, frames: Int64[np.ndarray, " N"], half: int) -> list[Window]:
    """Return windows around the first frames that lie half a window from all before them."""
    windows: list[Window] = []
    taken: dict[int, list[int]] = {}
    rows = np.searchsorted(book.labels.offsets, frames, "right") - 1
    for frame, r in zip(frames.tolist(), rows.tolist(), strict=True):
        own = frame - int(book.labels.offsets[r])
        if all(abs(own - other) > half for other in taken.get(r, [])):
            taken.setdefault(r, []).append(own)
            windows.append(_window(book, r, own, half, (own, own)))
            if len(windows) == MOST:
                break
    return windows


def label_of(book: Book, window: Window) -> int | None:
    """Return the label in the middle of what is meant."""
    found = book.label_at(window.recording, (window.core[0] + window.core[1]) // 2)
    return None if found == MISSING else found
