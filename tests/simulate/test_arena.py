"""The empty arena."""

import numpy as np
import pytest

from gambol.simulate.arena import floor, furnish


def _arena(unevenness=0.13, size=(320, 240)):
    return furnish(np.random.default_rng(1), size, 0.7, unevenness)


def test_the_floor_is_centred_in_the_picture():
    corners = floor((321, 240))
    assert np.allclose(corners.mean(axis=0), [160.0, 119.5])


def test_reflectance_is_physical_and_the_floor_brighter_than_the_walls():
    arena = _arena()
    assert arena.reflectance.min() >= 0.0 and arena.reflectance.max() <= 1.0
    wall = arena.reflectance[3:8].mean()
    assert arena.reflectance[60:180, 60:260].mean() > wall + 0.1


@pytest.mark.parametrize("unevenness", [0.0, 0.1, 0.2])
def test_the_light_varies_as_asked(unevenness):
    light = _arena(unevenness).light
    assert light.std() == pytest.approx(unevenness, abs=0.005)
    assert light.mean() == pytest.approx(1.0, abs=0.005)


def test_the_same_generator_state_gives_the_same_arena():
    assert np.array_equal(_arena().reflectance, _arena().reflectance)
