"""Laws of animals among each other."""

import numpy as np
import pytest

from gambol.simulate import behaviour
from gambol.simulate.company import Approach, Company, lift, mingle, subdued
from gambol.simulate.motion import Path

FLOOR = np.array([[30.0, 30.0], [700.0, 550.0]])
FPS = 30.0


def _mingled(approaches, n=2, seconds=60, seed=0, idle=1.0):
    rng = np.random.default_rng(seed)
    commands = [behaviour.command(rng, round(seconds * FPS), FPS) for _ in range(n)]
    return mingle(rng, commands, approaches, FPS, FLOOR, idle=idle)


def _middles(company):
    ahead = [np.stack([np.cos(p.heading), np.sin(p.heading)], axis=1) for p in company.paths]
    return np.stack(
        [p.xy + 28.0 * a for p, a in zip(company.paths, ahead, strict=True)], axis=1
    )


SNIFF = Approach("sniff", 1.0, 1.5, 74.0, ((-18.0, 3.0),), 180.0, other=0.3)
FOLLOW = Approach("follow", 1.0, 3.0, 74.0, ((-42.0, 6.0),), 330.0, fleeing=150.0)
HUDDLE = Approach("huddle", 1.0, 3.0, 0.0, ((0.0, 24.0),), 110.0, other=0.0, aligned=True)
CLIMB = Approach("climb", 1.0, 0.0, 30.0, ((18.0, 100.0),), 130.0, other=0.1, through=True)
CIRCLE = Approach("circle", 1.0, 3.0, 50.0, ((0.0, 0.0),), 300.0, other=0.0, circling=100.0)


@pytest.mark.parametrize("kind", [SNIFF, FOLLOW, HUDDLE, CIRCLE], ids=lambda kind: kind.name)
def test_approaches_arrive(kind):
    company = _mingled([kind])
    begun = (np.diff((company.act >= 0).astype(int), axis=0) == 1).sum()
    arrived = (np.diff(company.there.astype(int), axis=0) == 1).sum()
    assert begun >= 4 and arrived >= 0.5 * begun


def test_the_snout_of_one_that_sniffs_is_at_the_tail_of_the_other():
    company = _mingled([SNIFF], seconds=120)
    for i, k in ((0, 1), (1, 0)):
        me, you = company.paths[i], company.paths[k]
        there = company.there[:, i]
        snout = me.xy + 74.0 * np.stack([np.cos(me.heading), np.sin(me.heading)], axis=1)
        tail = you.xy - 18.0 * np.stack([np.cos(you.heading), np.sin(you.heading)], axis=1)
        assert there.sum() > 50
        assert np.median(np.hypot(*(snout - tail)[there].T)) < 15.0


def test_huddling_animals_lie_side_by_side_in_one_direction():
    company = _mingled([HUDDLE], seconds=120)
    apart = np.hypot(*(company.paths[0].xy - company.paths[1].xy).T)
    turned = np.cos(company.paths[0].heading - company.paths[1].heading)
    lain = np.flatnonzero(company.there.any(axis=1))
    late = lain[company.there.any(axis=1)[lain - 20]]  # settled
    assert np.median(apart[late]) == pytest.approx(24.0, abs=5.0)
    assert np.median(turned[late]) > 0.95


def test_one_that_climbs_gets_to_the_other_side():
    company = _mingled([CLIMB], seconds=120)
    crossed = 0
    for i, k in ((0, 1), (1, 0)):
        runs = np.flatnonzero(np.diff((company.act[:, i] >= 0).astype(int)))
        for begin, end in zip(runs[::2], runs[1::2], strict=False):
            middles = _middles(company)
            gap = middles[begin + 1 : end, i] - middles[begin + 1 : end, k]
            crossed += np.hypot(*gap.T).min() < 30.0 and gap[0] @ gap[-1] < 0.0
    assert crossed >= 4


def test_a_circling_animal_goes_round_at_one_distance():
    company = _mingled([CIRCLE], seconds=120)
    for i, k in ((0, 1), (1, 0)):
        there = company.there[:, i]
        gap = (company.paths[i].xy - company.paths[k].xy)[there]
        assert np.median(np.hypot(*gap.T)) == pytest.approx(98.0, abs=12.0)
        angle = np.unwrap(np.arctan2(gap[:, 1], gap[:, 0]))
        assert np.median(np.abs(np.diff(angle))) * FPS > 0.5


def test_animals_without_business_keep_out_of_each_others_way():
    company = _mingled([SNIFF], n=3, seconds=120, idle=1e9)
    middles = _middles(company)
    for i in range(3):
        for k in range(i):
            gaps = np.hypot(*(middles[:, i] - middles[:, k]).T)
            assert (gaps < 25.0).mean() < 0.02
    assert (company.act == -1).all() and (company.still == 0.0).all()


def test_everyone_stays_near_the_floor():
    company = _mingled([SNIFF, FOLLOW, HUDDLE, CLIMB, CIRCLE], n=4)
    xy = np.stack([path.xy for path in company.paths])
    assert (xy > FLOOR[0] - 20.0).all() and (xy < FLOOR[1] + 20.0).all()


def test_the_company_follows_from_the_generator():
    one, two = (_mingled([SNIFF, CLIMB], seconds=10) for _ in range(2))
    assert np.array_equal(one.paths[0].xy, two.paths[0].xy)
    assert np.array_equal(one.act, two.act)


def test_company_keeps_an_animal_from_rearing_and_grooming():
    commands = behaviour.command(np.random.default_rng(0), 3000, FPS)
    held = subdued(commands, np.ones(3000), FPS)
    assert held.rear.max() < 1e-9 and held.groom.max() < 1e-9
    free = subdued(commands, np.zeros(3000), FPS)
    assert np.allclose(free.rear, commands.rear)


def _passing(partner, n_frames=90):
    """Disc 0 stands, disc 1 passes over it; both have a radius of 10."""
    x = np.linspace(-60.0, 60.0, n_frames)
    discs = np.zeros((n_frames, 2, 1, 3))
    discs[:, 1, 0, 0], discs[..., 2] = x, 10.0
    still = Path(np.zeros((n_frames, 2)), *np.zeros((2, n_frames)))
    nothing = np.full((n_frames, 2), -1)
    who = nothing.copy()
    who[:, partner] = 1 - partner
    bound = np.zeros((n_frames, 2))
    company = Company((still, still), nothing, who, bound > 0, bound)
    return discs, company


@pytest.mark.parametrize("partner", [0, 1])
def test_the_one_that_seeks_is_on_top_while_bodies_overlap(partner):
    discs, company = _passing(partner)
    raised = lift(np.random.default_rng(0), company, discs, FPS, allowed=3.0, height=27.0)
    deep = np.abs(discs[:, 1, 0, 0]) < 12.0
    assert np.allclose(raised[deep, partner], 27.0) and (raised[:, 1 - partner] == 0.0).all()
    assert (raised[np.abs(discs[:, 1, 0, 0]) > 45.0] == 0.0).all()
    assert np.abs(np.diff(raised, axis=0)).max() < 6.0  # no jumps


def test_without_a_seeker_one_is_on_top_all_the_time():
    discs, company = _passing(0)
    company = company._replace(partner=np.full((90, 2), -1))
    tops = set()
    for seed in range(12):
        raised = lift(
            np.random.default_rng(seed), company, discs, FPS, allowed=3.0, height=27.0
        )
        assert (raised.max(axis=0) > 0).sum() == 1
        tops.add(int(raised.max(axis=0).argmax()))
    assert tops == {0, 1}
