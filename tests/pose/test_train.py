"""The training loop on a tiny network: what it learns, when it stops, how it goes on."""

import copy
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gambol.core import pixels
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.nn import targets
from gambol.nn.augment import AugmentConfig
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import ModelSpec, PoseNet
from gambol.pose import dataset, train
from gambol.pose.dataset import Windows
from gambol.pose.train import FitConfig, Stopped, fit

SPOTS = Skeleton(("spot", "hole"))
WINDOWS = Windows((32, 32), away=0.25)


def tiny_net(filters=4, seed=0, norm="batch"):
    torch.manual_seed(seed)
    backbone = UNetSpec(depth=2, filters=filters, norm=norm)
    return PoseNet(ModelSpec(backbone=backbone, keypoints=SPOTS.keypoints, sigma=3.0))


def scenes(n, seed, scale=1.0, size=(48, 40)):
    """Grain with a bright spot in the left half and a dark one in the right."""
    rng = np.random.default_rng(seed)
    w, h = size
    xy = rng.uniform((6, 6), (w / 2 - 6, h - 7), (n, 2, 2)) + [[0, 0], [w / 2, 0]]
    x, y = np.meshgrid(np.arange(w), np.arange(h))
    images = rng.normal(128, 6, (n, h, w))
    for i, j in np.ndindex(n, 2):
        d = (x - xy[i, j, 0]) ** 2 + (y - xy[i, j, 1]) ** 2
        images[i] += (100, -100)[j] * np.exp(-d / (2 * 2.0**2))
    films = [np.clip(image, 0, 255).astype(np.uint8)[..., None] for image in images]
    return dataset.make_frames(films, xy, np.full((n, 2), 2, np.uint8), scale)


def settings(**changes):
    values = {
        "batch": 4,
        "rate": 3e-3,
        "warm_up": 5,
        "evaluate_every": 4,
        "precision": "float32",
    }
    return FitConfig(**{**values, **changes})


def run(cfg, net=None, **more):
    """Train on eight scenes, choose on five."""
    net = tiny_net() if net is None else net
    light = AugmentConfig(rotation=30.0)
    return fit(net, scenes(8, 1), scenes(5, 2), WINDOWS, SPOTS, cfg, light, **more)


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def untimed(history):
    return [
        (line.step, line.loss, line.val_px, line.val_median_px, line.rate) for line in history
    ]


def test_it_learns_to_find_the_spots():
    lines = []
    cfg = settings(steps=90, evaluate_every=15, batch=8, rate=1e-2)
    fitted = run(cfg, net=tiny_net(filters=6), log=lines.append)
    assert fitted.history == lines and [line.step for line in lines] == [15, 30, 45, 60, 75, 90]
    assert fitted.history[fitted.best].val_px < 0.5 < lines[0].val_px
    assert lines[-1].loss < 0.5 * lines[0].loss
    assert all(0 < line.data_share < 1 and line.samples_per_s > 0 for line in lines)
    net = tiny_net(filters=6)
    net.load_state_dict(fitted.weights)
    other = scenes(6, 3)
    assert train.distances(net, other, torch.device("cpu")).mean() < 0.8


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    cfg = settings(steps=6)
    one, again = run(cfg), run(cfg)
    assert equal(one.last, again.last) and equal(one.weights, again.weights)
    assert untimed(one.history) == untimed(again.history)
    other = run(settings(steps=6, seed=1))
    assert not equal(one.last, other.last)


def test_a_state_that_went_through_a_file_goes_on_as_if_nothing_had_happened(tmp_path):
    cfg, path = settings(steps=11), tmp_path / "state.pt"
    whole = run(cfg)
    steps = iter(range(1, 12))

    def fifth():
        return next(steps) == 5

    with pytest.raises(Stopped, match="step 5"):
        run(cfg, save=lambda state: torch.save(state, path), stop=fifth)
    saved = torch.load(path, weights_only=True)  # trap 26: nothing in it is code
    assert saved["step"] == 5
    resumed = run(cfg, net=tiny_net(seed=9), state=saved)
    assert equal(resumed.last, whole.last) and equal(resumed.weights, whole.weights)
    assert untimed(resumed.history) == untimed(whole.history)
    assert resumed.best == whole.best


WORKER = """
import os, sys, torch
sys.path.insert(0, {here!r})
torch.set_num_threads(1)
import test_train as t
path, last = sys.argv[1:]

def save(state):
    torch.save(state, path + ".new")
    os.replace(path + ".new", path)
    print(state["step"], flush=True)

state = torch.load(path, weights_only=True) if os.path.exists(path) else None
fitted = t.run(t.settings(steps=14), save=save, save_every_s=0.0, state=state)
torch.save({{"last": fitted.last, "weights": fitted.weights}}, last)
"""


def start(tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(WORKER.format(here=str(Path(__file__).parent)))
    return subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "state.pt"), str(tmp_path / "last.pt")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_a_run_killed_at_any_step_ends_with_the_same_weights(tmp_path):
    whole = run(settings(steps=14))
    step = int(np.random.default_rng().integers(1, 13))
    with start(tmp_path) as worker:
        for line in worker.stdout:
            if int(line) == step:
                worker.send_signal(signal.SIGKILL)
    assert worker.returncode == -signal.SIGKILL and not (tmp_path / "last.pt").exists()
    with start(tmp_path) as worker:
        first = int(worker.stdout.readline())
        worker.stdout.read()
    assert worker.returncode == 0 and first > step, step
    ended = torch.load(tmp_path / "last.pt", weights_only=True)
    assert equal(ended["last"], whole.last), f"killed at step {step}"
    assert equal(ended["weights"], whole.weights), f"killed at step {step}"


def test_a_loss_that_is_no_number_names_the_step():
    with pytest.raises(
        InputError, match=r"the loss is (nan|inf) at step \d+; use a smaller rate"
    ):
        run(settings(steps=20, rate=1e30, warm_up=1), net=tiny_net(norm="none"))


def scripted(monkeypatch, errors):
    """Let validation say these errors one after the other; keep the weights it was asked of."""
    asked, rest = [], iter(errors)

    def distances(net, frames, device):
        asked.append({k: v.clone() for k, v in net.state_dict().items()})
        return np.full((len(frames.images), 2), next(rest))

    monkeypatch.setattr(train, "distances", distances)
    return asked


def test_the_weights_kept_are_the_averaged_ones_that_were_best_on_validation(monkeypatch):
    asked = scripted(monkeypatch, [3.0, 1.0, 2.0, 1.0])
    fitted = run(settings(steps=8, evaluate_every=2))
    assert fitted.best == 1 and equal(fitted.weights, asked[1])
    assert [line.val_px for line in fitted.history] == [3.0, 1.0, 2.0, 1.0]
    assert not equal(fitted.weights, asked[3]) and not equal(fitted.last, asked[3])


def test_the_last_step_is_evaluated_even_between_evaluations():
    fitted = run(settings(steps=7))
    assert [line.step for line in fitted.history] == [4, 7]
    assert fitted.reason == "budget spent"


def test_small_sets_are_evaluated_after_whole_passes():
    fitted = run(settings(steps=8, batch=2, evaluate_every=1))
    assert [line.step for line in fitted.history] == [4, 8]  # eight frames, two a step


def test_a_budget_in_minutes_ends_cleanly():
    fitted = run(settings(minutes=0.02, evaluate_every=1))
    assert fitted.reason == "budget spent" and fitted.best >= 0
    assert 0.02 <= fitted.history[-1].minutes < 0.2


def test_without_a_budget_it_stops_when_nothing_is_gained(monkeypatch):
    scripted(monkeypatch, [3.0, 2.0] + [1.999] * 50)  # the third gains less than half a percent
    cfg = settings(evaluate_every=2, patience=3, min_steps=8, max_steps=100)
    fitted = run(cfg)
    assert fitted.reason == "no gain in 3 evaluations" and fitted.history[-1].step == 10
    assert fitted.best == 2  # a gain all the same


def test_without_a_budget_it_runs_for_a_least_and_a_most_number_of_steps(monkeypatch):
    scripted(monkeypatch, [1.0] * 50)
    least = run(settings(evaluate_every=2, patience=1, min_steps=12, max_steps=100))
    assert least.history[-1].step == 12
    scripted(monkeypatch, np.linspace(100, 1, 50))
    most = run(settings(evaluate_every=2, patience=1, min_steps=2, max_steps=9))
    assert most.reason == "9 steps" and most.history[-1].step == 9


def test_the_rate_warms_up_and_falls_as_a_cosine_to_a_hundredth():
    fitted = run(settings(steps=12, batch=8, evaluate_every=1, warm_up=4, rate=1e-3))
    for t, line in enumerate(fitted.history):
        cosine = 0.01 + 0.99 * (1 + math.cos(math.pi * t / 12)) / 2
        assert line.rate == pytest.approx(1e-3 * min(1, (t + 1) / 4) * cosine)


def test_without_a_budget_the_rate_halves_after_five_evaluations_without_gain(monkeypatch):
    scripted(monkeypatch, [1.0] * 50)
    cfg = settings(batch=8, evaluate_every=1, warm_up=1, rate=1e-3, patience=12, min_steps=13)
    rates = [line.rate for line in run(cfg).history]
    np.testing.assert_allclose(rates[:6], 1e-3)
    np.testing.assert_allclose(rates[6:11], 5e-4)
    np.testing.assert_allclose(rates[11:], 2.5e-4)


def test_the_average_forgets_as_the_formula_says():
    net = tiny_net()
    start = {k: v.clone() for k, v in net.state_dict().items()}
    fitted = run(settings(steps=1), net=net)
    decay = (1 + 1) / (10 + 1)
    for name, value in start.items():
        if value.is_floating_point():
            expected = decay * value + (1 - decay) * fitted.last[name]
            torch.testing.assert_close(fitted.weights[name], expected)


def test_few_digits_are_for_the_layers_and_not_for_what_is_kept():
    cfg = settings(steps=9, precision="bfloat16")
    states = []
    whole = run(cfg, save=lambda state: states.append(copy.deepcopy(state)))
    assert all(v.dtype in (torch.float32, torch.int64) for v in whole.weights.values())
    moments = states[-1]["optimiser"]["state"][0]
    assert moments["exp_avg"].dtype == torch.float32
    assert math.isfinite(whole.history[-1].loss) and not equal(
        run(settings(steps=9)).last, whole.last
    )
    resumed = run(cfg, net=tiny_net(seed=5), state=states[0])
    assert equal(resumed.last, whole.last)


def test_every_pass_shows_every_frame_once_in_another_order():
    cfg = settings(batch=4)
    order = np.concatenate([train._rows(10, cfg, step) for step in range(10)]).reshape(4, 10)
    assert all(sorted(one) == list(range(10)) for one in order.tolist())
    assert len({tuple(one) for one in order.tolist()}) == 4


def test_biases_and_norms_do_not_decay():
    net = tiny_net()
    decayed, others = train._groups(net, 0.1)
    assert decayed["weight_decay"] == 0.1 and others["weight_decay"] == 0
    modules = [m for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
    assert {id(p) for p in decayed["params"]} == {id(m.weight) for m in modules}
    assert len(decayed["params"]) + len(others["params"]) == len(list(net.parameters()))


class Oracle(PoseNet):
    """Answers with the target of keypoints that it is told, whatever it sees."""

    def tell(self, xy):
        self.xy = iter(torch.from_numpy(xy).float())
        return self

    def forward(self, image):
        size = image.shape[-1], image.shape[-2]
        return targets.confidence_maps(next(self.xy)[None], size, self.stride, self.spec.sigma)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_distances_are_those_in_the_video_for_every_frame_whatever_its_size(scale):
    # traps 2 and 18: no half pixel at any scale, and no frame left out
    rng = np.random.default_rng(0)
    parts = [scenes(2, 1, scale, (96, 78)), scenes(1, 2, scale, (94, 78))]
    frames = dataset.Frames(
        [image for part in parts for image in part.images],
        *(np.concatenate([part[i] for part in parts]) for i in (1, 2, 3)),
    )
    shift = rng.uniform(-3, 3, frames.xy.shape)
    oracle = Oracle(tiny_net().spec).tell(frames.xy + shift)
    found = train.distances(oracle, frames, torch.device("cpu"))
    expected = [
        np.linalg.norm(shift[i] @ frames.to_video[i][:, :2].T, axis=-1) for i in range(3)
    ]
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_a_keypoint_without_a_label_has_no_distance():
    frames = scenes(2, 1)
    xy = frames.xy.copy()
    xy[0, 1] = np.nan
    found = train.distances(tiny_net(), frames._replace(xy=xy), torch.device("cpu"))
    assert np.isnan(found).tolist() == [[False, True], [False, False]]


def test_peaks_in_the_padding_do_not_count():
    maps = np.zeros((1, 16, 16), np.float32)
    maps[0, 5, 5], maps[0, 12, 3], maps[0, 3, 12] = 0.5, 1.0, 1.0
    found = train.to_pixels(maps, 2, 3.0, (23, 21))  # 12 and 11 cells
    assert pixels.apply(pixels.cells(2), np.array([5.0, 5.0])) == pytest.approx(
        found.xy[0], abs=0.1
    )
    assert found.height[0] == 0.5


@pytest.mark.parametrize("empty", ["train", "val"])
def test_a_split_without_frames_is_refused(empty):
    none, some = scenes(1, 1).select(np.array([], int)), scenes(2, 1)
    parts = (none, some) if empty == "train" else (some, none)
    with pytest.raises(InputError, match="no frames to"):
        fit(tiny_net(), *parts, WINDOWS, SPOTS, settings(steps=2), AugmentConfig())
