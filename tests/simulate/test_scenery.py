"""What a camera sees of an empty arena, against points that are projected one by one."""

import numpy as np
import pytest

from gambol.kernels import projection
from gambol.simulate import rigs, scenery

FLOOR = np.array([[-200.0, -150.0], [200.0, 150.0]])
SIZE = (320, 240)


@pytest.fixture(scope="module")
def place():
    return scenery.furnish(np.random.default_rng(0), "mouse", FLOOR)


@pytest.fixture(scope="module")
def cameras():
    return rigs.ring(np.random.default_rng(1), 4, 260.0, size=SIZE, height=40.0).cameras


def test_the_texture_covers_the_floor(place):
    height, width = place.texture.shape[:2]
    assert (width, height) == (801, 601)
    assert place.light.shape == (601, 801, 1) and place.shadow


def test_a_pixel_shows_the_place_on_the_floor_that_projects_there(place, cameras):
    rng = np.random.default_rng(2)
    points = np.column_stack(
        [rng.uniform(0.9 * FLOOR[0], 0.9 * FLOOR[1], (200, 2)), np.zeros(200)]
    )
    for camera in cameras:
        back = scenery.backdrop(place, camera, rays=1)
        uv = np.rint(projection.project(points, camera.params()[None]).uv[0]).astype(int)
        inside = ((uv >= 0) & (uv < SIZE)).all(axis=1)
        texel = back.floor[uv[inside, 1], uv[inside, 0]]
        on_floor = texel[:, 0] >= 0
        assert on_floor.mean() > 0.95
        back_mm = texel[on_floor] / place.detail * [1, -1] + [FLOOR[0, 0], FLOOR[1, 1]]
        step = 3.0  # mm from one pixel to the next, at most
        assert np.abs(back_mm - points[inside][on_floor, :2]).max() < 2 * step


def test_walls_between_the_camera_and_the_floor_are_of_glass(place, cameras):
    for camera in cameras:
        back = scenery.backdrop(place, camera, rays=1)
        low, high = FLOOR
        # the corner of the floor nearest to the camera is seen
        corner = np.where(camera.centre[:2] > 0, 0.97 * high, 0.97 * low)
        uv = projection.project(np.array([[*corner, 0.0]]), camera.params()[None]).uv[0, 0]
        x, y = np.rint(uv).astype(int)
        if 0 <= x < SIZE[0] and 0 <= y < SIZE[1]:
            assert back.floor[y, x, 0] >= 0


def test_shadows_darken_the_floor_where_they_are_and_nothing_else(place, cameras):
    back = scenery.backdrop(place, cameras[0], rays=1)
    light = np.full((60, 80), 0.5, np.float32)
    shaded = back.scene.copy()
    scenery.shade(shaded, back.floor, light, (300, 200))
    u, v = back.floor[..., 0], back.floor[..., 1]
    under = (u >= 301) & (u <= 378) & (v >= 201) & (v <= 258)
    beside = (u < 298) | (u > 381) | (v < 198) | (v > 261)
    assert under.sum() > 20
    assert np.allclose(shaded[under], 0.5 * back.scene[under], atol=1e-6)
    assert np.array_equal(shaded[beside], back.scene[beside])


@pytest.mark.parametrize(("ground", "low", "high"), [("bright", 0.6, 1.1), ("dark", 0.0, 0.25)])
def test_the_ground_of_flies_is_bright_or_dark(ground, low, high):
    floor = np.array([[-10.0, -8.0], [10.0, 8.0]])
    place = scenery.furnish(np.random.default_rng(0), "fly", floor, ground=ground)
    assert low < np.median(place.texture) < high and not place.shadow
