"""Who looks sees what is there, and leaves no trace."""

import shutil
import sqlite3
import subprocess
import sys
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
