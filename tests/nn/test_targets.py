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
from gambol.nn.targets import Scene, Target

NAN = float("nan")
STRIDES = [1, 2, 4, 8, 16]


def scene(xy, size=(64, 48), weight=None):
    """Images of one animal, or of several where there is an axis for them, all valid."""
    xy = torch.as_tensor(xy, dtype=torch.float32)
    xy = xy[:, None] if xy.ndim == 3 else xy
    weight = torch.ones(xy.shape[:3]) if weight is None else torch.as_tensor(weight)
    weight = weight.float().reshape(xy.shape[:3])
    valid = torch.ones(len(xy), size[1], size[0])
    return Scene(xy, weight, valid, torch.full(xy.shape[:2], -1))


def target(xy, size=(64, 48), stride=2, sigma=5.0, weight=None):
    """The confidence maps of a batch whose cells are all valid."""
    seen = scene(xy, size, weight)
    maps = targets.confidence_maps(seen.xy, size, stride, sigma)
    return Target(maps, targets.known(seen, stride))


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
    seen = scene([[(20.0, 30.0)]])
    seen.valid[:, :, 40:] = 0
    known = targets.known(seen, 2)
    assert (known[0, 0, :, 20:] == 0).all() and (known[0, 0, :, :20] == 1).all()


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


def test_maps_of_several_animals_hold_the_nearest():
    animals = np.random.default_rng(0).uniform(5, 40, (1, 3, 2, 2))
    drawn = targets.confidence_maps(scene(animals).xy, (64, 48), 2, 5.0).numpy()
    for j in range(2):
        alone = [by_definition(xy, (64, 48), 2, 5.0) for xy in animals[0, :, j]]
        np.testing.assert_allclose(drawn[0, j], np.max(alone, 0), atol=1e-6)


def test_an_animal_that_is_not_there_changes_nothing():
    animals = np.random.default_rng(0).uniform(5, 40, (1, 2, 3, 2))
    more = np.concatenate([animals, np.full((1, 2, 3, 2), NAN)], 1)
    weight = np.ones((1, 4, 3))
    weight[0, 1, 2] = 0
    few, many = scene(animals, weight=weight[:, :2]), scene(more, weight=weight)
    size = few.size
    assert torch.equal(targets.known(few, 2), targets.known(many, 2))
    for draw in (
        lambda xy: targets.confidence_maps(xy, size, 2, 5.0),
        lambda xy: targets.plateaus(xy, size, 2, 6.0)[1],
        lambda xy: targets.fields(xy, ((0, 1),), size, 2, 5.0),
        lambda xy: targets.bins(xy, size, 5.0)[0],
    ):
        assert torch.equal(draw(few.xy), draw(many.xy))


def test_one_unlabelled_animal_in_a_crowd_is_excused_around_it_alone():
    near = [[(10.0, 10.0), (20.0, 10.0)], [(50.0, 30.0), (50.0, 40.0)]]
    seen = scene([near], weight=[[[1, 1], [1, 0]]])
    known = targets.known(seen, 1)[0]
    assert (known[0] == 1).all()
    assert known[1, 30, 50] == 0 and known[1, 10, 20] == 1
    # what the label of the unlabelled would say is no part of the box: a point, not grown
    assert known[1].eq(0).sum() == 1
