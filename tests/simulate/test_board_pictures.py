"""Pictures of a board: its corners are where the camera projects them."""

import cv2
import numpy as np
import pytest

from gambol.kernels import projection
from gambol.simulate import board_pictures, rigs

SQUARE = 20.0  # world units
SCALE = 6.0  # px a world unit


def page():
    """A chequered page of 8 x 6 squares without margin."""
    y, x = np.indices((round(6 * SQUARE * SCALE), round(8 * SQUARE * SCALE)))
    side = round(SQUARE * SCALE)
    image = np.where((x // side + y // side) % 2 == 0, 0, 255).astype(np.uint8)
    return board_pictures.Print(image, SCALE, np.zeros(2))


@pytest.mark.parametrize("lens", [rigs.ORDINARY, rigs.WIDE], ids=["ordinary", "wide"])
def test_corners_are_where_the_camera_projects_them(lens):
    rng = np.random.default_rng(2)
    rig = rigs.ring(rng, 3, 180.0, lens, size=(640, 512))
    corners = (
        np.stack(np.meshgrid(np.arange(1, 8), np.arange(1, 6)), -1).reshape(-1, 2) * SQUARE
    )
    corners = np.column_stack([corners, np.zeros(len(corners))])
    checked = 0
    for pose in board_pictures.poses(rng, rig, 5, (8 * SQUARE, 6 * SQUARE), 180.0):
        for camera in rig.cameras:
            picture = board_pictures.picture(rng, page(), pose, camera, noise=0.5)
            there = corners @ pose.turn.T + pose.shift
            uv = projection.project(there, camera.params()[None]).uv[0]
            inside = ((uv > 20) & (uv < [619, 491])).all(1)
            facing = (pose.turn[:, 2] @ (pose.shift - camera.centre)) > 0.3 * np.linalg.norm(
                pose.shift - camera.centre
            )
            if not facing or not inside.any():
                continue
            start = uv[inside].astype(np.float32)[:, None].copy()
            stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-4)
            sharp = cv2.cornerSubPix(picture, start, (4, 4), (-1, -1), stop)[:, 0]
            assert np.median(np.linalg.norm(sharp - uv[inside], axis=1)) < 0.2
            checked += 1
    assert checked >= 5


def test_the_first_pose_lies_on_the_floor_with_the_axes_of_the_world():
    rng = np.random.default_rng(0)
    rig = rigs.ring(rng, 4, 100.0)
    first = board_pictures.poses(rng, rig, 3, (10.0, 8.0), 100.0)[0]
    corner = first.turn @ np.array([3.0, 2.0, 0.0]) + first.shift
    np.testing.assert_allclose(corner, [3.0, -2.0, 0.0])


def test_the_same_seed_moves_the_board_alike():
    rig = rigs.ring(np.random.default_rng(0), 4, 100.0)
    a, b = (
        board_pictures.poses(np.random.default_rng(1), rig, 4, (10.0, 8.0), 100.0)
        for _ in range(2)
    )
    for x, y in zip(a, b, strict=True):
        assert (x.turn == y.turn).all() and (x.shift == y.shift).all()
