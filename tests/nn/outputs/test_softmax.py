import numpy as np
import pytest
import torch

from gambol.nn.outputs.softmax import Softmax, SoftmaxSpec, probabilities
from gambol.nn.targets import Scene

SIZE = (96, 64)
NAN = float("nan")


def scene(xy, weight=1.0):
    """Images of one keypoint of one animal."""
    xy = torch.tensor(xy, dtype=torch.float32).reshape(-1, 1, 1, 2)
    valid = torch.ones(len(xy), SIZE[1], SIZE[0])
    return Scene(
        xy, torch.full(xy.shape[:3], weight), valid, torch.zeros(len(xy), 1, dtype=int)
    )


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_targets_are_gaussians_that_sum_to_one(stride):
    output = Softmax(SoftmaxSpec(sigma=4.0), 1, stride)
    places = [(40.3, 30.1), (0.2, 30.0), (-0.5, -0.5), (95.5, 63.5)]
    maps = output.target(scene(places)).maps[:, 0]
    torch.testing.assert_close(maps.sum((-2, -1)), torch.ones(4), atol=0.01, rtol=0)
    assert maps[0].max() == pytest.approx(stride**2 / (2 * np.pi * 16), rel=0.15)


def test_what_lies_outside_fades_into_nowhere():
    output = Softmax(SoftmaxSpec(sigma=4.0), 1, 2)
    away = [0.0, 4.0, 8.0, 12.0, 40.0, NAN]  # px beyond the side
    mass = output.target(scene([(-0.5 - d, 30.0) for d in away])).maps.sum((1, 2, 3))
    assert mass[0] == pytest.approx(1) and (mass.diff()[:4] < 0).all()
    assert mass[2] < 0.2 and mass[4] < 1e-9 and mass[5] == 0


def learnt(output, target):
    """Logits that a few thousand steps on one target find."""
    logits = torch.zeros(target.maps.shape, requires_grad=True)
    optimiser = torch.optim.Adam([logits], 0.3)
    for _ in range(300):
        optimiser.zero_grad()
        loss = output.loss(logits, target)
        loss.backward()
        optimiser.step()
    return logits.detach().numpy(), loss.item()


def test_an_absent_keypoint_has_no_height_and_a_present_one_nearly_all():
    output = Softmax(SoftmaxSpec(sigma=4.0), 1, 4)
    logits, loss = learnt(output, output.target(scene([(40.3, 30.1), (NAN, NAN)])))
    found = output.find(logits, SIZE)
    assert loss < 0.01
    assert found.height[0, 0] > 0.9 and found.height[1, 0] < 0.02
    np.testing.assert_allclose(found.xy[0, 0], (40.3, 30.1), atol=0.1)


def test_knowing_nothing_costs_one_for_present_and_absent_alike():
    output = Softmax(SoftmaxSpec(), 1, 2)
    for place in [(40.3, 30.1), (0.0, 0.0), (NAN, NAN)]:
        target = output.target(scene([place]))
        nothing = output.loss(torch.zeros_like(target.maps), target)
        assert nothing.item() == pytest.approx(1, abs=1e-5)


def test_the_loss_is_the_divergence_by_definition():
    output = Softmax(SoftmaxSpec(sigma=4.0), 1, 4)
    target = output.target(scene([(-1.5, 30.1)]))
    logits = torch.randn(target.maps.shape, generator=torch.Generator().manual_seed(0))
    t = np.append(target.maps.double().flatten(), 1 - target.maps.double().sum())
    p = np.exp(np.append(logits.double().flatten(), 0))
    p /= p.sum()
    kl = (t * np.log(np.maximum(t, 1e-300) / p)).sum()
    alike = (t * np.log(np.maximum(t, 1e-300) * len(t))).sum()
    assert output.loss(logits, target).item() == pytest.approx(kl / alike, rel=1e-4)


def test_probabilities_stand_huge_logits():
    logits = np.array([[[[1000.0, -1000.0], [999.0, 0.0]]], [[[-1000.0] * 2] * 2]])
    p = probabilities(logits)
    np.testing.assert_allclose(p[0, 0, 0, 0], 1 / (1 + np.exp(-1)), rtol=1e-6)
    assert p[1].sum() == 0 and np.isfinite(p).all()
