import subprocess
import sys
import time

import pytest

from gambol.app import processes


@pytest.fixture
def sleeper(tmp_path):
    command = [sys.executable, "-c", "import time; print('hi', flush=True); time.sleep(60)"]
    child = processes.start(command, tmp_path, tmp_path / "log.txt")
    yield child
    child.kill()
    child.wait()


def until(true, seconds=10):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def test_a_process_is_known_by_number_and_beginning(sleeper):
    first = processes.born(sleeper.pid)
    assert first is not None and processes.born(sleeper.pid) == first
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert processes.born(other.pid) is not None
    other.communicate(b"\n")
    assert processes.born(other.pid) is None


def test_one_that_ended_is_gone_before_anybody_asked_for_its_code(sleeper):
    processes.kill(sleeper.pid)
    assert until(lambda: processes.born(sleeper.pid) is None)
    assert sleeper.returncode is None  # nobody did


def test_what_it_says_goes_to_the_log(sleeper, tmp_path):
    assert until(lambda: (tmp_path / "log.txt").read_text() == "hi\n")


def test_a_whole_group_ends(tmp_path):
    code = (
        "import subprocess, sys, time; c = subprocess.Popen([sys.executable, '-c', "
        "'import time; time.sleep(60)']); print(c.pid, flush=True); time.sleep(60)"
    )
    child = processes.start([sys.executable, "-c", code], tmp_path, tmp_path / "log.txt")
    assert until(lambda: (tmp_path / "log.txt").read_text().strip().isdigit())
    grandchild = int((tmp_path / "log.txt").read_text())
    assert processes.born(grandchild) is not None
    processes.ask_to_end(child.pid)
    child.wait(10)
    assert until(lambda: processes.born(grandchild) is None)


def test_ending_what_has_ended_is_no_error():
    processes.kill(2**22 + 1)
    processes.ask_to_end(2**22 + 1)
    assert processes.born(2**22 + 1) is None


def test_no_such_program(tmp_path):
    with pytest.raises(OSError):
        processes.start([str(tmp_path / "none")], tmp_path, tmp_path / "log.txt")
