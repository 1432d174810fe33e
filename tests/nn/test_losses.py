import numpy as np
import pytest
import torch

from gambol.nn import targets
from gambol.nn.losses import (
    class_entropy,
    map_bce,
    map_mse,
    offset_huber,
    relative_mse,
    softmax_kl,
)
from gambol.nn.targets import Target


def drawn(xy, weight, stride, sigma, size=(160, 128)):
    maps = targets.confidence_maps(torch.tensor(xy)[:, None], size, stride, sigma)
    return Target(maps, torch.tensor(weight)[..., None, None].expand(maps.shape))


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


def test_maps_in_few_digits_are_compared_in_many():
    xy = np.array([[[60.0, 60.0]]], np.float32)
    target = drawn(xy, np.ones((1, 1), np.float32), 1, 10.0)
    answer = torch.full_like(target.maps, 0.1).bfloat16()
    loss = map_mse(answer, target, 1, 10.0)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(map_mse(answer.float(), target, 1, 10.0).item())


def test_hard_channels_are_those_that_lose_twice_the_least_and_at_least_two():
    target = Target(torch.zeros(2, 4, 8, 8), torch.ones(2, 4, 8, 8))
    for size, kept in [
        ([1.0, 1.5, 2.0, 3.0], [2, 3]),
        ([1.0, 1.1, 1.2, 1.3], [2, 3]),  # none loses twice: the two hardest
        ([1.0, 4.0, 2.0, 3.0], [1, 2, 3]),
        ([0.0, 0.0, 0.0, 0.0], [0, 1, 2, 3]),
    ]:
        answer = torch.tensor(size).sqrt()[None, :, None, None].expand(2, 4, 8, 8)
        per_map = np.array(size) * 64 * 4 / (np.pi * 9)
        expected = per_map[kept].mean()
        assert map_mse(answer, target, 2, 3.0, hard=True).item() == pytest.approx(expected)


def test_hard_channels_are_chosen_among_the_labelled():
    target = Target(torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8))
    target.weight[:, 2] = 0
    answer = torch.ones(1, 3, 8, 8)
    both = map_mse(answer, target, 2, 3.0, hard=True)
    assert both.item() == pytest.approx(map_mse(answer, target, 2, 3.0).item())


def test_yes_and_no_cost_their_entropy_over_cells_that_count():
    rng = np.random.default_rng(0)
    logits, yes = rng.normal(size=(2, 3, 4, 5)), rng.integers(0, 2, (2, 3, 4, 5))
    weight = rng.integers(0, 2, yes.shape)
    p = 1 / (1 + np.exp(-logits))
    cells = -np.log(np.where(yes, p, 1 - p))
    target = Target(torch.tensor(yes).float(), torch.tensor(weight).float())
    loss = map_bce(torch.tensor(logits), target)
    assert loss.item() == pytest.approx(cells[weight == 1].mean(), rel=1e-5)


def test_offsets_cost_a_twentieth_of_huber_where_they_count():
    weight = torch.tensor([1.0, 1, 0, 1]).reshape(1, 1, 1, 4)
    target = Target(torch.zeros(1, 1, 1, 4), weight)
    answer = torch.tensor([0.5, -3.0, 100.0, 0.0]).reshape(1, 1, 1, 4)
    expected = 0.05 * (0.5 * 0.5**2 + (3 - 0.5) + 0) / 3
    assert offset_huber(answer, target).item() == pytest.approx(expected)


def test_a_divergence_is_zero_for_the_target_itself_and_one_for_a_guess():
    p = torch.tensor([[[0.5, 0.25, 0.125]]])  # the rest is nowhere
    known = torch.ones(1, 1, 3, dtype=torch.bool)
    logits = (p / (1 - p.sum())).log()
    assert softmax_kl(logits, p, known).item() == pytest.approx(0, abs=1e-6)
    assert softmax_kl(torch.zeros(1, 1, 3), torch.tensor([[[1.0, 0, 0]]]), known) == 1
    assert softmax_kl(torch.zeros(1, 1, 3), torch.zeros(1, 1, 3), known) == 1


def test_places_that_do_not_count_take_no_probability():
    known = torch.tensor([[[True, True, False]]])
    p = torch.tensor([[[0.6, 0.2, 0.0]]])
    for there in (-5.0, 0.0, 80.0):
        logits = torch.tensor([[[np.log(3.0), 0.0, there]]], dtype=torch.float32)
        assert softmax_kl(logits, p, known).item() == pytest.approx(0, abs=1e-6)


def test_relative_error_is_that_over_saying_nothing():
    rng = np.random.default_rng(0)
    truth, answer = rng.uniform(size=(2, 2, 3, 4, 5)).astype(np.float32)
    weight = rng.integers(0, 2, truth.shape).astype(np.float32)
    expected = (weight * (answer - truth) ** 2).sum() / (weight * truth**2).sum()
    target = Target(torch.tensor(truth), torch.tensor(weight))
    assert relative_mse(torch.tensor(answer), target, 4, 4.0).item() == pytest.approx(expected)


def test_classes_cost_their_entropy_where_somebody_is_seen():
    share = torch.zeros(1, 3, 2, 2)
    share[0, 1, 0, 0], share[0, :2, 0, 1] = 1, 0.5
    logits = torch.randn(1, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    p = torch.softmax(logits, 1)[0].numpy()
    entropy = -np.log(p[1, 0, 0]) - 0.5 * np.log(p[:2, 0, 1]).sum()
    loss = class_entropy(logits, Target(share, torch.ones_like(share)))
    assert loss.item() == pytest.approx(entropy / (2 * np.log(3)), rel=1e-5)
