"""Suggestions on worlds in which the frames worth labelling are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.core.errors import InputError
from gambol.pose import doubts, suggest
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


def jump(candidates, xy, count, length=50.0):
    """Jumps of one animal, named by keypoint."""
    step, bend = doubts.steps(xy[:, None], length)
    step, bend = step[:, 0], bend[:, 0]
    return suggest.jump(
        candidates, step.max(1), bend.max(1),
        lambda row: f"{NAMES[np.maximum(step, bend / 2)[row].argmax()]} jumps", count,
    )  # fmt: skip


def unsure(candidates, confidence, count):
    """Frames of one animal by their lowest confidence."""
    found = doubts.unsure(confidence[:, None])
    return suggest.worst(
        candidates, found.value, lambda row: NAMES[found.keypoint[row] % 2], count
    )


def methods(candidates, count):
    n = len(candidates.frame)
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (n, 8, 8), dtype=np.uint8)
    walk = np.cumsum(rng.normal(size=(n, 2, 2)), axis=0)
    walk[10::40] += 60
    return {
        "uniform": suggest.uniform(candidates, count),
        "random": suggest.random(candidates, count, rng),
        "cover": suggest.cover(candidates, pictures, count, rng),
        "worst": suggest.worst(candidates, rng.random(n), str, count),
        "jump": jump(candidates, walk, count),
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
            near = [
                t for v, t in taken[:i] + known if v == video and abs(t - time) < 0.5 - 1e-9
            ]
            assert not near, name


@pytest.mark.parametrize("name", ["uniform", "random", "cover", "worst", "jump"])
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
    found = suggest.cover(make(600), pictures, 6, np.random.default_rng(0))
    assert sorted(kind[s.frame] for s in found) == list(range(6))
    drawn = suggest.random(make(600), 6, np.random.default_rng(0))
    assert len({kind[s.frame] for s in drawn}) < 6


def test_labelled_frames_occupy_their_clusters():
    pictures, kind = world()
    labelled = [int(np.flatnonzero(kind == k)[0]) for k in (0, 1, 2)]
    candidates = make(600, labelled=labelled)
    found = suggest.cover(candidates, pictures, 3, np.random.default_rng(0))
    assert sorted(kind[s.frame] for s in found) == [3, 4, 5]


def test_unsure_ranks_by_the_lowest_and_names_it():
    confidence = np.random.default_rng(0).uniform(0.5, 1, (900, 2))
    confidence[[100, 500]] = [[0.9, 0.01], [0.2, 0.3]]
    found = unsure(make(900), confidence, 5)
    assert [s.frame for s in found[:2]] == [100, 500]
    assert [s.reason for s in found[:2]] == ["tail", "snout"]
    assert found[0].score == pytest.approx(0.99)


def test_five_planted_frames_are_the_first_of_unsure_and_of_jump():
    rng = np.random.default_rng(1)
    planted = [100, 400, 700, 1000, 1300]
    confidence = rng.uniform(0.6, 1, (1500, 2))
    confidence[planted, 1] = rng.uniform(0.2, 0.4, 5)
    assert {s.frame for s in unsure(make(1500), confidence, 10)[:5]} == set(planted)
    xy = np.cumsum(rng.normal(0, 1, (1500, 2, 2)), axis=0)
    xy[planted, 0] += 25
    assert {s.frame for s in jump(make(1500), xy, 10)[:5]} == set(planted)


def test_frames_that_say_nothing_are_not_suggested():
    value = np.full(900, -np.inf)
    value[[50, 450]] = 1.0, 2.0
    assert [s.frame for s in suggest.worst(make(900), value, str, 9)] == [450, 50]


def suggestions(name, n):
    return [suggest.Suggestion(0, k, name, float(-k)) for k in range(n)]


def test_shares_of_a_mixture_are_kept_and_missing_ones_are_given_to_others():
    names = suggest.SHARES
    lists = [(share, suggestions(name, 50)) for name, share in names.items()]
    found = suggest.mix(lists, 20, lambda a, b: True)
    count = {name: sum(s.reason == name for s in found) for name in names}
    assert count == {"cover": 2, "unsure": 8, "jump": 4, "structure": 6}
    short = [(share, found[:3] if share == 0.4 else found) for share, found in lists]
    found = suggest.mix(short, 20, lambda a, b: True)
    assert sum(s.reason == "unsure" for s in found) == 3 and len(found) == 20
    left = [s for s in found if s.reason != "unsure"]
    assert sum(s.reason == "structure" for s in left) >= 8


def test_a_mixture_takes_nothing_that_does_not_fit():
    lists = [(1.0, suggestions("a", 30)), (1.0, suggestions("b", 30))]
    found = suggest.mix(lists, 10, lambda a, b: abs(a.frame - b.frame) >= 3)
    frames = sorted(s.frame for s in found)
    assert len(frames) == 10 and min(np.diff(frames)) >= 3
    assert found[0] == lists[0][1][0]


def test_a_lost_keypoint_is_not_confident():
    confidence = np.full((300, 2), 0.9)
    confidence[77, 0] = np.nan
    assert unsure(make(300), confidence, 1)[0].frame == 77


def test_confidence_finds_injected_failures_twice_as_often_as_chance():
    rng = np.random.default_rng(3)
    failed = rng.random(9000) < 0.03
    logit = rng.normal(np.where(failed, 0.0, 2.0), 1.0)[:, None] + rng.normal(0, 0.5, (9000, 4))
    confidence = 1 / (1 + np.exp(-logit))
    by_confidence = unsure(make(9000), confidence, 100)
    by_chance = suggest.random(make(9000), 100, rng)
    hits = [sum(failed[s.frame] for s in found) for found in (by_confidence, by_chance)]
    assert hits[0] >= 2 * max(hits[1], 3)


def test_jumps_finds_glitches_and_names_the_keypoint():
    rng = np.random.default_rng(0)
    xy = np.cumsum(rng.normal(0, 0.5, (900, 2, 2)), axis=0)
    xy[200, 1, 0] += 40
    xy[600:, 0, 1] += 27
    found = jump(make(900), xy, 10)
    assert {s.frame for s in found[:2]} <= {199, 200, 201, 599, 600}
    assert found[0].reason == "tail jumps"
    assert any(s.reason == "snout jumps" for s in found)


def test_nothing_jumps_in_a_still_or_a_smooth_video():
    time = np.arange(900)[:, None, None]
    still = np.zeros((900, 2, 2))
    smooth = 30 * np.sin(time / 40 + np.array([[0.0, 1.0], [2.0, 3.0]]))
    for xy in (still, smooth):
        assert jump(make(900), xy, 5) == []


def test_lost_keypoints_are_no_jumps():
    xy = np.zeros((200, 2, 2))
    xy[50:60, 1] = np.nan
    assert jump(make(200), xy, 5) == []


def test_pictures_that_are_all_alike_still_give_a_frame():
    grey = np.full((90, 8, 8), 7, np.uint8)
    assert len(suggest.cover(make(90), grey, 3, np.random.default_rng(0))) >= 1


def test_a_seed_gives_the_same_frames():
    pictures, _ = world()
    first, again = (
        suggest.cover(make(600), pictures, 8, np.random.default_rng(5)) for _ in range(2)
    )
    assert first == again


def test_bad_input_is_one_sentence():
    with pytest.raises(InputError, match="no frames to choose from"):
        suggest.uniform(make(0), 3)
    with pytest.raises(InputError, match="0 suggestions wanted"):
        suggest.random(make(9), 0, np.random.default_rng(0))
