"""Several animals frame by frame against `gambol predict`."""

import json
import shutil

import numpy as np
import pytest
from pairs import film, small, trained

from gambol.core.errors import InputError
from gambol.io import detections as io_detections
from gambol.io import run as io_run
from gambol.io.video.open import open_video
from gambol.pose import find
from gambol.stages import export_model, live_many, predict, train
from gambol.stages.live import Predictor
from gambol.stages.live_many import ManyPredictor

pytest.importorskip("openvino")
SLOW = [
    pytest.param(name, marks=pytest.mark.slow) for name in ("top-down", "named", "named crops")
]
PLAIN = export_model.ExportConfig()
NAMES = ("xy", "confidence", "covariance", "presence", "score", "identity")


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Networks by name, and the film that they know."""
    base = tmp_path_factory.getbasetemp()
    made = Made(base, tmp_path_factory.mktemp("live-many"))
    return trained(base, "bottom-up")[0].video, made


class Made(dict):
    """Networks by name, made when they are asked for."""

    def __init__(self, base, out):
        self.base, self.out = base, out

    def __missing__(self, name):
        self[name] = made = self.make(name)
        return made

    def make(self, name):
        if name.endswith(" exported"):
            run = self[name.removesuffix(" exported")]
            return export_model.run(PLAIN, run, self.out / name).folder
        if name in ("top-down", "bottom-up"):
            return trained(self.base, name)[1]
        kind, steps = ("bottom-up", 60) if name == "named" else ("top-down", 120)
        unlike = film(self.base / "unlike", ((250, 150, 60), (60, 150, 250))).labels
        cfg = small(kind, steps, identities=True)
        return train.run(cfg, unlike, self.base / name.replace(" ", "-"), threads=1)


@pytest.fixture(scope="module")
def frames(known):
    video = open_video(known[0], grey=io_run.load(known[1]["bottom-up"]).model.grey)
    try:
        return video.read(range(12))
    finally:
        video.close()


def rows(found, expected):
    """Pair animals by their middles."""
    gap = np.nanmean(found, axis=1)[:, None] - np.nanmean(expected, axis=1)
    return np.linalg.norm(gap, axis=-1).argmin(axis=1)


@pytest.mark.parametrize("run", ["bottom-up", *SLOW])
def test_animals_are_those_of_predict(known, frames, run, tmp_path):
    video, made = known
    cfg = predict.PredictConfig()
    done = predict.run(cfg, made[run], [video], tmp_path, device="cpu", threads=1)[0]
    _, expected = io_detections.read(done.poses)
    for name in (run, f"{run} exported"):
        predictor, most = ManyPredictor(made[name]), 0
        for number, frame in enumerate(frames):
            found, own = predictor.predict(frame), expected.frame == number
            assert len(found.xy) == own.sum()
            if not own.any():
                continue
            at = rows(found.xy, expected.xy[own])
            assert sorted(at.tolist()) == list(range(own.sum()))
            np.testing.assert_allclose(found.xy, expected.xy[own][at], atol=0.05)
            sure = expected.confidence, expected.score, expected.identity
            said = found.confidence, found.score, found.identity
            for part, other in zip(said, sure, strict=True):
                np.testing.assert_allclose(part, other[own][at], atol=0.02)
            assert (np.diff(found.score) <= 0).all()
            most = max(most, len(found.xy))
        assert most >= 2
        assert predictor.keypoints == ("nose", "middle", "tail")
        assert predictor.individuals == (("ann", "bob") if "named" in run else ())


def test_nobody_in_an_empty_frame(known):
    empty = np.full((96, 128), 110, np.uint8)
    found = ManyPredictor(known[1]["bottom-up exported"]).predict(empty)
    assert found.xy.shape == (0, 3, 2) and found.identity.shape == (0, 0)


def test_frames_are_timed_and_compiled_before_them(known, frames):
    predictor = ManyPredictor(known[1]["bottom-up exported"], size=(128, 96))
    assert predictor.latency.frames == 0
    predictor.predict(frames[0])
    assert predictor.latency.frames == 1 and predictor.latency.worst_ms > 0


def test_sides_are_weighed_anew_as_the_run_does(known, frames, tmp_path, monkeypatch):
    asked = []
    real = find.group

    def group(found, fields, links, stride, sides=None):
        asked.append(sides)
        return real(found, fields, links, stride, sides)

    monkeypatch.setattr(find, "group", group)
    folder = shutil.copytree(known[1]["bottom-up exported"], tmp_path / "net")
    values = json.loads((folder / "model.json").read_text("utf-8"))
    (folder / "model.json").write_text(json.dumps({**values, "near": 3.5}), encoding="utf-8")
    ManyPredictor(folder).predict(frames[0])
    assert asked[-1].near == 3.5 and asked[-1].partner.tolist() == values["skeleton"]["swap"]
    ManyPredictor(known[1]["bottom-up exported"]).predict(frames[0])
    assert asked[-1] is None


def test_bfloat16_stays_near(known, frames):
    exact = ManyPredictor(known[1]["bottom-up exported"]).predict(frames[0])
    near = ManyPredictor(known[1]["bottom-up exported"], precision="bfloat16")
    found = near.predict(frames[0])
    assert len(found.xy) == len(exact.xy)
    off = np.linalg.norm(found.xy - exact.xy[rows(exact.xy, found.xy)], axis=-1)
    assert np.nanmedian(off) < 1.0


def test_networks_of_another_kind_are_refused(known, tmp_path):
    made = known[1]
    for name in ("bottom-up", "bottom-up exported", "top-down", "top-down exported"):
        with pytest.raises(InputError, match="use gambol.live.ManyPredictor"):
            Predictor(made[name])
    old = shutil.copytree(made["top-down exported"], tmp_path / "old")
    values = json.loads((old / "model.json").read_text("utf-8"))
    (old / "model.json").write_text(json.dumps({**values, "centroid": None}), encoding="utf-8")
    with pytest.raises(InputError, match="no network that finds them; export the run anew"):
        ManyPredictor(old)
    with pytest.raises(InputError, match="computes in float32"):
        ManyPredictor(made["bottom-up"], precision="int8")
    with pytest.raises(InputError, match="export the run anew with --int8"):
        ManyPredictor(made["bottom-up exported"], precision="int8")
    with pytest.raises(InputError, match="on the CPU"):
        ManyPredictor(made["bottom-up exported"], device="cuda")
    with pytest.raises(InputError, match="uint8"):
        ManyPredictor(made["bottom-up exported"]).predict(np.zeros((8, 8)))
    assert io_run.load(made["named"]).model.many.classes == ("ann", "bob")
    assert live_many.Animals._fields == NAMES
