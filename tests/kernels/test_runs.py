"""Runs against itertools, frame by frame."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.kernels import runs

recordings = st.lists(st.lists(st.integers(-1, 2), min_size=1, max_size=40), max_size=5)


def packed(parts, padding=0):
    flat = np.array(list(itertools.chain(*parts)), np.int64)
    offsets = np.cumsum([0, *map(len, parts)])
    return np.where(flat < 0, padding, flat).astype(np.uint8), flat >= 0, offsets


def by_hand(part, at=0):
    rows = []
    for label, group in itertools.groupby(part):
        length = len(list(group))
        rows.append((label, at, at + length))
        at += length
    return rows


@given(recordings)
def test_equals_grouping_by_hand_and_ends_with_the_recording(parts):
    values, valid, offsets = packed(parts)
    got, first = runs.all_runs(values, valid, offsets)
    for part, at, a, b in zip(parts, offsets, first, first[1:], strict=False):
        rows = list(zip(*(column[a:b].tolist() for column in got), strict=True))
        assert rows == by_hand(part, int(at))
        lone = runs.runs(*packed([part])[:2])
        assert list(zip(*map(np.ndarray.tolist, lone), strict=True)) == by_hand(part)
    assert len(got.label) == first[-1]
    np.testing.assert_array_equal(runs.frames(got), np.where(valid, values.astype(int), -1))


@given(recordings, st.integers(0, 255))
def test_what_stands_at_missing_frames_is_never_read(parts, padding):
    one, first = runs.all_runs(*packed(parts))
    other, same_first = runs.all_runs(*packed(parts, padding))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(first, same_first)


@given(recordings, st.sampled_from([1, 2, 3, 4, 256]))
def test_cut_runs_are_short_and_hold_the_same_frames(parts, most):
    whole, _ = runs.all_runs(*packed(parts))
    pieces = runs.cut(whole, most)
    assert (pieces.stop - pieces.start).max(initial=0) <= most
    assert (pieces.stop > pieces.start).all()
    np.testing.assert_array_equal(pieces.start[1:], pieces.stop[:-1])
    np.testing.assert_array_equal(runs.frames(pieces), runs.frames(whole))
    assert len(pieces.label) == sum(-(-n // most) for n in (whole.stop - whole.start).tolist())


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int64])
def test_every_packed_type_is_read(kind):
    got = runs.runs(np.array([200, 200, 3], kind), np.ones(3, bool))
    assert (got.label.tolist(), got.stop.tolist()) == ([200, 3], [2, 3])


def test_nothing_has_no_runs():
    got, first = runs.all_runs(np.zeros(0, np.uint8), np.zeros(0, bool), np.zeros(1, np.int64))
    assert len(got.label) == 0
    assert first.tolist() == [0]
