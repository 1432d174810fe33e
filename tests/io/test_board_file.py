import pytest

from gambol.core.board import Board
from gambol.core.errors import InputError
from gambol.io.board_file import board_text, parse_board, read_board, write_board

BOARDS = [
    Board("charuco", 8, 11, 24.0, 18.75, "4X4_1000", legacy=True, units="mm"),
    Board("checkerboard", 9, 12, 0.1, units="cm"),
]


@pytest.mark.parametrize("board", BOARDS, ids=str)
def test_what_is_written_is_what_is_read(tmp_path, board):
    write_board(board, tmp_path / "board.yaml")
    assert read_board(tmp_path / "board.yaml") == board
    assert ("marker" in board_text(board)) == (board.kind == "charuco")


def test_reads_the_boards_of_a_mouse_session(data):
    folder = data / "mouse_4cam"
    assert read_board(folder / "board.toml") == Board("charuco", 8, 11, 24.0, 18.75, "4X4_1000")
    # of a checkerboard that family counts inner corners
    assert read_board(folder / "board_checker.toml") == Board("checkerboard", 9, 12, 24.0)


def test_reads_the_board_of_a_project_of_anipose(tmp_path):
    (tmp_path / "config.toml").write_text(
        "[calibration]\nboard_type = 'charuco'\nboard_size = [11, 8]\nboard_marker_bits = 4\n"
        "board_marker_dict_number = 50\nboard_marker_length = 18.75\n"
        "board_square_side_length = 25\nfisheye = false\n"
    )
    assert read_board(tmp_path / "config.toml") == Board(
        "charuco", 11, 8, 25.0, 18.75, "4X4_50"
    )
    said = {"board_type": "checkerboard", "board_size": [8, 5], "board_marker_bits": 4}
    values = {"calibration": said | {"board_square_side_length": 3}}
    assert parse_board(values, "here") == Board("checkerboard", 9, 6, 3.0)


@pytest.mark.parametrize(
    "name, text, word",
    [
        ("b.yaml", "kind: charuco\ncolumns: 8\nrow: 3\n", "did you mean 'rows'"),
        ("b.yaml", "kind: charuco\ncolumns: 2\nrows: 3\nsquare: 1\n", r"b\.yaml: board: 2 x 3"),
        ("b.yaml", "a: [", "is not YAML"),
        ("b.toml", "a = ", "is not TOML"),
        ("b.toml", "board_x = 8\nboard_y = 11\nsquare_length = 1\nmarker_bits = 4", "add what"),
        (
            "b.toml",
            "board_x = 8\nboard_y = 11\nsquare_length = 1\nmarker_length = 0.5\n"
            "marker_bits = 3\ndict_size = 50",
            "marker_bits 3 and dict_size 50",
        ),
        ("b.toml", "[calibration]\nboard_size = 8", r"board_size is 8, not two numbers"),
        (
            "b.toml",
            "[calibration]\nboard_size = [8, 9]\nboard_type = 'aruco'",
            "charuco, checkerboard",
        ),
    ],
)  # fmt: skip
def test_a_file_that_says_no_board_is_refused_by_name(tmp_path, name, text, word):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=word) as raised:
        read_board(tmp_path / name)
    assert name in str(raised.value)


def test_a_name_with_opencvs_prefix_is_understood():
    values = {"kind": "charuco", "columns": 5, "rows": 7, "square": 2, "marker": 1}
    board = parse_board(values | {"dictionary": "DICT_5X5_50"}, "here")
    assert board.dictionary == "5X5_50"
