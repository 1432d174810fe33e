"""What the review file says of an event."""

import itertools

import numpy as np
import pytest

from gambol.stages import events
from gambol.tracking.review import Event

NAMES = ("ann", "bob", "cleo")
TIMES = np.arange(100) / 10


def event(animals=(0, 1), instead=(1, 0), first=40, last=45, affected=55):
    return Event("contact", first, last, animals, 0.7, instead, 0.8, affected)


def row(*args, **more):
    return events.describe([event(*args, **more)], NAMES, TIMES)[0]


def test_the_clip_reaches_a_second_to_both_sides_but_not_beyond_the_film():
    assert row()["clip"] == [30, 55]
    assert row(first=3, last=95, affected=5)["clip"] == [0, 99]


def test_dropped_frames_do_not_make_clips_longer():
    times = np.concatenate([TIMES[:42], TIMES[42:] + 5.0])
    assert events.describe([event()], NAMES, times)[0]["clip"] == [30, 55]
    sparse = TIMES * 10
    assert events.describe([event()], NAMES, sparse)[0]["clip"] == [39, 46]


@pytest.mark.parametrize("instead", list(itertools.permutations(range(3))))
def test_the_remedy_gives_every_animal_the_name_of_the_alternative(instead):
    told = row((0, 1, 2), instead)
    called = dict(zip(NAMES, NAMES, strict=True))  # body, named as now: its name
    for swap in told["remedy"]:
        a, b = swap["animals"]
        other = {a: b, b: a}
        called = {body: other.get(name, name) for body, name in called.items()}
        assert swap["frame"] == 45 and swap["last"] is None
    assert [called[NAMES[k]] for k in range(3)] == [NAMES[k] for k in instead]


def test_the_remedy_ends_where_the_animals_are_known_again():
    told = row(affected=10)
    assert told["affected_frames"] == [45, 54] and told["remedy"][0]["last"] == 54
