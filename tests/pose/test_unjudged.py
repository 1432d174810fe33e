"""Finds that nobody can judge: in regions, and far from labels in incomplete frames."""

import numpy as np
import pytest

from gambol.core.labels import Visibility
from gambol.pose import judge
from gambol.pose.find import Found
from gambol.pose.unjudged import unjudged

LENGTH, J = 30.0, 3
BODY = np.array([[0.0, 0], [15, 4], [30, 0]])
CAGE = np.array([[190.0, -10], [400, -10], [400, 200], [190, 200]])


def animals(*places):
    return BODY + np.array(places, np.float64).reshape(-1, 1, 2)


def test_a_find_in_a_region_is_not_judged_and_in_a_complete_frame_all_others_are():
    found = animals((20, 20), (200, 20), (170, 20))  # the last reaches into the region
    truth = animals((20, 20))
    judged = unjudged(found, truth, LENGTH, True, [CAGE])
    assert judged.tolist() == [False, True, False]
    assert not unjudged(found, truth, LENGTH, True).any()
    assert unjudged(found, truth, LENGTH, False, [CAGE]).tolist() == [False, True, True]


def test_finds_in_a_region_cost_nothing_while_training():
    truth = [animals((20, 20))]
    strays = animals((200, 20), (250, 90), (300, 20))
    whole = np.array([True])
    with_strays = [np.concatenate([truth[0] + 1, strays])]
    alone = judge.penalised([truth[0] + 1], truth, LENGTH, whole)
    seen = judge.penalised(with_strays, truth, LENGTH, whole, [[CAGE]])
    np.testing.assert_array_equal(seen, alone)
    assert len(judge.penalised(with_strays, truth, LENGTH, whole)) == len(alone) + 3


def test_what_finds_are_worth_does_not_depend_on_those_in_regions():
    rng = np.random.default_rng(0)
    alone, both, truth = [], [], []
    for _ in range(40):
        true = animals(*rng.uniform(0, 150, (1, 2)))
        xy = np.concatenate([true + rng.normal(0, 0.5, true.shape), animals((20, 300))])
        stray = animals(*rng.uniform(200, 300, (2, 2)) * [1, 0.3])
        truth.append(true)
        alone.append(found(xy, rng.uniform(0.2, 0.9, 2)))
        both.append(found(np.concatenate([xy, stray]), [*alone[-1].whole, 0.99, 0.99]))
    states = [np.full((1, J), Visibility.VISIBLE, np.uint8)] * 40
    how = (truth, states, LENGTH, 1.5, np.ones(40, bool))
    want = judge.fit(alone, *how)
    got = judge.fit(both, *how, ignored=[[CAGE]] * 40)
    np.testing.assert_array_equal(got.real, want.real)
    assert judge.fit(both, *how).real[2] != pytest.approx(want.real[2], abs=0.1)


def found(xy, whole):
    n = len(xy)
    cov = np.tile(0.25 * np.eye(2), (n, J, 1, 1))
    return Found(xy, np.full((n, J), 0.8), cov, np.array(whole), np.zeros((n, 0)))
