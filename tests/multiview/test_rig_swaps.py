"""Exchanged cameras are named, and nothing else is."""

import numpy as np
import pytest
from rings import ring

from gambol.core.cameras import Rig
from gambol.kernels import projection
from gambol.multiview import rig_swaps

COUNT = 120


def saw(rig, seed=0, noise=1.0):
    """What cameras see of points around the origin; some are missing, some are mistakes."""
    rng = np.random.default_rng(seed)
    xyz = rng.uniform(-120, 120, (COUNT, 3))
    uv = projection.project(xyz, rig.params()).uv.transpose(1, 0, 2)
    uv = uv + rng.normal(0, noise, uv.shape)
    uv[rng.random(uv.shape[:2]) < 0.2] = np.nan
    wrong = rng.random(uv.shape[:2]) < 0.05
    uv[wrong] = rng.uniform(0, 1000, (int(wrong.sum()), 2))
    return uv


@pytest.mark.parametrize("count", [3, 4, 6])
def test_two_exchanged_cameras_are_named(count):
    rig = ring(count)
    xy = saw(rig)
    assert rig_swaps.check(rig, xy) == []
    cameras = list(rig.cameras)
    cameras[0], cameras[2] = cameras[2], cameras[0]
    (found,) = rig_swaps.check(Rig(tuple(cameras), units="mm"), xy)
    assert set(found.cameras) == {"c0", "c2"} and found.limit < 3 < found.value
    assert "c2 and c0" in found.sentence


def test_a_camera_that_was_moved_is_not_called_exchanged():
    rig = ring(4)
    xy = saw(rig)
    xy[:, 1] += [60, -45]
    assert rig_swaps.check(rig, xy) == []


def test_too_little_says_nothing():
    rig = ring(4)
    assert rig_swaps.check(rig, np.full((5, 4, 2), np.nan)) == []
    two = Rig(rig.cameras[:2])
    assert rig_swaps.check(two, saw(rig)[:, :2]) == []
