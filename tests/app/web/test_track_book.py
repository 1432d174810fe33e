"""A book says what its log says, however it came to know it."""

from pathlib import Path

import numpy as np
import pytest
from based import N, base_of

from gambol.app.web import track_book
from gambol.app.web.track_book import Book
from gambol.core.instances import UNTRACKED
from gambol.io.track_logs import Kept
from gambol.tracking.review import Event

T = 300


@pytest.fixture
def base():
    rng = np.random.default_rng(5)
    firsts = np.sort(rng.choice(T - 10, 40, replace=False)).tolist()
    events = [Event("gap", f, f + 5, (0, 1), 0.8, (1, 0), 1.0, T - f) for f in firsts]
    return base_of(rng, T, events)


def book_of(base):
    book = Book(Path("film.nc"))
    book._automatic = base
    book._begin([])
    return book


def swaps(rng, n):
    """Records of a log, drawn at random."""
    made = []
    for _ in range(n):
        a, b = (int(v) for v in rng.choice(N, 2, replace=False))
        made.append({"kind": "swap", "a": a, "b": b, "first": int(rng.integers(0, T)),
                     "last": None})  # fmt: skip
    return made


def tell(book, records):
    book.take(Kept(1, Path("film.edits.jsonl"), "key", list(records), len(records)))


def state(book):
    rows = np.arange(len(book.base.animal))
    queue = book.queue
    parts = (book.patches.now(rows), queue.verdict, queue.animals, queue.instead)
    return [part.tolist() for part in parts]


def test_undoing_all_of_a_long_log_is_never_another_state(base, monkeypatch):
    monkeypatch.setattr(track_book, "CHECKPOINT", 7)
    rng = np.random.default_rng(0)
    log = swaps(rng, 60)
    book, n = book_of(base), 0
    for step in [1] * 60 + [-1] * 25 + [9] + [-1] * 40 + [30, -29]:
        n = min(max(n + step, 0), 60)
        tell(book, log[:n])
        fresh = book_of(base)
        tell(fresh, log[:n])
        assert state(book) == state(fresh) and book.records == log[:n]
    other = log[:20] + swaps(rng, 20)  # what follows was taken back, and other things were said
    tell(book, other)
    fresh = book_of(base)
    tell(fresh, other)
    assert state(book) == state(fresh)


def test_undo_begins_at_a_checkpoint(base, monkeypatch):
    log = swaps(np.random.default_rng(1), 120)
    book = book_of(base)
    tell(book, log)
    parsed = []
    plain = Book.parsed
    monkeypatch.setattr(
        Book,
        "parsed",
        lambda self, records: parsed.append(len(records)) or plain(self, records),
    )
    tell(book, log[:119])
    tell(book, log[:99])
    assert parsed == [19, 49]


def test_rows_and_fragments_are_those_of_a_look_at_every_detection(base):
    book = book_of(base)
    tell(book, [{"kind": "untrack", "animal": 1, "first": 100, "last": 140}])
    rows = np.arange(len(base.animal))
    frames, was = base.where(rows)
    now = book.patches.now(rows)
    gone = rows[(was == 1) & (frames >= 100) & (frames <= 140)]
    assert (now[gone] == UNTRACKED).all()
    assert book.fragment(int(gone[3])).tolist() == gone.tolist()
    mine = rows[(now == 1) & (frames >= 20)]
    assert book.row_of(1, 20) == mine[0]
    back = rows[(now == 1) & (frames <= 99)]
    assert book.row_of(1, 99, way=-1) == back[-1]
    assert book.row_of(1, 120) is None
