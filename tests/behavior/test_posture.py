"""Posture of figures made by hand: angles, twists, areas; moves and turns change nothing."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from gambol.behavior import posture
from gambol.behavior.align import rotate
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Track

CHAIN = Skeleton(("a", "b", "c", "d"), (-1, 0, 1, 2))


def track(xy, skeleton=CHAIN):
    xy = np.asarray(xy, dtype=float)
    flat = np.ones(xy.shape[:2])
    return Track("t", xy, flat, flat, np.arange(len(xy)) / 50, 50.0, skeleton)


def columns_of(one):
    return {c.name: c for c in posture.posture(one, ["a"], ["d"], 0.1)}


def test_angles_of_a_figure_made_by_hand():
    #  right on, a quarter to the left, half of it back
    figure = [[0, 0], [1, 0], [1, 2], [0, 3]]
    found = columns_of(track([figure] * 20))
    np.testing.assert_allclose(found["angle a-b-c"].values, np.pi / 2)
    np.testing.assert_allclose(found["angle b-c-d"].values, np.pi / 4)
    np.testing.assert_allclose(found["length c-d"].values, np.sqrt(2))
    np.testing.assert_allclose(found["body length"].values, 3.0)
    np.testing.assert_allclose(found["hull area"].values, 2.5)
    mirror = columns_of(track([np.array(figure) * [1, -1]] * 20))
    np.testing.assert_allclose(mirror["angle a-b-c"].values, -np.pi / 2)
    assert found["angle a-b-c"].unit == "rad" and found["angle a-b-c"].part == "b"
    assert found["hull area"].unit == "pixels^2"


def test_a_twist_made_by_hand():
    figure = [[0, 1, 0], [0, 0, 0], [1, 0, 0], [1, 0, 1]]
    found = columns_of(track([figure] * 20))
    np.testing.assert_allclose(np.abs(found["dihedral a-b-c-d"].values), np.pi / 2)
    np.testing.assert_allclose(found["angle a-b-c"].values, np.pi / 2)
    mirror = columns_of(track([np.array(figure) * [1, 1, -1]] * 20))
    np.testing.assert_allclose(
        mirror["dihedral a-b-c-d"].values, -found["dihedral a-b-c-d"].values
    )


def test_angles_are_unwrapped_and_have_velocities():
    phase = 3.0 * np.arange(300) / 50
    xy = np.zeros((300, 4, 2))
    xy[:, 1] = [1, 0]
    xy[:, 2] = xy[:, 1] + np.stack([np.cos(phase), np.sin(phase)], axis=1)
    xy[:, 3] = xy[:, 2] + [0, 1]
    found = columns_of(track(xy))
    np.testing.assert_allclose(found["angle a-b-c"].values, phase, atol=1e-9)
    velocity = found["velocity of angle a-b-c"]
    np.testing.assert_allclose(velocity.values[5:-5], 3.0, rtol=1e-9)
    assert velocity.unit == "rad/s"


@pytest.mark.parametrize("space", [2, 3])
def test_moves_and_turns_change_no_posture(space):
    rng = np.random.default_rng(0)
    xy = np.cumsum(rng.normal(size=(60, 4, space)), axis=0)
    turned = rotate(xy, rng.uniform(-3, 3, 60), [0, 1]) + 5.0
    a, b = columns_of(track(xy)), columns_of(track(turned))
    assert list(a) == list(b)
    for name in a:
        both = np.stack([a[name].values, b[name].values])
        known = ~np.isnan(both).any(axis=0)
        off = both[0] - both[1]
        if name.startswith("angle") or name.startswith("dihedral"):
            off = off - 2 * np.pi * np.round(off / 2 / np.pi)  # turns may unwrap elsewhere
        assert np.abs(off[known]).max() < 1e-7, name


def test_hulls_are_those_of_qhull_and_lines_have_no_area():
    rng = np.random.default_rng(0)
    xy = rng.normal(size=(200, 7, 2))
    expected = [ConvexHull(points).volume for points in xy]
    np.testing.assert_allclose(posture.hull_area(xy), expected, rtol=1e-12)
    square = np.array([[0, 0], [2, 0], [2, 2], [0, 2], [1, 1], [0, 1], [2, 0]], dtype=float)
    assert posture.hull_area(square[None])[0] == pytest.approx(4.0)
    line = np.stack([np.arange(5.0)] * 2, axis=1)
    assert posture.hull_area(line[None])[0] == pytest.approx(0.0)
    assert posture.hull_area(np.ones((1, 3, 2)))[0] == 0.0


def test_a_line_is_as_long_as_it_gets_and_a_square_is_round():
    line = np.stack([np.arange(5.0)] * 2, axis=1)
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5]])
    found = posture.elongation(np.stack([line, square]))
    np.testing.assert_allclose(found, [1.0, 0.0], atol=1e-6)


def test_trees_branch():
    skeleton = Skeleton(("r", "x", "y", "xx", "xy", "xxx"), (-1, 0, 0, 1, 1, 3))
    assert posture.joints(skeleton) == [(0, 1, 3), (0, 1, 4), (1, 3, 5)]
    assert posture.chains(skeleton) == [(0, 1, 3, 5)]
    assert posture.joints(Skeleton(("a", "b"))) == []
