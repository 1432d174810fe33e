import numpy as np
import pytest

from gambol.core import pixels
from gambol.core.skeleton import Skeleton
from gambol.kernels import grid_trees
from gambol.nn.outputs.confidence import Confidence, ConfidenceSpec
from gambol.pose import calibrate, gridded

SKELETON = Skeleton(("head", "foot L", "foot R"), parent=(-1, 0, 0), swap=(-1, 2, 1))
POSE = np.array([[30.3, 12.0], [14.0, 33.4], [45.6, 34.0]])  # network pixels
SIZE, STRIDE = (61, 50), 2


@pytest.fixture(scope="module")
def poser():
    rng = np.random.default_rng(0)
    poses = POSE + rng.normal(0, 1.5, (60, 3, 2)) + rng.uniform(-5, 5, (60, 1, 2))
    worth = calibrate.prior(3, 3.0)  # as high as they are
    return gridded.GridPoser(gridded.learn(poses, SKELETON), 1.0, worth)


@pytest.fixture(scope="module")
def position():
    return Confidence(ConfidenceSpec(sigma=3.5), 3, STRIDE)


def maps_of(spots):
    """Confidence maps (1, J, h, w); of each keypoint a list of (xy, height)."""
    y, x = np.indices((26, 32))
    at = pixels.apply(pixels.cells(STRIDE), np.stack([x, y], -1).astype(float))
    maps = np.zeros((1, 3, *y.shape))
    for j, some in enumerate(spots):
        for xy, height in some:
            blob = height * np.exp(-((at - xy) ** 2).sum(-1) / (2 * 3.5**2))
            maps[0, j] = np.maximum(maps[0, j], blob)
    return maps.astype(np.float32)


def test_offsets_are_those_of_the_labels_and_read_back_as_they_are(poser):
    grid = poser.grid
    np.testing.assert_allclose(grid.mean[1:], POSE[1:] - POSE[0], atol=1.0)
    assert (grid.precision[0] == 0).all() and (grid.precision[1:] > 0.05).all()
    again = gridded.Grid.from_dict(grid.to_dict())
    for one, other in zip(grid, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_foot_of_the_other_side_is_not_taken_though_it_is_higher(poser, position):
    spots = [[(POSE[0], 0.9)], [(POSE[1], 0.5), (POSE[2], 0.7)], [(POSE[2], 0.8)]]
    maps = maps_of(spots)
    plain = position.find_several(maps, SIZE, 2)
    found = gridded.find_several(poser, position, maps, SIZE, 2)
    np.testing.assert_allclose(plain.xy[0, 1, 0], POSE[2], atol=0.1)
    np.testing.assert_allclose(found.xy[0, :, 0], POSE, atol=0.1)
    np.testing.assert_array_equal(found.xy[0, 1, 1], plain.xy[0, 1, 0])
    assert found.height[0, 1, 0] == plain.height[0, 1, 1]
    np.testing.assert_array_equal(found.cov[0, 1, 0], plain.cov[0, 1, 1])


def test_where_no_hill_is_the_place_follows_from_the_others(poser, position):
    maps = maps_of([[(POSE[0], 0.9)], [(POSE[1] + [25.0, -25.0], 0.06)], [(POSE[2], 0.9)]])
    found = gridded.find_several(poser, position, maps, SIZE, 3)
    assert np.linalg.norm(found.xy[0, 1, 0] - POSE[1]) < 5
    assert found.height[0, 1, 0] < 0.05 and np.isfinite(found.cov[0, 1, 0]).all()


def test_the_cells_are_those_of_the_cheapest_pose(poser, position):
    rng = np.random.default_rng(1)
    maps = rng.uniform(0, 0.3, (3, 25, 31)).astype(np.float32)
    unary = -np.log(np.clip(maps, 1e-4, 1).astype(float))
    precision = np.stack([np.diag(p) for p in poser.grid.precision * STRIDE**2])
    cell = grid_trees.solve(unary, poser.grid.parent, poser.grid.mean / STRIDE, precision).cell
    np.testing.assert_array_equal(gridded._pose(poser, maps, STRIDE), cell)


def test_few_labels_teach_nothing():
    grid = gridded.learn(np.tile(POSE, (3, 1, 1)), SKELETON)
    assert (grid.precision == 0).all()


def test_cells_weigh_by_what_they_are_worth(poser, position, monkeypatch):
    maps = maps_of([[(xy, 0.8)] for xy in POSE])
    learnt = poser.calibration._replace(correct=np.tile([0.5, 2.0, -0.3], (3, 1)))
    seen = []
    solve = grid_trees.solve

    def watched(unary, *more):
        seen.append(unary)
        return solve(unary, *more)

    monkeypatch.setattr(grid_trees, "solve", watched)
    by = poser._replace(calibration=learnt, scale=0.5)
    gridded.find_several(by, position, maps, SIZE, 1)
    cov = position.find_several(maps, SIZE, 1).cov[0, :, 0] / 0.5**2
    h, w = seen[0].shape[1:]
    for row, column in ((3, 4), (10, 14), (h - 1, w - 1)):
        sure = calibrate.apply(learnt, maps[0, :, row, column].astype(float), cov).confidence
        expected = -np.log(np.maximum(sure, 1e-4))
        np.testing.assert_allclose(seen[0][:, row, column], expected, rtol=1e-5)
