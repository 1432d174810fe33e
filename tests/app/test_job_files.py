import json
import os

import pytest

from gambol.app import job_files
from gambol.app.job_files import Asked, Status, Trouble
from gambol.core.errors import InputError

ASKED = Asked(
    id="count-1", key="k", stage="count", title="Count", project="/p", by="ann",
    created=job_files.now(), config={"n": 3},
)  # fmt: skip


def test_what_is_asked_for_reads_as_it_was_written(tmp_path):
    job_files.ask(tmp_path, ASKED)
    assert job_files.asked(tmp_path) == ASKED
    (tmp_path / "job.json").write_text("{}")
    with pytest.raises(InputError, match="damaged"):
        job_files.asked(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        job_files.asked(tmp_path / "none")


def test_a_status_reads_as_it_was_written(tmp_path):
    assert job_files.status(tmp_path) is None
    said = Status(state="failed", trouble=Trouble(code="disk", message="full"))
    job_files.quickly(said, tmp_path / "status.json")
    assert job_files.status(tmp_path) == said
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_silence_is_counted_from_the_last_sign_of_life(tmp_path):
    assert job_files.silent_s(tmp_path) is None
    job_files.beat(tmp_path)
    assert job_files.silent_s(tmp_path) < 5
    os.utime(tmp_path / "beat", (1, 1))
    assert job_files.silent_s(tmp_path) > 1e6
    job_files.make_room(tmp_path)
    assert (tmp_path / "beat").stat().st_size == 0


def test_only_whole_lines_are_read(tmp_path):
    path = tmp_path / "x.jsonl"
    assert job_files.lines(path) == ([], 0)
    path.write_text('{"a": 1}\n{"a": 2}\n{"a"')
    found, at = job_files.lines(path)
    assert found == [{"a": 1}, {"a": 2}]
    with path.open("a") as file:
        file.write(": 3}\n")
    assert job_files.lines(path, at) == ([{"a": 3}], path.stat().st_size)


def test_again_forgets_how_it_ended_and_keeps_what_was_made(tmp_path):
    job_files.ask(tmp_path, ASKED)
    job_files.quickly(Status(state="failed"), tmp_path / "status.json")
    job_files.flag(tmp_path, "stop")
    (tmp_path / "progress.jsonl").write_text("{}\n")
    said = job_files.again(tmp_path, device="cpu")
    assert said == job_files.asked(tmp_path) == ASKED.model_copy(update={"device": "cpu"})
    assert not job_files.flagged(tmp_path, "stop") and job_files.status(tmp_path) is None
    assert (tmp_path / "progress.jsonl").exists()


def test_the_log_ends_with_its_last_lines(tmp_path):
    assert job_files.log_tail(tmp_path) == []
    (tmp_path / "log.txt").write_text("".join(f"line {n}\n" for n in range(30_000)))
    tail = job_files.log_tail(tmp_path, 3)
    assert tail == ["line 29997", "line 29998", "line 29999"]
    assert json.dumps(tail)
