"""Cameras: what is done to image or world is done to the projection."""

import numpy as np
import pytest

from gambol.core import cameras, pixels
from gambol.core.cameras import Camera, Rig
from gambol.core.errors import InputError
from gambol.kernels import projection, rotation

LENS = np.array([-0.2, 0.05, 0.001, -0.002, 0.01])
MATRIX = np.array([[800.0, 2.0, 320.0], [0.0, 780.0, 240.0], [0.0, 0.0, 1.0]])


def camera(name="a", lens=LENS, kind="pinhole"):
    lens = lens if kind == "pinhole" else np.array([0.05, -0.01, 0.003, -0.001])
    return Camera(name, MATRIX, [0.2, -0.3, 0.1], [0.1, -0.2, 4.0], lens, kind, (640, 480))


def affine():
    linear = np.vstack([np.random.default_rng(0).normal(0, 30, (2, 3)), np.zeros(3)])
    return Camera("far", linear, np.zeros(3), [300, 200, 0], kind="affine")


def seen(one, points):
    return projection.project(points, one.params()[None]).uv[0]


CLOUD = np.random.default_rng(1).normal(0, 0.4, (30, 3))
ALL = [camera(), camera(kind="fisheye"), affine()]


@pytest.mark.parametrize("one", ALL, ids=lambda c: c.kind)
def test_resizing_and_cropping_the_image_moves_its_points(one):
    points = seen(one, CLOUD)
    done = seen(one.resized(0.37).cropped(12, 7), CLOUD)
    moved = pixels.apply(pixels.compose(pixels.resize(0.37), pixels.crop(12, 7)), points)
    np.testing.assert_allclose(done, moved, atol=1e-9)


@pytest.mark.parametrize("one", ALL, ids=lambda c: c.kind)
def test_a_world_of_other_axes_shows_the_same_picture(one):
    turn, shift = rotation.exp(np.array([1.0, -0.4, 0.3])), np.array([3.0, 1.0, -2.0])
    moved = 2.5 * CLOUD @ turn.T + shift
    np.testing.assert_allclose(
        seen(one.moved(turn, shift, 2.5), moved), seen(one, CLOUD), atol=1e-8
    )


@pytest.mark.parametrize("kind", ["pinhole", "fisheye"])
def test_a_mirror_shows_the_mirrored_world_flipped(kind):
    one = camera(kind=kind)
    normal, distance, width = np.array([0.6, 0.0, 0.8]), 0.3, 640
    behind = CLOUD - 2 * (CLOUD @ normal - distance)[:, None] * normal
    direct = pixels.apply(pixels.flip(width), seen(one, behind))
    proper = cameras.mirrored(one, normal, distance, width)
    assert proper.flip and np.isclose(np.linalg.det(proper.turn), 1)
    np.testing.assert_allclose(seen(proper, CLOUD), direct, atol=1e-8)


@pytest.mark.parametrize("kind", ["pinhole", "fisheye"])
def test_projecting_resizing_and_flipping_commute(kind):
    """With skew and tangential distortion, which change sign in the mirror."""
    one = camera(kind=kind)
    assert one.matrix[0, 1] and (kind == "fisheye" or one.distortion[2:4].all())
    normal, distance, scale, width = np.array([0.0, 0.6, 0.8]), 0.2, 0.37, 640
    behind = CLOUD - 2 * (CLOUD @ normal - distance)[:, None] * normal
    maps = pixels.compose(pixels.flip(width), pixels.resize(scale), pixels.crop(30, 11))
    done = cameras.mirrored(one, normal, distance, width).resized(scale).cropped(30, 11)
    moved = pixels.apply(maps, seen(one, behind))
    np.testing.assert_allclose(seen(done, CLOUD), moved, atol=1e-9)


def test_a_matrix_is_split_and_put_together_again():
    plain = camera(lens=np.zeros(5))
    for sign in (1.0, -3.0):
        back = cameras.from_projection("a", sign * plain.projection(), (640, 480))
        np.testing.assert_allclose(back.matrix, MATRIX, atol=1e-9)
        np.testing.assert_allclose(seen(back, CLOUD), seen(plain, CLOUD), atol=1e-8)


def test_an_affine_matrix_gives_an_affine_camera():
    back = cameras.from_projection("far", 2 * affine().projection())
    assert back.kind == "affine" and np.isnan(back.centre).all()
    np.testing.assert_allclose(seen(back, CLOUD), seen(affine(), CLOUD), atol=1e-9)


def test_a_pinhole_far_away_is_an_affine_camera():
    """f and distance grow together: the picture becomes that of parallel rays."""
    far = 1e7
    near = Camera("p", np.diag([far * 30, far * 30, 1]), [0.3, 0.2, 0.1], [0, 0, far])
    linear = np.vstack([30 * near.turn[:2], np.zeros(3)])
    flat = Camera("f", linear, np.zeros(3), np.zeros(3), kind="affine")
    np.testing.assert_allclose(seen(near, CLOUD), seen(flat, CLOUD), atol=1e-4)
    np.testing.assert_allclose(near.forward, flat.forward, atol=1e-12)


def test_the_centre_projects_nowhere_and_the_axis_to_the_middle():
    one = camera()
    ahead = one.centre + 2 * one.forward
    np.testing.assert_allclose(seen(one, ahead[None])[0], MATRIX[:2, 2], atol=1e-9)


def test_the_fold_of_a_lens_is_the_first_root():
    assert np.isclose(camera(lens=np.array([-0.3])).fold(), 1 / 0.9)
    assert camera(lens=np.array([0.3])).fold() == np.inf


def test_rigs_are_compared_by_value_and_asked_by_name():
    assert Rig((camera(),), "mm") == Rig((camera(),), "mm")
    assert Rig((camera(),), "mm") != Rig((camera(),), "cm")
    rig = Rig(tuple(camera(name) for name in ("cam_10", "cam_2")))
    assert list(rig) == ["cam_10", "cam_2"] and rig["cam_2"].name == "cam_2"
    assert rig.params().shape == (2, 24)
    with pytest.raises(KeyError, match="did you mean 'cam_2'"):
        rig["cam2"]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Rig((camera(), camera())), "two cameras are named 'a'"),
        (lambda: Rig((camera(),), "inch"), "no unit 'inch'"),
        (lambda: Camera("b", np.zeros((3, 3)), [0, 0, 0], [0, 0, 1]), "focal length"),
        (lambda: Camera("b", MATRIX, [0, 0], [0, 0, 1]), "rotation has 2 values"),
        (lambda: Camera("b", MATRIX, [0, np.nan, 0], [0, 0, 1]), "not finite"),
        (lambda: Camera("b", MATRIX, [0] * 3, [0] * 3, np.ones(8)), "8 distortion values"),
    ],
)
def test_what_is_no_camera_is_refused(make, says):
    with pytest.raises(InputError, match=says):
        make()
