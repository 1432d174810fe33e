"""Training frames: all where they are few, else rare behaviours more, with known odds."""

import numpy as np

from gambol.behavior import map_training
from gambol.behavior.map_settings import MapSettings
from gambol.behavior.map_training import Picked


def picked(n, seed=0, inclusion=0.5):
    rng = np.random.default_rng(seed)
    common, rare = rng.random(6) ** 3 + 0.01, rng.random(6) ** 3 + 0.01
    which = rng.random(n) < 0.9
    p = np.where(which[:, None], common, rare) * np.exp(0.1 * rng.normal(size=(n, 6)))
    p = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
    return Picked(np.arange(n) * 3, p, np.full(n, inclusion)), which


def choose(parts, settings, **more):
    counts = {name: len(own.frame) for name, own in parts.items()}
    return map_training.choose(counts, parts.__getitem__, settings, **more)


def test_few_frames_are_all_taken():
    parts = {"b": picked(50)[0], "a": picked(40, 1)[0]}
    made = choose(parts, MapSettings())
    assert len(made.frame) == 90
    np.testing.assert_array_equal(made.recording, [0] * 40 + [1] * 50)
    np.testing.assert_array_equal(made.frame, np.r_[parts["a"].frame, parts["b"].frame])
    assert (made.inclusion == 0.5).all()


def test_strata_get_the_root_of_their_size_and_the_odds_add_up():
    own, _ = picked(1000)
    stratum = np.repeat([0, 4, 9], [900, 81, 19])
    rng = np.random.default_rng(1)
    chosen = map_training.balance(own, stratum, 100, rng)
    row = chosen.frame // 3
    counts = [(stratum[row] == s).sum() for s in (0, 4, 9)]
    share = 100 / (30 + 9 + np.sqrt(19))
    np.testing.assert_allclose(counts, share * np.array([30, 9, np.sqrt(19)]), atol=1.0)
    np.testing.assert_array_equal(chosen.p, own.p[row])
    # weighted back, the strata have their sizes again: 1000 frames picked with odds 1/2
    back = [(1 / chosen.inclusion)[stratum[row] == s].sum() for s in (0, 4, 9)]
    np.testing.assert_allclose(back, [1800, 162, 38])


def test_inclusion_is_the_probability_of_being_chosen():
    own, _ = picked(60, inclusion=1.0)
    stratum = np.repeat([1, 2], [50, 10])
    hits = np.zeros(60)
    for seed in range(3000):
        chosen = map_training.balance(own, stratum, 20, np.random.default_rng(seed))
        hits[chosen.frame // 3] += 1
    first = map_training.balance(own, stratum, 60, np.random.default_rng(0))
    assert (first.inclusion == 1.0).all()
    said = np.zeros(60)
    said[chosen.frame // 3] = chosen.inclusion
    for s in (1, 2):
        odds = said[(stratum == s) & (said > 0)][0]
        assert np.abs(hits[stratum == s] / 3000 - odds).max() < 4.5 * np.sqrt(0.25 / 3000)


def test_a_large_recording_is_thinned_by_a_small_map():
    (long, which), (short, _) = picked(400), picked(60, 1)
    settings = MapSettings(
        training_frames=160, perplexity=10.0, neighbours=40, iterations=100,
    )  # fmt: skip
    parts = {"long": long, "short": short}
    made = choose(parts, settings)
    assert (made.recording == 0).sum() == 100 and (made.recording == 1).sum() == 60
    assert (made.inclusion[made.recording == 1] == 0.5).all()
    own = made.recording == 0
    rare = ~which[made.frame[own] // 3]
    assert rare.mean() > (~which).mean()  # more of what is rare
    weight = 1 / made.inclusion[own]
    assert abs((weight * rare).sum() / weight.sum() - (~which).mean()) < 0.03
    again = choose(dict(reversed(parts.items())), settings, threads=2)
    for one, two in zip(made, again, strict=True):
        np.testing.assert_array_equal(one, two)
