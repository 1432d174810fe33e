import json
import shutil
from dataclasses import replace

import numpy as np
import pairs
import pytest
from films import NAMES, small

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import labels as io_labels
from gambol.io import poses as io_poses
from gambol.io import run as io_run
from gambol.io import store
from gambol.kernels.peaks import Peaks
from gambol.nn import engine
from gambol.nn.model import ModelSpec
from gambol.pose import calibrate, find, gridded, judge, posing
from gambol.pose import structure as pose_structure
from gambol.stages import (
    evaluate,
    finders,
    predict,
    predict_many,
    shards,
    structure,
    suggest,
    train,
)

BONED = Skeleton(NAMES, parent=(3, 0, 0, -1), swap=(-1, 2, 1, -1))  # the film's has no bones


def with_structure(run, recording, out, weight):
    """A copy of a run whose bones count."""
    shutil.copytree(run, out)
    model, labels = io_run.load(run).model, io_labels.load(recording.labels)
    learnt = pose_structure.learn(labels.xy.astype(float), BONED)
    said = model.calibration if weight else None
    file = io_run.StructureFile(weight=weight, geometry=learnt.to_dict(), calibration=said)
    changed = model.model_copy(update={"structure": file})
    store.write_text(changed.model_dump_json(indent=1), out / io_run.MODEL)
    return out


@pytest.fixture(scope="module")
def counted(trained, recording, tmp_path_factory):
    out = tmp_path_factory.mktemp("counted") / "run"
    return with_structure(trained, recording, out, 0.3)


@pytest.fixture(scope="module")
def by_bones(counted, recording, tmp_path_factory):
    cfg = predict.PredictConfig(window="whole", candidates=3)
    out = tmp_path_factory.mktemp("bones")
    return predict.run(cfg, counted, [recording.video], out, threads=1)[0].poses


def poses_of(cfg, run, recording, out):
    return io_poses.read(predict.run(cfg, run, [recording.video], out, threads=1)[0].poses)


def boned(recording, folder):
    """The labels of the film, whose keypoints hang together."""
    labels = io_labels.load(recording.labels)
    io_labels.write(replace(labels, skeleton=BONED), folder / "labels.slp", "slp")
    return folder / "labels.slp"


def test_a_training_keeps_how_bones_lie_and_how_much_they_count(recording, tmp_path):
    cfg = small(10).override(["structure.weight=0.1"])
    said = []
    out = train.run(
        cfg, boned(recording, tmp_path), tmp_path / "run", threads=1, say=said.append
    )
    run = io_run.load(out)
    file, notes = run.model.structure, store.read_json(out / "provenance.json")
    assert (file.kind, file.weight, notes["bones_count"]) == ("candidates", 0.1, 0.1)
    assert "structure: λ = 0.1, as asked" in said and said[-1] in notes["chosen"]
    assert file.calibration is not None
    held = io_run.read_heldout(out)  # read as prediction reads
    labels = io_labels.load(tmp_path / "labels.slp")
    rows = [int(np.flatnonzero(labels.frame == frame)[0]) for frame in held.frame]
    seen = evaluate.see(run, labels.select(np.array(rows)))
    np.testing.assert_allclose(seen.xy, held.xy, atol=0.05)


def test_a_skeleton_without_bones_teaches_nothing_of_them(trained):
    assert io_run.load(trained).model.structure is None
    assert store.read_json(trained / "provenance.json")["bones_count"] == 0


def test_without_weight_the_highest_peaks_are_taken(trained, counted, recording, tmp_path):
    free = with_structure(trained, recording, tmp_path / "free", 0.0)
    plain = poses_of(predict.PredictConfig(window="whole"), free, recording, tmp_path / "a")
    asked = predict.PredictConfig(window="whole", structure=0.0)
    off = poses_of(asked, counted, recording, tmp_path / "b")
    for name in ("position", "confidence", "covariance", "height", "presence"):
        np.testing.assert_array_equal(plain[name].values, off[name].values)
    assert "margin" not in plain and "margin" not in off


def test_a_choice_keeps_the_worth_of_its_own_peak(counted, by_bones):
    poses, run = io_poses.read(by_bones), io_run.load(counted)
    first = poses["candidate_position"].isel(candidate=0)
    np.testing.assert_array_equal(first.values, poses["position"].values)
    score = poses["candidate_score"].isel(candidate=0).values
    np.testing.assert_allclose(score, poses["confidence"].values, rtol=1e-5)
    other = poses["candidate_position"].isel(candidate=1)
    assert np.isfinite(other.values).any()
    for name in ("posterior", "absent"):
        values = core_poses.points(poses, name)
        assert values.min() >= 0 and values.max() <= 1
    assert core_poses.points(poses, "margin").min() >= -1e-3
    assert structure.fingerprint(run) and not structure.fingerprint(run, 0.0)


def test_poses_do_not_depend_on_how_frames_are_put_together(
    counted, recording, by_bones, tmp_path, monkeypatch
):
    monkeypatch.setattr(shards, "SHARD", 24)
    monkeypatch.setattr(predict.engine, "frames_at_once", lambda *_: 1)
    cfg = predict.PredictConfig(window="whole", candidates=3)
    one = poses_of(cfg, counted, recording, tmp_path)
    whole = io_poses.read(by_bones)
    for name in ("position", "margin", "posterior", "candidate_position"):
        np.testing.assert_allclose(one[name].values, whole[name].values, atol=1e-3)


def test_evaluation_reads_frames_as_prediction_does(counted, recording, by_bones):
    labels = io_labels.load(recording.labels)
    seen = evaluate.see(io_run.load(counted), labels)
    xy = core_poses.xy(io_poses.read(by_bones))[:, 0]
    off = np.linalg.norm(seen.xy - xy[labels.frame], axis=-1)
    assert np.median(off) < 0.1 and (off < 1).mean() > 0.98


def test_margins_say_which_frames_are_worth_a_label(recording, by_bones):
    cfg = suggest.SuggestConfig(method="structure", count=3)
    found = suggest.run(cfg, recording.video, poses=[by_bones])
    margin = core_poses.points(io_poses.read(by_bones), "margin")[:, 0].min(axis=1)
    assert found and "elsewhere" in found[0].reason
    assert margin[found[0].frame] <= np.sort(margin)[2]


def test_a_run_without_bones_has_nothing_to_weigh(trained):
    run = io_run.load(trained)
    bare = run._replace(model=run.model.model_copy(update={"structure": None}))
    assert structure.poser(bare) is None and structure.grid(bare) is None
    assert structure.fingerprint(bare) == ""
    with pytest.raises(InputError, match="has not learnt how bones lie"):
        structure.poser(bare, 0.3)


@pytest.mark.parametrize(
    "asked", [{"weight": 0.1}, {"kind": "grid"}, {"kind": "grid", "weight": 0.1}]
)
def test_a_setting_that_nothing_reads_is_refused(trained, recording, asked):
    spec, xy = io_run.load(trained).model.spec, io_labels.load(recording.labels).xy
    asked = structure.StructureConfig(**asked)
    structure.check(asked, spec, "single", xy, BONED)
    with pytest.raises(InputError, match="bottom-up"):
        structure.check(asked, spec, "bottom-up", xy, BONED)
    flat = ModelSpec.model_validate(
        {**spec.model_dump(mode="json"), "outputs": [{"kind": "softmax"}]}
    )
    with pytest.raises(InputError, match="train with confidence"):
        structure.check(asked, flat, "single", xy, BONED)
    structure.check(structure.StructureConfig(), flat, "single", xy, BONED)
    structure.check(structure.StructureConfig(kind="grid", weight=0), flat, "single", xy, BONED)
    if asked.weight:
        with pytest.raises(InputError, match="labelled in 8 frames"):
            structure.check(asked, spec, "single", xy[:7], BONED)


def test_another_weight_than_the_runs_is_not_calibrated(counted, trained, recording, tmp_path):
    run = io_run.load(counted)
    told = [structure.is_calibrated(run, weight) for weight in (None, 0.3, 0.0, 0.1)]
    assert told == [True, True, True, False]
    asked = predict.PredictConfig(window="whole", structure=0.1)
    made = poses_of(asked, counted, recording, tmp_path / "out")
    assert json.loads(made.attrs["provenance"])["calibrated"] is False


def test_on_a_grid_a_run_is_settled_by_what_validation_says(trained, recording):
    run, labels = io_run.load(trained), io_labels.load(recording.labels)
    rng = np.random.default_rng(0)
    known = labels.xy[:1] + rng.normal(0, 1, (20, *labels.xy.shape[1:]))  # a fixed view
    far = known + 30.0

    def see(by):
        return (far if by is None or by.weight > 0.1 else known), known

    cfg = structure.StructureConfig(kind="grid")
    worth = calibrate.prior(4, 3.0)
    found = structure.settle_grid(cfg, known, BONED, see, worth, 0.5)
    assert found.file.kind == "grid" and found.file.weight == 0.01 and found.poser is None
    assert isinstance(found.grid, gridded.GridPoser)
    counts = run.model.model_copy(update={"structure": found.file})
    again = structure.grid(run._replace(model=counts))
    np.testing.assert_array_equal(again.grid.mean, found.grid.grid.mean)
    assert structure.poser(run._replace(model=counts)) is None
    same = structure.settle_grid(cfg, known, BONED, lambda by: (known, known), worth, 0.5)
    assert same.file.weight == 0 and same.grid is None


def test_an_easy_set_needs_no_bones(trained, recording):
    labels = io_labels.load(recording.labels)
    several = Peaks(
        labels.xy[:, :, None].astype(float),
        np.full((*labels.xy.shape[:2], 1), 0.9),
        np.tile(np.eye(2), (*labels.xy.shape[:2], 1, 1, 1)),
    )
    prior = calibrate.prior(labels.xy.shape[1], 3.0)
    cfg = structure.StructureConfig()
    found = structure.settle(cfg, labels.xy, BONED, prior, several, labels.xy)
    assert found.file.weight == 0 and found.poser is None and "no better" in found.reason
    asked = structure.StructureConfig(weight=0.2)
    found = structure.settle(asked, labels.xy, BONED, prior, several, labels.xy)
    assert found.poser.weight == 0.2
    assert isinstance(found.poser, posing.Poser)


@pytest.mark.parametrize("settings", ["{weight: 0.1}", "{kind: grid, weight: 0.1}", "{}"])
def test_top_down_runs_weigh_the_poses_of_animals_in_crops(settings, tmp_path):
    pair = pairs.film(tmp_path)
    labels = pairs.labels_of(pair.video, pair.xy, np.arange(0, pairs.FRAMES, 2))
    io_labels.write(labels, tmp_path / "labels.slp", "slp")
    cfg = pairs.small("top-down", 24).override([f"structure={settings}"])
    out = train.run(cfg, tmp_path / "labels.slp", tmp_path / "run", threads=1)
    run = io_run.load(out)
    file = run.model.structure
    assert store.read_json(out / "provenance.json")["bones_count"] == file.weight
    assert (file.calibration is None) == (file.weight == 0)
    finder = finders.of_run(run, engine.Device("torch", "cpu"))
    by = {"candidates": finder.poser, "grid": finder.pose.grid}
    assert (by[file.kind] is not None) == (file.weight > 0)
    assert by["grid" if file.kind == "candidates" else "candidates"] is None
    if "weight" not in settings:
        return
    found = find.find(finder, pairs.picture(pair.xy[1])[..., :1])
    judged = judge.value(found, predict_many.judged_by(run))
    assert np.isfinite(found.xy).all() and judged.confidence.shape == found.height.shape
