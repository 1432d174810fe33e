"""Jobs in processes of their own: they are apart, they fail alone, and none outlives us."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from at_work import note, some_fail

from gambol.stages import workers

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from at_work import wait_for_ever
from gambol.stages import workers
if __name__ == "__main__":
    list(workers.each(wait_for_ever, [sys.argv[2]], 1))
"""


def test_every_job_has_a_process_with_one_thread(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    jobs = [str(tmp_path / name) for name in "abc"]
    done = dict(workers.each(note, jobs, 2))
    assert done == dict.fromkeys(jobs)
    said = [Path(job).read_text().split() for job in jobs]
    assert len({pid for pid, _ in said} | {str(os.getpid())}) == 4
    assert {threads for _, threads in said} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_one_that_fails_says_why_and_stops_no_other(capfd):
    done = dict(workers.each(some_fail, ["refuse", "break", "die", "well"], 2))
    assert done["refuse"] == "film.mp4 is no film; give another"
    assert done["break"] == "KeyError: 'x'"
    assert done["die"] == "its process died with exit status 3"
    assert done["well"] is None
    assert "Traceback" in capfd.readouterr().err  # of what nobody foresaw


def appeared(path):
    until = time.monotonic() + 120
    while not (path.exists() and path.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    return int(path.read_text())


def gone(pid):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_none_outlives_who_started_it(tmp_path, ending):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    place = tmp_path / "pid"
    command = [sys.executable, str(script), str(Path(__file__).parent), str(place)]
    parent = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    child = appeared(place)
    parent.send_signal(ending)
    assert parent.wait(60) != 0
    assert gone(child)
