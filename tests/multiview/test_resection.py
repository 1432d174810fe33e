"""One camera from points whose places are known."""

import numpy as np
import pytest
from rings import ring, seen

from gambol.kernels import rotation
from gambol.multiview import resection

RIG = ring(2)
CAMERA = RIG.cameras[1]


def planted(rng, frames=30, noise=0.5, wrong=0.2):
    points = rng.normal(0, 60, (frames * 3, 3))
    xy = seen(RIG, points, rng, noise)[:, 1]
    bad = rng.random(len(xy)) < wrong
    xy[bad] = rng.uniform(0, 1000, (bad.sum(), 2))
    return xy, points, np.repeat(np.arange(frames), 3)


def test_a_camera_is_found_among_wrong_points_and_knows_how_wrong_it_is():
    error, doubt = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        found = resection.resect(rng, CAMERA, *planted(rng))
        error.append(float(rotation.degrees(found.camera.turn, CAMERA.turn)))
        doubt.append(found.angle_sd)
        assert np.linalg.norm(found.camera.centre - CAMERA.centre) < 20
        assert 60 < found.agree.sum() < 90 and found.error < 1
    ratio = np.sqrt(np.mean(np.square(error)) / np.mean(np.square(doubt)))
    assert 0.6 < ratio < 1.6


def test_lens_and_name_stay():
    rng = np.random.default_rng(0)
    found = resection.resect(rng, CAMERA, *planted(rng, wrong=0.0, noise=0.0)).camera
    assert found.name == CAMERA.name and (found.distortion == CAMERA.distortion).all()
    np.testing.assert_allclose(found.centre, CAMERA.centre, atol=1e-2)


def test_few_points_place_nothing():
    rng = np.random.default_rng(1)
    xy, points, frame = planted(rng)
    assert resection.resect(rng, CAMERA, xy[:5], points[:5], frame[:5]) is None


def test_points_that_agree_on_nothing_place_nothing():
    rng = np.random.default_rng(2)
    xy, points, frame = planted(rng, wrong=1.0)
    found = resection.resect(rng, CAMERA, xy, points, frame)
    assert found is None or found.agree.sum() < 10


def test_points_of_one_frame_leave_the_doubt_open():
    rng = np.random.default_rng(3)
    xy, points, frame = planted(rng, wrong=0.0)
    assert resection.resect(rng, CAMERA, xy, points, 0 * frame).angle_sd == pytest.approx(
        np.inf
    )
