"""Counted pairs against the definition, and their information against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from gambol.kernels import pair_tables
from gambol.kernels.pair_tables import Pairing


def by_definition(one, other, offset, frames, size, size2):
    """Frame by frame, as it is written; -1 is missing."""
    counts = np.zeros((size, size2), int)
    for t in range(frames):
        i, j = one[t], other[(t + offset) % len(other)]
        if i >= 0 and j >= 0:
            counts[i, j] += 1
    return counts


def coded(recordings, size, kind=np.uint8, rubbish=0):
    joined = np.concatenate(recordings)
    values = np.where(joined >= 0, joined, rubbish).astype(kind)
    offsets = np.cumsum([0, *map(len, recordings)])
    return pair_tables.labels(values, joined >= 0, offsets, size)


def pairing(*rows):
    return Pairing(*np.array(rows, np.int64).reshape(-1, 4).T.copy())


@st.composite
def recordings(draw, size):
    runs = st.lists(
        st.tuples(st.integers(-1, size - 1), st.integers(1, 9)), min_size=1, max_size=8
    )
    drawn = draw(st.lists(runs, min_size=1, max_size=4))
    return [np.repeat(*np.array(one).T) for one in drawn]


@given(recordings(3), recordings(4), st.data())
def test_both_ways_count_what_is_there(one, other, data):
    rows = []
    for a in range(len(one)):
        b = data.draw(st.integers(0, len(other) - 1))
        offset, frames = data.draw(st.integers(0, 60)), data.draw(st.integers(0, len(one[a])))
        rows.append((a, b, offset, frames))
    expected = [by_definition(one[a], other[b], d, n, 3, 4) for a, b, d, n in rows]
    for by_runs in (True, False):
        found = pair_tables.tables(coded(one, 3), coded(other, 4), pairing(*rows), by_runs)
        np.testing.assert_array_equal(found, expected)


@given(recordings(3), st.integers(0, 20))
def test_information_is_that_of_each_table(sequences, lag):
    rows = [(r, r, lag, max(len(x) - lag, 0)) for r, x in enumerate(sequences)]
    x, at = coded(sequences, 3), pairing(*rows)
    for by_runs in (True, False):
        found = pair_tables.information(x, x, at, by_runs)
        for counts, nats, pairs in zip(pair_tables.tables(x, x, at), *found, strict=True):
            assert pairs == counts.sum()
            expected = mutual_info_score(None, None, contingency=counts) if pairs else 0.0
            assert nats == pytest.approx(expected, abs=1e-12)


def test_large_counts_are_as_exact_as_small_ones():
    rng = np.random.default_rng(0)
    sequence = np.repeat(rng.integers(0, 3, 400), rng.integers(1, 800, 400))
    x, at = coded([sequence], 3), pairing((0, 0, 5000, len(sequence)))
    counts = pair_tables.tables(x, x, at)[0]
    assert counts.min() > 4096
    expected = mutual_info_score(None, None, contingency=counts)
    assert pair_tables.information(x, x, at).nats[0] == pytest.approx(expected, rel=1e-9)


def test_what_stands_at_a_missing_frame_is_never_read():
    sequence = np.array([0, -1, 1, 1, -1, -1, 0, 1, 1, 0])
    at = pairing((0, 0, 1, 9))
    tables = [
        pair_tables.tables(coded([sequence], 2, rubbish=rubbish), coded([sequence], 2), at, way)
        for rubbish in (0, 1, 255)
        for way in (True, False)
    ]
    assert all((table == tables[0]).all() for table in tables)
    assert tables[0].sum() == 4


@pytest.mark.parametrize("size", [255, 256, 257, 70_000])
def test_every_number_of_labels_leaves_room_for_missing(size):
    kind = np.uint32 if size > 65_536 else np.uint16
    x = coded([np.array([size - 1, -1, 0, size - 1])], size, kind)
    assert x.code.tolist() == [size - 1, size, 0, size - 1]
    assert x.label.tolist() == [size - 1, size, 0, size - 1]


def test_the_way_depends_on_the_lengths_of_runs():
    rng = np.random.default_rng(0)
    for dwell, by_runs in ((11, False), (13, True)):
        x = coded([np.repeat(np.arange(200) % 3, dwell)], 3)
        assert pair_tables.merges(x, x) is by_runs
    long, short = coded([np.zeros(100, int)], 1), coded([rng.integers(0, 9, 100)], 9)
    assert not pair_tables.merges(long, short)
