import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.behavior import ethogram
from gambol.core.errors import InputError
from gambol.core.ethogram import build
from gambol.core.sequences import pack, unpack


def recordings(seed, count):
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        labels = np.repeat(rng.integers(-1, 4, 12), rng.integers(1, 5, 12))
        labels[0] = 2
        made.append(labels)
    return pack(made, [f"day {i}" for i in range(count)], 25.0, 4)


@given(st.integers(0, 2**32), st.integers(1, 3))
def test_sequences_flow_through_ethograms_without_loss(seed, count):
    seq = recordings(seed, count)
    back = ethogram.sequences(ethogram.bouts(seq))
    assert back.names == seq.names and back.size == seq.size and back.fps == seq.fps
    for one, other in zip(unpack(seq), unpack(back), strict=True):
        np.testing.assert_array_equal(one, other)


def test_names_probabilities_and_gaps_of_a_hand_made_sequence():
    seq = pack([np.array([1, 1, -1, 0, 0, 1])], ["a"], 2.0, 2)
    p = [np.array([0.5, 1.0, 0.0, 1.0, 1.0, 0.25])]
    made = ethogram.bouts(seq, ["walk", "rear"], subject="m", probability=p)
    told = made.bouts[["label", "start_s", "stop_s", "probability"]].values.tolist()
    assert told == [["rear", 0, 1, 0.75], ["walk", 1.5, 2.5, 1], ["rear", 2.5, 3, 0.25]]
    assert made.observed[["start_frame", "stop_frame"]].values.tolist() == [[0, 2], [3, 6]]
    assert set(made.bouts["source"]) == {"automated"}


def table(*rows):
    columns = ["subject", "label", "start_frame", "stop_frame"]
    clock = pd.DataFrame({"recording": ["a"], "fps": 10.0, "frames": 20, "duration_s": 2.0})
    return build(pd.DataFrame(rows, columns=columns).assign(recording="a"), recordings=clock)


def test_labels_that_overlap_need_an_order():
    made = table(("", "x", 0, 5), ("", "y", 3, 8))
    with pytest.raises(InputError, match="frame 3 is 'x' and 'y'"):
        ethogram.sequences(made)
    first = unpack(ethogram.sequences(made, ["y", "x"], first_wins=True))[0]
    assert first.tolist() == [1] * 3 + [0] * 5 + [-1] * 12


def test_the_background_is_what_was_observed_and_shows_nothing():
    made = table(("1", "x", 0, 5), ("2", "x", 7, 9))
    seq = ethogram.sequences(made, subject="1", background="other")
    assert seq.size == 2
    assert unpack(seq)[0].tolist() == [0] * 5 + [1] * 15


def test_the_budget_counts_what_was_observed():
    made = table(("1", "x", 0, 5), ("1", "x", 7, 9), ("2", "x", 10, 20))
    row = ethogram.budget(made).iloc[0]
    assert row["bouts"] == 2 and row["total_s"] == pytest.approx(0.7)
    assert row["share"] == pytest.approx(0.35) and row["rate_per_min"] == pytest.approx(60)
    span = pd.DataFrame({"recording": ["a"], "start_frame": 5, "stop_frame": 15})
    seen = build(made.bouts, made.scheme, span, made.recordings)
    assert ethogram.budget(seen)["latency_s"].iloc[0] == pytest.approx(-0.5)
    assert ethogram.budget(seen)["share"].iloc[0] == pytest.approx(0.7)
