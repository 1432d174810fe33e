import numpy as np
import pandas as pd
import pytest

from gambol.core import ethogram
from gambol.core.errors import InputError


def bouts(*rows, **more):
    columns = ["recording", "label", "start_s", "stop_s"]
    return pd.DataFrame(rows, columns=columns).assign(**more)


def clock(**row):
    return pd.DataFrame([{"recording": "a", **row}])


def test_labels_and_recordings_that_only_bouts_name_are_added():
    made = ethogram.build(bouts(("b", "rear", 1, 2), ("a", "groom", 1, 2)))
    assert made.scheme["label"].tolist() == ["rear", "groom"]
    assert made.recordings["recording"].tolist() == ["b", "a"]
    assert list(made.bouts.columns) == list(ethogram.BOUTS)


def test_frames_follow_from_seconds_and_back():
    made = ethogram.build(bouts(("a", "x", 10.5, 11.0)), recordings=clock(fps=10, first_s=10))
    assert made.bouts[["start_frame", "stop_frame"]].values.tolist() == [[5, 10]]
    framed = pd.DataFrame(
        [{"recording": "a", "label": "x", "start_frame": 5, "stop_frame": 10}]
    )
    made = ethogram.build(framed, recordings=clock(fps=10, first_s=10))
    assert made.bouts[["start_s", "stop_s"]].values.tolist() == [[10.5, 11.0]]


def test_a_point_takes_a_frame_and_no_time():
    made = ethogram.build(bouts(("a", "x", 1.0, 1.0), kind="point"), recordings=clock(fps=10))
    assert made.bouts[["start_frame", "stop_frame"]].values.tolist() == [[10, 11]]


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ([("a", "x", 2, 1)], "does not stop after it starts"),
        ([("a", "x", 1, 1)], "does not stop after it starts"),
        ([("a", "x", np.nan, np.nan)], "does not stop after it starts"),
        ([("a", "x", 1, 3), ("a", "x", 2, 4)], "overlap"),
    ],
)
def test_bouts_that_cannot_be_are_refused(rows, word):
    with pytest.raises(InputError, match=word):
        ethogram.build(bouts(*rows))


def test_equal_labels_overlap_if_anything_of_the_key_differs():
    for column, values in {
        "subject": ["1", "2"], "target": ["1", "2"], "modifiers": ["left", "right"],
        "annotator": ["A", "B"], "label": ["x", "y"], "recording": ["a", "b"],
    }.items():  # fmt: skip
        rows = bouts(("a", "x", 1, 3), ("a", "x", 2, 4))
        rows[column] = values
        assert len(ethogram.build(rows).bouts) == 2


def test_bouts_may_touch():
    assert len(ethogram.build(bouts(("a", "x", 1, 2), ("a", "x", 2, 3))).bouts) == 2


def test_unknown_columns_and_words_are_named():
    with pytest.raises(InputError, match="did you mean 'label'"):
        ethogram.build(pd.DataFrame({"lable": ["x"]}))
    with pytest.raises(InputError, match="did you mean 'manual'"):
        ethogram.build(bouts(("a", "x", 1, 2), source="manuel"))
    with pytest.raises(InputError, match="no number"):
        ethogram.build(bouts(("a", "x", "soon", 2)))


def test_rows_are_sorted_by_recording_and_time():
    rows = bouts(("b", "x", 5, 6), ("a", "y", 3, 4), ("b", "y", 1, 2))
    made = ethogram.build(rows)
    assert made.bouts["start_s"].tolist() == [1, 5, 3]


def test_frames_are_those_of_the_videos_own_times_where_the_rate_varies():
    times = np.array([0.0, 0.1, 0.2, 0.6, 1.0, 1.1])
    made = ethogram.build(bouts(("a", "x", 0.2, 1.0), ("a", "y", 0.61, 9.0)))
    found = ethogram.clocked(made, {"a": times})
    assert found.bouts[["start_frame", "stop_frame"]].values.tolist() == [[2, 4], [3, 6]]
    assert found.bouts["stop_s"].tolist() == [1.0, 9.0]  # as the file says
    assert found.recordings["frames"].tolist() == [6]


def test_bouts_outside_of_a_clock_have_no_frames():
    made = ethogram.build(bouts(("a", "x", 1, 2), ("a", "x", 11, 13), ("a", "y", 30, 31)))
    found = ethogram.clocked(made, {"a": 12 + np.arange(100) / 25})
    assert found.bouts[["start_frame", "stop_frame"]].values.tolist() == [
        [-1, -1], [0, 25], [-1, -1],
    ]  # fmt: skip


def test_a_clock_gives_seconds_to_bouts_in_frames():
    framed = pd.DataFrame([{"recording": "a", "label": "x", "start_frame": 1, "stop_frame": 3}])
    found = ethogram.clocked(ethogram.build(framed), {"a": np.array([0.0, 0.5, 0.6])})
    assert found.bouts[["start_s", "stop_s"]].iloc[0].tolist() == pytest.approx([0.5, 0.9])


def test_selecting_keeps_the_scheme_and_join_undoes_it():
    made = ethogram.build(bouts(("b", "x", 5, 6), ("a", "y", 3, 4)), observed=bouts()[
        ["recording", "start_s", "stop_s"]])  # fmt: skip
    parts = [ethogram.select(made, recording=name) for name in ("b", "a")]
    assert [len(part.bouts) for part in parts] == [1, 1]
    assert len(parts[0].scheme) == 2
    pd.testing.assert_frame_equal(ethogram.join(parts).bouts, made.bouts)
    with pytest.raises(InputError, match="did you mean 'subject'"):
        ethogram.select(made, subjekt="1")
