"""A step cut into parts against the step in one piece, and what is chosen for a device."""

import copy

import numpy as np
import pytest
import torch

from gambol.core.errors import InputError
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import ModelSpec, PoseNet
from gambol.nn.outputs import outputs
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.targets import Scene
from gambol.pose import optimise
from gambol.pose.dataset import Batch
from gambol.pose.distributed import ALONE, Team
from gambol.pose.optimise import Optimiser, Plan

CPU = torch.device("cpu")
OUTPUTS = (ConfidenceSpec(sigma=3.0), ConfidenceSpec(sigma=5.0, weight=0.3, stride=4))


NEEDED = {  # by outputs that have settings without default
    "classes": {"classes": ("one", "other")},
    "fields": {"edges": ((0, 1),)},
    "graph": {"parent": (-1, 0)},
    "who": {"classes": ("one", "other")},
}


def tiny_net(norm="group", seed=0, outputs=OUTPUTS):
    torch.manual_seed(seed)
    backbone = UNetSpec(depth=2, filters=4, norm=norm)
    return PoseNet(ModelSpec(backbone=backbone, keypoints=("a", "b"), outputs=outputs))


def samples(n=8, seed=0, animals=1):
    """Noise whose keypoints are labelled here and there, so that counts differ."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (n, 1, 32, 32), np.uint8)
    xy = rng.uniform(4, 28, (n, animals, 2, 2)).astype(np.float32)
    weight = (rng.random((n, animals, 2)) < 0.5).astype(np.float32)
    weight[0] = 0.0
    scene = Scene(
        torch.from_numpy(xy),
        torch.from_numpy(weight),
        torch.ones(n, 32, 32),
        torch.from_numpy(rng.integers(-1, 2, (n, animals))),
    )
    return Batch(torch.from_numpy(image), scene)


def optimiser(net, precision="float32", decay=0.0):
    return Optimiser(net, CPU, precision, decay, ALONE)


def gradients(parts, **how):
    net = tiny_net(**how)
    losses = optimiser(net).gradient(parts)
    return losses, [p.grad for p in net.parameters()]


def check_parts(step, batch, **how):
    joined, whole = gradients([step], **how)
    split, summed = gradients(optimise.split(step, batch), **how)
    torch.testing.assert_close(split, joined, rtol=1e-5, atol=1e-6)
    for one, other in zip(summed, whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("norm", ["none", "group"])
@pytest.mark.parametrize("animals", [1, 3])
@pytest.mark.parametrize("batch", [1, 3, 4])
def test_the_gradient_of_parts_is_that_of_the_step_in_one_piece(batch, animals, norm):
    check_parts(samples(animals=animals), batch, norm=norm)


@pytest.mark.parametrize("kind", outputs.kinds())
def test_so_it_is_for_every_output_whatever_its_loss_divides_by(kind):
    one = outputs.parse({"kind": kind, **NEEDED.get(kind, {})})
    check_parts(samples(), 3, outputs=(one,))


def test_the_hardest_keypoints_are_those_of_the_whole_step():
    check_parts(samples(), 3, outputs=(ConfidenceSpec(hard=True),))


def test_losses_and_gradient_are_those_that_the_network_gives():
    step, net = samples(), tiny_net("batch")
    expected = net.loss(net(step.image), step.scene)
    expected.sum().backward()
    losses, found = gradients([step], norm="batch")
    torch.testing.assert_close(losses, expected.detach())
    for p, grad in zip(net.parameters(), found, strict=True):
        torch.testing.assert_close(grad, p.grad)


class Forgetful(PoseNet):
    """Drops some of what it sees, and remembers what that was."""

    def answer(self, x):
        dropped = torch.nn.functional.dropout(x, 0.5, self.training)
        self.saw = [*getattr(self, "saw", []), dropped.detach()]
        return super().answer(dropped)


def test_parts_are_looked_at_twice_alike_and_counted_once():
    net = Forgetful(tiny_net("batch").spec)
    optimiser(net).gradient(optimise.split(samples(), 4))
    first, second, again, anew = net.saw
    assert torch.equal(first, again) and torch.equal(second, anew)
    assert not torch.equal(first == 0, second == 0)
    counts = [b for name, b in net.named_buffers() if name.endswith("num_batches_tracked")]
    assert {int(count) for count in counts} == {2}


def test_parts_keep_the_order_and_differ_by_one_at_most():
    step = samples(8)
    parts = optimise.split(step, 3)
    assert [len(p.image) for p in parts] == [3, 3, 2]
    assert torch.equal(torch.cat([p.image for p in parts]), step.image)
    assert torch.equal(torch.cat([p.scene.xy for p in parts]), step.scene.xy)
    assert len(optimise.split(step, 8)) == len(optimise.split(step, 100)) == 1


def test_a_step_without_any_label_moves_nothing_but_by_decay():
    net = tiny_net()
    before = copy.deepcopy(net.state_dict())
    empty = samples()
    empty = empty._replace(scene=empty.scene._replace(weight=torch.zeros(8, 1, 2)))
    seen = optimiser(net).step(empty, 4, rate=0.1, clip=1.0)
    assert seen.losses == (0.0, 0.0)
    assert all(torch.equal(net.state_dict()[k], v) for k, v in before.items())


@pytest.mark.parametrize("largest", [16, 8, 5, 4, 2])
def test_the_largest_batch_that_fits_is_taken_and_made_up_to_eight(largest):
    found = optimise.plan(None, None, lambda size: size <= largest, ALONE)
    batch = max(size for size in (16, 8, 4, 2) if size <= largest)
    assert found == Plan(batch, max(batch, 8))


def test_a_batch_that_is_asked_for_is_not_tried():
    def never(size):
        raise AssertionError

    assert optimise.plan(3, None, never, ALONE) == Plan(3, 3)
    assert optimise.plan(4, 2, never, ALONE) == Plan(4, 8)


def test_samples_are_made_up_to_what_processes_can_share_evenly():
    class Three(Team):
        def largest(self, values):
            return values

    found = optimise.plan(None, None, lambda size: True, Three(0, 3, CPU))
    assert found == Plan(16, 18)


def test_a_device_too_small_for_two_samples_is_refused():
    with pytest.raises(InputError, match="not even 2 samples fit"):
        optimise.plan(None, None, lambda size: False, ALONE)


class Hungry(PoseNet):
    """Runs out of memory with more than four samples."""

    def answer(self, x):
        if len(x) > 4:
            raise torch.OutOfMemoryError("no more")
        return super().answer(x)


def test_a_trial_tells_what_fits_and_leaves_no_trace():
    net = Hungry(tiny_net("batch").spec)
    before, numbers = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    assert not optimise.fits(net, CPU, "float32", samples(8))
    assert optimise.fits(net, CPU, "float32", samples(4))
    assert all(torch.equal(net.state_dict()[k], v) for k, v in before.items())
    assert torch.equal(torch.get_rng_state(), numbers)
    assert all(p.grad is None for p in net.parameters())


def test_few_digits_where_they_are_native(monkeypatch):
    gpu = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **how: how == {
        "including_emulation": True
    })  # an old GPU, which only emulates  # fmt: skip
    assert optimise.choose_precision("auto", gpu) == "float16"
    assert optimise.choose_precision("float32", gpu) == "float32"
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **how: True)
    assert optimise.choose_precision("auto", gpu) == "bfloat16"
    for capable, expected in (({"amx_bf16": True}, "bfloat16"), ({}, "float32")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda capable=capable: capable)
        assert optimise.choose_precision("auto", CPU) == expected
    assert optimise.choose_precision("auto", torch.device("mps")) == "float32"


def test_the_scale_of_float16_changes_no_gradient():
    found = []
    for scale in (2.0**8, 2.0**12):
        net = tiny_net()
        adam = optimiser(net, "float16")
        state = adam.state()
        state["scaler"]["scale"] = scale
        adam.load(state)
        losses = adam.gradient([samples()])
        adam.scaler.unscale_(adam.adam)
        found.append((losses, torch.cat([p.grad.flatten() for p in net.parameters()])))
    torch.testing.assert_close(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-2, atol=1e-3)
    plain = tiny_net()
    expected = optimiser(plain).gradient([samples()]), [p.grad for p in plain.parameters()]
    torch.testing.assert_close(found[0][0], expected[0], rtol=1e-2, atol=1e-3)
    whole = torch.cat([grad.flatten() for grad in expected[1]])
    error = torch.linalg.vector_norm(found[1][1] - whole) / torch.linalg.vector_norm(whole)
    assert error < 0.05  # float16 rounds on the way; a forgotten scale would be far off


def test_a_step_that_overflows_float16_is_skipped_and_lowers_the_scale():
    net = tiny_net()
    adam = optimiser(net, "float16")
    state = adam.state()
    state["scaler"]["scale"] = 2.0**100
    adam.load(state)
    before = copy.deepcopy(net.state_dict())
    seen = adam.step(samples(), 8, rate=0.1, clip=1.0)
    assert seen.skipped and np.isfinite(seen.losses).all()
    assert adam.skips == 1 and adam.state()["scaler"]["scale"] == 2.0**99
    assert all(torch.equal(net.state_dict()[k], v) for k, v in before.items())
    again = optimiser(net, "float16")
    again.load(adam.state())
    assert again.skips == 1 and again.scaler.get_scale() == 2.0**99


def test_biases_and_norms_do_not_decay():
    net = tiny_net()
    decayed, others = optimise.make_optimiser(net, 0.1, 0.1).param_groups
    assert decayed["weight_decay"] == 0.1 and others["weight_decay"] == 0
    modules = [m for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
    assert {id(p) for p in decayed["params"]} == {id(m.weight) for m in modules}
    assert len(decayed["params"]) + len(others["params"]) == len(list(net.parameters()))
