"""Scenes: rows of labels by frame, against looking each frame up by itself."""

from dataclasses import replace

import numpy as np
import pytest

from gambol.core.labels import Labels, Origin, Visibility
from gambol.core.skeleton import Skeleton
from gambol.pose import dataset, scenes

BODY = Skeleton(("nose", "tail"))
NAMES = ("ann", "bob", "cyd")


def labels(seed=0, rows=40):
    """Animals in 3 videos of 12 frames, in random order, some keypoints absent."""
    rng = np.random.default_rng(seed)
    cells = rng.permutation(3 * 12 * 3)[:rows]
    xy = rng.uniform(0, 60, (rows, 2, 2))
    visibility = np.where(rng.random((rows, 2)) < 0.2, 0, 2).astype(np.uint8)
    xy[visibility == Visibility.ABSENT] = np.nan
    who = np.where(rng.random(rows) < 0.2, -1, cells % 3)
    return Labels(
        BODY, ("a", "b", "c"), cells // 36, cells // 3 % 12, who, xy, visibility,
        np.zeros(rows, np.uint8), NAMES,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_every_animal_is_in_its_frame_once_and_in_the_order_of_the_rows(seed):
    some = labels(seed)
    seen = scenes.gather(some)
    pairs = sorted({(int(v), int(f)) for v, f in some.pairs})
    assert [tuple(place) for place in seen.place.tolist()] == pairs
    for i, (video, frame) in enumerate(pairs):
        rows = np.flatnonzero((some.video == video) & (some.frame == frame))
        n = len(rows)
        assert seen.animals[i].tolist() == rows.tolist() + [-1] * (seen.xy.shape[1] - n)
        np.testing.assert_array_equal(seen.xy[i, :n], some.xy[rows])
        np.testing.assert_array_equal(seen.visibility[i, :n], some.visibility[rows])
        assert seen.identity[i, :n].tolist() == some.individual[rows].tolist()
        assert np.isnan(seen.xy[i, n:]).all() and (seen.identity[i, n:] == -1).all()
        assert (seen.visibility[i, n:] == Visibility.ABSENT).all()
    assert (seen.animals[:, -1] >= 0).any()  # no more places than animals


def test_frames_are_complete_unless_the_labels_say_otherwise():
    some = labels()
    assert scenes.gather(some).complete.all()
    torn = some.pairs[[3, 7]]
    seen = scenes.gather(replace(some, incomplete=torn))
    said = {tuple(pair) for pair in torn.tolist()}
    for i, place in enumerate(seen.place.tolist()):
        assert seen.complete[i] == (tuple(place) not in said)


def test_frames_of_rows_are_those_that_hold_one_of_them():
    some = labels()
    seen = scenes.gather(some)
    rows = np.array([0, 5, 6, 21])
    wanted = {tuple(p) for p in some.pairs[rows].tolist()}
    got = [tuple(place) for place in seen.place[seen.of_rows(rows)].tolist()]
    assert got == sorted(wanted)
    assert seen.of_rows(np.zeros(0, np.int64)).tolist() == []


def test_a_part_leaves_out_the_animals_of_other_rows_and_knows_that_they_were_there():
    # a model's animal beside a person's: it neither validates nor counts as background
    xy = np.arange(12.0).reshape(3, 2, 2)
    states, origin = np.full((3, 2), 2, np.uint8), np.array([0, 1, 0], np.uint8)
    some = Labels(
        BODY, ("a",), np.zeros(3, np.int64), np.array([4, 4, 9]), np.array([0, 1, 1]), xy,
        states, origin, NAMES,
    )  # fmt: skip
    seen = scenes.gather(some)
    images = [np.zeros((20, 30, 1), np.uint8) for _ in seen.place]
    whole = dataset.make_frames(
        images, seen.xy, seen.visibility, 1.0, seen.identity, seen.complete
    )
    people = np.flatnonzero(some.origin == Origin.PERSON)
    part = scenes.part(whole, seen, people)
    np.testing.assert_array_equal(part.xy[0, 0], xy[0])
    assert np.isnan(part.xy[:, 1]).all() and (part.identity[:, 1] == -1).all()
    assert part.identity[:, 0].tolist() == [0, 1]
    assert (part.visibility[0] == [[2, 2], [0, 0]]).all()
    assert part.complete.tolist() == [False, True]
    everything = scenes.part(whole, seen, np.arange(3))
    assert everything.complete.all()
    np.testing.assert_array_equal(everything.xy, whole.xy)


def test_frames_without_animals_are_frames_too():
    some = replace(labels(), negatives=np.array([[0, 50], [2, 60]]))
    seen = scenes.gather(some)
    there = seen.at(some.negatives)
    assert len(there) == 2
    assert (seen.animals[there] == -1).all() and np.isnan(seen.xy[there]).all()
    images = [np.zeros((8, 8, 1), np.uint8)] * len(seen.place)
    frames = dataset.make_frames(images, seen.xy, seen.visibility, 1.0)
    rows = np.flatnonzero(some.video == 0)
    alone, both = (scenes.part(frames, seen, rows, e) for e in (None, some.negatives[:1]))
    assert len(both.images) == len(alone.images) + 1
