"""Bouts by hand, thresholds against trying them all, the chain against its laws."""

import numpy as np
import pytest

from gambol.behavior import classifier_bouts
from gambol.behavior.classifier_settings import ClassifierSettings

WHOLE = np.array([0, 12])


def shown(text):
    return np.array([c == "#" for c in text])


def said(active):
    return "".join("#" if a else "." for a in active)


@pytest.mark.parametrize(
    ("before", "fill", "drop", "after"),
    [
        ("..##.##.....", 2, 0, "..#####....."),  # a gap of one is shorter than two
        ("..##..##....", 2, 0, "..##..##...."),  # one of two is not
        ("..##..##....", 2.5, 0, "..######...."),
        ("#..##.......", 0, 2, "...##......."),  # a bout of one is shorter than two
        ("#.#.#.....#.", 2, 3, "#####......."),  # gaps are filled first
        ("...#........", 9, 0, "...#........"),  # before and after bouts there is no gap
        ("............", 5, 5, "............"),
        ("############", 5, 5, "############"),
        ("..........##", 0, 2, "..........##"),
        ("##.##.##.##.", 2, 20, "............"),
    ],
)
def test_bouts_by_hand(before, fill, drop, after):
    active = shown(before)
    assert said(classifier_bouts.filtered(active, WHOLE, float(fill), float(drop))) == after
    assert said(active) == before


def test_recordings_do_not_join():
    active = shown("....####....")
    cut = classifier_bouts.filtered(active, np.array([0, 6, 12]), 5.0, 3.0)
    assert said(cut) == "............"
    active = shown("...#.##.#...")
    parts = [
        classifier_bouts.filtered(active[a:b], np.array([0, b - a]), 9.0, 0.0)
        for a, b in ((0, 6), (6, 12))
    ]
    whole = classifier_bouts.filtered(active, np.array([0, 6, 12]), 9.0, 0.0)
    assert (whole == np.concatenate(parts)).all()


def test_the_threshold_is_the_best_of_all():
    rng = np.random.default_rng(0)
    truth = rng.random(400) < 0.3
    score = np.round(0.3 * truth + rng.random(400), 2)

    def f1(limit):
        found = score > limit
        return 2 * (found & truth).sum() / (found.sum() + truth.sum())

    best = max(f1(limit) for limit in np.linspace(-0.01, 1.31, 1000))
    assert f1(classifier_bouts.f1_threshold(score, truth)) == pytest.approx(best)


def noisy(rng, frames=4000):
    truth = np.repeat(np.arange(frames // 100) % 3 == 0, 100)
    return truth, np.clip(0.5 + 0.2 * (2 * truth - 1) + 0.25 * rng.normal(size=frames), 0, 1)


@pytest.mark.parametrize("kind", ["bouts", "chain"])
def test_filters_that_are_chosen_beat_none(kind):
    truth, score = noisy(np.random.default_rng(1))
    ends, seen = np.array([0, 2000, 4000]), np.ones(4000, bool)

    def f1(filter):
        cfg = ClassifierSettings(filter=filter)
        how = classifier_bouts.choose(cfg, score, truth, seen, ends, 50.0)
        found = classifier_bouts.decide(score, ends, 50.0, how)
        return 2 * (found & truth).sum() / (found.sum() + truth.sum())

    assert f1(kind) > f1("none") + 0.02


def test_the_chain_says_nothing_new_where_staying_is_no_habit():
    rng = np.random.default_rng(2)
    score = rng.random(300)
    how = classifier_bouts.plain(0.5)._replace(trust=1.0, stay=(0.5, 0.5))
    np.testing.assert_allclose(
        classifier_bouts.smoothed(score, np.array([0, 100, 300]), how), score, atol=1e-3
    )


def test_probabilities_rise_with_scores_and_mean_what_they_say():
    rng = np.random.default_rng(3)
    score = rng.random(5000)
    truth = rng.random(5000) < score**3
    seen, ends = np.ones(5000, bool), np.array([0, 5000])
    how = classifier_bouts.choose(ClassifierSettings(), score, truth, seen, ends, 50.0)
    p = classifier_bouts.probability(np.linspace(0, 1, 50), how)
    assert (np.diff(p) >= 0).all()
    assert abs(p - np.linspace(0, 1, 50) ** 3).max() < 0.12


def test_nothing_is_chosen_without_an_example():
    none, seen = np.zeros(50, bool), np.ones(50, bool)
    how = classifier_bouts.choose(
        ClassifierSettings(),
        np.random.default_rng(0).random(50),
        none,
        seen,
        np.array([0, 50]),
        9.0,
    )
    assert (how.threshold, how.fill, how.drop) == (0.5, 0, 0)
