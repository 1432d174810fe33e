"""Undo of the command line beside undo of two people, against a list of edits with inverses."""

import random
import uuid

import pytest

from gambol.core.errors import InputError
from gambol.io import project_changes
from gambol.io.project_changes import Conflict, RowChange

AUTHORS = ("ann", "bob")


class Slow:
    """All edits in order, whether they stand, and when they were taken back."""

    def __init__(self):
        self.rows, self.edits, self.now = {}, [], 0

    def edit(self, author, key, value):
        self.now += 1
        was = self.rows.get(key)
        self.rows[key] = value
        self.edits.append({"at": self.now, "by": author, "key": key, "was": was,
                           "value": value, "undone": None})  # fmt: skip

    def undo(self, author=None, force=False):
        mine = [e for e in self.edits if author in (None, e["by"]) and e["undone"] is None]
        return self._do(mine[-1] if mine else None, author, "value", "was", force)

    def redo(self, author=None, force=False):
        mine = [e for e in self.edits if author in (None, e["by"])]
        undone = [e for e in mine if e["undone"] is not None]
        top = max(undone, key=lambda e: e["undone"], default=None)
        if top and any(e["undone"] is None and e["at"] > top["undone"] for e in mine):
            return None  # edited since
        return self._do(top, author, "was", "value", force)

    def _do(self, edit, author, expected, wanted, force):
        if edit is None:
            return None
        if not force and self.rows.get(edit["key"]) != edit[expected]:
            return "conflict"
        self.now += 1
        self.rows[edit["key"]] = edit[wanted]
        edit["undone"] = self.now if wanted == "was" else None
        return edit["at"]


def step(project, author, name, force):
    """The action of what was undone or redone: when it was made."""
    if author is None:
        try:
            done = getattr(project, name)(by="the command line")
        except InputError as error:
            assert "gambol studio" in str(error)
            return "conflict"
    else:
        how = getattr(project_changes, name)
        try:
            done = how(project, uuid.uuid4().hex, author, force=force).actions
        except Conflict:
            return "conflict"
    return int(done[0]) if done else None


@pytest.mark.parametrize("seed", range(6))
def test_steps_of_two_people_and_of_the_command_line_are_those_of_a_list(project, seed):
    rng, slow = random.Random(seed), Slow()
    project.undo()  # the film: from here on there is none
    project.redo()
    start = len(list(project.history()))
    conflicts = 0
    for _ in range(150):
        author, key = rng.choice(AUTHORS), rng.randrange(4)
        kind = rng.choice(["edit", "edit", "undo", "undo", "redo"])
        if kind == "edit":
            value = {"origin": 0, "points": [[0, float(rng.randrange(99)), 1.0, 2]]}
            if slow.rows.get(key) == value:
                continue
            slow.edit(author, key, value)
            change = RowChange("instances", [1, key, -1], None, value)
            project_changes.apply(
                project, uuid.uuid4().hex, str(slow.now), [change], author, force=True
            )
            continue
        who = rng.choice([author, author, None])
        if who is None and kind == "undo" and all(e["undone"] for e in slow.edits):
            continue  # beneath lies the film
        force = who is not None and rng.random() < 0.2  # the command line asks nobody
        expected = getattr(slow, kind)(who, force)
        assert step(project, who, kind, force) == expected
        conflicts += expected == "conflict"
    rows = {
        f: (x,)
        for f, x in project._all(
            "SELECT frame, x FROM instances JOIN points ON instance = id ORDER BY 1"
        )
    }
    mine = {k: (v["points"][0][1],) for k, v in slow.rows.items() if v is not None}
    assert rows == mine and conflicts > 0
    assert len(list(project.history())) == start + slow.now
    assert project.check() == []


def test_the_command_line_undoes_what_stands_not_what_is_undone_already(project):
    for frame, author in ((1, "ann"), (2, "bob")):
        row = {"origin": 0, "points": [[0, 1.0, 2.0, 2]]}
        change = RowChange("instances", [1, frame, -1], None, row)
        project_changes.apply(project, uuid.uuid4().hex, author, [change], author)
    project_changes.undo(project, "u" * 8, "ann")
    assert project.redo() == ["ann"]  # the edit undone last
    project_changes.undo(project, "v" * 8, "ann")
    assert project.undo() == ["bob"]  # ann's is undone already
    assert len(project.labels()) == 0
    assert project.redo(2) == ["bob", "ann"]
    assert project.labels().frame.tolist() == [1, 2]


def test_the_command_line_brings_nothing_back_that_a_page_took_back(project):
    def put(x, by):
        row = {"origin": 0, "points": [[0, x, 2.0, 2]]}
        change = RowChange("instances", [1, 1, -1], None, row)
        project_changes.apply(project, uuid.uuid4().hex, f"to {x}", [change], by, force=True)

    put(1.0, "zoe"), put(2.0, "ann"), put(3.0, "bob")
    project_changes.undo(project, "u" * 8, "ann", force=True)
    put(9.0, "cleo")
    seq = project.seq()
    with pytest.raises(InputError, match=r"frame 1 of video 1 after 'to 3.0' of bob, so undo"):
        project.undo(2)
    assert project.seq() == seq  # both or none: cleo's stands too
    assert project.labels().xy[0, 0].tolist() == [9.0, 2.0]
    assert project.undo() == ["to 9.0"]
    assert project.labels().xy[0, 0].tolist() == [1.0, 2.0] and project.check() == []
