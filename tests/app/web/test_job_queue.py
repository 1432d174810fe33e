import os
import sys
import time
from pathlib import Path

import fake_stages
import pytest
from labelled import MOUSE

from gambol.app import job_files, job_stages, processes
from gambol.app.web import job_queue
from gambol.app.web.answers import Fail
from gambol.app.web.hub import Hub
from gambol.app.web.job_queue import COMMAND, Jobs
from gambol.app.web.models import JobStart
from gambol.core.errors import InputError
from gambol.io.project import Project


class Ears(Hub):
    def __init__(self):
        super().__init__()
        self.heard = []

    def send(self, message):
        self.heard.append(message)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    for name, stage in fake_stages.STAGES.items():
        monkeypatch.setitem(job_stages.STAGES, name, stage)
    monkeypatch.setenv(COMMAND, f"'{sys.executable}' '{Path(fake_stages.__file__)}'")


@pytest.fixture
def jobs(tmp_path):
    one = Jobs(tmp_path, Ears())
    one.start()
    yield one
    for job in one.all():
        if job.state in ("running", "stopping") and (at := job_files.place(one.path(job.id))):
            processes.kill(at.pid)
    one.close()


def start(jobs, stage="count", key="k", **config):
    return jobs.submit(JobStart(key=key, stage=stage, config=config), "ann")


def until(jobs, name, *states, seconds=20):
    end = time.monotonic() + seconds
    while jobs.get(name).state not in states and time.monotonic() < end:
        time.sleep(0.02)
    assert jobs.get(name).state in states
    return jobs.get(name)


def steps(jobs, name):
    found = job_files.lines(jobs.path(name) / "progress.jsonl")[0]
    return [line["step"] for line in found if "step" in line]


def until_steps(jobs, name, count):
    end = time.monotonic() + 20
    while len(steps(jobs, name)) < count and time.monotonic() < end:
        time.sleep(0.02)
    assert len(steps(jobs, name)) >= count


def test_a_job_runs_and_pages_hear_of_it(jobs):
    job = start(jobs, n=4, s=0.2)
    assert (job.id, job.state, job.by) == ("count-1", "queued", "ann")
    done = until(jobs, "count-1", "done")
    assert done.result == {"counted": 4} and done.done == 4
    time.sleep(0.6)
    states = [message.job.state for message in jobs._hub.heard]
    assert states[0] == "queued" and "running" in states and states[-1] == "done"


def test_a_repeated_click_is_one_job_and_one_that_failed_may_be_tried_again(jobs):
    start(jobs, n=1)
    assert start(jobs, n=1).id == "count-1" and len(jobs.all()) == 1
    start(jobs, "fail", "f", how="bug")
    until(jobs, "fail-1", "failed")
    assert start(jobs, "fail", "f", how="bug").id == "fail-2"


def test_jobs_of_a_lane_wait_in_order(jobs):
    names = [start(jobs, key=str(n), n=3, s=0.1).id for n in range(3)]
    seen = []
    end = time.monotonic() + 30
    while (all_ := jobs.all()) and any(job.state != "done" for job in all_):
        seen.append([job.id for job in all_ if job.state == "running"])
        assert time.monotonic() < end
        time.sleep(0.02)
    assert max(map(len, seen)) == 1
    started = [jobs.get(name).started for name in names]
    assert started == sorted(started)


def test_what_waits_may_be_given_up(jobs):
    start(jobs, key="a", n=500, s=0.05)
    start(jobs, key="b")
    assert jobs.cancel("count-2").state == "cancelled"
    with pytest.raises(Fail, match="cancelled already"):
        jobs.cancel("count-2")
    until(jobs, "count-1", "running")
    until_steps(jobs, "count-1", 1)
    assert jobs.cancel("count-1").state == "stopping"
    until(jobs, "count-1", "cancelled", seconds=3)


def test_one_that_does_not_listen_is_killed(jobs, monkeypatch):
    monkeypatch.setattr(job_queue, "GRACE_S", 0.5)
    start(jobs, "deaf")
    until(jobs, "deaf-1", "running")
    while "deaf" not in job_files.log_tail(jobs.path("deaf-1")):
        time.sleep(0.02)
    jobs.cancel("deaf-1")
    ended = until(jobs, "deaf-1", "cancelled")
    assert ended.problem is None
    assert processes.born(job_files.place(jobs.path("deaf-1")).pid) is None


def test_killed_it_is_lost_and_goes_on_without_gaps(jobs):
    start(jobs, n=30, s=0.05)
    until_steps(jobs, "count-1", 8)
    processes.kill(job_files.place(jobs.path("count-1")).pid)
    lost = until(jobs, "count-1", "lost", seconds=5)
    assert "killed" in lost.problem.message and "resume" in lost.problem.hint
    assert jobs.resume("count-1").state == "queued"
    until(jobs, "count-1", "done")
    assert steps(jobs, "count-1") == list(range(1, 31))
    with pytest.raises(Fail, match="is done"):
        jobs.resume("count-1")


def test_a_new_server_finds_what_runs(jobs, tmp_path):
    start(jobs, n=40, s=0.05)
    until_steps(jobs, "count-1", 3)
    pid = job_files.place(jobs.path("count-1")).pid
    jobs.close()  # as much as a killed server says
    second = Jobs(tmp_path, Ears())
    second.start()
    try:
        assert second.get("count-1").state == "running"
        until(second, "count-1", "done")
        assert job_files.place(second.path("count-1")).pid == pid
        assert steps(second, "count-1") == list(range(1, 41))
    finally:
        second.close()


def test_another_process_with_its_number_is_not_it(jobs, tmp_path):
    folder = tmp_path / "runs" / "count-9"
    folder.mkdir(parents=True)
    asked = job_files.Asked(id="count-9", key="x", stage="count", title="", by="ann",
                            project=str(tmp_path), created=job_files.now())  # fmt: skip
    job_files.ask(folder, asked)
    place = job_files.Place(pid=os.getpid(), born="1", host=job_queue.socket.gethostname())
    job_files.quickly(place, folder / "process.json")
    second = Jobs(tmp_path, Ears(), looks=True)
    second.start()
    assert second.get("count-9").state == "lost"
    second.close()


def test_a_silent_one_is_lost_and_heard_again_runs(jobs, monkeypatch):
    start(jobs, n=200, s=0.05)
    until_steps(jobs, "count-1", 1)
    monkeypatch.setattr(job_queue, "SILENT_S", -1.0)
    assert jobs.get("count-1").state == "running"  # the server has just begun to look
    jobs._awake_since = -1e9
    assert "no sign of life" in until(jobs, "count-1", "lost").problem.message
    monkeypatch.setattr(job_queue, "SILENT_S", 60.0)
    assert jobs.get("count-1").state == "running"


def test_a_launch_command_that_is_none_is_a_sentence(jobs, monkeypatch):
    monkeypatch.setenv(COMMAND, "no-such-srun --gres=gpu:1")
    start(jobs)
    problem = until(jobs, "count-1", "failed").problem
    assert problem.code == "launch" and "no-such-srun" in problem.message


def test_who_only_looks_starts_nothing(tmp_path):
    jobs = Jobs(tmp_path, Ears(), looks=True)
    jobs.start()
    start(jobs)
    time.sleep(0.6)
    assert jobs.get("count-1").state == "queued"
    jobs.close()


def test_a_remedy_is_taken_over(jobs):
    start(jobs, "fail", how="memory")
    assert until(jobs, "fail-1", "failed").problem.code == "memory"
    jobs.resume("fail-1", "cpu")
    assert job_files.asked(jobs.path("fail-1")).device == "cpu"
    until(jobs, "fail-1", "failed")


@pytest.mark.parametrize("how", ["memory", "video", "disk"])
def test_failures_are_told_within_five_seconds_and_touch_no_label(jobs, tmp_path, how):
    with Project.create(tmp_path, MOUSE) as project:
        before = [row for row in project.connection.iterdump()]
    begun = time.monotonic()
    start(jobs, "fail", how=how)
    problem = until(jobs, "fail-1", "failed").problem
    assert time.monotonic() - begun < 5
    assert problem.code == how and problem.hint and "\n" not in problem.message
    with Project.open(tmp_path) as project:
        assert [row for row in project.connection.iterdump()] == before


def test_stages_and_settings_that_are_wrong_are_refused_at_once(jobs):
    with pytest.raises(InputError, match="did you mean 'suggest'"):
        start(jobs, "sugest")
    with pytest.raises(InputError, match="cuont"):
        start(jobs, "suggest", cuont=3)
    assert jobs.all() == []
