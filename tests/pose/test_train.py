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

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.nn.augment import AugmentConfig
from gambol.nn.backbones.resnet import ResNetSpec
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.backbones.vit import VitSpec
from gambol.nn.heads import SimpleSpec
from gambol.nn.model import ModelSpec, PoseNet
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.pose import dataset, infer, optimise, schedule, train
from gambol.pose.dataset import Windows
from gambol.pose.train import FitConfig, Stopped, fit

SPOTS = Skeleton(("spot", "hole"))
WINDOWS = Windows((32, 32), away=0.25)


def tiny_net(filters=4, seed=0, norm="batch"):
    torch.manual_seed(seed)
    backbone = UNetSpec(depth=2, filters=filters, norm=norm)
    confidence = ConfidenceSpec(sigma=3.0)
    return PoseNet(
        ModelSpec(backbone=backbone, keypoints=SPOTS.keypoints, outputs=(confidence,))
    )


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
    return dataset.make_frames(films, xy[:, None], np.full((n, 1, 2), 2, np.uint8), scale)


def settings(**changes):
    values = {
        "batch": 4,
        "rate": 3e-3,
        "warm_up": 5,
        "evaluate_every": 4,
        "precision": "float32",
    }
    return FitConfig(**{**values, **changes})


def judge(net, device):
    """Distances on five scenes."""
    return infer.distances(net, scenes(5, 2), device)


def run(cfg, net=None, judge=judge, frames=None, **more):
    """Train on eight scenes, choose on five others."""
    net = tiny_net() if net is None else net
    frames = scenes(8, 1) if frames is None else frames
    light = AugmentConfig(rotation=30.0)
    return fit(net, frames, judge, WINDOWS, SPOTS, cfg, light, **more)


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
    assert infer.distances(net, other, torch.device("cpu")).mean() < 0.8


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


@pytest.mark.slow
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
        InputError,
        match=r"the loss is (nan|inf) at step \d+, on the frames [\d, ]+; use a smaller rate",
    ):
        run(settings(steps=20, rate=1e30, warm_up=1), net=tiny_net(norm="none"))


def scripted(errors):
    """A judge that says these errors one after the other and keeps the weights it was asked."""
    asked, rest = [], iter(errors)

    def judge(net, device):
        asked.append({k: v.clone() for k, v in net.state_dict().items()})
        return np.full((5, 2), next(rest))

    return judge, asked


def test_the_weights_kept_are_the_averaged_ones_that_were_best_on_validation():
    judge, asked = scripted([3.0, 1.0, 2.0, 1.0])
    fitted = run(settings(steps=8, evaluate_every=2), judge=judge)
    assert fitted.best == 1 and equal(fitted.weights, asked[1])
    assert [line.val_px for line in fitted.history] == [3.0, 1.0, 2.0, 1.0]
    assert not equal(fitted.weights, asked[3]) and not equal(fitted.last, asked[3])


def test_of_several_cycles_the_averaged_weights_at_their_ends_are_kept():
    judge, asked = scripted([1.0, 5.0, 1.0, 4.0, 1.0, 6.0])
    fitted = run(settings(steps=12, evaluate_every=2, snapshots=3), judge=judge)
    assert [line.step for line in fitted.history] == [2, 4, 6, 8, 10, 12]
    assert fitted.best == 3 and equal(fitted.weights, asked[3])  # the best of those at 4, 8, 12
    assert len(fitted.others) == 2
    assert equal(fitted.others[0], asked[1]) and equal(fitted.others[1], asked[5])


def test_the_average_of_a_cycle_forgets_the_cycle_before():
    long = run(settings(steps=12, evaluate_every=12, snapshots=3))
    gap = {1: [], 3: []}
    for cycles, found in gap.items():
        fitted = run(settings(steps=12, evaluate_every=12, snapshots=cycles))
        for name, value in fitted.last.items():
            if value.is_floating_point():
                average = (fitted.others or [fitted.weights])[-1][name]
                found.append(float((average - value).abs().mean()))
    assert np.mean(gap[3]) < np.mean(gap[1])
    assert [line.step for line in long.history] == [4, 8, 12]


def test_a_run_in_cycles_goes_on_where_it_was(tmp_path):
    cfg, path = settings(steps=9, snapshots=3), tmp_path / "state.pt"
    whole = run(cfg)
    steps = iter(range(1, 10))
    with pytest.raises(Stopped, match="step 5"):
        run(cfg, save=lambda state: torch.save(state, path), stop=lambda: next(steps) == 5)
    resumed = run(cfg, net=tiny_net(seed=9), state=torch.load(path, weights_only=True))
    assert equal(resumed.weights, whole.weights) and len(resumed.others) == 2
    for mine, theirs in zip(resumed.others, whole.others, strict=True):
        assert equal(mine, theirs)
    assert untimed(resumed.history) == untimed(whole.history)


def with_encoder(backbone):
    torch.manual_seed(0)
    return PoseNet(
        ModelSpec(backbone=backbone, head=SimpleSpec(doublings=1, width=8),
                  keypoints=SPOTS.keypoints, outputs=(ConfidenceSpec(sigma=6.0),))
    )  # fmt: skip


@pytest.mark.parametrize(
    "backbone", [ResNetSpec(layers=18, stride=8, width=8), VitSpec(patch=8, layers=1)],
    ids=lambda one: one.kind,
)  # fmt: skip
@pytest.mark.parametrize("freeze", [1.0, 0.5])
def test_what_was_taught_elsewhere_stays_until_it_may_learn(backbone, freeze):
    # trap 13: its batch statistics stay as well
    net = with_encoder(backbone)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    rates = {f"backbone.encoder.{n}": r for n, r in net.backbone.encoder.rates().items()}
    run = partial_run(net, rates, freeze)
    changed = {n for n, value in run.last.items() if not torch.equal(value, before[n])}
    inside = {n for n in before if n.startswith("backbone.encoder.")}
    if freeze == 1:
        assert changed and not changed & inside
    else:
        assert inside <= changed


def partial_run(net, rates, freeze):
    cfg = settings(steps=4, batch=2, freeze=freeze)
    return run(cfg, net, judge=lambda net, device: np.ones((2, 2)), borrowed=rates)


def test_what_was_taught_elsewhere_learns_at_its_own_rate():
    net = with_encoder(VitSpec(patch=8, layers=2))
    encoder = net.backbone.encoder
    rates = {f"backbone.encoder.{n}": r for n, r in encoder.rates().items()}
    for asked, most in ((None, 0.75), (0.1, 0.1)):
        adam = optimise.make_optimiser(net, 1.0, 0.0, schedule.relative(rates, asked))
        of = {id(p): g["relative"] for g in adam.param_groups for p in g["params"]}
        assert of[id(encoder.blocks[1].norm1.weight)] == pytest.approx(most)
        assert of[id(encoder.blocks[0].norm1.weight)] == pytest.approx(0.75 * most)
        assert of[id(encoder.cls_token)] == pytest.approx(0.75**2 * most)
        assert of[id(net.heads[0].conv.weight)] == 1.0


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


def test_without_a_budget_it_stops_when_nothing_is_gained():
    judge, _ = scripted([3.0, 2.0] + [1.999] * 50)  # the third gains less than half a percent
    cfg = settings(evaluate_every=2, patience=3, min_steps=8, max_steps=100)
    fitted = run(cfg, judge=judge)
    assert fitted.reason == "no gain in 3 evaluations" and fitted.history[-1].step == 10
    assert fitted.best == 2  # a gain all the same


def test_without_a_budget_it_runs_for_a_least_and_a_most_number_of_steps():
    cfg = settings(evaluate_every=2, patience=1, min_steps=12, max_steps=100)
    least = run(cfg, judge=scripted([1.0] * 50)[0])
    assert least.history[-1].step == 12
    cfg = settings(evaluate_every=2, patience=1, min_steps=2, max_steps=9)
    most = run(cfg, judge=scripted(np.linspace(100, 1, 50))[0])
    assert most.reason == "9 steps" and most.history[-1].step == 9


def test_the_rate_warms_up_and_falls_as_a_cosine_to_a_hundredth():
    fitted = run(settings(steps=40, batch=8, evaluate_every=1, warm_up=4, rate=1e-3))
    for t, line in enumerate(fitted.history):
        cosine = 0.505 + 0.495 * np.cos(np.pi * t / 40)
        assert line.rate == pytest.approx(1e-3 * min(1, (t + 1) / 4) * cosine)


def test_warming_up_takes_no_more_than_a_tenth_of_a_budget():
    fitted = run(settings(steps=40, batch=8, evaluate_every=1, warm_up=200, rate=1e-3))
    warm = [
        line.rate / (0.505 + 0.495 * np.cos(np.pi * t / 40))
        for t, line in enumerate(fitted.history)
    ]
    np.testing.assert_allclose(warm[:5], 1e-3 * np.array([1 / 200, 0.25, 0.5, 0.75, 1]))
    np.testing.assert_allclose(warm[5:], 1e-3)


def test_without_a_budget_the_rate_halves_after_five_evaluations_without_gain():
    judge, _ = scripted([1.0] * 50)
    cfg = settings(batch=8, evaluate_every=1, warm_up=1, rate=1e-3, patience=12, min_steps=13)
    rates = [line.rate for line in run(cfg, judge=judge).history]
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
    moments = states[-1]["optimiser"]["adam"]["state"][0]
    assert moments["exp_avg"].dtype == torch.float32
    assert math.isfinite(whole.history[-1].loss) and not equal(
        run(settings(steps=9)).last, whole.last
    )
    resumed = run(cfg, net=tiny_net(seed=5), state=states[0])
    assert equal(resumed.last, whole.last)


def test_every_pass_shows_every_frame_once_in_another_order():
    order = np.concatenate([train.order(10, 4, 0, step) for step in range(10)]).reshape(4, 10)
    assert all(sorted(one) == list(range(10)) for one in order.tolist())
    assert len({tuple(one) for one in order.tolist()}) == 4


def test_a_split_without_frames_is_refused():
    with pytest.raises(InputError, match="no frames to train on"):
        run(settings(steps=2), frames=scenes(1, 1).select(np.array([], int)))


def test_a_loss_that_is_no_number_names_the_frames_of_the_step():
    broken = tiny_net(norm="none")
    with torch.no_grad():
        next(broken.parameters()).fill_(torch.nan)
    kept = {k: v.clone() for k, v in broken.state_dict().items()}
    with pytest.raises(InputError) as caught:
        run(settings(steps=5), net=broken, name=lambda row: f"film.mp4:{row}")
    shown = sorted(train.order(8, 4, 0, 0))
    names = ", ".join(f"film.mp4:{row}" for row in shown)
    assert f"at step 0, on the frames {names}; use" in str(caught.value)
    now = broken.state_dict()
    assert all(torch.equal(now[k], v) or torch.isnan(v).all() for k, v in kept.items())


def test_a_batch_in_two_parts_trains_as_the_batch_in_one():
    whole = run(settings(steps=6, batch=8), net=tiny_net(norm="none"))
    parts = run(settings(steps=6, batch=4, accumulate=2), net=tiny_net(norm="none"))
    for name, value in whole.last.items():
        torch.testing.assert_close(parts.last[name], value, rtol=1e-3, atol=1e-4)
    line = parts.history[-1]
    assert (line.samples, line.batch) == (8, 4)
    assert line.loss == pytest.approx(whole.history[-1].loss, rel=1e-3)


def test_on_a_cpu_eight_samples_are_a_step_unless_said_otherwise():
    states = []
    fitted = run(settings(steps=4, batch=None), save=states.append)
    assert equal(fitted.last, run(settings(steps=4, batch=8)).last)
    assert (fitted.history[-1].batch, fitted.history[-1].samples) == (8, 8)
    assert states[-1]["chosen"] == (8, 8)


def test_a_run_goes_on_with_the_batch_that_it_began_with(monkeypatch):
    states, cfg = [], settings(steps=8, batch=None, evaluate_every=2)
    monkeypatch.setattr(
        optimise, "plan", lambda *_: optimise.Plan(2, 8)
    )  # as on a small GPU, where eight did not fit
    whole = run(cfg, save=lambda state: states.append(copy.deepcopy(state)))
    monkeypatch.undo()
    resumed = run(cfg, net=tiny_net(seed=9), state=states[1])
    assert states[1]["step"] < 8 and equal(resumed.last, whole.last)
    assert (resumed.history[-1].batch, resumed.history[-1].samples) == (2, 8)


def test_a_run_in_float16_goes_on_where_it_was():
    cfg, states = settings(steps=9, precision="float16"), []
    whole = run(cfg, save=lambda state: states.append(copy.deepcopy(state)))
    assert whole.history[-1].precision == "float16" and math.isfinite(whole.history[-1].loss)
    assert 0 < states[0]["optimiser"]["scaler"]["_growth_tracker"] <= 4  # steps
    resumed = run(cfg, net=tiny_net(seed=5), state=states[0])
    assert equal(resumed.last, whole.last) and equal(resumed.weights, whole.weights)


def test_one_float16_step_that_overflows_is_no_error_but_many_are():
    states = []
    cfg = settings(steps=70, precision="float16", evaluate_every=200)
    with pytest.raises(Stopped):
        run(cfg, save=states.append, stop=lambda: True)
    few, many = copy.deepcopy(states[0]), copy.deepcopy(states[0])
    few["optimiser"]["scaler"]["scale"] = 2.0**40
    assert math.isfinite(run(cfg, state=few).history[-1].loss)
    many["optimiser"]["scaler"]["scale"] = 2.0**120
    with pytest.raises(
        InputError, match="no finite gradient in 50 steps up to step 49, on the"
    ):
        run(cfg, state=many)


class Forgetful(PoseNet):
    """Drops half of what it sees, at random, while it learns."""

    def answer(self, x):
        return super().answer(torch.nn.functional.dropout(x, 0.5, self.training))


def test_what_a_network_draws_for_itself_depends_on_seed_and_step_alone():
    states, cfg, spec = [], settings(steps=8), tiny_net().spec

    def forgetful(seed):
        torch.manual_seed(seed)
        return Forgetful(spec)

    whole = run(cfg, net=forgetful(0), save=lambda s: states.append(copy.deepcopy(s)))
    resumed = run(cfg, net=forgetful(1), state=states[0])
    assert states[0]["step"] == 4 and equal(resumed.last, whole.last)
    assert not equal(whole.last, run(cfg).last)


def test_the_log_says_what_every_output_costs():
    spec = tiny_net().spec
    two = (ConfidenceSpec(sigma=3.0), ConfidenceSpec(sigma=5.0, weight=0.5))
    torch.manual_seed(0)
    fitted = run(settings(steps=4), net=PoseNet(spec.model_copy(update={"outputs": two})))
    line = fitted.history[-1]
    assert len(line.losses) == 2 and line.loss == pytest.approx(sum(line.losses))
    assert 0 < line.losses[1] < line.losses[0]


@pytest.mark.parametrize(("ends", "kept"), [(6, [1]), (2, [0])])
def test_a_network_amid_a_cycle_is_kept_only_where_there_is_no_other(ends, kept):
    judge, asked = scripted([1.0, 5.0, 0.5])
    steps = iter(range(1, 12))
    fitted = run(
        settings(steps=12, evaluate_every=2, snapshots=3), judge=judge,
        enough=lambda: next(steps) == ends,
    )  # fmt: skip
    assert fitted.reason == "stopped by hand" and not fitted.others
    assert [fitted.best] == kept and equal(fitted.weights, asked[kept[0]])
