"""A person who knows the truth goes through the queue."""

import numpy as np
import pytest
from meetings import ARENA, BODY, injected, walkers

from gambol.core.instances import UNTRACKED, Tracks
from gambol.tracking import effort, identities
from gambol.tracking.review import Event, queue

FRAME, TRUTH = np.arange(100).repeat(2), np.tile([0, 1], 100)


def exchanged(*spans):
    """Names of both animals, exchanged in these frames."""
    ids = TRUTH.copy()
    for first, stop in spans:
        rows = (first <= FRAME) & (stop > FRAME)
        ids[rows] = 1 - ids[rows]
    return ids


def event(frame, affected=10**6):
    return Event("contact", frame - 1, frame, (0, 1), 0.5, (1, 0), 0.0, affected)


def test_an_exchange_is_seen_mended_and_counted():
    done = effort.review(FRAME, exchanged((40, 100)), TRUTH, [event(20), event(40), event(70)])
    assert done.wrong.tolist() == [False, True, False]
    assert done.clicks.tolist() == [1, 3, 4] and done.needed == 3
    assert done.before == pytest.approx(0.6)
    np.testing.assert_allclose(done.idf1, [0.6, 1, 1])


def test_mending_one_end_of_an_exchange_moves_the_error_to_the_other():
    done = effort.review(FRAME, exchanged((40, 60)), TRUTH, [event(60), event(40)])
    assert done.wrong.tolist() == [True, True]
    np.testing.assert_allclose(done.idf1, [0.6, 1.0])


def test_an_exchange_lasts_as_long_as_the_event_says():
    done = effort.review(FRAME, exchanged((40, 60)), TRUTH, [event(40, 20)])
    assert done.idf1.tolist() == [1.0] and done.needed == 2


def test_right_tracks_need_nobody_and_a_short_queue_is_not_enough():
    assert effort.review(FRAME, TRUTH, TRUTH, [event(3)]).needed == 0
    done = effort.review(FRAME, exchanged((40, 100)), TRUTH, [event(20)])
    assert done.needed is None
    empty = effort.review(FRAME, exchanged((40, 100)), TRUTH, [])
    assert empty.needed is None and not len(empty.idf1)


def test_a_circle_of_three_takes_two_exchanges():
    frame, truth = np.arange(40).repeat(3), np.tile([0, 1, 2], 40)
    ids = np.where(frame >= 20, (truth + 1) % 3, truth)
    one = Event("contact", 19, 20, (0, 1, 2), 0.2, (1, 2, 0), 0.0, 100)
    done = effort.review(frame, ids, truth, [one])
    assert done.clicks.tolist() == [3] and done.idf1.tolist() == [1.0]


def test_an_animal_that_leaves_gives_its_name_to_who_had_the_wrong_one():
    """From frame 20 on only animal 1 is there, called 0; 0 is free."""
    rows = (FRAME < 20) | (TRUTH == 1)
    frame, truth = FRAME[rows], TRUTH[rows]
    ids = np.where(frame >= 20, 0, truth)
    ids[-1] = UNTRACKED
    done = effort.review(frame, ids, truth, [event(20)])
    assert done.wrong.tolist() == [True]
    assert (ids >= 0).sum() == len(ids) - 1
    assert done.idf1[0] == pytest.approx(2 * 119 / (119 + 120))


@pytest.mark.parametrize("n", [2, 3, 5])
def test_injected_swaps_are_mended_with_few_clicks(n):
    rng = np.random.default_rng(n)
    scene = walkers(rng, n, 60)
    ids, swaps = injected(rng, scene, n, 4, False)
    got = identities.audit(
        scene.detections, Tracks(ids, np.ones(len(ids)), n), scene.times, ARENA**2, BODY
    )
    done = effort.review(scene.detections.frame, ids, scene.truth, queue(got.events))
    assert done.before < 0.9
    errors = np.flatnonzero(done.wrong)  # two swaps in one event are none
    assert len(errors) and errors.max() < 2 * len(swaps)
    assert done.needed is not None and done.needed <= 4 * len(swaps)
