"""Sides in doubt: drawn peaks whose answer is known, and laws."""

from itertools import permutations

import numpy as np
import pytest

from gambol.pose import relabel
from gambol.pose.relabel import Peaks, Sides

BODY, LEFT, RIGHT, MIDDLE = 0, 1, 2, 3  # the middle of the animal is behind the last keypoint
SIDES = Sides(np.array([-1, 2, 1]), 3.0)


def seen(rows, links):
    """Peaks of (x, y, keypoint, height), and log-odds of pairs {(a, b): odds}."""
    x, y, keypoint, height = np.array(rows, float).T
    ends = np.array(list(links), np.int64).reshape(-1, 2).T
    odds = np.array(list(links.values()), float)
    return Peaks(np.stack([x, y], -1), keypoint.astype(np.int64), height, ends, odds)


def groups(own):
    return {tuple(np.flatnonzero(own == g).tolist()) for g in np.unique(own)}


# a body; both maps show the foot on its right, the left map its left one a little less
FEET = [
    (50, 50, BODY, 0.9), (40, 60, LEFT, 0.4), (60, 60, LEFT, 0.5), (60.5, 60, RIGHT, 0.8),
]  # fmt: skip
HOLD = {(0, 1): 2.0, (0, 2): 2.2, (0, 3): 3.0}
TAKEN = np.array([0, 1, 0, 0])  # as each map by itself takes the higher peak


def test_a_side_that_shows_elsewhere_too_goes_there():
    found = relabel.settle(seen(FEET, HOLD), TAKEN, SIDES)
    assert groups(found.own) == {(0, 1, 3), (2,)} and found.gap == 0
    assert found.weighed.all()


def test_both_sides_stay_in_a_place_where_no_other_is_to_be_seen():
    alone = seen([FEET[0], *FEET[2:]], {(0, 1): 2.2, (0, 2): 3.0})
    found = relabel.settle(alone, np.zeros(3, int), SIDES)
    assert groups(found.own) == {(0, 1, 2)}


def test_a_side_that_hardly_holds_gives_way_where_the_other_is():
    weak = seen([FEET[0], (60, 60, LEFT, 0.12), FEET[3]], {(0, 1): 0.1, (0, 2): 3.0})
    found = relabel.settle(weak, np.zeros(3, int), SIDES)
    assert groups(found.own) == {(0, 2), (1,)}


def test_where_no_two_peaks_compete_nothing_is_looked_at(monkeypatch):
    monkeypatch.setattr(relabel, "_weigh", None)
    apart = seen([*FEET[:2], FEET[3]], {(0, 1): 2.0, (0, 2): 3.0})
    own = np.zeros(3, int)
    found = relabel.settle(apart, own, SIDES)
    assert found.own is own and found.gap == 0 and not found.weighed.any()
    nobody = seen(np.zeros((0, 4)), {})
    assert relabel.settle(nobody, np.zeros(0, int), SIDES).own.shape == (0,)


def test_another_animal_far_away_stays_as_it_was_grouped():
    other = [(x + 200, y, k, h) for x, y, k, h in (FEET[0], FEET[1], FEET[3])]
    links = {**HOLD, (4, 5): -9.0, (4, 6): 3.0}  # a group that nobody would make anew
    found = relabel.settle(seen(FEET + other, links), np.append(TAKEN, [4, 4, 4]), SIDES)
    assert groups(found.own) == {(0, 1, 3), (2,), (4, 5, 6)}
    assert found.weighed.tolist() == [True] * 4 + [False] * 3


def test_the_order_of_peaks_and_links_changes_nothing():
    for order in permutations(range(4)):
        rows = [FEET[p] for p in order]
        back = np.argsort(order)
        links = {tuple(int(back[p]) for p in pair): odds for pair, odds in HOLD.items()}
        turned = dict(sorted(links.items(), reverse=order[0] > 1))
        own = back[TAKEN][list(order)]
        found = relabel.settle(seen(rows, turned), own, SIDES)
        assert groups(found.own[back]) == {(0, 1, 3), (2,)}


def test_a_place_by_itself_is_no_animal():
    loose = seen([FEET[0], *FEET[2:]], {(0, 1): -5.0, (0, 2): -5.0})
    found = relabel.settle(loose, np.zeros(3, int), SIDES)
    assert groups(found.own) == {(0,), (1,), (2,)}


def test_the_middle_of_an_animal_holds_it_together_and_is_no_side():
    rows = [*FEET, (60, 60, MIDDLE, 0.9)]
    links = {**HOLD, (0, 4): 4.0}
    found = relabel.settle(seen(rows, links), np.append(TAKEN, 0), SIDES)
    assert groups(found.own) == {(0, 1, 3, 4), (2,)}


def test_too_many_places_stay_as_they_are_and_the_log_says_so(monkeypatch, caplog):
    monkeypatch.setattr(relabel, "MOST", 2)
    with caplog.at_level("INFO"):
        found = relabel.settle(seen(FEET, HOLD), TAKEN, SIDES)
    assert groups(found.own) == groups(TAKEN) and "too many to tell sides" in caplog.text
    assert found.gap > 0


def doubtful(rng, n):
    """An animal of n pairs of feet that a network takes for each other, and their owners.

    Both maps show something at every foot, the right one a little more on the whole.
    """
    rows, links, owner = [(0.0, 0.0, 0, 0.9)], {}, [-1]
    for pair in range(n):
        for side in (0, 1):
            for shown in (0, 1):
                height = 1 / (1 + np.exp(-rng.normal(0.7 if shown == side else -0.7, 1.0)))
                rows.append((100.0 * (side - 0.5), 50.0 * pair, 1 + 2 * pair + shown, height))
                owner.append(1 + 2 * pair + side)
                links[0, len(rows) - 1] = 3.0 + 2.0 * (height - 0.5)
    partner = np.array([-1, *(1 + 2 * p + 1 - s for p in range(n) for s in (0, 1))])
    return seen(rows, links), np.array(owner), Sides(partner, 3.0)


@pytest.mark.parametrize("pairs", [1, 3])
def test_sides_are_exchanged_less_often_than_by_each_map_alone(pairs):
    rng = np.random.default_rng(pairs)
    before = after = 0
    for _ in range(120 // pairs):
        feet, owner, sides = doubtful(rng, pairs)
        taken = np.arange(len(owner))
        for k in range(1, 1 + 2 * pairs):
            shown = np.flatnonzero(feet.keypoint == k)
            taken[shown[feet.height[shown].argmax()]] = 0
        found = relabel.settle(feet, taken, sides)
        wrong = feet.keypoint != owner
        before += (wrong & (taken == 0))[1:].sum()
        after += (wrong & (found.own == found.own[0]))[1:].sum()
        own = feet.keypoint[found.own == found.own[0]]
        assert len(set(own.tolist())) == len(own)
    assert before >= 15 and after <= 0.7 * before
