"""Top-down against bottom-up on two drawn animals: the choice, its folder, kills, refusals."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from pairs import film, labels_of, small

from gambol.core.errors import InputError
from gambol.core.labels import Origin, join
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io import store
from gambol.stages import compare, evaluate, info, predict, report, train

WAYS = ("top-down", "bottom-up")
VAL = evaluate.EvaluateConfig(part="val")


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    """Two recordings of 40 frames with two animals each: 160 animals."""
    base = tmp_path_factory.getbasetemp() / "pair"
    pair = film(base)
    other = shutil.copy(pair.video, pair.video.with_name("again.mp4"))
    both = [labels_of(video, pair.xy, np.arange(40)) for video in (pair.video, other)]
    path = base / "many.slp"
    io_labels.write(join(both), path, "slp")
    return path


def settings(steps=160, **changes):
    cfg = small("bottom-up", steps).model_copy(update={"approach": None})
    return cfg.override([f"{key}={value}" for key, value in changes.items()])


def brief(**changes):
    return settings(16, **{"fit.evaluate_every": 4, **changes})


@pytest.fixture(scope="module")
def made(labels, tmp_path_factory):
    out = tmp_path_factory.mktemp("compare") / "run"
    return compare.run(settings(), labels, out, threads=1)


def files(folder):
    return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_both_learned_from_the_same_frames_with_the_same_budget(made):
    one, two = (io_run.read_split(made / way) for way in WAYS)
    assert one == two and {part for part, *_ in one} == {"train", "val"}
    assert [io_run.load(made / way).model.approach for way in WAYS] == list(WAYS)
    steps = [io_run.read_log(made / f)[-1]["step"] for f in ("top-down/centroid", *WAYS)]
    assert steps == [40, 120, 160]


def test_the_scores_are_those_of_validation(made, labels):
    told = compare.read(made)
    for way in WAYS:
        metrics = store.read_json(made / way / "metrics.json")
        one = told["approaches"][way]
        assert one["scores"]["oks_map"]["value"] == pytest.approx(
            metrics["animals"]["oks_map"],
            abs=0.01,  # whose confidence is cross-fitted
        )
        scores = evaluate.run(VAL, made / way, labels)
        assert one["scores"]["oks_map"]["value"] == pytest.approx(scores["oks_map"])
        assert one["scores"]["p95_px"]["value"] == scores["p95_px"]
        assert one["scores"]["oks_map"]["low"] <= one["scores"]["oks_map"]["high"]
        assert one["core_minutes"] == one["minutes"] > 0  # one core
        origin = store.read_json(made / way / "provenance.json")
        assert told["split_hash"] == origin["split_hash"]
        assert told["labels_hash"] == origin["labels_hash"]
    assert told["n_animals"] == metrics["animals"]["n_animals"]
    assert told["settings"] == settings().model_dump(mode="json")


def test_the_better_one_is_chosen_and_the_reason_said(made):
    told = compare.read(made)
    best = max(WAYS, key=lambda way: told["approaches"][way]["scores"]["oks_map"]["value"])
    assert told["chosen"] == best and told["why"].startswith(f"{best} has an OKS AP of")
    lead = told["difference"]["oks_map"]
    assert told["settled"] == (lead["low"] > 0 or lead["high"] < 0)
    text = compare.describe({"run": str(made), **told})
    assert [line.split()[0] for line in text.splitlines()[1:4]] == [*WAYS, "difference"]
    assert f"chosen: {best}, since {best} has" in text and text.endswith(f"run: {made}")
    overlap = "the intervals of OKS AP overlap" in text
    assert overlap == told["overlap"]["oks_map"]


def test_the_folder_is_a_run_for_all_other_commands(made, labels, tmp_path):
    chosen = made / compare.read(made)["chosen"]
    assert io_run.load(made).model == io_run.load(chosen).model
    told = info.run(made)
    assert told["kind"] == "run" and told["comparison"] == compare.read(made)
    table = compare.describe(compare.read(made)).splitlines()
    assert info.lines(told)[-len(table) :] == [f"  {row}" for row in table]
    assert evaluate.run(VAL, made, labels) == evaluate.run(VAL, chosen, labels)
    video = labels.with_name("pair.mp4")
    cfg = predict.PredictConfig()
    (found,) = predict.run(cfg, made, [video], tmp_path, device="torch", threads=1)
    assert found.poses.name == "pair.detections.nc"
    page = report.run(made, tmp_path / "report.html").read_text()
    assert "Top-down against bottom-up" in page
    for row in compare.tell(compare.read(made)).table:
        assert all(f">{cell}<" in page for cell in row if cell)
    alone = shutil.copytree(made, tmp_path / "copy", ignore=shutil.ignore_patterns(*WAYS))
    assert io_run.load(alone).weights_hash == io_run.load(made).weights_hash


def test_a_finished_one_is_kept_and_nothing_is_overwritten(made, labels, tmp_path):
    before, said = files(made), []
    compare.run(settings(), labels, made, threads=1, say=said.append)
    assert said == [f"{made} is finished and current"]
    with pytest.raises(InputError, match="comparison with other settings or labels"):
        compare.run(settings(161), labels, made, threads=1)
    with pytest.raises(InputError, match="other settings or labels; choose another --out"):
        train.run(settings(), labels, made, threads=1)
    assert files(made) == before
    alone = made / "top-down"
    with pytest.raises(InputError, match="holds no comparison; choose another --out"):
        compare.run(settings(), labels, alone, threads=1)
    note = tmp_path / "note.txt"
    note.write_text("mine")
    for place in (note, tmp_path):
        with pytest.raises(InputError, match="holds no comparison"):
            compare.run(settings(), labels, place, threads=1)
    assert note.read_text() == "mine" and list(tmp_path.iterdir()) == [note]


class Killed(Exception):
    """What no stage catches, as it cannot catch a kill."""


def without_times(told):
    costs = {"minutes", "core_minutes"}
    ways = {
        name: {key: value for key, value in one.items() if key not in costs}
        for name, one in told["approaches"].items()
    }
    return {**told, "approaches": ways}


@pytest.mark.slow
def test_killed_anywhere_it_ends_with_the_same_choice(labels, tmp_path, monkeypatch):
    heard = []

    def hear(step):
        heard.append(step.stage)

    whole = compare.run(brief(), labels, tmp_path / "whole", threads=1, progress=hear)
    phases = ["bottom-up, train", "top-down, find animals", "top-down, train"]
    assert list(dict.fromkeys(heard)) == phases
    broken = tmp_path / "broken"
    for phase in phases:

        def kill(step, phase=phase):
            if step.stage == phase:
                raise Killed

        with pytest.raises(Killed):
            compare.run(brief(), labels, broken, threads=1, progress=kill)
        with pytest.raises(InputError, match="is not finished"):
            io_run.load(broken)
        with pytest.raises(InputError, match="holds no training run"):
            train.run(brief(), labels, broken, threads=1)
    with pytest.raises(InputError, match="other settings or labels"):
        compare.run(brief(**{"fit.seed": 1}), labels, broken, threads=1)
    with monkeypatch.context() as patch:  # killed while the chosen run is copied

        def copy(path, partial):
            if path.name == "model.json":
                raise Killed
            return partial.write_bytes(path.read_bytes())

        patch.setattr(shutil, "copyfile", copy)
        with pytest.raises(Killed):
            compare.run(brief(), labels, broken, threads=1)
    assert not io_run.is_finished(broken)
    heard.clear()
    compare.run(brief(), labels, broken, threads=1, progress=hear)
    assert not heard  # nothing was trained again
    one, two = compare.read(whole), compare.read(broken)
    assert without_times(one) == without_times(two)
    assert io_run.load(whole).weights_hash == io_run.load(broken).weights_hash
    names = [{p.relative_to(folder) for p in files(folder)} for folder in (whole, broken)]
    assert names[0] == names[1]


def changed(path, folder, what):
    labels = io_labels.load(path)
    if what == "single":
        labels = labels.select(labels.individual == 0)
    if what == "few":
        labels = labels.select(labels.frame < 20)
    if what == "by a model":
        origin = labels.origin.copy()
        origin[labels.frame >= 20] = Origin.MODEL
        labels = replace(labels, origin=origin)
    made = folder / "labels.slp"
    io_labels.write(labels, made, "slp")
    return made


@pytest.mark.parametrize(
    "what, changes, words",
    [
        ("few", {}, "needs 100 labelled animals .* but there are 80; label more"),
        ("by a model", {}, "but there are 80; label more"),
        ("single", {}, "none of the 80 labelled frames shows more than one"),
        ("all", {"approach": "top-down"}, "the settings say approach=top-down; leave one"),
        ("all", {"many.anchor": "nos"}, "no keypoint 'nos'; there are nose, middle, tail"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_any_work(
    labels, tmp_path, what, changes, words
):
    path = changed(labels, tmp_path, what)
    with pytest.raises(InputError, match=words) as error:
        compare.run(brief(**changes), path, tmp_path / "run", threads=1)
    assert "\n" not in str(error.value) and not (tmp_path / "run").exists()


def test_what_only_bottom_up_cannot_learn_is_said_before_the_other_is_trained(labels, tmp_path):
    cfg = brief(**{"many.edges": "[[nose, tail]]"})
    with pytest.raises(InputError, match="2 parts"):
        compare.run(cfg, labels, tmp_path / "run", threads=1)
    assert not (tmp_path / "run" / "top-down").exists()


def test_frames_that_look_alike_are_drawn_together(labels):
    truth = io_labels.load(labels)  # 2 × 40 frames, 10 a second
    groups, seconds = compare._blocks(settings(**{"split.gap_s": 1.0}), truth)
    assert seconds == 1.0 and len(np.unique(groups)) == 8  # 10 s would be two blocks
    pairs = truth.frames
    together = groups[:, None] == groups[None]
    same = (pairs[:, None, 0] == pairs[None, :, 0]) & (
        pairs[:, None, 1] // 10 == pairs[None, :, 1] // 10
    )
    np.testing.assert_array_equal(together, same)
    few = truth.within(pairs[:3])
    groups, seconds = compare._blocks(settings(), few)
    assert seconds is None and groups.tolist() == [0, 1, 2]


def test_under_torchrun_it_is_refused(labels, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="leave out torchrun"):
        compare.run(brief(), labels, tmp_path / "run")
