"""Bouts by hand: kept per author, joined where they touch, undone after a restart, compared."""

import numpy as np
import pytest

from gambol.app.web import behavior_bouts
from gambol.app.web.behavior_bouts import Shelf
from gambol.app.web.models import BoutEdit
from gambol.behavior import agreement
from gambol.core import ethogram as core_ethogram
from gambol.core.errors import InputError
from gambol.io import ethogram as io_ethogram

CLOCK = {"recording": "day0", "fps": 25.0, "frames": 1000}


def add(shelf, author, label, first, last):
    said = BoutEdit(do="add", label=label, first=first, last=last, **CLOCK)
    return shelf.edit(author, said)


def spans(scored, author="ann"):
    return [(b.label, b.first, b.last) for b in scored.bouts if b.author == author]


def test_bouts_that_touch_are_one_and_undo_takes_them_apart_again(tmp_path):
    shelf = Shelf(tmp_path)
    add(shelf, "ann", "rear", 10, 20)
    add(shelf, "ann", "groom", 15, 30)
    joined = add(shelf, "ann", "rear", 21, 40)
    assert spans(joined) == [("rear", 10, 40), ("groom", 15, 30)]
    back = Shelf(tmp_path).edit("ann", BoutEdit(do="undo"))  # another server
    assert spans(back) == [("rear", 10, 20), ("groom", 15, 30)]
    assert (back.undo, back.redo) == (2, 1)
    assert spans(shelf.edit("ann", BoutEdit(do="redo"))) == spans(joined)
    gone = shelf.edit("ann", BoutEdit(do="remove", bout=joined.bouts[0].id))
    assert spans(gone) == [("groom", 15, 30)]
    assert spans(shelf.edit("ann", BoutEdit(do="undo"))) == spans(joined)


def test_the_table_beside_is_an_ethogram_that_other_commands_read(tmp_path):
    add(Shelf(tmp_path), "Mei Lin", "rear", 10, 20)
    (path,) = (tmp_path / "bouts").glob("*.csv")
    found = io_ethogram.read(path, fps=25.0).ethogram
    row = found.bouts.iloc[0]
    assert (row["start_frame"], row["stop_frame"], row["annotator"]) == (10, 21, "Mei Lin")
    assert row["stop_s"] == pytest.approx(21 / 25)


def test_a_guest_who_is_named_is_one_rater_with_undo(tmp_path):
    shelf = Shelf(tmp_path)
    add(shelf, "guest 2", "rear", 10, 20)
    add(shelf, "guest 2", "groom", 30, 40)
    shelf.edit("guest 2", BoutEdit(do="undo"))
    before = spans(shelf.scored("guest 2"), "guest 2")
    assert shelf.has("guest 2") and not shelf.has("Mei")
    assert shelf.rename("guest 2", "Mei") == 2 and shelf.rename("nobody", "Zoe") == 0
    now = Shelf(tmp_path).scored("Mei")
    assert now.authors == ["Mei"] and (now.undo, now.redo) == (1, 1)
    assert spans(now, "Mei") == before
    (path,) = (tmp_path / "bouts").glob("*.csv")
    found = io_ethogram.read(path, fps=25.0).ethogram
    assert set(found.bouts["annotator"]) == {"Mei"}
    assert shelf.has("Mei") and not shelf.has("guest 2")


def test_a_renaming_that_is_killed_goes_on(tmp_path, monkeypatch):
    shelf = Shelf(tmp_path)
    add(shelf, "guest 2", "rear", 10, 20)

    def dies(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(behavior_bouts.Book, "write", dies)
        with pytest.raises(KeyboardInterrupt):
            shelf.rename("guest 2", "Mei")
    assert Shelf(tmp_path).rename("guest 2", "Mei") == 1
    assert Shelf(tmp_path).scored("Mei").authors == ["Mei"]
    assert len(list((tmp_path / "bouts").glob("*.csv"))) == 1


def test_two_who_scored_are_never_made_one(tmp_path):
    shelf = Shelf(tmp_path)
    for author in ("guest 2", "Mei"):
        add(shelf, author, "rear", 10, 20)
    with pytest.raises(InputError, match="is there already"):
        shelf.rename("guest 2", "Mei")
    assert set(shelf.scored("Mei").authors) == {"guest 2", "Mei"}


def test_one_cannot_touch_what_another_scored(tmp_path):
    shelf = Shelf(tmp_path)
    theirs = add(shelf, "ann", "rear", 10, 20).bouts[0].id
    with pytest.raises(InputError, match="not yours"):
        shelf.edit("mei", BoutEdit(do="remove", bout=theirs))
    for first, last in ((-1, 5), (5, 4), (0, 1000)):
        with pytest.raises(InputError, match="give a stretch inside"):
            add(shelf, "mei", "rear", first, last)
    assert behavior_bouts.slug("Mei") != behavior_bouts.slug("mei")
    (tmp_path / "bouts" / "x.edits.json").write_text('{"format": 1}')
    with pytest.raises(InputError, match="no file of bouts"):
        shelf.scored("ann")


def test_agreement_is_cohens_kappa_of_the_frames(tmp_path):
    shelf = Shelf(tmp_path)
    add(shelf, "ann", "rear", 100, 199)
    add(shelf, "mei", "rear", 150, 249)
    model = core_ethogram.build(
        shelf.books()[0].ethogram().bouts.assign(annotator=""),
        recordings=shelf.books()[0].ethogram().recordings,
    )
    rows = {(row.one, row.other): row for row in shelf.agreement(model)}
    one, other = np.zeros(1000, int), np.zeros(1000, int)
    one[100:200], other[150:250] = 1, 1
    assert rows["ann", "mei"].kappa == pytest.approx(agreement.kappa(one, other))
    assert rows["ann", "mei"].frames == 1000
    assert rows["ann", "the model"].kappa == pytest.approx(1.0)
