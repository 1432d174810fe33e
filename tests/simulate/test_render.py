"""Light and sensor, on scenes simple enough to know the answer."""

import numpy as np
import pytest

from gambol.simulate import mouse, render
from gambol.simulate.arena import Arena
from gambol.simulate.capsules import Capsules, Window
from gambol.simulate.motion import move

SIZE = (160, 120)
FLAT = Arena(
    floor=np.array([[0.0, 0.0], [159.0, 119.0]]),
    reflectance=np.full((120, 160, 3), 0.6, np.float32),
    light=np.ones((120, 160, 1), np.float32),
)
CLEAN = render.Sensor(channels=3, noise=0.0, jpeg_quality=0, subsamples=3)


def _body(scale=0.5):
    floor = np.array([[0.0, 0.0], [310.0, 230.0]])
    return mouse.dress(move(np.random.default_rng(2), 3, 30.0, floor).joints[1, 0], scale)


def _look(name="black"):
    return render.coat(np.random.default_rng(0), name)


def _frame(name="black", sensor=CLEAN, poses=None):
    rng = np.random.default_rng(0)
    layers = [render.Layer(poses or [_body()])]
    return render.develop(FLAT, _look(name), layers, sensor, rng)


def test_far_from_the_animal_the_floor_keeps_its_grey_level():
    body = _body()
    frame = _frame(poses=[body])
    y, x = np.indices(frame.shape[:2])
    ends = body.start[:, :2]
    far = np.hypot(x[..., None] - ends[:, 0], y[..., None] - ends[:, 1]).min(axis=-1) > 30
    assert (frame[far] == 153).all()  # 0.6 of 255


def test_the_shadow_falls_away_from_the_lamp():
    ball = np.array([[80.0, 60.0, 6.0, 6.0]])
    one = np.zeros(1, int)
    body = Capsules(ball, ball, np.ones(1), np.zeros((1, 2)), one, one, 0.5)
    dark = 153.0 - _frame(poses=[body]).astype(float).mean(axis=-1)
    y, x = np.indices(dark.shape) - np.array([60.0, 80.0])[:, None, None]
    shadow = np.where(np.hypot(x, y) > 8.0, dark, 0.0)
    assert shadow.min() > -1.0
    away = np.array([(shadow * x).sum(), (shadow * y).sum()])
    lamp = _look().light[:2]
    assert away @ lamp / np.linalg.norm(away) / np.linalg.norm(lamp) < -0.95


@pytest.mark.parametrize(("darker", "lighter"), [("black", "agouti"), ("agouti", "albino")])
def test_coats_differ_in_brightness(darker, lighter):
    body = _body()
    x, y = (
        body.start[body.part == mouse.PARTS.index("trunk"), :2].mean(axis=0).round().astype(int)
    )
    tones = [_frame(name)[y - 2 : y + 3, x - 2 : x + 3].mean() for name in (darker, lighter)]
    assert tones[0] + 25 < tones[1]


def test_averaging_two_poses_gives_the_mean_picture_away_from_the_shadow():
    body = _body()
    step = np.array([3.0, 0.0, 0.0, 0.0])
    moved = body._replace(start=body.start + step, stop=body.stop + step)
    one, two, both = (_frame(poses=p).astype(float) for p in ([body], [moved], [body, moved]))
    assert np.abs(both - (one + two) / 2).mean() < 0.3
    assert np.abs(one - two).mean() > 0.3


def test_more_rays_change_only_the_edges():
    few, many = (
        _frame(sensor=CLEAN._replace(subsamples=n)).astype(float).mean(axis=-1) for n in (2, 8)
    )
    difference = np.abs(few - many)
    assert difference.mean() < 0.25 and (difference > 12).mean() < 0.01


def test_grey_is_the_luminance_of_the_colours():
    colour, grey = _frame(), _frame(sensor=CLEAN._replace(channels=1))
    assert grey.shape == (120, 160, 1)
    assert np.abs(colour @ [0.299, 0.587, 0.114] - grey[..., 0]).max() < 1.01


def _ball(opacity, at=80.0, material=0):
    ball, one = np.array([[at, 60.0, 6.0, 12.0]]), np.zeros(1, int)
    body = Capsules(ball, ball, np.ones(1), np.zeros((1, 2)), one, one + material, 0.5)
    return render.Layer([body], opacity)


def test_half_the_opacity_is_half_way_to_the_colour():
    lit = FLAT._replace(shadow=False)
    seen = [
        render.develop(lit, _look(), [_ball(o)], CLEAN, np.random.default_rng(0)).astype(float)
        for o in (0.0, 0.5, 1.0)
    ]
    assert np.abs(seen[1] - (seen[0] + seen[2]) / 2).max() <= 1.0
    assert (seen[0] == 153).all() and seen[2].min() < 60


def test_later_layers_lie_upon_earlier_ones():
    lit, rng = FLAT._replace(shadow=False), np.random.default_rng(0)
    bright = _look()._replace(colour=np.array([[0.1] * 3, [0.9] * 3], np.float32))
    layers = [_ball(1.0), _ball(1.0, at=84.0, material=1)]
    up = render.develop(lit, bright, layers, CLEAN, rng)[60, 78].mean()
    down = render.develop(lit, bright, layers[::-1], CLEAN, rng)[60, 78].mean()
    assert up > 120 and down < 60


def test_without_shadow_the_floor_beside_a_body_keeps_its_light():
    lit = FLAT._replace(shadow=False)
    frame = render.develop(lit, _look(), [_ball(1.0)], CLEAN, np.random.default_rng(0))
    y, x = np.indices(frame.shape[:2])
    assert (frame[np.hypot(x - 80, y - 60) > 13.5] == 153).all()


def test_windows_that_overlap_through_others_are_one_cluster():
    at = [0, 50, 8, 16, 90]
    windows = [Window(x, 0, 10, 10) for x in at]
    assert sorted(render.clusters(windows)) == [[0, 2, 3], [1], [4]]
    beside = [Window(0, 0, 10, 10), Window(10, 0, 10, 10), Window(0, 10, 10, 10)]
    assert len(render.clusters(beside)) == 3


def test_a_lone_animal_has_the_plain_coat_and_several_differ_in_brightness():
    rng = np.random.default_rng
    plain, lone = render.coat(rng(3), "agouti"), render.coats(rng(3), "agouti", 1)
    assert all(np.array_equal(a, b) for a, b in zip(plain, lone, strict=True))
    several = render.coats(rng(3), "agouti", 3).colour.reshape(3, -1, 3)
    fur = several[:, mouse.MATERIALS.index("fur"), 0]
    assert np.ptp(fur) > 0.1 and np.diff(np.sort(fur)).min() > 0.04
    same = render.coats(rng(3), "agouti", 3, identical=True).colour.reshape(3, -1, 3)
    assert (same == plain.colour).all()
