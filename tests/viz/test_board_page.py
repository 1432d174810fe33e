import re
import struct
import zlib

import cv2
import numpy as np
import pytest

from gambol.core.board import Board
from gambol.core.errors import InputError
from gambol.viz import board_page

MM = Board("charuco", 5, 6, 20.0, 15.0, "4X4_50", units="mm")


def of_opencv(board, side=60):
    """OpenCV's own picture, the squares `side` px wide."""
    return board.opencv().generateImage((board.columns * side, board.rows * side))


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("rows", [5, 6])
@pytest.mark.parametrize("dictionary", ["4X4_50", "6X6_250", "APRILTAG_36h11"])
def test_the_page_shows_the_board_that_opencv_draws(rows, legacy, dictionary):
    marker = 0.6 if dictionary == "4X4_50" else 0.8  # whole pixels a bit
    board = Board("charuco", 5, rows, 20.0, 20 * marker, dictionary, legacy=legacy, units="mm")
    page = board_page.page(board)
    drawn = board_page.image(page, dpi=25.4 * 3)  # 3 px a mm, 60 a square
    left, top = (round(x * 3) for x in page.board[:, :2].min(axis=0))
    # the board's top left is white in some older patterns; its margin is 5 mm
    left, top = min(left, 15), min(top, 15)
    ours = drawn[top : top + 60 * rows, left : left + 300]
    assert (ours != of_opencv(board)).mean() < 1e-3


def test_a_checkerboard_begins_with_black():
    page = board_page.page(Board("checkerboard", 5, 4, 1.0, units="cm"))
    drawn = board_page.image(page, dpi=25.4)  # 1 px a mm
    assert drawn[5 + 5 : 45 : 10, 5 + 5 : 55 : 10].tolist() == [
        [0, 255, 0, 255, 0], [255, 0, 255, 0, 255], [0, 255, 0, 255, 0], [255, 0, 255, 0, 255],
    ]  # fmt: skip


def content(pdf):
    return zlib.decompress(re.search(rb"stream\n(.*?)\nendstream", pdf, re.S).group(1)).decode()


def test_the_pdf_is_at_true_scale():
    page = board_page.page(MM)
    pdf = board_page.pdf(page)
    width, height = map(float, re.search(rb"MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf).groups())
    assert np.allclose([width, height], np.array([110.0, 139.0]) / 25.4 * 72, atol=1e-3)
    rows = [line.split()[:4] for line in content(pdf).splitlines() if line.endswith("re")]
    squares = np.array(rows, float)[: MM.columns * MM.rows // 2] * 25.4 / 72  # mm
    assert np.allclose(squares[:, 2:], 20.0, atol=1e-3)
    first = squares[0, 0], height * 25.4 / 72 - squares[0, 1] - 20
    assert np.allclose(first, [5.0, 5.0], atol=1e-3)
    ruler = np.array(rows[-1], float) * 25.4 / 72
    assert np.allclose(ruler[2], 100.0, atol=1e-3)
    assert "5 x 6 squares" in content(pdf) and "ruler 100 mm" in content(pdf)


def test_every_object_of_the_pdf_is_where_its_table_says():
    pdf = board_page.pdf(board_page.page(MM))
    table = int(re.search(rb"startxref\n(\d+)", pdf).group(1))
    assert pdf[table : table + 4] == b"xref"
    places = [int(x) for x in re.findall(rb"(\d{10}) 00000 n", pdf)]
    assert [pdf[p : p + 7] for p in places] == [b"%d 0 obj" % (k + 1) for k in range(5)]


def test_the_png_knows_its_size():
    page = board_page.page(MM)
    png = board_page.png(page, dpi=300)
    at = png.index(b"pHYs")
    across, _, unit = struct.unpack(">IIB", png[at + 4 : at + 13])
    drawn = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert unit == 1
    np.testing.assert_allclose(drawn.shape[1] / across * 1000, page.size[0], rtol=1e-3)
    assert (drawn == board_page.image(page)).all()


def test_a_paper_is_turned_where_that_helps_and_refused_where_nothing_does():
    wide = Board("checkerboard", 13, 8, 20.0, units="mm")
    assert board_page.page(wide, "a4").size == (297.0, 210.0)
    with pytest.raises(InputError, match="larger than paper a4"):
        board_page.page(Board("checkerboard", 13, 10, 24.0, units="mm"), "a4")
    with pytest.raises(InputError, match="no paper 'a9'"):
        board_page.page(wide, "a9")


def test_without_a_unit_there_is_no_true_scale():
    with pytest.raises(InputError, match="set units: mm"):
        board_page.page(Board("checkerboard", 13, 8, 20.0))
