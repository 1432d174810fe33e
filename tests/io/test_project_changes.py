import sqlite3
import uuid

import numpy as np
import pytest
from labelled import make

from gambol.core.errors import InputError
from gambol.io import project_changes, project_index
from gambol.io.project import Project
from gambol.io.project_changes import Conflict, RowChange

# that random edits undone are the start and redone the end: tests/app/web/test_edits.py
ROW = {"origin": 0, "points": [[0, 1.0, 2.0, 2]]}


def put(project, frame, value=ROW, saw=None, by="ann", **more):
    change = RowChange("instances", [1, frame, -1], saw, value)
    return project_changes.apply(project, uuid.uuid4().hex, "place", [change], by, **more)


def test_undo_of_the_command_line_and_of_a_person_know_of_each_other(project):
    put(project, 1, by="ann"), put(project, 2, by="bob")
    assert project.undo(by="carl") == ["place"]  # the last one, whoever made it
    assert project_changes.undo(project, "u" * 8, "bob").actions == []
    assert project_changes.undo(project, "v" * 8, "ann").actions == ["place"]
    assert len(project.labels()) == 0
    assert project_changes.redo(project, "w" * 8, "bob").actions == ["place"]
    assert project.labels().frame.tolist() == [2]
    assert project.check() == []


def test_several_steps_are_all_done_or_none(project):
    put(project, 1), put(project, 2)
    put(project, 1, None, ROW, by="Mei")
    with pytest.raises(Conflict) as error:
        project_changes.undo(project, "u" * 8, "ann", n=2)
    assert error.value.theirs[0].by == "Mei" and error.value.theirs[0].value is None
    assert project.labels().frame.tolist() == [2]
    done = project_changes.undo(project, "v" * 8, "ann", n=2, force=True)
    assert done.actions == ["place", "place"] and done.place == (1, 1)


def test_a_new_edit_ends_what_can_be_redone(project):
    put(project, 1), put(project, 2)
    project_changes.undo(project, "u" * 8, "ann")
    put(project, 3)
    assert project_changes.redo(project, "v" * 8, "ann").actions == []


def test_an_edit_that_fails_at_its_last_row_leaves_nothing(project):
    seq = project.seq()
    changes = [RowChange("instances", [1, f, -1], None, ROW) for f in (1, 2, 99)]
    with pytest.raises(InputError, match="no frame 99"):
        project_changes.apply(project, "u" * 8, "place", changes, "ann")
    assert project.seq() == seq and len(project.labels()) == 0


def test_a_skeleton_changes_alone(project):
    changes = [RowChange("skeleton", [1], None, {}), RowChange("frames", [1, 1], None, None)]
    with pytest.raises(InputError, match="in an edit of its own"):
        project_changes.apply(project, "u" * 8, "x", changes, "ann")


def _state(table, value):
    if table != "frames":
        return int(value is not None)
    return -1 if value is None or value["complete"] is None else value["complete"]


def test_the_newest_edit_of_every_row_is_known_and_can_be_made_again(project, clip):
    project.put_labels(make([clip]), by="bob")
    seqs = {
        frame: put(project, frame, saw=None, by=f"p{frame}", force=True) for frame in (3, 4)
    }
    project_changes.undo(project, "u" * 8, "p3", force=True)
    for frame, author in ((3, "p3"), (4, "p4")):
        touch = project_index.last(project.connection, "instances", (1, frame, -1))
        assert touch.author == author
        assert (touch.edit == seqs[frame]) == (frame == 4)  # undo is younger
    dump = "SELECT * FROM touched ORDER BY 1, 2, 3, 4, 5"
    marks = "SELECT id, rows, places, undone FROM edits"
    before = project._all(dump), project._all(marks)
    slow = {
        (table, *key, *[0] * (3 - len(key)), row.id, _state(table, value))
        for row in project.history()
        for table, key, value in row.after
    }
    assert set(before[0]) == slow
    project.connection.execute("UPDATE edits SET rows = 0, places = '[]', undone = NULL")
    project_index.rebuild(project.connection)
    assert (project._all(dump), project._all(marks)) == before


def test_every_edit_waits_for_the_disk(project, monkeypatch):
    assert project._all("PRAGMA synchronous") == [(2,)]
    assert project._all("PRAGMA journal_mode") == [("delete",)]


def test_a_project_of_the_fourth_format_gets_flags_and_an_index(project, clip, tmp_path):
    project.put_labels(make([clip]), by="bob")
    project.set_complete(1, 3, False)
    project.set_complete(1, 4, True)
    project.undo()
    log = project._all("SELECT id, time, author, action, before, after FROM edits")
    touched = project._all("SELECT * FROM touched")
    undone = project._all("SELECT id, rows, places, undone FROM edits")
    project.close()
    with sqlite3.connect(tmp_path / "p" / "project.db") as raw:  # as format 4 was
        raw.executescript("""
            CREATE TABLE f (video INTEGER NOT NULL REFERENCES videos, frame INTEGER NOT NULL
                CHECK (frame >= 0), complete INTEGER NOT NULL, PRIMARY KEY (video, frame))
                WITHOUT ROWID;
            INSERT INTO f SELECT video, frame, complete FROM frames;
            DROP TABLE frames; ALTER TABLE f RENAME TO frames; DROP TABLE touched;
            DROP TABLE extras;
            CREATE TABLE e (id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL,
                author TEXT NOT NULL, action TEXT NOT NULL, before TEXT NOT NULL,
                after TEXT NOT NULL, target INTEGER REFERENCES edits);
            INSERT INTO e SELECT id, time, author, action,
                replace(before, ',"flag":0,"note":""', ''),
                replace(after, ',"flag":0,"note":""', ''), target FROM edits;
            DROP TABLE edits; ALTER TABLE e RENAME TO edits; PRAGMA user_version = 4;
        """)
    raw.close()
    with Project.open(tmp_path / "p") as one:
        assert one.check() == []
        assert one._all("SELECT * FROM touched") == touched
        assert one._all("SELECT id, rows, places, undone FROM edits") == undone
        assert [r[:4] for r in one._all("SELECT * FROM edits")] == [r[:4] for r in log]
        assert one._all("SELECT max(uuid) FROM edits") == [(None,)]
        assert one.labels().incomplete.tolist() == [[0, 3]]
        assert one.redo() == ["complete"] and one.undo(3) == ["complete", "complete", "import"]
        put(one, 5)
        assert one.check() == []
        assert one._all("SELECT max(id) FROM edits")[0][0] == len(log) + 5
    assert len(list((tmp_path / "p" / "backups").iterdir())) == 1


def test_flags_and_notes_stay_when_frames_are_said_complete(project, clip):
    said = {"complete": None, "flag": 1, "note": "mirror"}
    change = RowChange("frames", [1, 3], None, said)
    project_changes.apply(project, "u" * 8, "flag", [change], "ann")
    project.set_complete(1, 3, True)
    project.set_complete(1, 3, None)
    (row,) = project._all("SELECT video, frame, complete, flag, note FROM frames")
    assert row == (1, 3, None, 1, "mirror")
    assert len(project.labels().negatives) == 0 and project.check() == []


def test_what_is_left_out_is_counted(project):
    draft = RowChange("frames", [1, 3], None, {"complete": 2})
    project_changes.apply(project, "u" * 8, "draft", [draft], "ann")
    put(project, 3)
    put(project, 5)
    assert project.info()["unfinished"] == project.unfinished() == 1
    assert project.labels().frame.tolist() == [5]
    everything = project.labels(drafts=True)
    assert everything.frame.tolist() == [3, 5]
    assert np.isfinite(everything.xy[:, 0]).all()
