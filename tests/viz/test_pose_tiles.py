"""Skeletons of known places in tiles, and eyes whose pictures of points are known."""

import numpy as np
import pytest

from gambol.core.skeleton import Skeleton
from gambol.viz import orbit, pose_tiles
from gambol.viz.colours import NOBODY, keypoint_colours
from gambol.viz.grid_movie import Course
from gambol.viz.pose_tiles import PAPER, Stage, Window

PAIR = Skeleton(("tail", "nose"), (-1, 0))
M = 3


def course(centre=(50.0, 40.0), turn=0.0, count=M):
    still = np.zeros(count, np.int64)
    at = np.tile(np.asarray(centre, float), (count, 1))
    return Course("r", still, at, np.full(count, turn), 1.0, "", "", still)


def window(points, focal=0, skeleton=PAIR, confidence=1.0):
    """Poses (N, J, d) that stay for all moments."""
    every = np.tile(np.asarray(points, float), (M, 1, 1, 1))
    return Window(every, np.full(every.shape[:3], confidence), focal, skeleton)


def painted(tile, colour, near=40):
    """Rows and columns where a colour is."""
    apart = np.abs(tile.astype(int) - np.asarray(colour, int)).sum(axis=-1)
    return np.argwhere(apart < near)


def warm(tile):
    """Columns where the nose is, orange in any light."""
    part = tile.astype(int)
    return np.argwhere(part[..., 0] - part[..., 2] > 40)[:, 1]


def test_an_animal_looks_to_the_right_at_the_size_that_the_tile_shows():
    """Nose 20 px below the tail in the video; a tile of 100 px shows 50 px."""
    heading = np.pi / 2
    (tile, *_) = pose_tiles.drawn(
        pose_tiles.blank(100, M), course(turn=heading), window([[[50, 40], [50, 60]]]), 50.0
    )
    tail, nose = keypoint_colours(PAIR)
    at = painted(tile, nose)
    assert at[:, 1].max() == pytest.approx(49.5 + 40, abs=2.5)
    assert painted(tile, tail).mean(axis=0) == pytest.approx([49.5, 49.5], abs=1.5)
    assert np.abs(at[:, 0] - 49.5).max() < 4


def test_other_animals_are_grey_and_below():
    two = window([[[45, 40], [55, 40]], [[45, 45], [55, 45]]], focal=1)
    (tile, *_) = pose_tiles.drawn(pose_tiles.blank(200, M), course(), two, 50.0)
    colours = painted(tile, keypoint_colours(PAIR)[1])
    assert len(colours) and colours[:, 0].min() > 110
    upper = tile[60:110].reshape(-1, 3).astype(int)
    assert np.ptp(upper, axis=1).max() < 25  # greyish, no hue
    alone = pose_tiles.drawn(pose_tiles.blank(200, M), course(), two._replace(focal=0), 50.0)
    assert painted(next(iter(alone)), keypoint_colours(PAIR)[1])[:, 0].max() < 110


def test_an_animal_that_is_not_known_leaves_the_picture_as_it_was():
    gone = window([[[np.nan, np.nan], [np.nan, np.nan]]])
    below = np.full((64, 64, 3), 90, np.uint8)
    for tile in pose_tiles.drawn([below] * M, course(), gone, 50.0):
        assert (tile == 90).all()


def test_the_floor_stays_in_the_world_while_the_tile_moves():
    """Lines 20 units apart, at multiples of 20; the tile goes 6 units to the right."""
    nobody = window([[[np.nan, np.nan], [np.nan, np.nan]]])
    moving = course((50.0, 50.0))._replace(centre=np.array([[50.0, 50], [53, 50], [56, 50]]))
    tiles = list(pose_tiles.drawn(pose_tiles.blank(100, M), moving, nobody, 100.0, ground=True))
    for k, tile in enumerate(tiles):
        lines = np.flatnonzero((tile[5] != PAPER).any(axis=-1))
        centre = 50 + 3 * k
        expected = [20 * n - centre + 49.5 for n in range(8) if 0 < 20 * n - centre + 49.5 < 99]
        for place in expected:
            assert np.abs(lines - place).min() < 1
        assert len(lines) <= 3 * len(expected)


def test_trails_show_where_keypoints_were():
    points = np.zeros((M, 1, 2, 2))
    points[:, 0, 1, 0] = [10, 20, 30]
    moving = Window(points, np.ones((M, 1, 2)), 0, PAIR)
    with_trail = list(
        pose_tiles.drawn(pose_tiles.blank(100, M), course((0, 0)), moving, 100.0, trail=True)
    )
    bare = list(pose_tiles.drawn(pose_tiles.blank(100, M), course((0, 0)), moving, 100.0))
    assert np.array_equal(with_trail[0], bare[0])
    changed = np.argwhere((with_trail[2] != bare[2]).any(axis=-1))
    assert len(changed) and changed[:, 1].min() > 55


@pytest.mark.parametrize("letter", [0, 1, 2])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_from_the_side_an_animal_heads_to_the_right_whatever_is_up(letter, sign):
    up = sign * np.eye(3)[letter]
    a, b = pose_tiles.across(up)
    heading = 0.8
    nose = np.zeros(3)
    nose[a], nose[b] = np.cos(heading), np.sin(heading)
    seen = orbit.Scene(np.zeros(3), 2.0, 0.0, orbit.axes(up))
    around, above = pose_tiles.EYES["side"]
    at = float(pose_tiles.azimuth(np.array([heading]), up)[0]) + around
    eye = orbit.eye(seen, at, above, (101, 101))
    uv, _ = orbit.look(eye, np.stack([np.zeros(3), nose, 0.5 * up]))
    assert uv[1, 0] > uv[0, 0] + 10 and abs(uv[1, 1] - uv[0, 1]) < 1
    assert uv[2, 1] < uv[0, 1] - 5


def test_places_on_the_floor_are_at_their_height():
    up = np.array([0.0, -1.0, 0.0])
    made = pose_tiles.on_floor(np.array([[3.0, 4.0]]), up, 7.0)
    assert made.tolist() == [[4.0, -7.0, 3.0]]


def test_views_of_3d_poses_stand_side_by_side():
    xyz = np.array([[[0, 0, 1.0], [2, 0, 1.0]]])
    stage = Stage(np.array([0.0, 0, 1]), 0.0, 1.0, ("side", "above", "oblique"))
    made = list(pose_tiles.solid(course((0, 0)), window(xyz), stage, 8.0, 96, 0.1))
    assert len(made) == M and made[0].shape == (96, 288, 3)
    assert pose_tiles.extent(96, stage.views) == (288, 96)
    assert np.array_equal(made[0], made[1])
    assert warm(made[0][:, :96]).mean() > 55  # to the right of the middle


def test_an_orbit_turns_the_picture():
    xyz = np.array([[[0, 0, 1.0], [2, 0, 1.0]]])
    stage = Stage(np.array([0.0, 0, 1]), 0.0, 1.0, ("side",), spin=900.0)
    made = list(pose_tiles.solid(course((0, 0)), window(xyz), stage, 8.0, 96, 0.2))
    assert warm(made[0]).mean() > 55 > 41 > warm(made[1]).mean()


def test_grey_is_for_those_beside_in_3d_too():
    two = np.array([[[0, -1, 1.0], [2, -1, 1.0]], [[0, 1, 1.0], [2, 1, 1.0]]])
    stage = Stage(np.array([0.0, 0, 1]), 0.0, 1.0, ("above",))
    (tile, *_) = pose_tiles.solid(course((0, 0)), window(two), stage, 8.0, 128, 0.1)
    coloured = np.argwhere(np.ptp(tile.astype(int), axis=-1) > 60)
    assert coloured[:, 0].min() > 63  # y = -1 is to the right of who heads along x: below
    assert NOBODY.tolist() == [150, 150, 150]


def test_of_a_crowd_nobody_hides_the_others():
    one = pose_tiles.pen(window([[[0, 0], [90, 0]]], focal=-1), 1.0)
    many = pose_tiles.pen(window([[[0, 0], [90, 0]]] * 20, focal=-1), 1.0)
    assert many.line <= one.line and many.radius < one.radius
