import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import fake_stages
import pytest

from gambol.app import job, job_files, job_stages
from gambol.app.job_files import Asked

RUNNER = [sys.executable, str(Path(fake_stages.__file__))]


@pytest.fixture(autouse=True)
def known(monkeypatch):
    for name, stage in fake_stages.STAGES.items():
        monkeypatch.setitem(job_stages.STAGES, name, stage)


def ask(folder, stage="count", **config):
    folder.mkdir(exist_ok=True)
    job_files.ask(
        folder,
        Asked(id=folder.name, key="k", stage=stage, title=stage, project=str(folder.parent),
              config=config, by="ann", created=job_files.now()),
    )  # fmt: skip
    return folder


def steps(folder):
    return [line["step"] for line in job_files.lines(folder / "progress.jsonl")[0]
            if "step" in line]  # fmt: skip


def test_a_job_tells_how_far_it_is_and_how_it_ended(tmp_path):
    folder = ask(tmp_path / "count-1", n=4)
    assert job.work(folder) == "done"
    said = job_files.status(folder)
    assert (said.state, said.done, said.total, said.item) == ("done", 4, 4, "number 4")
    assert said.result == {"counted": 4} and said.trouble is None
    assert said.started < said.ended
    assert steps(folder) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("how", "code"),
    [("memory", "memory"), ("cuda", "memory"), ("disk", "disk"), ("video", "video"),
     ("bug", "bug")],
)  # fmt: skip
def test_a_failure_is_a_sentence(tmp_path, how, code):
    folder = ask(tmp_path / "fail-1", "fail", how=how)
    assert job.work(folder) == "failed"
    said = job_files.status(folder)
    assert said.trouble.code == code and said.trouble.hint
    log = "\n".join(job_files.log_tail(folder))
    assert f"about to fail: {how}" in log and said.trouble.message in log
    assert "Traceback" not in log and "Traceback" in (folder / "trace.txt").read_text()


def test_wrong_settings_and_unknown_stages_are_sentences(tmp_path):
    job.work(ask(tmp_path / "a", "suggest", cuont=3))
    assert "cuont" in job_files.status(tmp_path / "a").trouble.message
    job.work(ask(tmp_path / "b", "tarin"))
    assert "train" in job_files.status(tmp_path / "b").trouble.hint


def test_giving_up_ends_it_between_two_units(tmp_path):
    folder = ask(tmp_path / "count-1", n=1000)
    job_files.flag(folder, "cancel")
    start = time.monotonic()
    assert job.work(folder) == "cancelled" and time.monotonic() - start < 3
    assert job_files.status(folder).state == "cancelled"


def test_memory_is_halved_until_it_is_enough(tmp_path, monkeypatch):
    tried = []

    def train(work):
        tried.append(work.asked.at_once)
        if work.asked.at_once != 2:
            raise MemoryError
        return {}

    monkeypatch.setitem(
        job_stages.STAGES, "train", job_stages.JobStage("Train", "", "device", train)
    )
    folder = ask(tmp_path / "train-1", "train")
    assert job.work(folder) == "done" and tried == [None, 4, 2]
    assert job_files.log_tail(folder)[-1].endswith("going on with 2 samples at once")


def test_a_line_that_the_power_tore_costs_no_other(tmp_path):
    folder = ask(tmp_path / "count-1", n=4)
    (folder / "kept").write_text("2")
    said = '{"net": "count", "step": 1}\n{"net": "count", "step": 2}\n{"net": "c'
    (folder / "progress.jsonl").write_text(said)
    job.work(folder)
    assert steps(folder) == [1, 2, 3, 4]


def start(folder):
    return subprocess.Popen([*RUNNER, str(folder)])


def until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    assert true()


def test_killed_and_begun_again_its_steps_have_no_gaps(tmp_path):
    folder = ask(tmp_path / "count-1", n=40, s=0.05)
    first = start(folder)
    until(lambda: len(steps(folder)) >= 8)
    first.kill()
    first.wait()
    had = steps(folder)
    with (folder / "progress.jsonl").open("a") as file:
        file.write('{"net": "count", "st')  # torn by the power
    assert start(folder).wait(20) == 0
    assert len(had) < 40 and steps(folder) == list(range(1, 41))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ended_from_outside_it_can_go_on(tmp_path):
    folder = ask(tmp_path / "count-1", n=400, s=0.05)
    process = start(folder)
    until(lambda: len(steps(folder)) >= 2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 1
    said = job_files.status(folder)
    assert said.state == "lost" and "resume" in said.trouble.hint


def test_a_training_that_was_told_to_stop_can_go_on(tmp_path):
    folder = ask(tmp_path / "fail-1", "fail", how="stop")
    assert job.work(folder) == "lost"
    assert "resume" in job_files.status(folder).trouble.hint


def test_it_gives_signs_of_life_while_a_step_is_long(tmp_path, monkeypatch):
    monkeypatch.setattr(job, "BEAT_S", 0.05)
    folder = ask(tmp_path / "count-1", n=1, s=0.5)
    job_files.beat(folder)
    os.utime(folder / "beat", (1, 1))
    before = time.time()
    job.work(folder)
    assert (folder / "beat").stat().st_mtime >= before + 0.3


def test_on_a_disk_that_is_full_already_nothing_begins(tmp_path, monkeypatch):
    folder = ask(tmp_path / "count-1", "count")
    monkeypatch.setattr(job_files, "LEAST_FREE", 1 << 62)
    assert job.work(folder) == "failed"
    said = job_files.status(folder)
    assert said.trouble.code == "disk" and said.trouble.hint and not (folder / "kept").exists()


def test_a_full_disk_leaves_room_for_the_last_words(tmp_path):
    folder = ask(tmp_path / "fail-1", "fail", how="disk")
    job.work(folder)
    assert (folder / "beat").stat().st_size == 0
    assert json.loads((folder / "status.json").read_text())["state"] == "failed"


def test_without_a_folder_it_says_how_it_is_used(capsys):
    assert job.main([]) == 2
    assert "usage" in capsys.readouterr().err
