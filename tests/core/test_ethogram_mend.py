import pandas as pd

from gambol.core.ethogram import build
from gambol.core.ethogram_mend import united


def test_a_bout_inside_of_another_vanishes_and_the_next_is_joined_to_the_longer():
    rows = pd.DataFrame(
        {"recording": "a", "label": "x", "start_s": [1.0, 2.0, 8.0], "stop_s": [9.0, 3.0, 12.0]}
    )
    made, notes = united(rows)
    assert made[["start_s", "stop_s"]].values.tolist() == [[1.0, 12.0]]
    assert len(notes) == 2 and "joined" in notes[0]
    assert len(build(made).bouts) == 1


def test_what_differs_in_the_key_is_not_joined_and_frames_do_as_well():
    rows = pd.DataFrame({"recording": "a", "label": ["x", "y", "x"], "start_frame": [1, 2, 3],
                         "stop_frame": [4, 5, 6]})  # fmt: skip
    made, notes = united(rows)
    assert made[["label", "start_frame", "stop_frame"]].values.tolist() == [
        ["x", 1, 6], ["y", 2, 5],
    ]  # fmt: skip
    assert len(notes) == 1
