"""The queue says what replaying the log says, event by event."""

import numpy as np
import pytest

from gambol.app.web.track_queue import ENOUGH, EventQueue
from gambol.stages import replay
from gambol.tracking import edits
from gambol.tracking.review import Event, queue


def events(rng, n=40):
    made = []
    for first in np.sort(rng.choice(1000, n, replace=False)).tolist():
        a, b = (int(v) for v in rng.choice(4, 2, replace=False))
        sure = float(rng.uniform(0.4, 1))
        made.append(Event("gap", first, first + 5, (a, b), sure, (b, a), 1.0, first % 97 + 1))
    return made


@pytest.mark.parametrize("seed", range(8))
def test_settling_and_renaming_are_those_of_replay(seed):
    rng = np.random.default_rng(seed)
    now = events(rng)
    fast = EventQueue(now)
    for _ in range(30):
        event = now[int(rng.integers(0, len(now)))]
        a, b = event.animals
        edit = rng.choice([
            edits.Swap(a=a, b=b, first=event.last),
            edits.Join(row=0, other=1, a=a, b=b, first=event.last),
            edits.Swap(a=a, b=b, first=event.first, last=event.last + 200),
            edits.Confirm(animals=event.animals, first=event.first, last=event.last),
            edits.Assign(row=0, was=a, animal=b, first=event.last, last=event.last + 90),
            edits.Pin(frame=3),
        ])  # fmt: skip
        now = [replay.renamed(edit, e) for e in now if not replay.settles(edit, e)]
        fast.take(edit)
        got = [
            (fast.first[k], tuple(fast.animals[k]), tuple(fast.instead[k]))
            for k in fast.order()
        ]
        assert got == [(e.first, e.animals, e.instead) for e in queue(now)]
        assert fast.left() == pytest.approx(sum(1 - e.confidence for e in now))
        if len(now) < 3:
            break


def test_bands_need_reviews():
    made = events(np.random.default_rng(0))
    fast = EventQueue(made)
    for n, e in enumerate(made[:ENOUGH]):
        assert fast.bands() == []
        fast.take(
            edits.Confirm(animals=e.animals, first=e.first, last=e.last) if n % 4
            else edits.Swap(a=e.animals[0], b=e.animals[1], first=e.last, last=e.last)
        )  # fmt: skip
    assert sum(b[2] for b in fast.bands()) == len(fast.settled()) >= ENOUGH
    assert sum(b[3] for b in fast.bands()) == int((fast.verdict == 1).sum())
