"""Doubts against slow definitions."""

import itertools

import numpy as np
import pytest

from gambol.pose import doubts


def test_the_lowest_probability_counts_and_whose_it_is():
    sure = np.random.default_rng(0).uniform(0.1, 1, (40, 3, 5))
    found = doubts.unsure(sure)
    for t in range(40):
        a, j = np.unravel_index(sure[t].argmin(), (3, 5))
        assert found.value[t] == pytest.approx(1 - sure[t].min())
        assert (found.animal[t], found.keypoint[t]) == (a, j)


def test_a_lost_keypoint_is_right_where_none_is_to_be_seen():
    sure = np.full((2, 1, 2), 0.9)
    sure[:, 0, 1] = 0
    assert doubts.unsure(sure).value.tolist() == [1.0, 1.0]
    found = doubts.unsure(sure, np.array([[[1.0, 0.02]], [[1.0, 0.7]]]))
    np.testing.assert_allclose(found.value, [0.1, 0.7])


def test_an_animal_that_is_not_there_is_no_doubt_unless_it_is_the_only_one():
    sure = np.full((1, 2, 3), 0.9)
    sure[0, 1] = 0
    assert doubts.unsure(sure).value[0] == pytest.approx(0.1)
    assert doubts.unsure(sure[:, 1:]).value[0] == 1
    assert doubts.unsure(np.zeros((4, 0, 3))).value.tolist() == [-np.inf] * 4


def test_a_glitch_bends_twice_as_much_as_it_steps():
    xy = np.zeros((20, 2, 3, 2))
    xy[8, 1, 2] = 30, 40
    step, bend = doubts.steps(xy, 100.0)
    assert step[8, 1, 2] == step[9, 1, 2] == 0.5 and bend[8, 1, 2] == 1.0
    assert step.sum() == 1.0 and bend.sum() == 2.0


def test_the_gap_is_the_smallest_distance_between_two_animals():
    rng = np.random.default_rng(1)
    xy = rng.uniform(0, 100, (30, 4, 3, 2))
    xy[rng.random((30, 4, 3)) < 0.3] = np.nan
    found = doubts.crowd(xy)
    for t in range(30):
        far = [
            np.linalg.norm(xy[t, a, i] - xy[t, b, j])
            for a, b in itertools.combinations(range(4), 2)
            for i in range(3)
            for j in range(3)
        ]
        assert -found.value[t] == pytest.approx(np.nanmin(far))
    assert doubts.crowd(xy[:, :1]).value.tolist() == [-np.inf] * 30


def test_two_networks_that_say_the_same_in_another_order_agree():
    rng = np.random.default_rng(2)
    xy = rng.uniform(0, 500, (10, 3, 4, 2))
    other = xy[:, [2, 0, 1]].copy()
    assert (doubts.disagree(xy, other).value == 0).all()
    other[4, 1, 3] += 3, 4  # of the first animal
    found = doubts.disagree(xy, other)
    assert (found.value[4], found.animal[4], found.keypoint[4]) == (5, 0, 3)
    assert doubts.disagree(xy, other[:, :0]).value.tolist() == [-np.inf] * 10


def world(rng, frames=12, keypoints=4, peaks=3):
    parent = (-1, 0, 1, 0)
    place = rng.uniform(0, 60, (frames, 1, keypoints, peaks, 2))
    score = rng.uniform(0.05, 1, (frames, 1, keypoints, peaks))
    lost = rng.random(score.shape) < 0.2
    lost[..., 0] = False
    place[lost], score[lost] = np.nan, np.nan
    return parent, place, score


def by_enumeration(place, score, known, radius):
    """The margin of one frame: all choices of peaks, one after another."""
    keypoints, peaks = score.shape
    worth = {}
    for choice in itertools.product(range(peaks), repeat=keypoints):
        if any(np.isnan(score[j, c]) for j, c in enumerate(choice)):
            continue
        total = sum(np.log(score[j, c]) for j, c in enumerate(choice))
        for (child, root), mean, spread in zip(*known, strict=True):
            away = place[child, choice[child]] - place[root, choice[root]]
            odd = ((np.log(max(np.linalg.norm(away), 1)) - mean) / spread) ** 2 / 2
            total -= min(odd, 8.0)
        worth[choice] = total
    best = max(worth, key=worth.__getitem__)
    others = [
        value
        for choice, value in worth.items()
        if any(
            np.linalg.norm(place[j, choice[j]] - place[j, best[j]]) > radius
            for j in range(keypoints)
        )
    ]
    return worth[best] - max(others) if others else np.inf


@pytest.mark.parametrize("seed", range(4))
def test_the_margin_is_that_of_all_choices_enumerated(seed):
    rng = np.random.default_rng(seed)
    parent, place, score = world(rng)
    known = doubts.lengths(rng.uniform(0, 60, (50, 1, 4, 2)), parent)
    assert known.edges == ((1, 0), (3, 0), (2, 1))
    found = doubts.structure(place, score, known, 9.0)
    for t in range(len(place)):
        margin = by_enumeration(place[t, 0], score[t, 0], known, 9.0)
        assert -found.value[t] == pytest.approx(margin)


def test_one_peak_a_keypoint_leaves_no_choice():
    parent, place, score = world(np.random.default_rng(0))
    known = doubts.lengths(place[:, :, :, 0], parent)
    found = doubts.structure(place[..., :1, :], score[..., :1], known, 3.0)
    assert found.value.tolist() == [-np.inf] * len(place)


def test_lengths_are_learned_in_spite_of_wrong_frames():
    rng = np.random.default_rng(0)
    xy = np.zeros((400, 1, 2, 2))
    xy[:, 0, 1, 0] = 20 * np.exp(rng.normal(0, 0.1, 400))
    xy[:40, 0, 1] = 500
    known = doubts.lengths(xy, (-1, 0))
    assert np.exp(known.mean[0]) == pytest.approx(20, rel=0.05)
    assert known.spread[0] == pytest.approx(0.1, rel=0.25)
    assert doubts.lengths(xy, (-1, -1)) is None


def test_the_smallest_margin_says_how_doubtful_a_frame_is():
    margin = np.array([[[3.0, 0.5], [np.nan, 2.0]], [[np.nan, np.nan], [np.nan, np.nan]]])
    found = doubts.margins(margin)
    assert found.value.tolist() == [-0.5, doubts.NEVER]
    assert (found.animal[0], found.keypoint[0]) == (0, 1)
