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
