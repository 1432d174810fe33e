"""Drawing a board: the page is one that the detector finds."""

import cv2
import pytest

from gambol.core.errors import InputError
from gambol.io import board_file
from gambol.multiview import boards
from gambol.stages import board


def test_the_board_that_is_drawn_is_the_board_that_is_found(views, tmp_path):
    out = tmp_path / "board.png"
    board.run(views.board, out)
    image = cv2.imread(str(out), cv2.IMREAD_GRAYSCALE)
    small = cv2.resize(image, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    described = board_file.read_board(views.board)
    assert len(boards.detect(small, described).ids) == described.n_corners


def test_other_kinds_of_files_are_refused(views, tmp_path):
    with pytest.raises(InputError, match="is drawn as .pdf or .png"):
        board.run(views.board, tmp_path / "board.svg")
