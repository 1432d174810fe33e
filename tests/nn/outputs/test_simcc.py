import numpy as np
import pytest
import torch

from gambol.nn.outputs.simcc import Simcc, SimccSpec
from gambol.nn.targets import Scene

NAN = float("nan")


def scene(xy, size):
    """Images of one keypoint of one animal."""
    xy = torch.tensor(xy, dtype=torch.float32).reshape(-1, 1, 1, 2)
    valid = torch.ones(len(xy), size[1], size[0])
    return Scene(xy, torch.ones(xy.shape[:3]), valid, torch.zeros(len(xy), 1, dtype=int))


def log_map(output, peaks, size):
    """Logits of a network that believes in these peaks (x, y, weight)."""
    s = output.stride
    x, y = s * np.arange(size[0] // s) + (s - 1) / 2, s * np.arange(size[1] // s) + (s - 1) / 2
    total = sum(
        w * np.exp(-((x - a) ** 2 + (y[:, None] - b) ** 2) / 2 / output.sigma**2)
        for a, b, w in peaks
    )
    return np.log(total + 1e-12)[None] + 10


@pytest.mark.parametrize("size", [(64, 48), (96, 160)])
def test_targets_are_two_gaussians_on_bins_of_half_a_pixel(size):
    output = Simcc(SimccSpec(sigma=4.0), 1, 4)
    target = output.target(scene([(30.25, 17.6)], size)).maps[0, 0, 0].numpy()
    assert target.shape == (2 * size[0] + 2 * size[1],)
    for line, at in ((target[: 2 * size[0]], 30.25), (target[2 * size[0] :], 17.6)):
        x = (np.arange(len(line)) + 0.5) / 2 - 0.5  # a picture of twice the size
        expected = np.exp(-((x - at) ** 2) / (2 * 16))
        np.testing.assert_allclose(line, expected / expected.sum(), atol=1e-5)


def test_maps_of_any_size_are_read_and_learnt():
    output = Simcc(SimccSpec(), 2, 2)
    for size in [(64, 48), (32, 96), (128, 128)]:
        place = np.array(size) * 0.4
        seen = scene(np.array([place, place + 5]).tolist(), size)
        seen = seen._replace(xy=seen.xy.reshape(1, 1, 2, 2), weight=torch.ones(1, 1, 2))
        seen = seen._replace(valid=seen.valid[:1], identity=seen.identity[:1])
        maps = torch.zeros(1, 2, size[1] // 2, size[0] // 2)
        assert output.loss(maps, output.target(seen)).item() == pytest.approx(1, abs=0.02)
        assert output.find(maps.numpy(), size).xy.shape == (1, 2, 2)


def test_two_equal_peaks_make_no_phantom():
    # trap 7: both axes are read around one highest cell, never row and column alone
    output = Simcc(SimccSpec(), 1, 2)
    maps = log_map(output, [(10, 60, 1.0), (60, 10, 1.0)], (96, 96))
    found = output.find(maps, (96, 96))
    assert (
        np.abs(found.xy - [[10, 60]]).max() < 0.1 or np.abs(found.xy - [[60, 10]]).max() < 0.1
    )
    assert found.height[0] == pytest.approx(0.5, abs=0.05)  # two peaks are half sure each


def test_the_highest_bin_is_right_to_half_a_pixel():
    rng = np.random.default_rng(0)
    mean = Simcc(SimccSpec(), 1, 2)
    argmax = Simcc(SimccSpec(decoder="argmax"), 1, 2)
    for a, b in rng.uniform(20, 70, (20, 2)):
        maps = log_map(mean, [(a, b, 1.0)], (96, 96))
        assert np.abs(mean.find(maps, (96, 96)).xy - (a, b)).max() < 0.02
        near = argmax.find(maps, (96, 96))
        # straight lines between logits have their tops at the centres of cells
        assert np.abs(near.xy - (a, b)).max() < 1.3
        assert near.height == mean.find(maps, (96, 96)).height


def test_an_absent_keypoint_has_no_height():
    output = Simcc(SimccSpec(), 1, 2)
    maps = np.full((1, 48, 48), -20.0)  # nowhere is likelier than anywhere
    assert output.find(maps, (96, 96)).height[0] < 0.01


def test_masked_cells_are_asked_nothing():
    output, size = Simcc(SimccSpec(), 1, 2), (64, 48)
    seen = scene([(30.0, 17.0)], size)
    seen.valid[:, :, 48:] = 0  # whole columns of padding
    seen.valid[:, 40:44, 20:30] = 0  # and a hole
    maps = torch.randn(1, 1, 24, 32, generator=torch.Generator().manual_seed(0))
    maps.requires_grad_()
    target = output.target(seen)
    output.loss(maps, target).backward()
    assert (maps.grad[0, 0, 20:22, 10:15] == 0).all() and (maps.grad[0, 0, :, 25:] == 0).all()
    assert (maps.grad[0, 0, :20, :24] != 0).all()
    assert target.maps[0, 0, 0, 96:128].eq(0).all()  # bins of the padding
