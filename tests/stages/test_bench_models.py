"""Two tiny networks on one simulated mouse: equal splits, resume, more networks, refusals."""

import csv
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import yaml

from gambol.core.errors import InputError
from gambol.core.labels import join
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.stages import bench_jobs, bench_labels, bench_models, workers
from gambol.stages.bench_models import BenchConfig

UNET, LEAP = "unet(depth=2,filters=4)", "leap(filters=2)"
COMMON = {"scale": 0.5, "fit": {"batch": 4, "evaluate_every": 2}}
SCRIPT = """
import sys
from pathlib import Path
from gambol.stages import bench_models
if __name__ == "__main__":
    cfg = bench_models.BenchConfig.from_yaml(Path(sys.argv[3]))
    bench_models.run(cfg, Path(sys.argv[1]), Path(sys.argv[2]), device="torch", workers=1)
"""


def settings(**changes):
    values = {"networks": [UNET, LEAP], "steps": 4, "folds": 2, "gap_s": 0.1, "common": COMMON}
    return BenchConfig.from_values({**values, **changes}, "here")


def one_by_one(done):
    """Do jobs in this process, and remember them."""

    def each(work, jobs, many, tick):
        for job in jobs:
            done.append((work.__name__, job))
            try:
                work(job)
            except InputError as error:
                yield job, str(error)
            else:
                yield job, None

    return each


@pytest.fixture
def here(monkeypatch):
    """All jobs that were done."""
    done = []
    monkeypatch.setattr(workers, "each", one_by_one(done))
    monkeypatch.setattr(bench_jobs, "TIMED_S", 0.0)
    return done


def compare(recording, out, cfg=None, **more):
    return bench_models.run(cfg or settings(), recording.labels, out, device="torch", **more)


@pytest.fixture(scope="module")
def made(recording, tmp_path_factory):
    """A comparison at two numbers of labels."""
    out = tmp_path_factory.mktemp("bench") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "each", one_by_one([]))
        patch.setattr(bench_jobs, "TIMED_S", 0.0)
        return compare(recording, out, settings(labels=[4, 8]))


def runs(out):
    return sorted(path.parent for path in out.glob("runs/*/*/*/model.json"))


def frames(run, part):
    return {(video, frame) for p, video, frame, _ in io_run.read_split(run) if p == part}


def test_all_networks_have_the_same_splits_and_every_frame_is_tested_once(made, recording):
    found = runs(made.out)
    assert len(found) == 2 * 2 * 2
    tested = {}
    for run in found:
        parts = tuple(frozenset(frames(run, part)) for part in ("train", "val", "test"))
        assert not parts[0] & parts[2] and not parts[1] & parts[2]
        tested.setdefault((run.parent.name, run.name), set()).add(parts)
    assert all(len(splits) == 1 for splits in tested.values())
    for fold in ("fold1", "fold2"):
        (few,), (many,) = tested["4", fold], tested["8", fold]
        assert few[0] < many[0] and (len(few[0]), len(many[0])) == (4, 8)
        assert few[1:] == many[1:]
    every = [
        f for name, splits in tested.items() if name[0] == "4" for s in splits for f in s[2]
    ]
    labels = io_labels.load(recording.labels)
    assert sorted(f for _, f in every) == sorted(labels.frame.tolist())


def test_networks_differ_in_nothing_but_what_was_said(made):
    told = [yaml.safe_load((run / "config.yaml").read_text()) for run in runs(made.out)]
    for cfg in told:
        cfg.pop("backbone")
    assert all(cfg == told[0] for cfg in told)
    assert told[0]["fit"]["steps"] == 4 and told[0]["scale"] == 0.5


def test_the_table_scores_the_test_blocks(made, recording):
    with made.table.open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["network"], r["labels"]) for r in rows] == [
        (name, n) for name in (UNET, LEAP) for n in ("4", "8")
    ]
    labels = io_labels.load(recording.labels)
    where = made.out / "runs"
    for row in rows:
        errors = []
        kind = row["network"].partition("(")[0]
        for run in where.glob(f"{kind}-*/{row['labels']}/*"):
            with np.load(run / bench_jobs.TESTED) as held:
                off = held["xy"] - labels.xy[held["rows"]]
            errors.append(np.linalg.norm(off, axis=-1))
        assert float(row["mean_px"]) == pytest.approx(np.nanmean(np.concatenate(errors)))
        assert float(row["mean_px_low"]) <= float(row["mean_px"]) <= float(row["mean_px_high"])
        assert float(row["core_minutes"]) > 0 and int(row["steps"]) == 4
    first, other = rows[1], rows[3]
    apart = float(other["mean_px"]) - float(first["mean_px"])
    assert float(other["difference_mean_px"]) == pytest.approx(apart)
    assert first["difference_mean_px"] == ""


def test_result_and_page_say_the_same(made):
    result = json.loads((made.out / "result.json").read_text())
    assert result["rows"] == made.rows and result["failed"] == {}
    assert [len(c["minutes"]) for c in result["curves"]] == [2] * 4
    page = made.report.read_text()
    assert all(text in page for text in (*made.reading, UNET, LEAP, "What more labels bring"))
    shown = bench_models.describe(made._asdict())
    assert UNET in shown and f"{made.rows[0]['mean_px']:.2f}" in shown


def test_what_is_there_is_taken_and_what_is_missing_made(made, recording, here):
    kept = {p: p.stat().st_mtime_ns for p in made.out.glob("runs/*/*/*/model.json")}
    gone = runs(made.out)[0]
    before = (gone / bench_jobs.TESTED).read_bytes()
    (gone / bench_jobs.TESTED).unlink()
    again = compare(recording, made.out, settings(labels=[4, 8]))
    assert [(name, job.run) for name, job in here] == [("train_one", str(gone))]
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    assert (gone / bench_jobs.TESTED).read_bytes() == before
    assert again.rows == made.rows


def test_another_network_joins_those_that_are_there(made, recording, here):
    wider = "leap(filters=3)"
    more = compare(recording, made.out, settings(networks=[UNET, wider], labels=[8]))
    assert {name for name, _ in here} == {"train_one", "look"}
    assert all("leap-filters-3" in job.run for _, job in here)
    assert [row["network"] for row in more.rows] == [UNET, wider]
    assert more.rows[0]["mean_px"] == made.rows[1]["mean_px"]


def test_a_network_that_fails_is_named_and_left_out(made, recording, here, monkeypatch):
    work = bench_jobs.train_one

    def train_one(job):
        if "leap-filters-5" in job.run and "fold2" in job.run:
            raise InputError("the loss is nan")
        work(job)

    monkeypatch.setattr(bench_jobs, "train_one", train_one)
    bad = "leap(filters=5)"
    found = compare(recording, made.out, settings(networks=[UNET, bad], labels=[4]))
    assert [row["network"] for row in found.rows] == [UNET]
    assert found.failed == {bad: f"{bad}, 4 labels, fold 2: the loss is nan"}
    assert "the loss is nan" in found.report.read_text()
    with pytest.raises(InputError, match="no network could be trained"):
        compare(recording, made.out, settings(networks=[bad], labels=[4]))


def test_minutes_become_steps_once_and_for_all(recording, here, tmp_path, monkeypatch):
    def pilot(job):
        bench_jobs.store.write_json(
            {"step_s": 0.5, "evaluation_s": 0.0}, bench_jobs.Path(f"{job.run}.json")
        )

    monkeypatch.setattr(bench_jobs, "pilot", pilot)
    cfg = settings(networks=[LEAP], steps=None, minutes=0.05, tested=1)
    found = compare(recording, tmp_path / "out", cfg)
    assert [row["steps"] for row in found.rows] == [6] and found.rows[0]["trainings"] == 1
    here.clear()
    compare(recording, tmp_path / "out", cfg)
    assert not here


@pytest.fixture
def changing(recording, tmp_path, monkeypatch):
    """Labels of which somebody removes one while the first job is done."""
    path = tmp_path / "mine.slp"
    io_labels.write(io_labels.load(recording.labels), path, "slp")
    work = bench_jobs.train_one

    def train_one(job):
        work(job)
        labels = io_labels.load(path)
        io_labels.write(labels.select(np.arange(1, len(labels))), path, "slp")

    monkeypatch.setattr(bench_jobs, "train_one", train_one)
    return path


def test_who_labels_meanwhile_changes_nothing(changing, made, here, tmp_path):
    cfg, said = settings(networks=[UNET, LEAP], labels=[4]), []
    found = bench_models.run(cfg, changing, tmp_path / "out", device="torch", say=said.append)
    assert not found.failed and len(said) == 1
    names = ("network", "labels", "frames", "mean_px", "p95_px")
    usual = [row for row in made.rows if row["labels"] == 4]
    for one, other in zip(found.rows, usual, strict=True):
        assert {n: one.get(n) for n in names} == {n: other.get(n) for n in names}
    here.clear()
    again = bench_models.run(cfg, changing, tmp_path / "out", device="torch", say=said.append)
    assert again.rows == found.rows and not here
    assert "mine.slp changed since this comparison began; it goes on" in said[1]


def test_a_comparison_of_before_goes_on_without_a_copy(recording, here, tmp_path, monkeypatch):
    """Its folder says only what it was made from, which is a hash of the labels themselves."""
    out, cfg = tmp_path / "out", settings(networks=[LEAP], tested=1)
    monkeypatch.setattr(bench_labels, "freeze", lambda labels, out: labels)
    compare(recording, out, cfg)
    assert json.loads((out / "begun.json").read_text()).keys() == {"made_from"}
    (runs(out)[0] / bench_jobs.TESTED).unlink()
    monkeypatch.undo()
    monkeypatch.setattr(workers, "each", one_by_one(here))
    here.clear()
    compare(recording, out, cfg)
    assert [name for name, _ in here] == ["train_one"] and not (out / "labels").exists()
    assert here[0][1].labels == str(recording.labels.resolve())


def test_other_labels_or_splits_never_mix(made, recording, here):
    for changes in ({"seed": 1}, {"folds": 3}, {"val": 0.3}, {"common": {"scale": 0.25}}):
        with pytest.raises(InputError, match="choose another --out"):
            compare(recording, made.out, settings(**changes))
    assert not here


def test_steps_and_speeds_of_two_devices_never_mix(made, recording, here, monkeypatch):
    gpu = bench_models.engine.Device("torch", "cuda")
    monkeypatch.setattr(bench_models.engine, "choose_device", lambda asked: gpu)
    with pytest.raises(InputError, match="on another device; choose another --out"):
        compare(recording, made.out, settings(labels=[4, 8]))
    assert not here


def test_refuses_what_cannot_be_compared(recording, here, tmp_path):
    out = tmp_path / "out"
    bad = {
        "no network 'resnt'": {"networks": ["resnt"]},
        "named twice": {"networks": [LEAP, "leap( filters=2 )"]},
        "99 frames to train on were asked for": {"labels": [99]},
    }
    for said, changes in bad.items():
        with pytest.raises(InputError, match=said):
            compare(recording, out, settings(**changes))
    assert not out.exists() and not here
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="holds no comparison"):
        compare(recording, tmp_path)


def test_refuses_frames_with_several_animals(recording, here, tmp_path):
    labels = io_labels.load(recording.labels)
    path = tmp_path / "two.slp"
    twice = join([labels, replace(labels, xy=labels.xy + 5)])
    io_labels.write(twice, path, "slp")
    with pytest.raises(InputError, match="several labelled animals"):
        bench_models.run(settings(), path, tmp_path / "out")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"common": {"fit": {"steps": 3}}}, "said by steps"),
        ({"common": {"backbone": {"kind": "leap"}}}, "said by the name of a network"),
        ({"tested": 9}, "there are 5 folds"),
        ({"labels": [0]}, "greater than 0"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(values, said):
    with pytest.raises(InputError, match=said):
        BenchConfig.from_values(values, "here")


@pytest.mark.slow
def test_killed_and_started_again_in_processes_it_ends_as_in_one_go(made, recording, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    settings(networks=[UNET], labels=[4]).to_yaml(tmp_path / "cfg.yaml")
    out = tmp_path / "out"
    command = [sys.executable, tmp_path / "script.py", recording.labels, out]
    child = subprocess.Popen([*map(str, command), str(tmp_path / "cfg.yaml")])
    until = time.monotonic() + 300
    while not runs(out) and time.monotonic() < until:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL, "it was over before it could be killed"
    assert not (out / "table.csv").exists()
    subprocess.run([*map(str, command), str(tmp_path / "cfg.yaml")], check=True)
    (row,) = json.loads((out / "result.json").read_text())["rows"]
    assert row["mean_px"] == made.rows[0]["mean_px"]
    assert row["p95_px"] == made.rows[0]["p95_px"]
