"""Statistics of sequences against counting by hand and against worlds whose truth is known."""

import itertools
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.behavior import sequences as stats
from gambol.core import sequences as core
from gambol.core.errors import InputError

FPS = 10.0
S = 4
worlds = st.lists(
    st.lists(st.integers(-1, S - 1), min_size=1, max_size=30), min_size=1, max_size=4
)


def packed(parts, padding=0, fps=FPS):
    made = core.pack([np.array(p) for p in parts], [f"r{n}" for n in range(len(parts))], fps, S)
    made.values[~made.valid] = padding
    return made


def bouts_by_hand(parts):
    rows = []
    for r, part in enumerate(parts):
        for label, group in itertools.groupby(enumerate(part), key=lambda pair: pair[1]):
            frames = [t for t, _ in group]
            start, stop = frames[0], frames[-1] + 1
            if label >= 0:
                left = start == 0 or part[start - 1] < 0
                right = stop == len(part) or part[stop] < 0
                rows.append((r, label, start, stop, left, right))
    return rows


def pairs_by_hand(parts):
    pairs = [pair for part in parts for pair in itertools.pairwise(part)]
    return Counter(pair for pair in pairs if min(pair) >= 0)


@given(worlds, st.sampled_from([0, 3, 255]))
def test_bouts_equal_grouping_by_hand(parts, padding):
    got = stats.bouts(packed(parts, padding))
    assert list(zip(*(c.tolist() for c in got), strict=True)) == bouts_by_hand(parts)


def test_bouts_end_at_seams_of_equal_labels_and_at_gaps():
    got = stats.bouts(packed([[1, 1], [1, 1, -1, -1, 1, 2, 2]]))
    assert got.recording.tolist() == [0, 1, 1, 1]
    assert list(zip(got.start.tolist(), got.stop.tolist(), strict=True)) == [
        (0, 2), (0, 2), (4, 5), (5, 7),
    ]  # fmt: skip
    assert got.left_censored.tolist() == [True, True, True, False]
    assert got.right_censored.tolist() == [True, True, False, True]


def test_the_bout_table_names_recordings_and_seconds():
    table = stats.bout_table(packed([[1, 1, 0], [-1, 2]]))
    assert table["recording"].astype(str).tolist() == ["r0", "r0", "r1"]
    assert table["label"].tolist() == [1, 0, 2]
    np.testing.assert_allclose(table["stop_s"] - table["start_s"], [0.2, 0.1, 0.1])


def geometric_world(dwell, length, recordings, seed=0):
    """Recordings of bouts with geometric lengths; two labels take turns."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(recordings):
        lengths = rng.geometric(1 / dwell, 4 + 8 * length // dwell)
        labels = (np.arange(len(lengths)) + rng.integers(2)) % 2
        parts.append(np.repeat(labels, lengths)[:length])
    return parts


def test_kaplan_meier_finds_the_median_that_short_recordings_hide():
    """The case of the specification: dwell 30 s, recordings of 60 s, true median 20.8 s."""
    world = packed(geometric_world(300, 600, 6000))
    survival = stats.durations(world)
    truth = np.log(1 / 2) / np.log(1 - 1 / 300) / FPS
    assert truth == pytest.approx(20.8, abs=0.05)
    assert stats.median(survival) == pytest.approx(truth, rel=0.03)
    assert np.median(survival.complete) < 0.6 * truth
    pieces = stats.bouts(world)
    assert np.median(pieces.stop - pieces.start) / FPS < 0.8 * truth


@given(worlds)
def test_kaplan_meier_equals_the_product_limit_by_hand(parts):
    got = stats.durations(packed(parts))
    rows = [(stop - start, right) for *_, start, stop, left, right in bouts_by_hand(parts)
            if not left]  # fmt: skip
    share, wanted = 1.0, []
    for time in sorted({n for n, right in rows if not right}):
        risk = sum(n >= time for n, _ in rows)
        ended = sum(n == time and not right for n, right in rows)
        share *= 1 - ended / risk
        wanted.append((time / FPS, share, risk, ended))
    assert len(got.time) == len(wanted)
    for row, want in zip(zip(*got[:4], strict=True), wanted, strict=True):
        np.testing.assert_allclose(row, want, atol=1e-12)
    assert got.complete.tolist() == [n / FPS for n, right in rows if not right]
    assert got.censored == sum(right for _, right in rows)


def test_without_censoring_the_curve_is_the_empirical_one():
    lengths = [3, 1, 4, 1, 5, 9, 2, 6]
    inner = np.repeat(np.arange(8) % 2, lengths)
    survival = stats.durations(packed([[2, *inner, 2]]), label=0)
    assert survival.censored == 0
    assert survival.complete.tolist() == [0.3, 0.4, 0.5, 0.2]
    np.testing.assert_allclose(survival.survival, [0.75, 0.5, 0.25, 0])
    levels = np.array([0.1, 0.25, 0.5, 0.75, 0.76, 1.0])
    got = stats.quantiles(survival, levels)
    np.testing.assert_allclose(got, [0.2, 0.2, 0.3, 0.4, 0.5, 0.5])


def test_durations_that_no_one_saw_end_are_infinite_and_none_are_nan():
    world = packed([[1, 2, 2, 2]])
    assert stats.median(stats.durations(world, 2)) == np.inf
    assert np.isnan(stats.median(stats.durations(world, 1)))  # its beginning was not seen
    assert np.isnan(stats.median(stats.durations(world, 3)))


@given(worlds)
def test_the_duration_table_equals_label_by_label(parts):
    world = packed(parts)
    table = stats.duration_table(world)
    found = stats.bouts(world)
    for label, row in table.iterrows():
        survival = stats.durations(world, int(label))
        np.testing.assert_equal(row["median_s"], stats.median(survival))
        assert row["bouts"] == (found.label == label).sum()
        assert row["complete"] == len(survival.complete)


@given(worlds)
def test_usage_counts_frames_and_bouts(parts):
    world = packed(parts, 255)
    by_frame, by_bout = (stats.usage(world, by, resamples=20) for by in ("frame", "bout"))
    rows = bouts_by_hand(parts)
    for r, label in itertools.product(range(len(parts)), range(S)):
        assert by_frame.counts[r, label] == list(parts[r]).count(label)
        assert by_bout.counts[r, label] == sum(row[:2] == (r, label) for row in rows)
    if rows:
        assert by_frame.pooled.sum() == pytest.approx(1)
        total = by_frame.counts.sum(axis=1, keepdims=True)
        filled = total[:, 0] > 0
        np.testing.assert_allclose(
            by_frame.by_recording[filled], (by_frame.counts / np.maximum(total, 1))[filled]
        )
        assert np.isnan(by_frame.by_recording[~filled]).all()


def test_usage_intervals_resample_recordings_in_any_order():
    rng = np.random.default_rng(0)
    parts = [rng.integers(0, S, n) for n in rng.integers(20, 200, 9)]
    world = packed(parts)
    got = stats.usage(world, resamples=4000)
    assert (got.interval[0] < got.pooled).all()
    assert (got.pooled < got.interval[1]).all()
    counts = np.array([np.bincount(p, minlength=S) for p in parts])
    copies = counts[rng.integers(9, size=(4000, 9))].sum(axis=1)
    wanted = np.quantile(copies / copies.sum(axis=1, keepdims=True), [0.025, 0.975], axis=0)
    np.testing.assert_allclose(got.interval, wanted, atol=0.006)
    turned = stats.usage(core.select(world, world.names[::-1]), resamples=4000)
    np.testing.assert_array_equal(turned.interval, got.interval)
    np.testing.assert_array_equal(turned.pooled, got.pooled)


def test_one_recording_has_no_interval():
    assert np.isnan(stats.usage(packed([[0, 1, 1]])).interval).all()


@given(worlds, st.booleans(), st.sampled_from([0, 255]))
def test_transitions_count_valid_neighbours_of_one_recording(parts, runs, padding):
    got = stats.transitions(packed(parts, padding), runs=runs)
    wanted = pairs_by_hand(parts)
    for i, j in itertools.product(range(S), repeat=2):
        assert got.counts[i, j] == (0 if runs and i == j else wanted[i, j])
    followed = got.counts.any(axis=1)
    assert got.empty == tuple(np.flatnonzero(~followed))
    assert np.isnan(got.row[~followed]).all()
    np.testing.assert_allclose(got.row[followed].sum(axis=1), 1)
    preceded = got.counts.any(axis=0)
    np.testing.assert_allclose(got.column[:, preceded].sum(axis=0), 1)
    assert np.isnan(got.column[:, ~preceded]).all()
    if followed.any():
        assert got.joint.sum() == pytest.approx(1)


def test_the_entropy_rate_of_a_chain_is_found():
    trans = np.array([[0.9, 0.1], [0.4, 0.6]])  # stays at (0.8, 0.2)
    rng = np.random.default_rng(3)
    labels, uniform = [0], rng.random(200_000)
    for u in uniform:
        labels.append(int(u >= trans[labels[-1], 0]))
    got = stats.transitions(packed([labels]))
    wanted = -(np.array([0.8, 0.2]) @ (trans * np.log(trans)).sum(axis=1))
    assert got.entropy_rate == pytest.approx(wanted, abs=0.004)
    np.testing.assert_allclose(got.row[:2, :2], trans, atol=0.01)


def test_pairs_are_missing_where_nothing_is_followed():
    got = stats.transitions(packed([[1], [2, -1, 3]]))
    assert np.isnan(got.entropy_rate)
    assert got.empty == (0, 1, 2, 3)
    assert np.isnan(got.joint).all()


def rare_world():
    return packed([[0] * 60 + [1] + [-1] * 5 + [2] * 30, [2] * 8 + [3]], padding=1)


def test_rare_labels_become_missing_and_nothing_is_silent():
    world = rare_world()
    got = stats.drop_rare(world, 0.05)
    assert got.kept.tolist() == [True, False, True, False]
    assert got.moved[1].tolist() == [0, 0, 0, 0, 1]
    assert got.moved[0].tolist() == [60, 0, 0, 0, 0]
    assert core.unpack(got.sequences)[1].tolist() == [2] * 8 + [-1]
    assert got.sequences.size == S
    assert str(got) == ("rare labels dropped: 1 (1 %), 3 (1 %); their frames are now 2 missing")
    assert world.valid.sum() == 100  # what came in stays as it was
    assert str(stats.drop_rare(world, 0.0)) == "no label in use is rare"


def test_rare_labels_are_given_to_others_by_a_model():
    world = rare_world()

    def path(kept):
        assert kept.tolist() == [True, False, True, False]
        return stats.relabel(world, np.array([0, 2, 2, 0]))

    got = stats.drop_rare(world, 0.05, reassign=path)
    assert got.moved[1, 2] == got.moved[3, 0] == 1
    assert got.moved[:, -1].sum() == 0
    assert str(got).endswith("their frames are now 2 others")
    with pytest.raises(ValueError, match=r"were dropped: \[1, 3\]"):
        stats.drop_rare(world, 0.05, reassign=lambda kept: world)
    with pytest.raises(ValueError, match="same recordings"):
        stats.drop_rare(world, 0.05, reassign=lambda kept: core.select(world, world.names[:1]))


def test_not_all_labels_can_be_rare():
    with pytest.raises(InputError, match="lower min_usage"):
        stats.drop_rare(packed([[0, 1, 2, 3]]), 0.5)


@given(worlds, st.sampled_from(["frame", "bout"]))
def test_ordering_sorts_usage_and_can_be_undone(parts, by):
    world = packed(parts, 255)
    got = stats.by_usage(world, by)
    used = stats.usage(got.sequences, by, resamples=2).counts.sum(axis=0)
    assert (np.diff(used) <= 0).all()
    ties = np.flatnonzero(np.diff(used) == 0)
    assert (got.order[ties] < got.order[ties + 1]).all()
    back = stats.relabel(got.sequences, got.order)
    assert [x.tolist() for x in core.unpack(back)] == [list(p) for p in parts]
    assert got.rank[got.order].tolist() == list(range(S))


@given(worlds)
def test_what_stands_at_missing_frames_changes_nothing(parts):
    def everything(world):
        dropped = stats.drop_rare(world, 0.0) if world.valid.any() else None
        results = [
            stats.bouts(world), stats.durations(world), stats.usage(world, resamples=20),
            stats.transitions(world), stats.by_usage(world), dropped,
        ]  # fmt: skip
        arrays = []

        def walk(x):
            if isinstance(x, tuple):
                for part in x:
                    walk(part)
            elif isinstance(x, np.ndarray):
                arrays.append(x.tobytes())

        walk(tuple(results))
        return arrays

    assert everything(packed(parts, 0)) == everything(packed(parts, 255))


def test_real_syllables_dwell_as_the_specification_says(data):
    parts = []
    for path in sorted((data / "mouse_rearing" / "syllables").glob("*.csv"))[:20]:
        column = pd.read_csv(path, sep=";", usecols=["kmeans.25"])["kmeans.25"]
        parts.append(column.fillna(-1).to_numpy(int))
    world = core.pack(parts, [str(n) for n in range(len(parts))], 25.0)
    found = stats.bouts(world)
    assert (found.stop - found.start).mean() == pytest.approx(11.8, rel=0.15)
    assert (found.left_censored.sum(), found.right_censored.sum()) == (20, 20)
