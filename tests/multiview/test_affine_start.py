"""Factorisation finds long-lens cameras and their mirror image."""

from dataclasses import replace

import numpy as np
import pytest
from rings import ring, seen

from gambol.core.errors import InputError
from gambol.kernels import rotation
from gambol.multiview import affine_start


def far(count=4):
    return ring(count, distance=1e5, f=9e4, lens=np.zeros(5))


def unposed(rig):
    zero = np.zeros(3)
    return replace(
        rig, cameras=tuple(replace(c, rotation=zero, translation=zero) for c in rig.cameras)
    )


def relative(rig):
    return np.stack([c.turn @ rig.cameras[0].turn.T for c in rig.cameras])


def test_one_of_two_mirror_images_is_the_rig():
    rng = np.random.default_rng(0)
    rig = far()
    xy = seen(rig, rng.normal(0, 80, (100, 3)), rng, 0.1)
    xy[rng.random(xy.shape[:2]) < 0.1] = np.nan
    starts = affine_start.starts(unposed(rig), xy)
    off = [rotation.degrees(relative(s), relative(rig)).max() for s in starts]
    assert min(off) < 0.5
    assert max(off) > 5
    found = starts[int(np.argmin(off))]
    apart = [c.translation[2] for c in found.cameras]
    truth = [c.translation[2] for c in rig.cameras]
    np.testing.assert_allclose(
        np.array(apart) / apart[0], np.array(truth) / truth[0], rtol=0.01
    )


def test_two_cameras_are_too_few():
    rig = far(2)
    with pytest.raises(InputError, match="3 are needed"):
        affine_start.starts(rig, seen(rig, np.random.default_rng(0).normal(0, 80, (50, 3))))


def test_a_camera_that_shares_too_little_is_named():
    rig = far(4)
    xy = seen(rig, np.random.default_rng(0).normal(0, 80, (50, 3)))
    xy[5:, 2] = np.nan
    with pytest.raises(InputError, match="camera c2 shares fewer than 10"):
        affine_start.starts(rig, xy)
