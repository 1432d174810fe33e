"""The queue of doubtful crossings under a log of edits, for thousands of events at once.

What is settled, and who the animals of the others are called, is what `stages.replay` says.
"""

from copy import copy

import numpy as np
from jaxtyping import Bool, Int

from gambol.tracking import edits as log
from gambol.tracking.review import Event

OPEN, RIGHT, SWAPPED, UNSURE = range(4)
NOBODY = -9  # fills rows of events with fewer animals
BANDS = (0.0, 0.5, 0.7, 0.9, 0.99, 1.0)
ENOUGH = 20  # reviews before bands say anything


class EventQueue:
    """Events in the order of tracking, and what has become of them."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        most = max((len(e.animals) for e in events), default=1)
        self.first = np.array([e.first for e in events], np.int64)
        self.last = np.array([e.last for e in events], np.int64)
        self.confidence = np.array([e.confidence for e in events])
        self.harm = (1 - self.confidence) * np.array([e.affected for e in events], np.int64)
        self.animals = _padded([e.animals for e in events], most)
        self.instead = _padded([e.instead for e in events], most)
        self.verdict = np.zeros(len(events), np.int64)

    def copy(self) -> "EventQueue":
        """Return the same state, which later edits of this one do not reach."""
        other = copy(self)
        for name in ("animals", "instead", "verdict"):
            setattr(other, name, getattr(self, name).copy())
        return other

    def take(self, edit: log.Edit) -> None:
        """Settle events, mark them, rename their animals."""
        open_ = (self.verdict == OPEN) | (self.verdict == UNSURE)
        if isinstance(edit, log.Confirm):
            inside = (edit.first <= self.first) & (self.last <= edit.last)
            self.verdict[open_ & inside & self._within(edit.animals)] = RIGHT
        elif isinstance(edit, log.Unsure):
            same = (edit.first == self.first) & (edit.last == self.last)
            self.verdict[open_ & same & self._within(edit.animals)] = UNSURE
        elif isinstance(edit, log.Swap):
            edges = [edit.first] if edit.last is None else [edit.first, edit.last + 1]
            self._settle(open_, edges, (edit.a, edit.b))
            self._rename(edit.a, edit.b, edit.first, edit.last)
        elif isinstance(edit, log.Join):
            self._settle(open_, [edit.first], (edit.a, edit.b))
            self._rename(edit.a, edit.b, edit.first, None)
        elif isinstance(edit, log.Assign):
            self._settle(open_, [edit.first], (edit.was, edit.animal))
            if edit.was >= 0:
                self._rename(edit.was, edit.animal, edit.first, edit.last)

    def left(self) -> float:
        """Return how many wrong ones are expected among those nobody has settled."""
        return float((1 - self.confidence[self._unsettled()]).sum())

    def order(self) -> Int[np.ndarray, " Q"]:
        """Return who is to be looked at, most harmful first, then who nobody could tell."""
        rows = np.flatnonzero(self._unsettled())
        keys = (self.first[rows], -self.harm[rows], self.verdict[rows] == UNSURE)
        return rows[np.lexsort(keys)]

    def settled(self) -> Int[np.ndarray, " S"]:
        """Return who has been looked at, in time order."""
        return np.flatnonzero(~self._unsettled())

    def bands(self) -> list[tuple[float, float, int, int]]:
        """Return how often bands of confidence were right: from, to, reviewed, right."""
        known = self.settled()
        if len(known) < ENOUGH:
            return []
        band = np.digitize(self.confidence[known], BANDS[1:-1])
        right = self.verdict[known] == RIGHT
        return [
            (BANDS[b], BANDS[b + 1], int((band == b).sum()), int(right[band == b].sum()))
            for b in range(len(BANDS) - 1)
            if (band == b).any()
        ]

    def _unsettled(self) -> Bool[np.ndarray, " E"]:
        return np.asarray((self.verdict == OPEN) | (self.verdict == UNSURE))

    def _within(self, who: tuple[int, ...]) -> Bool[np.ndarray, " E"]:
        return np.asarray(np.isin(self.animals, (NOBODY, *who)).all(axis=1))

    def _settle(
        self, open_: Bool[np.ndarray, " E"], edges: list[int], who: tuple[int, int]
    ) -> None:
        has = np.ones(len(self.events), bool)
        for animal in who:
            has &= (self.animals == animal).any(axis=1)
        near = np.zeros(len(self.events), bool)
        for edge in edges:
            near |= (self.first <= edge) & (edge <= self.last + 1)
        self.verdict[open_ & has & near] = SWAPPED

    def _rename(self, a: int, b: int, first: int, last: int | None) -> None:
        part = self._unsettled() & (self.first >= first)
        if last is not None:
            part &= self.last <= last
        for of in (self.animals, self.instead):
            some = of[part]
            of[part] = np.where(some == a, b, np.where(some == b, a, some))


def _padded(rows: list[tuple[int, ...]], most: int) -> Int[np.ndarray, "E M"]:
    full = np.full((len(rows), most), NOBODY, np.int64)
    for row, values in zip(full, rows, strict=True):
        row[: len(values)] = values
    return full
