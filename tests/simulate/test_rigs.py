"""Simulated rigs see what they are asked to see, and their numbers are those of real lenses."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.kernels import projection
from gambol.simulate import rigs

LENSES = [rigs.ORDINARY, rigs.WIDE, rigs.FISHEYE, rigs.LONG, rigs.TELECENTRIC]


def ball(reach, seed=0):
    out = np.random.default_rng(seed).normal(size=(500, 3))
    return reach * out / np.linalg.norm(out, axis=1, keepdims=True)


@pytest.mark.parametrize("make", [rigs.ring, rigs.dome])
@pytest.mark.parametrize("lens", LENSES)
def test_every_image_holds_the_ball(make, lens):
    target = (10.0, -20.0, 30.0)
    rig = make(np.random.default_rng(1), 6, 100.0, lens, target=target, size=(800, 600))
    seen = projection.project(ball(97.0) + target, rig.params())
    assert seen.valid.all()
    assert (seen.uv > -25).all() and (seen.uv < np.array([825, 625])).all()
    filled = np.ptp(seen.uv[:, :, 1], axis=1)
    assert (filled > 380).all()


def test_the_sky_is_up_in_every_image():
    rig = rigs.ring(np.random.default_rng(0), 5, 100.0)
    low, high = projection.project(
        np.array([[0.0, 0, -20], [0, 0, 20]]), rig.params()
    ).uv.swapaxes(0, 1)
    assert (low[:, 1] > high[:, 1] + 50).all()


def test_the_same_seed_gives_the_same_rig():
    one, two, other = (rigs.dome(np.random.default_rng(s), 8, 50.0) for s in (3, 3, 4))
    assert one == two and one != other and one.units == "mm"
    assert all(
        camera.turn @ camera.turn.T == pytest.approx(np.eye(3)) for camera in one.cameras
    )


def test_cameras_of_a_dome_look_from_different_sides():
    rig = rigs.dome(np.random.default_rng(0), 8, 100.0, jitter=0.0)
    ways = np.array([camera.forward for camera in rig.cameras])
    angles = np.degrees(np.arccos(np.clip(ways @ ways.T, -1, 1))) + 180 * np.eye(8)
    assert angles.min() > 25


def test_a_long_lens_is_nearly_affine_and_a_camera_above_is_no_special_case():
    rig = rigs.ring(np.random.default_rng(0), 3, 100.0, rigs.LONG, height=90.0, jitter=0.0)
    assert all(c.matrix[0, 0] > 20 * c.size[0] for c in rig.cameras)
    assert np.isfinite(projection.project(ball(50.0), rig.params()).uv).all()


def test_refuses_what_is_no_rig():
    with pytest.raises(InputError, match="0 cameras"):
        rigs.ring(np.random.default_rng(0), 0, 100.0)
    with pytest.raises(InputError, match="inside what is filmed"):
        rigs.dome(np.random.default_rng(0), 2, 100.0, rigs.Lens(distance=0.5))
