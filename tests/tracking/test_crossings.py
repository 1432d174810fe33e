"""Identities through crossings: right where something tells, and honest where nothing does."""

import numpy as np
import pytest
from meetings import ARENA, BODY, meeting, walkers

from gambol.core.instances import UNTRACKED
from gambol.kernels.scores import expected_calibration_error
from gambol.tracking import crossings, looks, stitch, tracklets
from gambol.tracking.tracklets import Constraints


def resolved(scene, n, given=None, track=None, **said):
    said = Constraints(**said)
    track = scene.track if track is None else track
    pieces = tracklets.cut(scene.detections, track, None, scene.times, BODY, said)
    seen = looks.measure(scene.detections, pieces, scene.times, BODY)
    joined = stitch.stitch(scene.detections, pieces, scene.times, n, ARENA**2, BODY, seen)
    return crossings.resolve(scene.detections, pieces, joined, n, seen, said, given), pieces


def judged(scene):
    """Whether the names at the end are those of the beginning, and how sure that is said."""
    got, _ = resolved(scene, 2)
    frame, ids = scene.detections.frame, got.tracks.id
    early, late = frame < 30, frame > frame.max() - 30
    name = [np.bincount(ids[early & (scene.truth == a)]).argmax() for a in (0, 1)]
    right = (ids[late] == np.array(name)[scene.truth[late]]).mean() > 0.5
    return right, got.tracks.confidence[late].mean()


def meetings(seed, count, difference):
    rng = np.random.default_rng(seed)
    pairs = [
        judged(meeting(rng, rng.uniform(0.5, 5), rng.normal(0, difference, (2, 6))))
        for _ in range(count)
    ]
    right, sure = (np.array(part) for part in zip(*pairs, strict=True))
    return right, np.minimum(sure, 1.0)


def test_identical_animals_that_stop_and_part_are_resolved_at_chance_and_said_to_be():
    right, sure = meetings(0, 200, 0.0)
    assert abs(right.mean() - 0.5) < 0.11  # 3 standard errors
    assert abs(sure.mean() - 0.5) < 0.05
    assert expected_calibration_error(sure, right, 5) < 0.05 + 0.03  # of 200 coins


def test_different_animals_that_stop_and_part_are_resolved():
    right, sure = meetings(1, 60, 1.0)
    assert right.mean() >= 0.99
    assert sure.mean() > 0.98


def test_confidence_is_calibrated_where_looks_are_faint():
    right, sure = meetings(2, 100, 0.3)
    assert right.mean() > 0.8
    assert abs(sure.mean() - right.mean()) < 0.07


@pytest.mark.parametrize("n", [2, 3, 5, 6, 10])
def test_walkers_keep_their_names_however_many(n):
    scene = walkers(np.random.default_rng(n), n, 30)
    got, _ = resolved(scene, n)
    for a in range(n):
        assert len(set(got.tracks.id[scene.truth == a])) == 1
    assert got.tracks.confidence.min() > 0.9


@pytest.mark.parametrize("n", [3, 6])
def test_looks_bring_names_back_after_all_have_hidden(n):
    """All vanish twice and return elsewhere, so nothing but looks tells."""
    rng = np.random.default_rng(n)
    first = walkers(rng, n, 40, seen=1.0, looks=3 * np.eye(n))
    hidden = (first.times % 13.3 > 12.0)[first.detections.frame]
    third = (first.times // 13.3).astype(int)[first.detections.frame]
    shuffled = np.array([rng.permutation(n) for _ in range(4)])
    scene = first._replace(
        detections=first.detections.select(~hidden), truth=first.truth[~hidden],
        track=(shuffled[third, first.truth] + n * third)[~hidden],
    )  # fmt: skip
    got, _ = resolved(scene, n)
    for a in range(n):
        assert len(set(got.tracks.id[scene.truth == a])) == 1
    assert got.tracks.confidence.min() > 0.95


@pytest.mark.parametrize("n", [2, 4, 6])
def test_few_and_many_animals_are_solved_alike(n, monkeypatch):
    """The groups of many give what all permutations give."""
    rng = np.random.default_rng(20 + n)
    scene = walkers(rng, n, 20, seen=0.95)
    monkeypatch.setattr(crossings, "TOGETHER", 6)
    whole, _ = resolved(scene, n)
    monkeypatch.setattr(crossings, "TOGETHER", 1)
    monkeypatch.setattr(crossings, "GROUP", 6)
    parts, _ = resolved(scene, n)
    assert (whole.tracks.id == parts.tracks.id).all()
    for one, other in zip(whole.odds, parts.odds, strict=True):
        assert one.chosen == pytest.approx(other.chosen, abs=0.02)


def test_a_named_tracklet_keeps_its_name_and_tells_the_other():
    scene = meeting(np.random.default_rng(0), 2.0)
    frame, late = scene.detections.frame, scene.detections.frame.max()
    last = np.flatnonzero((frame == late) & (scene.truth == 0))[0]
    for animal in (0, 1):
        got, _ = resolved(scene, 2, anchors=((int(last), animal),))
        ends = got.tracks.id[(frame == late)]
        assert got.tracks.id[last] == animal
        assert sorted(ends) == [0, 1]
        assert got.tracks.confidence[last] == pytest.approx(1.0)


def test_named_classes_give_their_names():
    rng = np.random.default_rng(3)
    scene = meeting(rng, 2.0)
    p = np.where(np.eye(2)[1 - scene.truth] > 0, 0.9, 0.1)
    found = scene.detections._replace(identity=np.log(p))
    got, _ = resolved(scene._replace(detections=found), 2)
    assert (got.tracks.id == 1 - scene.truth).all()


def test_given_names_are_kept_and_judged():
    scene = walkers(np.random.default_rng(1), 3, 20)
    wrong, frame = scene.truth.copy(), scene.detections.frame
    late = frame >= 300
    wrong[late & (scene.truth == 0)], wrong[late & (scene.truth == 2)] = 2, 0
    got, pieces = resolved(scene, 3, given=wrong, track=wrong)
    assert (got.tracks.id[pieces.of >= 0] == wrong[pieces.of >= 0]).all()
    doubtful = [np.exp(odds.chosen) for odds in got.odds if odds.rival > odds.chosen]
    assert len(doubtful) == 1 and doubtful[0] < 1e-6


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_names_are_distinct_in_a_frame_and_nothing_is_lost(n):
    rng = np.random.default_rng(n)
    scene = walkers(rng, 4, 10, seen=0.9)
    got, _ = resolved(scene, n)
    assert len(got.tracks.id) == len(scene.truth)
    assert set(got.tracks.id) <= {UNTRACKED, *range(n)}
    for frame in range(len(scene.times)):
        here = got.tracks.id[scene.detections.frame == frame]
        assert len(set(here[here >= 0])) == (here >= 0).sum()


def test_order_within_a_frame_changes_nothing_and_a_rerun_is_the_same():
    scene = meeting(np.random.default_rng(5), 1.0)
    order = np.lexsort(
        (np.random.default_rng(0).random(len(scene.truth)), scene.detections.frame)
    )
    moved = scene._replace(
        detections=scene.detections.select(order), truth=scene.truth[order],
        track=scene.track[order],
    )  # fmt: skip
    once, again, other = (resolved(s, 2)[0].tracks for s in (scene, scene, moved))
    assert (once.id == again.id).all() and (once.confidence == again.confidence).all()
    for a in set(once.id):
        assert len(set(other.id[once.id[order] == a])) == 1
    np.testing.assert_allclose(once.confidence[order], other.confidence, atol=1e-6)


def test_a_long_overlap_is_one_event_whose_confidence_is_that_of_the_names():
    """Whatever happened inside; the ends of the recording tell what names came out."""
    for seed in range(4):
        scene = meeting(np.random.default_rng(seed), 3.0)
        got, _ = resolved(scene, 2)
        late = scene.detections.frame == scene.detections.frame.max()
        early = scene.detections.frame == 0
        sure = [got.tracks.confidence[end].mean() for end in (early, late)]
        doubtful = [np.exp(odds.chosen) for odds in got.odds if odds.chosen < np.log(0.9)]
        assert len(doubtful) == 1
        assert doubtful[0] == pytest.approx(min(sure), abs=0.02)
        assert doubtful[0] > 0.45


def test_an_exchange_of_two_and_staying_are_all_there_is_for_two():
    for seed in range(4):
        got, _ = resolved(meeting(np.random.default_rng(seed), 2.0), 2)
        for odds in got.odds:
            assert np.exp(odds.chosen) + np.exp(odds.rival) == pytest.approx(1.0, abs=1e-3)
