import os
import time

from gambol.app.web import job_trash


def run(runs, name, size=100):
    folder = runs / name / "out"
    folder.mkdir(parents=True)
    (folder / "poses.nc").write_bytes(b"x" * size)
    return runs / name


def test_deleted_runs_wait_for_a_month(tmp_path):
    kept = job_trash.discard(run(tmp_path, "train-1"))
    again = job_trash.discard(run(tmp_path, "train-1"))
    assert not (tmp_path / "train-1").exists() and kept != again
    old = time.time() - job_trash.KEPT_S - 1
    os.utime(kept, (old, old))
    job_trash.purge(tmp_path)
    assert not kept.exists() and (again / "out" / "poses.nc").is_file()
    job_trash.purge(tmp_path, 0.0)
    assert not again.exists()


def test_an_old_run_waits_from_when_it_was_deleted(tmp_path):
    folder = run(tmp_path, "train-1")
    os.utime(folder, (0, 0))
    kept = job_trash.discard(folder)
    job_trash.purge(tmp_path)
    assert kept.is_dir()


def test_numbers_of_deleted_runs_are_not_given_again(tmp_path):
    for name in ("train-2", "predict-7", "predict-frames-9", "train-x"):
        run(tmp_path, name)
    job_trash.discard(run(tmp_path, "train-4"))
    assert sorted(job_trash.numbers(tmp_path, "train")) == [2, 4]
    assert job_trash.numbers(tmp_path, "predict") == [7]
    assert job_trash.numbers(tmp_path / "none", "train") == []


def test_what_runs_take_is_counted_the_largest_first(tmp_path):
    run(tmp_path, "train-1", 10)
    run(tmp_path, "predict-1", 3000)
    job_trash.discard(run(tmp_path, "train-2", 500))
    (tmp_path / "train-1" / "link").symlink_to("/usr")
    told = job_trash.disk(tmp_path)
    assert [one.id for one in told.runs] == ["predict-1", "train-1"]
    assert told.runs[0].bytes == 3000 and told.trash == 500 and 0 < told.free <= told.total
    assert job_trash.disk(tmp_path / "none").runs == []
