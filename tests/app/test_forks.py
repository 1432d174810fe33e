"""What a command does is told in `test_pipelines`; here is how its process begins and ends."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from multiprocessing import forkserver

import psutil
import pytest
from commands_seen import commands_in, look

from gambol.app import forks
from gambol.app.forks import Place, running

LONG = ("simulate-behavior", "out", "--set", "frames=5000000")
forking = pytest.mark.skipif(sys.platform != "linux", reason="commands are forks on Linux")


@pytest.fixture
def place(tmp_path):
    """In an environment of its own."""
    (tmp_path / "work").mkdir()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TELLS": "me"}
    return Place(tmp_path / "work", environment, 1, tmp_path / "said", tmp_path / "printed")


@pytest.fixture(params=["fresh", "fork"])
def begins(request, monkeypatch):
    """Have commands begin in either way."""
    if request.param == "fork" and sys.platform != "linux":
        pytest.skip("commands are forks on Linux")
    monkeypatch.setattr(forks, "_forks", lambda threads: request.param == "fork")


def ends(process, seconds=60):
    """Wait for an end, as the crew does: by looking."""
    until = time.monotonic() + seconds
    while process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    return process.poll()


def begun(folder):
    """Wait until a command runs in a folder."""
    until = time.monotonic() + 60
    while not (found := commands_in(folder)):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def test_a_command_is_done_where_it_is_to_be(begins, place):
    place.said.write_text("before\n")
    with running(("doctor", "--json"), place, ["doctor"]) as process:
        assert ends(process) == process.wait() == 0
    assert json.loads(place.printed.read_text())
    place.printed.write_text("what was printed before is longer than what comes" * 9)
    with running(("info", "nowhere.mp4", "--json"), place) as process:
        assert process.wait(60) == 2
    assert place.printed.read_text() == ""
    said = place.said.read_text()
    assert said.startswith("before\n") and "gambol: nowhere.mp4 does not exist" in said


def test_it_can_be_waited_for_and_ended(begins, place):
    for end, code in (("terminate", None), ("kill", -signal.SIGKILL)):
        with running(LONG, place) as process:
            assert process.poll() is None
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.2)
            getattr(process, end)()
            assert process.wait(60) == code if code else process.wait(60)
        assert not commands_in(place.folder)


SCRIPT = """
import os, sys
from pathlib import Path
from gambol.app.forks import Place, running
if __name__ == "__main__":
    work, said, printed = map(Path, sys.argv[1:4])
    with running(sys.argv[4:], Place(work, dict(os.environ), 1, said, printed)) as process:
        process.wait()
"""


def test_it_ends_when_the_one_that_started_it_is_killed(place, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    words = [sys.executable, script, place.folder, place.said, place.printed, *LONG]
    with subprocess.Popen(words) as began:
        begun(place.folder)
        began.kill()
    until = time.monotonic() + 60
    while commands_in(place.folder):
        assert time.monotonic() < until
        time.sleep(0.05)


@forking
def test_what_is_forked_knows_its_environment_and_imports_nothing_twice(place):
    with running(("info", "nowhere.mp4"), place) as process:
        process.wait(60)
    context = multiprocessing.get_context("forkserver")
    beside = context.Process(target=look, args=[place])  # forked from the same process
    beside.start()
    beside.join(60)
    seen = json.loads(place.printed.read_text())
    assert {"gambol.app.cli", "gambol.app.warm", "dask"} <= set(seen["modules"])
    assert seen["tasks"] == 1  # a fork has none of the other threads, and waits for them
    assert seen["environment"] == place.environment and "TELLS" not in os.environ
    assert seen["folder"] == os.path.realpath(place.folder)


@forking
def test_one_whose_server_is_killed_is_lost_and_the_next_begins_anew(place):
    with running(LONG, place) as process:
        (command,) = begun(place.folder)
        server = command.parent()
        server.kill()
        assert ends(process) == forks.LOST
        psutil.wait_procs([command], 30)
        assert not commands_in(place.folder)
    with running(("info", "nowhere.mp4"), place) as process:
        assert process.wait(60) == 2


def test_other_threads_than_those_of_the_first_are_given_by_fresh_processes(monkeypatch):
    monkeypatch.setattr(forks, "_warm", [])
    assert forks._forks(3) == (sys.platform == "linux")
    monkeypatch.setattr(forks, "_warm", [3])
    assert forks._forks(3) == (sys.platform == "linux") and not forks._forks(2)


@forking
def test_processes_that_may_start_none_begin_fresh_ones(monkeypatch):
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)
    assert not forks._forks(1)


@forking
@pytest.mark.parametrize("deaths", [1, forks.STARTS])
def test_a_server_that_dies_while_it_forks_is_replaced(place, monkeypatch, deaths):
    server = forkserver._forkserver
    ensure, died = server.ensure_running, []

    def dies():
        ensure()
        if len(died) < deaths:
            died.append(server._forkserver_pid)
            os.kill(died[-1], signal.SIGKILL)

    monkeypatch.setattr(server, "ensure_running", dies)
    if deaths < forks.STARTS:
        with running(("info", "nowhere.mp4"), place) as process:
            assert process.wait(60) == 2
    else:
        with pytest.raises(OSError, match="died 5 times"), running(("doctor",), place):
            pass
    assert len(set(died)) == deaths
