"""Who looks sees what is there, and leaves no trace."""

import itertools
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from labelled import FRAMES, MOUSE, film, make, tables

from gambol.core.errors import InputError
from gambol.io import project_journal, project_looks, project_schema
from gambol.io.project import Project


@pytest.fixture
def project(tmp_path):
    with Project.create(tmp_path / "p", MOUSE) as one:
        one.put_labels(make([film(tmp_path / "film.mp4")]))
        yield one


def made(folder):
    folder.mkdir()
    return folder


def state(folder):
    """Names, content and times of all files."""
    return {
        p.relative_to(folder): (p.stat().st_mtime_ns, p.read_bytes())
        for p in folder.rglob("*") if p.is_file()
    }  # fmt: skip


def seen(folder, away):
    path = folder / project_schema.NAME
    with Project(folder, project_looks.connect(path, lambda: made(away))) as looked:
        return len(looked.labels()), looked.seq(), len(looked.check())


def test_a_project_is_read_and_left_alone(project, tmp_path):
    labels = len(project.labels())
    before = state(project.folder)
    assert seen(project.folder, tmp_path / "away") == (labels, project.seq(), 0)
    assert state(project.folder) == before
    assert not (tmp_path / "away").exists()
    looked = project_looks.connect(project.path, lambda: made(tmp_path / "away"))
    project.set_instance(1, FRAMES - 1, "eve", np.zeros((4, 2)), np.full(4, 2, np.uint8))
    assert len(Project(project.folder, looked).labels()) == labels + 1  # not a copy: live
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        looked.execute("DELETE FROM points")
    looked.close()


KILLED = """
import os, sys
from pathlib import Path
import numpy as np
from gambol.io import project_journal
from gambol.io.project import Project
project = Project.open(Path(sys.argv[1]))
if sys.argv[2] == "log":
    project_journal.quicken(project.connection, project.path)
    project.set_instance(1, 29, "eve", np.zeros((4, 2)), np.full(4, 2, np.uint8))
else:
    project.connection.execute("PRAGMA cache_size = 1")  # spills into the file before the end
    project.connection.execute("BEGIN IMMEDIATE")
    project.connection.execute("UPDATE points SET x = x + 1000")
    project.connection.execute("DELETE FROM edits")
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("left", ["log", "journal"])
def test_what_a_killed_program_left_is_seen_and_left(left, project, tmp_path):
    labels, at = len(project.labels()), project.seq()
    project.close()
    done = subprocess.run([sys.executable, "-c", KILLED, str(project.folder), left])
    assert done.returncode != 0
    before = state(project.folder)
    end = {"log": "-wal", "journal": "-journal"}[left]
    assert any(name.name.endswith(end) for name in before)
    found = seen(project.folder, tmp_path / "away")
    assert found == (labels + (left == "log"), at + (left == "log"), 0)
    assert state(project.folder) == before


@pytest.fixture
def logged(project):
    """A project whose write-ahead log a killed server left, and a program that writes."""
    path, folder = project.path, project.folder
    project.close()
    subprocess.run([sys.executable, "-c", KILLED, str(folder), "log"])
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute("PRAGMA wal_autocheckpoint = 50")
    writer.execute("PRAGMA synchronous = OFF")
    yield path, writer
    writer.close()


def written(writer, first):
    writer.execute("BEGIN")
    for k in range(40):
        row = (100_000 + 40 * first + k,)
        writer.execute(
            "INSERT INTO instances (video, frame, individual, origin) VALUES (1, ?, -1, 0)", row
        )
        writer.execute("INSERT INTO points VALUES (last_insert_rowid(), 0, 1, 1, 2)")
    writer.execute("COMMIT")


def sound(connection):
    """Tell whether a copy is whole, and its edits, too."""
    (said,) = connection.execute("PRAGMA integrity_check").fetchone()
    query = "SELECT count(*) FROM instances WHERE frame >= 100000"
    return said == "ok" and connection.execute(query).fetchone()[0] % 40 == 0


def test_a_copy_between_the_files_of_which_somebody_writes_is_made_again(
    logged, tmp_path, monkeypatch
):
    path, writer = logged
    real, copied = shutil.copyfile, []

    def slow(source, to):
        real(source, to)
        copied.append(source)
        if len(copied) <= 3:  # in the midst of the first copies
            for k in range(20):  # more than a log holds
                written(writer, 20 * len(copied) + k)

    monkeypatch.setattr(shutil, "copyfile", slow)
    looked = project_looks.connect(path, lambda: made(tmp_path / "away"))
    assert sound(looked) and len(copied) > 4
    (count,) = looked.execute("SELECT count(*) FROM points").fetchone()
    assert count == writer.execute("SELECT count(*) FROM points").fetchone()[0]
    looked.close()


def test_what_never_stands_still_is_said(logged, tmp_path, monkeypatch):
    path, writer = logged
    real, copied = shutil.copyfile, []

    def slow(source, to):
        real(source, to)
        copied.append(source)
        written(writer, len(copied))

    monkeypatch.setattr(shutil, "copyfile", slow)
    monkeypatch.setattr(project_looks, "SETTLE_S", 0.2)
    with pytest.raises(InputError, match="written all the time"):
        project_looks.connect(path, lambda: made(tmp_path / "away"))


def test_copies_beside_a_program_that_writes_and_rests_are_whole(logged, tmp_path):
    path, writer = logged
    stop = threading.Event()

    def work():
        for k in itertools.count():
            if stop.wait(0.15 if k % 20 == 0 else 0):
                return
            written(writer, k)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for k in range(12):
            looked = project_looks.connect(path, lambda k=k: made(tmp_path / f"away{k}"))
            assert sound(looked)
            looked.close()
    finally:
        stop.set()
        thread.join()


def test_an_older_project_is_read_in_a_copy(tmp_path):
    text = Path(__file__).with_name("project_format_1.sql").read_text(encoding="utf-8")
    (tmp_path / "p").mkdir()
    with sqlite3.connect(tmp_path / "p" / "project.db") as raw:
        raw.executescript(text)
    raw.close()
    before = state(tmp_path / "p")
    path = tmp_path / "p" / "project.db"
    looked = Project(path.parent, project_looks.connect(path, lambda: made(tmp_path / "away")))
    shutil.copytree(tmp_path / "p", tmp_path / "q")
    with looked, Project.open(tmp_path / "q") as brought:
        assert tables(brought) and looked.seq() == brought.seq()
    assert state(tmp_path / "p") == before


def test_what_is_no_project_is_said(tmp_path):
    with pytest.raises(InputError, match=r"holds no project\.db"):
        project_looks.connect(tmp_path / "project.db", lambda: tmp_path)
    (tmp_path / "project.db").write_bytes(b"no database" * 100)
    with pytest.raises(InputError, match="project.db"):
        project_looks.connect(tmp_path / "project.db", lambda: tmp_path)


def test_the_log_of_a_server_that_runs_is_not_needed_for_its_end(project, tmp_path):
    project_journal.quicken(project.connection, project.path)
    labels = len(project.labels())
    assert seen(project.folder, tmp_path / "away")[0] == labels
    project_journal.settle(project.connection)
    assert not list(project.folder.glob("*-wal"))
