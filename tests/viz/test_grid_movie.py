"""Grid movies of synthetic videos whose every frame and pixel is known."""

import tracemalloc

import cv2
import numpy as np
import pytest

from gambol.viz import grid_movie
from gambol.viz.grid_movie import Clock

FPS = 30.0
SIZE = 64
MIDDLE = slice(24, 40)  # of a tile, where nothing is written


def plan(start, stop, frames=100, video=None, clock=None, centroid=(50.0, 40.0), **how):
    """Course of a bout; `video` gives the times of its frames."""
    where = np.tile(np.asarray(centroid, float), (frames, 1))
    times = np.arange(frames) / FPS if video is None else video
    clock = clock or Clock(40, 1 / FPS)
    return grid_movie.course("r", (start, stop), FPS, where, times, clock, **how)


def grey(number, width=100, height=80):
    """A frame that is as bright as its number is high."""
    return np.full((height, width, 3), number, np.uint8)


def wide(number):
    return grey(number, 400, 400)


def film(courses, clock, size=SIZE, columns=4, frame=grey):
    """All pictures of a movie, as numbers with a sign."""
    tiles = [grid_movie.crops((frame(n) for n in c.frames), c, size) for c in courses]
    return [p.astype(int) for p in grid_movie.pictures(courses, tiles, clock, columns)]


def middle(picture, tile=0, size=SIZE):
    left = tile * (size + 4)
    return picture[MIDDLE, left + 24 : left + 40]


def test_all_tiles_begin_at_the_onset_and_dim_to_a_quarter_at_the_end():
    clock = Clock(30, 1 / FPS)
    courses = [plan(10, 22, clock=clock), plan(60, 65, clock=clock)]
    made = film(courses, clock)
    for n, picture in enumerate(made):
        for tile, (start, stop) in enumerate([(10, 22), (60, 65)]):
            number = start + n
            shown = number if number < stop else np.rint(0.25 * number)
            assert (middle(picture, tile) == shown).all()


def test_context_before_the_onset_is_shown_bright_and_without_the_mark():
    clock = Clock(30, 1 / FPS, before=0.2)
    (made,) = (film([plan(10, 22, clock=clock)], clock),)
    assert [middle(p)[0, 0, 0] for p in made[:8]] == [4, 5, 6, 7, 8, 9, 10, 11]
    yellow = [np.abs(p[:10, -10:] - (240, 228, 66)).sum(axis=-1).min() < 30 for p in made]
    assert yellow == [False] * 6 + [True] * 12 + [False] * 12


def test_before_the_first_frame_the_picture_stands_still():
    clock = Clock(10, 1 / FPS, before=5 / FPS)
    assert plan(2, 9, clock=clock).frames.tolist() == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("rate", "step", "expected"),
    [
        (60.0, 1 / 30, [20, 22, 24, 26, 28]),  # video twice as fast as the labels
        (15.0, 1 / 30, [5, 5, 6, 6, 7]),  # half as fast: of two equally near the earlier
        (30.0, 1 / 15, [10, 12, 14, 16, 18]),  # movie half as fast
        (30.0, 1 / 60, [10, 10, 11, 11, 12]),  # slow motion
        (25.0, 1 / 30, [8, 9, 10, 11, 12]),  # 8.33, 9.17, 10, 10.83, 11.67
    ],
)
def test_other_rates_are_resampled_by_time(rate, step, expected):
    times = np.arange(int(5 * rate)) / rate
    assert plan(10, 40, video=times, clock=Clock(5, step)).frames.tolist() == expected


def test_each_video_has_its_own_rate_even_a_varying_one():
    times = np.cumsum(np.tile([0.02, 0.06], 40)) - 0.02  # from 0, uneven
    clock = Clock(20, 1 / FPS)
    got = plan(10, 40, video=times, clock=clock).frames
    for n, frame in enumerate(got):
        moment = (10 + n) / FPS
        assert abs(times[frame] - moment) == pytest.approx(np.abs(times - moment).min())


def test_a_video_with_a_frame_a_label_is_matched_frame_by_frame():
    slow = np.arange(100) / 29.97  # the clocks disagree, the counts do not
    assert plan(90, 95, video=slow, clock=Clock(5, 1 / FPS)).frames.tolist() == list(
        range(90, 95)
    )


def test_a_censored_end_stands_still_says_so_and_does_not_dim():
    clock = Clock(20, 1 / FPS)
    here = (200.0, 200.0)
    one = plan(90, 100, centroid=here, ending="recording ends")
    other = plan(40, 50, centroid=here)
    made = film([one, other], clock, size=256, frame=wide)
    for n, picture in enumerate(made[10:], 10):
        assert (picture[100:150, :256] == 99).all()
        assert (picture[100:150, 260:] == np.rint(0.25 * (40 + n))).all()
    same = film([one._replace(ending="labels end"), other], clock, size=256, frame=wide)
    assert np.array_equal(same[9], made[9]) and not np.array_equal(same[10], made[10])


def test_an_onset_that_was_not_seen_is_said_until_the_end():
    clock = Clock(20, 1 / FPS)
    bare = film([plan(40, 50)], clock, size=256)
    made = film([plan(40, 50, beginning="onset not seen")], clock, size=256)
    differ = [not np.array_equal(a, b) for a, b in zip(bare, made, strict=True)]
    assert differ == [True] * 10 + [False] * 10


def test_an_end_after_that_of_the_video_is_said_to_be_one():
    times = np.arange(50) / FPS
    cut = plan(40, 70, video=times)
    assert cut.ending == "video ends" and cut.frames.tolist() == list(range(40, 50))
    assert plan(40, 50, video=times).ending == ""
    assert plan(80, 90, video=times).frames.tolist() == [49]  # nothing is left to be shown


def test_a_missing_centroid_is_the_last_valid_one_or_the_first():
    nan = np.nan
    gaps = np.array([[nan, nan], [nan, 2.0], [3.0, 4.0], [nan, 5.0], [6.0, 7.0], [nan, nan]])
    held = grid_movie.held(gaps)
    assert held.tolist() == [[3, 4], [3, 4], [3, 4], [3, 4], [6, 7], [6, 7]]
    assert grid_movie.held(gaps[:2]) is None


def test_the_tile_follows_the_centroid_to_a_fraction_of_a_pixel():
    x = np.arange(200.0)
    ramp = np.repeat(np.tile(x, (150, 1))[..., None], 3, axis=-1).astype(np.uint8)
    for centre in (100.0, 100.5, 87.25):
        seen = grid_movie.cut(ramp, np.array([centre, 70.0]), 64, 64.0).astype(float)
        expected = centre + np.arange(64) - 31.5  # the centre lies between the middle pixels
        assert np.abs(seen[20, :, 0] - expected).max() < 0.6
    moving = np.stack([np.linspace(50, 60, 100), np.full(100, 40.0)], axis=1)
    course = grid_movie.course(
        "r", (10, 20), FPS, moving, np.arange(100) / FPS, Clock(10, 1 / FPS)
    )
    assert np.allclose(course.centre, moving[10:20])


def test_beyond_the_edge_there_is_a_quiet_grey():
    seen = grid_movie.cut(grey(200), np.array([0.0, 40.0]), 64, 64.0)
    assert (seen[:, :30] == 58).all() and (seen[:, 34:] == 200).all()
    one_channel = grid_movie.cut(grey(200)[..., :1], np.array([0.0, 40.0]), 64, 64.0)
    assert np.array_equal(one_channel, seen)


def test_a_larger_part_of_the_video_is_made_smaller():
    frame = grey(0, 400, 400)
    frame[100:300, 150:250] = 240
    seen = grid_movie.cut(frame, np.array([199.5, 199.5]), 64, 256.0).astype(float)
    assert seen[..., 0].sum() / 240 == pytest.approx(200 * 100 / 16, rel=0.01)
    bright = np.argwhere(seen[..., 0] > 120)
    assert bright.mean(axis=0) == pytest.approx([31.5, 31.5], abs=0.6)


def test_an_animal_with_a_heading_looks_to_the_right():
    frame = grey(0, 100, 100)
    frame[70:74, 50:54] = 255  # below the animal
    heading = np.full(100, np.pi / 2)  # towards it
    course = plan(0, 5, centroid=(51.5, 51.5), heading=heading)
    (seen, *_) = grid_movie.crops([frame], course, 64)
    at = np.argwhere(seen[..., 0] > 128).mean(axis=0)
    assert at == pytest.approx([31.5, 51.5], abs=0.1)  # row, column


def test_a_frame_that_cannot_be_read_repeats_the_last_one():
    frames = [None, grey(10), None, grey(30)]
    got = [c[MIDDLE, MIDDLE].mean() for c in grid_movie.crops(frames, plan(0, 4), SIZE)]
    assert got == [58, 10, 10, 30]


@pytest.mark.parametrize(("tiles", "shape"), [(1, (64, 64)), (5, (132, 268)), (12, (200, 268))])
def test_the_grid_is_as_large_as_its_tiles_need(tiles, shape):
    clock = Clock(2, 1 / FPS)
    made = film([plan(0, 5, clock=clock)] * tiles, clock)
    assert len(made) == 2 and made[0].shape == (*shape, 3)
    assert grid_movie.extent(tiles, SIZE) == shape[::-1]


def test_long_names_fit_their_tile():
    clock = Clock(1, 1 / FPS)
    course = plan(0, 50, clock=clock)._replace(name="recording-" * 30 + "end")
    (made,) = film([course, plan(0, 50, clock=clock)], clock, size=256)
    dot = made[4:22, 234:252]
    assert np.abs(dot - (240, 228, 66)).sum(axis=-1).min() < 30  # the mark is not covered
    assert (made[:, 256:260] == (24, 27, 31)).all()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_movie():
    """12 tiles of 600 megapixel frames are 28 GB decoded, 350 MB cut out."""
    clock = Clock(600, 1 / FPS)
    frame = np.zeros((1024, 1280, 3), np.uint8)
    courses = [plan(100 * k, 100 * k + 500, frames=3000, clock=clock) for k in range(12)]
    tiles = [grid_movie.crops((frame for _ in c.frames), c, 128) for c in courses]
    tracemalloc.start()
    try:
        count = sum(1 for _ in grid_movie.pictures(courses, tiles, clock))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 600 and peak < 30e6


def test_a_tile_that_stays_at_the_onset_shows_where_the_animal_goes():
    t = np.arange(100.0)
    moving, heading = np.stack([t, 2 * t], axis=1), t / 10
    course = grid_movie.course(
        "r", (10, 20), FPS, moving, t / FPS, Clock(20, 1 / FPS, before=0.1), heading=heading,
        follow="onset",
    )  # fmt: skip
    assert (course.centre == [10, 20]).all() and (course.turn == 1.0).all()
    assert course.labels.tolist() == list(range(7, 27)) == course.frames.tolist()


def test_what_follows_an_end_that_was_not_seen_is_shown_if_asked_for():
    clock = Clock(20, 1 / FPS)
    still = plan(40, 50, clock=clock, ending="labels end")
    going = plan(40, 50, clock=clock, ending="labels end", goes_on=True)
    assert still.frames.tolist() == list(range(40, 50))
    assert going.frames.tolist() == list(range(40, 60))


def test_tiles_may_be_wide_and_dim_as_much_as_asked_for():
    clock = Clock(12, 1 / FPS)
    wide_tile = np.full((64, 160, 3), 200, np.uint8)
    courses = [plan(0, 5, clock=clock)] * 3
    made = list(grid_movie.pictures(courses, [[wide_tile]] * 3, clock, 2, dim=0.5))
    assert made[0].shape == (132, 324, 3)
    assert (made[0][30, 164:300] == 200).all() and (made[-1][30, 164:300] == 100).all()


@pytest.mark.parametrize("turn", [0.0, 0.7, 2.0])
def test_only_the_part_of_a_frame_that_a_tile_shows_is_looked_at(turn):
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 255, (300, 400, 3), dtype=np.uint8)
    centre = np.array([210.3, 140.8])
    seen = grid_movie.cut(frame, centre, 64, 120.0, turn)
    matrix = grid_movie.placed(centre, 64, 120.0, turn)
    blurred = cv2.GaussianBlur(frame, (0, 0), 0.4 * 120 / 64)
    whole = cv2.warpAffine(blurred, matrix, (64, 64), None, cv2.INTER_LINEAR)
    assert np.abs(seen.astype(int) - whole).max() <= 2
