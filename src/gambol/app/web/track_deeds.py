"""A decision about identities, in the words of a person, as records of the log."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gambol.app.web import track_lanes
from gambol.app.web.answers import fail, missing
from gambol.app.web.models import TrackEdit
from gambol.app.web.track_book import Book
from gambol.core.errors import InputError, did_you_mean
from gambol.core.instances import UNTRACKED
from gambol.tracking import gaps

Record = dict[str, Any]


class Deed(NamedTuple):
    """What is written into the log, what it is called, and which frames it changes."""

    records: list[Record]
    action: str
    first: int
    last: int


def deed(book: Book, said: TrackEdit) -> Deed:
    """Say what an edit means for a recording as it is now.

    Raises:
        InputError: it names an animal, a frame or a fragment that there is not.
    """
    made = _DEEDS[said.do](book, said)
    records = [edit.model_dump(mode="json") for edit in book.parsed(made.records)]
    return made._replace(records=records)


def item(book: Book, index: int) -> str:
    """Return the stable name of an event of a recording."""
    return f"{book.solutions}.{index}"


def find(book: Book, name: str | None) -> int:
    """Return the event of a name.

    Raises:
        Fail: 404, there is none.
    """
    solutions, _, index = (name or "").partition(".")
    if solutions != str(book.solutions) or not index.isdecimal():
        raise missing(f"crossing {name!r} any more")
    if int(index) >= len(book.queue.events):
        raise missing(f"crossing {name!r}")
    return int(index)


def _swap(book: Book, said: TrackEdit) -> Deed:
    a, b = _animals(book, said, 2)
    first = (
        _frame(book, said) if said.item is None else _where(book, find(book, said.item), a, b)
    )
    last = said.last if said.last is not None else book.patches.until(first)
    end = book.base.frames - 1 if last is None else last
    if not first <= end < book.base.frames:
        raise InputError(f"a swap from frame {first} to {end} is none; give a later end")
    record = {"kind": "swap", "a": a, "b": b, "first": first, "last": last}
    both = " and ".join(book.names[i] for i in (a, b))
    return Deed([record], f"swap {both} from frame {first}", first, end)


def _where(book: Book, event: int, a: int, b: int) -> int:
    """Return the frame of a crossing from which two animals go on most smoothly exchanged."""
    first, last = int(book.queue.first[event]), int(book.queue.last[event])
    begin = max(first, last - _LONGEST)
    found = book.here(begin, last + 1)
    centre = np.nanmean(found.rows.points[:, :, :2], axis=1)
    paths = [(found.rows.frame[found.who == i], centre[found.who == i]) for i in (a, b)]
    best, frame = np.inf, last
    for at in range(last, begin, -1):
        crossed = _jump(paths[0], paths[1], at) + _jump(paths[1], paths[0], at)
        kept = _jump(paths[0], paths[0], at) + _jump(paths[1], paths[1], at)
        if crossed - kept < best:
            best, frame = crossed - kept, at
    return frame


_LONGEST = 300  # frames of a crossing that are looked at for the place of a swap
_Path = tuple[np.ndarray, np.ndarray]  # frames, places in px


def _jump(one: _Path, two: _Path, at: int) -> float:
    """Return px² a frame from the last place of one before `at` to the next of the other."""
    before, after = np.searchsorted(one[0], at) - 1, np.searchsorted(two[0], at)
    if before < 0 or after == len(two[0]):
        return 0.0
    way = two[1][after] - one[1][before]
    return float(np.nan_to_num(way @ way) / (two[0][after] - one[0][before]))


def _confirm(book: Book, said: TrackEdit) -> Deed:
    return _verdict(book, said, "confirm", "right")


def _unsure(book: Book, said: TrackEdit) -> Deed:
    return _verdict(book, said, "unsure", "not sure")


def _verdict(book: Book, said: TrackEdit, kind: str, word: str) -> Deed:
    index = find(book, said.item)
    first, last = int(book.queue.first[index]), int(book.queue.last[index])
    animals = [a for a in book.queue.animals[index].tolist() if a >= 0]
    record = {"kind": kind, "animals": animals, "first": first, "last": last}
    return Deed([record], f"{word}: crossing at frame {first}", first, last)


def _pin(book: Book, said: TrackEdit) -> Deed:
    frame = _frame(book, said)
    held = frame not in book.patches.pins
    record = {"kind": "pin", "frame": frame, "held": held}
    return Deed([record], f"{'pin' if held else 'unpin'} frame {frame}", frame, frame)


def _rename(book: Book, said: TrackEdit) -> Deed:
    (animal,) = _animals(book, said, 1)
    name = " ".join((said.name or "").split())
    if not name or name in book.names:
        raise InputError(f"an animal cannot be called {name!r}; choose a name nobody has")
    record = {"kind": "rename", "animal": animal, "name": name}
    return Deed([record], f"rename {book.names[animal]} to {name}", 0, book.base.frames - 1)


def _assign(book: Book, said: TrackEdit) -> Deed:
    """Give a fragment, or the stretch of another animal, to an animal."""
    if len(said.animals) == 2:
        was, animal = _animals(book, said, 2)
        first, last = _stretch(book, was, _frame(book, said))
        row = book.row_of(was, first)
        record = {
            "kind": "assign", "row": row, "was": was, "animal": animal,
            "first": first, "last": last,
        }  # fmt: skip
        return Deed([record], f"{book.names[was]} is {book.names[animal]}", first, last)
    (animal,) = _animals(book, said, 1)
    rows = book.fragment(_loose(book, said))
    return _named(book, rows, animal, f"fragment is {book.names[animal]}")


def _named(book: Book, rows: np.ndarray, animal: int, action: str) -> Deed:
    frames = book.base.where(rows)[0]
    first, last = int(frames[0]), int(frames[-1])
    record = {
        "kind": "name", "rows": rows.tolist(), "animal": animal, "first": first, "last": last,
    }  # fmt: skip
    return Deed([record], action, first, last)


def _cut(book: Book, said: TrackEdit) -> Deed:
    """From here to the next gap or pin the animal is nobody, until somebody says who."""
    (animal,) = _animals(book, said, 1)
    frame = _frame(book, said)
    row = book.row_of(animal, frame)
    _, last = _stretch(book, animal, frame)
    if row is None or frame > last:
        raise InputError(f"{book.names[animal]} is not seen in frame {frame}; go where it is")
    until = book.patches.until(frame)
    last = last if until is None else min(last, until)
    records: list[Record] = [
        {"kind": "cut", "row": row},
        {"kind": "untrack", "animal": animal, "first": frame, "last": last},
    ]
    return Deed(records, f"cut {book.names[animal]} at frame {frame}", frame, last)


def _join(book: Book, said: TrackEdit) -> Deed:
    """Go on with the nearest detection after the end of this stretch of an animal."""
    (a,) = _animals(book, said, 1)
    _, end = _stretch(book, a, _frame(book, said))
    row = book.row_of(a, end, way=-1)
    other = None if row is None else _next(book, a, row, end)
    if row is None or other is None:
        raise InputError(
            f"nobody begins within {REACH_S:.0f} s after {book.names[a]} ends in frame {end}; "
            "assign a fragment instead"
        )
    b = int(book.patches.now(np.array([other]))[0])
    if b == UNTRACKED:
        return _named(book, book.fragment(other), a, f"join {book.names[a]} with a fragment")
    first = int(book.base.where(np.array([other]))[0][0])
    record = {"kind": "join", "row": row, "other": other, "a": a, "b": b, "first": first}
    action = f"join {book.names[a]} with {book.names[b]} from frame {first}"
    return Deed([record], action, first, book.base.frames - 1)


REACH_S = 10.0  # after which nobody is looked for


def _next(book: Book, animal: int, row: int, end: int) -> int | None:
    """Return the detection nearest in place that begins soonest after a frame.

    Who was there already, in the frame where the animal was last seen, does not begin.
    """
    base = book.base
    stop = min(end + 2 + round(REACH_S * base.fps), base.frames)
    found = book.here(end, stop)
    centre = np.nanmean(found.rows.points[:, :, :2], axis=1)
    old = set(found.who[found.rows.frame == end].tolist()) - {UNTRACKED}
    fresh = (found.rows.frame > end) & ~np.isin(found.who, [*old, animal, -2])
    raws = base.raw[found.rows.row]
    going = raws[(found.rows.frame == end) & (found.who == UNTRACKED)]
    fresh &= ~((found.who == UNTRACKED) & np.isin(raws, going) & (raws >= 0))
    if not fresh.any():
        return None
    soonest = found.rows.frame[fresh].min()
    place = np.flatnonzero(fresh & (found.rows.frame == soonest))
    mine = centre[found.rows.row == row]
    away = np.linalg.norm(centre[place] - mine, axis=-1) if len(mine) else np.zeros(len(place))
    return int(found.rows.row[place[np.argmin(np.nan_to_num(away, nan=np.inf))]])


def _delete(book: Book, said: TrackEdit) -> Deed:
    if said.animals:
        (animal,) = _animals(book, said, 1)
        first, last = _stretch(book, animal, _frame(book, said))
        record = {"kind": "delete", "animal": animal, "first": first, "last": last}
        return Deed([record], f"{book.names[animal]}: no animal", first, last)
    rows = book.fragment(_loose(book, said))
    return _named(book, rows, UNTRACKED, "fragment: no animal")


def _interpolate(book: Book, said: TrackEdit) -> Deed:
    return _gap(book, said, "interpolate", "interpolate")


def _leave(book: Book, said: TrackEdit) -> Deed:
    return _gap(book, said, "leave", "leave the gap of")


def _gap(book: Book, said: TrackEdit, kind: str, word: str) -> Deed:
    (animal,) = _animals(book, said, 1)
    frame, name, end = _frame(book, said), book.names[animal], book.base.frames
    found = track_lanes.gap(book.base, book.patches, animal, frame)
    if found is None:
        raise InputError(f"{name} is seen in frame {frame}; go into the gap")
    first, last = found
    if kind == "interpolate" and (first < 0 or last == end):
        raise InputError(
            f"{name} is not seen {'before' if first < 0 else 'after'} frame {frame}; a line "
            "needs both its ends"
        )
    if kind == "interpolate" and last - first >= gaps.LONGEST:
        raise InputError(
            f"{name} is away for {last - first + 1} frames, more than the {gaps.LONGEST} that "
            "are interpolated; leave the gap"
        )
    first, last = max(first, 0), min(last, end - 1)
    record = {"kind": kind, "animal": animal, "first": first, "last": last}
    return Deed([record], f"{word} {name}", first, last)


def _animals(book: Book, said: TrackEdit, n: int) -> list[int]:
    names = book.names
    if len(said.animals) != n or len(set(said.animals)) != n:
        animals = "one animal" if n == 1 else f"{n} different animals"
        raise InputError(f"{said.do} is about {animals}; choose them")
    for name in said.animals:
        if name not in names:
            hint = did_you_mean(name, names) or f"; there are {', '.join(names)}"
            raise InputError(f"no animal {name!r}{hint}")
    return [names.index(name) for name in said.animals]


def _frame(book: Book, said: TrackEdit) -> int:
    if said.frame is None or not 0 <= said.frame < book.base.frames:
        raise InputError(
            f"{said.do} needs a frame from 0 to {book.base.frames - 1}, not {said.frame}"
        )
    return said.frame


def _stretch(book: Book, animal: int, frame: int) -> tuple[int, int]:
    found = track_lanes.stretch(book.base, book.patches, animal, frame)
    if found is None:
        raise InputError(
            f"{book.names[animal]} is not seen around frame {frame}; go where it is"
        )
    return found


def _loose(book: Book, said: TrackEdit) -> int:
    """Return a detection that is nobody: the one that is named, or the nearest to a place."""
    if said.row is not None:
        inside = 0 <= said.row < len(book.base.animal)
        if inside and book.patches.now(np.array([said.row]))[0] == UNTRACKED:
            return said.row
        raise fail(409, "conflict", "this fragment is somebody now", "reload the page")
    frame = _frame(book, said)
    found = book.here(frame, frame + 1)
    free = np.flatnonzero(found.who == UNTRACKED)
    if not len(free) or said.x is None or said.y is None:
        raise InputError(f"frame {frame} has no fragment there; choose one")
    away = np.linalg.norm(found.rows.points[free, :, :2] - (said.x, said.y), axis=-1)
    nearest = np.nanmin(np.nan_to_num(away, nan=np.inf), axis=1)
    return int(found.rows.row[free[np.argmin(nearest)]])


_DEEDS: dict[str, Callable[[Book, TrackEdit], Deed]] = {
    "swap": _swap, "confirm": _confirm, "unsure": _unsure, "pin": _pin, "rename": _rename,
    "assign": _assign, "cut": _cut, "join": _join, "delete": _delete,
    "interpolate": _interpolate, "leave": _leave,
}  # fmt: skip
