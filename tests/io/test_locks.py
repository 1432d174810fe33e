"""Locks keep others away for as long as their process lives, and no longer."""

import subprocess
import sys
import threading
import time

import pytest

from gambol.io import locks

HOLDS = """
import sys, time
from pathlib import Path
from gambol.io import locks
with locks.held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_one_at_a_time_in_any_number_of_threads(tmp_path):
    inside, most, did = [], [], []

    def work():
        for _ in range(20):
            with locks.held(tmp_path / "new" / "lock"):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()
                did.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert max(most) == 1 and len(did) == 80


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path):
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with path.open("ab") as file:
            assert not locks.take(file)
        heard = []

        def waits(waited):
            heard.append(waited)
            if len(heard) == 3:
                other.kill()

        with locks.held(path, waits):
            assert other.wait() != 0
    assert heard[:3] == sorted(heard[:3]) and heard[0] < heard[2]


def test_who_waits_may_give_up(tmp_path):
    class Enough(Exception):
        pass

    def waits(waited):
        raise Enough

    path = tmp_path / "lock"
    with locks.held(path), pytest.raises(Enough), locks.held(path, waits):
        raise AssertionError("two have it")
    with locks.held(path, waits):
        pass
