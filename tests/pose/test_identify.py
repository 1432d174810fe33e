"""Names by looks, against worlds whose probabilities are known, and enumeration."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.pose import identify


def world(rng, n=4000, classes=3, boast=1.0):
    """Animals drawn from softmax(z); the network answers boast · z."""
    z = 2.0 * rng.normal(size=(n, classes))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    who = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return boast * z, who, p


@pytest.mark.parametrize("boast", [0.5, 1.0, 4.0])
def test_the_temperature_undoes_how_much_a_network_boasts(boast):
    looks, who, p = world(np.random.default_rng(0), boast=boast)
    temperature = identify.fit_temperature(looks, who)
    assert temperature == pytest.approx(boast, rel=0.1)
    said = np.exp(identify.soften(looks, temperature))
    np.testing.assert_allclose(said, p, atol=0.04)
    right = looks.argmax(axis=1) == who
    assert said.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.02)


def test_a_network_without_a_mistake_is_not_taken_for_perfect():
    who = np.tile([0, 1], 10)
    looks = 3.0 * np.eye(2)[who]
    sure = np.exp(identify.soften(looks, identify.fit_temperature(looks, who)))
    np.testing.assert_allclose(sure[np.arange(20), who], 21 / 22, atol=1e-3)


def test_few_or_unknown_animals_teach_no_temperature():
    looks, who, _ = world(np.random.default_rng(1), n=20, boast=5.0)
    assert identify.fit_temperature(looks[:7], who[:7]) == 1.0
    assert identify.fit_temperature(looks, np.full(20, -1)) == 1.0
    mixed = np.where(np.arange(20) % 2, who, -1)
    assert identify.fit_temperature(looks, mixed) == pytest.approx(
        identify.fit_temperature(looks[1::2], who[1::2])
    )


def test_softened_looks_are_log_probabilities_in_the_same_order():
    looks, _, _ = world(np.random.default_rng(2), n=50)
    for temperature in (0.1, 1.0, 30.0):
        made = identify.soften(looks, temperature)
        np.testing.assert_allclose(np.exp(made).sum(axis=1), 1.0)
        np.testing.assert_array_equal(made.argsort(axis=1), looks.argsort(axis=1))
    assert identify.soften(np.zeros((3, 0)), 2.0).shape == (3, 0)


@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.integers(1, 4))
def test_names_are_given_once_and_the_likeliest_way(seed, animals, classes):
    looks = np.random.default_rng(seed).normal(size=(animals, classes))
    who = identify.one_to_one(looks)
    named = who[who >= 0]
    assert len(set(named.tolist())) == len(named) == min(animals, classes)
    best = -np.inf
    wide = np.pad(looks, ((0, 0), (0, max(animals - classes, 0))))  # nobody costs nothing
    for chosen in permutations(range(wide.shape[1]), animals):
        if sum(c < classes for c in chosen) == len(named):
            best = max(best, sum(wide[i, c] for i, c in enumerate(chosen)))
    assert looks[who >= 0, named].sum() == pytest.approx(best)


def test_names_and_not_numbers_are_compared():
    made = identify.renumber(
        np.array([0, 1, 2, -1]), ("eve", "bob", "ann"), ("ann", "bob", "carl")
    )
    assert made.tolist() == [-1, 1, 0, -1]


def test_scores_are_those_counted_by_hand():
    # frame 0: both likeliest ann, one to one mends it; frame 1: a miss and one that is right
    looks = np.log([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    matched, who = np.array([0, 1, -1, 2]), np.array([0, 1, 0, 1])
    got = identify.score(looks, matched, who, np.array([0, 0, 1, 1]), resamples=200)
    assert got["n"] == 3 and got["chance"] == 0.5
    assert got["rank1"] == pytest.approx(2 / 3) and got["one_to_one"] == 1.0
    assert got["said"] == pytest.approx((0.9 + 0.6 + 0.8) / 3)
    assert got["intervals"]["rank1"] == [0.5, 1.0]
    whole = identify.score(looks, matched, who, np.array([0, 0, 1, 1]), np.zeros(4, int))
    assert whole["intervals"]["rank1"] == [pytest.approx(2 / 3)] * 2


def test_without_an_animal_of_known_name_nothing_is_scored():
    matched, who = np.array([-1, 0]), np.array([0, -1])
    none = identify.score(np.zeros((2, 2)), matched, who, np.arange(2))
    assert none["n"] == 0 and none["rank1"] is None
