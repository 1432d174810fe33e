"""Targets against their formulas, and back through the decoder."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gambol.core import pixels
from gambol.kernels import peaks
from gambol.nn import targets
from gambol.nn.losses import map_mse

NAN = float("nan")
STRIDES = [1, 2, 4, 8, 16]


def target(xy, size=(64, 48), stride=2, sigma=5.0, weight=None):
    """The target of a batch whose cells are all valid."""
    xy = torch.as_tensor(xy, dtype=torch.float32)
    weight = torch.ones(xy.shape[:2]) if weight is None else torch.as_tensor(weight)
    valid = torch.ones(len(xy), size[1] // stride, size[0] // stride)
    return targets.draw(xy, weight.float(), valid, stride, sigma)


def by_definition(xy, size, stride, sigma):
    """exp(-|c - x|²/2σ²) cell by cell, with the centres of cells from the table in §1."""
    maps = np.zeros((size[1] // stride, size[0] // stride))
    for row, column in np.ndindex(maps.shape):
        c = np.array([stride * column + (stride - 1) / 2, stride * row + (stride - 1) / 2])
        maps[row, column] = np.exp(-np.sum((c - xy) ** 2) / (2 * sigma**2))
    return maps


@pytest.mark.parametrize("stride", STRIDES)
def test_maps_are_the_formula(stride):
    xy, size, sigma = np.array([21.3, 30.9]), (64, 48), max(5.0, float(stride))
    drawn = target(xy[None, None], size, stride, sigma).maps[0, 0].numpy()
    np.testing.assert_allclose(drawn, by_definition(xy, size, stride, sigma), atol=1e-6)


@pytest.mark.parametrize("stride", STRIDES)
def test_decoding_a_target_gives_back_the_point_up_to_the_border(stride):
    rng = np.random.default_rng(stride)
    size, sigma = (160, 128), max(5.0, 1.25 * stride)
    inside = rng.uniform((-0.5, -0.5), (size[0] - 0.5, size[1] - 0.5), (60, 2))
    corners = [(-0.5, -0.5), (159.5, -0.5), (-0.5, 127.5), (159.5, 127.5), (0.0, 64.2)]
    xy = np.concatenate([inside, corners])
    maps = target(xy[:, None], size, stride, sigma).maps[:, 0].numpy()
    found = pixels.apply(pixels.cells(stride), peaks.find(maps, sigma / stride).xy)
    assert np.abs(found - xy).max() < 0.02


@pytest.mark.parametrize("sigma", [5.0, 8.0, 17.0])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_every_keypoint_weighs_the_same_whatever_stride_and_sigma(stride, sigma):
    rng = np.random.default_rng(0)
    size, margin = (256, 224), 3 * sigma
    xy = rng.uniform(margin, np.array(size) - 1 - margin, (20, 1, 2))
    total = (target(xy, size, stride, sigma).maps ** 2).sum((-2, -1))
    np.testing.assert_allclose(total * stride**2 / (np.pi * sigma**2), 1, atol=0.01)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_sigma_is_in_input_pixels_at_every_stride(stride):
    # traps 1 and 19: σ px away from the point, the map holds exp(-1/2), whatever the stride
    x = stride * 8 + (stride - 1) / 2
    maps = target([[(x, x)]], (64, 64), stride, sigma=4.0).maps[0, 0]
    assert maps[8, 8] == pytest.approx(1)
    assert maps[8, 8 + 4 // stride] == pytest.approx(np.exp(-0.5), abs=1e-6)


def test_a_sigma_finer_than_the_grid_is_refused():
    with pytest.raises(ValueError, match=r"sigma 3.0 px is finer than the stride of 4 px"):
        target([[(10.0, 10.0)]], stride=4, sigma=3.0)


points = st.tuples(st.floats(-30, 90), st.floats(-30, 90))
states = st.lists(points | st.just((NAN, NAN)) | st.just((3.0, NAN)), min_size=3, max_size=3)


@given(states, st.lists(st.sampled_from([0.0, 1.0]), min_size=3, max_size=3))
def test_targets_are_finite_for_every_state_of_a_label(xy, weight):
    drawn = target([xy], weight=[weight])
    assert torch.isfinite(drawn.maps).all() and torch.isfinite(drawn.weight).all()
    assert drawn.maps.min() >= 0 and drawn.maps.max() <= 1
    for j, point in enumerate(xy):
        if not np.isfinite(point).all():
            assert (drawn.maps[0, j] == 0).all()  # absent is an empty map that counts
    assert (drawn.weight[0].amax((-2, -1)) == torch.tensor(weight)).all()


@given(states, st.permutations(range(3)))
def test_permuting_keypoints_permutes_channels(xy, order):
    straight, turned = target([xy]), target([[xy[k] for k in order]])
    assert torch.equal(turned.maps, straight.maps[:, list(order)])


@given(points, points)
def test_moving_an_unlabelled_keypoint_changes_nothing(here, there):
    answer = torch.rand(1, 2, 24, 32, generator=torch.Generator().manual_seed(0))
    answer.requires_grad_()
    losses, gradients = [], []
    for xy in (here, there, (NAN, NAN)):
        loss = map_mse(answer, target([[(20.0, 30.0), xy]], weight=[[1, 0]]), 2, 5.0)
        losses.append(loss.item())
        gradients.append(torch.autograd.grad(loss, answer)[0])
    assert losses[0] == losses[1] == losses[2]
    assert torch.equal(gradients[0], gradients[1]) and (gradients[0][:, 1] == 0).all()


def test_padding_counts_for_nothing():
    valid = torch.ones(1, 24, 32)
    valid[:, :, 20:] = 0
    drawn = targets.draw(torch.tensor([[[20.0, 30.0]]]), torch.ones(1, 1), valid, 2, 5.0)
    assert (drawn.weight[0, 0, :, 20:] == 0).all() and (drawn.weight[0, 0, :, :20] == 1).all()


def test_a_point_outside_shows_the_tail_that_reaches_inside():
    maps = target([[(-4.0, 20.0)]], stride=1).maps[0, 0]
    assert maps[20, 0] == pytest.approx(np.exp(-(4**2) / 50)) and maps.argmax() == 20 * 64


def test_centres_of_cells_are_those_of_the_pixel_convention():
    for stride in STRIDES:
        x, y = targets.cell_centres((64, 48), stride)
        cells = np.arange(64 // stride, dtype=float)
        expected = pixels.apply(pixels.cells(stride), np.stack([cells, cells], -1))[:, 0]
        np.testing.assert_allclose(x.numpy(), expected)
        np.testing.assert_allclose(y.numpy(), expected[: 48 // stride])
