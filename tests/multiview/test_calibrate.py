import time

import numpy as np
import pytest
from boarded import CHARUCO, CHECKERBOARD, around, film, moves, sightings

from gambol.core.errors import InputError
from gambol.io.board_file import read_board
from gambol.kernels import rotation
from gambol.multiview.boards import detect, gather
from gambol.multiview.calibrate import calibrate

SIZE = (640, 480)


def assert_alike(found, truth, degrees, mm, relative):
    first = truth.cameras[0]
    truth = truth.moved(first.turn, first.translation)
    for a, b in zip(found.cameras, truth.cameras, strict=True):
        assert rotation.degrees(a.turn, b.turn) < degrees
        assert np.linalg.norm(a.centre - b.centre) < mm
        np.testing.assert_allclose(a.matrix[0, 0], b.matrix[0, 0], rtol=relative)


@pytest.mark.parametrize("board", [CHARUCO, CHECKERBOARD], ids=["charuco", "checkerboard"])
def test_filmed_boards_give_the_planted_cameras(board):
    rng = np.random.default_rng(2)
    rig = around(3)
    moved = list(zip(*moves(board, 8, rng, tilt=0.3), strict=True))
    found = [
        [detect(film(board, camera, *pose, rng), board) for pose in moved]
        for camera in rig.cameras
    ]
    gathered = gather(found)
    result = calibrate(gathered.sightings, board, [SIZE] * 3, list(rig))
    assert_alike(result.rig, rig, 0.3, 3.0, 5e-3)
    assert result.rms < 0.4 and result.median < 0.2
    assert result.rig.units == "mm" and result.fit.converged
    assert result.remarks == ()


def test_noise_is_all_that_is_left():
    rng = np.random.default_rng(2)
    rig = around(4)
    seen = sightings(rig, CHARUCO, *moves(CHARUCO, 20, rng), rng, noise=0.2)
    result = calibrate(seen, CHARUCO, [SIZE] * 4, list(rig))
    assert_alike(result.rig, rig, 0.4, 3.0, 3e-3)
    np.testing.assert_allclose(result.fit.sigma, 0.2, rtol=0.1)
    np.testing.assert_allclose(result.rms, 0.2 * np.sqrt(2), rtol=0.1)
    assert [view.name for view in result.views] == list(rig)
    again = calibrate(seen, CHARUCO, [SIZE] * 4, list(rig))
    np.testing.assert_allclose(again.rig.params(), result.rig.params(), rtol=1e-9, atol=1e-9)


def test_a_fisheye_among_pinholes_is_calibrated():
    from dataclasses import replace

    rng = np.random.default_rng(4)
    rig = around(3)
    odd = replace(
        rig.cameras[1], kind="fisheye", distortion=np.array([0.03, 0, 0, 0]),
        matrix=np.array([[400.0, 0, 320], [0, 400, 240], [0, 0, 1]]),
    )  # fmt: skip
    rig = replace(rig, cameras=(rig.cameras[0], odd, rig.cameras[2]))
    seen = sightings(rig, CHARUCO, *moves(CHARUCO, 12, rng), rng, noise=0.1)
    result = calibrate(seen, CHARUCO, [SIZE] * 3, list(rig), lens={"view 1": "fisheye"})
    assert result.rig["view 1"].kind == "fisheye"
    assert_alike(result.rig, rig, 0.6, 5.0, 1e-2)


def test_views_that_never_meet_are_refused_by_name():
    rng = np.random.default_rng(2)
    rig = around(2)
    seen = sightings(rig, CHARUCO, *moves(CHARUCO, 8, rng), rng)
    seen = seen.of(seen.view == seen.frame % 2)
    with pytest.raises(InputError, match=r"view 0 \| view 1"):
        calibrate(seen, CHARUCO, [SIZE] * 2, list(rig))


def test_a_thin_tie_is_remarked_on():
    rng = np.random.default_rng(2)
    rig = around(3)
    seen = sightings(rig, CHARUCO, *moves(CHARUCO, 12, rng), rng)
    alone = (seen.view == 2) & (seen.frame < 10)  # view 2 meets the others twice
    others = (seen.view < 2) & ((seen.frame < 5) | (seen.frame > 9))
    keep = others | (alone & (seen.frame >= 5)) | ((seen.view == 2) & (seen.frame > 9))
    result = calibrate(seen.of(keep), CHARUCO, [SIZE] * 3, list(rig))
    assert any("by 2 frames only" in remark for remark in result.remarks)


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_a_mouse_session_is_calibrated_from_its_images(data, step):
    """Bar 11: every image used, views to 0.6 px rms, joint median to 0.25 px, within 3 s."""
    import cv2

    folder = data / "mouse_4cam"
    board = read_board(folder / "board.toml")
    names = ["back", "mid", "side", "top"]
    found = []
    for name in names:
        paths = (folder / name / "calibration_images").glob("*.jpg")
        ordered = sorted(paths, key=lambda path: int(path.stem.rsplit("-", 1)[1]))
        found.append([detect(cv2.imread(str(path)), board) for path in ordered[::step]])
    gathered = gather(found)
    n = len(range(0, 21, step))
    assert np.isfinite(gathered.sharpness).all() and gathered.sharpness.shape == (4, n)
    sizes = [(1280, 1024)] * 4
    calibrate(gathered.sightings, board, sizes, names)  # kernels compile once
    begun = time.process_time()
    result = calibrate(gathered.sightings, board, sizes, names)
    assert time.process_time() - begun < (3 if cv2.__version__ >= "5" else 30)
    assert all(view.n_boards == n for view in result.views)
    assert all(view.rms <= 0.6 and view.lens_rms <= 0.6 for view in result.views)
    assert result.median <= 0.25 and result.rms <= 0.5
    assert result.remarks == () and result.rig.units == "unknown"
    assert max(edge.loop_error for edge in result.edges) < 0.2
