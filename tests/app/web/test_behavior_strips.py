"""Tiles of clips: the animal stands in the middle, and its head points to the right."""

import numpy as np
import pytest

from gambol.app.web import behavior_strips
from gambol.app.web.behavior_book import Course
from gambol.io.video import tiles


class Film:
    """Black, with a bright body and a red head 20 px before it."""

    size = (400, 300)

    def __init__(self, course):
        self.course = course

    def read(self, frames):
        images = np.zeros((len(frames), 300, 400, 3), np.uint8)
        y, x = np.mgrid[:300, :400]
        for image, f in zip(images, frames, strict=True):
            cx, cy = self.course.centre[f]
            h = self.course.heading[f]
            image[np.hypot(x - cx, y - cy) < 6] = 200
            head = np.hypot(x - cx - 20 * np.cos(h), y - cy - 20 * np.sin(h)) < 5
            image[head] = (255, 0, 0)
        return images


@pytest.mark.parametrize("heading", [0.0, 1.0, -2.5])
def test_the_head_points_to_the_right_wherever_the_animal_heads(heading):
    centre = np.stack([np.linspace(150, 250, 60), np.full(60, 140.0)], 1).astype(np.float32)
    course = Course(centre, np.full(60, heading, np.float32))
    cut = behavior_strips.plan(course, 10, 49, 30, 100.0, 128, 30.0)
    assert cut.frames == tuple(range(10, 50)) and cut.heading == pytest.approx(
        heading, abs=1e-6
    )
    turn = behavior_strips.turning(Film.size, cut.centre[20], cut.heading, cut.side, cut.tile)
    tile = tiles.tile(Film(course).read([30])[0], turn, cut.tile)
    y, x = np.nonzero((tile[..., 0] > 150) & (tile[..., 1] < 60))
    assert np.mean(x) == pytest.approx(63.5 + 20 * 128 / 100, abs=1.5)
    assert np.mean(y) == pytest.approx(63.5, abs=1.5)


def test_long_windows_have_as_many_tiles_as_fit_and_gaps_are_bridged():
    centre = np.full((500, 2), np.nan, np.float32)
    centre[100:150], centre[200:] = 50, 90
    course = Course(centre, np.full(500, np.nan, np.float32))
    cut = behavior_strips.plan(course, 100, 399, 250, 100.0, 64, 30.0)
    assert len(cut.frames) <= behavior_strips.MOST and cut.frames[0] == 100
    assert np.isfinite(cut.centre).all() and cut.heading == 0.0
    between = cut.centre[[i for i, f in enumerate(cut.frames) if 160 < f < 195], 0]
    assert ((between > 50) & (between < 90)).all()


def test_the_sheet_is_a_jpeg_of_all_tiles():
    import cv2

    course = Course(np.full((40, 2), 100, np.float32), np.zeros(40, np.float32))
    cut = behavior_strips.plan(course, 0, 19, 5, 80.0, 64, 30.0)
    data = behavior_strips.film(cut)(Film(course))
    sheet = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert sheet.shape == (3 * 64, behavior_strips.COLUMNS * 64, 3)
    assert sheet[2 * 64 + 32, 3 * 64 + 32].min() > 120  # the 20th tile
    assert sheet[2 * 64 + 32, 4 * 64 + 32].max() < 60  # there is no 21st
    nowhere = behavior_strips.plan(None, 0, 3, 1, 80.0, 64, 30.0)
    assert np.isnan(nowhere.centre).all() and len(behavior_strips.film(nowhere)(Film(course)))
