"""Light and sensor, on scenes simple enough to know the answer."""

import numpy as np
import pytest

from gambol.simulate import mouse, render
from gambol.simulate.arena import Arena
from gambol.simulate.capsules import Capsules
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
    return render.develop(FLAT, _look(name), poses or [_body()], sensor, rng)


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
