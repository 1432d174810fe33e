import time

import numpy as np
import pytest
import ring

from gambol.viz import movie3d, orbit

UP = np.array([0.0, 0.0, 1.0])


def film(animals=1, frames=30, **given):
    times, xyz = ring.walk(frames, animals)
    look = movie3d.Look(size=(240, 200), **given)
    return movie3d.prepare(xyz, times, ring.BONES, up=UP, units="mm", look=look)


def test_keypoints_are_where_the_eye_sees_them():
    made = film(trail=0.0)
    picture = movie3d.picture(made, 4).astype(int)
    look = made.look
    eye = orbit.eye(made.scene, look.azimuth, look.elevation, look.size, look.zoom)
    uv, _ = orbit.look(eye, made.xyz[4, 0])
    paper = picture[0, 0]
    for j, (x, y) in enumerate(np.rint(uv).astype(int)):
        tint = (picture[y, x] - paper) @ (made.colours[0, j].astype(int) - paper)
        assert tint > 0 and (picture[y, x] != paper).any()


def test_pictures_have_the_size_that_was_asked_for_and_follow_the_frames():
    made = film()
    shown = list(movie3d.pictures(made, [0, 10]))
    assert [p.shape for p in shown] == [(200, 240, 3)] * 2 and shown[0].dtype == np.uint8
    assert (shown[0] != shown[1]).any() and len(list(movie3d.pictures(made))) == 30


def test_an_orbit_turns_the_still_animal():
    times, xyz = ring.walk(20)
    still = np.repeat(xyz[:1], 20, axis=0)
    look = movie3d.Look(size=(200, 200), turn=30.0, trail=0.0)
    made = movie3d.prepare(still, times, ring.BONES, up=UP, look=look)
    assert (movie3d.picture(made, 0)[:150] != movie3d.picture(made, 15)[:150]).any()
    fixed = made._replace(look=look._replace(turn=0.0))
    assert (movie3d.picture(fixed, 0)[:150] == movie3d.picture(fixed, 15)[:150]).all()


def test_an_eye_that_follows_keeps_the_animal_in_the_middle_and_large():
    times, xyz = ring.walk(40)
    xyz = xyz + np.linspace(0, 3000, 40)[:, None, None, None] * [1.0, 0, 0]
    look = movie3d.Look(size=(200, 200), follow=0.3, trail=0.0)
    made = movie3d.prepare(xyz, times, ring.BONES, up=UP, look=look)
    for t in (5, 20, 35):
        picture = movie3d.picture(made, t)[:160].astype(int)
        coloured = np.argwhere(np.ptp(picture, axis=-1) > 40)
        assert len(coloured) > 50 and np.abs(coloured.mean(axis=0) - 100).max() < 50


def test_the_path_of_the_root_is_drawn_and_ends_where_it_is_told_to():
    long, none = film(trail=2.0), film(trail=0.0)
    first = (movie3d.picture(long, 0) != movie3d.picture(none, 0)).sum()
    later = (movie3d.picture(long, 20) != movie3d.picture(none, 20)).sum()
    assert first == 0 and later > 30


def test_missing_keypoints_and_missing_animals_leave_the_rest():
    times, xyz = ring.walk(10, 2)
    xyz[3, 0] = np.nan
    xyz[4, 1, 2] = np.nan
    xyz[5] = np.nan
    made = movie3d.prepare(xyz, times, ring.BONES, up=UP, names=("a", "b"))
    for t in (3, 4, 5):
        assert movie3d.picture(made, t).shape == (720, 720, 3)
    nothing = movie3d.prepare(np.full_like(xyz, np.nan), times, ring.BONES, up=UP)
    assert movie3d.picture(nothing, 0).shape == (720, 720, 3)


def test_the_unsure_is_pale():
    times, xyz = ring.walk(1)

    def darkness(sure):
        look = movie3d.Look(size=(240, 200))
        made = movie3d.prepare(
            xyz, times, ring.BONES, up=UP, confidence=np.full((1, 1, 5), sure), look=look
        )
        return np.ptp(movie3d.picture(made, 0).astype(int), axis=-1).max()

    assert darkness(0.0) < 0.4 * darkness(1.0)


@pytest.mark.parametrize("shape", [(120, 160, 3), (97, 131, 3), (500, 300, 3)])
def test_a_camera_stands_beside_at_one_height_and_even_sizes(shape):
    right = movie3d.picture(film(), 0)
    whole = movie3d.beside(np.full(shape, 90, np.uint8), right, "cam0")
    assert whole.shape[0] == 200 and whole.shape[1] % 2 == 0
    assert (whole[:, -240:] == right).all() and (whole[100, 3] == 90).all()


def test_two_animals_have_two_colours():
    made = film(animals=2)
    assert (made.colours[0] != made.colours[1]).any()
    assert (made.colours[0] == made.colours[0, 0]).all()


def test_a_picture_takes_little_time():
    made = film(animals=3)
    movie3d.picture(made, 0)
    start = time.perf_counter()
    list(movie3d.pictures(made, range(10)))
    assert time.perf_counter() - start < 1.0  # 0.1 s each on a busy machine; 5 ms alone
