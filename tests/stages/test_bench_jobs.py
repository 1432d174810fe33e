"""The pieces of a comparison, each done in this process."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.core.labels import Region
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io import store
from gambol.nn.cost import flops
from gambol.nn.model import parameter_count
from gambol.pose import splits
from gambol.stages import bench_jobs, evaluate
from gambol.stages.bench_jobs import Costs, Training


@pytest.fixture(scope="module")
def job(recording, tmp_path_factory):
    labels = io_labels.load(recording.labels)
    split = splits.folds(labels, 2, gap=15)[0]
    settings = {
        "backbone": {"kind": "unet", "depth": 2, "filters": 4}, "scale": 0.5,
        "fit": {"steps": 6, "evaluate_every": 2, "batch": 4},
    }  # fmt: skip
    run = tmp_path_factory.mktemp("bench") / "run"
    rows = tuple(part.tolist() for part in split)
    known = labels.content_hash()
    return Training(str(recording.labels), known, str(run), settings, rows, "cpu", 6)


def costs(job, out):
    return Costs(job.labels, job.labels_hash, job.run, job.rows[3][0], str(out), "torch")


@pytest.fixture(scope="module")
def done(job):
    bench_jobs.train_one(job)
    return io_run.load(Path(job.run))


def test_a_training_is_an_ordinary_run_that_never_saw_its_test_block(job, done, recording):
    labels = io_labels.load(recording.labels)
    test = labels.select(np.array(job.rows[3]))
    with np.load(done.folder / bench_jobs.TESTED) as held:
        assert held["rows"].tolist() == job.rows[3]
        assert np.array_equal(held["xy"], evaluate.see(done, test).xy)
    used = {(p, f) for p, _, f, _ in io_run.read_split(done.folder)}
    assert {f for p, f in used if p == "test"} == set(test.frame.tolist())
    learned = {f for p, f in used if p != "test"}
    assert not learned & set(test.frame.tolist())
    assert evaluate.run(evaluate.EvaluateConfig(), done.folder, recording.labels)["n_frames"]


def test_its_clock_rises_from_one_evaluation_to_the_next(done):
    note = store.read_json(done.folder / bench_jobs.NOTE)
    steps, minutes = zip(*note["at"], strict=True)
    assert set(steps) >= {line["step"] for line in io_run.read_log(done.folder)}
    assert list(minutes) == sorted(minutes)
    assert note["core_minutes"] >= minutes[-1] > 0


def test_a_finished_training_is_taken_and_only_predicted_again(job, done):
    tested, model = done.folder / bench_jobs.TESTED, done.folder / io_run.MODEL
    before, written = tested.read_bytes(), model.stat().st_mtime_ns
    tested.unlink()
    bench_jobs.train_one(job)
    assert tested.read_bytes() == before and model.stat().st_mtime_ns == written


def test_a_pilot_says_what_a_step_costs_and_leaves_no_run(job, tmp_path):
    bench_jobs.pilot(job._replace(run=str(tmp_path / "pilot")))
    found = store.read_json(tmp_path / "pilot.json")
    assert 0 < found["step_s"] < 60 and 0 <= found["evaluation_s"] < 60
    assert [p.name for p in tmp_path.iterdir()] == ["pilot.json"]


def test_what_makes_a_process_ready_is_no_cost_of_a_step_or_an_evaluation():
    now = [0.0]
    watch = bench_jobs._Watch(SimpleNamespace(minutes=lambda: now[0]))
    crops, centroids = SimpleNamespace(name="train"), SimpleNamespace(name="find animals")

    def after(seconds, tell, *told):
        now[0] += seconds / 60
        tell(*told)

    after(30.0, watch.heard, centroids, None)  # compiles
    for seconds in (5.0, 1.0, 1.0):
        after(seconds, watch.heard, centroids, None)
    after(9.0, watch.evaluated, centroids, None, None)  # compiles
    after(2.0, watch.evaluated, centroids, None, None)
    for seconds in (20.0, 4.0, 3.0, 3.0):
        after(seconds, watch.heard, crops, None)
    after(4.0, watch.evaluated, crops, None, None)  # the only one
    found = watch.costs()
    assert found["step_s"] == pytest.approx(np.mean([1, 1, 3, 3]))
    assert found["evaluation_s"] == pytest.approx(2 + 4)


def test_size_and_speed_are_those_of_the_network(job, done, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_jobs, "TIMED_S", 0.0)
    out = tmp_path / "costs.json"
    bench_jobs.look(costs(job, out))
    found = store.read_json(out)
    assert found["parameters"] == parameter_count(done.net)
    assert found["gflops"] == flops(done.net, 60, 80) / 1e9  # 160×120 at half the scale
    assert found["frame"] == [120, 160]
    told = store.read_json(done.folder / "provenance.json")["field_px"]
    assert found["field_px"] == told["side"] / 0.5  # in pixels of the video
    assert 0 < found["effective_px"] < found["field_px"]
    assert min(found["ms_1"], found["ms_16"]) > 0


def test_a_network_that_sees_the_whole_picture_has_no_side(job, done, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_jobs, "TIMED_S", 0.0)
    run = shutil.copytree(done.folder, tmp_path / "run")
    told = store.read_json(run / "provenance.json")
    told["field_px"]["side"] = None  # as of vit
    store.write_json(told, run / "provenance.json")
    bench_jobs.look(costs(job._replace(run=str(run)), tmp_path / "costs.json"))
    assert store.read_json(tmp_path / "costs.json")["field_px"] is None


def test_speed_is_measured_on_the_row_of_the_file_beside_regions(
    job, done, recording, tmp_path, monkeypatch
):
    monkeypatch.setattr(bench_jobs, "TIMED_S", 0.0)
    labels = io_labels.load(recording.labels)
    corners = np.array([[0.0, 0], [160, 0], [160, 120], [0, 120]])
    path = tmp_path / "some.slp"
    first = Region(int(labels.video[0]), int(labels.frame[0]), corners)
    io_labels.write(replace(labels, regions=(first,)), path, "slp")
    seen = []
    frames = bench_jobs.io_frames.labelled
    monkeypatch.setattr(
        bench_jobs.io_frames, "labelled",
        lambda truth, **more: seen.extend(truth.frame) or frames(truth, **more),
    )  # fmt: skip
    known, last = bench_jobs.settled(path).labels, len(labels) - 1
    assert len(known) == last  # the animal of the first row lies in the region
    asked = costs(job, tmp_path / "costs.json")._replace(
        labels=str(path), labels_hash=known.content_hash(), row=last
    )
    bench_jobs.look(asked)
    assert seen == [labels.frame[last]]


def test_labels_that_changed_meanwhile_are_refused(job, recording, tmp_path, monkeypatch):
    labels, path = io_labels.load(recording.labels), tmp_path / "fewer.slp"
    io_labels.write(labels.select(np.arange(1, len(labels))), path, "slp")
    other = job._replace(labels=str(path), run=str(tmp_path / "run"))
    for work, asked in (
        (bench_jobs.train_one, other),
        (bench_jobs.pilot, other),
        (bench_jobs.look, costs(other, tmp_path / "costs.json")),
    ):
        with pytest.raises(InputError, match=r"fewer.slp changed while .* another --out"):
            work(asked)
    assert [p.name for p in tmp_path.iterdir()] == ["fewer.slp"]
    late = job._replace(labels_hash=bench_jobs.settled(path).labels.content_hash())
    monkeypatch.setattr(bench_jobs, "_known", lambda job: None)  # the run has others
    with pytest.raises(InputError, match="changed while networks were compared"):
        bench_jobs.train_one(late)


def test_who_is_stopped_says_that_it_goes_on(job, tmp_path, monkeypatch):
    def stop(*args, **more):
        raise bench_jobs.loop.Stopped("stopped at step 3; the same command goes on from there")

    monkeypatch.setattr(bench_jobs.train, "run", stop)
    with pytest.raises(InputError, match="stopped at step 3"):
        bench_jobs.train_one(job._replace(run=str(tmp_path / "run")))
