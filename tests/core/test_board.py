import numpy as np
import pytest

from gambol.core.board import DICTIONARIES, Board
from gambol.core.errors import InputError

CHARUCO = Board("charuco", 8, 11, 24.0, 18.75, "4X4_1000")


def test_boards_are_compared_by_value():
    assert Board("charuco", 8, 11, 24.0, 18.75, "4X4_1000") == CHARUCO
    assert Board("charuco", 11, 8, 24.0, 18.75, "4X4_1000") != CHARUCO


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("size", [(8, 11), (8, 6), (7, 5), (5, 8)])
def test_corners_and_markers_are_those_of_opencv(size, legacy):
    board = Board("charuco", *size, 24.0, 18.75, "4X4_1000", legacy=legacy)
    made = board.opencv()
    np.testing.assert_allclose(board.corners(), made.getChessboardCorners())
    assert len(board.corners()) == board.n_corners
    assert board.n_markers == len(made.getIds())


@pytest.mark.parametrize("name", DICTIONARIES)
def test_dictionaries_hold_as_many_markers_as_opencv_says(name):
    board = Board("charuco", 5, 4, 2.0, 1.0, name)
    assert len(board.opencv().getDictionary().bytesList) == DICTIONARIES[name]


@pytest.mark.parametrize(
    "values, word",
    [
        (("dots", 8, 11, 24.0), "charuco, checkerboard"),
        (("charuco", 2, 11, 24.0, 18.0, "4X4_50"), "2 x 11 squares"),
        (("charuco", 8, 11, 24.0, 24.0, "4X4_50"), "below the square"),
        (("charuco", 8, 11, 24.0, 18.0, "4X4_5"), "did you mean '4X4_50'"),
        (
            ("charuco", 12, 11, 24.0, 18.0, "4X4_50"),
            "66 markers, dictionary 4X4_50 has 50",
        ),
        (("checkerboard", 8, 11, -1.0), "above 0"),
        (("checkerboard", 8, 11, float("nan")), "above 0"),
        (("checkerboard", 8, 11, 24.0, 18.0), "no markers"),
        (("checkerboard", 7, 7, 24.0), "quarter turn"),
        (("checkerboard", 8, 11, 24.0, 0.0, "", False, "inch"), "mm, um, cm, m"),
    ],
)
def test_a_board_that_cannot_be_is_refused_in_one_sentence(values, word):
    with pytest.raises(InputError, match=word):
        Board(*values)


def test_a_board_says_itself():
    assert str(CHARUCO) == "ChArUco, 8 x 11 squares, dictionary 4X4_1000"
    assert str(Board("checkerboard", 9, 6, 1.0)) == "checkerboard, 9 x 6 squares"
