"""A frame is done only if somebody said so when every animal that is in it now was there."""

import contextlib
import random
import uuid

import pytest
from labelled import make

from gambol.core.errors import InputError
from gambol.io import project_changes, project_edits, project_index, project_views
from gambol.io.project_changes import Conflict, RowChange

DRAFT, DONE = 2, 1


def frame_row(project, frame):
    found = project._all(f"SELECT complete, flag, note FROM frames WHERE frame = {frame}")
    return dict(zip(("complete", "flag", "note"), found[0], strict=True)) if found else None


def animals(project, frame):
    """Which animals a frame holds, and who each is: the x of its nose, which nobody moves."""
    found = project_views.instances(project.connection, 1, frame)
    return {key: row["points"][0][1] for key, row in found if row["points"]}


def send(project, by, *changes, force=True):
    """Changes of rows (table, key, value), as a page sends them that saw what stands."""
    rows = [RowChange(table, [1, *key], None, value) for table, key, value in changes]
    project_changes.apply(project, uuid.uuid4().hex, "act", rows, by, force)


def animal(x, y=1.0):
    return {"origin": 0, "points": [[0, float(x), float(y), 2]]}


def begin(project, by, frame, who, x):
    """Begin an animal as the page does: a frame of which nothing is said is being worked on."""
    rows = [("instances", (frame, who), animal(x))]
    row = frame_row(project, frame) or {"complete": None, "flag": 0, "note": ""}
    if row["complete"] in (None, 0):
        rows.append(("frames", (frame,), row | {"complete": DRAFT}))
    send(project, by, *rows)


def say(project, by, frame, complete):
    row = frame_row(project, frame) or {"flag": 0, "note": ""}
    send(project, by, ("frames", (frame,), row | {"complete": complete}))


def step(project, by, name="undo", **more):
    return getattr(project_changes, name)(project, uuid.uuid4().hex, by, **more)


def is_(project, frame):
    row = frame_row(project, frame)
    return row["complete"] if row else None


def test_who_began_a_frame_and_undoes_it_leaves_others_animals_as_drafts(project):
    begin(project, "ann", 3, -1, 1), begin(project, "bob", 3, -2, 2)
    step(project, "ann")
    assert is_(project, 3) == DRAFT and len(project.labels()) == 0
    step(project, "ann", "redo")
    assert is_(project, 3) == DRAFT and len(animals(project, 3)) == 2
    step(project, "ann"), step(project, "bob")
    assert is_(project, 3) is None and project.unfinished() == 0
    step(project, "bob", "redo")
    assert is_(project, 3) == DRAFT and project.check() == []


def test_an_animal_that_begins_in_a_done_frame_opens_it_again_until_it_goes(project):
    begin(project, "ann", 3, -1, 1), say(project, "ann", 3, DONE)
    begin(project, "bob", 3, -2, 2)
    assert is_(project, 3) == DRAFT
    step(project, "ann")  # "done": it is open already, so nobody is in the way
    assert is_(project, 3) == DRAFT
    step(project, "ann", "redo")
    assert is_(project, 3) == DRAFT  # bob's animal was not there when ann said so
    step(project, "bob")
    assert is_(project, 3) == DONE and project.labels().frame.tolist() == [3]
    assert project.check() == []


def test_an_animal_that_was_there_when_the_frame_was_done_may_come_back(project):
    begin(project, "ann", 3, -1, 1), begin(project, "bob", 3, -2, 2)
    say(project, "ann", 3, DONE)
    step(project, "bob")
    assert is_(project, 3) == DONE
    step(project, "bob", "redo")
    assert is_(project, 3) == DONE
    step(project, "bob")
    begin(project, "ann", 3, -2, 7)  # another one of its number
    say(project, "ann", 3, DONE)
    send(project, "ann", ("instances", (3, -2), None))
    assert is_(project, 3) == DONE
    step(project, "bob", "redo")
    assert is_(project, 3) == DRAFT


def test_who_was_not_there_when_the_frame_was_done_does_not_come_back_done(project):
    begin(project, "ann", 3, -1, 1), begin(project, "bob", 3, -2, 2)
    step(project, "bob")
    say(project, "ann", 3, DONE)
    step(project, "bob", "redo")
    assert is_(project, 3) == DRAFT


def test_an_edit_that_comes_late_finds_the_frame_as_it_is_now(project):
    begin(project, "ann", 3, -1, 1)
    step(project, "ann")
    send(project, "bob", ("instances", (3, -2), animal(2)))  # whose page saw ann's draft
    assert is_(project, 3) == DRAFT
    send(project, "bob", ("instances", (9, -2), animal(2)))  # nobody ever spoke of it: a script
    assert is_(project, 9) is None and project.labels().frame.tolist() == [9]


def test_an_animal_that_gets_another_number_did_not_begin(project):
    begin(project, "ann", 3, -1, 1), say(project, "ann", 3, DONE)
    send(project, "bob", ("instances", (3, -1), None), ("instances", (3, -7), animal(1)))
    assert is_(project, 3) == DONE
    step(project, "bob"), step(project, "bob", "redo")
    assert is_(project, 3) == DONE and list(animals(project, 3)) == [-7]


def test_a_note_of_who_saw_the_frame_done_leaves_it_open_for_others(project):
    begin(project, "ann", 3, -1, 1), say(project, "ann", 3, DONE)
    saw = frame_row(project, 3)
    begin(project, "bob", 3, -2, 2)
    late = [RowChange("frames", [1, 3], saw, saw | {"note": "dark"})]
    with pytest.raises(Conflict):
        project_changes.apply(project, "n" * 8, "note", late, "ann")
    project_changes.apply(project, "n" * 8, "note", late, "ann", force=True)
    assert frame_row(project, 3) == {"complete": DRAFT, "flag": 0, "note": "dark"}


def test_undo_of_the_command_line_keeps_drafts_too(project):
    begin(project, "ann", 3, -1, 1), begin(project, "bob", 3, -2, 2)
    project.undo(2)
    assert is_(project, 3) is None
    project.redo(2)
    step(project, "ann")
    assert is_(project, 3) == DRAFT
    project.redo(), project.undo()
    assert is_(project, 3) == DRAFT and len(project.labels()) == 0


class World:
    """Two people and a command line at work; `sure` are sets of animals that somebody saw."""

    def __init__(self, project, rng):
        self.project, self.rng, self.born = project, rng, 1000
        self.frames = range(3, 6)
        self.sure = {f: [set(animals(project, f).values())] for f in self.frames}

    def act(self):
        kinds = ["begin"] * 4 + ["done"] * 3 + ["undo"] * 5 + ["redo"] * 4 + [
            "move", "delete", "late", "open", "flag", "nobody", "line undo", "line redo",
        ]  # fmt: skip
        kind, by = self.rng.choice(kinds), self.rng.choice(["ann", "bob"])
        f = self.rng.choice(self.frames)
        getattr(self, kind.replace(" ", "_"))(by, f)

    def begin(self, by, f):
        who = self.rng.choice([k for k in range(-20, 0) if k not in animals(self.project, f)])
        self.born += 1
        begin(self.project, by, f, who, self.born)

    def late(self, by, f):
        """A page that saw somebody at work, who is gone meanwhile."""
        if project_index.last(self.project.connection, "frames", (1, f)) is None:
            return
        who = self.rng.choice([k for k in range(-20, 0) if k not in animals(self.project, f)])
        self.born += 1
        send(self.project, by, ("instances", (f, who), animal(self.born)))

    def done(self, by, f):
        there = animals(self.project, f)
        if there and is_(self.project, f) != DONE:
            say(self.project, by, f, DONE)
            self.sure[f].append(set(there.values()))

    def open(self, by, f):
        if is_(self.project, f) == DONE:
            say(self.project, by, f, DRAFT)

    def nobody(self, by, f):
        gone = [("instances", (f, who), None) for who in animals(self.project, f)]
        row = {"complete": DONE, "flag": 0, "note": ""}
        send(self.project, by, *gone, ("frames", (f,), row))
        self.sure[f].append(set())

    def move(self, by, f):
        for who, x in list(animals(self.project, f).items())[:1]:
            send(self.project, by, ("instances", (f, who), animal(x, self.rng.random())))

    def delete(self, by, f):
        there = animals(self.project, f)
        rows = [("instances", (f, who), None) for who in list(there)[:1]]
        row = frame_row(self.project, f)
        if len(there) == 1 and row and row["complete"] != DONE:
            rows.append(("frames", (f,), row | {"complete": None}))
        elif len(there) == 1:  # now it says that there is none
            self.sure[f].append(set())
        send(self.project, by, *rows)

    def flag(self, by, f):
        row = frame_row(self.project, f) or {"complete": None, "note": ""}
        send(self.project, by, ("frames", (f,), row | {"flag": self.rng.randrange(2)}))

    def undo(self, by, f, name="undo"):
        try:
            step(self.project, by, name, force=self.rng.random() < 0.3)
        except Conflict:
            return

    def redo(self, by, f):
        self.undo(by, f, "redo")

    def line_undo(self, by, f):
        top = project_index.top_standing(self.project.connection)
        if top is not None and project_edits.line(self.project.connection, top).action == "act":
            with contextlib.suppress(InputError):  # a forced undo is in the way
                self.project.undo(by="line")

    def line_redo(self, by, f):
        with contextlib.suppress(InputError):
            self.project.redo(by="line")

    def wrong(self):
        """Frames that count as done with animals that nobody confirmed."""
        labels = self.project.labels()
        counted = {*labels.frame.tolist(), *labels.negatives[:, 1].tolist()}
        found = []
        for f in counted & set(self.frames):
            there = set(animals(self.project, f).values())
            born = {x for x in there if x > 1000}  # the others are of a file, and finished
            if not any(born <= seen and bool(there) == bool(seen) for seen in self.sure[f]):
                found.append((f, there, self.sure[f]))
        return found


@pytest.mark.parametrize("seed", range(6))
def test_a_frame_is_done_only_if_somebody_said_so_after_its_last_animal_began(
    project, clip, seed
):
    labels = make([clip], seed, 30)
    project.put_labels(labels, by="import")
    project.set_complete(1, 4, False, by="import")
    world = World(project, random.Random(seed))
    for n in range(160):
        world.act()
        assert world.wrong() == [], f"after act {n}"
    assert project.check() == []


@pytest.mark.parametrize("seed", range(3))
def test_when_each_undid_their_own_nothing_is_left(project, clip, seed):
    world = World(project, random.Random(100 + seed))
    for _ in range(60):
        by, f = world.rng.choice(["ann", "bob"]), world.rng.choice(world.frames)
        getattr(world, world.rng.choice(["begin", "begin", "late", "done", "open"]))(by, f)
    stuck = 0
    while stuck < 40:  # each in turn, as who said "done" after another has to go first
        try:
            stuck = 0 if step(project, world.rng.choice(["ann", "bob"])).actions else stuck + 1
        except Conflict:
            stuck += 1
    assert project._all("SELECT * FROM instances") == []
    assert project._all("SELECT * FROM frames") == []
    assert project.check() == []
