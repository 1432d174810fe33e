"""The queue shows true errors first, and says what else it could be and for how long."""

import numpy as np
import pytest
from meetings import ARENA, BODY, injected, meeting, walkers

from gambol.core.instances import Tracks
from gambol.tracking import identities, review


def identified(scene, n=2):
    return identities.identify(
        scene.detections, scene.track, None, scene.times, n, ARENA**2, BODY
    )


@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_injected_swaps_lead_the_queue(n, near):
    rng = np.random.default_rng(n)
    scene = walkers(rng, n, 60)
    ids, swaps = injected(rng, scene, n, 10, near)
    got = identities.audit(
        scene.detections, Tracks(ids, np.ones(len(ids)), n), scene.times, ARENA**2, BODY
    )
    first = review.queue(got.events)[: 2 * len(swaps)]
    found = [
        any(e.first <= at <= e.last and names <= set(e.animals) for e in first)
        for at, names in swaps
    ]
    assert np.mean(found) >= 0.95


def test_perfect_tracks_of_walkers_leave_little_to_review():
    scene = walkers(np.random.default_rng(0), 3, 60)
    got = identities.audit(
        scene.detections, Tracks(scene.truth, np.ones(len(scene.truth)), 3), scene.times,
        ARENA**2, BODY,
    )  # fmt: skip
    assert sum(1 - event.confidence for event in got.events) < 0.1


def test_an_event_says_who_when_and_what_else():
    scene = meeting(np.random.default_rng(1), 2.0)
    event = review.queue(identified(scene).events)[0]
    assert event.first in range(110, 121) and event.last in range(179, 190)
    assert event.animals == (0, 1) and event.instead == (1, 0)
    assert event.cost_difference == pytest.approx(
        np.log(event.confidence / (1 - event.confidence)), abs=1e-3
    )
    assert event.affected == len(scene.times) - event.last


def test_looks_end_the_harm_of_an_event():
    looks = 2 * np.eye(2)
    scene = meeting(np.random.default_rng(2), 2.0, looks=np.repeat(looks, 3, axis=1))
    plain = meeting(np.random.default_rng(2), 2.0)
    long, short = (max(e.affected for e in [*identified(s).events, review.Event(
        "gap", 0, 0, (), 1.0, (), 0.0, 0)]) for s in (plain, scene))  # fmt: skip
    assert short < long


def test_the_queue_weighs_doubt_by_the_frames_it_harms():
    def event(confidence, affected, first):
        return review.Event("gap", first, first + 1, (0, 1), confidence, (1, 0), 0.0, affected)

    slight, short, grave = event(0.99, 1000, 0), event(0.5, 10, 5), event(0.6, 500, 9)
    assert review.queue([slight, short, grave]) == [grave, slight, short]


def test_animals_are_permuted_by_the_alternative():
    rng = np.random.default_rng(7)
    for seed in range(5):
        scene = walkers(np.random.default_rng(seed), 4, 30, seen=0.8)
        ids, _ = injected(rng, scene, 4, 5, near=True)
        got = identities.audit(
            scene.detections, Tracks(ids, np.ones(len(ids)), 4), scene.times, ARENA**2, BODY
        )
        for event in got.events:
            assert sorted(event.instead) == list(event.animals)
            assert event.instead != event.animals or len(event.animals) == 1
            assert event.first <= event.last and event.affected >= 1
