"""Undo and redo of somebody ask before they take back what somebody else said since."""

import uuid

import pytest

from gambol.io import project_changes, project_since
from gambol.io.project_changes import Conflict, RowChange

NONE, DRAFT, DONE = ({"complete": c, "flag": 0, "note": ""} for c in (None, 2, 1))


def say(project, by, value):
    change = RowChange("frames", [1, 3], None, value)
    project_changes.apply(project, uuid.uuid4().hex, "say", [change], by, force=True)


def draw(project, by, who, x):
    row = {"origin": 0, "points": [[0, x, 1.0, 2]]}
    change = RowChange("instances", [1, 3, who], None, row)
    project_changes.apply(project, uuid.uuid4().hex, "draw", [change], by)


def step(project, by, name="undo", **more):
    return getattr(project_changes, name)(project, uuid.uuid4().hex, by, **more).actions


def said(project):
    return project._all("SELECT complete FROM frames")


def test_a_word_that_somebody_said_again_is_theirs(project):
    draw(project, "ann", -1, 1.0), say(project, "ann", DRAFT), say(project, "ann", DONE)
    draw(project, "bob", -2, 5.0)  # opens the frame again
    assert said(project) == [(2,)]
    say(project, "bob", DONE)
    seq = project.seq()
    with pytest.raises(Conflict, match="bob changed this after you") as error:
        step(project, "ann")
    (theirs,) = error.value.theirs
    assert (theirs.table, theirs.key, theirs.value, theirs.seq) == ("frames", [1, 3], DONE, seq)
    assert said(project) == [(1,)] and len(project.labels()) == 2 and project.seq() == seq
    step(project, "ann", force=True)
    assert said(project) == [(2,)] and project.check() == []


def test_what_is_made_again_asks_for_words_said_since_it_was_undone(project):
    draw(project, "ann", -1, 1.0), say(project, "ann", DRAFT), say(project, "ann", DONE)
    step(project, "ann")
    assert step(project, "ann", "redo") == ["say"] and said(project) == [(1,)]
    step(project, "ann")
    say(project, "bob", DONE), say(project, "bob", DRAFT)
    with pytest.raises(Conflict) as error:
        step(project, "ann", "redo")
    assert error.value.theirs[0].by == "bob" and said(project) == [(2,)]


def test_nobody_is_asked_of_what_an_undo_leaves_as_it_is(project):
    draw(project, "ann", -1, 1.0), say(project, "ann", DRAFT), say(project, "ann", DONE)
    draw(project, "bob", -2, 5.0)
    assert step(project, "ann") == ["say"]  # open it is already
    assert step(project, "ann") == ["say"]  # and it stays so, as bob's animal is in it
    assert said(project) == [(2,)] and project.check() == []


def test_rows_end_as_their_last_change_says():
    rows = [["frames", [1, 2], NONE], ["frames", [1, 2], DONE], ["frames", [1, 3], None]]
    assert project_since.ends(rows) == {("frames", (1, 2)): DONE, ("frames", (1, 3)): None}
