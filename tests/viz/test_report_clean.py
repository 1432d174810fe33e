import numpy as np
import pandas as pd
import pytest

from gambol.viz import report_clean
from gambol.viz.report_clean import CleanPage, Stretch


def table(rows):
    return pd.DataFrame(rows, columns=["recording", "keypoint", "step", "frames", "share"])


@pytest.fixture
def stretch():
    before = np.column_stack([np.arange(10.0), np.zeros(10)])
    after = before.copy()
    before[4] = 90.0  # a leap that is taken out and bridged
    after[7] = np.nan  # taken out, and nothing put there
    return Stretch("day1", "nose", np.arange(10) / 5.0, before, after, "px")


def test_what_was_taken_out_and_put_in_is_marked(stretch):
    figure = report_clean.traces([stretch])
    figure.canvas.draw()
    x, y = figure.axes
    taken, added = (c.get_offsets() for c in x.collections)
    assert taken.tolist() == [[0.8, 90.0], [1.4, 7.0]] and added.tolist() == [[0.8, 4.0]]
    assert x.get_title(loc="left") == "day1: nose" and y.get_ylabel() == "y, px"


def test_series_of_two_and_three_dimensions_stand_together(stretch):
    deep = stretch._replace(before=np.zeros((10, 3)), after=np.zeros((10, 3)))
    figure = report_clean.traces([stretch, deep])
    assert [panel.axison for panel in figure.axes] == [True, True, False, True, True, True]
    assert not report_clean.traces([]).axes[0].lines


def test_shares_are_of_all_keypoints_and_frames(stretch):
    rows = [
        ("day1", "nose", "absent", 10, 0.1), ("day1", "tail", "absent", 0, 0.0),
        ("day1", "nose", "filled", 4, 0.04), ("day2", "nose", "spike", 30, 0.1),
        ("day2", "tail", "spike", 0, 0.0), ("day3", "nose", "spike", 0, 0.0),
    ]  # fmt: skip
    made = CleanPage("out", table(rows), 1000, [stretch], ["day2"], ["nose at 0, 0"])
    text = report_clean.clean_page(made)
    assert "4\u00a0%" in text  # 40 of 2 × (100 + 300) and 200 of day3, which has no fault
    assert "Mostly absent: day2." in text and "nose at 0, 0" in text
    assert text.index("3 animals") < text.index("Before and after") < text.index("<svg")


def test_nothing_to_tell_is_a_page_too():
    made = CleanPage("out", table([("day1", "nose", "absent", 0, 0.0)]), 0, [])
    text = report_clean.clean_page(made)
    assert "Nothing was changed." in text and "<svg" not in text
