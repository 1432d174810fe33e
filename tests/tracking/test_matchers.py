import numpy as np
import pytest

from gambol.kernels.assignment import ALONE
from gambol.tracking.matchers import matchers


def matcher(kind):
    return matchers.build(matchers.parse({"kind": kind}))


@pytest.mark.parametrize("kind", matchers.kinds())
def test_forbidden_pairs_stay_forbidden_and_clear_ones_are_found(kind):
    cost = np.array([[-5.0, np.inf], [np.nan, -4.0], [np.inf, np.nan]])
    matched = matcher(kind)(cost, 10.0, np.array([0.9, 0.9, 0.9]))
    assert matched.track.tolist() == [0, 1, ALONE]
    assert matched.margin[:2].tolist() == [15.0, 14.0]
    assert np.isinf(matched.margin[2])


@pytest.mark.parametrize("kind", matchers.kinds())
def test_no_detections_and_no_tracks_are_fine(kind):
    assert len(matcher(kind)(np.zeros((0, 3)), 10.0, np.zeros(0)).track) == 0
    assert matcher(kind)(np.zeros((2, 0)), 10.0, np.ones(2)).track.tolist() == [ALONE, ALONE]


def test_confident_detections_choose_first():
    cost = np.array([[-5.0], [-4.0]])
    score = np.array([0.2, 0.9])
    assert matcher("hungarian")(cost, 10.0, score).track.tolist() == [0, ALONE]
    assert matcher("two-pass")(cost, 10.0, score).track.tolist() == [ALONE, 0]


def test_a_choice_that_is_not_the_best_has_no_margin():
    cost = np.array([[-9.0, -8.0], [-8.0, -1.0]])
    assert matcher("greedy")(cost, 0.0, np.ones(2)).margin.tolist() == [0.0, 0.0]
    assert matcher("hungarian")(cost, 0.0, np.ones(2)).margin.min() == 6.0
