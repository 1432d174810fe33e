"""One network's training in a folder: finished, interrupted, of other settings."""

import json
import signal
import threading

import numpy as np
import pytest
from pairs import ask_to_stop
from safetensors.torch import load_file

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import run as io_run
from gambol.nn.augment import AugmentConfig
from gambol.nn.backbones.resnet import ResNetSpec
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import ModelSpec
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.transfer import Taken
from gambol.pose import dataset, train
from gambol.pose.distributed import ALONE
from gambol.stages import learning

POINT = Skeleton(("point",))


def job(out, made_from="these", **loop):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (32, 32, 1), dtype=np.uint8) for _ in range(3)]
    xy = rng.uniform(8, 24, (3, 1, 1, 2))
    frames = dataset.make_frames(images, xy, np.full((3, 1, 1), 2, np.uint8), 1.0)
    spec = ModelSpec(backbone=UNetSpec(depth=2, filters=2), keypoints=POINT.keypoints)
    loop = {"steps": 12, "batch": 1, "evaluate_every": 3, "warm_up": 2} | loop
    return learning.Job(
        "find the point", out, made_from, spec, frames,
        lambda net, device: np.array([1.0, np.nan]), dataset.Windows((32, 32), 0.0), POINT,
        train.FitConfig(**loop), AugmentConfig(),
    )  # fmt: skip


class Watch:
    """Remembers every step; asks to stop once at one of them."""

    def __init__(self, stop_at=None):
        self.steps, self.stop_at = [], stop_at

    def __call__(self, step):
        self.steps.append(step)
        if step.done == self.stop_at:
            self.stop_at = None
            ask_to_stop()


def learn(made, watch=None):
    sitting = learning.Sitting("cpu", ALONE, False, watch or Watch(), lambda text: None)
    return learning.learn(made, sitting)


@pytest.mark.parametrize(
    ("backbone", "start", "rate"),
    [
        (UNetSpec(depth=2, filters=2), None, 3e-3),
        (ResNetSpec(layers=18), None, 1e-3),
        (ResNetSpec(layers=18), lambda net: Taken({}, ()), 3e-3),
    ],
)
def test_an_encoder_that_knows_nothing_learns_slower(tmp_path, backbone, start, rate):
    made = job(tmp_path / "usual", steps=2, evaluate_every=1)
    net = {"backbone": backbone, "outputs": (ConfidenceSpec(sigma=16),)}
    made = made._replace(spec=made.spec.model_copy(update=net), start=start)
    said = made._replace(out=tmp_path / "said", fit=made.fit.model_copy(update={"rate": rate}))
    assert [e.rate for e in learn(made).history] == [e.rate for e in learn(said).history]


def same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_a_finished_training_is_read_and_not_repeated(tmp_path):
    watch = Watch()
    fitted = learn(job(tmp_path), watch)
    assert [step.done for step in watch.steps] == [3, 6, 9, 12]
    assert {p.name for p in tmp_path.iterdir()} == {
        "weights.safetensors", "last.safetensors", "log.jsonl", "fitted.json",
    }  # fmt: skip
    again = Watch()
    silence = learn(job(tmp_path), again)
    assert not again.steps
    same(fitted.weights, silence.weights)
    same(fitted.last, silence.last)
    assert (silence.best, silence.reason) == (fitted.best, fitted.reason)
    assert [line.step for line in silence.history] == [3, 6, 9, 12]
    same(load_file(tmp_path / "weights.safetensors"), fitted.weights)


def test_progress_counts_the_budget_in_its_own_unit(tmp_path):
    watch = Watch()
    learn(job(tmp_path), watch)
    last = watch.steps[-1]
    assert last.stage == "find the point" and "validation 1.00 px" in last.item
    assert last.done == last.total == 12
    watch = Watch()
    learn(job(tmp_path / "timed", steps=None, minutes=0.02), watch)
    assert {step.total for step in watch.steps} == {round(60 * 0.02)}


def test_asked_to_stop_it_goes_on_later_and_ends_with_the_same_weights(tmp_path):
    whole = learn(job(tmp_path / "whole"))
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(train.Stopped, match="the same command goes on"):
        learn(job(tmp_path / "broken"), Watch(stop_at=6))
    assert signal.getsignal(signal.SIGTERM) is before
    assert (tmp_path / "broken" / "state.pt").exists()
    watch = Watch()
    broken = learn(job(tmp_path / "broken"), watch)
    assert [step.done for step in watch.steps] == [9, 12]
    assert not (tmp_path / "broken" / "state.pt").exists()
    same(whole.last, broken.last)
    same(whole.weights, broken.weights)
    assert [line["step"] for line in io_run.read_log(tmp_path / "broken")] == [3, 6, 9, 12]


def test_what_other_settings_made_is_never_overwritten(tmp_path):
    with pytest.raises(train.Stopped):
        learn(job(tmp_path), Watch(stop_at=3))
    for _ in ("unfinished", "finished"):
        with pytest.raises(InputError, match="other settings; choose another --out"):
            learn(job(tmp_path, made_from="those"))
        kept = (tmp_path / "log.jsonl").read_text()
        learn(job(tmp_path))
        assert (tmp_path / "log.jsonl").read_text().startswith(kept)


def test_a_log_without_a_state_is_forgotten(tmp_path):
    # killed between the first line of the log and the first saved state
    io_run.append_log({"step": 3, "val_px": 9.0}, tmp_path)
    fitted = learn(job(tmp_path))
    lines = io_run.read_log(tmp_path)
    assert [line["step"] for line in lines] == [3, 6, 9, 12]
    assert lines[0]["val_px"] == 1.0 and fitted.history[fitted.best].val_px == 1.0


def test_the_note_that_says_finished_is_written_last(tmp_path):
    learn(job(tmp_path))
    note = json.loads((tmp_path / "fitted.json").read_text())
    assert note == {"made_from": "these", "best": 0, "reason": note["reason"]}
    stamp = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    assert max(stamp, key=stamp.get) == "fitted.json"


def test_threads_of_a_program_train_without_touching_its_signals(tmp_path):
    before, done = signal.getsignal(signal.SIGTERM), []
    thread = threading.Thread(target=lambda: done.append(learn(job(tmp_path))))
    thread.start()
    thread.join()
    assert done and signal.getsignal(signal.SIGTERM) is before


class Seeing:
    """Hears what a training tells those who look on."""

    enough = staticmethod(lambda: False)

    def __init__(self):
        self.told = []

    def heard(self, job, seen):
        pass

    def evaluated(self, job, line, off):
        self.told.append((line.val_px, off))


def test_people_see_how_far_off_it_is_and_far_ones_do_not_choose_the_weights(tmp_path):
    """Of two evaluations the second is better but for a keypoint taken for another."""
    said = iter([[4.0, 4.0, 60.0], [2.0, 2.0, 90.0], [3.0, 3.0, 60.0], [4.0, 4.0, 60.0]])
    made = job(tmp_path / "run")._replace(
        judge=lambda net, device: np.array(next(said)), most=10
    )
    seeing = Seeing()
    sitting = learning.Sitting("cpu", ALONE, False, Watch(), lambda text: None, seeing)
    fitted = learning.learn(made, sitting)
    assert fitted.best == 1
    assert [px for px, _ in seeing.told] == pytest.approx([6.0, 14 / 3, 16 / 3, 6.0])
    assert [off.max() for _, off in seeing.told] == [60.0, 90.0, 60.0, 60.0]
