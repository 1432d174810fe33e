"""Looks tell animals apart only where they differ, and say how surely."""

import numpy as np
import pytest
from meetings import BODY, walkers
from scipy import stats

from gambol.tracking import looks, tracklets
from gambol.tracking.looks import Looks


def measured(seed, difference, n=3, seconds=30):
    rng = np.random.default_rng(seed)
    scene = walkers(rng, n, seconds, looks=rng.normal(0, difference, (n, 16)))
    pieces = tracklets.cut(scene.detections, scene.track, None, scene.times, BODY)
    animal = np.array([scene.truth[rows[0]] for rows in pieces.rows()])
    return looks.measure(scene.detections, pieces, scene.times, BODY), animal


@pytest.mark.parametrize("seed", range(10))
def test_identical_animals_give_looks_no_weight(seed):
    got, _ = measured(seed, 0.0)
    assert got.mean.shape[1] == 0
    assert np.isnan(got.auroc) or got.auroc < 0.75


@pytest.mark.parametrize("seed", range(5))
def test_different_animals_are_told_apart(seed):
    got, animal = measured(seed, 1.0)
    assert got.auroc > 0.99
    a, b = np.triu_indices(len(animal), 1)
    sure = (got.blocks[a] > 1) & (got.blocks[b] > 1)
    odds = looks.log_odds_same(got, a, b)[sure]
    same = (animal[a] == animal[b])[sure]
    assert ((odds > 0) == same).mean() > 0.98


def test_blocks_have_unit_noise_and_halves_of_a_tracklet_agree():
    got, animal = measured(0, 1.0, seconds=120)
    long = got.blocks > 3
    for a in range(3):
        mine = long & (animal == a)
        rest = (got.mean[mine] - got.mean[mine].mean(axis=0)) * np.sqrt(got.blocks[mine])[
            :, None
        ]
        assert 0.4 < rest.std() < 1.6


def one(mean, blocks, spread):
    mean = np.asarray(mean, float)
    return Looks(mean, np.asarray(blocks, float), np.asarray(spread, float),
                 np.zeros((len(mean), 0)), np.nan)  # fmt: skip


def test_log_odds_are_those_of_two_joint_normals():
    got = one([[1.0, -2.0], [0.7, -1.5], [-1.7, 3.5]], [2.0, 3.0, 1.0], [4.0, 0.5])
    origin = (got.blocks @ got.mean) / got.blocks.sum()
    want = 0.0
    for f, b in enumerate(got.spread):
        x = got.mean[:2, f] - origin[f]
        cov = b * np.ones((2, 2)) + np.diag(1 / got.blocks[:2])
        want += stats.multivariate_normal.logpdf(x, np.zeros(2), cov)
        want -= stats.norm.logpdf(x, 0, np.sqrt(np.diag(cov))).sum()
    got_odds = looks.log_odds_same(got, np.array([0]), np.array([1]))
    assert got_odds[0] == pytest.approx(want)


def test_a_tracklet_does_not_vote_for_itself():
    """Alone with its belief, it knows nothing of any prototype."""
    got = one([[3.0], [0.0], [0.0]], [5.0, 0.0, 0.0], [4.0])
    belief = np.array([[0.9, 0.1], [0.5, 0.5], [0.5, 0.5]])
    assert (looks.emission(got, belief) == 0).all()


def test_the_nearer_prototype_wins_and_more_blocks_say_more():
    belief = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    few, many = (
        looks.emission(one([[-1.0], [1.0], [-0.8]], [9.0, 9.0, n], [1.0]), belief)[2]
        for n in (0.5, 5.0)
    )
    assert few[0] == many[0] == 0
    assert many[1] < few[1] < 0


def test_named_classes_count_once_a_second():
    rng = np.random.default_rng(0)
    scene = walkers(rng, 2, 10, seen=1.0)
    p = np.where(np.eye(2)[scene.truth] > 0, 0.8, 0.2)
    found = scene.detections._replace(identity=np.log(p))
    pieces = tracklets.cut(found, scene.track, None, scene.times, BODY)
    got = looks.emission(
        looks.measure(found, pieces, scene.times, BODY), np.full((len(pieces.first), 2), 0.5)
    )
    seconds = 1 + (pieces.end - pieces.start) // 1.0
    np.testing.assert_allclose(
        got.min(axis=1), np.maximum(-seconds * np.log(4), -20), rtol=1e-6
    )
    animal = [scene.truth[rows[0]] for rows in pieces.rows()]
    assert (got.argmax(axis=1) == animal).all()
