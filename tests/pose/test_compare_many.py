"""Two ways of finding animals: worked cases, and the paired bootstrap done slowly."""

import numpy as np
import pytest

from gambol.core.instances import from_positions
from gambol.core.labels import Visibility
from gambol.core.labels import from_positions as labelled
from gambol.core.skeleton import Skeleton
from gambol.kernels.bootstrap import resample
from gambol.pose.compare_many import Entrant, Interval, choose, compare
from gambol.pose.instances import InstanceScoring, evaluate_instances

FLY = Skeleton(tuple("abcde"))
BODY = np.array([[0.0, 0], [30, 12], [30, -12], [60, 0], [90, 5]])
FRAMES = 8
FEW = InstanceScoring(resamples=200)


def scene():
    """Two animals a frame, far apart."""
    frame = np.repeat(np.arange(FRAMES), 2)
    xy = BODY + 400.0 * np.tile([0, 1], FRAMES)[:, None, None] * [1.0, 0.0]
    zero = np.zeros(len(frame), np.int64)
    return labelled(FLY, ("v.mp4",), zero, frame, xy, nan_means=Visibility.UNLABELLED)


def entrant(name, frame, xy, score=None):
    order = np.argsort(frame, kind="stable")
    found = from_positions(frame[order], xy[order])
    if score is not None:
        found = found._replace(score=score[order])
    return Entrant(name, found, np.zeros(len(frame), np.int64))


def off(truth, name, px):
    """Finds that lie so many px to the right of the labels, for all or for each animal."""
    shift = np.broadcast_to(np.asarray(px, float), len(truth))[:, None] * [1.0, 0.0]
    return entrant(name, truth.frame, truth.xy + shift[:, None])


def each(truth):
    return np.arange(len(truth.frames))


def noisy(name, seed):
    truth = scene()
    rng = np.random.default_rng(seed)
    wrong = rng.normal(0, 2.5, (len(truth), 1, 1)) * rng.normal(0, 1, truth.xy.shape)
    keep = np.flatnonzero(rng.uniform(size=len(truth)) > 0.1)
    sure = rng.uniform(size=len(keep))
    return entrant(name, truth.frame[keep], (truth.xy + wrong)[keep], sure)


def test_the_paired_intervals_are_those_of_frames_that_are_really_repeated():
    truth, one, two = scene(), noisy("one", 0), noisy("two", 1)
    cfg = InstanceScoring(resamples=30)
    groups = np.arange(FRAMES) // 2
    got = compare(truth, one, two, groups, cfg).difference["oks_map"]
    weights = resample(
        lambda w: w * 1.0, groups, np.random.default_rng(cfg.seed), cfg.resamples
    )
    slow = []
    for row in weights:
        drawn = np.repeat(np.arange(FRAMES), row.astype(int))
        scores = []
        for side in (one, two):
            parts = [np.flatnonzero(side.found.frame == f) for f in drawn]
            found = side.found.select(np.concatenate(parts))
            copies = [len(part) for part in parts]
            found = found._replace(frame=np.repeat(np.arange(len(drawn)), copies))
            rows = np.concatenate([np.flatnonzero(truth.frame == f) for f in drawn])
            again = labelled(
                FLY, truth.videos, truth.video[rows], np.repeat(np.arange(len(drawn)), 2),
                truth.xy[rows], nan_means=Visibility.UNLABELLED,
            )  # fmt: skip
            once = InstanceScoring(resamples=1)
            scores.append(evaluate_instances(again, found, cfg=once).numbers["oks_map"])
        slow.append(scores[0] - scores[1])
    ends = np.quantile(slow, [0.025, 0.975], method="nearest")
    assert (got.low, got.high) == pytest.approx(tuple(ends), abs=1e-9)
    assert got.low < got.value < got.high


def test_the_scores_are_those_of_the_evaluation():
    truth, one, two = scene(), noisy("one", 0), noisy("two", 1)
    got = compare(truth, one, two, each(truth), FEW)
    for side, scores in zip((one, two), got.scores, strict=True):
        said = evaluate_instances(truth, side.found, cfg=FEW).numbers
        assert scores["oks_map"].value == pytest.approx(said["oks_map"])
        assert [scores["oks_map"].low, scores["oks_map"].high] == pytest.approx(
            said["intervals"]["oks_map"]
        )
        assert scores["p95_px"].value == said["all"]["p95_px"]
    assert (got.n_frames, got.n_animals) == (FRAMES, 2 * FRAMES)


def test_who_invents_animals_loses_beyond_chance():
    truth = scene()
    far = np.tile(BODY + [0.0, 5000.0], (FRAMES * 10, 1, 1))
    frame = np.concatenate([truth.frame, np.repeat(np.arange(FRAMES), 10)])
    score = np.concatenate([np.full(len(truth), 0.5), np.full(len(far), 0.9)])
    liar = entrant("liar", frame, np.concatenate([truth.xy, far]), score)
    got = compare(truth, liar, off(truth, "honest", 0.0), each(truth), FEW)
    assert got.difference["oks_map"].value == pytest.approx(1 / 6 - 1, abs=1e-4)
    choice = choose(got)
    assert choice.name == "honest" and choice.settled
    assert choice.reason.startswith("honest has an OKS AP of 1.000, liar of 0.167; the diff")
    assert "of 0.833 is beyond chance" in choice.reason


def test_what_hangs_on_one_block_is_within_chance_and_said_so():
    truth = scene()
    once = off(truth, "once", np.where(truth.frame == 3, 9.0, 0.0))
    choice = choose(compare(truth, once, off(truth, "never", 0.0), each(truth), FEW))
    assert choice.name == "never" and not choice.settled
    assert "is within chance" in choice.reason and "may turn it round" in choice.reason


def test_of_equal_precision_the_smaller_error_decides():
    truth = scene()
    near, far = off(truth, "near", 0.1), off(truth, "far", 0.2)
    got = compare(truth, far, near, each(truth), FEW)
    assert got.scores[0]["p95_px"] == pytest.approx((0.2, 0.2, 0.2))
    choice = choose(got)
    assert choice.name == "near" and choice.settled
    both = "both have an OKS AP of 1.000; "
    assert choice.reason.startswith(f"{both}near has a p95 error of 0.10 px, far of 0.20 px")
    assert choose(compare(truth, near, far, each(truth), FEW)).name == "near"


def test_the_same_finds_differ_by_nothing_and_the_first_is_taken():
    truth = scene()
    got = compare(truth, noisy("a", 0), noisy("b", 0), each(truth), FEW)
    assert got.difference["oks_map"] == Interval(0.0, 0.0, 0.0)
    choice = choose(got)
    assert choice.name == "a" and not choice.settled and "nothing tells" in choice.reason


def test_a_missed_animal_is_infinitely_far_and_not_shared():
    truth = scene()
    keep = np.arange(2, len(truth))
    blind = entrant("blind", truth.frame[keep], truth.xy[keep] + [0.3, 0.0])
    got = compare(truth, blind, off(truth, "all", 0.1), each(truth), FEW)
    assert got.scores[0]["p95_px"].value == np.inf
    assert got.scores[0]["p95_shared_px"].value == pytest.approx(0.3)
    assert got.difference["p95_shared_px"] == pytest.approx((0.2, 0.2, 0.2))
    nobody = entrant("nobody", np.zeros(0, np.int64), np.zeros((0, 5, 2)))
    alone = compare(truth, nobody, off(truth, "all", 0.1), each(truth), FEW)
    assert np.isnan(alone.difference["p95_shared_px"].value)
    assert choose(alone).name == "all"
    neither = choose(compare(truth, nobody, nobody._replace(name="too"), each(truth), FEW))
    assert neither.name == "nobody" and "neither found an animal" in neither.reason


def test_intervals_overlap_where_they_share_a_point():
    one = Interval(0.5, 0.4, 0.6)
    assert one.meets(Interval(0.7, 0.6, 0.8)) and not one.meets(Interval(0.7, 0.61, 0.8))
    assert -one == Interval(-0.5, -0.6, -0.4)
