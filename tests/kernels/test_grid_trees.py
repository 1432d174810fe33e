"""Trees on a grid: against all poses, one by one, and all pairs of cells."""

from itertools import product

import numpy as np
import pytest

from gambol.kernels import grid_trees

CHAIN, STAR, FOREST = (-1, 0, 1), (1, -1, 1), (-1, 0, -1)


def worth(unary, parent, mean, precision, cells):
    """Cost of one pose, by the definition."""
    total = 0.0
    for j, (x, y) in enumerate(cells):
        total += unary[j, y, x]
        if parent[j] >= 0:
            d = np.array([x, y]) - np.array(cells[parent[j]]) - mean[j]
            total += d @ precision[j] @ d / 2
    return total


def world(rng, keypoints, h, w, slanted):
    unary = rng.uniform(0, 6, (keypoints, h, w))
    mean = rng.normal(0, 1.5, (keypoints, 2))  # no whole cells
    precision = np.zeros((keypoints, 2, 2))
    precision[:, 0, 0], precision[:, 1, 1] = rng.uniform(0.2, 3, (2, keypoints))
    if slanted:
        precision[:, 0, 1] = precision[:, 1, 0] = rng.uniform(-0.15, 0.15, keypoints)
    return unary, mean, precision


@pytest.mark.parametrize("slanted", [False, True])
@pytest.mark.parametrize("parent", [CHAIN, STAR, FOREST])
def test_no_pose_is_cheaper(parent, slanted):
    rng = np.random.default_rng(0)
    parent = np.array(parent)
    for _ in range(5):
        unary, mean, precision = world(rng, 3, 3, 4, slanted)
        found = grid_trees.solve(unary, parent, mean, precision)
        cells = [tuple(cell) for cell in found.cell.tolist()]
        said = worth(unary, parent, mean, precision, cells)
        assert found.cost == pytest.approx(said)
        every = product(product(range(4), range(3)), repeat=3)
        best = min(worth(unary, parent, mean, precision, pose) for pose in every)
        assert found.cost == pytest.approx(best)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (13, 17)])
def test_lower_envelopes_are_the_minimum_over_all_cells(size):
    rng = np.random.default_rng(1)
    for _ in range(4):
        cost = rng.exponential(3, size)
        mean = rng.normal(0, 6, 2)  # also beyond the grid
        precision = np.diag(rng.uniform(0.01, 4, 2))
        value, came = grid_trees.transform(cost, mean, precision)
        slow, _ = grid_trees._dense(cost, mean, precision)
        np.testing.assert_allclose(value, slow)
        y, x = np.indices(size)
        d = came - np.stack([x, y], -1) - mean
        there = cost[came[..., 1], came[..., 0]] + (d**2 @ np.diag(precision)) / 2
        np.testing.assert_allclose(there, value)


def test_of_a_bone_that_nobody_knows_nothing_is_weighed():
    rng = np.random.default_rng(2)
    unary = rng.uniform(0, 6, (2, 5, 6))
    zeros = np.zeros((2, 2, 2))
    found = grid_trees.solve(unary, np.array([-1, 0]), np.full((2, 2), 3.3), zeros)
    assert found.cost == pytest.approx(unary.min((1, 2)).sum())
    half = zeros.copy()
    half[1, 1, 1] = 2.0  # known along one axis
    value, _ = grid_trees.transform(unary[1], np.array([1.0, 0.4]), half[1])
    np.testing.assert_allclose(
        value, grid_trees._dense(unary[1], np.array([1.0, 0.4]), half[1])[0]
    )
