"""Moods: how long they last, what follows them, and what animals do in them."""

import numpy as np
import pytest

from gambol.kernels.runs import runs
from gambol.simulate import behaviour, flies, mice
from gambol.simulate.company import SOCIAL
from gambol.simulate.moods import Mood, draw, within

FPS = 30.0


def spells(course):
    return runs(course, np.ones(len(course), bool))


@pytest.mark.parametrize("moods", [behaviour.MOODS, flies.MOODS])
def test_moods_last_as_long_as_they_should_and_follow_each_other_as_they_may(moods):
    course = draw(np.random.default_rng(0), 400_000, FPS, moods)
    found, order = spells(course), [*moods]
    inner = slice(1, -1)  # the first and the last are cut
    seconds = (found.stop - found.start)[inner] / FPS
    for number, name in enumerate(order):
        own = seconds[found.label[inner] == number]
        error = own.std() / np.sqrt(len(own))
        assert abs(own.mean() - moods[name].seconds) < 4 * error
        after = found.label[1:][found.label[:-1] == number]
        share = np.bincount(after, minlength=len(order)) / len(after)
        wanted = np.array([moods[name].then.get(other, 0.0) for other in order])
        assert np.abs(share - wanted / wanted.sum()).max() < 4 * 0.5 / np.sqrt(len(after))


@pytest.mark.parametrize(
    ("habits", "moods"), [(behaviour.HABITS, behaviour.MOODS), (flies.HABITS, flies.MOODS)]
)
def test_an_animal_does_only_what_its_mood_favours(habits, moods):
    done = behaviour.command(np.random.default_rng(1), 30_000, FPS, habits, moods)
    names, order = [*habits], [*moods]
    for number, mood in enumerate(moods.values()):
        seen = {names[s] for s in np.unique(done.state[done.mood == number])}
        assert seen == set(mood.favours), order[number]


def test_weights_are_those_of_the_animal_times_those_of_the_mood():
    mood = Mood(1.0, {"walk": 2.0, "rest": 3.0}, {})
    assert within({"walk": 4.0, "run": 9.0}, mood) == {"walk": 10.0, "rest": 3.0}


def test_without_moods_nothing_is_said_of_them():
    alone = mice.move_all(
        np.random.default_rng(2), 1, 60, FPS, np.array([[0.0, 0.0], [400.0, 300.0]])
    )
    assert alone.moods == () and not alone.mood.any()


@pytest.mark.parametrize(("herd", "moods"), [(mice, behaviour.MOODS), (flies, flies.MOODS)])
def test_company_is_a_mood_of_its_own_and_resting_animals_seek_none(herd, moods):
    floor = np.array([[0.0, 0.0], [400.0, 300.0] if herd is mice else [20.0, 16.0]])
    moved = herd.move_all(np.random.default_rng(3), 2, 9000, FPS, floor, moods=moods)
    assert moved.moods == (*moods, SOCIAL)
    social = moved.mood == len(moods)
    named = np.array(
        [name not in {**behaviour.HABITS, **flies.HABITS} for name in moved.states]
    )
    assert named[moved.state[~social]].sum() == 0
    assert 0.05 < social.mean() < 0.9
    alone = herd.move_all(np.random.default_rng(3), 2, 9000, FPS, floor)
    # half of their moods seek company, so they have less of it
    assert social.mean() < named[alone.state].mean() + 0.15
