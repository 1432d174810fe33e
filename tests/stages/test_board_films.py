"""Where pictures of a board are found, however people keep them."""

import shutil

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io.video import VideoWriter
from gambol.stages import board_films


def image(path, number=0):
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((24, 32), number, np.uint8))


def movie(path, frames=6):
    with VideoWriter(path, 30.0, (32, 24)) as writer:
        for k in range(frames):
            writer.write(np.full((24, 32, 3), 8 * k, np.uint8))


def found(sources, assign=None, most=100):
    return {one.camera: one for one in board_films.footage(sources, assign or {}, most)}


def test_images_are_matched_by_the_last_number_of_their_names(tmp_path):
    for name, numbers in (("left", (1, 2, 10)), ("right", (2, 10, 11))):
        for k in numbers:
            image(tmp_path / name / f"2024-{name}-{k}.png")
    films = found([tmp_path])
    assert films["left"].frames == (1, 2, 10) and films["left"].places == (0, 1, 2)
    assert films["right"].frames == (2, 10, 11) and films["right"].places == (0, 1, 2)


def test_a_camera_may_be_a_film_or_a_folder_with_one_inside(tmp_path):
    movie(tmp_path / "a" / "calibration" / "board.mp4")
    movie(tmp_path / "b" / "board.mp4", frames=4)
    movie(tmp_path / "c.mp4")
    shutil.move(tmp_path / "a" / "calibration" / "board.mp4", tmp_path / "a" / "board.mp4")
    (tmp_path / "a" / "calibration").rmdir()
    films = found([tmp_path])
    assert sorted(films) == ["a", "b", "c"]
    assert films["b"].frames == (0, 1, 2, 3) and len(films["c"].frames) == 6


def test_images_beside_a_session_film_are_the_board(tmp_path):
    for camera in ("top", "side"):
        movie(tmp_path / camera / "session.mp4")
        for k in range(3):
            image(tmp_path / camera / "calibration_images" / f"{k}.png")
    films = found([tmp_path])
    assert films["top"].path == tmp_path / "top" / "calibration_images"


def test_no_more_moments_than_asked_for_are_looked_at_in_all_cameras_the_same(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        movie(tmp_path / name, frames=30)
    films = found([tmp_path], most=10)
    assert films["a"].frames == films["b"].frames == tuple(range(0, 30, 3))


def test_what_is_unclear_is_asked(tmp_path):
    movie(tmp_path / "a" / "one.mp4")
    movie(tmp_path / "a" / "two.mp4")
    movie(tmp_path / "b.mp4")
    with pytest.raises(InputError, match="say which shows the board with --view a=PATH"):
        found([tmp_path])
    films = found([], {"a": tmp_path / "a" / "two.mp4", "b": tmp_path / "b.mp4"})
    assert films["a"].path.name == "two.mp4"
    with pytest.raises(InputError, match="shows one camera only"):
        found([tmp_path / "b.mp4"])
    with pytest.raises(InputError, match="two cameras would be named b"):
        found([tmp_path / "b.mp4", tmp_path / "b.mp4"])
    with pytest.raises(InputError, match="no pictures were given"):
        found([])
