import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.core.errors import InputError
from gambol.core.ethogram import build
from gambol.core.ethogram_frames import Channel, Frames, dense, from_frames


@st.composite
def shown(draw):
    """Channels of frames, with begins of bouts that touch, and frames nobody saw."""
    frames = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    channels = (Channel("1", "2", "x"), Channel("1", "3", "x"), Channel("2", "", "y"))
    active = rng.random((frames, 3)) < 0.6
    active[rng.integers(frames)] = True  # every channel has a bout
    first = active & ~np.vstack([np.zeros((1, 3), bool), active[:-1]])
    begins = active & (first | (rng.random((frames, 3)) < 0.3))
    observed = rng.random(frames) < 0.8
    observed[0] = True
    return Frames(channels, active, begins, observed)


@given(shown())
def test_dense_to_table_to_dense_is_lossless(frames):
    made = from_frames(frames, "a", 25.0)
    again = dense(made, "a")
    assert again.channels == frames.channels
    np.testing.assert_array_equal(again.active, frames.active)
    np.testing.assert_array_equal(again.begins, frames.begins)
    np.testing.assert_array_equal(again.observed, frames.observed)


@given(shown())
def test_table_to_dense_to_table_is_lossless(frames):
    made = from_frames(frames, "a", 25.0, first_s=3.0)
    again = from_frames(dense(made, "a"), "a", 25.0, first_s=3.0)
    for one, other in zip(made[:4], again[:4], strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_every_frame_of_a_point_label_is_an_event():
    active = np.array([[True], [True], [False]])
    frames = Frames((Channel("", "", "x"),), active, active & False, np.ones(3, bool))
    scheme = pd.DataFrame({"label": ["x"], "kind": "point"})
    made = from_frames(frames, "a", 10.0, scheme=scheme)
    assert made.bouts["start_s"].tolist() == [0.0, 0.1]


def test_a_bout_without_a_clock_has_no_frames():
    made = build(pd.DataFrame({"recording": ["a"], "label": "x", "start_s": 1.0, "stop_s": 2}))
    with pytest.raises(InputError, match="no clock"):
        dense(made, "a")
    with pytest.raises(InputError, match="no recording"):
        dense(made, "b")
