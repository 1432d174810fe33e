"""Pairs of ordinary cameras chain into a rig."""

from dataclasses import replace

import numpy as np
import pytest
from rings import ring, seen

from gambol.core.errors import InputError
from gambol.kernels import rotation
from gambol.multiview import essential_start


def test_cameras_are_placed_in_the_axes_of_the_first():
    rng = np.random.default_rng(0)
    rig = ring(4)
    xy = seen(rig, rng.normal(0, 100, (300, 3)), rng, 0.3)
    got = essential_start.start(rig, xy, 30)
    first = rig.cameras[0]
    np.testing.assert_allclose(got.cameras[0].turn, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(got.cameras[0].centre, 0, atol=1e-9)
    turns = np.stack([c.turn @ first.turn.T for c in rig.cameras])
    assert rotation.degrees(np.stack([c.turn for c in got.cameras]), turns).max() < 0.5


def test_a_camera_that_no_third_sees_with_is_named():
    rng = np.random.default_rng(1)
    rig = ring(3)
    xy = seen(rig, rng.normal(0, 100, (300, 3)), rng, 0.3)
    xy[:200, 2] = np.nan  # c2 shares points with c0 only
    xy[200:, 1] = np.nan
    with pytest.raises(InputError, match="camera c2 shares 0 points with two others at once"):
        essential_start.start(rig, xy, 30)


def test_cameras_at_one_place_have_no_depth():
    rng = np.random.default_rng(2)
    one = ring(1).cameras[0]
    rig = replace(ring(2), cameras=(one, replace(one, name="b")))
    with pytest.raises(InputError, match="angles that differ enough"):
        essential_start.start(rig, seen(rig, rng.normal(0, 100, (300, 3)), rng, 0.3), 30)
