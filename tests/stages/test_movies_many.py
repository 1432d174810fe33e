"""Films of two animals on a grey ground, looked at where something has to be."""

import numpy as np
import pytest
import walkers

from gambol.core.instances import UNTRACKED, Detections
from gambol.io.video import open_video
from gambol.stages import movies
from gambol.viz.colours import NOBODY, individual_colours, keypoint_colours

FRAMES = walkers.FRAMES
COLOURS = individual_colours(2).astype(int)


@pytest.fixture
def video(tmp_path):
    return walkers.film(tmp_path)


def drawn(path, out, **cfg):
    (made,) = movies.run(movies.MoviesConfig(**cfg), [path], out)
    film = open_video(made)
    try:
        return film.read(range(len(film))).astype(int)
    finally:
        film.close()


def around(frame, x, y):
    """Mean colour of the pixels at a keypoint."""
    return frame[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].mean(axis=(0, 1))


def changed(frame):
    return np.abs(frame - walkers.GREY).max(axis=-1) > 25


def test_each_animal_is_drawn_in_its_own_colour_with_its_name(tmp_path, video):
    frames = drawn(walkers.tracks(tmp_path / "a.nc", video), tmp_path / "out")
    assert len(frames) == FRAMES
    for t in (0, 9, FRAMES - 1):
        for n in range(2):
            for x, y in walkers.places()[t, n]:
                assert np.abs(around(frames[t], x, y) - COLOURS[n]).mean() < 45
        below = changed(frames[t])[90:]
        assert changed(frames[t])[:35].any() or below.any()  # a name beside the body
    bare = drawn(
        walkers.tracks(tmp_path / "b.nc", video), tmp_path / "out", start=0.5, stop=1.0
    )
    assert len(bare) == 5 and np.abs(bare[0] - frames[5]).mean() < 2


def test_an_identity_in_doubt_has_a_ring_and_a_sure_one_none(tmp_path, video):
    sure = np.ones(2 * FRAMES)
    sure[10:] = 0.6
    frames = drawn(walkers.tracks(tmp_path / "a.nc", video, sure=sure), tmp_path / "out")
    plain = drawn(walkers.tracks(tmp_path / "b.nc", video), tmp_path / "out")
    more = [
        int(changed(a).sum()) - int(changed(b).sum())
        for a, b in zip(frames, plain, strict=True)
    ]
    assert max(np.abs(more[:5])) < 15 and min(more[5:]) > 100
    lax = drawn(
        walkers.tracks(tmp_path / "c.nc", video, sure=sure), tmp_path / "out", doubt=0.5
    )
    assert np.abs(changed(lax).sum(axis=(1, 2)) - changed(plain).sum(axis=(1, 2))).max() < 15


def test_nobody_is_thin_and_grey(tmp_path, video):
    ids = np.tile([0, UNTRACKED], FRAMES)
    frames = drawn(walkers.tracks(tmp_path / "a.nc", video, ids), tmp_path / "out")
    mine, nobody = frames[3][:, :70], frames[3][:, 80:]
    assert 5 < changed(nobody).sum() < changed(mine).sum() / 3
    tinted = np.ptp(nobody, axis=-1)
    assert tinted.max() < 40 and np.ptp(NOBODY.astype(int)) == 0


def test_animals_without_names_have_the_colours_of_keypoints(tmp_path, video):
    frames = drawn(walkers.detections(tmp_path / "a.nc", video), tmp_path / "out")
    colours = keypoint_colours(walkers.BODY).astype(int)
    for n in range(2):
        for (x, y), colour in zip(walkers.places()[7, n], colours, strict=True):
            assert np.abs(around(frames[7], x, y) - colour).mean() < 45


def test_a_trail_shows_where_each_animal_was(tmp_path, video):
    path = walkers.tracks(tmp_path / "a.nc", video)
    with_trail = drawn(path, tmp_path / "a", trail=12)[15]
    without = drawn(path, tmp_path / "b")[15]
    more = np.abs(with_trail - without).max(axis=-1) > 20
    y, x = np.nonzero(more)
    assert len(x) and np.abs(y - 60).max() <= 3
    left = x[x < 60]
    assert left.min() >= 40 and left.max() <= 56  # from 43 to 55


def test_frames_without_animals_are_frames_of_the_film(tmp_path, video):
    few = walkers.rows().select(np.arange(6))
    path = walkers.tracks(tmp_path / "a.nc", video, np.tile([0, 1], 3), found=few)
    frames = drawn(path, tmp_path / "out")
    assert len(frames) == FRAMES and not changed(frames[5]).any()
    none = Detections(*(part[:0] for part in walkers.rows()))
    empty = walkers.detections(tmp_path / "b.nc", video, none)
    assert not changed(drawn(empty, tmp_path / "out")).any()
