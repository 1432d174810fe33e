"""Filters against animals whose truth is known, and against three planted spurious flies."""

import numpy as np
import pytest
import sleap_io
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path

from gambol.core.errors import InputError
from gambol.core.instances import Detections, body_length, from_positions
from gambol.pose.clean import Cleaning, Verdict, clean, shape_z, sizes, usual_of

BODY = np.array([[0.0, 0], [20, 0], [40, 0], [10, 8], [30, -8], [50, 5]])
EDGES = ((0, 1), (1, 2), (0, 3), (2, 4), (2, 5))
FREE = Cleaning(min_keypoints=0, min_share=0.0, max_z=1e9)


def animals(frames=40, per_frame=2, seed=0):
    """Animals of one build, far apart, each a little different in each frame."""
    rng = np.random.default_rng(seed)
    frame = np.repeat(np.arange(frames), per_frame)
    place = 300.0 * np.tile(np.arange(per_frame), frames)
    xy = BODY * rng.normal(1, 0.05, (len(frame), 1, 1)) + rng.normal(0, 1, (len(frame), 6, 2))
    xy += place[:, None, None]
    return from_positions(frame, xy)


def with_rows(base, frame, xy, score=0.5):
    extra = from_positions(np.array(frame), np.array(xy))
    extra = extra._replace(score=np.full(len(frame), score))
    return Detections(*(np.concatenate(parts) for parts in zip(base, extra, strict=True)))


def names(cleaned, rows):
    return [Verdict(v).name for v in cleaned.verdict[rows]]


def test_good_detections_are_all_kept_and_unchanged():
    base = animals()
    got = clean(base, EDGES, Cleaning(n_animals=2))
    assert got.kept.all() and got.summary()["kept"] == 80
    np.testing.assert_array_equal(got.detections.xy, base.xy)


def test_the_three_planted_flies_end_untracked(data):
    source = sleap_io.load_slp(
        data / "flies_tracks" / "two_flies_noisy_detections.slp", open_videos=False
    )
    rows = [(frame.frame_idx, fly) for frame in source for fly in frame.instances]
    rows.sort(key=lambda row: row[0])
    found = from_positions(
        np.array([row[0] for row in rows]), np.stack([fly.numpy() for _, fly in rows])
    )
    known = np.array([fly.track is not None for _, fly in rows])
    bones = source.skeleton.edge_inds
    got = clean(found, bones, Cleaning(n_animals=2))
    assert len(found.frame) == 179 and (~known).sum() == 3
    np.testing.assert_array_equal(got.kept, known)


def test_a_higher_score_wins_and_the_loser_says_whose_duplicate_it_is():
    base = animals()
    twin = base.xy[:1] + 1.0
    assert names(got := clean(with_rows(base, [0], twin, 0.5)), [0, 80]) == [
        "KEPT", "DUPLICATE"
    ]  # fmt: skip
    assert got.duplicate_of[80] == 0 and (got.duplicate_of[:80] == -1).all()
    got = clean(with_rows(base, [0], twin, 2.0))
    assert names(got, [0, 80]) == ["DUPLICATE", "KEPT"] and got.duplicate_of[0] == 80


def test_what_a_duplicate_suppressed_suppresses_nothing():
    chain = np.stack([BODY + shift for shift in (0.0, 4.0, 8.0)])
    found = from_positions(np.zeros(3, int), chain)._replace(score=np.array([0.9, 0.8, 0.7]))
    cfg = FREE.model_copy(update={"same_near": 0.0, "same_oks": 0.5})
    assert names(clean(found, (), cfg), [0, 1, 2]) == ["KEPT", "DUPLICATE", "KEPT"]


def test_two_animals_side_by_side_are_two():
    found = from_positions(np.zeros(2, int), np.stack([BODY, BODY + [0.0, 16.0]]))
    assert clean(found, (), FREE).kept.all()


def test_equal_animals_in_different_frames_are_no_duplicates():
    assert clean(from_positions(np.arange(3), np.stack([BODY] * 3)), (), FREE).kept.all()


def test_complementary_parts_become_one_animal():
    front, back = BODY.copy(), BODY + 0.5
    front[5:] = np.nan
    back[0] = np.nan
    found = from_positions(np.zeros(2, int), np.stack([front, back]))
    found = found._replace(
        score=np.array([0.9, 0.8]), confidence=np.array([[1.0] * 5 + [0], [0] + [0.7] * 5])
    )
    got = clean(found, (), FREE)
    assert names(got, [0, 1]) == ["KEPT", "DUPLICATE"]
    np.testing.assert_array_equal(got.detections.xy[0, :5], front[:5])
    np.testing.assert_array_equal(got.detections.xy[0, 5], back[5])
    np.testing.assert_array_equal(got.detections.cov[0, 5], np.eye(2))
    assert got.detections.confidence[0, 5] == 0.7
    np.testing.assert_array_equal(found.xy[0], front)  # what came in stays as it was


def test_a_duplicate_that_only_adds_is_not_mixed_in():
    front = BODY.copy()
    front[5] = np.nan
    found = from_positions(np.zeros(2, int), np.stack([front, BODY]))
    found = found._replace(score=np.array([0.9, 0.8]))
    got = clean(found, (), FREE)
    assert not got.kept[1] and np.isnan(got.detections.xy[0, 5]).all()


def test_completeness_counts_keypoints_that_are_probably_right():
    base = animals()
    sure = base.confidence.copy()
    sure[0] = [0.9, 0.4, 0.4, 0.4, 0.4, 0.4]
    sure[1] = [0.9, 0.9, 0.4, 0.4, 0.4, 0.4]
    xy = base.xy.copy()
    xy[2, 1:] = np.nan
    got = clean(base._replace(xy=xy, confidence=sure), EDGES)
    assert names(got, [0, 1, 2]) == ["INCOMPLETE", "KEPT", "INCOMPLETE"]
    assert got.summary()["incomplete"] == 2


def test_an_animal_of_one_keypoint_is_complete():  # trap 10
    found = from_positions(np.arange(5), np.arange(10.0).reshape(5, 1, 2))
    assert clean(found).kept.all()


def test_size_and_shape_are_judged_by_the_recording():
    base = animals()
    rng = np.random.default_rng(1)
    giant, dwarf, scrambled = BODY * 4, BODY / 4, rng.permutation(BODY) * [1, 6]
    part = np.where(np.arange(6)[:, None] < 2, BODY, np.nan)
    slipped = BODY.copy()
    slipped[5] += [-20.0, 25.0]  # one keypoint on a wrong place
    odd = np.stack([giant, dwarf, scrambled, part, slipped]) + 1000.0
    got = clean(with_rows(base, np.arange(5), odd), EDGES)
    assert names(got, slice(80, 85)) == ["MISSHAPEN"] * 3 + ["KEPT"] * 2
    assert got.kept[:80].all()


def test_z_equals_the_definition_on_logs():
    base = animals(seed=3)
    sizes = np.log([np.hypot(*(p.max(axis=0) - p.min(axis=0))) for p in base.xy])
    off = np.abs(sizes - np.median(sizes))
    want = off / max(0.05, 1.4826 * np.median(off))
    np.testing.assert_allclose(shape_z(base.xy), want)


def test_place_equals_matplotlib():
    arena = ((0.0, 0.0), (100.0, 10.0), (90.0, 80.0), (50.0, 30.0), (5.0, 90.0))
    points = np.random.default_rng(0).uniform(-10, 110, (400, 1, 2))
    got = clean(from_positions(np.arange(400), points), (), Cleaning(arena=arena))
    np.testing.assert_array_equal(got.kept, Path(arena).contains_points(points[:, 0]))
    assert set(got.verdict[~got.kept]) == {Verdict.OUTSIDE}
    with pytest.raises(InputError, match="at least 3"):
        clean(animals(), (), Cleaning(arena=((0.0, 0.0), (1.0, 1.0))))


def test_the_best_stay_and_the_surplus_is_marked_after_suppression():
    base = animals(per_frame=3)
    score = np.tile([0.9, 0.7, 0.8], 40)
    found = with_rows(base._replace(score=score), [0], base.xy[:1] + 1.0, 0.85)
    got = clean(found, EDGES, Cleaning(n_animals=2))
    assert names(got, [0, 1, 2, 120]) == ["KEPT", "SURPLUS", "KEPT", "DUPLICATE"]
    assert got.summary()["surplus"] == 40 and len(got.verdict) == 121


@given(st.integers(0, 10_000))
def test_order_scale_and_place_change_nothing(seed):
    rng = np.random.default_rng(seed)
    frame = np.sort(rng.integers(0, 12, 40))
    xy = rng.uniform(0, 120, (40, 1, 2)) + BODY * rng.normal(1, 0.1, (40, 1, 1))
    xy[rng.random((40, 6)) < 0.2] = np.nan
    found = from_positions(frame, xy)._replace(score=rng.random(40))
    cfg = Cleaning(n_animals=2, max_z=3.0)
    got = clean(found, EDGES, cfg)
    assert np.bincount(frame[got.kept], minlength=1).max() <= 2
    mixed = np.lexsort((rng.random(40), frame))
    np.testing.assert_array_equal(clean(found.select(mixed), EDGES, cfg).verdict,
                                  got.verdict[mixed])  # fmt: skip
    moved = clean(found._replace(xy=found.xy * 3.7 - 55.0), EDGES, cfg)
    np.testing.assert_array_equal(moved.verdict, got.verdict)


def test_no_detections_are_no_trouble():
    nothing = from_positions(np.zeros(0, int), np.zeros((0, 6, 2)))
    assert clean(nothing, EDGES, Cleaning(n_animals=2)).summary()["kept"] == 0
    lost = from_positions(np.zeros(2, int), np.full((2, 6, 2), np.nan))
    assert not clean(lost, EDGES).kept.any()


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_whole_frames_are_judged_as_among_all(frames, seed):
    rng = np.random.default_rng(seed)
    base = animals(seed=seed, per_frame=2)
    xy = (
        base.xy
        * rng.normal(1, 0.2, (len(base.xy), 1, 1))
        * (1 + (rng.random((80, 1, 1)) < 0.1))
    )
    xy[rng.random(xy.shape[:2]) < 0.2] = np.nan
    again = rng.choice(80, 9, replace=False)
    found = with_rows(base._replace(xy=xy), base.frame[again], base.xy[again])
    found = found.select(np.argsort(found.frame, kind="stable"))
    whole = clean(found, EDGES)
    usual, length = usual_of(sizes(found.xy, EDGES).T), body_length(found.xy)
    for start in range(0, 40, frames):
        rows = np.flatnonzero((found.frame >= start) & (found.frame < start + frames))
        part = clean(found.select(rows), EDGES, length=length, usual=usual)
        assert (part.verdict == whole.verdict[rows]).all()
        np.testing.assert_array_equal(part.detections.xy, whole.detections.xy[rows])
        np.testing.assert_array_equal(
            part.detections.confidence, whole.detections.confidence[rows]
        )
