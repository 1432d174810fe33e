from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from boarded import CHARUCO, CHECKERBOARD, around, film, moves

from gambol.core.board import Board
from gambol.multiview.diagnose import explain


@cache
def images(board, n=2, mirrored=False):
    rng = np.random.default_rng(5)
    camera = around(1)["view 0"]
    turns, shifts = moves(board, n, rng, tilt=0.2)
    found = [film(board, camera, t, s, rng) for t, s in zip(turns, shifts, strict=True)]
    return [np.ascontiguousarray(i[:, ::-1]) if mirrored else i for i in found]


EVEN = CHARUCO  # 8 x 6 squares
OLD = replace(CHARUCO, legacy=True)
CASES = {
    # name: printed, mirrored, said, cause, board found, flip
    "right": (EVEN, False, EVEN, "none", EVEN, False),
    "larger dictionary": (
        EVEN, False, replace(EVEN, dictionary="4X4_1000"), "none", None, False,
    ),
    "dictionary": (EVEN, False, replace(EVEN, dictionary="5X5_100"), "dictionary", EVEN, False),
    "april": (
        replace(EVEN, dictionary="APRILTAG_36h11"), False, EVEN, "dictionary",
        replace(EVEN, dictionary="APRILTAG_36h11"), False,
    ),
    "mirrored": (EVEN, True, EVEN, "mirrored", EVEN, True),
    "mirrored dictionary": (
        EVEN, True, replace(EVEN, dictionary="6X6_50"), "dictionary", EVEN, True,
    ),
    "old": (OLD, False, EVEN, "legacy", OLD, False),
    "new": (EVEN, False, OLD, "legacy", EVEN, False),
    "old and mirrored": (OLD, True, EVEN, "legacy", OLD, True),
    "swapped": (EVEN, False, replace(EVEN, columns=6, rows=8), "swapped", EVEN, False),
    "columns": (EVEN, False, replace(EVEN, columns=9), "size", EVEN, False),
    "columns of the old": (OLD, False, replace(EVEN, columns=7), "size", OLD, False),
    "rows": (EVEN, False, replace(EVEN, rows=5), "rows", EVEN, False),
    "dictionary and columns": (
        EVEN, False, replace(EVEN, dictionary="5X5_50", columns=7), "dictionary", EVEN, False,
    ),
    "squares": (CHECKERBOARD, False, CHECKERBOARD, "none", CHECKERBOARD, False),
    "fewer squares": (
        CHECKERBOARD, False, replace(CHECKERBOARD, columns=8), "size", CHECKERBOARD, False,
    ),
    "more squares": (
        CHECKERBOARD, False, replace(CHECKERBOARD, rows=7), "size", CHECKERBOARD, False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_cause_is_named(name):
    printed, mirrored, said, cause, board, flip = CASES[name]
    finding = explain(images(printed, mirrored=mirrored), said)
    assert (finding.cause, finding.flip) == (cause, flip), finding.sentence
    assert finding.board == (said if board is None else board), finding.sentence
    if cause in ("size", "swapped", "rows"):
        assert f"rows: {board.rows}" in finding.sentence
    if cause == "dictionary":
        assert board.dictionary in finding.sentence


def test_opencv_itself_accepts_a_board_with_too_few_rows():
    """The trap: corners are found, and those of the last row never."""
    short = replace(EVEN, rows=5)
    from gambol.multiview.boards import detect

    assert len(detect(images(EVEN)[0], short).ids) == short.n_corners


def test_frames_without_a_board_do_not_hide_the_cause():
    blank = np.full((480, 640), 128, np.uint8)
    finding = explain([blank, *images(OLD, 2), blank], EVEN)
    assert (finding.cause, finding.board) == ("legacy", OLD)


@pytest.mark.parametrize("board", [CHARUCO, CHECKERBOARD], ids=["charuco", "checkerboard"])
def test_nothing_is_guessed_from_images_without_a_board(board):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (240, 320), dtype=np.uint8) for _ in range(2)]
    finding = explain(noise, board)
    assert finding.cause == "unknown" and finding.board == board
    assert "2 images" in finding.sentence


def test_the_cause_is_named_on_a_real_session(data):
    import cv2

    folder = data / "mouse_4cam" / "side" / "calibration_images"
    paths = sorted(folder.glob("*.jpg"))[::11]
    real = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]
    truth = Board("charuco", 8, 11, 24.0, 18.75, "4X4_1000")
    for said, cause in [
        (truth, "none"),
        (replace(truth, columns=11, rows=8), "swapped"),
        (replace(truth, rows=9), "rows"),
    ]:
        finding = explain(real, said)
        assert finding.cause == cause, finding.sentence
        assert (finding.board.columns, finding.board.rows) == (8, 11)
    finding = explain([np.ascontiguousarray(image[:, ::-1]) for image in real], truth)
    assert finding.cause == "mirrored" and finding.flip
