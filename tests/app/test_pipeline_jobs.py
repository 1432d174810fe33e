"""Commands are played by small programs; what the real ones do is in `test_pipelines`."""

import os
import signal
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from gambol.app import forks
from gambol.app.pipeline_jobs import Crew
from gambol.core.progress import Stopped

PLAYER = """
import json, os, sys, time
from pathlib import Path
exec(sys.argv[1])
"""


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Run Python in the place of a command."""
    began = forks.subprocess.Popen
    monkeypatch.setattr(forks, "_forks", lambda threads: False)

    def popen(command, **more):
        return began([sys.executable, "-c", PLAYER, *command[3:]], **more)

    monkeypatch.setattr(forks.subprocess, "Popen", popen)

    def do(code, crew=None, log="log", gpus=0, **settings):
        chosen = {"threads": 1, "tries": 3, "patience_s": 60.0} | settings
        crew = crew or Crew(tmp_path, **chosen)
        return crew.do([code], tmp_path / "logs" / f"{log}.txt", gpus)

    return do


def test_its_result_is_what_it_printed_and_its_log_what_it_said(play, tmp_path):
    code = "print(json.dumps([os.getcwd(), sys.argv[-1]])); sys.stderr.write('hm')"
    ended = play(code)
    assert ended.trouble is None
    assert ended.result == [os.path.realpath(tmp_path), "--json"]
    assert (tmp_path / "logs" / "log.txt").read_text() == "hm"


def test_what_it_refuses_is_not_tried_again(play, tmp_path):
    said = "sys.stderr.write('gambol: no such film\\n'); sys.exit(2)"
    assert play("open('tries', 'a').write('x'); " + said).trouble == "no such film"
    assert (tmp_path / "tries").read_text() == "x"


def test_a_fault_is_told_by_its_last_line(play):
    assert play("raise RuntimeError('what now')").trouble == "it failed: RuntimeError: what now"
    assert "no JSON" in play("print('all went well')").trouble


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_killed_process_is_started_again(play, tmp_path):
    lost = "open('tries', 'a').write('x'); os.kill(os.getpid(), 9)"
    code = f"Path('tries').exists() and (print('[1]'), sys.exit(0))\n{lost}"
    assert play(code).result == [1]
    ended = play(lost, tries=2)
    assert ended.trouble == f"its process was killed (exit status {-signal.SIGKILL})"
    assert (tmp_path / "tries").read_text() == "xxx"


def test_one_that_is_killed_before_it_opens_its_files_is_started_again(tmp_path, monkeypatch):
    codes = [forks.LOST, 0]

    class Dead:
        def __init__(self, place):
            self.code = codes.pop(0)
            if self.code == 0:
                place.printed.write_text("[1]")

        def poll(self):
            return self.code

        def wait(self, timeout=None):
            return self.code

    @contextmanager
    def running(words, place, verbs):
        yield Dead(place)

    monkeypatch.setattr(forks, "running", running)
    crew = Crew(tmp_path, threads=1, tries=2, patience_s=60.0)
    ended = crew.do(["info"], tmp_path / "logs" / "log.txt")
    assert ended.result == [1] and not codes


def test_one_that_says_nothing_is_ended_and_started_again(play, tmp_path):
    code = "Path('hung').exists() and (print('{}'), sys.exit(0))\n"
    code += "Path('hung').touch(); time.sleep(99)"
    start = time.monotonic()
    assert play(code, patience_s=3.0).result == {}
    assert time.monotonic() - start < 60
    trouble = play("time.sleep(99)", patience_s=0.5, tries=1).trouble
    assert trouble == "it said nothing for 0.5 s and was ended"


def test_one_that_goes_on_talking_is_left_alone(play):
    talk = "(sys.stderr.write('.'), sys.stderr.flush(), time.sleep(0.2))"
    code = f"[{talk} for _ in range(25)]; print(3)"
    assert play(code, patience_s=4.0, tries=1).result == 3


def test_when_the_pipeline_ends_its_processes_do(play, tmp_path):
    crew = Crew(tmp_path, threads=1, tries=3, patience_s=60.0)
    stopped = []

    def run():
        with pytest.raises(Stopped):
            play(code, crew)
        stopped.append(True)

    code = "Path('pid').write_text(str(os.getpid())); time.sleep(99)"
    thread = threading.Thread(target=run)
    thread.start()
    until = time.monotonic() + 30
    while not (tmp_path / "pid").exists() and time.monotonic() < until:
        time.sleep(0.05)
    crew.close()
    thread.join(30)
    assert stopped
    with pytest.raises(Stopped):
        play("print(1)", crew)


def test_its_process_knows_its_threads(play):
    assert play("print(json.dumps(os.environ['OMP_NUM_THREADS']))", threads=3).result == "3"


def test_gpus_are_lent_to_one_process_at_a_time(play, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    crew, seen = Crew(tmp_path, 1, 3, 60.0), []
    code = "time.sleep(0.2); print(json.dumps(os.environ['CUDA_VISIBLE_DEVICES']))"
    assert play(code, crew).result == "4,7"  # who asks for none is not kept from them

    def one(name):
        seen.append(play(code, crew, log=name, gpus=1).result)

    threads = [threading.Thread(target=one, args=[name]) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(seen) == ["4", "4", "7", "7"]
    assert set(play(code, crew, gpus=2).result) == set("4,7")
    refused = play(code, crew, gpus=3)
    assert refused.trouble == "it asks for 3 GPUs, and this machine has 2" and refused.refused
