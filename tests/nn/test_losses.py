import numpy as np
import pytest
import torch

from gambol.nn import targets
from gambol.nn.losses import map_mse, per_keypoint


def drawn(xy, weight, stride, sigma, size=(160, 128)):
    valid = torch.ones(len(xy), size[1] // stride, size[0] // stride)
    return targets.draw(torch.tensor(xy), torch.tensor(weight), valid, stride, sigma)


@pytest.mark.parametrize("sigma", [5.0, 8.0, 12.0])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_predicting_nothing_scores_one_per_visible_keypoint(stride, sigma):
    rng = np.random.default_rng(0)
    xy = rng.uniform(45, 80, (4, 3, 2)).astype(np.float32)
    target = drawn(xy, np.ones((4, 3), np.float32), stride, sigma)
    nothing = torch.zeros_like(target.maps)
    assert map_mse(nothing, target, stride, sigma).item() == pytest.approx(1, abs=0.01)
    assert map_mse(target.maps, target, stride, sigma).item() == 0


def test_it_is_the_mean_over_labelled_keypoints_of_scaled_squares():
    rng = np.random.default_rng(1)
    xy = rng.uniform(20, 100, (2, 3, 2)).astype(np.float32)
    weight = np.array([[1, 0, 1], [0, 0, 1]], np.float32)
    xy[0, 2] = np.nan  # absent: an empty map, which counts
    target = drawn(xy, weight, 2, 5.0)
    answer = rng.uniform(size=target.maps.shape).astype(np.float32)
    per_map = ((answer - target.maps.numpy()) ** 2).sum((2, 3)) * 4 / (np.pi * 25)
    expected = per_map[weight > 0].mean()
    assert map_mse(torch.from_numpy(answer), target, 2, 5.0).item() == pytest.approx(
        expected, rel=1e-5
    )
    alone = per_keypoint(torch.from_numpy(answer), target, 2, 5.0).numpy()
    np.testing.assert_allclose(alone, [per_map[0, 0], np.nan, per_map[:, 2].mean()], rtol=1e-5)


def test_a_false_peak_where_the_keypoint_is_absent_costs_as_much_as_a_missed_one():
    xy = np.array([[[60.0, 60.0]]], np.float32)
    peak = drawn(xy, np.ones((1, 1), np.float32), 2, 5.0)
    empty = drawn(xy * np.nan, np.ones((1, 1), np.float32), 2, 5.0)
    missed = map_mse(empty.maps, peak, 2, 5.0)
    assert map_mse(peak.maps, empty, 2, 5.0).item() == missed.item()


def test_a_batch_of_which_nobody_knows_anything_costs_nothing():
    xy = np.full((1, 2, 2), np.nan, np.float32)
    target = drawn(xy, np.zeros((1, 2), np.float32), 2, 5.0)
    answer = torch.ones_like(target.maps, requires_grad=True)
    loss = map_mse(answer, target, 2, 5.0)
    loss.backward()
    assert loss.item() == 0 and (answer.grad == 0).all()
    assert torch.isnan(per_keypoint(answer, target, 2, 5.0)).all()


def test_maps_in_few_digits_are_compared_in_many():
    xy = np.array([[[60.0, 60.0]]], np.float32)
    target = drawn(xy, np.ones((1, 1), np.float32), 1, 10.0)
    answer = torch.full_like(target.maps, 0.1).bfloat16()
    loss = map_mse(answer, target, 1, 10.0)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(map_mse(answer.float(), target, 1, 10.0).item())
