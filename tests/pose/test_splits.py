"""Splits against their definition: no frame twice, nothing near on the other side."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.core.errors import InputError
from gambol.core.labels import UNKNOWN, Labels, Origin, Visibility, from_positions
from gambol.core.skeleton import Skeleton
from gambol.pose import splits
from gambol.pose.splits import Fractions, Split


def make(frames, video=None, origin=None, visibility=None, individual=None):
    n = len(frames)
    video = np.zeros(n, np.int64) if video is None else np.asarray(video)
    individual = np.zeros(n, np.int64) if individual is None else np.asarray(individual)
    codes = np.full((n, 1), 2, np.uint8) if visibility is None else visibility
    seen = (codes == 1) | (codes == 2)
    return Labels(
        Skeleton(("nose",)),
        tuple(f"v{i}.mp4" for i in range(video.max(initial=0) + 1)),
        video,
        np.asarray(frames, dtype=np.int64),
        individual,
        np.where(seen[..., None], np.ones((n, 1, 2)), np.nan),
        codes,
        np.zeros(n, np.uint8) if origin is None else np.asarray(origin, np.uint8),
        tuple(f"a{i}" for i in range(individual.max(initial=0) + 1)),
    )


def distance_by_enumeration(labels, split):
    """Every pair of rows in two parts of one video."""
    apart = [
        abs(labels.frame[a] - labels.frame[b])
        for one, other in itertools.combinations(split, 2)
        for a, b in itertools.product(one, other)
        if labels.video[a] == labels.video[b]
    ]
    return min(apart) if apart else None


def check_disjoint(labels, split):
    rows = np.concatenate(split)
    assert len(np.unique(rows)) == len(rows)
    assert len(split.train)


# (frame, video) of some rows; the labels are made in the tests, because beartype draws random
# numbers, which hypothesis forbids inside strategies
labelled = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 2)), min_size=12, max_size=60, unique=True
)


@given(labelled, st.sampled_from([1, 2, 10]), st.integers(0, 5))
def test_parts_are_disjoint_filled_and_apart(rows, gap, seed):
    labels = make(*zip(*rows, strict=True))
    split = splits.blocks(labels, Fractions(0.2, 0.1, 0.2), gap=gap, seed=seed)
    check_disjoint(labels, split)
    assert all(len(part) for part in split)
    apart = distance_by_enumeration(labels, split)
    assert apart == splits.separation(labels, split)
    assert apart is None or apart >= min(gap, 2)
    splits.check_leakage(labels, split, min(gap, 2))


@given(labelled, st.sampled_from([1, 10]), st.integers(2, 5))
def test_every_frame_is_tested_once(rows, gap, k):
    labels = make(*zip(*rows, strict=True))
    drawn = splits.folds(labels, k, gap=gap)
    tested = np.concatenate([split.test for split in drawn])
    assert sorted(tested) == list(range(len(labels)))
    for split in drawn:
        check_disjoint(labels, split)
        assert len(split.val) and not len(split.calib)
        assert len(split.train) > len(split.val)


def test_sparse_labels_lose_nothing_to_the_gap():
    labels = make(range(0, 92 * 50, 50))
    split = splits.blocks(labels, Fractions(0.15, 0.1, 0.2), gap=30)
    assert [len(part) for part in split] == [51, 14, 9, 18]
    assert (np.diff(split.test) == 1).all()  # one block
    assert split.val.max() - split.val.min() > 45  # spread through time


def test_neighbours_in_an_image_folder_may_part():
    labels = make(range(92))
    drawn = splits.folds(labels, 5, gap=1)
    assert [len(s.test) for s in drawn] == [19, 19, 18, 18, 18]
    assert all(len(s.train) + len(s.val) + len(s.test) == 92 for s in drawn)
    assert all((np.diff(s.test) == 1).all() for s in drawn)


@pytest.mark.parametrize("n", [20, 88])
def test_dense_labels_keep_some_to_train_and_no_neighbours(n):
    labels = make(range(n))
    for split in splits.folds(labels, 5, gap=25):
        assert len(split.train) >= 0.2 * n
        assert splits.separation(labels, split) >= 2


def test_several_videos_are_split_by_video():
    video = np.repeat(np.arange(10), 10)
    labels = make(np.tile(np.arange(10), 10), video)
    split = splits.blocks(labels, Fractions(0.1, 0.1, 0.2), gap=30)
    owners = [set(video[part]) for part in split]
    assert [len(o) for o in owners] == [6, 1, 1, 2]
    assert splits.separation(labels, split) is None
    for fold in splits.folds(labels, 5, gap=30):
        assert not set(video[fold.test]) & set(video[fold.train])


def test_groups_of_videos_stay_together():
    video = np.repeat(np.arange(6), 10)
    day = np.array([0, 0, 1, 1, 2, 2])
    labels = make(np.tile(np.arange(10) * 100, 6), video)
    for fold in splits.folds(labels, 3, groups=day):
        assert set(day[video[fold.test]]).isdisjoint(day[video[fold.train]])


def test_one_long_and_one_short_video_fall_back_to_blocks():
    labels = make([*range(0, 9000, 100), 5], [0] * 90 + [1])
    split = splits.blocks(labels, Fractions(0.2), gap=30)
    assert 9 <= len(split.val) <= 36


def test_frames_of_two_animals_stay_together():
    frames = np.repeat(np.arange(0, 600, 20), 2)
    labels = make(frames, individual=np.tile([0, 1], 30))
    split = splits.blocks(labels, Fractions(0.2, 0.0, 0.2))
    for one, other in itertools.combinations(split, 2):
        assert not set(labels.frame[one]) & set(labels.frame[other])


def test_labels_of_a_model_only_train():
    origin = np.where(np.arange(60) % 3 == 0, Origin.MODEL, Origin.PERSON)
    labels = make(range(0, 600, 10), origin=origin)
    drawn = [splits.blocks(labels, Fractions(0.2, 0.1, 0.2)), *splits.folds(labels, 4)]
    for split in drawn:
        for part in split[1:]:
            assert (origin[part] != Origin.MODEL).all()
        assert (origin[split.train] == Origin.MODEL).any()


def test_a_model_s_row_in_a_tested_frame_is_left_out():
    origin = np.tile([Origin.PERSON, Origin.MODEL], 20)
    frames = np.repeat(np.arange(0, 400, 20), 2)
    labels = make(frames, origin=origin, individual=np.tile([0, 1], 20))
    split = splits.blocks(labels, Fractions(0.2))
    assert not set(frames[split.train]) & set(frames[split.val])
    assert (origin[split.val] == Origin.PERSON).all()


def test_frames_without_a_word_do_not_judge():
    visibility = np.where(np.arange(20) < 10, Visibility.UNLABELLED, Visibility.ABSENT)
    labels = make(range(20), visibility=visibility[:, None].astype(np.uint8))
    split = splits.blocks(labels, Fractions(0.5), gap=1)
    assert split.val.min() >= 10


@pytest.mark.parametrize("n", [3, 5, 10])
def test_small_sets_still_validate(n):
    split = splits.blocks(make(range(n)), gap=1)
    assert len(split.val) >= 1 and len(split.train) >= n - 2


def test_ten_labels_give_five_folds():
    for split in splits.folds(make(range(0, 1000, 100)), 5, gap=30):
        assert [len(part) for part in split] == [7, 1, 0, 2]


def test_a_seed_is_a_split():
    labels = make(range(0, 4000, 50))
    drawn = [splits.blocks(labels, Fractions(0.2, 0, 0.2), seed=s) for s in (3, 3, 4)]
    hashes = [splits.split_hash(splits.to_rows(labels, split)) for split in drawn]
    assert hashes[0] == hashes[1] != hashes[2]


def test_neighbours_on_both_sides_are_an_error_unless_forced():  # trap 25
    labels = make(range(10))
    none = np.zeros(0, np.int64)
    random = Split(np.arange(0, 10, 2), none, none, np.arange(1, 10, 2))
    with pytest.raises(InputError, match=r"v0.mp4: frame 0 is in train and frame 1 in test"):
        splits.check_leakage(labels, random)
    splits.check_leakage(labels, random, force=True)
    splits.check_leakage(labels, random, gap=1)
    with pytest.raises(InputError, match="look alike"):
        splits.check_leakage(labels, Split(np.arange(5), none, none, np.arange(4, 10)), gap=1)


def test_a_frame_that_chose_the_checkpoint_is_no_test():  # trap 14
    labels = make(range(0, 1000, 50))
    split = splits.blocks(labels, Fractions(0.2, 0.0, 0.2))
    record = splits.to_rows(labels, split)
    splits.check_unseen([e for e in record if e.part == "test"], record)
    with pytest.raises(InputError, match="was in val of this network"):
        splits.check_unseen([e for e in record if e.part == "val"], record)


@given(labelled)
def test_a_listed_split_is_found_again_in_any_order(rows):
    labels = make(*zip(*rows, strict=True))
    split = splits.blocks(labels, Fractions(0.2, 0.1, 0.2), gap=1)
    entries = splits.to_rows(labels, split)
    back = splits.from_rows(labels, entries[::-1])
    assert all((a == b).all() for a, b in zip(split, back, strict=True))
    turned = labels.select(np.arange(len(labels))[::-1])
    again = splits.to_rows(turned, splits.from_rows(turned, entries))
    assert splits.split_hash(again) == splits.split_hash(entries)


def test_animals_without_names_are_each_found_again():
    frames = np.repeat(np.arange(0, 1000, 50), 3)
    crowd = make(frames, individual=np.full(len(frames), UNKNOWN))
    split = splits.blocks(crowd, Fractions(0.2, 0.0, 0.2))
    back = splits.from_rows(crowd, splits.to_rows(crowd, split))
    for one, other in zip(split, back, strict=True):
        np.testing.assert_array_equal(np.sort(one), other)


def test_bad_input_is_one_sentence():
    labels = make(range(10))
    model = make(range(10), origin=[Origin.MODEL] * 10)
    entry = splits.Entry("test", "v0.mp4", 99, "a0")
    with pytest.raises(InputError, match="no labels to split"):
        splits.blocks(make([]))
    with pytest.raises(InputError, match="none of the 10 labelled frames was labelled"):
        splits.blocks(model)
    with pytest.raises(InputError, match="1 frames .* label at least 2"):
        splits.blocks(make([3]))
    with pytest.raises(InputError, match="sum below 1"):
        splits.blocks(labels, Fractions(0.5, 0.5))
    with pytest.raises(InputError, match="label at least 11"):
        splits.folds(labels, 11)
    with pytest.raises(InputError, match="a gap of 0 frames"):
        splits.folds(labels, gap=0)
    with pytest.raises(InputError, match="use k >= 2"):
        splits.folds(labels, 1)
    with pytest.raises(InputError, match="frame 99 of 'a0' is in the split but not"):
        splits.from_rows(labels, [entry])
    with pytest.raises(InputError, match="names part 'tset'"):
        splits.from_rows(labels, [entry._replace(part="tset")])


def test_frames_without_animals_follow_their_neighbours_and_keep_the_gap():
    # rows of one video at 0, 10, … 90; the first five train, the last five validate
    frames = np.arange(0, 100, 10)
    labels = from_positions(
        Skeleton(("a",)), ("v", "w"), np.zeros(10, np.int64), frames,
        np.ones((10, 1, 2)), nan_means=Visibility.ABSENT,
    )  # fmt: skip
    negatives = np.array([[0, 3], [0, 44], [0, 77], [1, 5]])
    labels = replace(labels, negatives=negatives)
    nobody = np.zeros(0, np.int64)
    split = splits.Split(np.arange(5), np.arange(5, 10), nobody, nobody)
    shared = splits.negatives(labels, split, np.array([8, 8]))
    # frame 44 is 4 from training and 6 from validation: too near to both
    assert shared["train"].tolist() == [[0, 3], [1, 5]]
    assert shared["val"].tolist() == [[0, 77]] and not len(shared["test"])
