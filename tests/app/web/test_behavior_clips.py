"""Outlines on the map: even-odd, as a slow walk along a ray finds it."""

import numpy as np
import pytest

from gambol.app.web import behavior_clips


def slowly(point, corners):
    """Count edges that a ray to the right meets."""
    x, y = point
    inside = False
    for k in range(len(corners)):
        (ax, ay), (bx, by) = corners[k - 1], corners[k]
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
    return inside


@pytest.mark.parametrize("seed", range(3))
def test_points_inside_an_outline_are_those_that_a_ray_leaves_once(seed):
    rng = np.random.default_rng(seed)
    corners = rng.normal(size=(9, 2))  # crosses itself
    points = 1.5 * rng.normal(size=(300, 2))
    found = behavior_clips.within(points, corners)
    assert found.tolist() == [slowly(p, corners) for p in points]
    assert 0 < found.sum() < 300


def test_a_clip_has_a_usual_size_where_no_poses_say_one(tmp_path):
    nothing = tmp_path / "gone.nc"
    window = behavior_clips.Window(0, 0, 10, (5, 5))
    assert behavior_clips.body([(nothing, "a", window)]) == behavior_clips.body([]) == 128.0
