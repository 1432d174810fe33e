"""Raw tracks joined by the distance of their ends."""

import numpy as np
import pytest
from meetings import BODY, scene_of, walkers

from gambol.core.instances import UNTRACKED
from gambol.tracking.restitch import restitch


def test_broken_tracks_of_animals_apart_become_one_each():
    x = BODY / 30 * np.arange(90)
    paths = np.stack([np.stack([x, np.full(90, 4 * BODY * a)], axis=1) for a in range(3)])
    seen = np.ones((3, 90), bool)
    seen[0, 30:40] = seen[2, 60:63] = False
    scene = scene_of(np.random.default_rng(0), paths, seen)
    got = restitch(scene.detections, scene.track, scene.times, 3, BODY)
    pairs = set(zip(scene.truth.tolist(), got.tolist(), strict=True))
    assert len(pairs) == 3 and UNTRACKED not in got


@pytest.mark.parametrize("n", [1, 2, 4])
def test_there_are_never_more_animals_than_were_said(n):
    scene = walkers(np.random.default_rng(n), 4, 10, seen=0.9)
    got = restitch(scene.detections, scene.track, scene.times, n, BODY)
    assert set(got) <= {UNTRACKED, *range(n)}
    for frame in range(len(scene.times)):
        here = got[(scene.detections.frame == frame) & (got >= 0)]
        assert len(set(here)) == len(here)


def test_nothing_is_joined_to_nothing():
    scene = walkers(np.random.default_rng(0), 2, 1)
    none = np.full(len(scene.truth), UNTRACKED)
    got = restitch(scene.detections, none, scene.times, 2, BODY)
    assert (got == UNTRACKED).all()
