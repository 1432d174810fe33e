import cv2
import numpy as np
import pytest
from boarded import CHARUCO, CHECKERBOARD, around, film, moves, texture

from gambol.core.board import Board
from gambol.kernels import projection
from gambol.multiview import boards
from gambol.multiview.boards import Corners, choose, detect, gather


@pytest.mark.parametrize("board", [CHARUCO, CHECKERBOARD], ids=["charuco", "checkerboard"])
def test_corners_are_where_a_known_camera_puts_them(board):
    rng = np.random.default_rng(3)
    camera = around(1)["view 0"]
    for turn, shift in zip(*moves(board, 4, rng, tilt=0.2), strict=True):
        found = detect(film(board, camera, turn, shift, rng), board)
        truth = projection.project(board.corners() @ turn.T + shift, camera.params()[None]).uv
        assert len(found.ids) == board.n_corners
        off = np.linalg.norm(found.xy - truth[0, found.ids], axis=1)
        assert np.median(off) < 0.2 and off.max() < 0.8


@pytest.mark.parametrize("size", [(9, 6), (6, 9), (8, 6), (8, 8)])
@pytest.mark.parametrize("quarters", range(4))
def test_corners_of_a_turned_checkerboard_keep_their_names(size, quarters):
    board = Board("checkerboard", *size, 30.0)
    page = texture(board)
    upright = detect(page, board).xy
    found = detect(np.ascontiguousarray(np.rot90(page, quarters)), board).xy
    for _ in range(quarters):  # turning an image of width W moves (x, y) to (y, W - 1 - x)
        width = page.shape[1]
        upright, page = np.column_stack([upright[:, 1], width - 1 - upright[:, 0]]), page.T
    if board.symmetric and np.abs(found - upright).max() > 1:
        found = found[::-1]  # the one doubt that an image of such a board leaves
    np.testing.assert_allclose(found, upright, atol=0.1)
    if not board.symmetric or quarters == 0:
        # the first corner is that of the black square at the page's top left
        np.testing.assert_allclose(detect(texture(board), board).xy[0], [59.5, 59.5], atol=0.1)


def test_a_part_of_a_charuco_board_is_enough():
    page = texture(CHARUCO)
    found = detect(page[:, : page.shape[1] // 2], CHARUCO)
    assert 10 < len(found.ids) < CHARUCO.n_corners
    np.testing.assert_allclose(found.xy, detect(page, CHARUCO).xy[found.ids], atol=0.2)


def test_an_empty_image_shows_no_corners():
    for board in (CHARUCO, CHECKERBOARD):
        found = detect(np.full((100, 120, 3), 90, np.uint8), board)
        assert len(found.ids) == 0 and found.xy.shape == (0, 2) and found.sharpness == 0


def test_blur_lowers_sharpness():
    page = texture(CHARUCO)
    soft = detect(cv2.GaussianBlur(page, (0, 0), 2.0), CHARUCO)
    assert soft.sharpness < 0.5 * detect(page, CHARUCO).sharpness


def corners(n, sharpness=1.0, shift=0.0):
    ids = np.arange(n)
    return Corners(ids, CHARUCO.corners()[ids, :2] + shift, sharpness)


def test_gathering_drops_frames_without_a_board_and_keeps_the_clock():
    found = [[None, corners(35), corners(5)], [corners(0), corners(12), None]]
    gathered = gather(found)
    assert gathered.frames.tolist() == [1]
    assert np.bincount(gathered.sightings.view).tolist() == [35, 12]
    assert set(gathered.sightings.frame) == {0}
    assert len(gather([[None]]).sightings.view) == 0


def test_blurred_frames_are_left_out_and_poses_are_spread():
    # twenty frames of one pose, three of others, one blurred
    same = [corners(35, shift=0.01 * k) for k in range(20)]
    others = [corners(35, shift=s) for s in (150.0, 260.0, 360.0)]
    blurred = [corners(35, 0.2, shift=500.0)]
    gathered = gather([same + others + blurred])
    kept = choose(gathered, CHARUCO, [(640, 480)], per_rig=4)
    assert len(kept.frames) == 4
    assert {20, 21, 22} < set(kept.frames.tolist())
    assert 23 not in kept.frames
    assert kept.sightings.frame.max() == 3
    everything = choose(gathered, CHARUCO, [(640, 480)])
    assert everything.frames.tolist() == list(range(23))


def test_a_view_gets_no_more_than_its_share():
    rng = np.random.default_rng(0)
    many = [[corners(35, shift=s) for s in rng.uniform(0, 300, 30)] for _ in range(2)]
    kept = choose(gather(many), CHARUCO, [(640, 480)] * 2, per_view=7)
    assert len(kept.frames) == 7


def test_colour_and_grey_are_the_same_image():
    page = texture(CHARUCO)
    colour = np.repeat(page[..., None], 3, axis=2)
    assert (boards.grey(colour) == page).all() and (boards.grey(page[..., None]) == page).all()
