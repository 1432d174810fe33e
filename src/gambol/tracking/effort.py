"""What it takes a person to mend tracks: errors in the first items of the queue, and clicks.

The person is simulated where the truth is known: they look at one event after the other, in the
order of the queue, and where animals leave it with other names than they came with, exchange
these for as long as the event says. A look is one click, and so is each exchange.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment

from gambol.core.instances import UNTRACKED
from gambol.tracking.review import Event

ENOUGH = 0.999  # IDF1 at which the work is done


class Effort(NamedTuple):
    """A review of E events."""

    wrong: Bool[np.ndarray, " E"]  # which of them showed an error
    clicks: Int[np.ndarray, " E"]  # after each of them, in all
    idf1: Float[np.ndarray, " E"]  # after each of them
    before: float  # IDF1 without any review

    @property
    def needed(self) -> int | None:
        """Clicks until IDF1 is `ENOUGH`; None where the whole queue does not do it."""
        if self.before >= ENOUGH:
            return 0
        done = np.flatnonzero(self.idf1 >= ENOUGH)
        return int(self.clicks[done[0]]) if len(done) else None


def review(
    frame: Int[np.ndarray, " D"],
    ids: Int[np.ndarray, " D"],
    truth: Int[np.ndarray, " D"],
    queue: Sequence[Event],
) -> Effort:
    """Go through a queue as somebody who sees the truth.

    Args:
        frame: of the detections, sorted.
        ids: their animals by the tracks, or UNTRACKED.
        truth: their animals, or UNTRACKED where they are none.
        queue: events of these tracks, most harmful first.
    """
    now, total = ids.copy(), 0
    wrong, clicks, scores = [], [], []
    for event in queue:
        known = [_edge(frame, ids, animal, event) for animal in event.animals]
        left = {int(now[a]): int(truth[a]) for a, _ in known if a >= 0}
        came = {int(now[b]): int(truth[b]) for _, b in known if b >= 0}
        bad = any(name in left and left[name] != animal for name, animal in came.items())
        total += 1
        if bad:
            span = (frame >= event.last) & (frame < event.last + event.affected)
            new = _renamed(left, came)
            total += _exchanges(new)
            before = now.copy()
            for name, other in new.items():
                now[span & (before == name)] = other
        wrong.append(bad)
        clicks.append(total)
        scores.append(idf1(now, truth))
    return Effort(np.array(wrong, bool), np.array(clicks, np.int64), np.array(scores, float),
                  idf1(ids, truth))  # fmt: skip


def idf1(ids: Int[np.ndarray, " D"], truth: Int[np.ndarray, " D"]) -> float:
    """IDF1 of tracks whose detections are known to be this animal or none."""
    both = (ids >= 0) & (truth >= 0)
    table = np.zeros((int(truth.max(initial=-1)) + 1, int(ids.max(initial=-1)) + 1))
    np.add.at(table, (truth[both], ids[both]), 1)
    right = table[linear_sum_assignment(table, maximize=True)].sum()
    return float(2 * right / max(int((ids >= 0).sum() + (truth >= 0).sum()), 1))


def _edge(
    frame: Int[np.ndarray, " D"], ids: Int[np.ndarray, " D"], animal: int, event: Event
) -> tuple[int, int]:
    """Last row of an animal before the doubt and its first one after it; -1 for none."""
    rows = np.flatnonzero(ids == animal)
    early, late = rows[frame[rows] <= event.first], rows[frame[rows] >= event.last]
    return (int(early[-1]) if len(early) else -1, int(late[0]) if len(late) else -1)


def _renamed(left: dict[int, int], came: dict[int, int]) -> dict[int, int]:
    """New names by old ones, such that animals have after an event the names of before."""
    name = {animal: n for n, animal in left.items() if animal != UNTRACKED}
    new = {n: name[animal] for n, animal in came.items() if animal in name}
    new = {n: other for n, other in new.items() if list(new.values()).count(other) == 1}
    lost = [n for n in new.values() if n not in new]
    free = [n for n in new if n not in new.values()]
    return new | dict(zip(lost, free, strict=True))  # whoever had these names takes the others


def _exchanges(new: dict[int, int]) -> int:
    """Exchanges of two names that make a permutation: one less than each cycle is long."""
    left, count = set(new), 0
    while left:
        name = left.pop()
        while (name := new[name]) in left:
            left.remove(name)
            count += 1
    return count
