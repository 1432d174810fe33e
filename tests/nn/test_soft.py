import numpy as np
import pytest
import torch

from gambol.core.errors import InputError
from gambol.nn import soft, targets
from gambol.nn.outputs import outputs
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.outputs.graph import GraphSpec
from gambol.nn.outputs.simcc import SimccSpec
from gambol.nn.outputs.softmax import SoftmaxSpec

SIZE = (64, 48)


def drawn(xy, stride, sigma):
    return targets.confidence_maps(xy[:, None], SIZE, stride, sigma)


def places(n=40, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.uniform((14, 14), (48, 32), (n, 2, 2))).float()


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_finds_what_was_drawn(stride):
    xy, sigma = places(), 5.0
    found = soft.decode(
        drawn(xy, stride, sigma), outputs.build(ConfidenceSpec(sigma=sigma), 2, stride)
    )
    assert (found.xy - xy).norm(dim=-1).max() < 0.05
    assert (found.peak > 0.85).all()


def test_ignores_maps_that_only_teach():
    xy = places(4)
    maps = torch.cat([drawn(xy, 2, 5.0), torch.ones(4, 4, 24, 32)], 1)
    found = soft.decode(maps, outputs.build(GraphSpec(sigma=5.0, parent=(-1, 0)), 2, 2))
    assert (found.xy - xy).norm(dim=-1).max() < 0.05


def test_reads_logits():
    xy = places(6)
    logits = torch.log(drawn(xy, 2, 5.0).clamp(min=1e-9)) + 12
    found = soft.decode(logits, outputs.build(SoftmaxSpec(sigma=5.0), 2, 2))
    assert (found.xy - xy).norm(dim=-1).max() < 0.05
    assert (found.peak > 0.85).all()


def test_a_gradient_moves_the_position():
    maps = drawn(places(1), 2, 5.0).requires_grad_()
    found = soft.decode(maps, outputs.build(ConfidenceSpec(sigma=5.0), 2, 2))
    found.xy[0, 0, 0].backward()
    before = found.xy[0, 0, 0].item()
    after = soft.decode(
        (maps + 0.01 * maps.grad).detach(), outputs.build(ConfidenceSpec(sigma=5.0), 2, 2)
    ).xy[0, 0, 0]
    assert after.item() > before
    assert not maps.grad[0, 1].any()
    assert not found.peak.requires_grad


def test_finite_differences_agree():
    maps = drawn(places(1), 2, 5.0).double()
    output = outputs.build(ConfidenceSpec(sigma=5.0), 2, 2)
    own = maps.clone().requires_grad_()
    soft.decode(own, output).xy.sum().backward()
    cell = (0, 0, *np.unravel_index(int(maps[0, 0].argmax()) + 1, maps.shape[2:]))
    up, down = maps.clone(), maps.clone()
    up[cell] += 1e-3
    down[cell] -= 1e-3
    slope = (soft.decode(up, output).xy.sum() - soft.decode(down, output).xy.sum()) / 2e-3
    assert own.grad[cell].item() == pytest.approx(slope.item(), rel=0.02, abs=1e-2)


def test_empty_maps_have_a_finite_gradient():
    maps = torch.zeros(1, 2, 24, 32, requires_grad=True)
    found = soft.decode(maps, outputs.build(ConfidenceSpec(sigma=5.0), 2, 2))
    found.xy.sum().backward()
    assert torch.isfinite(maps.grad).all()
    assert (found.peak == 0).all()


def test_outputs_without_maps_are_refused():
    with pytest.raises(InputError, match="which output simcc has not"):
        soft.check(outputs.build(SimccSpec(), 2, 1))
