"""Centroids and crops, against what is plain for boxes and single pixels."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gambol.core import pixels
from gambol.nn.augment import FILL
from gambol.nn.targets import Scene
from gambol.pose import upright
from gambol.pose.crops import Aim, centroid, crop, offsets, square, with_centroid

NONE = np.full(2, np.nan)


def test_the_middle_is_that_of_the_box_and_no_mean_of_keypoints():
    xy = np.array([[0.0, 0.0], [10.0, 2.0], [9.0, 1.0], NONE])
    np.testing.assert_array_equal(centroid(xy, None), [5.0, 1.0])


def test_the_anchor_stands_for_the_animal_where_it_was_seen():
    seen = np.array([[0.0, 0.0], [10.0, 2.0], [9.0, 1.0]])
    hidden = seen.copy()
    hidden[2] = np.nan
    middles = centroid(np.stack([seen, hidden]), 2)
    np.testing.assert_array_equal(middles, [[9.0, 1.0], [5.0, 1.0]])


@pytest.mark.parametrize("anchor", [None, 0])
def test_an_animal_that_was_not_seen_has_no_middle_and_raises_no_warning(anchor):
    xy = np.full((2, 3, 3, 2), np.nan)
    xy[0, 1] = [[1.0, 2.0], [3.0, 4.0], NONE]
    middles = centroid(xy, anchor)
    assert middles.shape == (2, 3, 2)
    assert np.isfinite(middles).all(axis=-1).tolist() == [[False, True, False], [False] * 3]


@given(st.integers(0, 2**32 - 1))
def test_it_moves_with_the_animal(seed):
    rng = np.random.default_rng(seed)
    xy, shift = rng.normal(0, 50, (5, 2)), rng.normal(0, 50, 2)
    xy[rng.random(5) < 0.4] = np.nan
    for anchor in (None, 1):
        np.testing.assert_allclose(
            centroid(xy + shift, anchor), centroid(xy, anchor) + shift, atol=1e-9
        )


@pytest.mark.parametrize("middle", [(20.3, 15.6), (0.0, 0.0), (39.0, 29.4), (-8.0, 12.0)])
@pytest.mark.parametrize("side", [8, 9, 64])
def test_a_crop_shows_the_frame_from_its_corner_on_and_grey_beyond(middle, side):
    frame = np.random.default_rng(0).integers(0, 100, (30, 40, 3), np.uint8)
    cut, matrix = crop(frame, np.array(middle), side)
    np.testing.assert_array_equal(matrix[:, :2], np.eye(2))
    corner = -matrix[:, 2].astype(int)
    assert cut.shape == (side, side, 3)
    assert np.abs(corner + pixels.centre(side, side) - middle).max() <= 0.5
    for y, x in np.ndindex(side, side):
        column, row = corner + (x, y)
        there = 0 <= column < 40 and 0 <= row < 30
        assert (cut[y, x] == (frame[row, column] if there else FILL)).all()


def test_a_crop_far_beyond_the_frame_is_grey():
    cut, _ = crop(np.zeros((30, 40, 1), np.uint8), np.array([500.0, -90.0]), 16)
    assert (cut == FILL).all()


@given(st.floats(5, 45), st.floats(5, 45), st.floats(-3.2, 3.2))
def test_a_turned_crop_shows_the_point_of_the_frame_that_its_map_says(x, y, turn):
    # a frame whose light rises evenly: every pixel of the crop says where it is from
    rows, columns = np.mgrid[:50, :60]
    frame = np.stack([columns * 4, rows * 4], axis=-1).astype(np.uint8)
    middle = np.array([x, y])
    cut, matrix = crop(frame, middle, 21, turn)
    np.testing.assert_allclose(pixels.apply(matrix, middle), [10, 10], atol=1e-9)
    np.testing.assert_allclose(matrix[:, :2], pixels.rotation(turn))
    own = np.stack(np.meshgrid(np.arange(21.0), np.arange(21.0)), axis=-1)
    there = pixels.apply(pixels.invert(matrix), own)
    inside = ((there >= 1) & (there <= [58, 48])).all(axis=-1)
    assert (
        np.abs(cut[inside] / 4 - there[inside]).max() <= 0.26
    )  # a level of light, and rounding


def test_keypoints_in_turned_crops_are_where_the_crops_show_them():
    rng = np.random.default_rng(3)
    shape = np.array([[20.0, 0], [0, 0], [-20, 4], [-20, -4]])
    xy = np.stack([shape @ pixels.rotation(a).T for a in rng.uniform(-3, 3, 9)])
    xy = xy + rng.uniform(40, 60, (9, 1, 2)) + rng.normal(0, 1, xy.shape)
    mean = upright.mean_pose(xy)
    off = offsets(xy, Aim(1, mean))
    frame = np.zeros((100, 100, 1), np.uint8)
    for points, inside, turn in zip(xy, off, upright.turns(mean, xy), strict=True):
        _, matrix = crop(frame, points[1], 64, float(turn))
        want = pixels.apply(matrix, points) - pixels.centre(64, 64)
        np.testing.assert_allclose(inside, want, atol=1e-9)
        corners = pixels.apply(matrix, square(points[1], 10.0, float(turn)))
        want = pixels.centre(64, 64) + [[-5.0, -5], [5, -5], [5, 5], [-5, 5]]
        np.testing.assert_allclose(corners, want, atol=1e-9)
    assert (off[:, 0, 1] < -15).all() and (np.abs(off[:, 0, 0]) < 6).all()  # heads are up


def test_in_crops_that_are_not_turned_keypoints_lie_as_they_were_filmed():
    xy = np.array([[[0.0, 0.0], [10.0, 2.0], [9.0, 1.0]]])
    assert offsets(xy, Aim(2))[0].tolist() == [[-9.0, -1.0], [1.0, 1.0], [0.0, 0.0]]


def test_networks_are_taught_the_centroid_that_is_measured_elsewhere():
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 100, (20, 3, 5, 2)).astype(np.float32)
    xy[rng.random(xy.shape[:3]) < 0.5] = np.nan
    xy[0, 0] = np.nan
    nobody = torch.full((20, 3), -1)
    seen = Scene(torch.from_numpy(xy), torch.ones(20, 3, 5), torch.ones(20, 8, 8), nobody)
    np.testing.assert_allclose(seen.with_middle().xy.numpy(), with_centroid(xy), atol=1e-4)
