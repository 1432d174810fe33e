import json

import numpy as np
import pytest
from films import small

from gambol.core.errors import InputError
from gambol.io import run as io_run
from gambol.stages import train
from gambol.stages.train import TrainConfig

ON = ("unlabelled.losses=[{kind: temporal, strength: 2}, {kind: consistency, sure: 0.1}]",
      "unlabelled.clips=5", "unlabelled.length=3")  # fmt: skip


def config(*changes, steps=24):
    return small(steps).override(["fit.evaluate_every=8", *changes])


def log(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_trains_with_unlabelled_frames_and_goes_on_bit_for_bit(recording, tmp_path):
    cfg = config(*ON)
    out = train.run(cfg, recording.labels, tmp_path / "run", device="cpu", threads=1)
    lines = log(out)
    assert [len(line["losses"]) for line in lines] == [2, 2, 2]
    assert lines[0]["losses"][1] == 0
    assert lines[-1]["losses"][1] > 0
    again = train.run(cfg, recording.labels, tmp_path / "again", device="cpu", threads=1)
    one, two = (io_run.read_weights(o / "last.safetensors") for o in (out, again))
    assert all(np.array_equal(one[k], two[k]) for k in one)


def test_is_off_by_default(recording, tmp_path):
    assert TrainConfig().unlabelled.losses == ()
    out = train.run(config(), recording.labels, tmp_path / "r", device="cpu", threads=1)
    assert [len(line["losses"]) for line in log(out)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (("output={kind: simcc}",), "which output simcc has not"),
        (("backbone={kind: linear}",), "backbone linear is fitted at once"),
        (("approach=top-down",), "top-down finds several"),
        (("unlabelled.losses=[{kind: temporel}]",), "did you mean 'temporal'"),
        (
            ("unlabelled.losses=[{kind: pca-one-view}]", "split.val=0.85"),
            "fully labelled training frames",
        ),
        (
            ("unlabelled.length=64", "unlabelled.videos=[nowhere.mp4]"),
            "nowhere.mp4 does not exist",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(recording, tmp_path, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        cfg = config(*ON, *changes)
        train.run(cfg, recording.labels, tmp_path / "run", device="cpu", threads=1)


def test_labelled_images_are_no_film(tmp_path, data):
    source = data / "mouse_openfield"
    if not source.is_dir():
        pytest.skip("no mouse_openfield")
    with pytest.raises(InputError, match="name films in unlabelled.videos"):
        cfg = config(*ON)
        train.run(cfg, source, tmp_path / "run", device="cpu", threads=1)
