"""The log of edits compiled: who an animal of the automatic tracks is now, frame by frame.

Instead of renaming millions of detections at every edit, the recording is cut into stretches in
each of which every automatic animal has one name. A lookup is a binary search over the
stretches, and an edit changes at most all of them. Applied to the automatic tracks the result
is that of `edits.apply`.
"""

from collections.abc import Callable, Iterable
from copy import copy

import numpy as np
from jaxtyping import Bool, Int

from gambol.core.instances import UNTRACKED
from gambol.tracking import edits as log
from gambol.tracking import gaps

DISMISSED = -2  # a person said that it is no animal; in files it is untracked as well

Lookup = Callable[[Int[np.ndarray, " R"]], tuple[np.ndarray, np.ndarray]]


class Patches:
    """What a log makes of automatic tracks of N animals.

    Attributes:
        starts: first frame of each of S stretches, ascending from 0.
        names: (S, N) who each automatic animal is there: an animal, UNTRACKED or DISMISSED.
        said: (S, N) whether a person said so, so that it is certain.
        rows: single detections that were named, ascending; with their `frames` and who they
            are, `who`. What `names` says of them does not count.
        pins: frames in which everybody was found to be right, ascending.
        gaps: decisions about gaps, of the animals as they are called now.
    """

    def __init__(self, n_animals: int, lookup: Lookup) -> None:
        """Begin with no edit.

        Args:
            n_animals: N.
            lookup: frames and automatic animals of detections.
        """
        self._lookup = lookup
        self.n_animals = n_animals
        self.starts: Int[np.ndarray, " S"] = np.zeros(1, np.int64)
        self.names: Int[np.ndarray, "S N"] = np.arange(n_animals)[None]
        self.said: Bool[np.ndarray, "S N"] = np.zeros((1, n_animals), bool)
        self.rows, self.frames, self.who = (np.zeros(0, np.int64) for _ in range(3))
        self.pins: list[int] = []
        self.gaps: tuple[log.Gap, ...] = ()

    def take(self, edits: Iterable[log.Edit]) -> None:
        """Apply edits, in their order."""
        for edit in edits:
            self._take(edit)

    def copy(self) -> "Patches":
        """Return the same state, which later edits of this one do not reach."""
        other = copy(self)
        for name in ("starts", "names", "said", "rows", "frames", "who", "pins"):
            setattr(other, name, getattr(self, name).copy())
        return other

    def now(self, rows: Int[np.ndarray, " R"]) -> Int[np.ndarray, " R"]:
        """Return who detections are."""
        frames, animals = self._lookup(rows)
        stretch = np.searchsorted(self.starts, frames, "right") - 1
        known = np.where(animals >= 0, self.names[stretch, animals], UNTRACKED)
        if len(self.rows):
            place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
            known = np.where(self.rows[place] == rows, self.who[place], known)
        return known

    def until(self, frame: int) -> int | None:
        """Return the last frame that a swap from a frame on reaches; None: the end."""
        later = [pin for pin in self.pins if pin > frame]
        return later[0] - 1 if later else None

    def _take(self, edit: log.Edit) -> None:
        self.gaps = gaps.after(self.gaps, edit)
        if isinstance(edit, log.Swap):
            self._exchange(edit.a, edit.b, edit.first, edit.last)
        elif isinstance(edit, log.Join):
            self._exchange(edit.a, edit.b, edit.first, None)
        elif isinstance(edit, log.Remove):
            to = DISMISSED if edit.kind == "delete" else UNTRACKED
            self._become({edit.animal: to}, edit.first, edit.last)
        elif isinstance(edit, log.Name):
            self._name(np.array(edit.rows), edit.animal, (edit.first, edit.last))
        elif isinstance(edit, log.Assign) and edit.was == UNTRACKED:
            self._name(np.array([edit.row]), edit.animal)
        elif isinstance(edit, log.Assign):
            self._exchange(edit.was, edit.animal, edit.first, edit.last)
            part = self._stretches(edit.first, edit.last)
            self.said[part] |= self.names[part] == edit.animal
        elif isinstance(edit, log.Confirm):
            part = self._stretches(edit.first, edit.last)
            self.said[part] |= np.isin(self.names[part], edit.animals)
        elif isinstance(edit, log.Pin):
            others = [pin for pin in self.pins if pin != edit.frame]
            self.pins = sorted([*others, edit.frame]) if edit.held else others

    def _exchange(self, a: int, b: int, first: int, last: int | None) -> None:
        self._become({a: b, b: a}, first, last)

    def _become(self, new: dict[int, int], first: int, last: int | None) -> None:
        """Rename animals in a stretch of frames, all at once."""
        table = np.arange(-2, self.n_animals)
        for old, name in new.items():
            table[old + 2] = name
        part = self._stretches(first, last)
        self.names[part] = table[self.names[part] + 2]
        end = None if last is None else np.searchsorted(self.frames, last, "right")
        some = slice(np.searchsorted(self.frames, first), end)
        self.who[some] = table[self.who[some] + 2]

    def _name(
        self, rows: Int[np.ndarray, " R"], animal: int, span: tuple[int, int] | None = None
    ) -> None:
        rows = np.unique(rows)
        frames, base = self._lookup(rows)
        if animal >= 0:
            begin, end = span or (int(frames[0]), int(frames[-1]))
            self._become({animal: UNTRACKED}, begin, end)
        for one in np.unique(base[base >= 0]):
            # what the automatic tracks said of these very detections counts no more
            for begin, end in _runs(frames[base == one]):
                part = self._stretches(begin, end)
                self.names[part, one] = UNTRACKED
        others = ~np.isin(self.rows, rows)
        to = np.full(len(rows), animal if animal >= 0 else DISMISSED)
        all_rows = np.concatenate([self.rows[others], rows])
        order = np.argsort(all_rows)
        self.rows = all_rows[order]
        self.frames = np.concatenate([self.frames[others], frames])[order]
        self.who = np.concatenate([self.who[others], to])[order]

    def _stretches(self, first: int, last: int | None) -> slice:
        """Cut where needed and return the stretches of these frames."""
        begin = self._cut(first)
        end = len(self.starts) if last is None else self._cut(last + 1)
        return slice(begin, end)

    def _cut(self, frame: int) -> int:
        place = int(np.searchsorted(self.starts, frame))
        if place == len(self.starts) or self.starts[place] != frame:
            self.starts = np.insert(self.starts, place, frame)
            self.names = np.insert(self.names, place, self.names[place - 1], axis=0)
            self.said = np.insert(self.said, place, self.said[place - 1], axis=0)
        return place


def _runs(frames: Int[np.ndarray, " F"]) -> list[tuple[int, int]]:
    """Return stretches of frames that follow one another: first and last.

    >>> _runs(np.array([3, 4, 4, 5, 9]))
    [(3, 5), (9, 9)]
    """
    if not len(frames):
        return []
    breaks = np.flatnonzero(np.diff(frames) > 1)
    firsts, lasts = frames[np.r_[0, breaks + 1]], frames[np.r_[breaks, len(frames) - 1]]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
