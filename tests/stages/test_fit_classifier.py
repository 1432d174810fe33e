"""From files of poses and labels to a classifier, bouts and a queue, as a user goes."""

import json

import numpy as np
import pandas as pd
import pytest
from classified import bouts_of

from gambol.behavior.features import Features
from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.ethogram import build
from gambol.core.skeleton import Skeleton
from gambol.io import ethogram as io_ethogram
from gambol.io import store
from gambol.stages import classify, features, fit_classifier, queue

FPS, FRAMES = 20.0, 500
ENDS = Features(anterior=("nose",), posterior=("tail",), families=("kinematics", "posture"),
                windows_s=(0.5,), align={"flips": False})  # fmt: skip
CFG = fit_classifier.FitConfig(
    features=ENDS, rounds=6, members=1, every=2, folds=3, resamples=100, importance_repeats=1
)


def mouse(path, seed):
    """A mouse that walks, but not in bouts of freezing; return these."""
    rng = np.random.default_rng(seed)
    still = bouts_of(rng, FRAMES, 40, 40)
    step = np.where(still, 0.02, 1.0)[:, None] * rng.normal(1.0, 0.5, (FRAMES, 2))
    middle = 200 + np.cumsum(step, axis=0)
    offsets = np.array([[12.0, 0], [0, 0], [-12, 0]])
    xy = middle[:, None] + offsets + rng.normal(0, 0.1, (FRAMES, 3, 2))
    skeleton = Skeleton(("nose", "middle", "tail"), (1, -1, 1))
    made = poses.build(
        xy[:, None], np.ones((FRAMES, 1, 3)), np.full((FRAMES, 1, 3, 2, 2), np.nan),
        np.arange(FRAMES) / FPS, skeleton, fps=FPS,
    )  # fmt: skip
    store.write_dataset(made, path)
    return still


def labels(path, name, still, **more):
    """A table of frames as a person's program writes it, or a file of bouts."""
    if path.suffix == ".csv" and not more:
        table = pd.DataFrame(
            {"freezing": still.astype(int), "background": (~still).astype(int)}
        )
        table.to_csv(path)
        return path
    edge = np.diff(np.r_[0, still.astype(int), 0])
    rows = pd.DataFrame(
        {"recording": name, "label": "freezing", "start_frame": np.flatnonzero(edge > 0),
         "stop_frame": np.flatnonzero(edge < 0)}
    )  # fmt: skip
    clock = pd.DataFrame({"recording": [name], "fps": FPS, "frames": FRAMES})
    io_ethogram.write(build(rows, recordings=clock), path, **more)
    return path


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Three recordings, labels in three formats, and a run."""
    folder = tmp_path_factory.mktemp("classifier")
    kinds = [("csv", {}), ("annot", {"format": "annot"}), ("boris", {"format": "boris"})]
    films, told = [], []
    for n, (suffix, more) in enumerate(kinds):
        films.append(folder / f"day{n}.nc")
        still = mouse(films[-1], n)
        told.append(labels(folder / f"day{n}.{suffix}", f"day{n}", still, **more))
    made = fit_classifier.run(CFG, films, told, folder / "run")
    return folder, films, told, made


def test_labels_of_any_format_teach_and_the_run_says_how_well(fitted):
    folder, _, _, made = fitted
    assert made.recordings == 3 and made.frames == 3 * FRAMES and made.folds == "3 recordings"
    row = made.scores[0]
    assert row["label"] == "freezing" and row["f1"] > 0.85
    assert row["f1_low"] <= row["f1"] <= row["f1_high"]
    run = folder / "run"
    table = pd.read_csv(run / "folds.csv")
    assert set(table["series"]) == {"day0", "day1", "day2"} and set(table["fold"]) == {0, 1, 2}
    held = store.read_dataset(run / "held_out" / "day1.nc")
    assert held["shown"].sizes == {"time": FRAMES, "individuals": 1, "label": 1}
    bouts = io_ethogram.read(run / "bouts.csv", fps=FPS).ethogram.bouts
    assert set(bouts["recording"]) == {"day0", "day1", "day2"}
    assert "freezing: F1 of frames" in fit_classifier.describe(made._asdict())


def test_the_page_needs_nothing_but_itself(fitted):
    text = (fitted[0] / "run" / "report.html").read_text(encoding="utf-8")
    assert text.count("<svg") == 4 and "http" not in text.replace("http://www.w3.org", "")
    for words in ("What it needs", "Errors", "An example", "How well behaviours are told"):
        assert words in text


def test_a_finished_run_is_not_made_again_and_another_is_refused(fitted):
    folder, films, told, made = fitted
    before = (folder / "run" / "model.nc").stat().st_mtime_ns
    assert fit_classifier.run(CFG, films, told, folder / "run") == made
    assert (folder / "run" / "model.nc").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="other settings or recordings"):
        fit_classifier.run(CFG.override(["rounds=9"]), films, told, folder / "run")


def test_new_recordings_are_classified_and_scored(fitted, tmp_path):
    folder, films, told, _ = fitted
    still = mouse(tmp_path / "new.nc", 77)
    truth = labels(tmp_path / "new.csv", "new", still)
    cfg = classify.ClassifyConfig()
    made = classify.run(
        cfg, folder / "run", [tmp_path / "new.nc"], tmp_path / "out", labels=[truth]
    )
    found = store.read_dataset(tmp_path / "out" / "frames" / "new.nc")
    said = found["predicted"].values[:, 0, 0] == 1
    f1 = 2 * (said & still).sum() / (said.sum() + still.sum())
    assert f1 > 0.85 and made.scores[0]["f1"] == pytest.approx(f1)
    assert made.remarks == ()
    own = classify.run(cfg, folder / "run", films[:1], tmp_path / "own", labels=told[:1])
    assert "'day0' taught this classifier" in own.remarks[0]
    assert made.bouts["freezing"] == int((np.diff(np.r_[0, said]) > 0).sum())
    assert made.seconds["freezing"] == pytest.approx(said.sum() / FPS)
    both = classify.run(cfg, folder / "run", [tmp_path / "new.nc", films[0]], tmp_path / "both")
    again = store.read_dataset(tmp_path / "both" / "frames" / "new.nc")
    assert both.recordings == 2
    assert (again["probability"].values == found["probability"].values).all()


def test_files_of_features_serve_as_poses_do(fitted, tmp_path):
    folder, films, told, _ = fitted
    features.run(ENDS, films, tmp_path / "features")
    files = [tmp_path / "features"]
    cfg = CFG.model_copy(update={"features": None})
    made = fit_classifier.run(cfg, files, told, tmp_path / "run")
    ours, theirs = (
        store.read_dataset(run / "held_out" / "day0.nc")["score"].values
        for run in (tmp_path / "run", folder / "run")
    )
    assert (ours == theirs).all() and made.scores == fitted[3].scores
    with pytest.raises(InputError, match="holds no features; give --anterior"):
        fit_classifier.run(cfg, films, told, tmp_path / "other")


def test_the_queue_is_a_list_with_reasons(fitted, tmp_path):
    folder, films, told, _ = fitted
    mouse(tmp_path / "new.nc", 78)
    cfg = queue.QueueConfig(count=8)
    made = queue.run(
        cfg, folder / "run", [*films, tmp_path / "new.nc"], tmp_path / "next.csv", labels=told
    )
    table = pd.read_csv(tmp_path / "next.csv")
    assert made.stretches == len(table) == 8
    assert set(table["recording"]) == {"new"}  # all others are labelled
    assert table["why"].str.contains("models say").all()
    assert {"freezing", "nothing"} == set(table["predicted"])
    assert table["stop_s"].sub(table["start_s"]).to_numpy() == pytest.approx(1.0)


def test_a_folder_of_labels_serves_as_its_files_do(fitted, tmp_path):
    _, films, told, made = fitted
    folder = tmp_path / "labels"
    folder.mkdir()
    for path in told:
        (folder / path.name).write_bytes(path.read_bytes())
        beside = path.with_name(path.name + ".gambol.json")
        if beside.exists():
            (folder / beside.name).write_bytes(beside.read_bytes())
    again = fit_classifier.run(CFG, films, [folder], tmp_path / "run")
    assert again.scores == made.scores


def test_animals_of_a_table_are_tested_apart(fitted, tmp_path):
    _, films, told, _ = fitted
    table = tmp_path / "animals.csv"
    table.write_text("recording,animal\nday0,x\nday1,x\nday2,y\n", encoding="utf-8")
    made = fit_classifier.run(CFG, films, told, tmp_path / "run", animals=table)
    spans = pd.read_csv(tmp_path / "run" / "folds.csv").set_index("series")["fold"]
    assert spans["day0"] == spans["day1"] != spans["day2"] and made.folds == "2 animals"
    assert any("two folds" in remark for remark in made.remarks)
    table.write_text("recording,animal\nday0,x\nday1,x\n", encoding="utf-8")
    with pytest.raises(InputError, match="names no animal for 'day2'"):
        fit_classifier.run(CFG, films, told, tmp_path / "other", animals=table)


def test_poses_without_labels_and_files_without_models_are_named(fitted, tmp_path):
    folder, films, told, _ = fitted
    mouse(tmp_path / "dya1.nc", 5)
    with pytest.raises(
        InputError, match="no labels for the recording 'dya1', only for .*did you mean 'day"
    ):
        fit_classifier.run(CFG, [tmp_path / "dya1.nc", *films[1:]], told, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="holds no classifier"):
        classify.run(classify.ClassifyConfig(), films[0], films, tmp_path / "run")


def test_provenance_names_inputs_and_numbers(fitted):
    note = json.loads((fitted[0] / "run" / "provenance.json").read_text(encoding="utf-8"))
    assert len(note["inputs"]) == 6 and note["scores"][0]["label"] == "freezing"
