import numpy as np
import pytest
import torch
from scipy.special import expit

from gambol.nn.outputs.location import Location, LocationSpec
from gambol.nn.targets import Scene

SIZE = (160, 128)


def scene(xy):
    """Images of animals (B, I, J, 2) that are all known."""
    xy = torch.as_tensor(np.asarray(xy), dtype=torch.float32)
    valid = torch.ones(len(xy), SIZE[1], SIZE[0])
    return Scene(xy, torch.ones(xy.shape[:3]), valid, torch.zeros(xy.shape[:2], dtype=int))


@pytest.mark.parametrize("stride", [1, 4, 8])
def test_the_target_is_the_formula_cell_by_cell(stride):
    output = Location(LocationSpec(radius=17.0, length=7.2801), 1, stride)  # DeepLabCut's
    animals = np.array([[60.3, 50.2], [75.1, 58.8]])
    target = output.target(scene(animals[None, :, None]))
    maps, weight = target.maps[0].numpy(), target.weight[0].numpy()
    for row, column in np.ndindex(128 // stride, 160 // stride):
        c = np.array([stride * column + (stride - 1) / 2, stride * row + (stride - 1) / 2])
        gaps = np.linalg.norm(animals - c, axis=-1)
        near = gaps.min() <= 17
        expected = (animals[gaps.argmin()] - c) / 7.2801 * near
        assert maps[0, row, column] == near and (weight[1:, row, column] == near).all()
        assert np.abs(maps[1:, row, column] - expected).max() < 1e-5


@pytest.mark.parametrize("stride", [1, 2, 8])
def test_by_default_the_plateau_is_two_cells_wide_and_offsets_are_at_most_two(stride):
    target = Location(LocationSpec(), 1, stride).target(scene([[[[61.2, 40.7]]]]))
    cells = target.maps[0, 0].sum().item()
    assert cells == pytest.approx(np.pi * 4, abs=3)  # R = 2 s
    assert 1 < target.maps[0, 1:].abs().max() <= 2  # ℓ = R / 2


def test_the_sure_cell_goes_where_its_offset_says_and_height_is_its_probability():
    output = Location(LocationSpec(radius=8.0, length=4.0), 1, 4)
    maps = np.zeros((3, 32, 40))
    maps[0] = -3
    maps[0, 10, 20], maps[1, 10, 20], maps[2, 10, 20] = 1.5, 0.5, -0.25
    found = output.find(maps, SIZE)
    # the centre of cell (20, 10) is (81.5, 41.5), its offset 4 px times (0.5, -0.25)
    np.testing.assert_allclose(found.xy, [[83.5, 40.5]], atol=1e-5)
    assert found.height[0] == pytest.approx(expit(1.5))


def test_cells_that_disagree_make_the_answer_less_sure():
    output = Location(LocationSpec(), 1, 2)
    target = output.target(scene([[[[61.2, 40.7]]]])).maps[0].numpy()
    target[0] = 8 * target[0] - 4
    sure = output.find(target, SIZE)
    target[1:] += np.random.default_rng(0).normal(0, 0.5, target[1:].shape)
    assert np.trace(output.find(target, SIZE).cov[0]) > 10 * np.trace(sure.cov[0])


def test_an_absent_keypoint_teaches_no_and_no_offset():
    output = Location(LocationSpec(), 1, 4)
    target = output.target(scene([[[[np.nan, np.nan]]]]))
    assert (target.maps == 0).all()
    assert (target.weight[:, 0] == 1).all() and (target.weight[:, 1:] == 0).all()
