"""Judging, against enumeration, counting by hand, and worlds whose answer is known."""

from itertools import permutations

import numpy as np
import pytest
import torch
from crowds import (
    EDGES,
    LENGTH,
    Everyone,
    J,
    animals,
    bottom_up,
    coded,
    confidence,
    draw,
    top_down,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from gambol.core import pixels
from gambol.core.labels import Visibility
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import ModelSpec, PoseNet
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.outputs.fields import Fields, FieldsSpec
from gambol.pose import crops, dataset, find, group, judge
from gambol.pose.find import Found

SIZE = (250, 200)


def best_by_enumeration(xy, truth, body):
    """Costs, and the least total of all partial matchings; a label alone costs 1/2."""
    cost = np.full((len(truth), len(xy)), np.inf)
    for i, animal in enumerate(truth):
        parts = [
            [min(d, 1.0) if np.isfinite(d) else 1.0 for d in
             (np.linalg.norm(f[j] - animal[j]) / body for j in range(J) if
              np.isfinite(animal[j]).all())]
            for f in xy
        ]  # fmt: skip
        cost[i] = [np.mean(p) if p else np.inf for p in parts]
    best = np.inf
    columns = [*range(len(xy)), *[-1] * len(truth)]
    for chosen in set(permutations(columns, len(truth))):
        total = sum(0.5 if k < 0 else cost[i, k] for i, k in enumerate(chosen))
        best = min(best, total)
    return cost, best


@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.integers(0, 3))
def test_matching_is_the_best_of_all(seed, n_found, n_true):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 60, (n_true, 1, 2)) + rng.normal(0, 10, (n_true, J, 2))
    xy = rng.uniform(0, 60, (n_found, 1, 2)) + rng.normal(0, 10, (n_found, J, 2))
    truth[rng.random((n_true, J)) < 0.3] = np.nan
    xy[rng.random((n_found, J)) < 0.3] = np.nan
    cost, best = best_by_enumeration(xy, truth, 40.0)
    made = judge.match(xy, truth, 40.0)
    taken = made.found[made.found >= 0]
    assert len(set(taken.tolist())) == len(taken)
    total = sum(0.5 if k < 0 else cost[i, k] for i, k in enumerate(made.found))
    assert total == pytest.approx(best, abs=1e-12)
    for i, k in enumerate(made.found):
        want = np.linalg.norm(xy[k] - truth[i], axis=-1) if k >= 0 else np.full(J, np.nan)
        np.testing.assert_array_equal(made.error[i], want)


def test_an_animal_without_labels_is_matched_to_nobody():
    xy = animals(np.array([[50.0, 50.0], [90.0, 90.0]]), np.zeros(2))
    truth = xy.copy()
    truth[0] = np.nan
    assert judge.match(xy, truth, LENGTH).found.tolist() == [-1, 1]


def test_each_miss_and_each_false_animal_counts_a_body_length():
    truth = animals(np.array([[50.0, 50.0], [150.0, 90.0]]), np.zeros(2))
    truth[1, 4] = np.nan
    stranger = animals(np.array([[60.0, 150.0]]), np.zeros(1))
    found = np.concatenate([truth[:1] + [3.0, 4.0], stranger])
    whole = np.array([True])
    errors = judge.penalised([found], [truth], LENGTH, whole)
    # 5 keypoints off by 5 px, 4 labelled keypoints of the missed one, and the stranger
    assert sorted(errors.tolist()) == pytest.approx([5.0] * 5 + [LENGTH] * 5)
    assert judge.penalised([found[:0]], [truth[:0]], LENGTH, whole).tolist() == []
    none = judge.penalised([found[:0]], [truth], LENGTH, whole)
    assert none.tolist() == [LENGTH] * 9
    far = judge.penalised([truth[:1] * 1], [truth[:1]], LENGTH, whole)
    assert far.max() == 0


def test_a_keypoint_that_was_not_found_counts_as_missed():
    truth = animals(np.array([[50.0, 50.0]]), np.zeros(1))
    found = truth.copy()
    found[0, 2] = np.nan
    errors = judge.penalised([found], [truth], LENGTH, np.array([True]))
    assert sorted(errors.tolist()) == [0.0] * 4 + [LENGTH]


def test_where_not_all_are_labelled_only_finds_near_the_labelled_can_be_false():
    truth = animals(np.array([[100.0, 100.0]]), np.zeros(1))
    near = truth + [0.0, 20.0]  # within the box grown by 0.3 L, and not matched
    far = truth + [90.0, 0.0]
    found = np.concatenate([truth, near, far])
    assert judge.unjudged(found, truth, LENGTH).tolist() == [False, False, True]
    assert judge.unjudged(found, truth[:0], LENGTH).all()
    count = [
        int((judge.penalised([found], [truth], LENGTH, np.array([w])) == LENGTH).sum())
        for w in (True, False)
    ]
    assert count == [2, 1]


def world(rng, frames=60, whole=0.85, sharp=0.6):
    """Finds of a detector that is often right: (found, truth, visibility), video pixels."""
    found, truth, states = [], [], []
    for _ in range(frames):
        xy = animals(
            np.array([[60.0, 60.0], [180.0, 120.0]]) + rng.normal(0, 5, (2, 2)),
            rng.uniform(-3, 3, 2),
        )
        false = animals(rng.uniform(0, 250, (1, 2)), rng.uniform(-3, 3, 1)) + [0.0, 300.0]
        some = np.concatenate([xy + rng.normal(0, sharp, xy.shape), false])
        height = np.concatenate([rng.uniform(0.7, 1, (2, J)), rng.uniform(0.1, 0.5, (1, J))])
        sure = np.array([whole, whole, 0.3]) + rng.normal(0, 0.05, 3)
        cov = np.tile(sharp**2 * np.eye(2), (3, J, 1, 1))
        found.append(Found(some, height, cov, sure, np.zeros((3, 0))))
        truth.append(xy)
        states.append(np.full((2, J), Visibility.VISIBLE, np.uint8))
    return found, truth, states


def fitted(rng, frames=60, complete=None):
    made = world(rng, frames)
    complete = np.ones(frames, bool) if complete is None else complete
    return made[0], judge.fit(*made, LENGTH, 0.05 * LENGTH, complete)


def test_real_animals_score_higher_than_false_ones():
    rng = np.random.default_rng(0)
    found, judged = fitted(rng)
    worth = [judge.value(f, judged) for f in found]
    scores = np.stack([w.score for w in worth])
    assert scores[:, :2].min() > 0.8 and scores[:, 2].max() < 0.4
    rates = scores.mean()  # two of three are real
    assert rates == pytest.approx(2 / 3, abs=0.05)
    assert judged.calibration.calibrated and judged.calibration.n_errors.tolist() == [120] * J


def test_the_score_grows_with_every_piece_of_evidence():
    for judged in (
        fitted(np.random.default_rng(1))[1],
        fitted(np.random.default_rng(1), frames=2)[1],  # too few: the prior
    ):
        one = world(np.random.default_rng(2), 1)[0][0]
        whole = one._replace(whole=np.array([0.1, 0.5, 0.9]), height=np.full((3, J), 0.6))
        score = judge.value(whole, judged).score
        assert (np.diff(score) > 0).all()
        tall = one._replace(
            whole=np.full(3, 0.5), height=np.array([0.2, 0.5, 0.9])[:, None] * np.ones(J)
        )
        assert (np.diff(judge.value(tall, judged).score) > 0).all()


def test_a_keypoint_that_was_not_found_is_worth_nothing():
    found, judged = fitted(np.random.default_rng(3))
    one = found[0]
    height = one.height.copy()
    height[0, 2] = np.nan
    xy, cov = one.xy.copy(), one.cov.copy()
    xy[0, 2], cov[0, 2] = np.nan, np.nan
    worth = judge.value(one._replace(xy=xy, cov=cov, height=height), judged)
    assert worth.confidence[0, 2] == 0 and worth.presence[0, 2] == 0
    assert np.isnan(worth.covariance[0, 2]).all()
    rows = judge.detections(7, one, worth)
    assert rows.frame.tolist() == [7, 7, 7] and rows.embedding.shape == (3, 0)
    np.testing.assert_array_equal(rows.confidence, worth.confidence)


def test_animals_that_nobody_labelled_do_not_teach_that_finds_are_false():
    found, judged = fitted(np.random.default_rng(4), complete=np.zeros(60, bool))
    assert judged.real.tolist() == list(judge.PRIOR)  # the false ones lie far from the others
    assert judged.calibration.calibrated


def test_without_any_match_the_prior_answers():
    found, truth, states = world(np.random.default_rng(5), 3)
    far = [f._replace(xy=f.xy + 1e4) for f in found]
    judged = judge.fit(far, truth, states, LENGTH, 2.0, np.ones(3, bool))
    assert judged.real.tolist() == list(judge.PRIOR) and not judged.calibration.calibrated


def test_what_finds_are_worth_survives_json():
    import json

    found, judged = fitted(np.random.default_rng(6))
    again = judge.from_dict(json.loads(json.dumps(judge.to_dict(judged))))
    one, other = (judge.value(found[0], j) for j in (judged, again))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def frames_of(xy, complete=True):
    """Coded frames with these animals (N, I, J, 2)."""
    images = [coded(SIZE) for _ in xy]
    states = np.full(xy.shape[:3], 2, np.uint8)
    made = dataset.make_frames(images, xy, states, 1.0)
    return made._replace(complete=np.full(len(xy), complete))


class Weak:
    """Centroids of some animals at full height, and ghosts at another."""

    name = "oracle"

    def __init__(self, real, ghosts, height):
        self.real, self.ghosts, self.height = real, ghosts, height

    def __call__(self, frames):
        one = confidence(1, 3.0)
        strong = Everyone([one], self.real)(frames)[0]
        ghosts = self.height * Everyone([one], self.ghosts)(frames)[0]
        return (np.maximum(strong, ghosts).astype(np.float32),)


@pytest.mark.parametrize("anchor", [None, 0, 2])
def test_the_threshold_tells_animals_from_ghosts(anchor):
    xy = animals(np.array([[60.0, 60.0], [180.0, 120.0]]), np.array([0.2, 1.0]))
    ghosts = np.array([[[120.0, 40.0]], [[60.0, 150.0]]])
    middles = crops.centroid(xy, anchor)[:, None]
    finder = top_down(xy, SIZE, scale=1.0)
    weak = finder.centroid._replace(engine=Weak(middles, ghosts, 0.35), scale=1.0)
    finder = finder._replace(centroid=weak)
    # these animals are larger than most: an end of theirs is far from their middle
    best = judge.best_threshold(finder, frames_of(xy[None]), LENGTH / 1.4, crops.Aim(anchor))
    assert 0.36 < best < 0.66
    # of an incomplete frame, ghosts far from the labelled may be animals: nothing speaks
    # against any threshold
    loose = judge.best_threshold(finder, frames_of(xy[None], False), LENGTH, crops.Aim(anchor))
    assert loose == pytest.approx(0.35, abs=0.051)


class Constant:
    """Peaks where the frame's animals are and one field everywhere; frames by turn."""

    name = "oracle"

    def __init__(self, worlds, maps):
        self.worlds, self.maps, self.turn = worlds, maps, 0

    def __call__(self, frames):
        xy, field = self.worlds[self.turn % len(self.worlds)]
        self.turn += 1
        size = frames.shape[2], frames.shape[1]
        fields = np.zeros((1, 2, size[1] // 4, size[0] // 4), np.float32)
        fields[:, 0] = field
        return Everyone([self.maps], xy)(frames)[0], fields


def test_links_are_judged_by_the_odds_that_validation_shows():
    # one edge along x in a constant field, so that the line score is the field; truly linked
    # with log-odds 9 (S - τ) - 0.8
    rng = np.random.default_rng(0)
    maps, fields = confidence(2), Fields(FieldsSpec(edges=((0, 1),)), 2, 4)
    score = rng.uniform(-0.2, 0.9, 500)
    linked = rng.random(500) < 1 / (1 + np.exp(-(9 * (score - group.TAU) - 0.8)))
    worlds, truth = [], np.full((500, 2, 2, 2), np.nan)
    for n, (s, whole) in enumerate(zip(score, linked, strict=True)):
        truth[n, 0, 0] = [10.2, 16.1]
        truth[n, 0 if whole else 1, 1] = [34.2, 16.1]
        worlds.append((truth[n], s))
    frames = dataset.Frames(
        [np.zeros((32, 48, 1), np.uint8)] * 500,
        truth,
        np.where(np.isfinite(truth[..., 0]), 2, 0).astype(np.uint8),
        np.tile(np.eye(2, 3), (500, 1, 1)),
        np.full((500, 2), -1),
        np.ones(500, bool),
        np.zeros((500, 0, 0, 2)),
    )
    links = group.Links(np.array([[0, 1]]), np.array([100.0]), np.array([12.0]), np.zeros(1))
    finder = find.BottomUp(Constant(worlds, maps), maps, fields, links, 16, 10)
    made = judge.fit_links(finder, frames, 40.0)

    def surprise(w):  # slopes are a priori around 0, with a variance of 10
        odds = w[0] * (score - group.TAU) + w[1]
        return np.log1p(np.exp(-np.where(linked, odds, -odds))).sum() + w[0] ** 2 / 20

    want = minimize(surprise, [1.0, 0.0]).x
    assert made.slope[0] == pytest.approx(want[0], rel=0.01)
    assert made.offset[0] == pytest.approx(want[1], abs=0.01)
    assert made.slope[0] == pytest.approx(9, rel=0.2)
    assert made.offset[0] == pytest.approx(-0.8, abs=0.5)


def test_too_few_links_leave_the_weights_as_they_were():
    xy = animals(np.array([[60.0, 60.0]]), np.zeros(1))
    finder = bottom_up(xy)
    made = judge.fit_links(finder, frames_of(xy[None]), LENGTH)
    np.testing.assert_array_equal(made.slope, finder.links.slope)
    np.testing.assert_array_equal(made.offset, finder.links.offset)


class Drawn(PoseNet):
    """A network that answers with maps of these animals, whatever it is shown."""

    def __init__(self, spec, xy):
        super().__init__(spec)
        self.xy = xy

    def forward(self, image):
        size = image.shape[-1], image.shape[-2]
        return tuple(torch.from_numpy(m) for m in draw(self.outputs, self.xy, size))


def drawn(outputs, keypoints, xy):
    spec = ModelSpec(
        backbone=UNetSpec(depth=2, filters=2),
        outputs=outputs,
        channels=3,
        keypoints=tuple("abcde"[:keypoints]),
    )
    return Drawn(spec, xy)


@pytest.mark.parametrize("kind", ["centroid", "bottom-up"])
def test_a_perfect_network_is_off_by_nothing_and_a_blind_one_by_a_body(kind):
    xy = animals(np.array([[60.0, 60.0], [180.0, 120.0]]), np.array([0.2, 1.0]))
    # video pixels are half as large as the network's
    val = frames_of(xy[None])._replace(to_video=pixels.resize(2.0)[None])
    if kind == "centroid":
        val = dataset.only_centroids(val, crops.Aim(), 1.0)
        outputs = (ConfidenceSpec(sigma=3.0),)
        score = judge.centroid_judge(val, LENGTH)
    else:
        outputs = (ConfidenceSpec(), FieldsSpec(edges=EDGES))
        score = judge.bottom_up_judge(val, bottom_up(xy).links, 2, LENGTH)
    truth, cpu = val.xy[0], torch.device("cpu")
    assert score(drawn(outputs, truth.shape[1], truth), cpu).max() < 0.1
    blind = score(drawn(outputs, truth.shape[1], np.full_like(truth, np.nan)), cpu)
    np.testing.assert_allclose(blind, np.full(truth[..., 0].size, 2 * LENGTH))


def test_the_error_of_centroids_is_that_of_nearly_all_animals():
    xy = animals(np.array([[60.0, 60.0], [180.0, 120.0]]), np.array([0.2, 1.0]))
    val = dataset.only_centroids(frames_of(np.repeat(xy[None], 12, axis=0)), crops.Aim(), 1.0)
    beside = val.xy[0] + [[[3.0, 4.0]], [[0.0, 0.0]]]  # one of two animals is 5 px off
    net = drawn((ConfidenceSpec(sigma=3.0),), 1, beside)
    error = judge.centroid_error(net, val, LENGTH, torch.device("cpu"))
    assert error == pytest.approx(5.0, abs=0.1)
    few = val.select(np.arange(4))
    assert judge.centroid_error(net, few, LENGTH, torch.device("cpu")) is None


def test_animals_of_many_frames_are_matched_as_in_each_of_them():
    rng = np.random.default_rng(9)
    at = np.array([[1, 0], [0, 5], [0, 5], [1, 0], [2, 2]])
    place = np.array([[0, 5], [1, 0], [0, 5], [1, 1], [1, 0]])
    truth = rng.uniform(0, 60, (5, 1, 2)) + rng.normal(0, 5, (5, J, 2))
    xy = truth[[2, 0, 1, 4, 3]] + 1.0
    assert judge.match_all(xy, place, truth, at, 40.0).tolist() == [1, 2, 0, 4, -1]
