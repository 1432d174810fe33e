import os

from gambol.core import cores
from gambol.core.cores import share_of_cores, usable_cores


def test_no_more_cores_are_used_than_we_may():
    there = usable_cores()
    assert 1 <= there <= os.cpu_count()
    assert usable_cores(1) == 1 and usable_cores(100_000) == there


def test_a_system_that_names_no_cores_of_ours_gives_all(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on Windows and macOS
    assert usable_cores() == os.cpu_count()


def test_those_who_work_side_by_side_share_the_cores(monkeypatch):
    monkeypatch.setattr(cores, "usable_cores", lambda: 8)
    assert [share_of_cores(n) for n in (1, 2, 3, 16)] == [8, 4, 2, 1]
