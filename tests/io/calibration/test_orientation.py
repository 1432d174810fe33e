from dataclasses import replace

import numpy as np
import pytest

from gambol.core.cameras import Camera, Rig
from gambol.core.errors import InputError
from gambol.io.calibration import orientation, transposed
from gambol.kernels import projection


@pytest.fixture
def seen(twelve):
    points = np.random.default_rng(1).normal(0, 40, (50, 3))
    uv = projection.project(points, twelve.params()).uv
    uv[0, :40] = np.nan
    return points, uv


def with_camera(rig, k, camera):
    return replace(rig, cameras=(*rig.cameras[:k], camera, *rig.cameras[k + 1 :]))


def test_cameras_that_fit_are_left_alone(twelve, seen):
    assert [one.remark for one in transposed(twelve, *seen)] == [""] * 12


@pytest.mark.parametrize(
    ("change", "best"),
    [
        (lambda c: replace(c, rotation=-c.rotation), "R transposed"),
        (lambda c: replace(c, matrix=c.matrix.T), "K transposed"),
        (
            lambda c: replace(c, rotation=-c.rotation, matrix=c.matrix.T),
            "K transposed and R transposed",
        ),
        (
            lambda c: replace(c, rotation=-c.rotation, translation=c.centre),
            "R and t as the camera's pose in the world",
        ),
    ],
)
def test_what_is_the_wrong_way_round_is_named(twelve, seen, change, best):
    wrong = with_camera(twelve, 5, change(twelve.cameras[5]))
    found = transposed(wrong, *seen)
    assert [one.best for one in found] == ["as given"] * 5 + [best] + ["as given"] * 6
    assert found[5].pixels < 1e-8
    assert "camera cam_5" in found[5].remark and best in found[5].remark


def test_noise_is_no_reason_to_turn_a_camera(twelve, seen):
    points, uv = seen
    noisy = uv + np.random.default_rng(2).normal(0, 30, uv.shape)
    assert {one.best for one in transposed(twelve, points, noisy)} == {"as given"}


def test_points_of_other_cameras_are_refused(twelve, seen):
    with pytest.raises(InputError, match="need image points of shape"):
        transposed(twelve, seen[0], seen[1][:5])


def test_a_rig_whose_cameras_look_apart_is_remarked(twelve):
    aside = twelve.moved(np.eye(3), np.array([200.0, -400, 100]))
    assert orientation.apart(aside) == []
    turned = Rig(tuple(replace(c, rotation=-c.rotation) for c in aside.cameras))
    assert "R transposed" in orientation.apart(turned)[0]
    poses = [replace(c, rotation=-c.rotation, translation=c.centre) for c in aside.cameras]
    assert "pose in the world" in orientation.apart(Rig(tuple(poses)))[0]


def test_cameras_that_look_the_same_way_are_not_remarked():
    eye = np.diag([900.0, 900, 1])
    row = [Camera(str(k), eye, np.zeros(3), np.array([50.0 * k, 0, 0])) for k in range(4)]
    assert orientation.apart(Rig(tuple(row))) == []
