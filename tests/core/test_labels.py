from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.core.errors import InputError
from gambol.core.labels import (
    EVERY,
    UNKNOWN,
    Labels,
    Origin,
    Region,
    Visibility,
    from_positions,
    join,
)
from gambol.core.skeleton import Skeleton

MOUSE = Skeleton(("snout", "leftear", "rightear"), swap=(-1, 2, 1))
ABSENT, OCCLUDED, VISIBLE, UNLABELLED = 0, 1, 2, 255  # the codes that files hold


def make(states, videos=("a.mp4", "b.mp4"), frame=None, seed=0):
    """One row per list of states, alternating between the videos."""
    states = np.array(states, np.uint8).reshape(-1, 3)
    xy = np.random.default_rng(seed).uniform(0, 100, (*states.shape, 2))
    xy[(states == ABSENT) | (states == UNLABELLED)] = np.nan
    n = len(states)
    return Labels(
        MOUSE,
        videos,
        np.arange(n) % len(videos),
        np.arange(n) * 10 if frame is None else frame,
        np.zeros(n, np.int64),
        xy,
        states,
        np.zeros(n, np.uint8),
    )


rows = st.lists(st.lists(st.sampled_from([0, 1, 2, 255]), min_size=3, max_size=3), max_size=6)


def test_the_codes_are_those_that_files_hold():
    assert [int(v) for v in Visibility] == [ABSENT, OCCLUDED, VISIBLE, UNLABELLED]
    assert [int(o) for o in Origin] == [0, 1, 2]


@given(rows)
def test_every_state_of_a_label_is_legal_with_its_position(states):
    labels = make(states)
    assert len(labels) == len(states)
    finite = np.isfinite(labels.xy).all(-1)
    assert (labels.labelled == finite).all()
    assert {tuple(pair) for pair in labels.frames} == set(
        zip(labels.video.tolist(), labels.frame.tolist(), strict=True)
    )


@pytest.mark.parametrize("state", [ABSENT, UNLABELLED])
def test_a_position_that_is_not_there_must_not_be_given(state):
    labels = make([[VISIBLE] * 3, [VISIBLE, state, VISIBLE]])
    xy = labels.xy.copy()
    xy[1, 1] = 5.0
    with pytest.raises(InputError, match=f"row 1, 'leftear': visibility {state}.*5.0"):
        replace(labels, xy=xy)


@pytest.mark.parametrize("state", [VISIBLE, OCCLUDED])
@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_a_visible_or_guessed_point_needs_a_finite_position(state, hole):
    labels = make([[state] * 3])
    xy = labels.xy.copy()
    xy[0, 2, 1] = hole
    with pytest.raises(InputError, match="row 0, 'rightear'"):
        replace(labels, xy=xy)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"video": np.array([0, 2])}, "video 2 of 2"),
        ({"video": np.array([-1, 0])}, "video -1 of 2"),
        ({"individual": np.array([0, 1])}, "individual 1 of 1"),
        ({"individual": np.array([-3, 0])}, "individual -3 of 1"),
        ({"frame": np.array([-2, 0])}, "frame -2; frames count from 0"),
        ({"visibility": np.full((2, 3), 7, np.uint8)}, "visibility 7; there are 0 absent"),
        ({"origin": np.full(2, 9, np.uint8)}, "origin 9; there are 0 person, 1 model"),
    ],
)
def test_labels_that_contradict_themselves_are_refused_by_name(change, words):
    with pytest.raises(InputError, match=words):
        replace(make([[VISIBLE] * 3] * 2), **change)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"xy": np.zeros((2, 2, 2))}, r"\(2, 2, 2\) for 2 rows of 3 keypoints"),
        ({"visibility": np.full((2, 4), 2, np.uint8)}, "2 rows of 3 keypoints"),
        ({"origin": np.zeros(1, np.uint8)}, "1 origins for 2 rows"),
        ({"video": np.zeros(3, np.int64)}, "3 videos for 2 rows"),
    ],
)
def test_arrays_of_different_lengths_are_refused_where_shapes_go_unchecked(change, words):
    whole = make([[VISIBLE] * 3] * 2)
    torn = object.__new__(Labels)  # past the shape checker, which runs in tests only
    for name, value in (vars(whole) | change).items():
        object.__setattr__(torn, name, value)
    with pytest.raises(InputError, match=words):
        torn.__post_init__()


@given(rows.filter(len), st.randoms())
def test_selecting_keeps_rows_whole(states, random):
    labels = make(states)
    picked = np.array(random.choices(range(len(labels)), k=4))
    some = labels.select(picked)
    np.testing.assert_array_equal(some.xy, labels.xy[picked])
    np.testing.assert_array_equal(some.frame, labels.frame[picked])
    np.testing.assert_array_equal(some.visibility, labels.visibility[picked])
    assert some.videos == labels.videos
    mask = labels.video == 0
    assert (labels.select(mask).video == 0).all() and len(labels.select(mask)) == mask.sum()


def test_the_hash_follows_the_labels_and_not_the_place_of_the_videos():
    labels = make([[VISIBLE, ABSENT, OCCLUDED]] * 3)
    moved = replace(labels, videos=("x/a.mp4", "x/b.mp4"))
    assert moved.content_hash() == labels.content_hash()
    xy = labels.xy.copy()
    xy[2, 0, 0] += 1e-9
    visibility = labels.visibility.copy()
    visibility[0, 1] = UNLABELLED
    changed = [
        replace(labels, xy=xy),
        replace(labels, visibility=visibility),
        replace(labels, frame=labels.frame + 1),
        replace(labels, origin=np.ones(3, np.uint8)),
        replace(labels, skeleton=Skeleton(MOUSE.keypoints)),
        labels.select(np.array([0, 1])),
        labels.select(np.array([1, 0, 2])),
    ]
    hashes = {one.content_hash() for one in changed}
    assert len(hashes) == len(changed) and labels.content_hash() not in hashes


@pytest.mark.parametrize("nan_means", [Visibility.ABSENT, Visibility.UNLABELLED])
def test_what_nan_means_is_said_by_whoever_imports(nan_means):
    xy = np.array([[[1.0, 2.0], [np.nan, np.nan], [3.0, np.nan]]])  # half a point is no point
    one = np.zeros(1, np.int64)
    labels = from_positions(MOUSE, ("a.mp4",), one, one, xy, nan_means=nan_means)
    assert labels.visibility.tolist() == [[VISIBLE, nan_means, nan_means]]
    assert np.isnan(labels.xy[0, 2]).all()
    assert labels.origin.tolist() == [Origin.PERSON]


def test_joining_merges_videos_and_individuals_by_name():
    first = make([[VISIBLE] * 3] * 2, videos=("a.mp4", "b.mp4"))
    second = replace(
        make([[VISIBLE] * 3] * 2, videos=("b.mp4", "c.mp4"), seed=1),
        individuals=("other", "animal"),
        individual=np.array([1, 0]),
    )
    both = join([first, second])
    assert both.videos == ("a.mp4", "b.mp4", "c.mp4")
    assert both.individuals == ("animal", "other")
    names = [both.videos[v] for v in both.video]
    assert names == ["a.mp4", "b.mp4", "b.mp4", "c.mp4"]
    assert [both.individuals[i] for i in both.individual] == ["animal"] * 3 + ["other"]
    np.testing.assert_array_equal(both.xy, np.concatenate([first.xy, second.xy]))


def test_joining_nothing_to_labels_changes_nothing():
    labels = make([[VISIBLE, ABSENT, UNLABELLED]] * 2)
    assert join([labels, make([])]).content_hash() == labels.content_hash()


def test_labels_of_other_keypoints_do_not_join():
    other = replace(make([]), skeleton=Skeleton(("snout", "leftear", "tail")))
    with pytest.raises(InputError, match="differ in rightear, tail"):
        join([make([]), other])
    turned = replace(make([]), skeleton=Skeleton(("leftear", "snout", "rightear")))
    with pytest.raises(InputError, match="their order"):
        join([make([]), turned])


def crowd(individual=(0, 1, -1, -1, 0), **change):
    """Four animals in frame 3 of one video, one in frame 5."""
    one = make([[VISIBLE, ABSENT, OCCLUDED]] * 5, ("a.mp4",), np.array([3, 3, 3, 3, 5]))
    names = {"individuals": ("F", "M"), "individual": np.array(individual)}
    return replace(one, **names, **change)


def pairs(frames):
    return np.array(frames, np.int64).reshape(-1, 2)


def test_an_animal_without_a_name_is_legal_several_times_in_a_frame():
    labels = crowd()
    assert [labels.name(n) for n in range(5)] == ["F", "M", "", "", "F"]
    both = join([crowd([0] * 5), replace(labels, individuals=("M", "F"))])
    assert both.individual.tolist() == [0] * 5 + [1, 0, UNKNOWN, UNKNOWN, 1]


def test_the_hash_of_labels_that_say_nothing_of_frames_is_what_it_was():
    labels = make([[VISIBLE, ABSENT, OCCLUDED]] * 3)
    assert labels.content_hash() == "ea2149438944"  # computed before frames could be spoken of
    said = [
        replace(labels, negatives=pairs([[0, 7]])),
        replace(labels, incomplete=pairs([[0, 7]])),
        replace(labels, negatives=pairs([[0, 8]])),
        replace(labels, negatives=pairs([[0, 8], [0, 7]])),
        labels,
    ]
    assert len({one.content_hash() for one in said}) == len(said)
    other_order = replace(labels, negatives=pairs([[0, 7], [0, 8], [0, 7]]))
    assert other_order.content_hash() == said[3].content_hash()


def test_frames_without_animals_are_labelled_frames():
    labels = crowd(negatives=pairs([[0, 9], [0, 1]]))
    assert labels.frames.tolist() == [[0, 1], [0, 3], [0, 5], [0, 9]]
    assert labels.select(labels.frame == 5).negatives.tolist() == [[0, 1], [0, 9]]
    assert labels.within(pairs([[0, 5], [0, 9]])).frames.tolist() == [[0, 5], [0, 9]]
    assert len(labels.within(pairs([[0, 9]]))) == 0


def test_what_loses_some_of_its_animals_is_incomplete():
    labels = crowd()
    assert labels.complete.all()
    some = labels.select(labels.individual == 0)
    assert some.incomplete.tolist() == [[0, 3]]
    assert some.complete.tolist() == [False, True]
    assert labels.select(labels.frame == 3).complete.all()
    assert labels.select(np.array([4, 3, 2, 1, 0])).complete.all()
    assert some.select(np.array([1])).incomplete.tolist() == [[0, 3]]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"negatives": pairs([[0, 5]])}, r"frame 5 of a\.mp4 is said to hold no animal"),
        (
            {"negatives": pairs([[0, 8]]), "incomplete": pairs([[0, 8]])},
            "frame 8 .* or the frame is inc",
        ),
        ({"negatives": pairs([[1, 5]])}, "frame 5 of video 1 of 1"),
        ({"incomplete": pairs([[0, -5]])}, "frame -5 of video 0"),
    ],
)
def test_frames_that_contradict_the_animals_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        crowd(**change)


def test_joining_keeps_what_was_said_of_frames():
    first = crowd(negatives=pairs([[0, 1], [0, 2]]), incomplete=pairs([[0, 5]]))
    second = make([[VISIBLE] * 3] * 2, ("b.mp4", "a.mp4"), np.array([4, 1]))
    second = replace(second, negatives=pairs([[0, 6]]), incomplete=pairs([[1, 3]]))
    both = join([first, second])
    assert both.videos == ("a.mp4", "b.mp4")
    assert both.negatives.tolist() == [[0, 2], [1, 6]]  # someone saw an animal in frame 1
    assert both.incomplete.tolist() == [[0, 3], [0, 5]]


TRIANGLE = np.array([[0.0, 0], [9, 0], [0, 9]])


def test_the_hash_changes_with_regions_and_only_where_there_are_some():
    labels = make([[VISIBLE, ABSENT, OCCLUDED]] * 3)
    assert replace(labels, regions=()).content_hash() == "ea2149438944"
    said = [
        labels,
        replace(labels, regions=(Region(0, EVERY, TRIANGLE),)),
        replace(labels, regions=(Region(0, 0, TRIANGLE),)),
        replace(labels, regions=(Region(0, 0, TRIANGLE + 1e-9),)),
        replace(labels, regions=(Region(0, 0, TRIANGLE), Region(0, 1, TRIANGLE))),
    ]
    assert len({one.content_hash() for one in said}) == len(said)
    again = (Region(0, 1, TRIANGLE), Region(0, 0, TRIANGLE), Region(0, 1, TRIANGLE))
    assert replace(labels, regions=again).content_hash() == said[-1].content_hash()


def test_regions_stay_whatever_rows_are_picked_and_move_with_their_videos():
    one = crowd(regions=(Region(0, EVERY, TRIANGLE),))
    for some in (one.select(np.array([2])), one.within(pairs([[0, 5]]))):
        ((video, frame, polygon),) = some.regions
        assert (video, frame) == (0, EVERY)
        np.testing.assert_array_equal(polygon, TRIANGLE)
    theirs = (Region(0, 4, TRIANGLE), Region(1, EVERY, TRIANGLE))
    other = replace(make([], ("b.mp4", "a.mp4")), regions=theirs)
    both = join([one, other])
    assert [(r.video, r.frame) for r in both.regions] == [(0, EVERY), (1, 4)]


@pytest.mark.parametrize(
    ("region", "words"),
    [
        (Region(1, 0, TRIANGLE), "frame 0 of video 1 of 1"),
        (Region(0, -2, TRIANGLE), "frame -2 of video 0"),
        (Region(0, 0, TRIANGLE[:2]), r"a region of a\.mp4 .* enclose nothing"),
        (Region(0, 0, TRIANGLE * [1, 0]), "enclose nothing"),
        (Region(0, 0, TRIANGLE * np.nan), "enclose nothing"),
        (Region(0, 0, TRIANGLE[:, :1]), "enclose nothing"),
    ],
)
def test_regions_that_are_none_are_refused(region, words):
    with pytest.raises(InputError, match=words):
        crowd(regions=(region,))
