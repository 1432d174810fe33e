import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from films import small
from safetensors.numpy import load_file

from gambol.core import pixels
from gambol.core.errors import InputError
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.pose import splits
from gambol.pose.choose import ALONE, Choice
from gambol.stages import evaluate, predict, starting, train

SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from films import small
from gambol.stages import train
train.run(small(120), Path(sys.argv[1]), Path(sys.argv[2]), threads=1)
"""


def weights(run):
    return load_file(run / "last.safetensors")


def test_learns_where_the_animal_is(trained, recording):
    scores = evaluate.run(evaluate.EvaluateConfig(part="val"), trained, recording.labels)
    by_chance = 40.0  # px, about half of the picture
    assert scores["median_px"] < by_chance / 3


def test_the_usual_network_learns_it_in_few_steps(recording, tmp_path):
    said = ["fit.steps=120", "fit.batch=4", "fit.evaluate_every=60", "fit.warm_up=20"]
    cfg, heard = train.TrainConfig().override(said), []
    run = train.run(cfg, recording.labels, tmp_path / "run", threads=1, say=heard.append)
    assert any("hourglass of depth 3" in reason for reason in heard)
    assert json.loads((run / "metrics.json").read_text())["mean_px"] < 12.0  # by chance 40


def test_a_run_says_everything_about_itself(trained, recording):
    known = {p.name for p in trained.iterdir()}
    assert known == {
        "config.yaml", "model.json", "weights.safetensors", "last.safetensors", "log.jsonl",
        "metrics.json", "split.csv", "heldout.npz", "provenance.json", "fitted.json",
    }  # fmt: skip
    told = json.loads((trained / "provenance.json").read_text())
    labels = io_labels.load(recording.labels)
    assert told["labels_hash"] == labels.content_hash()
    assert (
        train.TrainConfig.from_yaml(trained / "config.yaml").fingerprint()
        == (told["settings_hash"])
    )
    entries = [splits.Entry(*row) for row in io_run.read_split(trained)]
    assert {e.part for e in entries} == {"train", "val"}
    log = io_run.read_log(trained)
    assert [line["step"] for line in log] == list(range(20, 241, 20))
    scores = json.loads((trained / "metrics.json").read_text())
    best = min(line["val_px"] for line in log)
    assert scores["mean_px"] == pytest.approx(best, abs=0.05)


def test_a_finished_run_is_kept_and_never_overwritten(trained, recording):
    before = (trained / "model.json").stat().st_mtime_ns
    train.run(small(240), recording.labels, trained, threads=1)
    assert (trained / "model.json").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="choose another --out"):
        train.run(small(241), recording.labels, trained, threads=1)


def test_killed_and_started_again_it_ends_with_the_same_weights(recording, tmp_path):
    whole = train.run(small(120), recording.labels, tmp_path / "whole", threads=1)
    broken = tmp_path / "broken"
    here = str(__file__).rsplit("/", 1)[0]
    command = [sys.executable, "-c", SCRIPT, str(recording.labels), str(broken), here]
    child = subprocess.Popen(command)
    until = time.monotonic() + 60
    while not (broken / "state.pt").exists() and time.monotonic() < until:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL, "it was over before it could be killed"
    assert not io_run.is_finished(broken)
    train.run(small(120), recording.labels, broken, threads=1)
    one, other = weights(whole), weights(broken)
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    times = {"minutes", "samples_per_s", "data_share"}
    logs = [
        [{k: v for k, v in line.items() if k not in times} for line in io_run.read_log(run)]
        for run in (whole, broken)
    ]
    assert logs[0] == logs[1]


def test_the_test_part_is_never_seen_and_only_it_is_called_a_test(recording, tmp_path):
    cfg = small(20).override(["split.test=0.2"])
    run = train.run(cfg, recording.labels, tmp_path / "run", threads=1)
    rows = [splits.Entry(*row) for row in io_run.read_split(run)]
    tested = [e for e in rows if e.part == "test"]
    held = io_run.read_heldout(run)
    assert not {e.frame for e in tested} & set(held.frame.tolist())
    scores = evaluate.run(evaluate.EvaluateConfig(), run, recording.labels)
    assert scores["part"] == "test" and scores["n_frames"] == len(tested)


def test_kept_confidence_is_learnt_from_other_frames(trained, recording):
    run, held = io_run.load(trained), io_run.read_heldout(trained)
    labels = io_labels.load(recording.labels)
    rows = [int(np.flatnonzero(labels.frame == frame)[0]) for frame in held.frame]
    seen = evaluate.see(run, labels.select(np.array(rows)))  # by what all of them taught
    off = np.abs(seen.confidence - held.confidence)
    assert 1e-3 < off.max() < 0.5
    np.testing.assert_allclose(seen.xy, held.xy, atol=0.05)


def test_frames_of_training_are_refused_as_a_test(trained, recording):
    with pytest.raises(InputError, match="kept no test part"):
        evaluate.run(evaluate.EvaluateConfig(), trained, recording.labels)


SMALL = {
    "efficientnet": "width: 8",
    "hourglass": "filters: 16, depth: 2",
    "leap": "filters: 8",
    "linear": "patch: 15",
    "resnet": "layers: 18, stride: 4, width: 8",
    "stacked-densenet": "growth: 8, transitions: 4",
    "vit": "patch: 8, layers: 1",
}


@pytest.mark.parametrize("kind", SMALL)
def test_every_backbone_goes_through_the_stage(kind, recording, tmp_path):
    cfg = small(20).override([f"backbone={{kind: {kind}, {SMALL[kind]}}}", "linear.steps=20"])
    run = train.run(cfg, recording.labels, tmp_path / kind, threads=1)
    found = io_run.load(run)
    assert found.model.spec.backbone.kind == kind
    (output,) = found.net.outputs
    assert output.sigma >= output.stride  # else no training would have been
    stages = {"hourglass": 2, "stacked-densenet": 2}.get(kind, 1)
    for line in io_run.read_log(run) if stages > 1 else ():
        assert len(line["early_px"]) == stages - 1 and all(np.isfinite(line["early_px"]))


@pytest.mark.slow
def test_a_network_that_looks_into_a_mirror_too_says_so_and_judges_itself_that_way(
    trained, recording, tmp_path
):
    cfg = small(240).model_copy(update={"mirror": True})
    run = train.run(cfg, recording.labels, tmp_path / "run", threads=1)
    assert io_run.load(run).model.spec.mirror == (0, 2, 1, 3)
    plain = weights(trained)  # of the same number of steps: it was taught the same
    assert all(np.array_equal(plain[name], value) for name, value in weights(run).items())
    scores = [json.loads((r / "metrics.json").read_text())["mean_px"] for r in (run, trained)]
    assert scores[0] != scores[1]
    held = io_run.load(run).net, io_run.load(trained).net
    assert held[0].spec.mirror and not held[1].spec.mirror


def test_snapshots_predict_together(recording, tmp_path):
    cfg = small(20)
    loop = cfg.fit.model_copy(update={"snapshots": 2, "evaluate_every": 10})
    train.run(cfg.model_copy(update={"fit": loop}), recording.labels, tmp_path / "run")
    run = io_run.load(tmp_path / "run")
    assert run.model.snapshots == 1 and (tmp_path / "run" / "snapshot1.safetensors").is_file()
    told = json.loads((run.folder / "provenance.json").read_text())["weights_hash"]
    assert told == run.weights_hash == starting.fingerprint(str(run.folder))
    held = io_run.read_heldout(run.folder)  # says what both said together
    shown = held.images[0].transpose(2, 0, 1)[None]
    alone = io_run.PoseNet(run.model.spec).eval()
    alone.load_state_dict(io_run.read_weights(run.folder / "weights.safetensors"))
    other = io_run.PoseNet(run.model.spec).eval()
    other.load_state_dict(io_run.read_weights(run.folder / "snapshot1.safetensors"))
    h, w = shown.shape[-2:]
    padded = np.pad(shown, ((0, 0), (0, 0), (0, -h % 8), (0, -w % 8)), constant_values=128)
    with torch.no_grad():
        mean = sum(net(torch.from_numpy(padded))[0].numpy() for net in (alone, other)) / 2
    found = pixels.apply(held.to_video[0], alone.position.find(mean, (w, h)).xy[0])
    np.testing.assert_allclose(held.xy[0], found, atol=0.02)
    done = predict.run(predict.PredictConfig(), run.folder, [recording.video], tmp_path / "out")
    assert done
    (tmp_path / "run" / "snapshot1.safetensors").unlink()
    with pytest.raises(InputError, match=r"snapshot1.safetensors"):
        io_run.load(tmp_path / "run")


def test_snapshots_without_a_budget_are_refused_before_anything_is_written(recording, tmp_path):
    loop = small().fit.model_copy(update={"snapshots": 2, "steps": None})
    cfg = small().model_copy(update={"fit": loop})
    with pytest.raises(InputError, match="there is none; give --steps or --minutes"):
        train.run(cfg, recording.labels, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_snapshots_of_the_linear_backbone_are_refused(recording, tmp_path):
    cfg = small().override(["backbone={kind: linear, patch: 15}", "fit.snapshots=2"])
    with pytest.raises(InputError, match="linear has one best set of weights"):
        train.run(cfg, recording.labels, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_mirror_is_refused_where_mirror_images_are_not_learnt(recording, tmp_path):
    cfg = small().override(["mirror=true", "augment.flip=0"])
    with pytest.raises(InputError, match=r"augment\.flip is 0; set it to 0\.5"):
        train.run(cfg, recording.labels, tmp_path / "run")
    assert not (tmp_path / "run").exists()


CLOSE = Choice(0.5, ALONE[0], (80, 64), True, 15.0, 0.0, 1, ())  # of a camera at the side


def test_a_network_that_knows_places_does_not_follow(recording, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "choose", lambda *labels, **settings: CLOSE)
    run = train.run(small(20), recording.labels, tmp_path / "run", threads=1)
    assert io_run.load(run).model.spec.place
    ask = predict.PredictConfig(window="follow")
    with pytest.raises(InputError, match="knows places of the whole frame"):
        predict.run(ask, run, [recording.video], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_several_animals_where_one_was_promised_are_refused(recording, tmp_path):
    labels = io_labels.load(recording.labels)
    from dataclasses import replace

    from gambol.core.labels import join

    two = join([labels, replace(labels, individuals=("other",))])
    io_labels.write(two, tmp_path / "two.csv", "csv")
    with pytest.raises(InputError, match="several labelled animals"):
        cfg = small(20).override(["approach=single"])
        train.run(cfg, tmp_path / "two.csv", tmp_path / "run")


def test_tensorboard_gets_what_the_log_gets(recording, tmp_path):
    pytest.importorskip("tensorboard")
    run = train.run(small(20), recording.labels, tmp_path / "run", threads=1, tensorboard=True)
    assert list((run / "tensorboard").glob("events.*"))
