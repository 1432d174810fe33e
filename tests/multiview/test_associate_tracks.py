"""Broken tracks of simulated mice are joined over all views."""

import numpy as np

from gambol.multiview.associate import NOBODY
from gambol.multiview.associate_tracks import by_track
from gambol.simulate import body3d, rigs
from gambol.simulate.crowded import film_crowd
from gambol.simulate.filming import Flaws

RIG = rigs.dome(np.random.default_rng(1), 4, 260.0, target=(0.0, 0.0, 30.0))
BODY = body3d.move(np.random.default_rng(0), "mouse", 400, animals=3)


def joined(**flaws):
    rng = np.random.default_rng(3)
    seen = film_crowd(rng, BODY.xyz, RIG, Flaws(**flaws), BODY.skeleton, track_seconds=1.5)
    return seen, by_track(seen.xy, seen.track, RIG.params(), BODY.skeleton)


def test_every_track_finds_its_animal():
    seen, found = joined(noise=2.0, dropout=0.1)
    assert found.instances.individuals == 3 and len(found.view) > 40
    for k in range(3):
        own = found.instances.individual == k
        assert len(np.unique(seen.animal[own])) == 1
    assert (found.individual >= 0).all() and (found.margin > 0).all()
    assert found.frames.sum() == (seen.track >= 0).sum()


def test_exchanged_sides_are_seen_frame_by_frame():
    seen, found = joined(noise=2.0, swaps=0.05, outliers=0.05)
    assert (found.instances.swapped == seen.swapped).mean() > 0.97


def test_a_track_that_only_one_view_has_is_nobody():
    seen, _ = joined(noise=1.0)
    xy, track = seen.xy.copy(), seen.track.copy()
    gone = seen.animal[:, 1:] == 2
    xy[:, 1:][gone], track[:, 1:][gone] = np.nan, -1
    found = by_track(xy, track, RIG.params(), BODY.skeleton)
    assert (found.instances.individual[:, 0][seen.animal[:, 0] == 2] == NOBODY).all()


def test_a_sure_choice_has_a_margin_and_a_lone_one_none():
    _, found = joined(noise=2.0)
    rivals = np.isfinite(found.margin)
    assert (found.margin[rivals] > 5).all()


def test_nothing_seen_is_nobody():
    xy = np.full((5, 4, 2, len(BODY.skeleton), 2), np.nan)
    found = by_track(xy, np.full((5, 4, 2), -1), RIG.params(), BODY.skeleton)
    assert len(found.view) == 0 and found.instances.individuals == 0
