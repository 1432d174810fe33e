import math

import numpy as np
import pytest
import torch

from gambol.nn.unlabelled import Labelled, Shown, losses
from gambol.nn.unlabelled.base import length, mean_above
from gambol.nn.unlabelled.temporal import TemporalSpec

RNG = np.random.default_rng(0)
XY = np.stack([RNG.normal(50, 10, (60, 4)), RNG.normal(50, 3, (60, 4))], -1)
LABELLED = Labelled(XY, np.zeros(60, int), np.arange(60), ("a", "b", "c", "d"), False)
SPECS = {
    "temporal": {},
    "pca-one-view": {},
    "pca-many-views": {"points": [["a", "b"], ["c", "d"]]},
    "consistency": {},
}


def test_the_four_kinds_are_registered():
    assert losses.kinds() == sorted(SPECS)


@pytest.mark.parametrize("kind", losses.kinds())
def test_every_loss_is_differentiable_finite_and_ignores_what_is_not_seen(kind):
    loss = losses.build(losses.parse({"kind": kind, **SPECS[kind]}), LABELLED)
    xy = torch.from_numpy(RNG.normal(50, 200, (5, 4, 2))).float().requires_grad_()
    for peak in (torch.ones(5, 4), torch.zeros(5, 4)):
        if loss.copies:
            teacher = torch.where(peak[..., None] > 0, xy.detach() + 3.0, torch.nan)
            value = loss.of_copy(Shown(xy, peak), teacher)
        else:
            value = loss.of_clip(Shown(xy, peak))
        (slope,) = torch.autograd.grad(value, xy)
        assert torch.isfinite(slope).all()
        assert bool(slope.any()) is bool(peak.any())
        assert (value > 0).item() is bool(peak.any())


def test_the_weight_is_half_of_e_to_the_minus_lambda():
    assert TemporalSpec().weight == pytest.approx(math.exp(-6) / 2)
    assert TemporalSpec(strength=0.0).weight == 0.5


def test_lengths_have_a_gradient_at_zero():
    way = torch.zeros(3, 2, requires_grad=True)
    length(way).sum().backward()
    assert torch.isfinite(way.grad).all()


def test_what_is_usual_costs_nothing():
    off, usual = torch.tensor([[1.0, 5.0]]), torch.tensor([2.0, 2.0])
    assert mean_above(off, usual, torch.ones(1, 2, dtype=torch.bool)).item() == 1.5
    assert mean_above(off, usual, torch.tensor([[True, False]])).item() == 0
