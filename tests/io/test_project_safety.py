import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path, PureWindowsPath

import numpy as np
import pytest
from labelled import MOUSE, make, tables, write_edits

from gambol.core.errors import InputError
from gambol.core.labels import Visibility
from gambol.io import project_edits, project_schema
from gambol.io.project import Project

SEEN = np.full(4, Visibility.VISIBLE, np.uint8)


def damage(path, how):
    if how == "none":
        path.unlink()
    elif how == "text":
        path.write_text("labels " * 200)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        raw = sqlite3.connect(path)
        raw.execute(how)
        raw.commit()
        raw.close()


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("none", r"is no project, it holds no project\.db; make one with gambol new"),
        ("text", "is no database; put the newest copy from backups/"),
        ("empty", "is only half written; put the newest copy"),
        ("cut", "damaged; put the newest copy"),
        ("DROP TABLE edits", "is only half written"),
        ("PRAGMA user_version = 8", r"was written by gambol .* in format 8 .* pip install -U"),
        ("PRAGMA application_id = 9", "is the database of another program"),
    ],
)
def test_what_is_no_sound_project_is_refused_in_one_sentence(project, tmp_path, how, sentence):
    project.close()
    damage(tmp_path / "p" / "project.db", how)
    with (
        pytest.raises(InputError, match=sentence) as error,
        Project.open(tmp_path / "p") as one,
    ):
        one.labels()
    assert str(tmp_path / "p") in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_that_does_not_exist_says_how_to_make_it(tmp_path):
    with pytest.raises(InputError, match="does not exist; make a project with gambol new"):
        Project.open(tmp_path / "none")


def test_a_disk_that_may_not_be_written_leaves_nothing(tmp_path, monkeypatch):
    def refuse(*_args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(project_schema, "create", refuse)
    with pytest.raises(InputError, match=r"project\.db cannot be written: permission denied"):
        Project.create(tmp_path / "p", MOUSE)
    assert list((tmp_path / "p").iterdir()) == []


def test_a_read_only_database_is_read_but_not_written(project, clip):
    project.put_labels(make([clip]))
    project._connection.execute("PRAGMA query_only = ON")
    assert len(project.labels()) == 12
    with pytest.raises(InputError, match="permission denied"):
        project.undo()


def test_an_edit_that_fails_halfway_leaves_nothing(project, clip, monkeypatch):
    before, log = tables(project), len(list(project.history()))
    real, calls = project_edits._put_points, []

    def break_down(*args):
        calls.append(1)
        if len(calls) > 5:
            raise sqlite3.OperationalError("database or disk is full")
        real(*args)

    monkeypatch.setattr(project_edits, "_put_points", break_down)
    with pytest.raises(InputError, match="the disk is full; free some space"):
        project.put_labels(make([clip]))
    assert tables(project) == before
    assert len(list(project.history())) == log


def test_a_writer_waits_for_another_and_then_says_so(project, tmp_path, monkeypatch):
    monkeypatch.setattr(project_schema, "WAIT_S", 0.05)
    with Project.open(tmp_path / "p") as other:
        project._connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(InputError, match="is being written by another program"):
            other.set_instance(1, 0, "ann", np.zeros((4, 2)), SEEN)
        project._connection.execute("ROLLBACK")
        other.set_instance(1, 0, "ann", np.zeros((4, 2)), SEEN)


def test_two_processes_lose_no_edit(project, tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=write_edits, args=(tmp_path / "p", name, 25))
        for name in ("a", "b")
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    labels = project.labels()
    assert len(labels) == 50
    assert project.check() == []
    authors = [row.author for row in project.history() if row.action == "set"]
    assert sorted(authors) == ["a"] * 25 + ["b"] * 25


EDITOR = """
import sys, itertools, numpy as np
from pathlib import Path
from gambol.io.project import Project
with Project.open(Path(sys.argv[1])) as project:
    for k in itertools.count():
        xy = np.full((4, 2), float(k))
        project.set_instance(1, k % 30, "ann", xy, np.full(4, 2, np.uint8))
        print(k, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is of POSIX")
@pytest.mark.parametrize("pause", [0.03, 0.11, 0.2])
def test_a_killed_editor_loses_no_edit_that_it_reported(project, tmp_path, pause):
    command = [sys.executable, "-c", EDITOR, str(tmp_path / "p")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        said = [line for line in process.stdout.read().split("\n") if line]
    last = int(said[-1]) if said else 0
    with Project.open(tmp_path / "p") as again:
        assert again.check() == []
        log = [row for row in again.history() if row.action == "set"]
        assert len(log) - 1 in (last, last + 1)
        assert again.labels().xy.max() == len(log) - 1
        again.set_instance(1, 0, "bob", np.zeros((4, 2)), SEEN)


@pytest.fixture
def old(tmp_path):
    """A project that gambol 0.1 wrote, in format 1."""
    path = tmp_path / "old" / "project.db"
    path.parent.mkdir()
    with sqlite3.connect(path) as raw:
        script = Path(__file__).with_name("project_format_1.sql")
        raw.executescript(script.read_text(encoding="utf-8"))
    raw.close()
    return path.parent


def test_a_project_of_the_first_format_is_brought_to_ours(old):
    with sqlite3.connect(old / "project.db") as raw:
        points = raw.execute("SELECT * FROM points ORDER BY 1, 2").fetchall()
        animals = raw.execute("SELECT * FROM instances ORDER BY 1").fetchall()
        log = raw.execute("SELECT * FROM edits").fetchall()
    raw.close()
    with Project.open(old) as project:
        assert project.check() == []
        assert project._all("SELECT * FROM points ORDER BY 1, 2") == points
        columns = "id, video, frame, individual, origin"
        assert project._all(f"SELECT {columns} FROM instances ORDER BY 1") == animals
        columns = "id, time, author, action, before, after, target"
        assert project._all(f"SELECT {columns} FROM edits ORDER BY 1") == log
        labels = project.labels()
        assert len(labels) == 7 and not len(labels.incomplete) + len(labels.negatives)
        assert project.undo() == ["suggest"]
        assert project.redo(2) == ["suggest", "set"]
        project.set_instance(1, 3, -1, np.zeros((4, 2)), SEEN)
        project.set_complete(1, 9, True)
        assert project.check() == []
        with pytest.raises(sqlite3.IntegrityError):  # names still have to exist
            project._connection.execute(
                "INSERT INTO instances (video, frame, individual, origin) VALUES (1, 1, 77, 0)"
            )
    (copy,) = (old / "backups").iterdir()
    with sqlite3.connect(copy) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (1,)
    raw.close()
    with Project.open(old) as project:  # the second time there is nothing to do
        assert len(project.labels()) == 9
    assert len(list((old / "backups").iterdir())) == 1


def test_a_new_project_has_the_tables_of_an_old_one_brought_to_ours(old, project):
    def described(connection):
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql NOTNULL")
        return {name: sql.replace('"', "").split(" ", 3)[-1].split() for name, sql in rows}

    with Project.open(old) as one:
        assert described(one._connection) == described(project._connection)


def test_a_project_of_the_second_format_gets_a_place_for_edits_of_tracks(project, tmp_path):
    project.close()
    with sqlite3.connect(tmp_path / "p" / "project.db") as raw:
        raw.executescript(
            "DROP TABLE track_edits; DROP TABLE tracks; DROP TABLE regions;"
            "DROP TABLE extras;"
            "PRAGMA user_version = 2;"
        )
    raw.close()
    log = tmp_path / "p" / "tracks" / "film.edits.jsonl"
    with Project.open(tmp_path / "p") as one:
        assert one.check() == [] and one.track_log(log) is None
        one.set_track_log(log, "begin", ["swap"], "tracks: swap")
        assert one.track_log(log) == ("begin", ["swap"])


def test_a_project_of_the_third_format_gets_a_place_for_regions(project, tmp_path):
    project.close()
    with sqlite3.connect(tmp_path / "p" / "project.db") as raw:
        raw.executescript("DROP TABLE regions; DROP TABLE extras; PRAGMA user_version = 3;")
    raw.close()
    with Project.open(tmp_path / "p") as one:
        assert one.check() == [] and one.regions() == []
        one.add_region(1, np.array([[0.0, 0], [9, 0], [0, 9]]))
        assert one.check() == [] and len(one.regions()) == 1


def test_bringing_a_project_to_our_format_is_whole_or_not_at_all(old, monkeypatch):
    broken = project_schema._UPGRADES[2] + "INSERT INTO nothing VALUES (1);\n"
    monkeypatch.setitem(project_schema._UPGRADES, 2, broken)
    with pytest.raises(sqlite3.OperationalError):
        Project.open(old)
    monkeypatch.undo()
    with Project.open(old) as project:
        assert len(project.labels()) == 7 and project.check() == []


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("//server/labs/mice/project.db", "file:////server/labs/mice/project.db"),
        ("C:/my mice/project.db", "file:///C:/my%20mice/project.db"),
    ],
)
def test_projects_on_a_server_are_named_as_sqlite_reads_them(path, uri):
    assert project_schema._uri(PureWindowsPath(path)) == uri
    connection = sqlite3.connect(
        "file::memory:", uri=True
    )  # asks no disk, but reads the authority
    with pytest.raises(sqlite3.OperationalError, match="invalid uri authority: server"):
        connection.execute("ATTACH 'file://server/labs/a.db?mode=ro' AS other")
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        connection.execute("ATTACH 'file:////server/labs/a.db?mode=ro' AS other")
    connection.close()
