"""What is measured of a recording ends where the recording, or what was seen of it, ends."""

import numpy as np
import pandas as pd
import pytest

from gambol.behavior import group_values
from gambol.core.errors import InputError
from gambol.core.ethogram import build, join
from gambol.core.sequences import pack

FPS = 10.0


def test_bouts_whose_begin_was_not_seen_are_left_out_and_those_without_end_are_open():
    seq = pack([np.array([0, 0, 1, 1, 1, 0, 0]), np.array([1, 0, 1])], ["a", "b"], FPS, 2)
    found, recordings, names = group_values.lives(seq)
    assert recordings == ("a", "b") and names == ("0", "1")
    told = list(zip(found.recording, found.label, found.seconds, found.ended, strict=True))
    assert told == [
        (0, 1, 0.3, True),
        (0, 0, 0.2, False),
        (1, 0, 0.1, True),
        (1, 1, 0.1, False),
    ]


def test_bouts_of_an_ethogram_are_cut_where_assessed_spans_are():
    spans = [(0, 20), (30, 40), (60, 80), (90, 100)]
    rows = [{"recording": "a", "label": "rear", "start_frame": start, "stop_frame": stop}
            for start, stop in spans]  # fmt: skip
    rows.append({"recording": "a", "label": "jump", "kind": "point", "start_frame": 35,
                 "stop_frame": 36})  # fmt: skip
    clock = pd.DataFrame({"recording": ["a"], "fps": FPS, "frames": 100})
    whole = build(pd.DataFrame(rows), recordings=clock)
    found = group_values.lives(whole)[0]
    np.testing.assert_allclose(found.seconds, [1.0, 2.0, 1.0])  # the first began before
    assert found.ended.tolist() == [True, True, False]
    seen = pd.DataFrame([{"recording": "a", "start_frame": 30, "stop_frame": 80}])
    part = build(pd.DataFrame(rows[1:3]), observed=seen, recordings=clock)
    found = group_values.lives(part)[0]
    assert found.seconds.tolist() == [2.0] and found.ended.tolist() == [False]


def test_dwell_counts_bouts_without_an_end_as_far_as_they_were_seen():
    one, other = np.array([0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1]), np.array([1, 1, 1])
    found = group_values.durations(pack([one, other], ["a", "b"], FPS, 2))
    np.testing.assert_allclose(found.loc["a"], [0.2, (0.3 + 0.5) / 2])
    assert found.loc["b"].isna().all()  # its only bout began before


def test_transitions_do_not_join_recordings_or_gaps_and_rare_ones_are_left_out():
    one, other = np.array([0, 0, 1, -1, 2, 0]), np.array([2, 2, 0, 1, 0, 1])
    seq = pack([one, other], ["a", "b"], FPS, 3)
    found = group_values.transitions(seq)
    assert set(found.columns) == {("0", "1"), ("1", "0"), ("2", "0")}
    assert found.loc["a", ("2", "0")] == 1 and found.loc["b", ("0", "1")] == 1
    assert np.isnan(found.loc["a", ("1", "0")])  # nothing was seen after 1 there
    assert set(group_values.transitions(seq, min_usage=0.4).columns) == {("0", "1")}
    joint = group_values.transitions(seq, normalise="joint")
    np.testing.assert_allclose(joint.sum(axis=1), 1.0)


def test_two_people_of_one_recording_are_not_added_up():
    rows = {"recording": ["a"], "label": "rear", "start_frame": 1, "stop_frame": 5}
    clock = pd.DataFrame({"recording": ["a"], "fps": FPS, "frames": 10})
    parts = [build(pd.DataFrame(rows | {"annotator": who}), recordings=clock) for who in "xy"]
    with pytest.raises(InputError, match="several annotators"):
        group_values.usage(join(parts))
