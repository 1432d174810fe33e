"""A crowd is its films, shuffled."""

import numpy as np

from gambol.simulate import body3d, rigs
from gambol.simulate.crowded import film_crowd
from gambol.simulate.filming import Flaws, film

RIG = rigs.dome(np.random.default_rng(1), 3, 260.0)
BODY = body3d.move(np.random.default_rng(0), "mouse", 400, animals=3)


def crowd(**flaws):
    rng = np.random.default_rng(2)
    return film_crowd(rng, BODY.xyz, RIG, Flaws(**flaws), BODY.skeleton, track_seconds=1.0)


def test_putting_instances_back_in_order_gives_the_films():
    seen = crowd(dropout=0.1, swaps=0.1)
    order = np.argsort(seen.animal, axis=2)
    xy = np.take_along_axis(seen.xy, order[..., None, None], axis=2)
    rng = np.random.default_rng(2)
    flaws = Flaws(dropout=0.1, swaps=0.1)
    for n in range(3):
        one = film(rng, BODY.xyz[:, n], RIG, flaws, BODY.skeleton)
        assert np.array_equal(xy[:, :, n], one.xy, equal_nan=True)
    assert (np.diff(seen.animal[:, :, 0], axis=0) != 0).mean() > 0.4


def test_a_track_is_of_one_animal_and_ends():
    seen = crowd(blind=0.1)
    for v in range(3):
        for track in np.unique(seen.track[:, v][seen.track[:, v] >= 0]):
            assert len(np.unique(seen.animal[:, v][seen.track[:, v] == track])) == 1
        assert 9 < len(np.unique(seen.track[:, v])) < 60
    unseen = np.isnan(seen.xy).all(axis=(-2, -1))
    assert np.array_equal(unseen, seen.track < 0) and unseen.any()
