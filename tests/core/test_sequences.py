"""Packed sequences against the lists they came from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.core import sequences
from gambol.core.errors import InputError

labels = st.lists(st.integers(-1, 400), min_size=1, max_size=30).map(np.array)


def named(recordings, **more):
    return sequences.pack(recordings, [f"r{n}" for n in range(len(recordings))], 25.0, **more)


@given(st.lists(labels, max_size=6))
def test_unpacking_undoes_packing(recordings):
    packed = named(recordings)
    back = sequences.unpack(packed)
    assert [x.tolist() for x in back] == [x.tolist() for x in recordings]
    assert packed.size == max((int(x.max()) for x in recordings), default=-1) + 1
    assert sequences.lengths(packed).tolist() == [len(x) for x in recordings]


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.uint16, np.int64])
def test_every_integer_type_is_packed(kind):
    assert sequences.unpack(named([np.array([1, 0, 7], kind)]))[0].tolist() == [1, 0, 7]


def test_labels_take_one_byte_while_they_fit():
    assert named([np.array([255])]).values.dtype == np.uint8
    assert named([np.array([256])]).values.dtype == np.uint16
    assert named([np.array([3])], size=1000).values.dtype == np.uint16


def test_recordings_are_selected_in_the_order_named():
    packed = named([np.array([1, -1]), np.array([2]), np.array([0, 0, 5])])
    some = sequences.select(packed, ["r2", "r0"])
    assert some.names == ("r2", "r0")
    assert [x.tolist() for x in sequences.unpack(some)] == [[0, 0, 5], [1, -1]]
    assert (some.size, some.fps) == (6, 25.0)
    assert sequences.unpack(sequences.select(packed, [])) == []


def test_sorting_by_name_forgets_the_order_given():
    recordings = {"b": np.array([1]), "a": np.array([0, 2]), "c": np.array([-1])}
    orders = [["b", "a", "c"], ["c", "b", "a"]]
    one, other = (
        sequences.by_name(sequences.pack([recordings[n] for n in order], order, 1.0))
        for order in orders
    )
    assert one.names == other.names == ("a", "b", "c")
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_recording_is_a_view():
    packed = named([np.array([1, 2]), np.array([3, -1])])
    values, valid = sequences.recording(packed, 1)
    assert values[0] == 3
    assert valid.tolist() == [True, False]
    assert np.shares_memory(values, packed.values)


def test_resizing_checks_labels_but_not_what_missing_frames_hold():
    packed = named([np.array([1, 2]), np.array([3, -1])])
    packed.values[3] = 200
    assert sequences.resized(packed, 300).values.dtype == np.uint16
    assert sequences.resized(packed, 4).size == 4
    with pytest.raises(InputError, match="'r1': label 3 at frame 0, but there are 3 labels"):
        sequences.resized(packed, 3)


@pytest.mark.parametrize(
    ("labels", "names", "fps", "size", "words"),
    [
        ([[0], [1]], ["a", "a"], 1.0, None, "two recordings are named 'a'"),
        ([[0], [1]], ["a"], 1.0, None, "2 recordings but 1 names"),
        ([[0, 9]], ["a"], 1.0, 9, "'a': label 9 at frame 1"),
        ([[0, 1, -2]], ["a"], 1.0, None, "label -2 at frame 2"),
        ([[]], ["a"], 1.0, None, "has no frames"),
        ([[0]], ["a"], 0.0, None, "fps is 0.0"),
        ([[0]], ["a"], float("nan"), None, "fps is nan"),
        ([[70_000]], ["a"], 1.0, None, "70001 labels"),
    ],
)
def test_what_cannot_be_packed_is_said(labels, names, fps, size, words):
    with pytest.raises(InputError, match=words):
        sequences.pack([np.array(x, np.int64) for x in labels], names, fps, size)


def test_a_name_that_is_almost_right_is_suggested():
    with pytest.raises(InputError, match="did you mean 'r0'"):
        sequences.select(named([np.array([0])]), ["r00"])
