import numpy as np
import pytest
import ring

from gambol.core.cameras import Rig, from_projection
from gambol.kernels.projection import project
from gambol.viz import orbit

UPS = [(0.0, 0.0, 1.0), (0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.3, -0.5, 0.8)]


@pytest.mark.parametrize("up", UPS, ids=str)
def test_the_frame_is_right_handed_and_ends_in_up(up):
    frame = orbit.axes(np.array(up))
    assert np.allclose(frame @ frame.T, np.eye(3)) and np.linalg.det(frame) > 0.999
    assert np.allclose(frame[2], np.array(up) / np.linalg.norm(up))


@pytest.mark.parametrize("elevation", [-30.0, 0.0, 40.0, 90.0])
@pytest.mark.parametrize("up", UPS, ids=str)
def test_the_eye_sees_as_a_pinhole_camera_does(up, elevation):
    rng = np.random.default_rng(0)
    points = rng.normal(0, 10, (20, 3))
    scene = orbit.scene(points, np.array(up))
    eye = orbit.eye(scene, 25.0, elevation, (200, 160))
    row = np.zeros(24)  # the independent way: a row of `kernels.projection`
    row[1:5] = eye.focal, eye.focal, *eye.middle
    row[11] = np.inf
    row[12:21], row[21:] = eye.turn.ravel(), -eye.turn @ eye.at
    uv, depth = orbit.look(eye, points)
    assert np.allclose(uv, project(points, row[None]).uv[0])
    assert np.linalg.det(eye.turn) > 0.999 and (depth > 0).all()
    assert np.allclose(orbit.look(eye, scene.centre)[0], eye.middle)


def test_up_is_up_in_the_picture():
    scene = orbit.scene(ring.walk()[1], np.array([0.0, 0.0, 1.0]))
    eye = orbit.eye(scene, 70.0, 20.0, (300, 300))
    ends = scene.centre + np.array([[0.0, 0, 0], [0, 0, 10]])
    (low, high), _ = orbit.look(eye, ends)
    assert high[1] < low[1] and abs(high[0] - low[0]) < 1e-9


def test_all_of_a_scene_is_in_the_picture_from_everywhere():
    points = ring.walk()[1].reshape(-1, 3)
    scene = orbit.scene(points, np.array([0.0, 0.0, 1.0]))
    for azimuth in range(0, 360, 30):
        uv, _ = orbit.look(orbit.eye(scene, azimuth, 25.0, (200, 150)), points)
        assert (uv > -1).all() and (uv < [200, 150]).all()


def test_an_outlier_does_not_make_the_scene():
    points = np.random.default_rng(0).normal(0, 1, (5000, 3))
    plain = orbit.scene(points, np.array([0.0, 0.0, 1.0])).radius
    points[0] = 1e6
    assert orbit.scene(points, np.array([0.0, 0.0, 1.0])).radius < 1.1 * plain


def test_nothing_known_is_a_scene_of_its_own():
    scene = orbit.scene(np.full((3, 3), np.nan), np.array([0.0, 0.0, 1.0]))
    assert np.isfinite(scene.centre).all() and scene.radius == 1


def test_what_is_behind_the_eye_is_nowhere():
    scene = orbit.scene(ring.walk()[1], np.array([0.0, 0.0, 1.0]))
    eye = orbit.eye(scene, 0.0, 10.0, (100, 100))
    uv, depth = orbit.look(eye, eye.at[None] - 5 * eye.turn[2])
    assert np.isnan(uv).all() and np.isnan(depth).all()


def test_lines_of_the_floor_lie_on_it_at_round_distances():
    scene = orbit.scene(ring.walk()[1], np.array([0.0, 0.0, 1.0]))
    lines, apart = orbit.floor(scene)
    assert np.allclose(lines[..., 2], scene.floor) and apart in (20.0, 50.0)
    along = lines[np.isclose(lines[:, 0, 0], lines[:, 1, 0]), 0, 0]
    assert np.allclose(np.round(along / apart), along / apart) and len(along) > 3


def test_cameras_in_a_ring_aim_at_its_middle():
    assert np.allclose(orbit.aim(ring.rig()), 0, atol=1e-6)


def test_the_tip_of_the_pyramid_is_the_camera_and_its_base_the_image():
    rig = ring.rig()
    for camera in rig.values():
        lines, at = orbit.outline(camera, 80.0, np.zeros(3))
        assert np.allclose(at, camera.centre)
        base = project(lines[:4, 0], camera.params()[None]).uv[0]
        assert np.allclose(base, [[0, 0], [320, 0], [320, 240], [0, 240]])
        mark = project(lines[8, 1][None], camera.params()[None]).uv[0, 0]
        assert mark[1] < 0  # above the upper edge of the image
        depth = (lines[:4, 0] - camera.centre) @ camera.forward
        assert np.allclose(depth, 80.0)


def test_an_affine_camera_stands_away_from_what_it_looks_at():
    flat = np.array([[2.0, 0, 0, 100], [0, 0, -2.0, 80], [0, 0, 0, 1]])
    camera = from_projection("tele", flat, (200, 160))
    lines, at = orbit.outline(camera, 10.0, np.zeros(3))
    assert np.isfinite(lines).all() and at @ camera.forward < -10
    scene = orbit.rig_scene(Rig((camera, ring.camera("near", (50.0, 0.0, 20.0)))))
    assert np.isfinite(scene.centre).all() and scene.radius > 0


def test_names_an_axis_only_where_it_is_one():
    assert [orbit.letter(np.array(v)) for v in ((1.0, 0, 0), (0, -1.0, 0), (0.7, 0.7, 0))] == [
        "x", "-y", "",
    ]  # fmt: skip
