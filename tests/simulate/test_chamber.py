"""The chamber of flies."""

import numpy as np
import pytest

from gambol.simulate import fly
from gambol.simulate.chamber import floor, furnish, looks

SIZE = (320, 240)


def _furnished(ground, unevenness=0.13):
    return furnish(np.random.default_rng(0), SIZE, 25.0, unevenness, ground)


def test_the_floor_goes_on_beyond_the_right_edge_only():
    corners = floor(SIZE, 60.0)
    assert (corners[0] > 0).all() and corners[1, 1] < SIZE[1] - 1
    assert corners[1, 0] > SIZE[0] + 60.0


@pytest.mark.parametrize(
    ("ground", "least", "most"), [("bright", 0.6, 0.95), ("dark", 0.0, 0.1)]
)
def test_the_ground_is_as_bright_as_its_name(ground, least, most):
    arena = _furnished(ground)
    assert least < np.median(arena.reflectance[40:200, 60:]) < most
    assert arena.reflectance.min() >= 0.0 and arena.reflectance.max() <= 1.0
    assert not arena.shadow


def test_even_light_is_even():
    assert _furnished("bright", 0.0).light.std() < 1e-6


def test_flies_are_darker_than_a_bright_ground_and_brighter_than_a_dark_one():
    for ground, sign in (("bright", 1.0), ("dark", -1.0)):
        look = looks(np.random.default_rng(0), 1, ground, True)
        arena = _furnished(ground)
        body = look.colour[: len(fly.MATERIALS)].mean()
        assert sign * (np.median(arena.reflectance) - body) > 0.2


def test_identical_flies_look_alike_and_others_do_not():
    n = len(fly.MATERIALS)
    for identical in (True, False):
        colour = looks(np.random.default_rng(0), 2, "bright", identical).colour
        assert colour.shape == (2 * n, 3)
        assert np.array_equal(colour[:n], colour[n:]) == identical
