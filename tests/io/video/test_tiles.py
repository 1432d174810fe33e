"""Tiles cut out of decoded frames are what whole frames would have given."""

import clips
import numpy as np
import pytest

from gambol.core import pixels
from gambol.io.video import tiles
from gambol.io.video.container import FileVideo

SIDE = 40


def turn_of(size, angle, factor):
    linear = factor * pixels.rotation(angle)
    middle = pixels.centre(*size)
    return np.column_stack([linear, pixels.centre(SIDE, SIDE) - linear @ middle])


@pytest.mark.parametrize("kind", ["bframes", "full_chroma", "motion_jpeg", "grey", "odd_size"])
@pytest.mark.parametrize(("angle", "factor"), [(0.0, 1.0), (1.0, 2.3), (-2.0, 0.4), (0.3, 0.2)])
def test_a_tile_is_cut_out_of_the_frame_that_is_read(clip, kind, angle, factor):
    with FileVideo(clip(kind)) as video:
        turn = turn_of(video.size, angle, factor)
        seen = video.tile(7, turn, SIDE).astype(int)
        whole = tiles.tile(video.read([7])[0], turn, SIDE).astype(int)
    # whole frames of 4:2:0 are 2 levels darker and their chroma is not smoothed
    assert np.abs(seen - whole).mean() < 4
    assert np.quantile(np.abs(seen - whole), 0.9) < 10


@pytest.mark.parametrize("rotate", [{"turn": 90}, {"turn": 180}, {"turn": 270}, {"flip": 1}])
def test_what_is_turned_for_display_is_turned_in_tiles(tmp_path, rotate):
    marked = clips.encode(tmp_path / "marked.mp4", n=8, g="5", rotate=rotate)
    with FileVideo(marked) as video:
        turn = turn_of(video.size, 0.2, 0.8)
        seen = video.tile(3, turn, SIDE).astype(int)
        whole = tiles.tile(video.read([3])[0], turn, SIDE).astype(int)
    assert np.abs(seen - whole).mean() < 3


def test_a_tile_has_the_pixels_that_its_map_says():
    y, x = np.mgrid[:30, :50].astype(np.float64)
    image = np.stack([5 * x, 8 * y, 0 * x], -1).round().astype(np.uint8)
    turn = pixels.compose(pixels.crop(11, 7), pixels.resize(2.0))
    seen = tiles.tile(image, turn, 16)
    back = pixels.apply(pixels.invert(turn), np.array([[4.0, 9.0]]))[0]
    assert seen[9, 4, :2] == pytest.approx([5 * back[0], 8 * back[1]], abs=1.5)


def test_fine_structure_is_averaged_where_it_is_shrunk():
    image = np.zeros((64, 64), np.uint8)
    image[:, ::2] = 200
    seen = tiles.tile(image, pixels.resize(0.25), 16)
    assert (np.abs(seen.astype(int) - 100) <= 1).all()
    place = np.zeros((64, 64), np.uint8)
    place[20:24, 40:44] = 255  # one pixel of the small one
    assert np.argwhere(tiles.tile(place, pixels.resize(0.25), 16) > 200).tolist() == [[5, 10]]


def test_beyond_the_picture_nothing_is_seen():
    image = np.full((10, 10, 3), 99, np.uint8)
    assert not tiles.tile(image, pixels.crop(-500, 0), 8).any()
    half = tiles.tile(image, pixels.crop(5, 0), 8)
    assert half[0, 4].tolist() == [99] * 3 and half[0, 5].tolist() == [0] * 3
