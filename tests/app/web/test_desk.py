import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from labelled import MOUSE

from gambol.app.web.answers import Fail
from gambol.app.web.desk import LOCK, Desk, Lock, Running, running, said
from gambol.core.errors import InputError
from gambol.io.project import Project


@pytest.fixture
def desk(tmp_path):
    Project.create(tmp_path / "p", MOUSE).close()
    one = Desk(tmp_path / "p")
    yield one
    one.close()


def test_functions_run_in_order_in_one_thread_that_is_not_the_loops(desk):
    async def many():
        return await asyncio.gather(
            *(desk.ask(lambda p, k=k: (k, threading.get_ident(), p.seq())) for k in range(50))
        )

    found = asyncio.run(many())
    assert [k for k, _, _ in found] == list(range(50))
    assert len({thread for _, thread, _ in found}) == 1 != threading.get_ident()
    assert found[0][1] != threading.get_ident()


def test_errors_reach_who_asked_and_the_desk_goes_on(desk):
    def fail(project):
        raise InputError("no")

    with pytest.raises(InputError, match="no"):
        asyncio.run(desk.ask(fail))
    assert asyncio.run(desk.ask(Project.seq)) == 1


def test_a_folder_that_is_no_project_says_so_until_it_is_made_one(tmp_path):
    desk = Desk(tmp_path / "new")
    assert not desk.open()
    with pytest.raises(Fail) as error:
        desk.ask_now(Project.seq)
    assert (error.value.status, error.value.problem.code) == (409, "no-project")
    asyncio.run(desk.create(MOUSE))
    assert desk.ask_now(lambda p: p.skeleton) == MOUSE
    with pytest.raises(InputError, match="is a project already"):
        asyncio.run(desk.create(MOUSE))
    desk.close()
    desk.close()


def test_edits_are_told_whoever_made_them(desk):
    told = []
    desk.told = lambda project, since: told.append((since, project.seq()))
    desk.ask_now(lambda p: p.set_suggestions([]))
    assert told == []
    desk.ask_now(lambda p: p.undo())  # nothing to undo
    desk.ask_now(lambda p: p.set_track_log(p.folder / "a", "{}", ["x"], "tracks"))
    with Project.open(desk.folder) as other:
        other.set_track_log(other.folder / "b", "{}", ["x"], "tracks")
    desk.ask_now(lambda p: None)
    assert told == [(1, 3), (3, 5)]


def test_a_server_writes_ahead_and_leaves_one_file(desk):
    mode = "PRAGMA journal_mode"
    assert desk.ask_now(lambda p: p._all(mode)) == [("wal",)]
    assert desk.journal == ""
    desk.close()
    files = {path.name for path in desk.folder.iterdir()}
    assert files == {"project.db"}
    with Project.open(desk.folder) as project:
        assert project._all(mode) == [("delete",)]


def test_backups_are_made_once_a_day(desk):
    copy = desk.backup()
    assert copy is not None and desk.backup() is None
    old = time.time() - 25 * 3600
    os.utime(copy, (old, old))
    assert desk.backup() not in (None, copy)


HOLDER = """
import sys, time
from pathlib import Path
from gambol.app.web.desk import Lock
lock = Lock(Path(sys.argv[1])); lock.note("http://127.0.0.1:8123/")
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is of POSIX")
def test_a_second_server_hears_where_the_first_is_and_a_killed_one_holds_nothing(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(Running, match="go to http://127.0.0.1:8123/") as error:
            Lock(tmp_path)
        assert error.value.address == "http://127.0.0.1:8123/"
        assert said(tmp_path)["pid"] == first.pid
        first.send_signal(signal.SIGKILL)
    lock = Lock(tmp_path)
    lock.note("http://127.0.0.1:9/")
    assert json.loads((tmp_path / LOCK).read_text(encoding="utf-8"))["pid"] == os.getpid()
    lock.release()
    assert said(tmp_path) == {}
    Lock(tmp_path).release()


def test_who_looks_takes_no_lock_and_leaves_it_to_others(tmp_path):
    folder = tmp_path / "mice"
    folder.mkdir()
    assert running(folder) is None and not list(folder.iterdir())
    lock = Lock(folder)
    lock.note("http://127.0.0.1:1/")
    noted = (folder / LOCK).read_bytes()
    other = running(folder)
    assert other is not None and other.address == "http://127.0.0.1:1/"
    assert (folder / LOCK).read_bytes() == noted
    lock.release()
    assert running(folder) is None
    Lock(folder).release()  # nobody holds it now


def test_a_desk_that_looks_opens_and_changes_nothing(tmp_path):
    Project.create(tmp_path / "p", MOUSE).close()
    path = tmp_path / "p" / "project.db"
    before = path.read_bytes(), path.stat().st_mtime_ns
    desk = Desk(tmp_path / "p", looks=True)
    assert desk.ask_now(lambda project: project.skeleton) == MOUSE
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        desk.ask_now(lambda project: project.connection.execute("DELETE FROM meta"))
    assert desk.journal == ""
    desk.close()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [one.name for one in (tmp_path / "p").iterdir()] == ["project.db"]
