"""Suggestions on worlds in which the frames worth labelling are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.core.errors import InputError
from gambol.pose import suggest
from gambol.pose.suggest import Candidates

FPS = 30.0
NAMES = ("snout", "tail")


def make(n, videos=1, labelled=()):
    """Every frame of some videos of n frames."""
    frame = np.tile(np.arange(n), videos)
    video = np.repeat(np.arange(videos), n)
    mask = np.zeros(n * videos, bool)
    mask[list(labelled)] = True
    return Candidates(video, frame, frame / FPS, mask)


def world(seed=0, n=600, classes=6):
    """Thumbnails of `classes` looks, of very unequal frequency, in long stretches."""
    rng = np.random.default_rng(seed)
    looks = rng.uniform(0, 255, (classes, 12, 16))
    which = np.minimum(rng.geometric(0.5, n // 20) - 1, classes - 1)
    which[:classes] = np.arange(classes)
    kind = np.repeat(which, 20)
    return (looks[kind] + rng.normal(0, 4, (n, 12, 16))).clip(0, 255).astype(np.uint8), kind


def methods(candidates, count):
    n = len(candidates.frame)
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (n, 8, 8), dtype=np.uint8)
    walk = np.cumsum(rng.normal(size=(n, 2, 2)), axis=0)
    walk[10::40] += 60
    return {
        "uniform": suggest.uniform(candidates, count),
        "random": suggest.random(candidates, count, rng),
        "kmeans": suggest.kmeans(candidates, pictures, count, rng),
        "low_confidence": suggest.low_confidence(candidates, rng.random((n, 2)), NAMES, count),
        "jumps": suggest.jumps(candidates, walk, 50.0, NAMES, count),
    }


@given(st.integers(1, 12), st.integers(1, 3), st.sets(st.integers(0, 199), max_size=6))
def test_every_method_keeps_apart_and_off_labelled_frames(count, videos, labelled):
    candidates = make(200, videos, labelled)
    for name, found in methods(candidates, count).items():
        assert len(found) <= count
        assert [s.score for s in found] == sorted((s.score for s in found), reverse=True)
        taken = [(s.video, s.frame / FPS) for s in found]
        known = [(0, frame / FPS) for frame in labelled]
        for i, (video, time) in enumerate(taken):
            near = [t for v, t in taken[:i] + known if v == video and abs(t - time) < 0.5]
            assert not near, name


@pytest.mark.parametrize("name", ["uniform", "random", "kmeans", "low_confidence", "jumps"])
def test_every_method_finds_as_many_as_asked_in_a_long_video(name):
    assert len(methods(make(900, 2), 8)[name]) == 8


@pytest.mark.parametrize("name", ["uniform", "random"])
def test_videos_take_turns(name):
    found = methods(make(300, 3), 9)[name]
    assert np.bincount([s.video for s in found]).tolist() == [3, 3, 3]


def test_uniform_is_evenly_spaced():
    frames = sorted(s.frame for s in suggest.uniform(make(1000), 10))
    np.testing.assert_allclose(frames, np.arange(10) * 100 + 50, atol=1)


def test_uniform_fills_the_widest_gaps_between_labels():
    found = suggest.uniform(make(1000, labelled=[500]), 1)
    assert abs(found[0].frame - 500) > 400


def test_kmeans_shows_every_look_once():
    pictures, kind = world()
    found = suggest.kmeans(make(600), pictures, 6, np.random.default_rng(0))
    assert sorted(kind[s.frame] for s in found) == list(range(6))
    drawn = suggest.random(make(600), 6, np.random.default_rng(0))
    assert len({kind[s.frame] for s in drawn}) < 6


def test_labelled_frames_occupy_their_clusters():
    pictures, kind = world()
    labelled = [int(np.flatnonzero(kind == k)[0]) for k in (0, 1, 2)]
    candidates = make(600, labelled=labelled)
    found = suggest.kmeans(candidates, pictures, 3, np.random.default_rng(0))
    assert sorted(kind[s.frame] for s in found) == [3, 4, 5]


def test_low_confidence_ranks_by_the_mean_logarithm_and_names_the_worst():
    confidence = np.random.default_rng(0).uniform(0.5, 1, (900, 2))
    confidence[[100, 500]] = [[0.9, 0.01], [0.2, 0.3]]
    found = suggest.low_confidence(make(900), confidence, NAMES, 5)
    score = -np.log(confidence).mean(axis=1)
    assert [s.frame for s in found[:2]] == [500, 100] or score[100] > score[500]
    assert {s.frame for s in found[:2]} == {100, 500}
    assert found[0].score == pytest.approx(score.max())
    assert "tail is correct with 1%" in [s.reason for s in found]


def test_a_lost_keypoint_is_not_confident():
    confidence = np.full((300, 2), 0.9)
    confidence[77, 0] = np.nan
    assert suggest.low_confidence(make(300), confidence, NAMES, 1)[0].frame == 77


def test_confidence_finds_injected_failures_twice_as_often_as_chance():
    rng = np.random.default_rng(3)
    failed = rng.random(9000) < 0.03
    logit = rng.normal(np.where(failed, 0.0, 2.0), 1.0)[:, None] + rng.normal(0, 0.5, (9000, 4))
    confidence = 1 / (1 + np.exp(-logit))
    names = ("a", "b", "c", "d")
    by_confidence = suggest.low_confidence(make(9000), confidence, names, 100)
    by_chance = suggest.random(make(9000), 100, rng)
    hits = [sum(failed[s.frame] for s in found) for found in (by_confidence, by_chance)]
    assert hits[0] >= 2 * max(hits[1], 3)


def test_jumps_finds_glitches_and_names_the_keypoint():
    rng = np.random.default_rng(0)
    xy = np.cumsum(rng.normal(0, 0.5, (900, 2, 2)), axis=0)
    xy[200, 1, 0] += 40
    xy[600:, 0, 1] += 27
    found = suggest.jumps(make(900), xy, 50.0, NAMES, 10)
    assert {s.frame for s in found[:2]} <= {199, 200, 201, 599, 600}
    assert found[0].reason.startswith("tail jumps 0.8")
    assert any(s.reason.startswith("snout jumps 0.5") for s in found)


def test_nothing_jumps_in_a_still_or_a_smooth_video():
    time = np.arange(900)[:, None, None]
    still = np.zeros((900, 2, 2))
    smooth = 30 * np.sin(time / 40 + np.array([[0.0, 1.0], [2.0, 3.0]]))
    for xy in (still, smooth):
        assert suggest.jumps(make(900), xy, 50.0, NAMES, 5) == []


def test_gaps_between_frames_and_lost_keypoints_are_no_jumps():
    candidates = make(200)
    candidates = candidates._replace(frame=np.r_[np.arange(100), 500 + np.arange(100)])
    xy = np.zeros((200, 2, 2))
    xy[100:] = 99.0
    xy[50:60, 1] = np.nan
    assert suggest.jumps(candidates, xy, 50.0, NAMES, 5) == []


def test_distinct_takes_the_best_of_each_look():
    pictures, kind = world(classes=4)
    pool = suggest.low_confidence(
        make(600), np.random.default_rng(0).random((600, 2)), NAMES, 30
    )
    shown = pictures[[s.frame for s in pool]]
    looks = [kind[s.frame] for s in pool]
    kept = suggest.distinct(pool, shown, len(set(looks)), np.random.default_rng(0))
    best = [pool[looks.index(k)] for k in set(looks)]
    assert kept == sorted(best, key=lambda s: -s.score)
    assert suggest.distinct(pool[:3], shown[:3], 5, np.random.default_rng(0)) == pool[:3]


def test_pictures_that_are_all_alike_still_give_a_frame():
    grey = np.full((90, 8, 8), 7, np.uint8)
    assert len(suggest.kmeans(make(90), grey, 3, np.random.default_rng(0))) >= 1


def test_a_seed_gives_the_same_frames():
    pictures, _ = world()
    first, again = (
        suggest.kmeans(make(600), pictures, 8, np.random.default_rng(5)) for _ in range(2)
    )
    assert first == again


def test_bad_input_is_one_sentence():
    with pytest.raises(InputError, match="no frames to choose from"):
        suggest.uniform(make(0), 3)
    with pytest.raises(InputError, match="0 suggestions wanted"):
        suggest.random(make(9), 0, np.random.default_rng(0))
