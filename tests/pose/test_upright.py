"""How animals lie: poses made by known turns of one shape."""

import numpy as np
import pytest

from gambol.core import pixels
from gambol.pose.upright import lay, mean_pose, scatter, turns

SHAPE = np.array([[12.0, 0], [6, 0], [0, 3], [0, -3], [-6, 0], [-12, 0]])
SWAP = (-1, -1, 3, 2, -1, -1)


def poses(n=40, seed=0, noise=0.0, shape=SHAPE):
    """The shape, turned and moved: positions, middles and turns."""
    rng = np.random.default_rng(seed)
    angle, at = rng.uniform(-np.pi, np.pi, n), rng.uniform(20, 80, (n, 2))
    xy = np.stack([shape @ pixels.rotation(float(a)).T for a in angle]) + at[:, None]
    return xy + noise * rng.standard_normal(xy.shape), at, angle


def test_poses_are_placed_where_they_are_and_as_they_lie():
    xy, at, angle = poses()
    placed = lay(mean_pose(xy), xy)
    assert placed.lying.all()
    np.testing.assert_allclose(placed.middle, at, atol=1e-6)
    away = np.exp(1j * (placed.angle + angle))  # placing undoes the turn
    np.testing.assert_allclose(away, 1, atol=1e-6)


def test_missing_keypoints_move_nobody():
    xy, at, angle = poses()
    mean = mean_pose(xy)
    rng = np.random.default_rng(1)
    hidden = xy.copy()
    for row in hidden:
        row[rng.permutation(6)[:4]] = np.nan
    placed = lay(mean, hidden)
    sure = placed.lying
    assert sure.all()
    np.testing.assert_allclose(placed.middle, at, atol=1e-6)
    np.testing.assert_allclose(np.exp(1j * (placed.angle + angle)), 1, atol=1e-6)


def test_one_keypoint_says_where_but_not_how_an_animal_lies():
    xy, _, _ = poses(3)
    mean = mean_pose(xy)
    xy[0, 1:] = np.nan
    xy[1] = np.nan
    placed = lay(mean, xy)
    assert placed.lying.tolist() == [False, False, True] and placed.angle[0] == 0
    np.testing.assert_allclose(placed.middle[0], xy[0, 0])
    assert np.isnan(placed.middle[1]).all() and np.isnan(placed.angle[1])


def test_heads_are_up_after_the_turn():
    xy, _, angle = poses()
    turn = turns(mean_pose(xy), xy)
    np.testing.assert_allclose(np.exp(1j * (turn + angle)), -1j, atol=1e-6)
    stacked = turns(mean_pose(xy), xy.reshape(4, 10, 6, 2))
    np.testing.assert_array_equal(stacked.ravel(), turn)


@pytest.mark.parametrize("tail", [0.0, 9.0])
def test_the_axis_of_symmetry_is_level_where_sides_pair_up(tail):
    # a tail held to one side bends the longest axis, and less the axis of symmetry
    shape = SHAPE.copy()
    shape[-1, 1] = tail
    shape[2:4, 1] *= 6
    bent, level = (mean_pose(poses(shape=shape)[0], swap) for swap in ((), SWAP))
    sides = [m.xy[2] - m.xy[3] for m in (bent, level)]
    off = [abs(float(np.arctan2(s[0], abs(s[1])))) for s in sides]
    if tail:
        assert off[1] < 0.3 * off[0]
    else:
        assert off[1] < 1e-6


def test_a_mirror_image_lies_as_the_animal_does():
    xy, _, _ = poses(noise=0.5)
    mean = mean_pose(xy, SWAP)
    mirrored = (xy * [-1, 1])[:, [j if k < 0 else k for j, k in enumerate(SWAP)]]
    both = np.exp(1j * turns(mean, xy)), np.exp(-1j * turns(mean, mirrored))
    assert np.abs(np.angle(both[0] / both[1])).max() < np.radians(8)
    assert abs(np.angle((both[0] / both[1]).mean())) < np.radians(1)


def test_turning_leaves_only_the_scatter_that_is_no_turn():
    xy, _, _ = poses(400, noise=0.5)
    free, laid = scatter(xy, mean_pose(xy))
    centred = SHAPE - SHAPE.mean(axis=0)
    radius = np.sqrt((centred**2).sum(axis=1).mean())
    np.testing.assert_allclose(free, radius, rtol=0.05)
    assert 0.5 < laid < 0.5 * np.sqrt(2)  # of two coordinates, less what laying takes up


def test_of_animals_that_nobody_saw_nothing_is_known():
    xy, _, _ = poses(3)
    mean = mean_pose(xy)
    xy[0] = np.nan
    xy[1, 1:] = np.nan
    assert np.isnan(turns(mean, xy)).tolist() == [True, True, False]
    assert not mean_pose(np.full((2, 6, 2), np.nan)).xy.any()


def test_still_keypoints_say_more_of_how_an_animal_lies_than_legs():
    rng = np.random.default_rng(4)
    xy, at, angle = poses(300, noise=0.2)
    xy[:, 2:4] += rng.normal(0, 6.0, (300, 2, 2))  # legs that go anywhere
    shape = mean_pose(xy)
    assert shape.weight.max() == 1 and (shape.weight[2:4] < 0.05).all()
    turn = turns(shape, xy)
    off = np.angle(np.exp(1j * (turn + angle)) / -1j)
    assert np.degrees(np.sqrt((off**2).mean())) < 2
    alike = turns(shape._replace(weight=np.ones(6)), xy)
    other = np.angle(np.exp(1j * (alike + angle)) / -1j)
    assert np.abs(off).mean() < 0.3 * np.abs(other).mean()
