"""Distances to walls, corners and zones of arenas made by hand."""

import numpy as np
import pytest

from gambol.behavior import arena
from gambol.behavior.align import Aligned
from gambol.behavior.arena import Arena
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Track

BOX = ((0.0, 0.0), (10.0, 0.0), (10.0, 6.0), (0.0, 6.0))


def at(places):
    xy = np.asarray(places, dtype=float)
    flat, zero = np.ones((len(xy), 1)), np.zeros(len(xy))
    track = Track("a", xy[:, None], flat, flat, np.arange(len(xy)) / 25, 25.0, Skeleton(("k",)))
    return Aligned(track, xy, zero, zero > 0, "z")


def columns_of(places, settings):
    return {c.name: c.values for c in arena.arena(at(places), settings)}


def test_walls_corners_and_zones_of_a_box():
    nest = ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0))
    found = columns_of(
        [[1, 1], [5, 3], [9, 3], [12, 3], [np.nan, np.nan]],
        Arena(wall=BOX, zones={"nest": nest}),
    )
    expected = {
        "distance to wall": [1, 3, 1, -2, np.nan],
        "distance to corner": [2**0.5, 34**0.5, 10**0.5, 13**0.5, np.nan],
        "in nest": [1, 0, 0, 0, np.nan],
        "distance to nest": [0, 10**0.5, 50**0.5, 101**0.5, np.nan],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, err_msg=name)


def test_inside_of_any_outline_agrees_with_the_winding_number():
    rng = np.random.default_rng(0)
    turns, far = 2 * np.pi * np.arange(10) / 10, np.array([3.0, 1.0] * 5)
    star = np.stack([far * np.cos(turns), far * np.sin(turns)], axis=1)
    xy = rng.uniform(-3, 3, (500, 2))
    to = star - xy[:, None]
    angle = np.arctan2(to[..., 1], to[..., 0])
    steps = np.diff(np.concatenate([angle, angle[:, :1]], axis=1), axis=1)
    winding = np.round(((steps + np.pi) % (2 * np.pi) - np.pi).sum(axis=1) / 2 / np.pi)
    np.testing.assert_array_equal(arena.inside(xy, star), winding != 0)


def test_an_outline_needs_three_corners():
    with pytest.raises(ValueError, match="at least 3"):
        Arena(wall=((0.0, 0.0), (1.0, 1.0)))
