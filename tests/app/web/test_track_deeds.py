"""Words become records: the place of a swap, the reach of a cut, whom a join goes on with."""

import numpy as np
import pytest
from proofread import tracked

from gambol.app.web import track_deeds
from gambol.app.web.answers import Fail
from gambol.app.web.models import TrackEdit
from gambol.app.web.track_book import Book
from gambol.core.errors import InputError
from gambol.io.track_logs import Kept
from gambol.stages import identities, track


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deeds")
    source, _ = tracked.crossing(folder / "film.detections.nc")
    return track.run(track.TrackConfig(), [source], folder)[0].tracks


@pytest.fixture
def book(made):
    book = Book(made)
    book.log = []
    tell(book)
    return book


def tell(book, *records):
    book.log += records
    key = identities.read_log(book.target).key
    book.take(Kept(1, identities.log_file(book.target), key, book.log, len(book.log)))


def deed(book, do, **said):
    return track_deeds.deed(book, TrackEdit(id="one-of-these", do=do, **said))


def test_a_swap_of_a_crossing_is_where_both_go_on_smoothly(book):
    rows = np.arange(len(book.base.animal))
    before = book.patches.now(rows)
    tell(book, {"kind": "swap", "a": 0, "b": 1, "first": 60, "last": None})  # on purpose
    book.queue.first[0], book.queue.last[0] = 20, 85  # somewhere there, as the queue says
    done = deed(book, "swap", animals=["animal1", "animal2"], item=track_deeds.item(book, 0))
    assert done.action == "swap animal1 and animal2 from frame 60"
    tell(book, *done.records)
    assert (book.patches.now(rows) == before).all()


def test_a_swap_reaches_to_the_next_pin_and_a_range_to_its_end(book):
    tell(book, {"kind": "pin", "frame": 90, "held": True})
    both = ["animal1", "animal2"]
    assert deed(book, "swap", animals=both, frame=10).records[0]["last"] == 89
    assert deed(book, "swap", animals=both, frame=90).records[0]["last"] is None
    assert deed(book, "swap", animals=both, frame=10, last=20).records[0]["last"] == 20
    assert deed(book, "pin", frame=90).records[0]["held"] is False
    with pytest.raises(InputError, match="later end"):
        deed(book, "swap", animals=both, frame=10, last=5)


def test_a_cut_makes_nobody_and_a_join_takes_it_back(book):
    cut = deed(book, "cut", animals=["animal1"], frame=20)
    assert [r["kind"] for r in cut.records] == ["cut", "untrack"] and cut.first == 20
    rows = np.arange(len(book.base.animal))
    before = book.patches.now(rows)
    tell(book, *cut.records)
    assert (book.patches.now(rows) != before).any()
    joined = deed(book, "join", animals=["animal1"], frame=10)
    tell(book, *joined.records)
    assert (book.patches.now(rows) == before).all()


def test_what_is_not_there_is_said(book):
    with pytest.raises(InputError, match="animal2"):
        deed(book, "cut", animals=["animal_2"], frame=5)
    with pytest.raises(InputError, match="needs a frame"):
        deed(book, "pin", frame=10**6)
    with pytest.raises(Fail):
        deed(book, "confirm", item="3.0")
    with pytest.raises(Fail, match="somebody"):
        deed(book, "delete", row=0)
