import numpy as np
import pytest
import torch

from gambol.pose.appearance import (
    Seen,
    _precision,
    _Pupils,
    embed,
    equal_error,
    learn,
    lessons,
    report,
)
from gambol.pose.appearance_settings import AppearanceConfig

SMALL = AppearanceConfig(side=24, steps=25, batch=24)
FPS = 5


def seen(spans):
    """Tracklets of these first and last seconds, one after the other in each frame."""
    rows = [
        (k, t) for t, (a, b) in enumerate(spans) for k in range(int(a * FPS), int(b * FPS) + 1)
    ]
    frame, of = np.array(sorted(rows)).T
    return Seen(frame, frame / FPS, of, np.ones(len(frame), bool))


def painted(film, tones, seed=0, side=24):
    """A portrait of every row: a blot of its animal's tone, in noise."""
    rng = np.random.default_rng(seed)
    crops = np.full((len(film.frame), side, side, 1), 128.0)
    crops[:, 6:18, 4:20] = np.array(tones)[film.of][:, None, None, None]
    return np.clip(crops + 12 * rng.standard_normal(crops.shape), 0, 255).astype(np.uint8)


def learned(film, tones, seed=0):
    plan = lessons(film, 200)
    crops = painted(film, tones, seed)
    net = learn(SMALL, crops[plan.rows], film, plan, lying=1.0)
    return report(embed(net, crops), film, plan), net, crops


def test_first_halves_of_long_tracklets_teach_and_later_rows_are_judged():
    film = seen([(0, 10), (0, 10), (11, 12), (11, 12)])
    plan = lessons(film, 1000)
    assert film.seconds[plan.rows].max() == 5 and set(film.of[plan.rows]) == {0, 1}
    assert not (plan.early & plan.later).any()
    long = film.of < 2
    assert film.seconds[plan.later & long].min() == pytest.approx(6.2)  # a block after
    assert plan.later[~long].all()  # they taught nothing, so they may be judged


def test_who_is_alone_in_the_frame_teaches_nothing():
    plan = lessons(seen([(0, 10), (11, 20)]), 1000)
    assert not len(plan.rows) and not plan.early.any() and plan.later.all()


def test_animals_in_contact_neither_teach_nor_are_judged():
    film = seen([(0, 10), (0, 10)])
    film = film._replace(alone=film.seconds > 2)
    plan = lessons(film, 1000)
    assert (
        film.seconds[plan.rows].min() > 2 and not (plan.early | plan.later)[~film.alone].any()
    )


def test_no_more_is_learned_from_than_asked_for_and_all_of_a_frame():
    film = seen([(0, 60), (0, 60), (0, 60)])
    plan = lessons(film, 90)
    assert 80 <= len(plan.rows) <= 90
    assert (np.unique(film.frame[plan.rows], return_counts=True)[1] == 3).all()
    assert np.ptp(film.seconds[plan.rows]) > 29


def test_pairs_are_one_animal_at_two_times_or_two_animals_of_a_frame():
    film = seen([(0, 8), (0, 8), (10, 18), (10, 18)])
    plan = lessons(film, 1000)
    pupils = _Pupils(film, plan)
    some = pupils.draw(np.random.default_rng(0), 64)
    same, other = pupils.pairs(some)
    of, t = film.of[plan.rows][some], film.seconds[plan.rows][some]
    for i in range(64):
        for j in range(64):
            assert same[i, j] == (of[i] == of[j] and abs(t[i] - t[j]) >= 1 - 1e-9)
            assert other[i, j] == (of[i] != of[j] and of[i] // 2 == of[j] // 2)
    assert same.any(axis=1).mean() > 0.9 and other.any(axis=1).mean() > 0.9


def test_animals_of_two_tones_are_told_apart_and_identical_ones_are_not():
    film = seen([(0, 12), (0, 12), (14, 26), (14, 26)])
    different, _, _ = learned(film, [70, 100, 70, 100])
    assert different.auroc > 0.95 and different.rank1 > 0.95 and different.equal_error < 0.1
    assert different.mean_precision > 0.95 and different.chance == pytest.approx(0.5)
    alike, _, _ = learned(film, [85, 85, 85, 85])
    assert 0.3 < alike.auroc < 0.7 and alike.blocks == different.blocks >= 16


def test_looks_link_tracklets_that_were_never_seen_together():
    film = seen([(0, 12), (0, 12), (14, 26), (14, 26)])
    _, net, crops = learned(film, [60, 110, 110, 60])
    mean = np.stack([embed(net, crops[film.of == t]).mean(axis=0) for t in range(4)])
    score = mean @ mean.T
    assert score[0, 3] > score[0, 2] and score[1, 2] > score[1, 3]


def test_the_same_seed_gives_the_same_network_and_leaves_the_global_one_alone():
    film = seen([(0, 8), (0, 8)])
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    _, one, _ = learned(film, [70, 100])
    assert torch.equal(torch.random.get_rng_state(), before)
    _, two, _ = learned(film, [70, 100])
    for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_without_later_blocks_nothing_is_reported():
    film = seen([(0, 3), (0, 3)])
    plan = lessons(film, 100)._replace(later=np.zeros(len(film.frame), bool))
    told = report(np.ones((len(film.frame), 4)), film, plan)
    assert np.isnan(told.auroc) and told.blocks == 0 and told.tracklets == 2


def test_nobody_at_all_has_no_looks():
    none = Seen(np.zeros(0, int), np.zeros(0), np.zeros(0, int), np.zeros(0, bool))
    plan = lessons(none, 100)
    assert not len(plan.rows) and np.isnan(report(np.zeros((0, 4)), none, plan).auroc)


@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_equal_error_of_two_bells_is_the_area_beyond_their_middle(shift):
    from scipy.stats import norm

    rng = np.random.default_rng(0)
    same = np.arange(40000) < 10000
    score = rng.standard_normal(40000) + shift * same
    assert equal_error(score, same) == pytest.approx(norm.sf(shift / 2), abs=0.01)


def test_equal_error_of_a_perfect_score_is_zero_and_of_its_opposite_one():
    same = np.array([True, True, False])
    assert equal_error(np.array([3.0, 2.0, 1.0]), same) == 0
    assert equal_error(np.array([1.0, 2.0, 3.0]), same) == 1


def test_precision_is_the_mean_over_own_ones():
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(0)
    for _ in range(10):
        score, mine = rng.standard_normal(12), rng.random(12) < 0.4
        if mine.any():
            expected = average_precision_score(mine, score)
            assert _precision(score, mine) == pytest.approx(expected)
